"""Watches the loops of a process that knows nothing of it, from outside.

A thread that runs a loop sleeps in one system call on one descriptor whenever the loop has nothing to do. That call is
learnt from the first look at a thread whose stack is a loop's, and read from /proc every 10 ms; py-spy tells what
the thread does when it has not been in it for longer than the threshold. So the process pays nothing but the dumps, and
a loop that is always busy, with one short callback after another, looks as one that stands still until its stacks
turn out to differ. Linux only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from auditor.model import Frame, Stall, StallKind
from auditor.runtime import proc, pyspy
from auditor.runtime.board import BUCKETS
from auditor.runtime.clock import MILLISECOND, SECOND, Clocks
from auditor.runtime.dumps import Dumps
from auditor.runtime.frames import Project, of_dump
from auditor.runtime.loops import Late, Look
from auditor.runtime.watcher import Settings, Watcher

POLL = 10 * MILLISECOND
SEARCH = 5 * SECOND
"""How often to look for loops that have come since."""
RETRY = SECOND // 3
"""How soon to look again when there is one that was not at rest."""
MOST_LOOPS = 64
IDLE_CALLS = frozenset({"epoll", "poll", "select"})


class AttachError(Exception):
    """The process cannot be watched; the message says why and what to do."""


class SyscallLoop:
    """A loop known by what its thread sleeps in."""

    beats = False
    ident = 0

    def __init__(self, pid: int, number: int, thread: dict[str, Any], kind: str, idle: proc.Call) -> None:
        self.number = number
        self.generation = 1
        self.native_id = int(thread["os_thread_id"])
        self.kind = kind
        self.name = str(thread.get("thread_name") or f"thread {self.native_id}")
        self.backend = idle.descriptor
        self.driver: list[Any] | None = None
        self.alive = True
        self.histogram = [0] * (len(BUCKETS) + 1)
        self.longest = 0
        self._pid = pid
        self._idle = idle
        self._since = self._last = self._started = Clocks.monotonic_ns()
        self._waiting = False
        self.waited = 0

    def look(self, now: int) -> Look | None:
        """Busy since the middle between the last look at which it waited and the first at which it did not."""
        call = proc.call(self._pid, self.native_id)
        self.alive = call is not None
        if call is None:
            return None
        waiting = call == self._idle
        if waiting:
            self.waited += now - self._last
            if not self._waiting:
                self._count(now - self._since)
        elif self._waiting:
            self._since = (self._last + now) // 2
        self._waiting, self._last = waiting, now
        if waiting:
            return Look((self.generation, 1, now), now, 0)
        return Look((self.generation, 0, self._since), self._since, now - self._since)

    def _count(self, busy: int) -> None:
        self.longest = max(self.longest, busy)
        bound = next((at for at, most in enumerate(BUCKETS) if busy <= most * MILLISECOND), len(BUCKETS))
        self.histogram[bound] += 1

    def late(self) -> Late:
        return Late(0, 0, 0, 0)

    def note(self) -> dict[str, Any]:
        note: dict[str, Any] = {"loop": self.kind, "thread": self.name}
        if self.driver is not None:
            note["driver"] = self.driver
        return note

    def state(self, now: int) -> dict[str, Any]:
        """As `auditor.runtime.live.loop_states` has it; the histogram is one of busy periods."""
        return {
            "slot": self.number,
            "generation": self.generation,
            "loop": self.kind,
            "thread": self.name,
            "running": self.alive,
            "beats": 0,
            "at": now / SECOND,
            "idle": self.waited / SECOND,
            "since": self._started / SECOND,
            "cpu": 0.0,
            "ready": -1,
            "lag_sum": 0.0,
            "lag_max": self.longest / SECOND,
            "histogram": list(self.histogram),
        }


class AttachedLoops:
    """Those found so far."""

    def __init__(self, pid: int, project: Project) -> None:
        self.pid = pid
        self.project = project
        self.found: dict[int, SyscallLoop] = {}

    def __call__(self) -> list[SyscallLoop]:
        for thread in [thread for thread, loop in self.found.items() if not loop.alive]:
            del self.found[thread]
        return list(self.found.values())

    def collected(self, now: int) -> int:  # noqa: ARG002 - as the protocol has it
        """What the process collects cannot be seen from here."""
        return 0

    def search(self, threads: list[dict[str, Any]]) -> bool:
        """Take in loops that a dump shows at rest, for then their idle call and the frame that runs them are seen.

        Returns whether there are others that it shows at work.
        """
        busy = False
        for thread in threads:
            native = thread.get("os_thread_id")
            if not native or native in self.found or len(self.found) >= MOST_LOOPS:
                continue
            frames = of_dump(thread.get("frames", []), self.project)
            kind = loop_kind(frames)
            if not kind:
                continue
            call = proc.call(self.pid, int(native))
            if call is None or call.name not in IDLE_CALLS or not at_rest(frames, kind):
                busy = True
                continue
            loop = SyscallLoop(self.pid, len(self.found) + 1, thread, kind, call)
            loop.driver = driver_of(frames)
            self.found[int(native)] = loop
        return busy


def loop_kind(frames: tuple[Frame, ...]) -> str:
    """Which loop a stack is of; empty when of none. Loops in C show only the Python that started them."""
    for frame in frames:
        path, function = frame.path.replace("\\", "/"), frame.function.rpartition(".")[2]
        if path.endswith("asyncio/base_events.py") and function in {"_run_once", "run_forever"}:
            return "asyncio"
        if path.endswith("trio/_core/_run.py") and function in {"unrolled_run", "run"}:
            return "trio"
    for frame in frames:
        path, function = frame.path.replace("\\", "/"), frame.function.rpartition(".")[2]
        if "/uvloop/" in path or (path.endswith("asyncio/runners.py") and function == "run"):
            return "uvloop"
    return ""


def at_rest(frames: tuple[Frame, ...], kind: str) -> bool:
    """Whether nothing of a callback is on the stack: the innermost frames are those of the loop itself."""
    if not frames:
        return False
    path = frames[0].path.replace("\\", "/")
    if kind == "uvloop":
        return "/uvloop/" in path or "/asyncio/" in path
    return path.endswith(("/selectors.py", "asyncio/base_events.py", "trio/_core/_io_epoll.py"))


def driver_of(frames: tuple[Frame, ...]) -> list[Any]:
    """The frame that runs the callbacks, as a probe notes it: of a loop at rest the innermost but the selector's."""
    at = 0
    while at + 1 < len(frames) and frames[at].path.replace("\\", "/").endswith(
        ("/selectors.py", "trio/_core/_io_epoll.py")
    ):
        at += 1
    frame = frames[at]
    return [frame.path, frame.function.rpartition(".")[2], -1, len(frames) - 1 - at]


class Attached:
    """Watches one process until told to stop or it ends. Times are seconds."""

    def __init__(
        self,
        pid: int,
        settings: Settings,
        emit: Callable[[Stall], None],
        status: Callable[[dict[str, Any]], None],
    ) -> None:
        command = pyspy.find()
        if not sys.platform.startswith("linux"):
            raise AttachError("attaching reads /proc, which only Linux has; use 'auditor monitor -- COMMAND'")
        if not command:
            raise AttachError("py-spy is missing; pip install 'loop-auditor[monitor]'")
        if not os.path.exists(f"/proc/{pid}"):
            raise AttachError(f"there is no process {pid}")
        self._pid = pid
        self._project = Project(_libraries(pid))
        self._loops = AttachedLoops(pid, self._project)
        self._search = Dumps(command, pid, self._project)
        self._watcher = Watcher(
            pid, settings, self._loops, self._report, dumps=Dumps(command, pid, self._project)
        )
        self._emit = emit
        self._status = status
        self._settings = settings
        self.stopped = False

    def _report(self, stall: Stall) -> None:
        places = [sample.where for sample in stall.samples if sample.exact]
        if stall.kind is StallKind.PYTHON_CPU and any(
            one.rpartition(" ")[2] != other.rpartition(" ")[2] for one, other in pairwise(places)
        ):
            stall = replace(stall, kind=StallKind.SATURATION)
        self._emit(stall)

    def find(self) -> None:
        """Look for loops once. Raises AttachError when that is refused."""
        dump = pyspy.Dump(pyspy.find(), self._pid)
        try:
            while not dump.finished():
                Clocks.sleep(0.005)
            threads = dump.threads()
            if not threads:
                raise AttachError(
                    f"py-spy cannot look at process {self._pid} ({dump.error()}); if it is Python, run auditor as "
                    "its user or as root, and where ptrace is restricted allow it (containers: --cap-add SYS_PTRACE)"
                )
            self._loops.search(threads)
        finally:
            dump.close()

    @property
    def loops(self) -> list[SyscallLoop]:
        """The loops that are known."""
        return self._loops()

    def run(self) -> None:
        """Watch until ``stopped`` is set or the process has ended."""
        next_search = next_status = 0
        while not self.stopped:
            now = Clocks.monotonic_ns()
            if proc.state(self._pid, self._pid) in {"", "Z", "X"}:
                break
            if now >= next_search and self._search.start(now):
                next_search = now + SEARCH
            found = self._search.take()
            if found is not None and (self._loops.search(found.threads) or not self._loops.found):
                next_search = now + RETRY
            self._watcher.step(now)
            if now >= next_status:
                next_status = now + SECOND // 2
                states = [loop.state(now) for loop in self._loops()]
                self._status({"type": "status", "pid": self._pid, "loops": states})
            self._watcher.pause(POLL / SECOND)
            Clocks.sleep(max(0.0, (now + POLL - Clocks.monotonic_ns()) / SECOND))
        self._watcher.process_exited(Clocks.monotonic_ns())
        self._search.close()


def _libraries(pid: int) -> list[str]:
    """Where the standard library of the process lies: beside the modules that it has mapped into memory."""
    found = set()
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
            for line in file:
                path = line.partition("/")[2].rstrip("\n")
                head, marker, _ = path.partition("/lib-dynload/")
                if marker:
                    found.add("/" + head)
    except OSError:
        return []
    return sorted(found)
