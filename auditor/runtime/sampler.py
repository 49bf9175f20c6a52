"""Samples of this process by itself: the stack of a loop's thread, and which task it runs.

Whoever runs Python code has the interpreter lock, so what is read here belongs together, and no loop moves meanwhile. A
sample costs some tens of microseconds, and is taken only when a stall is suspected.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from dataclasses import asdict
from types import FrameType
from typing import Any

from auditor.model import Frame
from auditor.runtime import routes
from auditor.runtime.board import Board
from auditor.runtime.clock import Clocks
from auditor.runtime.episode import Taken
from auditor.runtime.frames import Project, awaiting, of_frame
from auditor.runtime.loops import BoardLoop

MOST_NAME = 200


class Sampler:
    """Takes samples of the loops of one board."""

    def __init__(self, board: Board, project: Project) -> None:
        self._loops = {slot.number: BoardLoop(slot) for slot in board.slots}
        self._known: dict[int, weakref.ref[asyncio.AbstractEventLoop]] = {}
        self._last: dict[int, tuple[object, tuple[int, ...], int]] = {}
        self._callbacks = 0
        self._project = project

    def know(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        """The loop in this slot of the board."""
        self._known[number] = weakref.ref(loop)

    def take(self, number: int) -> tuple[Taken, tuple[int, ...], bool]:
        """A sample of the loop in a slot, the busy period it belongs to, and whether the loop runs at all."""
        watched = self._loops[number]
        frame = sys._current_frames().get(watched.ident)  # noqa: SLF001 - the only way to another thread's stack
        now = Clocks.monotonic_ns()
        look = watched.look(now)
        key = look.key if look else ()
        reference = self._known.get(number)
        loop = reference() if reference else None
        taken = Taken(now, "in-process", exact=True, frames=of_frame(frame, self._project))
        if loop is None or frame is None:
            return taken, key, False
        task = asyncio.current_task(loop)
        if task is not None:
            taken.task = task.get_name()[:MOST_NAME]
            taken.coroutines = awaiting(frame, self._project)
            work = routes.of(task)
            taken.route = work.name if work is not None else ""
        taken.callback = self._identify(number, task or _handle_frame(frame), key)
        return taken, key, loop.is_running()

    def _identify(self, number: int, running: object | None, key: tuple[int, ...]) -> int:
        """A number for what the loop runs: the same one as long as it is the same task or callback."""
        if running is None:
            return 0
        last, _, identity = self._last.get(number, (None, (), 0))
        if last is not running:
            self._callbacks += 1
            identity = self._callbacks
        # held until the next sample or `release`, so that its identity stays its own
        self._last[number] = (running, key, identity)
        return identity

    def release(self) -> None:
        """Let go of what was seen last of each loop, unless it is in the same busy period still."""
        now = Clocks.monotonic_ns()
        for number, (_, key, _) in list(self._last.items()):
            look = self._loops[number].look(now)
            if look is None or look.key != key:
                self._last.pop(number, None)


def _handle_frame(frame: FrameType | None) -> FrameType | None:
    """The frame of asyncio that runs a single callback."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "_run" and code.co_qualname == "Handle._run":
            return frame
        frame = frame.f_back
    return None


def to_json(taken: Taken) -> dict[str, Any]:
    """What the sentinel needs of a sample."""
    return {
        "at": taken.at,
        "frames": [_compact(frame) for frame in taken.frames],
        "task": taken.task,
        "coroutines": [_compact(frame) for frame in taken.coroutines],
        "callback": taken.callback,
        "route": taken.route,
    }


def of_json(found: dict[str, Any]) -> Taken:
    return Taken(
        at=found["at"],
        source="in-process",
        exact=True,
        frames=tuple(Frame(*frame) for frame in found["frames"]),
        task=found["task"],
        coroutines=tuple(Frame(*frame) for frame in found["coroutines"]),
        callback=found["callback"],
        route=found["route"],
    )


def _compact(frame: Frame) -> tuple[Any, ...]:
    return tuple(asdict(frame).values())
