"""The report as one HTML file: no scripts, no network, a table for every plot."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from auditor.loadtest import output, plots
from auditor.loadtest.figures import Spread, Summary, Verdict
from auditor.loadtest.plan import HEARTBEAT_SLO, REQUEST_SLO, Sample
from auditor.loadtest.rounds import Round

HERE = Path(__file__).parent
LIMITS = {"heartbeats": HEARTBEAT_SLO, "requests": REQUEST_SLO, "uploads": REQUEST_SLO}

MOST_PLACES = 15

Stalls = Sequence[tuple[float, float, str]]


def write_html(
    rounds: Sequence[Round],
    summaries: Sequence[Summary],
    verdicts: Sequence[Verdict],
    stalls: Stalls,
    out: IO[str],
) -> None:
    """Stalls are (start on the monotonic clock, seconds, where); those outside of all rounds are left out."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (HERE / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    drawn = [plot for kind in LIMITS for plot in _plots(kind, rounds, stalls)]
    page = environment.get_template("report.html.j2").render(
        style=style,
        digest=digest,
        rows=output.table(summaries),
        verdicts=verdicts,
        plots=drawn,
        spreads=_spread_rows(summaries),
        stalls=_stall_rows(rounds, stalls),
        size=plots,
        load=rounds[0].load if rounds else None,
        count=max((one.rounds for one in summaries), default=0),
        lateness=output.milliseconds(max((one.lateness_p99 for one in summaries), default=0.0)),
    )
    out.write(page)


def _plots(kind: str, rounds: Sequence[Round], stalls: Stalls) -> list[plots.Plot]:
    """One over time, one by percentile; none for what was not part of the load."""
    series: dict[str, list[Sample]] = {}
    laid: list[tuple[float, float, str]] = []
    seconds = 0.0
    for one in rounds:
        behind = one.number * one.load.seconds
        samples: list[Sample] = getattr(one.record, kind)
        if samples:
            series.setdefault(one.engine, []).extend((behind + at, latency) for at, latency in samples)
        seconds = max(seconds, behind + one.load.seconds)
        laid += [
            (behind + start - one.start, length, f"{one.engine}, {where}")
            for start, length, where in _within(one, stalls)
        ]
    if not series:
        return []
    title, limit = output.TITLES[kind].capitalize(), LIMITS[kind]
    return [
        plots.over_time(f"{title} latency over time", series, seconds, limit, laid),
        plots.distribution(f"{title} latency by percentile", series, limit),
    ]


def _within(one: Round, stalls: Stalls) -> Stalls:
    """Those that began while the load of the round lasted."""
    return [stall for stall in stalls if 0 <= stall[0] - one.start <= one.load.seconds]


def _stall_rows(rounds: Sequence[Round], stalls: Stalls) -> list[list[str]]:
    """The places at which the loops stood still, those that cost most first: engine, place, how often, how long."""
    places: dict[tuple[str, str], list[float]] = {}
    for one in rounds:
        for _, seconds, where in _within(one, stalls):
            places.setdefault((one.engine, where), []).append(seconds)
    worst = sorted(places.items(), key=lambda place: (-sum(place[1]), place[0]))[:MOST_PLACES]
    return [
        [engine, where, f"{len(lengths):,}", *map(output.milliseconds, (sum(lengths), max(lengths)))]
        for (engine, where), lengths in worst
    ]


def _spread_rows(summaries: Sequence[Summary]) -> list[list[str]]:
    """What the plots show, in numbers: all rounds together."""
    rows = []
    for kind, title in output.TITLES.items():
        for one in summaries:
            found: Spread | None = one.spreads.get(kind)
            if found is not None:
                figures = (found.p50, found.p95, found.p99, found.max)
                rows.append([title, one.engine, f"{found.count:,}", *map(output.milliseconds, figures)])
    return rows
