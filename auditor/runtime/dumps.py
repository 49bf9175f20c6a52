"""Dumps by py-spy, one at a time, no more of them than a budget allows."""

from __future__ import annotations

from typing import Any, NamedTuple

from auditor.runtime.clock import SECOND
from auditor.runtime.episode import Taken
from auditor.runtime.frames import Project, is_ours, of_dump
from auditor.runtime.loops import WatchedLoop
from auditor.runtime.pyspy import Dump

BURST = 10
PER_SECOND = 4.0
"""A dump costs about 10 ms of another core."""


class Dumped(NamedTuple):
    """Threads of a dump, and between which times the stacks were read."""

    asked: int
    done: int
    threads: list[dict[str, Any]]


class Dumps:
    """Starts dumps of one process and hands out what they bring."""

    def __init__(self, command: str, pid: int, project: Project) -> None:
        self.project = project
        self._command = command
        self._pid = pid
        self._burst, self._rate = float(BURST), PER_SECOND
        self._left, self._refilled = float(BURST), 0
        self._dump: Dump | None = None
        self.successes = 0
        self.failures = 0
        self.refused = 0
        """Dumps that the budget did not allow."""
        self.error = ""

    @property
    def under_way(self) -> bool:
        return self._dump is not None

    def start(self, now: int) -> bool:
        """Begin a dump; false when there is one under way already, or none left in the budget."""
        if self._dump is not None:
            return False
        self._left = min(self._burst, self._left + (now - self._refilled) / SECOND * self._rate)
        self._refilled = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        self._dump = Dump(self._command, self._pid)
        return True

    def take(self) -> Dumped | None:
        """What a finished dump has brought, once."""
        dump = self._dump
        if dump is None or not dump.finished():
            return None
        threads = dump.threads()
        if threads:
            self.successes += 1
        else:
            self.failures += 1
            self.error = dump.error()
        self._dump = None
        dump.close()
        return Dumped(dump.asked, dump.done, threads)

    def concerns(self, opened: int, ended: int) -> bool:
        """Whether the dump under way was begun between these times."""
        return self._dump is not None and opened <= self._dump.asked <= ended

    def close(self) -> None:
        if self._dump is not None:
            self._dump.close()
            self._dump = None


def taken_of(dump: Dumped, loop: WatchedLoop, project: Project) -> Taken | None:
    """What a dump says of the thread of a loop, and of the one that held the interpreter lock."""
    own = other = None
    for thread in dump.threads:
        if loop.native_id in {thread.get("os_thread_id"), None} or (
            thread.get("os_thread_id") is None and thread.get("thread_id") == loop.ident
        ):
            own = thread
        elif thread.get("owns_gil"):
            other = thread
    if own is None:
        return None
    frames = of_dump(own.get("frames", []), project)
    if not frames:
        return None
    taken = Taken(
        at=dump.done, source="py-spy", exact=True, frames=frames, owns_gil=bool(own.get("owns_gil"))
    )
    if other is not None:
        taken.culprit = str(other.get("thread_name") or f"thread {other.get('os_thread_id')}")
        taken.culprit_frames = of_dump(other.get("frames", []), project)
        if is_ours(taken.culprit_frames[0]) if taken.culprit_frames else True:
            taken.culprit, taken.culprit_frames = "", ()
    return taken
