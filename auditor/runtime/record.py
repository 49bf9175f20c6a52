"""Stalls as JSON lines: what ``--record`` and ``LoopLagMonitor(record=...)`` write and ``--evidence`` reads.

Each line is one object with ``type`` and ``version``. A stall that lasts is written first as ``ongoing``, then again,
under the same ``id``, when it has ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, get_args

from auditor.model import Frame, GilUse, SampleSource, Site, Stall, StallKind, StallSample, StallState

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024
"""A file of records does not grow beyond this."""


def to_json(stall: Stall) -> dict[str, Any]:
    """The object of one line; times are seconds, rounded to microseconds."""
    found = asdict(stall)
    for name in ("start", "duration", "cpu", "queued", "collecting"):
        found[name] = round(found[name], 6)
    for sample in found["samples"]:
        sample["at"] = round(sample["at"], 6)
    return {"type": "stall", "version": VERSION, **found}


def of_json(found: dict[str, Any]) -> Stall:
    """The stall of one line. Raises ValueError, KeyError or TypeError when it is none."""
    if found.get("type") != "stall" or found.get("version") != VERSION:
        raise ValueError(f"no stall of version {VERSION}")
    values = {name: found[name] for name in Stall.__slots__}
    values["kind"] = StallKind(values["kind"])
    values["state"] = _one_of(values["state"], get_args(StallState))
    values["gil"] = _one_of(values["gil"], get_args(GilUse))
    values["site"] = Site(**values["site"]) if values["site"] else None
    values["frames"] = tuple(Frame(**frame) for frame in values["frames"])
    values["coroutines"] = tuple(Frame(**frame) for frame in values["coroutines"])
    values["samples"] = tuple(StallSample(**sample) for sample in values["samples"])
    if any(sample.source not in get_args(SampleSource) for sample in values["samples"]):
        raise ValueError("unknown source of a sample")
    return Stall(**values)


def _one_of(value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value


class Writer:
    """Appends lines to a file, each in one write, so that several processes may share it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o644
        )
        self.full = False

    def write(self, found: dict[str, Any]) -> None:
        """Append one line, unless the file is full; a disk that refuses it does not stop the program."""
        if self.full:
            return
        try:
            if os.fstat(self._file).st_size > MOST_BYTES:
                self.full = True
                found = {"type": "full", "version": VERSION, "note": f"no more than {MOST_BYTES} bytes"}
            os.write(self._file, (json.dumps(found, separators=(",", ":")) + "\n").encode())
        except OSError:
            self.full = True

    def close(self) -> None:
        os.close(self._file)


class Records:
    """The files that stalls are written to, each from a threshold of its own."""

    def __init__(self) -> None:
        self._writers: dict[str, tuple[Writer, float]] = {}

    def update(self, wanted: list[tuple[str, float]]) -> list[str]:
        """Open and close files so that these are written; returns a line for each that cannot be."""
        problems = []
        for path, threshold in wanted:
            if path in self._writers:
                continue
            try:
                self._writers[path] = (Writer(path), threshold)
            except OSError as error:
                problems.append(f"{path}: {error.strerror}")
        for path in self._writers.keys() - {path for path, _ in wanted}:
            self._writers.pop(path)[0].close()
        return problems

    def write(self, stall: Stall) -> dict[str, Any]:
        """Append the stall wherever it is long enough; returns its line as an object."""
        found = to_json(stall)
        for writer, threshold in self._writers.values():
            if stall.duration >= threshold:
                writer.write(found)
        return found


def read(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and objects of a file of records.

    Raises ValueError, with path and line, at the first line that is no JSON object with a type. A last line without an
    end is one that was being written, and is left out.
    """
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith("\n"):
                return
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            if not isinstance(found, dict) or not isinstance(found.get("type"), str):
                raise ValueError(
                    f"{path}:{number}: not a line of JSON that 'auditor monitor --record' writes"
                )
            yield number, found


def stalls(path: str) -> Iterator[Stall]:
    """The stalls of a file, the last word on each.

    Raises ValueError, with path and line, when one does not hold what it must.
    """
    found: dict[str, Stall] = {}
    for number, line in read(path):
        if line.get("type") != "stall":
            continue
        try:
            stall = of_json(line)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}:{number}: not a stall as auditor records it: {error}") from error
        found[stall.id] = stall
    yield from found.values()


def ran(path: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Path, sha256 and functions of each file that ran; see `auditor.runtime.ran`.

    Raises ValueError, with path and line, when a line does not hold what it must.
    """
    for number, line in read(path):
        if line.get("type") != "ran":
            continue
        file, digest, functions = line.get("path"), line.get("sha256"), line.get("functions")
        if not isinstance(file, str) or not isinstance(digest, str) or not isinstance(functions, list):
            raise ValueError(f"{path}:{number}: not what ran as auditor records it")
        yield file, digest, frozenset(name for name in functions if isinstance(name, str))
