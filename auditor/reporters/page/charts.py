"""The geometry of the charts, in the units of their viewBox; each chart has the rows of its table twin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import Finding, Severity
from auditor.reporters.cells import escape
from auditor.reporters.document.hotspots import Place, Route
from auditor.reporters.machine import plain
from auditor.reporters.wording import PHASES, count, duration

WIDTH = 640
_LABEL = 250
_ROW, _TOP = 26, 26
_RANGES, _BARS = 10, 7
_LOW, _HIGH = 0.0001, 100.0
TICKS = {0.001: "1 ms", 0.01: "10 ms", 0.1: "100 ms", 0.5: "500 ms", 5.0: "5 s", 60.0: "1 min"}
LIMITS = (0.1, 0.5)
"""The form's service levels."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: ``x`` and ``width`` of the bar, ``mark`` the place of a typical value, ``y`` the top of the row."""

    label: str
    full: str
    value: str
    severity: str
    x: float
    width: float
    y: float
    mark: float = 0.0
    open: bool = False
    href: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its table: ``head`` names the columns of ``rows``; ``ticks`` are (place, label, is a limit)."""

    id: str
    title: str
    note: str
    height: float
    bars: tuple[Bar, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ticks: tuple[tuple[float, str, bool], ...] = ()


def severities(findings: Sequence[Finding]) -> Chart:
    """How many findings there are of each severity."""
    totals = {level: sum(one.severity is level for one in findings) for level in reversed(Severity)}
    most = max([*totals.values(), 1])
    bars = tuple(
        Bar(
            level.name,
            f"{level.name}: {number:,}",
            f"{number:,}",
            level.name.lower(),
            96,
            _round(number / most * (WIDTH - 150)),
            4 + 34 * row,
        )
        for row, (level, number) in enumerate(totals.items())
    )
    rows = tuple((level.name, f"{number:,}") for level, number in totals.items())
    return Chart("severity", "Findings by severity", "", 4 + 34 * 4, bars, ("Severity", "Findings"), rows)


def ranges(findings: Sequence[Finding], ids: Sequence[str]) -> Chart:
    """How long the worst calls block: from the least to the most, with the typical value, on a log axis."""
    blocking = [one for one in zip(findings, ids, strict=True) if one[0].cost.high > 0]
    shown = blocking[:_RANGES]
    bars = []
    for row, (finding, name) in enumerate(shown):
        cost = finding.cost
        low, high = _place(cost.low), _place(min(cost.high, _HIGH))
        where = f"{finding.location.path}:{finding.location.line}"
        bars.append(
            Bar(
                _cut(finding.callee, 34),
                _text(f"{finding.callee} at {where}: {duration(cost.low)} to {_most(cost.high)}"),
                duration(cost.typical),
                finding.severity.name.lower(),
                low,
                _round(max(high - low, 2)),
                _TOP + _ROW * row,
                _place(cost.typical),
                math.isinf(cost.high),
                f"#{name}",
            )
        )
    rows = tuple(
        (
            _text(finding.callee),
            _text(f"{finding.location.path}:{finding.location.line}"),
            duration(finding.cost.low),
            duration(finding.cost.typical),
            _most(finding.cost.high),
        )
        for finding, _ in shown
    )
    ticks = tuple((_place(tick), label, tick in LIMITS) for tick, label in TICKS.items())
    note = (
        "From the shortest to the longest, with a dot at the typical duration; an arrow has no limit. The dashed lines "
        "are where a WebSocket heartbeat (100 ms) and an API request (500 ms) come too late."
    )
    if len(blocking) > len(shown):
        note += f" The worst {len(shown)} of {len(blocking):,}."
    head = ("Call", "Place", "Least", "Typical", "Most")
    return Chart(
        "ranges",
        "How long the calls block",
        note,
        _TOP + _ROW * len(bars) + 8,
        tuple(bars),
        head,
        rows,
        ticks,
    )


def files(places: Sequence[Place]) -> Chart:
    """The files whose calls hold the loop longest."""
    rows = tuple(
        (_text(one.name), one.worst.name, f"{one.findings:,}", duration(one.seconds)) for one in places
    )
    return Chart(
        "files",
        "Hot files",
        "The typical durations of all findings in a file, added up.",
        48 * min(len(places), _BARS) + 4,
        _bars(places),
        ("File", "Worst", "Findings", "Blocks for"),
        rows[:50],
    )


def routes(found: Sequence[Route]) -> Chart:
    """The handlers, tasks and hooks that block longest."""
    rows = tuple(
        (
            _text(one.name),
            _text(f"{one.path}:{one.line}"),
            _text(one.how or PHASES[one.phase]),
            one.worst.name,
            f"{one.findings:,}",
            duration(one.seconds),
        )
        for one in found
    )
    return Chart(
        "routes",
        "Hot routes",
        "What one pass through all blocking calls below a handler, task or hook takes.",
        48 * min(len(found), _BARS) + 4,
        _bars(found),
        ("Route", "Place", "Runs as", "Worst", "Findings", "Blocks for"),
        rows[:50],
    )


def _bars(places: Sequence[Place]) -> tuple[Bar, ...]:
    longest = max([*(place.seconds for place in places), 1e-9])
    return tuple(
        Bar(
            _cut(place.name, 64),
            _text(f"{place.name}: {duration(place.seconds)}, {count(place.findings, 'finding')}"),
            f"{duration(place.seconds)}, {count(place.findings, 'finding')}",
            place.worst.name.lower(),
            0,
            _round(max(place.seconds / longest * WIDTH, 3)),
            48 * row,
        )
        for row, place in enumerate(places[:_BARS])
    )


def _place(seconds: float) -> float:
    """Where a duration lies on the axis."""
    share = math.log(min(max(seconds, _LOW), _HIGH) / _LOW) / math.log(_HIGH / _LOW)
    return _round(_LABEL + share * (WIDTH - _LABEL - 14))


def _most(seconds: float) -> str:
    return "no limit" if math.isinf(seconds) else duration(seconds)


def _round(value: float) -> float:
    return round(value, 1)


def _text(text: str) -> str:
    return plain(escape(text))


def _cut(text: str, most: int) -> str:
    """Escaped text; of a long one the end, which tells more about a path or a dotted name."""
    shown = _text(text)
    return shown if len(shown) <= most else "…" + shown[-most + 1 :]
