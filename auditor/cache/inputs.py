"""What a run looks at outside of itself, taken down so that a later run can tell whether it would see the same.

Whoever reads a file, lists a directory or asks whether something is there says so here. Nothing is taken down unless
a `Recording` is open: that is one run of a command, whose result may be kept.
"""

from __future__ import annotations

import os
import sys
import time

from auditor import gitrun
from auditor.cache import probes
from auditor.digests import digest

TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from auditor.cache.probes import Answer, Question
    from auditor.directories import Scan

_open: list[Recording] = []


class Recording:
    """What has been seen since ``start`` (nanoseconds since the epoch).

    ``contents`` maps the paths of files to the digests of what was read; the paths under ``late`` were read by others.
    ``listings`` maps (kind, directory) to the digest of what was listed. ``excuse`` says why the run cannot be
    repeated from these, if it cannot.
    """

    def __init__(self) -> None:
        self.start = time.time_ns()
        self.contents: dict[str, bytes] = {}
        self.late: dict[str, None] = {}
        self.listings: dict[tuple[str, str], bytes] = {}
        self.answers: dict[Question, Answer] = {}
        self.excuse = ""

    def __enter__(self) -> Self:
        _open.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.remove(self)


class Paused:
    """What is looked at meanwhile follows from what has been seen before."""

    def __enter__(self) -> None:
        self._were = _open[:]
        _open.clear()

    def __exit__(self, *_: object) -> None:
        _open[:] = self._were


def give_up(why: str) -> None:
    """The run depends on something that cannot be told here."""
    for recording in _open:
        recording.excuse = recording.excuse or why


def read(path: str, content: bytes) -> None:
    """A file was read; ``content`` is its digest, empty where it could not be read."""
    for recording in _open:
        if recording.contents.setdefault(os.path.abspath(path), content) != content:
            recording.excuse = recording.excuse or f"{path} changed meanwhile"


def uses(path: str) -> None:
    """A file is about to be read, all of it."""
    for recording in _open:
        recording.late[os.path.abspath(path)] = None


def scanned(directory: str, found: Scan) -> None:
    """A directory was listed."""
    if _open:
        content = digest(found.summary())
        for recording in _open:
            recording.listings[probes.SOURCES, os.path.abspath(directory)] = content


def distributions(directory: str) -> None:
    """Which distributions are installed in a directory matters."""
    if _open:
        content = probes.listing(probes.DISTRIBUTIONS, directory)
        for recording in _open:
            recording.listings[probes.DISTRIBUTIONS, directory] = content


def asks(name: str, *arguments: str) -> None:
    """The answer to a question of `auditor.cache.probes` matters."""
    if _open:
        question = (name, *arguments)
        answer = probes.ask(question)
        for recording in _open:
            recording.answers[question] = answer


def brought(directory: str) -> None:
    """A distribution brings rules or models that lie in a directory, with the code that they use."""
    if directory in sys.path:
        give_up(f"{directory} holds everything that is installed")
    else:
        asks("tree", directory)


def exists(path: str) -> bool:
    """Whether there is something of that name."""
    found = os.path.lexists(path)
    for recording in _open:
        recording.answers["exists", path] = found
    return found


def is_file(path: str) -> bool:
    """Whether a path leads to a file."""
    found = os.path.isfile(path)
    for recording in _open:
        recording.answers["is-file", path] = found
    return found


def git(directory: str, arguments: tuple[str, ...]) -> tuple[bytes, str] | None:
    """What git says; see `auditor.gitrun.run`."""
    output = gitrun.run(directory, arguments)
    for recording in _open:
        recording.answers["git", directory, *arguments] = probes.git_answer(arguments, output)
    return output
