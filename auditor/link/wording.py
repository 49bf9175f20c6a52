"""Steps, roots and contexts in words, for call paths and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.link import contexts as c
from auditor.model import Loop, Phase, Thread

if TYPE_CHECKING:
    from auditor.link.program import Function

_HOW: Final = {
    "call": "calls {}",
    "property": "reads the property {}",
    "with": "enters {}",
    "iterate": "iterates over {}",
    "operator": "uses the operator {}",
    "schedule": "schedules {} on the loop",
    "register": "registers {}",
    "drive": "runs {} on a loop of its own",
    "offload": "hands {} to a worker",
    "thread": "starts a thread with {}",
}
_ROLES: Final = {
    "endpoint": "request handler",
    "websocket": "WebSocket handler",
    "middleware": "middleware, which every request passes",
    "exception-handler": "exception handler",
    "startup": "runs at startup",
    "shutdown": "runs at shutdown",
    "dependency": "dependency of request handlers",
    "background-task": "background task",
    "task": "task on the event loop",
    "callback": "callback on the event loop",
    "signal": "signal handler",
    "cli": "command",
    "test": "test",
    "registered": "called by a framework",
}
_THREADS: Final = {
    Thread.MAIN: "on the main thread",
    Thread.WORKER: "on a worker thread",
    Thread.PROCESS: "in another process",
    Thread.UNKNOWN: "on an unknown thread",
}
_LOOPS: Final = {
    Loop.NONE: "no event loop running",
    Loop.SERVING: "on the event loop",
    Loop.PRIVATE: "on an event loop of its own",
    Loop.UNKNOWN: "perhaps on an event loop",
}
_PHASES: Final = {
    Phase.IMPORT: "at import",
    Phase.STARTUP: "at startup",
    Phase.SERVING: "while serving",
    Phase.SHUTDOWN: "at shutdown",
    Phase.CLI: "in a command",
    Phase.TEST: "in a test",
}


def short_name(function: Function) -> str:
    """The name of a function within its module; a module body has that of the module."""
    return function.facts.qualname or function.module.name


def step(how: str, function: Function) -> str:
    """What one step of a path does, such as ``calls `load```."""
    return _HOW.get(how, "calls {}").format(f"`{short_name(function)}`")


def root(why: str) -> str:
    """Why a path begins where it begins."""
    return _ROLES.get(why, why)


def thread(number: c.Context) -> str:
    """The thread of a context, such as ``on a worker thread``."""
    return _THREADS[c.thread_of(number)]


def context(number: c.Context) -> str:
    """A context, such as ``on the main thread, on the event loop, while serving``."""
    parts = (_THREADS[c.thread_of(number)], _LOOPS[c.loop_of(number)], _PHASES[c.phase_of(number)])
    return ", ".join(parts)
