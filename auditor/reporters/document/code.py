"""Code as reports show it: the lines around a finding, and fixes as unified diffs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from auditor.model import Edit, Fix, Location
from auditor.reporters.cells import escape
from auditor.reporters.frames import read_from_disk
from auditor.reporters.options import Options

FIXES_SHOWN = 3
"""A helper with many callers has a fix for each of them, all alike."""

_WIDEST = 240
"""Of a longer line only so many characters are shown."""


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line, and whether the finding stands on it; ``start`` and ``end`` (from 0) bound what is at fault.

    ``text`` is without the indentation that all lines shown have in common, of ``indent`` characters.
    """

    number: int
    text: str
    marked: bool
    start: int = 0
    end: int = 0
    indent: int = 0


class Sources:
    """Lines of the audited files; every file is read once as long as findings are asked for file by file."""

    def __init__(self, options: Options) -> None:
        self._reader = options.source or read_from_disk
        self._path, self._lines = "", [""]

    def lines(self, path: str) -> list[str]:
        """The lines of a file; none where it cannot be read (any more)."""
        if path != self._path:
            try:
                text = self._reader(path)
            except (OSError, ValueError):
                text = None
            self._path = path
            self._lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if text else []
        return self._lines

    def around(self, where: Location, context: int) -> list[CodeLine]:
        """The line of a finding and up to ``context`` lines on each side, without blank ones at the ends."""
        lines = self.lines(where.path)
        if not 0 < where.line <= len(lines):
            return []
        first = max(1, where.line - context)
        last = min(len(lines), where.line + context)
        while first < where.line and not lines[first - 1].strip():
            first += 1
        while last > where.line and not lines[last - 1].strip():
            last -= 1
        shown = lines[first - 1 : last]
        indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in shown if line.strip()]
        indent = _common_start(indents)
        return [_line(where, first + at, line, indent) for at, line in enumerate(shown)]

    def diff(self, fix: Fix) -> str:
        """The fix as a unified diff that `patch` and `git apply` take; empty where a source cannot be read."""
        found: list[str] = []
        for path in sorted({edit.path for edit in fix.edits}):
            before = self.lines(path)
            edits = [edit for edit in fix.edits if edit.path == path]
            after = _edited(before, edits)
            if after is None:
                return ""
            shown = escape(path)
            found += _lines(difflib.unified_diff(before, after, f"a/{shown}", f"b/{shown}", n=2, lineterm=""))
        return "\n".join(found)


def _common_start(texts: list[str]) -> int:
    """How many characters all texts begin with in common."""
    first, last = min(texts, default=""), max(texts, default="")
    return next(
        (at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first)
    )


def _line(where: Location, number: int, line: str, indent: int) -> CodeLine:
    text = line[indent : indent + _WIDEST].rstrip()
    if number != where.line:
        return CodeLine(number, text, marked=False, indent=indent)
    end = where.end_column - 1 if where.end_line == where.line else len(line.rstrip())
    start, end = (min(max(column - indent, 0), len(text)) for column in (where.column - 1, end))
    return CodeLine(number, text, True, start, end, indent)


def _lines(diff: Iterator[str]) -> Iterator[str]:
    for line in diff:
        yield line[:1] + escape(line[1:]) if line[:1] in "+- " else escape(line)


def _edited(lines: list[str], edits: list[Edit]) -> list[str] | None:
    text = list(lines)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        (first, start), (last, end) = edit.start, edit.end
        if not 0 < first <= last <= len(text):
            return None
        merged = text[first - 1][: start - 1] + edit.replacement + text[last - 1][end - 1 :]
        text[first - 1 : last] = merged.split("\n")
    return text
