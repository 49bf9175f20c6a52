"""Tasks that tell somebody how they ended, on the way out and where an exception is caught, but not when cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import misuses
from auditor.link import values as v
from auditor.link.nodes import STEPS, place_of
from auditor.link.wording import short_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.graph import Graph, State
    from auditor.link.misuses import Misuse
    from auditor.link.nodes import Node
    from auditor.link.program import Function
    from auditor.link.values import Values

_TELLS: Final = misuses.SENDS | {"asyncio.Queue.put", "asyncio.Queue.put_nowait", "asyncio.Future.set_result"}
_TELLING_GROUPS: Final = frozenset({"database", "http"})
_DEEPEST: Final = 6
_MOST: Final = 200
_FORGETS: Final = frozenset({"discard", "remove", "pop"})
"""What a task's callback does that only lets go of the task."""


class Endings:
    """Answers for one propagated graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tells: dict[Function, bool] = {}
        self._tasks: set[Function] | None = None

    def untold(self) -> Iterator[tuple[State, Misuse]]:
        """Calls that tell the end of a task, with the best state of the function around them."""
        for function in self._graph.evaluator.program.functions:
            if function.facts.kind != f.ASYNC_DEF or function.facts.is_generator:
                continue
            found = list(self._pairs(function))
            if not found:
                continue
            states = [x for x in self._graph.by_function.get(function, ()) if c.HAS_LOOP[x.context]]
            if not states or function not in self._in_tasks():
                continue
            for number in found:
                callee = function.module.facts.calls[number][f.C_CALLEE]
                values = self._graph.evaluator.values(function.module, callee)
                name = self._telling(values)
                if name:
                    place = place_of(function.module, number)
                    yield states[0], misuses.Misuse(place, name, misuses.END_UNTOLD, "", frozenset())

    @staticmethod
    def _pairs(function: Function) -> Iterator[int]:
        """Calls on the normal way out of a `try` that a handler for any exception makes as well; the last of each."""
        facts = function.module.facts
        normal: dict[tuple[int, tuple[int, int]], int] = {}
        handled: set[tuple[int, tuple[int, int]]] = set()
        spans: set[tuple[int, int]] = set()
        places: list[tuple[int, int, set[tuple[int, int]]]] = []
        for number in function.facts.calls:
            region = facts.calls[number][f.C_REGION]
            callee = facts.calls[number][f.C_CALLEE]
            after: set[tuple[int, int]] = set()
            for one in facts.outwards(region):
                kind, _, data, span = facts.regions[one]
                if kind == f.HANDLER and "Exception" in data:
                    handled.add((callee, span))
                    spans.add(span)
                elif kind == f.TRY_ELSE:
                    after.add(span)
            places.append((number, callee, after))
        for number, callee, after in places:
            for span in spans:
                if span[0] <= number < span[1] or span in after:
                    normal[callee, span] = number
        for key, number in normal.items():
            if key in handled and key[0]:
                yield number

    def _in_tasks(self) -> set[Function]:
        """Coroutine functions that run as tasks of their own, or within such, on whose end no callback waits."""
        if self._tasks is None:
            edges = self._graph.edges
            found: dict[Function, Node] = {}
            for function in self._graph.evaluator.program.functions:
                for edge in edges.body(edges.node(function)).edges:
                    if (
                        edge.how == "schedule"
                        and edge.target.function.is_async
                        and not _has_callbacks(function)
                    ):
                        found.setdefault(edge.target.function, edge.target)
            pending = list(found.values())
            while pending:
                for edge in edges.body(pending.pop()).edges:
                    target = edge.target.function
                    if edge.how in STEPS and target.is_async and target not in found:
                        found[target] = edge.target
                        pending.append(edge.target)
            self._tasks = set(found)
        return self._tasks

    def _telling(self, values: Values) -> str:
        """The name of what is called, where all that it may be tells somebody something."""
        name = ""
        for value in values:
            if value.kind == v.EXTERNAL:
                if self._graph.evaluator.canonical(value.a) not in _TELLS:
                    return ""
                name = name or str(value.a)
                continue
            function = value.a.a if value.kind == v.BOUND else value.a if value.kind == v.FUNCTION else None
            if function is None or not self._reaches(function):
                return ""
            name = name or short_name(function)
        return name

    def _reaches(self, function: Function) -> bool:
        known = self._tells.get(function)
        if known is None:
            known = self._tells[function] = self._reaches_teller(self._graph.edges.node(function))
        return known

    def _reaches_teller(self, start: Node) -> bool:
        edges = self._graph.edges
        seen, level = {start}, [start]
        for _ in range(_DEEPEST):
            following: list[Node] = []
            for node in level:
                body = edges.body(node)
                if any(edges.evaluator.canonical(dotted) in _TELLS for _, dotted in body.externals):
                    return True
                if any(sink.api.group in _TELLING_GROUPS for sink in body.sinks):
                    return True
                for edge in body.edges:
                    if edge.target not in seen and len(seen) < _MOST and edge.how in STEPS | {"offload"}:
                        seen.add(edge.target)
                        following.append(edge.target)
            level = following
        return False


def _has_callbacks(function: Function) -> bool:
    """Whether the file that starts the task hangs a callback on tasks, which runs for cancelled ones as well."""
    facts = function.module.facts
    for call in facts.calls:
        callee = facts.exprs[call[f.C_CALLEE]]
        if callee[0] != f.ATTR or callee[2] != "add_done_callback" or not call[f.C_ARGS]:
            continue
        given = facts.exprs[call[f.C_ARGS][0]]
        if given[0] != f.ATTR or given[2] not in _FORGETS:
            return True
    return False
