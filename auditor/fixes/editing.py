"""Edits of one text, and which of many fixes can be made at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.model import Edit, Fix


def ordered(edits: Iterable[Edit]) -> list[Edit]:
    """Equal edits once, in the order of the text; insertions at one place stay in their order."""
    return sorted(dict.fromkeys(edits), key=lambda edit: (edit.path, edit.start, edit.end))


def compatible(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes that do not get into each other's way, those that come first before others.

    What is left out is for another round: its places have moved then. Equal edits, such as the import that two fixes
    need, are no conflict.
    """
    taken: dict[str, set[Edit]] = {}
    chosen = []
    for fix in fixes:
        if any(_touches(edit, other) for edit in fix.edits for other in taken.get(edit.path, ())):
            continue
        chosen.append(fix)
        for edit in fix.edits:
            taken.setdefault(edit.path, set()).add(edit)
    return chosen


def _touches(one: Edit, other: Edit) -> bool:
    """Whether two edits overlap, or one inserts at an end of the other, which leaves their order open."""
    if one == other:
        return False
    if one.start == one.end or other.start == other.end:
        return one.start <= other.end and other.start <= one.end
    return one.start < other.end and other.start < one.end


def edited(text: str, starts: Sequence[int], edits: Iterable[Edit], newline: str = "\n") -> str:
    """The text with the edits of its file made; ``starts`` are the indices at which its lines start."""
    pieces = []
    at = 0
    for edit in ordered(edits):
        begin, end = (starts[line - 1] + column - 1 for line, column in (edit.start, edit.end))
        pieces += [text[at:begin], edit.replacement.replace("\n", newline)]
        at = end
    return "".join([*pieces, text[at:]])
