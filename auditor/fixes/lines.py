"""A text by lines and columns, as fixes need it: what stands in a span, and where a character stands."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.engine.parsed import Span

Position = tuple[int, int]
"""Line and column, both from 1; columns count code points."""


class Lines:
    """The lines of a module, without line ends."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.text = "\n".join(lines)
        self._starts = [0, *accumulate(len(line) + 1 for line in lines)]

    def offset(self, position: Position) -> int:
        """The index in ``text`` of a position."""
        line, column = position
        return self._starts[line - 1] + column - 1

    def position(self, offset: int) -> Position:
        """The position of an index in ``text``."""
        line = min(bisect_right(self._starts, offset), len(self.lines))
        return line, offset - self._starts[line - 1] + 1

    def between(self, start: Position, end: Position) -> str:
        """What stands from one position up to another."""
        return self.text[self.offset(start) : self.offset(end)]

    def of(self, span: Span) -> str:
        """What stands in a span."""
        return self.between(span[:2], span[2:])

    def indent(self, line: int) -> str:
        """The white space at the beginning of a line."""
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip(" \t\f"))]
