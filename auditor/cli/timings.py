"""``--timings``: where the time of a run went."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.model import Statistics

_WIDTH = 9


def table(statistics: Statistics) -> str:
    """Stages with CPU seconds (of all processes), the seconds that passed, and what was done."""
    done = {
        "index": _index(statistics),
        "link": f"{statistics.functions:,} functions, {statistics.calls:,} calls",
        "suspects": f"{statistics.suspects:,} suspects",
        "rules": f"{statistics.files_parsed:,} files parsed once more",
    }
    rows = [("stage", "CPU s", "wall s", "")]
    for stage, spent in statistics.timings.items():
        passed = statistics.walls.get(stage, 0.0)
        rows.append((stage, f"{spent:.3f}", f"{passed:.3f}", done.get(stage, "")))
    total = sum(statistics.timings.values()), sum(statistics.walls.values())
    rows.append(
        ("total", f"{total[0]:.3f}", f"{total[1]:.3f}", "without the start of Python, imports and the report")
    )
    first = max(len(row[0]) for row in rows)
    return "".join(
        f"{name:<{first}}{cpu:>{_WIDTH}}{wall:>{_WIDTH}}  {what}".rstrip() + "\n"
        for name, cpu, wall, what in rows
    )


def _index(statistics: Statistics) -> str:
    parts = [f"{statistics.files:,} files"]
    if statistics.kept:
        parts.append(f"{statistics.kept:,} from the cache")
    if statistics.shared:
        parts.append(f"{statistics.shared:,} by other processes")
    return ", ".join(parts)
