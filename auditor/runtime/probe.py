"""The probe of one loop: a beat, and stamps around the selector, so that others can see the loop live or stand still.

The stdlib's loop is stamped each time its selector returns: that gives the start of a turn exactly, for nothing where
the selector is the stdlib's epoll (`stamps`), and for 0.1 to 0.3 us elsewhere. There a loop that turns very often, or
never waits, would feel that; so the stamps are taken off while it is *hot*, beats come more often meanwhile, and once a
second the stamps are tried again for one beat. On uvloop libuv itself adds up the time that the loop waits.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref
from bisect import bisect_left
from inspect import CO_COROUTINE
from types import CodeType, FrameType
from typing import Any

from auditor.runtime import pulse, stamps, uv
from auditor.runtime.board import BUCKETS, Cell, Head, Mode, Slot, State
from auditor.runtime.clock import MILLISECOND, SECOND, Clocks

HOT_PERIOD = 8 * MILLISECOND
"""Timer interrupts are dear in virtual machines: a beat beside work costs 0.1 ms there, every 5 ms 2 % of a core."""
HOT_TURN = 30_000
"""A loop whose turns take less CPU time than this on average, in ns, is hot: a stamp would cost it a per cent."""
HOT_SHARE = 10
"""One that runs less than a tenth of the time is not, however short its turns are."""
RETRY = SECOND
"""How long a hot loop goes without stamps before they are tried for one period again."""
_NS_BUCKETS = tuple(bound * MILLISECOND for bound in BUCKETS)


def period_for(threshold: float) -> int:
    """Nanoseconds between beats: 25 ms, less for thresholds below 100 ms."""
    return max(MILLISECOND, min(25 * MILLISECOND, int(threshold * SECOND / 4)))


class Probe:
    """Watches one loop. ``begin`` and ``rest`` are called on the loop's thread; ``forget`` on any."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, head: memoryview, slot: Slot, threshold: float
    ) -> None:
        self._head = head
        self._loop = weakref.ref(loop)  # whoever watches a loop must not keep it
        self.slot = slot
        self._pid = os.getpid()
        self._period = period_for(threshold)
        self._late = int(threshold * SECOND / 2)
        self._pulse = pulse.of(loop, self._beat)
        self._ready = getattr(loop, "_ready", None)
        self._uv = uv.of(loop)
        self._uv_base = self._uv.idle() if self._uv else 0
        selector = getattr(loop, "_selector", None)
        self._stamps = None
        if self._uv is None and callable(getattr(selector, "select", None)):
            self._stamps = stamps.of(selector, slot.cells)
        self._forgotten = False  # its slot may by then be another loop's
        self._driver: tuple[CodeType, int, CodeType | None] | None = None
        self._retry = 0
        self._turns = 0
        self._guessed = 0.0
        self._idle_share = 0.0
        self._take_slot(loop)
        self._finalizer = weakref.finalize(loop, _give_back, slot.cells)
        self._end_of_pulse = weakref.finalize(loop, self._pulse.drop)
        self._finalizer.atexit = self._end_of_pulse.atexit = False

    def _take_slot(self, loop: asyncio.AbstractEventLoop) -> None:
        cells = self.slot.cells
        generation = cells[Cell.GENERATION] + 1
        for cell in range(len(cells)):
            cells[cell] = 0
        cells[Cell.GENERATION] = generation
        cells[Cell.STARTED] = Clocks.monotonic_ns()
        cells[Cell.BACKEND] = self._uv.descriptor if self._uv else _descriptor(loop)
        cells[Cell.READY] = -1
        cells[Cell.STATE] = State.RESTING

    @property
    def active(self) -> bool:
        """Whether it works for the process that runs; a forked child has probes that do not."""
        return self._pid == os.getpid() and not self._forgotten

    # ------------------------------------------------------------ begin and end of a run

    def begin(self, driver: FrameType | None = None) -> None:
        """Start, or start again, on a loop that runs or is about to.

        ``driver`` is the frame that will run the loop; without it this is called from within the loop.
        """
        loop = self._loop()
        if loop is None:
            return
        cells, now = self.slot.cells, Clocks.monotonic_ns()
        cells[Cell.NATIVE_ID], cells[Cell.IDENT] = threading.get_native_id(), threading.get_ident()
        cells[Cell.CPU] = Clocks.thread_ns()
        cells[Cell.BEAT] = cells[Cell.TURN] = now
        self._driver = None
        self._stamp(now)
        if driver is None:
            self._tell(loop, _driver_of(sys._getframe()))  # noqa: SLF001 - who runs this coroutine
        else:
            self._tell(loop, driver, any_line=True)
        cells[Cell.DUE] = 0
        cells[Cell.STATE] = State.RUNNING
        self._plan(loop, now, self._period)

    def rest(self) -> None:
        """The loop has stopped running; it may run again."""
        if not self.active or self.slot.cells[Cell.STATE] != State.RUNNING:
            return
        cells, now = self.slot.cells, Clocks.monotonic_ns()
        idle = self._waited()
        busy_since = cells[Cell.TURN] if self._stamped else cells[Cell.BEAT]
        if now - busy_since > self._late or 0 < cells[Cell.DUE] < now - self._late:
            self._was_late(now, Clocks.thread_ns(), idle)
        cells[Cell.IDLE] = idle
        cells[Cell.STATE] = State.RESTING
        self._pulse.end(self._loop())
        if self._stamps is not None:
            self._stamps.take_off()

    def forget(self) -> None:
        """Leave the loop as it was found."""
        if not self.active:
            return
        if self.slot.cells[Cell.NATIVE_ID] == threading.get_native_id():
            self.rest()  # a stall that ends here has no later beat to tell of it
        self._forgotten = True
        self.slot.cells[Cell.STATE] = State.FREE
        self.slot.cells[Cell.BEAT] = Clocks.monotonic_ns()
        if self._stamps is not None:
            self._stamps.take_off()
        self._finalizer.detach()
        loop = self._loop()
        elsewhere = self.slot.cells[Cell.NATIVE_ID] != threading.get_native_id()
        if not (elsewhere and loop is not None and loop.is_running()):  # else the next beat will
            self._unplug(loop)

    def abandon(self) -> None:
        """In a forked child: the board is the parent's, so leave no mark on it any more."""
        if self._stamps is not None:
            self._stamps.take_off()
        self._pulse.abandon()

    def _unplug(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._pulse.end(loop)
        self._end_of_pulse.detach()

    def away(self) -> int:
        """For how long, in ns, the loop has been busy since it last looked for events, as far as it can tell."""
        cells, now = self.slot.cells, Clocks.monotonic_ns()
        due = cells[Cell.DUE]
        if self._stamped:
            return max(0, now - cells[Cell.TURN])
        return max(0, now - due) if due else 0

    def behind(self) -> int:
        """For how long, in ns, the loop has been away that no beat has told of yet."""
        due = self.slot.cells[Cell.DUE]
        return max(self.away(), Clocks.monotonic_ns() - due if due else 0)

    # ------------------------------------------------------------ the beat

    def _plan(self, loop: asyncio.AbstractEventLoop, now: int, period: int) -> None:
        self.slot.cells[Cell.PERIOD] = period
        self.slot.cells[Cell.DUE] = now + period if self._pulse.plan(loop, period) else 0

    def _beat(self) -> None:
        loop = self._loop()
        if loop is None or self._pid != os.getpid():
            return
        if self._forgotten:
            self._unplug(loop)
            return
        try:
            self._take(loop)
        except (
            BaseException
        ):  # a signal's: a timer that has gone off and is not set again would spin the loop
            self._plan(loop, Clocks.monotonic_ns(), self._period)
            raise

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        cells, now = self.slot.cells, Clocks.monotonic_ns()
        last, lag = cells[Cell.BEAT], now - cells[Cell.DUE]
        idle, cpu = self._waited(), Clocks.thread_ns()
        if lag > self._late:
            self._was_late(now, cpu, idle)
        waited, ran = idle - cells[Cell.IDLE], cpu - cells[Cell.CPU]
        cells[Cell.BEAT], cells[Cell.CPU], cells[Cell.IDLE] = now, cpu, idle
        cells[Cell.BEATS] += 1
        if self._ready is not None:
            cells[Cell.READY] = len(self._ready)
        self._count(max(lag, 0))
        frame = sys._getframe(2)  # noqa: SLF001 - who runs the loop: the frame below every callback
        back = frame.f_back
        driver = (frame.f_code, frame.f_lineno, back and back.f_code)
        if driver != self._driver:
            self._driver = driver
            self._tell(loop, frame)
        self._plan(loop, now, self._next_period(now, now - last, waited, ran))

    @property
    def _stamped(self) -> bool:
        return self.slot.cells[Cell.MODE] == Mode.STAMPED

    def _waited(self) -> int:
        """Nanoseconds that the loop has waited so far; while it is hot, as the last stamps suggest."""
        if self._uv is not None:
            return self._uv.idle() - self._uv_base
        if self._stamps is None:
            return 0
        if not self._stamped:
            self._guessed += self._idle_share * (Clocks.monotonic_ns() - self.slot.cells[Cell.BEAT])
        return self._stamps.idle() + int(self._guessed)

    def _was_late(self, now: int, cpu: int, idle: int) -> None:
        """Describe the busy time that ends now: exactly, where turns are stamped or libuv adds up idle time."""
        cells = self.slot.cells
        last, due = cells[Cell.BEAT], cells[Cell.DUE] or now
        start, end = last, now
        if self._stamped and now - cells[Cell.TURN] > self._late:
            start = cells[Cell.TURN]  # what is late stands in this very turn
        elif self._stamped or self._uv is not None:
            if self._stamped:
                end = cells[Cell.TURN]
            start = max(last, last + idle - cells[Cell.IDLE])
            if self._uv is not None and cells[Cell.PERIOD] < self._period:
                start = (
                    start + max(start, due)
                ) // 2  # it hardly waits: what came late began between two beats
            if end - start < (end - due) // 2:
                start = due  # asleep beyond its time: woken late, or held up by another thread
        else:
            start = (last + due) // 2
        cells[Cell.LATE_FROM], cells[Cell.LATE_START], cells[Cell.LATE_END] = last, start, end
        cells[Cell.LATE_CPU] = cpu - cells[Cell.CPU]
        cells[Cell.LATE] += 1
        self._head[Head.LATES] += 1

    def _count(self, lag: int) -> None:
        cells = self.slot.cells
        cells[Cell.LAG_SUM] += lag
        cells[Cell.LAG_MAX] = max(cells[Cell.LAG_MAX], lag)
        cells[Cell.HISTOGRAM + bisect_left(_NS_BUCKETS, lag)] += 1

    def _next_period(self, now: int, elapsed: int, waited: int, ran: int) -> int:
        """How soon to beat again, and whether with stamps, after so many ns, in which it waited and had the CPU."""
        if self._uv is not None:
            return self._period if 2 * waited > elapsed else min(HOT_PERIOD, self._period)
        if self._stamps is None or self._stamps.are_free:
            return self._period
        if not self._stamped:
            if now > self._retry:
                self._stamp(now)
            return min(HOT_PERIOD, self._period)
        turns, self._turns = self._stamps.turns() - self._turns, self._stamps.turns()
        if turns * HOT_TURN < ran or ran * HOT_SHARE < elapsed:
            return self._period
        self._idle_share = min(1.0, waited / max(elapsed, 1))
        self._stamps.take_off()
        self.slot.cells[Cell.MODE] = Mode.BEATS
        self._retry = now + RETRY
        return min(HOT_PERIOD, self._period)

    def _stamp(self, now: int) -> None:
        cells = self.slot.cells
        if self._stamps is None:
            cells[Cell.MODE] = Mode.BEATS
            return
        cells[Cell.TURN], cells[Cell.ENTERED] = now, 0
        self._stamps.put_on()
        self._turns = self._stamps.turns()
        cells[Cell.MODE] = Mode.STAMPED

    # ------------------------------------------------------------ what the watcher must know besides

    def _tell(
        self, loop: asyncio.AbstractEventLoop, driver: FrameType | None, *, any_line: bool = False
    ) -> None:
        """Note the loop's thread, and the frame that runs its callbacks: a stack without it is of no running loop."""
        note: dict[str, Any] = {
            "loop": type(loop).__module__.partition(".")[0],
            "thread": threading.current_thread().name,
        }
        if driver is not None:
            depth, outer = 0, driver.f_back
            while outer is not None:
                depth, outer = depth + 1, outer.f_back
            line = -1 if any_line else driver.f_lineno
            note["driver"] = [driver.f_code.co_filename, driver.f_code.co_name, line, depth]
        self.slot.write_note(note)


def _give_back(cells: memoryview) -> None:
    """The loop of a slot is gone."""
    cells[Cell.STATE] = State.FREE


def _driver_of(frame: FrameType | None) -> FrameType | None:
    """The frame outside of the outermost coroutine on the stack."""
    driver = None
    while frame is not None:
        if frame.f_code.co_flags & CO_COROUTINE:
            driver = frame.f_back
        frame = frame.f_back
    return driver


def _descriptor(loop: Any) -> int:
    try:
        return int(loop._selector.fileno())  # noqa: SLF001 - asyncio has no public way to it
    except (AttributeError, OSError, TypeError, ValueError):
        return -1
