"""Items of dictionaries that are given anew: from there on the name stands for a dictionary with the new item.

Others may know the dictionary by another name, from before: for them the assignment is one more that may have been
made. Only keys that the display has are looked at, since all others change nothing of what the name gives.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from auditor.index import facts as f

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OFTEN = 8
"""More often over one another would only make long chains of dictionaries."""

Expression = tuple[Any, ...]


class Overwriting:
    """Makes displays of dictionaries, among the expressions of a file, of which an item has been given anew."""

    def __init__(self, exprs: Sequence[Expression], append: Callable[[Expression], int]) -> None:
        self._exprs = exprs
        self._append = append

    def with_item(self, dictionary: int, keys: Sequence[object], item: int) -> int:
        """The dictionary after ``dictionary[key][key] = item``; 0 if it is no display that has the keys."""
        before = self._item(dictionary, keys[0])
        if not before:
            return 0
        if len(keys) > 1:
            item = self.with_item(before, keys[1:], item)
            if not item:
                return 0
        return self._made(dictionary, ((keys[0], item),))

    def with_items(self, dictionary: int, others: int) -> int:
        """The dictionary after ``dictionary.update(others)``; 0 if they are not displays that have a key in common."""
        added = self._exprs[others]
        if added[0] != f.DICT or not any(
            self._item(dictionary, key) for key, _ in added[1] if key is not None
        ):
            return 0
        return self._made(dictionary, added[1])

    def _made(self, dictionary: int, entries: tuple[tuple[object, int], ...]) -> int:
        spread = self._append((f.STARRED, dictionary))
        return self._append((f.DICT, ((None, spread), *entries), ()))

    def _item(self, dictionary: int, key: object) -> int:
        """The item of a display, or of what it has overwritten; 0 where there is none, or this was done too often."""
        found = 0
        for _ in range(_OFTEN):
            expression = self._exprs[dictionary]
            if expression[0] != f.DICT:
                return 0
            entries = expression[1]
            if not found:
                found = next((item for known, item in reversed(entries) if known == key), 0)
            if not entries or entries[0][0] is not None or self._exprs[entries[0][1]][0] != f.STARRED:
                return found
            dictionary = self._exprs[entries[0][1]][1]
        return 0


def held_by(target: ast.expr) -> tuple[str, list[ast.expr]]:
    """The name and the keys, from the outside in, of ``name[key][key]``; no name for anything else."""
    keys: list[ast.expr] = []
    while isinstance(target, ast.Subscript):
        keys.append(target.slice)
        target = target.value
    return (target.id, keys[::-1]) if isinstance(target, ast.Name) else ("", [])
