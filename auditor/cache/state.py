"""The state of all that a run has looked at, and whether it is still the same.

Files are told by the status that the system gives: size, times, inode, kind. A status proves nothing where the last
change is as young as the run itself: the file may have changed once more within the same tick of its file system's
clock. Such *fresh* ones are read again and compared by digest, as are those whose status has changed.
"""

from __future__ import annotations

import os
import stat
import time

from auditor.cache import probes
from auditor.digests import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from auditor.cache.inputs import Recording
    from auditor.cache.probes import Answer, Question

    Files = list[tuple[str, list[tuple[str, "Status", bytes]]]]
    """By directory: name, status, digest of the content."""

    Listings = list[tuple[str, str, "Status", bytes]]
    State = tuple[int, Files, Listings, list[tuple[Question, Answer]]]
    """The time (ns) from which on files count as fresh, and all that has been looked at."""

TICK = 2_000_000_000
"""Nanoseconds that the clock of a file system may be behind: FAT counts in steps of two seconds."""

_LARGEST = 60_000_000
"""Bytes of the largest file that an audit reads; see `auditor.index.notebook`."""

Status = tuple[int, ...]
_NOTHING: Status = ()


def status_of(path: str) -> Status:
    """Size, times of change (ns), inode and kind; empty where there is nothing."""
    try:
        x = os.lstat(path)
    except OSError:
        return _NOTHING
    return x.st_size, x.st_mtime_ns, x.st_ctime_ns, x.st_ino, x.st_mode


def take(recording: Recording) -> State | None:
    """The state as plain values; None where it could not be compared later."""
    start = recording.start
    contents = dict(recording.contents)
    for path in recording.late:
        if path not in contents:
            status = status_of(path)
            if _is_fresh(status, start):
                return None
            contents[path] = _digest_of(path)
    for path in list(contents):
        if os.path.islink(path):
            recording.answers["leads", path] = probes.ask(("leads", path))
            contents.setdefault(os.path.realpath(path), contents[path])
    files: dict[str, list[tuple[str, Status, bytes]]] = {}
    for path in sorted(contents):
        folder, name = os.path.split(path)
        files.setdefault(folder, []).append((name, status_of(path), contents[path]))
    listings = [(kind, path, status_of(path), seen) for (kind, path), seen in recording.listings.items()]
    return start, list(files.items()), listings, list(recording.answers.items())


class Comparison:
    """Compares a state with the present. ``is_same``: nothing that matters has changed.

    ``renewed`` is the same state with what was learned about it, or None where nothing was.
    """

    def __init__(self, state: State) -> None:
        self.renewed: State | None = None
        self._start = time.time_ns()
        self._before, files, listings, answers = state
        self._learned = False
        self.is_same = self._listings(listings) and self._files(files) and self._answers(answers)
        if self.is_same and self._learned:
            self.renewed = (self._start, files, listings, answers)

    def _files(self, files: Files) -> bool:
        lstat = os.lstat
        limit = self._before - TICK
        for folder, entries in files:
            prefix = os.path.join(folder, "")
            for at, (name, status, content) in enumerate(entries):
                try:
                    x = lstat(prefix + name)
                except OSError:
                    now = _NOTHING
                else:
                    now = (x.st_size, x.st_mtime_ns, x.st_ctime_ns, x.st_ino, x.st_mode)
                if now == status and (not now or (now[1] < limit and now[2] < limit)):
                    continue
                if not content or stat.S_IFMT(now[4] if now else 0) != stat.S_IFMT(
                    status[4] if status else 0
                ):
                    return False
                if _digest_of(prefix + name) != content:
                    return False
                entries[at] = (name, now, content)
                self._learned |= now != status or not _is_fresh(now, self._start)
        return True

    def _listings(self, listings: Listings) -> bool:
        for at, (kind, path, status, content) in enumerate(listings):
            now = status_of(path)
            if now == status and not _is_fresh(now, self._before):
                continue
            if probes.listing(kind, path) != content:
                return False
            listings[at] = (kind, path, now, content)
            self._learned |= now != status or not _is_fresh(now, self._start)
        return True

    def _answers(self, answers: list[tuple[Question, Answer]]) -> bool:
        return all(probes.holds(question, answer) for question, answer in answers)


def _is_fresh(status: Status, start: int) -> bool:
    return bool(status) and (status[1] >= start - TICK or status[2] >= start - TICK)


def _digest_of(path: str) -> bytes:
    """The digest of a regular file; empty for anything else."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError:
        return b""
    return digest(data) if len(data) <= _LARGEST else b""
