"""What is known of the loops of one or more processes, and how it is shown: live, and as a summary at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auditor.model import Stall
from auditor.runtime import record
from auditor.runtime.board import BUCKETS
from auditor.runtime.clock import words
from auditor.runtime.wording import BLAMELESS, one_line, place, shown_path

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

SHOWN_STALLS = 8
SHOWN_LOOPS = 12
SHOWN_SITES = 20
GONE = 5.0
"""Seconds without a sign of life after which a process is shown no longer."""
BARS = " ▁▂▃▄▅▆▇█"


@dataclass(slots=True)
class _Process:
    at: float
    loops: list[dict[str, Any]]
    before: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class _Place:
    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    example: Stall | None = None


class View:
    """Takes messages of `auditor.runtime.live`, shows them."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._processes: dict[int, _Process] = {}
        self._histogram: dict[tuple[int, int, int], list[int]] = {}
        self._last: deque[Stall] = deque(maxlen=SHOWN_STALLS)
        self._places: dict[tuple[str, str], _Place] = {}
        self._reported: set[str] = set()
        self.count = 0

    def hear(self, message: dict[str, Any], now: float) -> Stall | None:
        """Take in one message; returns the stall if it is one that has not been told before."""
        if message.get("type") == "status":
            old = self._processes.get(message["pid"])
            before = {(loop["slot"], loop["generation"]): loop for loop in old.loops} if old else {}
            self._processes[message["pid"]] = _Process(now, message["loops"], before)
            for loop in message["loops"]:
                self._histogram[message["pid"], loop["slot"], loop["generation"]] = loop["histogram"]
            return None
        try:
            stall = record.of_json(message)
        except (KeyError, TypeError, ValueError):
            return None
        known = f"{stall.id} {stall.state}"
        if known in self._reported:
            return None
        self._reported.add(known)
        if len(self._reported) > 10_000:
            self._reported.clear()
        self._last.append(stall)
        if stall.state != "ongoing":
            self._count(stall)
        return stall

    def _count(self, stall: Stall) -> None:
        self.count += 1
        found = self._places.setdefault((stall.kind.value, place(stall)), _Place())
        found.count += 1
        found.total += stall.duration
        if stall.duration >= found.longest:
            found.longest, found.example = stall.duration, stall

    @property
    def seen(self) -> bool:
        """Whether any loop has been seen at all."""
        return bool(self._histogram)

    # ------------------------------------------------------------ while it runs

    def live(self, now: float) -> RenderableType:
        """Tables for a terminal: loops, lag, the latest stalls."""
        from rich.console import Group
        from rich.text import Text

        title = Text(f" event loops, stalls from {words(self._threshold)} on ", style="reverse")
        return Group(title, self._loops(now), Text(f"lag  {self.bars()}"), *self._latest())

    def _loops(self, now: float) -> Table:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("process", "loop", "thread", "busy", "ready", "mean lag", "longest"):
            table.add_column(name, justify="left" if name in {"loop", "thread"} else "right")
        shown = 0
        for pid, process in self._processes.items():
            if now - process.at > GONE:
                continue
            for loop in process.loops:
                shown += 1
                if shown <= SHOWN_LOOPS:
                    before = process.before.get((loop["slot"], loop["generation"]))
                    table.add_row(str(pid), *_row(loop, before))
        if shown > SHOWN_LOOPS:
            table.add_row("", f"and {shown - SHOWN_LOOPS} more")
        if not shown:
            table.add_row("", "no loop runs yet")
        return table

    def bars(self) -> str:
        """The histogram of lag in one line: ``<=1 ms ▅ 12 · <=2 ms ▁ 1 · ...``; empty ranges are left out."""
        counts = [sum(column) for column in zip(*self._histogram.values(), strict=True)]
        if not any(counts):
            return "nothing yet"
        most = max(counts)
        names = [*(f"≤{words(bound / 1000)}" for bound in BUCKETS), f">{words(BUCKETS[-1] / 1000)}"]
        return " · ".join(
            f"{name} {BARS[max(1, round(count / most * (len(BARS) - 1)))]} {count}"
            for name, count in zip(names, counts, strict=True)
            if count
        )

    def _latest(self) -> Iterable[RenderableType]:
        from rich.text import Text

        for stall in self._last:
            style = "dim" if stall.kind in BLAMELESS else "bold red" if stall.state == "ongoing" else ""
            yield Text(one_line(stall), style=style, overflow="ellipsis", no_wrap=True)

    # ------------------------------------------------------------ at the end

    def summary(self) -> list[str]:
        """Lines on all that was seen, the places with most time first."""
        if not self.seen and not self.count:
            return ["no event loop was seen"]
        lines = [f"lag: {self.bars()}"] if self.seen else []
        if not self.count:
            return [*lines, f"no event loop stood still for {words(self._threshold)}"]
        lines.append(f"event loops stood still {'once' if self.count == 1 else f'{self.count} times'}:")
        worst = sorted(self._places.items(), key=lambda found: -found[1].total)
        for (kind, where), found in worst[:SHOWN_SITES]:
            example = found.example
            lines.append(
                f"  {found.count:4} x, together {words(found.total)}, longest {words(found.longest)}  {where}  [{kind}]"
            )
            if example is not None and example.site is not None and example.site.text:
                lines.append(f"         {example.site.text}")
        if len(worst) > SHOWN_SITES:
            lines.append(f"  and at {len(worst) - SHOWN_SITES} more places")
        return lines


def explain(stall: Stall) -> list[str]:
    """A stall for a terminal that is no live view: a line, and the project's frames."""
    lines = [one_line(stall)]
    project = [frame for frame in reversed(stall.frames) if frame.project]
    if len(project) > 1 and stall.kind not in BLAMELESS:
        lines += [f"    {shown_path(frame.path)}:{frame.line} in {frame.function}" for frame in project[-8:]]
    return lines


def _row(loop: dict[str, Any], before: dict[str, Any] | None) -> list[str]:
    then = before or {"at": loop["since"], "idle": 0.0, "lag_sum": 0.0, "beats": 0}
    elapsed, beats = loop["at"] - then["at"], loop["beats"] - then["beats"]
    busy = max(0.0, min(1.0, 1 - (loop["idle"] - then["idle"]) / elapsed)) if elapsed > 0 else None
    return [
        loop["loop"],
        loop["thread"] if loop["running"] else f"{loop['thread']} (at rest)",
        "-" if busy is None else f"{busy:.0%}",
        "-" if loop["ready"] < 0 else str(loop["ready"]),
        words((loop["lag_sum"] - then["lag_sum"]) / beats) if beats > 0 else "-",
        words(loop["lag_max"]),
    ]
