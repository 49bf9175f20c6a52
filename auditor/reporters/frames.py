"""Code frames: the offending line, cut to the width at hand, and where to underline it."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.reporters.cells import pieces, width
from auditor.reporters.options import Reader

_FILES_KEPT = 16
"""Findings come worst first, so files alternate; a few are kept to spare most of the second readings."""

_LEAST = 24
"""Frames are at least this wide: the longest escape and the marks of a cut line must fit."""


def read_from_disk(path: str) -> str | None:
    """Read a reported path the way the audit did, or return None."""
    from auditor.index import notebook, source

    text = notebook.read_reported(path) if ".ipynb" in path else source.read(path)
    return text.text if isinstance(text, source.Source) else None


class SourceLines:
    """Lines of the audited files, read when a frame quotes them."""

    def __init__(self, reader: Reader | None = None) -> None:
        self._reader = reader or read_from_disk
        self._files: dict[str, list[str]] = {}

    def line(self, path: str, number: int) -> str | None:
        """Return line ``number`` (from 1) of ``path`` without its end, or None where there is no such line."""
        lines = self._files.get(path)
        if lines is None:
            lines = self._load(path)
        return lines[number - 1] if 0 < number <= len(lines) else None

    def _load(self, path: str) -> list[str]:
        try:
            text = self._reader(path)
        except (OSError, ValueError):
            text = None
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if text else []
        if len(self._files) >= _FILES_KEPT:
            del self._files[next(iter(self._files))]
        self._files[path] = lines
        return lines


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a frame shows of a line: ``text`` is safe and fits; ``length`` cells from ``offset`` are underlined."""

    text: str
    offset: int
    length: int


def excerpt(line: str, start: int, end: int, limit: int, ellipsis: str) -> Excerpt:
    """Cut ``line`` to ``limit`` cells around the code points ``start`` to ``end`` (from 0, end exclusive)."""
    limit = max(limit, _LEAST)
    end = min(max(end, start + 1), len(line))
    # A code point is never narrower than its raw self except for combining marks, of which no run is long.
    first, last = max(0, start - 2 * limit), min(len(line), start + 4 * limit)
    shown = pieces(line[first:last])
    cells = [width(piece) for piece in shown]
    start, end, cut_end = start - first, min(end, last) - first, last < len(line)
    left, right = _window(cells, start, limit, len(ellipsis), first > 0, cut_end)
    prefix = ellipsis if left > 0 or first > 0 else ""
    suffix = ellipsis if right < len(shown) or cut_end else ""
    text = prefix + "".join(shown[left:right]) + suffix
    if start >= len(shown):
        return Excerpt(text.rstrip(), 0, 0)
    offset = len(prefix) + sum(cells[left:start])
    length = sum(cells[start : min(end, right)])
    return Excerpt(text.rstrip(), offset, max(1, length))


def _window(
    cells: list[int], start: int, limit: int, mark: int, more_before: bool, more_after: bool
) -> tuple[int, int]:
    """Choose the slice of ``cells`` to show so that it holds ``start`` and, with its marks, fits ``limit``."""
    if sum(cells) <= limit and not more_before and not more_after:
        return 0, len(cells)
    start = min(start, len(cells))
    room = limit - 2 * mark
    before = max(room // 4, room - sum(cells[start:]))
    left = start
    while left > 0 and cells[left - 1] <= before:
        left -= 1
        before -= cells[left]
    right, used = left, 0
    while right < len(cells) and used + cells[right] <= room:
        used += cells[right]
        right += 1
    return left, right
