"""The one engine of a process: its board, its probes, and who watches them.

Monitors come and go and share it; it starts with the first and ends with the last. The lowest threshold among
them decides what is watched for, and each hears of what is above its own.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Literal

from auditor.model import Stall
from auditor.runtime.board import SLOTS, Board, BoardFile, Cell, Head, Slot, State
from auditor.runtime.clock import SECOND, Clocks
from auditor.runtime.collecting import Collections
from auditor.runtime.frames import Project
from auditor.runtime.inside import Inside
from auditor.runtime.outside import Outside, UnavailableError
from auditor.runtime.probe import Probe
from auditor.runtime.sampler import Sampler
from auditor.runtime.watcher import Settings

logger = logging.getLogger("auditor.runtime")

RESTARTS = 3
"""How often a sentinel that was killed is replaced before a thread takes over."""
LAST_READ = SECOND // 2
LAST_WORDS = 2.0
Mode = Literal["off", "sentinel", "sentinel-without-py-spy", "thread"]


@dataclass(frozen=True, slots=True, eq=False)
class Subscriber:
    """Who wants to hear of stalls of at least ``threshold`` seconds; ``record`` names a file to write them to."""

    threshold: float
    emit: Callable[[Stall], None]
    ongoing: float = 5.0
    record: str = ""
    live: str = ""
    outside: bool = True


class Engine:
    """Everything that watches the loops of this process. Its methods may be called on any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._subscribers: list[Subscriber] = []
        self._probes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Probe] = (
            weakref.WeakKeyDictionary()
        )
        self._held: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, int] = weakref.WeakKeyDictionary()
        self._board: Board | None = None
        self._file: BoardFile | None = None
        self._sampler: Sampler | None = None
        self._collections: Collections | None = None
        self._watch: Outside | Inside | None = None
        self._restarts = 0
        self._why = ""
        self.orphans: list[Subscriber] = []
        """In a forked child: who had subscribed in the parent."""

    # ------------------------------------------------------------ who watches

    def subscribe(self, subscriber: Subscriber) -> None:
        """Watch for this subscriber as well."""
        with self._lock:
            self._subscribers.append(subscriber)
            if self._board is None:
                self._open()
            self._configure()

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Watch for the others only; with the last one everything ends, its reports delivered before."""
        with self._lock:
            if subscriber not in self._subscribers:
                return
            if len(self._subscribers) > 1:
                watch = self._watch
            else:
                watch = None
        if watch is not None:
            watch.flush(LAST_WORDS)
        with self._lock:
            if subscriber not in self._subscribers:
                return
            if len(self._subscribers) > 1:
                self._subscribers.remove(subscriber)
                self._configure()
                return
        self._close(subscriber)

    @property
    def active(self) -> bool:
        return bool(self._subscribers)

    def flush(self, timeout: float = LAST_WORDS) -> bool:
        """Wait until stalls that have ended have been reported. Not to be called on a loop's thread."""
        watch = self._watch
        return watch is None or watch.flush(timeout)

    @property
    def is_ready(self) -> bool:
        """Whether a stall that began now would be seen: the process beside has come up, or none is to come."""
        watch = self._watch
        return not isinstance(watch, Outside) or watch.ready.is_set()

    def mode(self, timeout: float = 0.0) -> tuple[Mode, str]:
        """How it watches, and why not better; waits up to ``timeout`` seconds until that is known."""
        watch = self._watch
        if watch is None:
            return "off", ""
        if isinstance(watch, Inside):
            return "thread", self._why
        watch.ready.wait(timeout)
        return ("sentinel-without-py-spy", watch.refused) if watch.refused else ("sentinel", "")

    def sentinel_pid(self) -> int | None:
        """Process id of the sentinel, if there is one."""
        return self._watch.pid if isinstance(self._watch, Outside) else None

    def _open(self) -> None:
        self._board, self._file = Board.create()
        self._sampler = Sampler(self._board, Project.of_this_process())
        self._collections = Collections(self._board)
        self._collections.start()
        self._restarts = 0
        self._begin_watch()

    def _begin_watch(self) -> None:
        assert self._board is not None
        assert self._file is not None
        assert self._sampler is not None
        watch: Outside | Inside | None = None
        if all(subscriber.outside for subscriber in self._subscribers):
            try:
                watch = Outside(self._file, self._sampler, self._emit, self._sentinel_lost, self._inside)
            except UnavailableError as error:
                self._why = str(error)
                logger.warning("watching from a thread, which cannot look while C code runs: %s", error)
        else:
            self._why = "as asked for"
        if watch is None:
            watch = self._inside(self._emit)
        self._watch = watch
        watch.start()

    def _inside(self, emit: Callable[[Stall], None]) -> Inside:
        assert self._board is not None
        assert self._sampler is not None
        return Inside(self._board, self._sampler, self._settings(), emit)

    def _close(self, last: Subscriber) -> None:
        with self._lock:
            probes, watch = list(self._probes.values()), self._watch
            for probe in probes:
                probe.forget()
        if watch is not None:
            watch.stop(LAST_WORDS)
        with self._lock:
            if last in self._subscribers:
                self._subscribers.remove(last)
            if self._collections is not None:
                self._collections.stop()
            if self._file is not None:
                self._file.close()
            self._probes.clear()
            self._held.clear()
            self._board = self._file = self._sampler = self._collections = self._watch = None
            if self._subscribers:  # one came while the other left
                self._open()
                self._configure()

    def _sentinel_lost(self) -> None:
        """It was killed: start another one, a thread when that goes on."""
        with self._lock:
            if not self._subscribers or self._board is None or not isinstance(self._watch, Outside):
                return
            self._restarts += 1
            if self._restarts <= RESTARTS:
                logger.warning("the sentinel process has ended; starting another one")
                self._begin_watch()
            else:
                self._why = "the sentinel process ended too often"
                logger.warning("watching from a thread, which cannot look while C code runs: %s", self._why)
                self._watch = self._inside(self._emit)
                self._watch.start()
            self._configure()

    def _settings(self) -> Settings:
        return Settings(
            min((subscriber.threshold for subscriber in self._subscribers), default=0.1),
            min((subscriber.ongoing for subscriber in self._subscribers), default=5.0),
        )

    def _configure(self) -> None:
        if self._watch is None:
            return
        records = [(found.record, found.threshold) for found in self._subscribers if found.record]
        live = next((found.live for found in self._subscribers if found.live), "")
        for problem in self._watch.configure(self._settings(), records, live):
            logger.warning("stalls are not recorded: %s", problem)

    def _emit(self, stall: Stall) -> None:
        for subscriber in tuple(self._subscribers):
            if stall.duration >= subscriber.threshold:
                try:
                    subscriber.emit(stall)
                except Exception:
                    logger.exception("a callback for stalls has failed")

    # ------------------------------------------------------------ what is watched

    def hold(self, loop: asyncio.AbstractEventLoop, driver: FrameType | None = None) -> Probe | None:
        """Watch a loop that runs on this thread, until released as often as held; nothing when it cannot be."""
        with self._lock:
            if self._board is None:
                return None
            self._held[loop] = self._held.get(loop, 0) + 1
            probe = self._probes.get(loop)
            if probe is None or not probe.active:
                probe = self._new_probe(loop)
            if probe is not None and probe.slot.cells[Cell.STATE] != State.RUNNING:
                probe.begin(driver)
            return probe

    def probe(self, loop: asyncio.AbstractEventLoop) -> Probe | None:
        """What watches this loop, if it is watched."""
        probe = self._probes.get(loop)
        return probe if probe is not None and probe.active else None

    def release(self, loop: asyncio.AbstractEventLoop, *, rest: bool = False) -> None:
        """Watch it no longer, if nobody else does; ``rest``: it has stopped running."""
        with self._lock:
            left = self._held.get(loop, 0) - 1
            probe = self._probes.get(loop)
            if rest and probe is not None:
                probe.rest()
            if left > 0:
                self._held[loop] = left
                return
            self._held.pop(loop, None)
            if probe is not None:
                probe.forget()
                del self._probes[loop]

    @staticmethod
    def _free_slot(board: Board) -> Slot | None:
        """A free slot, if possible one whose last words the watcher has surely read."""
        free = [slot for slot in board.slots if slot.cells[Cell.STATE] == State.FREE]
        if not free:
            return None
        read = Clocks.monotonic_ns() - LAST_READ
        slot = next((slot for slot in free if slot.cells[Cell.BEAT] < read), free[0])
        board.head[Head.SLOTS_USED] = max(board.head[Head.SLOTS_USED], slot.number + 1)
        return slot

    def _new_probe(self, loop: asyncio.AbstractEventLoop) -> Probe | None:
        assert self._board is not None
        assert self._sampler is not None
        slot = self._free_slot(self._board)
        if slot is None:
            self._board.head[Head.UNWATCHED] += 1
            if self._board.head[Head.UNWATCHED] == 1:
                logger.warning("more than %d loops at a time: the others are not watched", SLOTS)
            return None
        probe = self._probes[loop] = Probe(loop, self._board.head, slot, self._settings().threshold)
        self._sampler.know(slot.number, loop)
        return probe

    def lates(self) -> int:
        """A number that changes when a beat of any loop was late."""
        return self._board.head[Head.LATES] if self._board is not None else 0

    @property
    def board(self) -> Board | None:
        return self._board

    # ------------------------------------------------------------ forks and the end

    def forked(self) -> None:
        """In the child of a fork: nothing of the parent's is ours; who wants to watch here starts anew."""
        watch = self._watch
        if isinstance(watch, Outside):
            watch.abandon()
        if self._file is not None:
            self._file.path = ""  # the parent's to remove
            self._file.close()
        if self._collections is not None:
            self._collections.stop()
        for probe in list(self._probes.values()):
            probe.abandon()
        subscribers = self._subscribers
        Engine.__init__(self)  # its lock may be held by a thread that does not exist here
        self.orphans = subscribers


engine = Engine()


def _at_exit() -> None:
    for subscriber in tuple(engine._subscribers):  # noqa: SLF001 - same module
        engine.unsubscribe(subscriber)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=engine.forked)
