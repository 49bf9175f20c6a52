"""Sentences about a finding: how long, what it does to others, how to verify it, how to mend it, what that costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from auditor.model import Gil, Phase

if TYPE_CHECKING:
    from auditor.catalog.values import Api
    from auditor.model import Cost

_WHO_WAITS: Final = {
    Phase.SERVING: "every other request, WebSocket heartbeat and timer of this process waits",
    Phase.STARTUP: "the server does not answer yet: health checks and the first requests wait",
    Phase.SHUTDOWN: "open connections hang, and the shutdown may miss its deadline",
    Phase.CLI: "the other tasks of this command wait",
    Phase.IMPORT: "everything else on the loop waits",
    Phase.TEST: "the other tasks of the test wait, and its timeouts do not fire",
}
_NOBODY_WAITS: Final = (
    "nothing else runs on the loop of this command, as far as can be seen: "
    "it matters as soon as something does"
)
_THREAD: Final = {
    "releases": "a thread helps: the call releases the GIL while it waits",
    "switches": "a thread keeps the loop alive (slices of about 5 ms), but does not make the work faster",
    "holds": "a thread does not help, since one C call holds the GIL: use a process, with small arguments and results, "
    "or smaller chunks",
    "mixed": "a thread helps for the part that releases the GIL; measure the rest",
}
_OFFLOAD: Final = {
    "asyncio": "await asyncio.to_thread({}, ...)",
    "anyio": "await anyio.to_thread.run_sync({}, ...)",
    "trio": "await trio.to_thread.run_sync({}, ...)",
}
_ALL_THE_WAY: Final = "`async def` all the way"
_FELT: Final = 0.01
_REPORTED: Final = 0.1
"""The monitor reports stalls that last longer, unless told otherwise. asyncio's debug mode would log slow callbacks,
too, but uvicorn turns that off (`asyncio_run(debug=False)`, before Python 3.12), whatever PYTHONASYNCIODEBUG says."""


def seconds(value: float) -> str:
    """A duration in the unit that reads best."""
    for limit, size, unit in ((7200, 3600, "h"), (90, 60, "min"), (1, 1, "s"), (0.001, 0.001, "ms")):
        if value >= limit:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1_000_000:.3g} µs"


def duration(cost: Cost) -> str:
    """The typical duration, and whether there is a limit."""
    typical = _typical(cost)
    return f"{typical}, and without a limit" if math.isinf(cost.high) else typical


def _typical(cost: Cost) -> str:
    about = f"about {seconds(cost.typical)}"
    return f"{about} ({cost.of})" if cost.of else about


def impact(cost: Cost, phase: Phase, exposures: int, *, in_loop: bool, alone: bool = False) -> str:
    """What the loop's other users feel."""
    typical = _typical(cost)
    span = f"as long as it takes, {typical} and without a limit," if math.isinf(cost.high) else typical
    waits = _WHO_WAITS[phase] if not alone else _NOBODY_WAITS
    text = f"For {span} {waits}."
    if phase == Phase.SERVING and cost.typical >= _FELT:
        text += f" Ten at once take {seconds(cost.typical * 10)}, one after the other."
    if in_loop:
        text += " It stands in a loop: each round adds as much."
    if exposures > 1:
        text += f" {exposures} calls on the loop lead to it."
    return text


def verification(callee: str, function: str, path: str, line: int, cost: Cost) -> tuple[str, ...]:
    """Ways to see the stall."""
    threshold = ""
    if cost.typical < _REPORTED:
        threshold = f"--threshold {max(round(cost.typical * 500), 1)}ms "
    monitor = f"run the program as `auditor monitor {threshold}-- COMMAND`: it names the line of every stall"
    if not threshold:
        monitor += " over 100 ms"
    return (
        f"put `time.perf_counter()` around the call at {path}:{line} and log what it takes under load",
        f"run `py-spy dump --pid PID` while requests hang: `{function}` shows on the loop's thread, in `{callee}`",
        monitor,
    )


def advice(instead: str, callee: str, dialect: str) -> str:
    """What to do about a call in a coroutine function."""
    thread = _OFFLOAD[dialect].format(callee)
    return instead.replace(_unspecific(dialect), thread) or thread


def advice_for_helper(instead: str, callee: str, helper: str, dialect: str) -> str:
    """What to do about a call in a helper: run the helper elsewhere, or make it a coroutine function."""
    thread = _OFFLOAD[dialect].format(helper)
    if means_thread(instead, dialect):
        return thread
    return f"{thread}; or {_ALL_THE_WAY}, with {advice(instead, callee, dialect)}"


def advice_for_handle(dialect: str) -> str:
    """What to do about opening something that is then used on the loop as well."""
    return f"move all that is done with it into one function, and {_OFFLOAD[dialect].format('that_function')}"


def means_thread(instead: str, dialect: str) -> bool:
    """Whether there is no better way than a thread."""
    return instead in ("", _unspecific(dialect))


def _unspecific(dialect: str) -> str:
    """How catalog entries say that a thread is the way."""
    return _OFFLOAD[dialect].replace("{}, ", "")


def hand_over(callee: str, offloader: str) -> str:
    """What to do about a call whose result is handed over."""
    return f"hand `{callee}` itself to `{offloader}`, without calling it, and its arguments after it"


def tradeoffs(text: str, api: Api | None) -> tuple[str, ...]:
    """What following the advice ``text`` costs."""
    found = []
    if _ALL_THE_WAY in text:
        found.append("every function from the coroutine down to the call becomes `async def`")
    if _ALL_THE_WAY in text or "thread" not in text:
        found.append("other tasks run at each `await`: what was read before it may have changed after it")
    if "thread" in text or text.startswith("hand "):
        gil: Gil = api.gil if api is not None else "mixed"
        found.append(_THREAD[gil])
        if api is not None and api.thread_safe is False:
            found.append("the object belongs to one thread: all its calls must move to the same one")
        found.append(
            "a thread cannot be cancelled: after a timeout the call runs on, and takes a place in the pool"
        )
    return tuple(found)
