"""Texts of the program's files, read again where a suspect needs them, and the units that are parsed."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from auditor.index import facts as f
from auditor.index import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.engine.parsed import Span
    from auditor.index.files import Text
    from auditor.link.nodes import Place
    from auditor.link.program import Function, Module

_AFTER_ALL: Final = 1 << 60
_FAR: Final = 5000
WRAPPER: Final = "if 1:\n"
"""What makes an indented unit a module of its own without moving a column."""


_OPEN_TEXTS: Final = 16
_OPEN_UNITS: Final = 256

Key = TypeVar("Key")
Item = TypeVar("Item")


class Recent(Generic[Key, Item]):
    """What was used last, up to a number: a large program's texts would take more memory than its facts."""

    __slots__ = ("_items", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[Key, Item] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Item]) -> Item:
        """The item of ``key``, made if it is not among the recent ones."""
        try:
            item = self._items[key]
        except KeyError:
            item = self._items[key] = make()
            if len(self._items) > self._limit:
                self._items.popitem(last=False)
        else:
            self._items.move_to_end(key)
        return item


class Unit:
    """The source of one function or statement at the top of a module or class.

    ``code`` may begin with a line that is not in the file; line n of the file is line ``n - offset`` of the code.
    """

    __slots__ = ("code", "end", "offset", "start")

    def __init__(self, code: str, start: int, end: int, offset: int) -> None:
        self.code = code
        self.start = start
        self.end = end
        self.offset = offset


class Texts:
    """Reads files where they are needed. ``reader`` gives the text of a module, or None if it has gone."""

    def __init__(self, reader: Callable[[Module], Text | None]) -> None:
        self._reader = reader
        self._texts: Recent[Module, Text | None] = Recent(_OPEN_TEXTS)
        self._lines: Recent[Module, list[str]] = Recent(_OPEN_TEXTS)
        self._spans: dict[Module, list[tuple[int, int]]] = {}
        self._units: Recent[tuple[Module, int, int], Unit | None] = Recent(_OPEN_UNITS)
        self._wide: dict[Module, dict[int, str]] = {}

    def text(self, module: Module) -> Text | None:
        """The text of a module; None if it has gone."""
        return self._texts.get(module, lambda: self._reader(module))

    def lines(self, module: Module) -> list[str]:
        """The lines of a module, without line ends; empty if the file has gone."""
        return self._lines.get(module, lambda: self._split(module))

    def _split(self, module: Module) -> list[str]:
        text = self.text(module)
        # only \n ends a line for Python: a form feed or a line separator does not
        return text.text.split("\n") if text is not None else []

    def _wide_lines(self, module: Module) -> dict[int, str]:
        """The lines of a module in which a column is no byte, by number; most files have none, and few have many."""
        known = self._wide.get(module)
        if known is None:
            text = self.text(module)
            known = self._wide[module] = {}
            if text is not None and not text.text.isascii():
                known.update(
                    (number, line) for number, line in enumerate(self.lines(module), 1) if not line.isascii()
                )
        return known

    def column(self, module: Module, line: int, byte_column: int) -> int:
        """The 1-based column in code points."""
        wide = self._wide_lines(module).get(line)
        return byte_column + 1 if wide is None else source.column(wide, byte_column)

    def span_of(self, module: Module, place: Place) -> Span:
        """The span of a place, in code points."""
        return (
            place.line,
            self.column(module, place.line, place.column),
            place.end_line,
            self.column(module, place.end_line, place.end_column),
        )

    def lines_of_unit(self, function: Function, place: Place) -> tuple[int, int]:
        """First and last line of the unit that holds a place."""
        if function.facts.kind not in (f.MODULE_BODY, f.CLASS_BODY):
            return function.facts.unit
        # of those that overlap, a class and what its body holds, the inner one begins last
        units = self._sorted_units(function.module)
        for start, end in reversed(units[: bisect_right(units, (place.line, _AFTER_ALL))]):
            if place.line <= end:
                return start, end
            if place.line - start > _FAR:
                break
        return function.facts.unit if function.facts.kind == f.CLASS_BODY else (place.line, place.end_line)

    def _sorted_units(self, module: Module) -> list[tuple[int, int]]:
        units = self._spans.get(module)
        if units is None:
            units = self._spans[module] = sorted(module.facts.units)
        return units

    def unit(self, function: Function, place: Place) -> Unit | None:
        """The unit that holds a place; None when the file has changed under our feet or is too deep to parse."""
        start, end = self.lines_of_unit(function, place)
        module = function.module
        return self._units.get((module, start, end), lambda: self._make(module, start, end))

    def why_not(self, module: Module) -> str:
        """Why a unit of the module cannot be had."""
        if self.text(module) is None:
            return "changed while it was being analysed; run again"
        return "nested too deeply for its suspects to be judged; split the expression or the blocks"

    def _make(self, module: Module, start: int, end: int) -> Unit | None:
        lines = self.lines(module)
        if not 0 < start <= end <= len(lines):
            return None
        code = "\n".join(lines[start - 1 : end]) + "\n"
        offset = start - 1
        if code[:1] in " \t":
            code = WRAPPER + code
            offset -= 1
        if source.too_deep(code):
            return None
        return Unit(code, start, end, offset)
