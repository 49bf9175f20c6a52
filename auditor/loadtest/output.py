"""The results as text for a terminal and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import IO, Any

from auditor.loadtest.figures import KINDS, Spread, Summary, Verdict
from auditor.loadtest.rounds import Round

VERSION = 1
"""Of the JSON form; it changes when a field is removed or changes its meaning."""

BUSY = 0.02
"""Seconds that one in a hundred heartbeats and requests may be late for the load's own sake."""

TITLES = {"heartbeats": "heartbeat", "requests": "request", "uploads": "upload"}


def milliseconds(seconds: float) -> str:
    """Short: three digits where there are as many."""
    value = 1000 * seconds
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def cells(found: Spread | None) -> str:
    """Median, 95th and 99th percentile, maximum."""
    if found is None:
        return "-"
    return " / ".join(milliseconds(one) for one in (found.p50, found.p95, found.p99, found.max))


def table(summaries: Sequence[Summary]) -> list[list[str]]:
    """Heading and rows; latencies are medians of the rounds, in milliseconds."""
    rows = [
        ["", *(f"{TITLES[kind]} p50 / p95 / p99 / max" for kind in KINDS), "documents/s", "lost", "errors"]
    ]
    rows += [
        [
            one.engine,
            *(cells(one.typical.get(kind)) for kind in KINDS),
            f"{one.documents_per_second:.2f}" if one.documents_per_second else "-",
            f"{one.lost} of {one.sent}",
            ", ".join(f"{what} ({count})" for what, count in sorted(one.errors.items())) or "none",
        ]
        for one in summaries
    ]
    return rows


def write_text(summaries: Sequence[Summary], verdicts: Sequence[Verdict], out: IO[str]) -> None:
    """The table, and below it one line for each promise."""
    rows = table(summaries)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        out.write(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        )
    late = max((one.lateness_p99 for one in summaries), default=0.0)
    count = max((one.rounds for one in summaries), default=0)
    out.write(
        f"\nmilliseconds from the time when it should have been sent; medians of {count} round{'s' * (count != 1)}; "
        f"the load itself was late by up to {milliseconds(late)} ms (p99)\n\n"
    )
    if late > BUSY:
        out.write(
            "The machine was too busy to keep the load in time: the figures say more about it than about the "
            "engines. Repeat this when nothing else runs.\n\n"
        )
    for verdict in verdicts:
        out.write(f"{'kept  ' if verdict.kept else 'BROKEN'}  {verdict.what}: {verdict.measured}\n")


def as_json(
    rounds: Sequence[Round], summaries: Sequence[Summary], verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    """Everything, the samples included; seconds throughout."""
    return {
        "version": VERSION,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "summaries": [asdict(one) for one in summaries],
        "verdicts": [asdict(one) for one in verdicts],
        "rounds": [asdict(one) for one in rounds],
    }


def write_json(
    rounds: Sequence[Round], summaries: Sequence[Summary], verdicts: Sequence[Verdict], out: IO[str]
) -> None:
    json.dump(as_json(rounds, summaries, verdicts), out)
    out.write("\n")
