"""Whether code keeps to itself: it calls only what is known, and changes nothing that anybody else can reach.

Such code may run on a thread while the loop goes on. Whatever is not known speaks against it, and is said. What a
function is given counts as others' unless the caller is known to have made it and shown it to nobody.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from auditor.fixes.belongings import OWN
from auditor.fixes.callees import Callees
from auditor.index import facts as f
from auditor.link.nodes import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from auditor.fixes.belongings import Belongings
    from auditor.link.graph import Graph
    from auditor.link.nodes import Edge, Node, Place
    from auditor.link.program import Function, Module

_MANY: Final = 60
"""Functions that are looked through; who calls more is not looked into."""
_NOBODY: Final = "its text cannot be read"
_CONSTRUCTORS: Final = frozenset({"__init__", "__post_init__"})
Given = tuple[tuple[str, int], ...]
"""Parameters that get what nobody else holds, by name, each with how far (`auditor.fixes.belongings`)."""
Run = tuple["Node", Given, bool]
"""A function that runs, what it is given, and whether a lock of threads is held meanwhile."""


class Contained:
    """Answers for one program. ``lines_of`` gives the lines of a module."""

    def __init__(self, graph: Graph, lines_of: Callable[[Module], Sequence[str]]) -> None:
        self._edges = graph.edges
        self._callees = Callees(graph, lines_of)
        self._known: dict[Run, str] = {}
        self._parts: dict[Run, tuple[str, list[Run]]] = {}

    def obstacle(self, function: Function, edge: Edge) -> str:
        """What speaks against running on a thread what a function calls at an edge.

        Words that follow the name of what is called; empty if nothing does.
        """
        call = self._callees.tree(function.module).nodes.get(edge.place.call)
        things = self._callees.belongings_at(function, call) if call is not None else None
        given = self._callees.given(function, edge, things) if things is not None else {}
        run = (edge.target, tuple(given.items()), False)
        known = self._known.get(run)
        if known is None:
            known = self._known[run] = self._search([run])
        return known

    def own_names(self, function: Function, place: Place) -> set[str]:
        """The names of things that are a function's own still when it comes to a place."""
        call = self._callees.tree(function.module).nodes.get(place.call)
        things = self._callees.belongings_at(function, call)
        return things.own_names() if things is not None else set()

    def concerns_own(self, function: Function, place: Place) -> bool:
        """Whether the call at a place is a method of an object that is the function's own still."""
        call = self._callees.tree(function.module).nodes.get(place.call)
        things = self._callees.belongings_at(function, call)
        return call is not None and things is not None and self._callees.concerns_own(function, place, things)

    def obstacle_in(self, function: Function, lines: tuple[int, int]) -> str:
        """The same for some lines of a function."""
        found, runs = self._part((self._edges.node(function), (), False), lines)
        return found or self._search(runs)

    def _search(self, pending: list[Run]) -> str:
        seen: set[Run] = set()
        while pending:
            run = pending.pop(0)
            node = run[0]
            if run in seen or node.function.is_async:
                continue
            seen.add(run)
            if len(seen) > _MANY:
                return f"more than {_MANY} functions run below it"
            if run not in self._parts:
                own = node.function.facts
                self._parts[run] = self._part(run, (own.line, own.end_line))
            found, runs = self._parts[run]
            if found:
                return found
            pending += runs
        return ""

    def _part(self, run: Run, lines: tuple[int, int]) -> tuple[str, list[Run]]:
        """What speaks against the lines of one function, and what they call."""
        node, given, is_guarded = run
        function = node.function
        own = function.facts
        definition = self._callees.tree(function.module).function(function)
        first, last = lines
        edges = [x for x in self._edges.body(node).edges if x.how in STEPS and first <= x.place.line <= last]
        if definition is None:
            found = "" if own.kind == f.CLASS_BODY else _NOBODY
            return found, [] if found else [(edge.target, (), is_guarded) for edge in edges]
        levels = dict(given)
        if own.name in _CONSTRUCTORS and own.params:
            levels[own.params[0][0]] = OWN
        is_whole = lines == (own.line, own.end_line)
        things = self._callees.belongings(function, definition, None if is_whole else lines, levels)
        guarded = self._callees.guarded(definition, self._edges.body(node).sinks)
        if is_guarded:
            guarded.update(range(own.line, own.end_line + 1))
        found = next(self._obstacles(node, lines, things, guarded), "")
        if found:
            return found, []
        return "", [
            (x.target, tuple(self._callees.given(function, x, things).items()), x.place.line in guarded)
            for x in edges
        ]

    def _obstacles(
        self, node: Node, lines: tuple[int, int], things: Belongings, guarded: set[int]
    ) -> Iterator[str]:
        function = node.function
        module = function.module
        own, facts = function.facts, module.facts
        first, last = lines
        for line, what in things.changes():
            if line not in guarded:
                yield f"`{own.qualname}` {what} ({module.path}:{line})"
        for sink in self._edges.body(node).sinks:
            if first <= sink.place.line <= last and not self._callees.bears_threads(function, sink, things):
                yield f"`{own.qualname}` calls `{sink.callee}` ({module.path}:{sink.place.line})"
        nodes = self._callees.tree(module).nodes
        for number in own.calls:
            call = facts.calls[number]
            line = call[f.C_LINE]
            if not first <= line <= last or self._callees.is_known(function, number, things):
                continue
            if line not in guarded or not self._callees.is_of_containers(function, number):
                called = ast.unparse(nodes[number].func) if number in nodes else "something"
                yield f"`{own.qualname}` calls `{' '.join(called.split())}` ({module.path}:{line})"
