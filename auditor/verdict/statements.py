"""Statements without their layout: what fingerprints are made of."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from auditor.engine.texts import Recent
from auditor.index import files

if TYPE_CHECKING:
    from auditor.engine.texts import Texts
    from auditor.link.nodes import Place
    from auditor.link.program import Function, Module

_OPEN_TREES: Final = 64
_BLOCKS: Final = ("body", "orelse", "finalbody")
_CASES: Final = ("handlers", "cases")
_LEFT_OUT: Final = frozenset(
    {*_BLOCKS, *_CASES, "ctx", "kind", "type_comment", "type_ignores", "type_params"}
)


class Statements:
    """The statements of one run, each unit parsed once."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._trees: Recent[tuple[Module, int, int], ast.Module | None] = Recent(_OPEN_TREES)
        self._known: dict[tuple[Module, int, int], str] = {}

    def normalised(self, function: Function, place: Place) -> str:
        """The statement around a place as its syntax tree, a compound one by its header only; empty if it has gone.

        Comments, line breaks, quotes and superfluous parentheses leave no trace in it, nor does the Python that runs.
        """
        key = (function.module, place.line, place.column)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._normalise(function, place)
        return known

    def _normalise(self, function: Function, place: Place) -> str:
        unit = self._texts.unit(function, place)
        if unit is None:
            return ""
        module = self._trees.get((function.module, unit.start, unit.end), lambda: _tree(unit.code))
        if module is None:
            return ""
        found = _innermost(module.body, place.line - unit.offset, place.column)
        return _plain(found, is_header=True) if found is not None else ""


def _tree(code: str) -> ast.Module | None:
    tree = files.parse(code)
    return tree if isinstance(tree, ast.Module) else None


def _innermost(body: list[ast.stmt], line: int, column: int) -> ast.stmt | None:
    """The innermost statement of ``body`` that holds the position."""
    for statement in body:
        if not _holds(statement, line, column):
            continue
        blocks = [getattr(statement, part, []) for part in _BLOCKS]
        blocks += [case.body for part in _CASES for case in getattr(statement, part, [])]
        for block in blocks:
            inner = _innermost(block, line, column)
            if inner is not None:
                return inner
        return statement
    return None


def _holds(statement: ast.stmt, line: int, column: int) -> bool:
    first = statement.lineno
    for decorator in getattr(statement, "decorator_list", ()):
        first = min(first, decorator.lineno)
    last = statement.end_lineno or first
    if first < statement.lineno and first <= line < statement.lineno:
        return True
    start = (statement.lineno, statement.col_offset)
    return start <= (line, column) < (last, statement.end_col_offset or 0)


def _plain(node: object, *, is_header: bool = False) -> str:
    """A tree as text. Not `ast.dump` or `ast.unparse`: they change from one Python to the next."""
    if isinstance(node, list):
        return f"[{','.join(map(_plain, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = []
    for name, value in ast.iter_fields(node):
        if value == [] or (value is None and not isinstance(node, ast.Constant)):
            continue
        if name in _LEFT_OUT and (is_header or name not in _BLOCKS):
            continue
        parts.append(f"{name}={_plain(value)}")
    return f"{type(node).__name__}({','.join(parts)})"
