"""A helper that needs the loop becomes a coroutine function, where all that call it are coroutines: then it can await.

What blocks in it is for the next round, which finds it in a coroutine.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes.case import Draft
from auditor.index import facts as f
from auditor.index import files as index_files
from auditor.index.source import Problem
from auditor.model import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.fixes.site import Site
    from auditor.link.graph import Graph
    from auditor.link.nodes import Edge, Place
    from auditor.link.program import Function, Module

_MANY: Final = 40
"""Callers of a helper; one with more is better mended by hand."""
_PLAIN_BASES: Final = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
Calls = list[tuple["Function", "Place"]]


class Coroutines:
    """Makes helpers of one program into coroutine functions.

    ``site_of`` gives a place as LibCST sees it, None where that cannot be; ``lines_of`` the lines of a module.
    """

    def __init__(
        self,
        graph: Graph,
        site_of: Callable[[Function, Place], Site | None],
        lines_of: Callable[[Module], Sequence[str]],
    ) -> None:
        self._graph = graph
        self._site_of = site_of
        self._lines_of = lines_of
        self._made: dict[Function, Draft | None] = {}
        self._arrivals: dict[Function, list[tuple[Function, Edge]]] | None = None

    def made(self, helper: Function) -> Draft | None:
        """The fix that makes a helper a coroutine function and awaits it wherever it is called; None if not all can."""
        if helper not in self._made:
            calls = self._calls(helper) if self._may_become_one(helper) else []
            self._made[helper] = self._draft(helper, calls) if calls else None
        return self._made[helper]

    def _may_become_one(self, helper: Function) -> bool:
        own = helper.facts
        if own.kind != f.DEF or own.is_generator or own.decorators or helper in self._graph.hooked:
            return False
        if own.name.startswith("__") and own.name.endswith("__"):
            return False
        edges = self._graph.edges
        if any(edge.transform.drives for edge in edges.body(edges.node(helper)).edges):
            return False  # it opens a loop where none runs: it is meant for being called there too
        class_ = helper.class_
        if class_ is None:
            return True
        hierarchy = self._graph.evaluator.hierarchy
        # another class may promise the same method, and whoever calls that does not await
        return (
            hierarchy.definers(own.name) == [class_] and set(hierarchy.external_bases(class_)) <= _PLAIN_BASES
        )

    def _calls(self, helper: Function) -> Calls:
        """All calls of the helper, which stand in coroutines; none if it is used in any other way."""
        if self._arrivals is None:
            self._arrivals = {}
            edges = self._graph.edges
            for function in self._graph.evaluator.program.functions:
                for edge in edges.body(edges.node(function)).edges:
                    self._arrivals.setdefault(edge.target.function, []).append((function, edge))
        arrivals = self._arrivals.get(helper, [])
        if any(
            edge.how != "call" or not function.is_async or edge.place.call < 0 for function, edge in arrivals
        ):
            return []
        calls = {(function.module, edge.place.call): (function, edge.place) for function, edge in arrivals}
        if not 0 < len(calls) <= _MANY:
            return []
        mentions = sum(self._mentions(module, helper) for module in self._graph.evaluator.program.modules)
        return list(calls.values()) if mentions == len(calls) else []

    def _mentions(self, module: Module, helper: Function) -> int:
        """How often a module mentions the name of the helper, but for its definition and imports."""
        name = helper.facts.name
        if not any(name in line for line in self._lines_of(module)):
            return 0
        parsed = index_files.parse("\n".join(self._lines_of(module)))
        if isinstance(parsed, Problem):
            return 0
        return sum(
            (isinstance(x, ast.Name) and x.id == name) or (isinstance(x, ast.Attribute) and x.attr == name)
            for x in ast.walk(parsed)
        )

    def _draft(self, helper: Function, calls: Calls) -> Draft | None:
        own = helper.facts
        draft = Draft(f"make `{own.name}` a coroutine function, and await it")
        header = self._lines_of(helper.module)[own.line - 1]
        indent = len(header) - len(header.lstrip())
        if not header[indent:].startswith("def "):
            return None
        at = (own.line, indent + 1)
        draft.edits.append(Edit(helper.module.path, at, at, "async "))
        for function, place in calls:
            site = self._site_of(function, place)
            if site is None or not site.may_await() or _called(site.node) != own.name:
                return None
            left, right = ("(", ")") if site.needs_parentheses() else ("", "")
            path = function.module.path
            draft.edits.append(Edit(path, site.start(), site.start(), f"{left}await "))
            if right:
                draft.edits.append(Edit(path, site.end(), site.end(), right))
        draft.doubts.append("what calls it from elsewhere must await it, and others run while it waits")
        return draft


def _called(node: cst.CSTNode) -> str:
    """The last name of what is called; another one may stand for several functions."""
    function = node.func if isinstance(node, cst.Call) else node
    if isinstance(function, cst.Attribute):
        return function.attr.value
    return function.value if isinstance(function, cst.Name) else ""
