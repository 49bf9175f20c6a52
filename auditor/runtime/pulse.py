"""What makes a probe's beat come round on its loop.

A timer in the loop itself costs every turn of it: a loop with anything scheduled looks at its heap each time, 0.05 us,
which is 2.5 % of the shortest turn there is (measured: Python 3.11, a task that does `sleep(0)`). So the kernel keeps
the time where it can: a timer that is a file descriptor costs nothing until it goes off, and goes by no clock that a
test could turn.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

from auditor.runtime.clock import MILLISECOND, SECOND, Clocks

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_REAL_CLOCKS = frozenset({"asyncio.base_events", "uvloop.loop", "winloop.loop"})
_REAL_READERS = frozenset({"asyncio.selector_events", "uvloop.loop"})


class Pulse(Protocol):
    """Calls back on the loop's thread. ``plan`` and ``end`` are for that thread, or for a loop that does not run."""

    def plan(self, loop: asyncio.AbstractEventLoop, period: int) -> bool:
        """Call back once after that many ns; false when the loop's clock is none to go by."""

    def end(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Call no more, and leave the loop as it was."""

    def drop(self) -> None:
        """The loop is gone: free what was held for it."""

    def abandon(self) -> None:
        """In a forked child: the loop is the parent's."""


def of(loop: asyncio.AbstractEventLoop, beat: Callable[[], None]) -> Pulse:
    """The cheapest that works with this loop."""
    if sys.platform == "linux" and _defining_module(type(loop), "add_reader") in _REAL_READERS:
        try:
            return KernelTimer(beat)
        except (AttributeError, OSError):
            return LoopTimer(beat)
    return LoopTimer(beat)


class _Spec(ctypes.Structure):
    """``struct itimerspec`` of timerfd_settime(2)."""

    _fields_ = (
        ("interval", ctypes.c_long * 2),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class KernelTimer:
    """A timer of the kernel, which the loop sees as a descriptor that becomes readable."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        library = ctypes.PyDLL(
            None, use_errno=True
        )  # keeps the interpreter lock: a beat must not wait for it
        self._set: Any = library.timerfd_settime
        self._set.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        self._create: Any = library.timerfd_create
        self._spec = _Spec()
        self._address = ctypes.addressof(self._spec)
        self._descriptor = self._open()
        self._plugged = False

    def _open(self) -> int:
        descriptor = int(self._create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC))
        if descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return descriptor

    def plan(self, loop: asyncio.AbstractEventLoop, period: int) -> bool:
        if not self._plugged:
            if self._descriptor < 0:
                self._descriptor = self._open()
            contextvars.Context().run(loop.add_reader, self._descriptor, self._beat)
            self._plugged = True
        self._spec.seconds, self._spec.nanoseconds = divmod(period, SECOND)
        return not self._set(self._descriptor, 0, self._address, None)  # also makes it unreadable again

    def end(self, loop: asyncio.AbstractEventLoop | None) -> None:
        if self._plugged and loop is not None and not loop.is_closed():
            loop.remove_reader(self._descriptor)
        self.drop()

    def drop(self) -> None:
        self._plugged = False
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def abandon(self) -> None:
        # the parent's selector, which is shared, still has the timer: what is not it takes its number here
        if self._descriptor >= 0:
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, self._descriptor, inheritable=False)
            os.close(nothing)


class LoopTimer:
    """A timer of the loop itself, as long as its clock is real: tests put others into subclasses and attributes."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._context = contextvars.Context()
        self._handle: asyncio.Handle | None = None
        self._lead: tuple[float, int] = (0.0, 0)

    def plan(self, loop: asyncio.AbstractEventLoop, period: int) -> bool:
        if _defining_module(type(loop), "time") not in _REAL_CLOCKS or "time" in getattr(
            loop, "__dict__", {}
        ):
            return False
        if self._is_turned(loop, period):
            return False
        self._handle = loop.call_later(period / SECOND, self._beat, context=self._context)
        return True

    def _is_turned(self, loop: asyncio.AbstractEventLoop, period: int) -> bool:
        """Whether the loop's clock has gone at another speed than time since the last look at it."""
        then, began = self._lead
        before = Clocks.monotonic_ns()
        counted = loop.time()
        after = Clocks.monotonic_ns()
        if after - before > MILLISECOND:
            return False  # interrupted between two looks at a clock: compare again at the next beat
        self._lead = (counted, after)
        elapsed = after - began
        return bool(began) and abs((counted - then) * SECOND - elapsed) > max(period, elapsed // 5)

    def end(self, loop: asyncio.AbstractEventLoop | None) -> None:  # noqa: ARG002 - as its protocol says
        if self._handle is not None:
            self._handle.cancel()
        self.drop()

    def drop(self) -> None:
        self._handle, self._lead = None, (0.0, 0)

    def abandon(self) -> None:
        self.drop()


def _defining_module(kind: type, name: str) -> str:
    for base in kind.__mro__:
        if name in vars(base):
            return base.__module__
    return ""
