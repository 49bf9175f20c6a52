"""Processes that index chunks of files.

Each is a fresh interpreter behind two pipes, with nothing of this process in it, so that it works alike everywhere and
whatever threads there are. It ends when its pipes do: a process that is killed leaves none behind. What one cannot do,
because it cannot be started or has died, is left to the caller.
"""

from __future__ import annotations

import gc
import marshal
import os
import struct
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    Chunk = Sequence[str]
    Result = list[tuple[bytes, bytes]]

_LENGTH: Final = struct.Struct("<Q")
_AHEAD: Final = 4
"""Chunks of each worker that may wait to be taken: all that is done would take much memory."""

_PROGRAM: Final = "import sys; sys.path[:] = {path!r}; from auditor.index.workers import serve; serve()"


class Workers:
    """Some processes, and the chunks that they index. `result` gives those in the order of `start`."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._chunks: list[Chunk] = []
        self._results: dict[int, Result | None] = {}
        self._next = 0
        self._taken = 0
        self._changed = threading.Condition()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._closed = False
        self._alive = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)

    def start(self, chunks: Sequence[Chunk]) -> None:
        """Begin with these."""
        self._chunks = list(chunks)
        for _ in range(self._number):
            process = _start()
            if process is None:
                break
            self._processes.append(process)
        self._alive = len(self._processes)
        for process in self._processes:
            threading.Thread(target=self._drive, args=(process,), daemon=True).start()

    def result(self) -> Result | None:
        """Digest and packed facts of each file of the next chunk; None where it could not be indexed."""
        with self._changed:
            number = self._taken
            self._changed.wait_for(lambda: number in self._results or not self._alive)
            self._taken += 1
            self._changed.notify_all()
            return self._results.pop(number, None)

    def _drive(self, process: subprocess.Popen[bytes]) -> None:
        """Hand out chunks to one process, as long as it answers."""
        while (number := self._take()) is not None:
            result = _ask(process, self._chunks[number])
            with self._changed:
                self._results[number] = result
                self._changed.notify_all()
            if result is None:
                break
        with self._changed:
            self._alive -= 1
            self._changed.notify_all()

    def _take(self) -> int | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next < self._taken + _AHEAD * self._number)
            if self._closed or self._next >= len(self._chunks):
                return None
            self._next += 1
            return self._next - 1


def serve() -> None:
    """What a worker does: index chunks until nobody asks any more."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; who has asked will end this one
    from auditor.index import reading
    from auditor.index.facts import forget_shared

    sys.setrecursionlimit(20_000)
    gc.disable()  # as the caller does; what is made for a chunk goes with it
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    try:
        while (chunk := _receive(asked)) is not None:
            _send(answers, [reading.learn(path) for path in chunk])
            forget_shared()
    except OSError:
        os._exit(1)  # nobody listens


def _start() -> subprocess.Popen[bytes] | None:
    if not sys.executable:
        return None
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM.format(path=sys.path)]
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None


def _ask(process: subprocess.Popen[bytes], chunk: Chunk) -> Result | None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        _send(process.stdin, list(chunk))
        found: Result | None = _receive(process.stdout)
    except (OSError, ValueError):
        return None
    return found


def _send(pipe: IO[bytes], value: object) -> None:
    data = marshal.dumps(value)  # type: ignore[arg-type]
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]):  # type: ignore[no-untyped-def] # noqa: ANN202 - whatever was sent
    """The next value; None where there is none any more. Whoever sends is a process of ours."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    data = pipe.read(size)
    return marshal.loads(data) if len(data) == size else None  # noqa: S302 - as said


def _close(pipe: IO[bytes] | None) -> None:
    try:
        if pipe is not None:
            pipe.close()
    except OSError:
        return
