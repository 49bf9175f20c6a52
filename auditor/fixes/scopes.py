"""What binds names in a module: enough to say whether a name means an imported module at some line."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Binding(NamedTuple):
    """One place that binds a name. ``module`` is what is imported, empty for all else.

    ``first`` and ``last`` are the lines in which the binding is visible; ``is_local``: in a function only. ``is_sure``:
    it stands in the body of its scope itself, so that what comes after it can rely on it.
    """

    line: int
    module: str
    first: int
    last: int
    is_local: bool
    is_sure: bool


class Scopes:
    """The bindings of a module, by name."""

    def __init__(self, tree: ast.Module) -> None:
        self._bindings: dict[str, list[Binding]] = {}
        self.names: set[str] = set()
        self._given: dict[tuple[int, int], str] = {}
        self._last = max((node.end_lineno or 0 for node in tree.body), default=0)
        self._visit(tree)

    def visible(self, name: str, line: int) -> list[Binding]:
        """The bindings of a name that a reader at ``line`` may meet, those of functions first."""
        found = [x for x in self._bindings.get(name, ()) if x.first <= line <= x.last]
        return sorted(found, key=lambda binding: not binding.is_local)

    def imported(self, module: str) -> Iterator[str]:
        """The names under which a module is imported anywhere, its own first."""
        names = [name for name, every in self._bindings.items() if any(x.module == module for x in every)]
        yield from sorted(names, key=lambda name: (name != module, name))

    def fresh(self, name: str, place: tuple[int, int] | None = None) -> str:
        """``name``, with a number where the module has a use for it already.

        What is to be defined at a ``place`` has the same name whenever it is asked for, and no other place gets it.
        """
        known = self._given.get(place) if place is not None else None
        if known is not None:
            return known
        number, made = 2, name
        while made in self.names or made in self._given.values():
            made = f"{name}_{number}"
            number += 1
        if place is not None:
            self._given[place] = made
        return made

    def _visit(self, tree: ast.Module) -> None:
        pending: list[tuple[ast.AST, ast.AST, int, int, bool]] = [(tree, tree, 1, self._last, False)]
        while pending:
            node, scope, first, last, is_local = pending.pop()
            body = getattr(scope, "body", None) if node is scope else None
            sure = set(map(id, body)) if isinstance(body, list) else set()
            for child in ast.iter_child_nodes(node):
                self._bind(child, first, last, is_local=is_local, is_sure=id(child) in sure)
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                    inner = (child.lineno, child.end_lineno or child.lineno)
                    self._bind_parameters(child.args, *inner)
                    pending.append((child, child, *inner, True))
                elif isinstance(child, ast.ClassDef):
                    # what a class body binds is seen by its own statements only
                    pending.append((child, child, child.lineno, child.end_lineno or child.lineno, True))
                else:
                    pending.append((child, scope, first, last, is_local))

    def _add(self, name: str, binding: Binding) -> None:
        self.names.add(name)
        self._bindings.setdefault(name, []).append(binding)

    def _bind_parameters(self, arguments: ast.arguments, first: int, last: int) -> None:
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for one in (*every, arguments.vararg, arguments.kwarg):
            if one is not None:
                self._add(one.arg, Binding(first, "", first, last, is_local=True, is_sure=True))

    def _bind(self, node: ast.AST, first: int, last: int, *, is_local: bool, is_sure: bool) -> None:
        line = getattr(node, "lineno", first)
        for name, module in _bound(node):
            self._add(name, Binding(line, module, first, last, is_local, is_sure))
        if isinstance(node, ast.Name):
            self.names.add(node.id)


def _bound(node: ast.AST) -> list[tuple[str, str]]:
    """Names that a node binds, and the modules that they then mean."""
    match node:
        case ast.Import(names=aliases):
            return [
                (x.asname, x.name) if x.asname else (x.name.partition(".")[0], x.name.partition(".")[0])
                for x in aliases
            ]
        case ast.ImportFrom(names=aliases):
            return [(x.asname or x.name, "") for x in aliases]
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return [(name, "")]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [(name, "")]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [(name, "")]
        case ast.MatchMapping(rest=str(name)):
            return [(name, "")]
        case ast.Global(names=names):
            return [(name, "") for name in names]
    return []
