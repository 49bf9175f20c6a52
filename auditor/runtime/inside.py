"""The fallback without a process beside: a thread of the watched process itself.

It cannot look while C code holds the interpreter lock; what it sees afterwards is marked as after the fact.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from auditor.model import Stall
from auditor.runtime import record
from auditor.runtime.board import Board
from auditor.runtime.clock import Clocks
from auditor.runtime.loops import BoardLoops, WatchedLoop
from auditor.runtime.sampler import Sampler
from auditor.runtime.watcher import Settings, Watcher


class Inside:
    """Watches from a daemon thread of this process."""

    def __init__(
        self, board: Board, sampler: Sampler, settings: Settings, emit: Callable[[Stall], None]
    ) -> None:
        self._sampler = sampler
        self._emit = emit
        self._records = record.Records()
        self._stop = threading.Event()
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

    def configure(self, settings: Settings, records: list[tuple[str, float]], live: str) -> list[str]:  # noqa: ARG002 - no live status
        """What to watch for and which files to write to; returns a line for each that cannot be."""
        self._watcher.settings = settings
        return self._records.update(records)

    def _report(self, stall: Stall) -> None:
        self._records.write(stall)
        self._emit(stall)

    def _run(self) -> None:
        while not self._stop.wait(self._watcher.pause()):
            self._watcher.step(Clocks.monotonic_ns())
            if not self._watcher.busy:
                self._sampler.release()

    def _ask(self, number: int, loop: WatchedLoop) -> None:
        self._watcher.answer(number, *self._sampler.take(loop.number))

    def flush(self, timeout: float) -> bool:
        """Wait until every stall that has ended has been reported."""
        until = Clocks.monotonic_ns() + int(timeout * 1e9)
        Clocks.sleep(2 * self._watcher.settings.poll)
        while not self._watcher.settled:
            if Clocks.monotonic_ns() > until:
                return False
            Clocks.sleep(0.005)
        return True

    def stop(self, timeout: float) -> None:
        self.flush(timeout)
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
