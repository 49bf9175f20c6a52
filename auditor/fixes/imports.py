"""Imports that fixes need: how a module is spelled at a line, and where its import goes if there is none."""

from __future__ import annotations

import ast
import itertools
import sys
from typing import TYPE_CHECKING, NamedTuple

from auditor.fixes.scopes import Scopes
from auditor.model import Edit

if TYPE_CHECKING:
    from auditor.fixes.lines import Lines

Import = ast.Import | ast.ImportFrom


class Spelling(NamedTuple):
    """How a module is written at some place, and the edits that make it so."""

    name: str
    edits: tuple[Edit, ...]


class Imports:
    """The imports of one module."""

    def __init__(self, path: str, lines: Lines, tree: ast.Module) -> None:
        self.scopes = Scopes(tree)
        self._path = path
        self._lines = lines
        self._tree = tree

    def spelling(self, module: str, line: int) -> Spelling | None:
        """How ``module``, a name without dots, is written at ``line``; None where something else has its name."""
        for name in self.scopes.imported(module):
            visible = self.scopes.visible(name, line)
            if not visible or any(x.module != module for x in visible):
                continue
            local = [x for x in visible if x.is_local]
            if any(x.is_sure and x.line < line for x in local) or (
                not local and any(x.is_sure for x in visible)
            ):
                return Spelling(name, ())
        visible = self.scopes.visible(module, line)
        if any(x.module != module or x.is_local for x in visible):
            return None
        return Spelling(module, (self._insertion(module),))

    def below(self) -> tuple[int, int]:
        """Where something may be defined for the whole module: the line below its first imports."""
        groups = self._groups()
        if not groups:
            return self._first("").start
        return (groups[-1][-1].end_lineno or 0) + 1, 1

    def _insertion(self, module: str) -> Edit:
        """The edit that imports a module, sorted into place as isort and ruff do it."""
        statement = f"import {module}\n"
        groups = self._groups()
        if not groups:
            return self._first(statement)
        for group in groups:
            if any(_section(x) == _section_of(module) for x in group):
                return self._into(group, module, statement)
        later = next((g for g in groups if _section(g[0]) > _section_of(module)), None)
        if later is not None:
            return self._at(self._with_comments(later[0].lineno), f"{statement}\n")
        return self._at((groups[-1][-1].end_lineno or 0) + 1, f"\n{statement}")

    def _groups(self) -> list[list[Import]]:
        """The first imports of the module, parted where a blank line parts them; not those from `__future__`."""
        groups: list[list[Import]] = []
        last = 0
        for node in self._tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                continue
            if not isinstance(node, (ast.Import, ast.ImportFrom)):
                if groups:
                    break
                continue
            above = self._lines.lines[last : node.lineno - 1]
            if not groups or any(not line.strip() for line in above):
                groups.append([])
            groups[-1].append(node)
            last = node.end_lineno or node.lineno
        return groups

    def _into(self, group: list[Import], module: str, statement: str) -> Edit:
        section = _section_of(module)
        own = [node for node in group if _section(node) == section]
        is_mixed = any(
            isinstance(one, ast.ImportFrom) and isinstance(other, ast.Import)
            for one, other in itertools.pairwise(own)
        )
        for node in own:
            if is_mixed:
                comes_after = _name(node).lower() > module.lower()
            else:
                comes_after = isinstance(node, ast.ImportFrom) or _name(node).lower() > module.lower()
            if comes_after:
                return self._at(self._with_comments(node.lineno), statement)
        return self._at((own[-1].end_lineno or 0) + 1, statement)

    def _first(self, statement: str) -> Edit:
        """The only import of the module: below its docstring, above all else."""
        body = list(self._tree.body)
        above = 0
        while body and (_is_docstring(body[0]) or isinstance(body[0], ast.ImportFrom)):
            above = body.pop(0).end_lineno or 0
        if above:
            following = self._lines.lines[above] if above < len(self._lines.lines) else ""
            return self._at(above + 1, f"\n{statement}" + ("\n" if following.strip() else ""))
        if not body:
            return self._at(1, statement)
        node = body[0]
        decorators = getattr(node, "decorator_list", [])
        line = min([node.lineno, *(x.lineno for x in decorators)])
        is_definition = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        return self._at(self._with_comments(line), statement + ("\n\n" if is_definition else "\n"))

    def _with_comments(self, line: int) -> int:
        """The first line of the comments right above a statement; those that head the file stay where they are."""
        first = line
        while first > 1 and self._lines.lines[first - 2].lstrip().startswith("#"):
            first -= 1
        return first if first > 1 else line

    def _at(self, line: int, text: str) -> Edit:
        if line <= len(self._lines.lines):
            return Edit(self._path, (line, 1), (line, 1), text)
        last = len(self._lines.lines)
        end = (last, len(self._lines.lines[-1]) + 1)
        return Edit(self._path, end, end, "\n" + text.removesuffix("\n"))


def _name(node: Import) -> str:
    return node.names[0].name if isinstance(node, ast.Import) else node.module or ""


def _section(node: Import) -> int:
    if isinstance(node, ast.ImportFrom) and node.level:
        return 2
    return _section_of(_name(node))


def _section_of(module: str) -> int:
    """0 for the standard library, 1 for all else that is absolute; 2 is for what is relative."""
    return 0 if module.partition(".")[0] in sys.stdlib_module_names else 1


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
