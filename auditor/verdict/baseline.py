"""Baselines: exposures that are known, and are not to fail a run until somebody gets to them.

A baseline is a file of JSON lines: a header, then one line for each exposure, in order. Lines of their own make merges
and diffs read well; equal lines count as often as they occur. Only ``fingerprint`` is compared, which holds the rule;
of equal ones those with the same ``sink`` are matched first. The rest is for people.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auditor.verdict.fingerprint import VERSION as FINGERPRINTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

FORMAT: Final = 1
_HEADER: Final = "auditor-baseline"
_CONFLICT: Final = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
_FIELDS: Final = ("path", "function", "rule", "sink", "fingerprint")


class BaselineError(Exception):
    """A baseline cannot be read or written; ``problems`` holds one line."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problems = (problem,)


class Entry(NamedTuple):
    """One exposure. ``path`` is relative to the baseline's directory; ``sink`` says what is called, and where."""

    path: str
    function: str
    rule: str
    sink: str
    fingerprint: str


class Baseline(NamedTuple):
    """The entries of a file, with the line of each."""

    path: str
    entries: tuple[tuple[int, Entry], ...] = ()


def read(path: str) -> Baseline:
    """Read a baseline; raises `BaselineError`."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except FileNotFoundError as error:
        raise BaselineError(f"no baseline {path}; `auditor baseline` makes one") from error
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BaselineError(f"baseline {path} cannot be read ({what})") from error
    entries = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if line.startswith(_CONFLICT):
            raise BaselineError(f"{path}:{number}: a merge conflict; keep the lines of both sides")
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BaselineError(f"{path}:{number}: is no line of a baseline: not JSON") from error
        if number == 1:
            _check_header(path, record)
            continue
        if not isinstance(record, dict) or not all(isinstance(record.get(name), str) for name in _FIELDS):
            raise BaselineError(f"{path}:{number}: is no line of a baseline: {', '.join(_FIELDS)} are texts")
        entries.append((number, Entry(*(record[name] for name in _FIELDS))))
    if not any(line.strip() for line in lines[:1]):
        raise BaselineError(f"{path}:1: is no baseline: its first line must say {_HEADER!r}")
    return Baseline(path, tuple(entries))


def _check_header(path: str, record: Any) -> None:
    version = record.get(_HEADER) if isinstance(record, dict) else None
    if version is None:
        raise BaselineError(f"{path}:1: is no baseline: its first line must say {_HEADER!r}")
    if version != FORMAT or record.get("fingerprints") != FINGERPRINTS:
        raise BaselineError(
            f"{path}:1: was made by another version of auditor; make it anew with `auditor baseline --accept-new`"
        )


def write(path: str, entries: Iterable[Entry]) -> None:
    """Write a baseline, as a whole or not at all; raises `BaselineError`."""
    lines = [json.dumps({_HEADER: FORMAT, "fingerprints": FINGERPRINTS})]
    lines += [
        json.dumps({name: _plain(getattr(entry, name)) for name in _FIELDS}) for entry in sorted(entries)
    ]
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(lines) + "\n")
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise BaselineError(f"baseline {path} cannot be written ({error.strerror})") from error


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def match(known: Sequence[Entry], present: Sequence[Entry]) -> tuple[set[int], set[int]]:
    """Which of ``present`` are ``known``, and which of ``known`` are not there any more, both by position.

    Fingerprints match as a multiset. Among equal ones those with the same sink come first, then in order.
    """
    matched: set[int] = set()
    free: dict[str, list[int]] = {}
    for index, entry in enumerate(known):
        free.setdefault(entry.fingerprint, []).append(index)
    same_sink: Callable[[Entry, Entry], bool] = lambda one, other: one.sink == other.sink  # noqa: E731
    for fits in (same_sink, lambda *_: True):
        for index, entry in enumerate(present):
            candidates = free.get(entry.fingerprint)
            if index in matched or not candidates:
                continue
            found = next((at for at in candidates if fits(known[at], entry)), None)
            if found is not None:
                candidates.remove(found)
                matched.add(index)
    return matched, {at for left in free.values() for at in left}
