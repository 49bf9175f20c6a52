"""Sentences about a finding: durations, what it does to others, how to verify it, what a fix costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.model import Gil, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model import Cost

_WHO_WAITS: Final = {
    Phase.SERVING: "every other request, WebSocket heartbeat and timer of this process waits",
    Phase.STARTUP: "the server does not answer yet: health checks and the first requests wait",
    Phase.SHUTDOWN: "open connections hang and the shutdown takes longer than its deadline may allow",
    Phase.CLI: "the other tasks of this command wait",
    Phase.IMPORT: "the other tasks wait",
    Phase.TEST: "the other tasks of the test wait, and its timeouts do not fire",
}
_THREAD: Final = {
    "releases": "a thread helps: the call releases the GIL while it waits",
    "switches": "a thread keeps the loop alive (slices of about 5 ms), but does not make the work faster",
    "holds": "a thread does not help: one C call holds the GIL; use a process whose arguments are small, or smaller chunks",
    "mixed": "a thread helps for the part that releases the GIL; measure the rest",
}


def seconds(value: float) -> str:
    """A duration in the unit that reads best."""
    if value >= 90:
        return f"{value / 60:.0f} min"
    if value >= 1:
        return f"{value:.3g} s"
    if value >= 0.001:
        return f"{value * 1000:.3g} ms"
    return f"{value * 1_000_000:.3g} µs"


def duration(cost: Cost, *, bounded: bool) -> str:
    """The typical duration, and whether there is a limit."""
    typical = seconds(cost.typical)
    return f"about {typical}" if bounded else f"about {typical}, and without a limit"


def impact(cost: Cost, phase: Phase, exposures: int, *, bounded: bool, in_loop: bool) -> str:
    """What the loop's other users feel."""
    who = _WHO_WAITS[phase]
    text = f"For {duration(cost, bounded=bounded)} {who}."
    if phase == Phase.SERVING and cost.typical >= 0.01:
        text += f" Ten at once take {seconds(cost.typical * 10)}, one after the other."
    if in_loop:
        text += " It stands in a loop, so each round adds to it."
    if exposures > 1:
        text += f" {exposures} places on the loop lead to it."
    return text


def verification(callee: str, function: str, path: str, line: int) -> tuple[str, ...]:
    """Ways to see the stall."""
    return (
        f"put `time.perf_counter()` around the call at {path}:{line} and log what it takes under load",
        f"run `py-spy dump --pid PID` while requests hang: `{function}` shows on the loop's thread, in `{callee}`",
        "run the program with PYTHONASYNCIODEBUG=1: asyncio logs every callback that takes longer than 100 ms",
    )


def tradeoffs(gil: Gil, *, thread_safe: bool) -> tuple[str, ...]:
    """What moving the call away costs."""
    found = [_THREAD[gil]]
    if not thread_safe:
        found.append("the object belongs to one thread: all its calls must move to the same one")
    found.append("a thread cannot be cancelled: after a timeout the call runs on; size the pool for the calls in flight")
    return tuple(found)


def advice(instead: Mapping[str, str], dialect: str) -> str:
    """The advice in the project's dialect."""
    return instead.get(dialect) or instead.get("asyncio") or "await asyncio.to_thread(...)"
