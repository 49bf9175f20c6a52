"""Runs labelled programs and records on which threads their blocking calls happen. Started as a process of its own.

Input on standard input: a JSON list of runs, see `Run`. Output: one JSON line a run. Every run happens in a fork, so
that programs with modules of the same name do not meet; libraries are imported once, before the first fork.

Two things are recorded, with the interpreter's profile hook on every thread:

- each call that starts exactly at a marked line and column, and whether a loop ran in that thread at that moment;
- each low-level blocking function (see `_blocking_functions`) that ran while a loop ran in that thread, with the line
  of the program that led to it: one that no mark explains is a fault that the labels miss.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FrameType
from typing import Any

TIME_LIMIT = 20.0
PRELOADED = (
    "fastapi",
    "fastapi.testclient",
    "aiohttp.web",
    "tornado.web",
    "anyio",
    "httpx",
    "requests",
    "aiofiles",
)
LONGEST_SLEEP = 0.01
PROCESSES = 4

Mark = tuple[str, int, int]


class Recorder:
    """The profile hook of one run."""

    def __init__(self, root: str, marks: list[Mark]) -> None:
        self.root = root + os.sep
        self.marks = set(marks)
        self.marked_lines = {(path, line) for path, line, _ in marks}
        self.seen: dict[Mark, set[bool]] = {}
        self.unexplained: set[tuple[str, int, str]] = set()
        self.functions: set[tuple[str, int, bool]] = set()
        self._blocking = _blocking_functions()
        self._positions: dict[tuple[CodeType, int], tuple[int | None, int | None]] = {}

    def hook(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            self._called(frame)
            if argument in self._blocking and _loop_runs():
                self.blocked(frame, argument.__name__)
        elif event == "call":
            path = self._own(frame)
            if path is not None:
                self.functions.add((path, frame.f_code.co_firstlineno, _loop_runs()))
            if frame.f_back is not None:
                self._called(frame.f_back)

    def blocked(self, frame: FrameType | None, name: str) -> None:
        """Something blocked on a loop: find the line of the program that did it, and whether a mark explains it."""
        innermost: tuple[str, int] | None = None
        while frame is not None:
            path = self._own(frame)
            if path is not None:
                place = (path, frame.f_lineno)
                if innermost is None:
                    innermost = place
                if self._explained(frame, path):
                    return
            elif innermost is None and _is_machinery(frame):
                return
            frame = frame.f_back
        if innermost is not None:
            self.unexplained.add((*innermost, name))

    def _explained(self, frame: FrameType, path: str) -> bool:
        # A statement may span lines: the mark stands on the first line of the call.
        line, _ = self._position(frame)
        return (path, frame.f_lineno) in self.marked_lines or (path, line) in self.marked_lines

    def _called(self, frame: FrameType) -> None:
        path = self._own(frame)
        if path is None:
            return
        line, column = self._position(frame)
        if line is not None and column is not None and (path, line, column) in self.marks:
            self.seen.setdefault((path, line, column), set()).add(_loop_runs())

    def _position(self, frame: FrameType) -> tuple[int | None, int | None]:
        """Where the expression starts that the frame is evaluating: line and 1-based column."""
        key = (frame.f_code, frame.f_lasti)
        if key not in self._positions:
            positions = list(frame.f_code.co_positions())
            line, _, column, _ = positions[frame.f_lasti // 2]
            self._positions[key] = (line, None if column is None else column + 1)
        return self._positions[key]

    def _own(self, frame: FrameType) -> str | None:
        name = frame.f_code.co_filename
        return name[len(self.root) :].replace(os.sep, "/") if name.startswith(self.root) else None


def _loop_runs() -> bool:
    return asyncio._get_running_loop() is not None


def _is_machinery(frame: FrameType) -> bool:
    """Importing a module, starting a child process, and what a library's coroutine does: no faults of the program."""
    name = frame.f_code.co_filename
    if frame.f_code.co_flags & inspect.CO_COROUTINE or "importlib" in name:
        return True
    return f"{os.sep}asyncio{os.sep}" in name or f"{os.sep}multiprocessing{os.sep}" in name


def _blocking_functions() -> set[Any]:
    names = (
        "chmod link listdir lstat mkdir open remove rename replace rmdir scandir stat statvfs symlink system truncate "
        "unlink utime waitpid"
    )
    found = {getattr(os, name) for name in names.split() if hasattr(os, name)}
    found |= {_REAL_SLEEP, open, select.select, socket.gethostbyname}
    with contextlib.suppress(ImportError):
        import _posixsubprocess

        found.add(_posixsubprocess.fork_exec)
    return found


_REAL_SLEEP = time.sleep
_REAL_LOOKUP = socket.getaddrinfo


def _short_sleep(seconds: float) -> None:
    _REAL_SLEEP(min(seconds, LONGEST_SLEEP))


def _no_network(recorder: Recorder) -> None:
    """Every name lookup fails at once, but counts as blocking: programs name servers that do not exist."""

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in {None, "127.0.0.1", "localhost", "0.0.0.0"}:
            return _REAL_LOOKUP(host, *arguments, **options)
        if _loop_runs():
            recorder.blocked(sys._getframe(1), "getaddrinfo")
        raise socket.gaierror(socket.EAI_NONAME, "there is no network here")

    socket.getaddrinfo = lookup


def run(task: dict[str, Any], directory: str) -> dict[str, Any]:
    """One program: import all its modules, then run its demo."""
    root = os.path.join(directory, "program")
    shutil.copytree(task["program"], root)
    work = os.path.join(directory, "work")
    os.mkdir(work)
    os.chdir(work)
    for name, text in task["files"].items():
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "w", encoding="utf-8") as target:
            target.write(text)
    sys.path[:0] = [os.path.join(root, part) for part in task["roots"]]
    sys.dont_write_bytecode = True
    recorder = Recorder(root, [(path, line, column) for path, line, column in task["marks"]])
    time.sleep = _short_sleep
    _no_network(recorder)
    for name in task["modules"]:
        importlib.import_module(name)
    if task["demo"]:
        demo = _compiled(task["demo"])
        # In this order: the hook of this thread counts from the next call on.
        threading.setprofile(recorder.hook)
        sys.setprofile(recorder.hook)
        try:
            demo()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
    return {
        "on_loop": sorted(mark for mark, loops in recorder.seen.items() if True in loops),
        "off_loop": sorted(mark for mark, loops in recorder.seen.items() if False in loops),
        "unexplained": sorted(recorder.unexplained),
        "functions": sorted(recorder.functions),
    }


def _compiled(demo: str) -> Callable[[], object]:
    """The demo as a function; one that awaits runs in a loop of its own."""
    awaits = "await " in demo or "async " in demo
    head = "async def demo():" if awaits else "def demo():"
    source = f"{head}\n{textwrap.indent(textwrap.dedent(demo), '    ')}"
    names: dict[str, Any] = {
        "asyncio": asyncio,
        "contextlib": contextlib,
        "os": os,
        "pathlib": pathlib,
        "signal": signal,
        "threading": threading,
        "client": _client,
        "failing": _failing,
    }
    exec(compile(source, "<demo>", "exec"), names)
    function: Callable[[], Any] = names["demo"]
    return (lambda: asyncio.run(function())) if awaits else function


@contextlib.contextmanager
def _client(app: Any) -> Iterator[Any]:
    from starlette.testclient import TestClient

    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """For calls that cannot succeed without a network; what they did before that has been recorded."""
    with contextlib.suppress(Exception):
        yield


def _in_fork(task: dict[str, Any]) -> dict[str, Any]:
    read, write = os.pipe()
    directory = tempfile.mkdtemp(prefix="auditor-program-")
    child = os.fork()
    if child == 0:
        os.close(read)
        os.setpgid(0, 0)
        sink = os.open(os.devnull, os.O_RDWR)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        try:
            answer = run(task, directory)
        except BaseException:  # noqa: BLE001 - whatever it is, the parent reports it
            answer = {"error": traceback.format_exc()}
        with os.fdopen(write, "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(answer) + "\n")
        os._exit(0)
    os.close(write)
    answer = _answer(read)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    shutil.rmtree(directory, ignore_errors=True)
    return answer


def _answer(read: int) -> dict[str, Any]:
    # To the end of the line, not of the pipe: worker processes that a program started hold it open as well.
    text = b""
    deadline = time.monotonic() + TIME_LIMIT
    with os.fdopen(read, "rb", buffering=0) as pipe:
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return {"error": f"did not end within {TIME_LIMIT} s"}
            part = pipe.read(65536)
            if not part:
                break
            text += part
    answer: dict[str, Any] = json.loads(text) if text else {"error": "ended without an answer"}
    return answer


def trace(tasks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Run all tasks, in a few processes side by side; the answers by name."""
    answers: dict[str, dict[str, Any]] = {}
    with ThreadPoolExecutor(PROCESSES) as pool:
        for part in pool.map(_trace_in_process, [tasks[start::PROCESSES] for start in range(PROCESSES)]):
            answers.update(part)
    return answers


def _trace_in_process(tasks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(tasks),
        capture_output=True,
        text=True,
        timeout=60 + TIME_LIMIT * len(tasks),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the tracer failed: {done.stderr}")
    answers: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return answers


def main() -> None:
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    tasks = json.load(sys.stdin)
    json.dump({task["name"]: _in_fork(task) for task in tasks}, sys.stdout)


if __name__ == "__main__":
    main()
