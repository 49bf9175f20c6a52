"""Stacks as lists of `Frame`, whoever took them, and what in them belongs to the project."""

from __future__ import annotations

import hashlib
import linecache
import os
import re
import sys
import sysconfig
from collections import OrderedDict
from collections.abc import Iterable
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE
from types import CodeType, FrameType
from typing import Any

from auditor.model import Frame, Site

MOST_FRAMES = 200
MOST_LINE = 200
_LIBRARY_PARTS = re.compile(r"(^|[\\/])(site-packages|dist-packages)[\\/]")
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_DEBUGGERS = re.compile(
    r"[\\/](pdb|bdb)\.py$|[\\/](_pydevd_bundle|_pydevd_frame_eval|pydevd|debugpy|ipdb|pudb)[\\/.]"
)


class Project:
    """Tells the project's files from those of the interpreter and of installed packages."""

    def __init__(self, library: Iterable[str]) -> None:
        self._library = tuple(os.path.join(path, "") for path in library)
        self._known: OrderedDict[str, bool] = OrderedDict()

    @classmethod
    def of_this_process(cls) -> Project:
        """By the standard library's place for the interpreter that runs."""
        return cls(library_paths())

    def owns(self, path: str) -> bool:
        """Whether the file is neither library nor made up."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = not (
                not path
                or path.startswith(("<", _OURS, *self._library))
                or _LIBRARY_PARTS.search(path) is not None
            )
            if len(self._known) > 4096:
                self._known.popitem(last=False)
        return known

    def frame(self, path: str, line: int, function: str) -> Frame:
        return Frame(path, line, function, self.owns(path))


def library_paths() -> list[str]:
    """Where the standard library lies, and scripts that pip has made, both as named and as resolved."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    paths |= {os.path.dirname(os.__file__)}
    if sys.prefix != sys.base_prefix:  # the console scripts of a virtual environment
        paths |= {sysconfig.get_path("scripts")}
    return sorted(paths | {os.path.realpath(path) for path in paths})


def of_frame(frame: FrameType | None, project: Project) -> tuple[Frame, ...]:
    """The stack that ends in ``frame``, innermost first."""
    found: list[Frame] = []
    while frame is not None and len(found) < MOST_FRAMES:
        found.append(project.frame(frame.f_code.co_filename, frame.f_lineno or 0, qualified(frame.f_code)))
        frame = frame.f_back
    return tuple(found)


def awaiting(frame: FrameType | None, project: Project) -> tuple[Frame, ...]:
    """The coroutines on the stack of a thread that runs a task, outermost first: each awaits the next."""
    found: list[Frame] = []
    while frame is not None and len(found) < MOST_FRAMES:
        code = frame.f_code
        if code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE):
            found.append(project.frame(code.co_filename, frame.f_lineno or 0, qualified(code)))
        frame = frame.f_back
    return tuple(reversed(found))


def of_dump(frames: list[dict[str, Any]], project: Project) -> tuple[Frame, ...]:
    """The frames of one thread in a py-spy dump."""
    return tuple(
        project.frame(str(frame.get("filename", "")), int(frame.get("line") or 0), str(frame.get("name", "")))
        for frame in frames[:MOST_FRAMES]
    )


def qualified(code: CodeType) -> str:
    return code.co_qualname


def deepest_project(frames: tuple[Frame, ...]) -> Frame | None:
    """The innermost frame that belongs to the project."""
    return next((frame for frame in frames if frame.project), None)


def blamed(frames: tuple[Frame, ...], driver: Driver | None) -> Frame | None:
    """The deepest project frame; where a callback has none, its innermost frame."""
    inside = frames[: _index_of(driver, frames)] if driver else frames
    inside = tuple(frame for frame in inside if not is_ours(frame))
    if driver is not None:
        named = (
            frame for frame in inside if not frame.path.startswith("<")
        )  # not: <frozen importlib._bootstrap>
        return deepest_project(inside) or next(named, inside[0] if inside else None)
    return deepest_project(inside)


def in_debugger(frames: tuple[Frame, ...]) -> bool:
    return any(_DEBUGGERS.search(frame.path) for frame in frames)


def is_ours(frame: Frame) -> bool:
    return frame.path.startswith(_OURS)


def in_selector(frames: tuple[Frame, ...]) -> bool:
    """Whether the stack is that of a loop in Python that waits for events: it calls ``select`` from ``_run_once``."""
    names = [frame.function.rpartition(".")[2] for frame in frames[:4] if not is_ours(frame)]
    while names[1:] and names[0] == "select":
        del names[0]
        if names[0] == "_run_once":
            return True
    return False


class Driver:
    """The frame that runs a loop's callbacks, and how many frames are outside of it."""

    def __init__(self, path: str, function: str, line: int, depth: int) -> None:
        self.path, self.function, self.line, self.depth = path, function, line, depth

    @classmethod
    def of_note(cls, note: dict[str, Any]) -> Driver | None:
        """As the probe has noted it; nothing when it has not yet."""
        try:
            path, function, line, depth = note["driver"]
        except (KeyError, TypeError, ValueError):
            return None
        return cls(str(path), str(function), int(line), int(depth))

    def runs(self, frames: tuple[Frame, ...]) -> bool:
        """Whether the stack is that of a running loop."""
        return _index_of(self, frames) < len(frames)

    def is_bare(self, frames: tuple[Frame, ...]) -> bool:
        """Whether no Python runs within the driver: a loop in C then waits for events, or runs a function in C."""
        return _index_of(self, frames) == 0

    def root(self, frames: tuple[Frame, ...]) -> Frame | None:
        """The outermost frame of the callback that runs."""
        index = _index_of(self, frames)
        return frames[index - 1] if 0 < index < len(frames) else None


def _index_of(driver: Driver, frames: tuple[Frame, ...]) -> int:
    """Where the driver stands among the frames, innermost first; their number when it does not."""
    index = len(frames) - 1 - driver.depth
    if 0 <= index < len(frames):
        frame = frames[index]
        if (
            frame.path == driver.path
            and driver.line in {-1, frame.line}
            and frame.function.rpartition(".")[2] == driver.function
        ):
            return index
    return len(frames)


class Sources:
    """Lines and digests of the project's files, read when a stall is reported; bounded."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[tuple[int, int], str]] = OrderedDict()

    def site(self, frame: Frame) -> Site:
        """The place with its line of source and its file's sha256; both empty when the file cannot be read."""
        return Site(frame.path, frame.line, frame.function, self._text(frame), self._digest(frame.path))

    @staticmethod
    def _text(frame: Frame) -> str:
        if frame.path.startswith("<"):
            return ""
        linecache.checkcache(frame.path)
        text = linecache.getline(frame.path, frame.line).strip()[:MOST_LINE]
        if len(linecache.cache) > 512:
            linecache.clearcache()
        return text

    def _digest(self, path: str) -> str:
        try:
            found = os.stat(path)
            stamp = (found.st_mtime_ns, found.st_size)
            known = self._known.get(path)
            if known is None or known[0] != stamp:
                with open(path, "rb") as file:
                    known = (stamp, hashlib.sha256(file.read()).hexdigest())
                self._known[path] = known
                if len(self._known) > self._most:
                    self._known.popitem(last=False)
        except OSError:
            return ""
        return known[1]
