"""Texts of the program's files, read again where a suspect needs them, and the units that are parsed."""

from __future__ import annotations

import ast
from bisect import bisect_right
from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.index import source

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.index.files import Text
    from auditor.link.edges import Place
    from auditor.link.program import Function, Module

WRAPPER = "if 1:\n"
"""What makes an indented unit a module of its own without moving a column."""


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
    """Reads each file at most once. ``reader`` gives the text of a module, or None if it has gone."""

    def __init__(self, reader: Callable[[Module], Text | None]) -> None:
        self._reader = reader
        self._texts: dict[Module, Text | None] = {}
        self._lines: dict[Module, list[str]] = {}
        self._units: dict[tuple[Module, int, int], Unit | None] = {}
        self._statements: dict[tuple[Module, int, int], ast.Module | None] = {}

    def text(self, module: Module) -> Text | None:
        if module not in self._texts:
            self._texts[module] = self._reader(module)
        return self._texts[module]

    def lines(self, module: Module) -> list[str]:
        """The lines of a module, without line ends; empty if the file has gone."""
        lines = self._lines.get(module)
        if lines is None:
            text = self.text(module)
            # only \n ends a line for Python: a form feed or a line separator does not
            lines = self._lines[module] = text.text.split("\n") if text is not None else []
        return lines

    def column(self, module: Module, line: int, byte_column: int) -> int:
        """The 1-based column in code points."""
        lines = self.lines(module)
        if not 0 < line <= len(lines):
            return byte_column + 1
        return source.column(lines[line - 1], byte_column)

    def span(self, function: Function, place: Place) -> tuple[int, int]:
        """First and last line of the unit that holds a place."""
        if function.facts.kind not in (f.MODULE_BODY, f.CLASS_BODY):
            return function.facts.unit
        units = function.module.facts.units
        best = function.facts.unit if function.facts.kind == f.CLASS_BODY else (place.line, place.end_line)
        index = bisect_right(units, (place.line, 1 << 60)) - 1
        while index >= 0:
            start, end = units[index]
            if start <= place.line <= end:
                return start, end
            index -= 1
            if place.line - start > 5000:
                break
        return best

    def unit(self, function: Function, place: Place) -> Unit | None:
        """The unit that holds a place; None when the file has changed under our feet or is too deep to parse."""
        start, end = self.span(function, place)
        key = (function.module, start, end)
        if key not in self._units:
            self._units[key] = self._make(function.module, start, end)
        return self._units[key]

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

    def statement(self, function: Function, place: Place) -> str:
        """The statement around a place, normalised: layout and comments gone, a compound one by its header only."""
        unit = self.unit(function, place)
        if unit is None:
            return ""
        key = (function.module, unit.start, unit.end)
        if key not in self._statements:
            from auditor.index import files

            tree = files.parse(unit.code)
            self._statements[key] = tree if isinstance(tree, ast.Module) else None
        tree = self._statements[key]
        if tree is None:
            return ""
        found = _innermost(tree.body, place.line - unit.offset, place.column)
        return _header(found) if found is not None else ""


def _innermost(body: list[ast.stmt], line: int, column: int) -> ast.stmt | None:
    """The innermost statement of ``body`` that holds the position."""
    for statement in body:
        first = statement.lineno
        for decorator in getattr(statement, "decorator_list", ()):
            first = min(first, decorator.lineno)
        if not first <= line <= (statement.end_lineno or first):
            continue
        if line == statement.end_lineno and column >= (statement.end_col_offset or 0) and first != line:
            continue
        if first == line == statement.end_lineno and not statement.col_offset <= column < (statement.end_col_offset or 0):
            continue
        for part in ("body", "orelse", "finalbody"):
            inner = _innermost(getattr(statement, part, None) or [], line, column)
            if inner is not None:
                return inner
        for handler in [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]:
            inner = _innermost(handler.body, line, column)
            if inner is not None:
                return inner
        return statement
    return None


def _header(statement: ast.stmt) -> str:
    try:
        if not hasattr(statement, "body"):
            return ast.unparse(statement)
        if isinstance(statement, ast.If | ast.While):
            return f"{type(statement).__name__} {ast.unparse(statement.test)}"
        if isinstance(statement, ast.For | ast.AsyncFor):
            return f"{type(statement).__name__} {ast.unparse(statement.target)} in {ast.unparse(statement.iter)}"
        if isinstance(statement, ast.With | ast.AsyncWith):
            return f"{type(statement).__name__} {', '.join(ast.unparse(i) for i in statement.items)}"
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            decorators = " ".join(ast.unparse(d) for d in statement.decorator_list)
            return f"{type(statement).__name__} {statement.name} {decorators}"
    except (ValueError, RecursionError):
        return ""
    return type(statement).__name__
