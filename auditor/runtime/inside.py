"""A thread of the watched process that watches it: the fallback without a process beside, and until that is up.

It cannot look while C code holds the interpreter lock; what it sees afterwards is marked as after the fact.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from auditor.model import Stall
from auditor.runtime import record
from auditor.runtime.board import Board
from auditor.runtime.clock import MILLISECOND, SECOND, Clocks
from auditor.runtime.episode import Taken
from auditor.runtime.live import LiveStatus
from auditor.runtime.loops import BoardLoops, WatchedLoop
from auditor.runtime.sampler import Sampler
from auditor.runtime.watcher import Settings, Watcher

OVERLAP = 10 * MILLISECOND
Heir = Callable[[int, list[tuple[int, Taken]]], None]
"""Who watches from a time on; it gets that time, and the samples, with their slots, of what has begun before."""


class Inside:
    """Watches from a daemon thread of this process."""

    def __init__(
        self, board: Board, sampler: Sampler, settings: Settings, emit: Callable[[Stall], None]
    ) -> None:
        self._sampler = sampler
        self._emit = emit
        self._board = board
        self._live: LiveStatus | None = None
        self._records = record.Records()
        self._stop = False
        self._wake = threading.Event()
        self._heir: Heir | None = None
        self._ended = False
        self._watcher = Watcher(
            os.getpid(),
            settings,
            BoardLoops(board),
            self._report,
            ask=self._ask,
            inside=True,
        )
        self._thread = threading.Thread(target=self._run, name="auditor-loop-lag", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def configure(self, settings: Settings, records: list[tuple[str, float]], live: str) -> list[str]:
        """What to watch for, which files to write to and where to send the live status.

        Returns a line for each file that cannot be written.
        """
        self._watcher.settings = settings
        if live and self._live is None and not self._ended:
            self._live = LiveStatus(live, os.getpid(), self._board)
        return [] if self._ended else self._records.update(records)

    def _report(self, stall: Stall) -> None:
        found = self._records.write(stall)
        if self._live is not None:
            self._live.tell(found)
        self._emit(stall)

    def _run(self) -> None:
        watcher = self._watcher
        while not self._stop:
            self._wake.wait(watcher.pause())
            self._wake.clear()
            now = Clocks.monotonic_ns()
            watcher.step(now)
            if self._heir is not None and not watcher.retired:
                # what ends while this step looks is told by both rather than by nobody
                self._heir(*watcher.retire(now - OVERLAP))
            if self._live is not None:
                self._live.send(Clocks.monotonic_ns())
            if watcher.busy:
                continue
            if watcher.retired:
                break
            self._sampler.release()
        self._ended = True
        self._records.update([])
        if self._live is not None:
            self._live.close()
            self._live = None

    def hand_over(self, heir: Heir) -> None:
        """Watch no longer, and end when what is over has been reported; ``heir`` is told what is not, on the thread."""
        self._heir = heir
        self._wake.set()

    def _ask(self, number: int, loop: WatchedLoop) -> None:
        self._watcher.answer(number, *self._sampler.take(loop.number))

    def flush(self, timeout: float) -> bool:
        """Wait until every stall that has ended has been reported."""
        asked = Clocks.monotonic_ns()
        self._wake.set()
        while not self._ended and not (self._watcher.looked > asked and self._watcher.settled):
            if Clocks.monotonic_ns() - asked > timeout * SECOND:
                return False
            Clocks.sleep(0.005)
        return True

    def stop(self, timeout: float) -> None:
        self.flush(timeout)
        self._stop = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
