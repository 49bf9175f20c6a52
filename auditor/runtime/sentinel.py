"""The sentinel: a small process beside the watched one, which sees it stand still even when nothing in it can run.

It shares the board with its parent, is told and asked things over two pipes (JSON lines), and ends when the
parent does: when its input ends or its parent is another one. It writes the records itself, so that a stall
that never ends, or ends with the process, is recorded all the same.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from auditor.model import Stall
from auditor.runtime import proc, record, sampler
from auditor.runtime.board import Board
from auditor.runtime.clock import SECOND, Clocks
from auditor.runtime.dumps import Dumps
from auditor.runtime.episode import Taken
from auditor.runtime.frames import Project
from auditor.runtime.live import LiveStatus
from auditor.runtime.loops import BoardLoops, WatchedLoop
from auditor.runtime.watcher import Settings, Watcher

LAST_WORDS = 0.5
"""Seconds that a finished watch may take to report what is under way."""
TRIES = 3
"""Failures of py-spy at the start after which it is not used: a single one may be a stack that was changing."""
TAKE_OVER = 0.5
"""Seconds after which it watches even though the process does not answer that it may."""
ACKNOWLEDGE = 1.0
"""Seconds that the process has to report an endless stall itself, before the sentinel says it on standard error."""
NOT_INSTALLED = "py-spy is not installed (pip install 'loop-auditor[monitor]')"
REFUSED = "the system does not let py-spy look (ptrace; containers need --cap-add SYS_PTRACE)"


class Sentinel:
    """The main loop, and what it answers to."""

    def __init__(
        self, board: Board, pid: int, library: list[str], send: Callable[[dict[str, Any]], None]
    ) -> None:
        self._pid = pid
        self._board = board
        self._project = Project(library)
        self._send = send
        self._inbox: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._watcher: Watcher | None = None
        self._dumps: Dumps | None = None
        self._records = record.Records()
        self._live: LiveStatus | None = None
        self._flushes: list[tuple[int, int]] = []
        self._unheard: list[tuple[int, Stall]] = []
        self._told = False
        self._up = 0
        self._begun = False

    def listen(self, lines: Any) -> None:
        """Read messages until there are no more."""
        for line in lines:
            try:
                self._inbox.put(json.loads(line))
            except ValueError:
                continue  # a message that was cut off: the pipe was full
        self._inbox.put(None)

    def run(self) -> None:
        """Until the parent is gone or has closed the pipe."""
        pause = 0.05
        while os.getppid() == self._pid:
            try:
                message = self._inbox.get(timeout=pause)
                while True:
                    if message is None:
                        self._finish()
                        return
                    self._handle(message)
                    message = self._inbox.get_nowait()
            except Empty:
                pass
            if self._watcher is not None:
                now = Clocks.monotonic_ns()
                if not self._begun and now - self._up > TAKE_OVER * SECOND:
                    self._begin(self._up, [])
                if self._begun:
                    self._watcher.step(now)
                elif self._dumps is not None:
                    self._dumps.take()
                self._try_dumps()
                self._answer_flushes(now)
                self._speak_up(now)
                if self._live is not None:
                    self._live.send(now)
                pause = self._watcher.pause()
        self._parent_died()

    def _handle(self, message: dict[str, Any]) -> None:
        match message.get("do"):
            case "watch":
                self._watch(message)
            case "begin" if not self._begun:
                self._begin(
                    message["since"], [(slot, sampler.of_json(taken)) for slot, taken in message["samples"]]
                )
            case "answer" if self._watcher is not None:
                taken = sampler.of_json(message["taken"])
                self._watcher.answer(message["number"], taken, tuple(message["key"]), message["running"])
            case "flush":
                self._flushes.append((message["number"], Clocks.monotonic_ns()))
            case "heard":
                self._unheard = [(at, stall) for at, stall in self._unheard if stall.id != message["id"]]
            case _:
                return

    def _watch(self, message: dict[str, Any]) -> None:
        """Begin, or go on with other settings."""
        settings = Settings(message["threshold"], message["ongoing"])
        for problem in self._records.update([(path, threshold) for path, threshold in message["records"]]):
            self._send({"problem": problem})
        if message["live"] and self._live is None:
            self._live = LiveStatus(message["live"], self._pid, self._board)
        if self._watcher is not None:
            self._watcher.settings = settings
            return
        if message["py_spy"]:
            self._dumps = Dumps(message["py_spy"], self._pid, self._project)
        self._watcher = Watcher(
            self._pid,
            settings,
            BoardLoops(self._board),
            self._emit,
            ask=self._ask,
            dumps=self._dumps,
        )
        self._watcher.answers = message["answers"]
        self._up = Clocks.monotonic_ns()
        self._send({"up": True})

    def _begin(self, since: int, samples: list[tuple[int, Taken]]) -> None:
        """Take over from the thread of the process that has watched until now."""
        assert self._watcher is not None
        self._begun = True
        self._watcher.take_over(since, samples)

    def _try_dumps(self) -> None:
        """Whether this system lets py-spy look at all is better known, and said, before the first stall."""
        dumps, watcher = self._dumps, self._watcher
        if self._told or watcher is None:
            return
        if dumps is None:
            self._told = True
            self._send({"ready": True, "refused": NOT_INSTALLED})
        elif dumps.successes:
            self._told = True
            self._send({"ready": True, "refused": ""})
        elif dumps.failures >= TRIES:
            self._told = True
            watcher.without_dumps()
            self._send({"ready": True, "refused": REFUSED if proc.is_closed(self._pid) else dumps.error})
        else:
            dumps.start(Clocks.monotonic_ns())

    def _ask(self, number: int, loop: WatchedLoop) -> None:
        self._send({"ask": number, "slot": loop.number})

    def _emit(self, stall: Stall) -> None:
        found = self._records.write(stall)
        if self._live is not None:
            self._live.tell(found)
        if stall.state == "ongoing":
            self._unheard.append((Clocks.monotonic_ns(), stall))
        self._send({"stall": found})

    def _answer_flushes(self, now: int) -> None:
        watcher = self._watcher
        assert watcher is not None
        for number, asked in list(self._flushes):
            if watcher.settled or now - asked > LAST_WORDS * SECOND:
                self._flushes.remove((number, asked))
                self._send({"flushed": number})

    def _speak_up(self, now: int) -> None:
        """Say on standard error what the process cannot say itself, since it holds its interpreter lock."""
        for at, stall in list(self._unheard):
            if now - at > ACKNOWLEDGE * SECOND:
                self._unheard.remove((at, stall))
                from auditor.runtime.wording import one_line

                try:
                    os.write(2, f"auditor: {one_line(stall)}\n".encode())
                except OSError:
                    return

    def _finish(self) -> None:
        """The parent wants no more: report what has ended, and what is still under way if the parent is dying."""
        watcher = self._watcher
        if watcher is None:
            if os.getppid() != self._pid:
                self._parent_died()
            return
        until = Clocks.monotonic_ns() + int(LAST_WORDS * SECOND)
        while watcher.busy and Clocks.monotonic_ns() < until and os.getppid() == self._pid:
            watcher.step(Clocks.monotonic_ns())
            Clocks.sleep(watcher.pause())
        self._parent_died()

    def _parent_died(self) -> None:
        """Report what was under way; also when there was no time to take over, for then nobody else will."""
        while self._watcher is None:
            try:
                message = self._inbox.get(timeout=LAST_WORDS)
            except Empty:
                break
            if message is None:
                break
            self._handle(message)
        if self._watcher is not None:
            now = Clocks.monotonic_ns()
            if not self._begun:
                self._begin(now, [])
                self._watcher.step(now)
            self._watcher.process_exited(now)
        if self._dumps is not None:
            self._dumps.close()
        if self._live is not None:
            self._live.close()


def main() -> None:
    """``python -c ... ARGUMENTS``: the arguments are one JSON object."""
    found = json.loads(sys.argv[1])
    for name in ("SIGINT", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # they are meant for the parent
    descriptor = found["board"] if isinstance(found["board"], int) else os.open(found["board"], os.O_RDWR)
    board = Board.open(descriptor)
    os.close(descriptor)
    output = sys.stdout.fileno()

    def send(message: dict[str, Any]) -> None:
        data = (json.dumps(message) + "\n").encode()
        try:
            while data:
                data = data[os.write(output, data) :]
        except OSError:
            return  # the parent is going: run() will see it

    sentinel = Sentinel(board, found["pid"], found["library"], send)
    threading.Thread(target=sentinel.listen, args=(sys.stdin.buffer,), daemon=True).start()
    sentinel.run()
    os._exit(0)  # the listening thread may still be blocked in a read


if __name__ == "__main__":
    main()
