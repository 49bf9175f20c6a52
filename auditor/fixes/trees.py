"""A module's text as a tree whose functions and calls are those of its facts."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.index import files as index_files
from auditor.index.source import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.fixes.belongings import Definition
    from auditor.link.program import Function, Module

_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Calls = dict[tuple[int, int, int, int], int]


class Tree:
    """A module's text as a tree: its functions, and which call of the facts stands where."""

    def __init__(self, module: Module, lines: Sequence[str]) -> None:
        parsed = index_files.parse("\n".join(lines))
        nodes = [] if isinstance(parsed, Problem) else list(ast.walk(parsed))
        self._functions = {_key(node): node for node in nodes if isinstance(node, _DEFINITIONS)}
        self.calls: Calls = {
            (call[f.C_LINE], call[f.C_COLUMN], call[f.C_END_LINE], call[f.C_END_COLUMN]): number
            for number, call in enumerate(module.facts.calls)
        }
        self.nodes = {
            number: node
            for node in nodes
            if isinstance(node, ast.Call) and (number := self.number(node)) is not None
        }

        self.raised = {
            number
            for node in nodes
            if isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and (number := self.number(node.exc)) is not None
        }
        """The calls that make what is raised."""

    def number(self, call: ast.Call) -> int | None:
        return self.calls.get((call.lineno, call.col_offset, call.end_lineno or 0, call.end_col_offset or 0))

    def function(self, function: Function) -> Definition | None:
        own = function.facts
        key = ("", own.line, own.column) if own.kind == f.LAMBDA else (own.name, own.end_line, 0)
        return self._functions.get(key)


def _key(node: Definition) -> tuple[str, int, int]:
    if isinstance(node, ast.Lambda):
        return "", node.lineno, node.col_offset
    return node.name, node.end_lineno or 0, 0
