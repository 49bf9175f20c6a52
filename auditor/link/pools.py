"""Work in a pool that waits for other work in the same pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import misuses
from auditor.link import values as v
from auditor.link.identity import Identity, identity
from auditor.link.nodes import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.graph import Graph, State
    from auditor.link.misuses import Misuse
    from auditor.link.nodes import Edge, Sink
    from auditor.link.program import Function, Module

_WAITS: Final = frozenset(
    {
        "concurrent.futures.Future.result", "concurrent.futures.Future.exception", "concurrent.futures.wait",
        "concurrent.futures.as_completed", "concurrent.futures.ResultIterator.__next__",
    }
)  # fmt: skip
_HANDS: Final = frozenset(
    f"concurrent.futures.{pool}.{method}"
    for pool in ("Executor", "ThreadPoolExecutor", "ProcessPoolExecutor")
    for method in ("submit", "map")
)
_ON_LOOP: Final = "asyncio.AbstractEventLoop.run_in_executor"
_FILLS: Final = frozenset({"append", "add", "appendleft", "extend"})
_MOST: Final = 300


class Pools:
    """Answers for one propagated graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._evaluator = graph.evaluator

    def waits_within(self) -> Iterator[tuple[State, Misuse]]:
        """Waits on a worker of a pool for what the same pool is to do, each with a state that proves it."""
        for function in self._evaluator.program.functions:
            for state in self._graph.by_function.get(function, ()):
                if not c.OFF_LOOP[state.context]:
                    continue
                for sink in self._graph.edges.body(state.node).sinks:
                    if self._evaluator.canonical(sink.callee) not in _WAITS:
                        continue
                    pools = set(self._pools_waited_for(function, sink))
                    if pools & set(self._pools_around(state)):
                        misuse = misuses.Misuse(
                            sink.place, sink.callee, misuses.WAIT_ON_OWN_POOL, "", sink.constraints
                        )
                        yield state, misuse

    def _pools_waited_for(self, function: Function, sink: Sink) -> Iterator[Identity]:
        """Pools that have been given what the wait is for."""
        module = function.module
        for number in _calls_behind(function, _waited_for(function, sink)):
            if self._name(module, number) in _HANDS:
                found = self._owner(module, number)
                # a pool that the function makes for itself is another one each time
                if found is not None and not self._is_made_by(found, module, function):
                    yield found

    def _pools_around(self, state: State) -> Iterator[Identity]:
        """Pools on whose workers the state runs."""
        seen = {state}
        pending = [state]
        while pending and len(seen) < _MOST:
            current = pending.pop()
            for before, edge in _arrivals(current):
                if edge.how in STEPS:
                    if before not in seen and c.OFF_LOOP[before.context]:
                        seen.add(before)
                        pending.append(before)
                elif edge.how == "offload" and edge.place.call >= 0:
                    found = self._handed_to(before.node.function.module, edge.place.call)
                    if found is not None:
                        yield found

    def _handed_to(self, module: Module, number: int) -> Identity | None:
        """The pool that the call hands something to."""
        name = self._name(module, number)
        if name in _HANDS:
            return self._owner(module, number)
        arguments = module.facts.calls[number][f.C_ARGS]
        if name == _ON_LOOP and arguments:
            return identity(self._evaluator, module, arguments[0])
        return None

    def _owner(self, module: Module, number: int) -> Identity | None:
        callee = module.facts.exprs[module.facts.calls[number][f.C_CALLEE]]
        return identity(self._evaluator, module, callee[1]) if callee[0] == f.ATTR else None

    def _name(self, module: Module, number: int) -> str:
        for value in self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE]):
            if value.kind == v.EXTERNAL:
                return self._evaluator.canonical(value.a)
        return ""

    @staticmethod
    def _is_made_by(pool: Identity, module: Module, function: Function) -> bool:
        kind, index, name = pool
        return (
            kind == "made"
            and index == module.index
            and module.facts.calls[int(name)][f.C_FUNCTION] == function.number
        )


def _arrivals(state: State) -> list[tuple[State, Edge]]:
    found: list[tuple[State, Edge]] = list(zip(state.arrivals[::2], state.arrivals[1::2], strict=True))
    if not found and state.before is not None and state.edge is not None:
        found = [(state.before, state.edge)]
    return found


def _waited_for(function: Function, sink: Sink) -> list[int]:
    """The expressions of futures that a wait is for."""
    facts, place = function.module.facts, sink.place
    if place.call < 0:
        return [
            record[0]
            for record in function.facts.iterations
            if (record[2], record[3]) == (place.line, place.column)
        ]
    call = facts.calls[place.call]
    callee = facts.exprs[call[f.C_CALLEE]]
    if callee[0] == f.ATTR and callee[2] in ("result", "exception"):
        return [callee[1]]
    return list(call[f.C_ARGS][:1])


def _calls_behind(function: Function, positions: list[int]) -> Iterator[int]:
    """Calls whose results the expressions are, or hold."""
    facts = function.module.facts
    exprs: list[Any] = facts.exprs
    seen: set[int] = {0}
    pending = list(positions)
    while pending:
        position = pending.pop()
        if position in seen:
            continue
        seen.add(position)
        expression = exprs[position]
        tag = expression[0]
        if tag == f.CALL:
            yield expression[1]
            pending.extend(
                facts.calls[expression[1]][f.C_ARGS][:1]
            )  # `as_completed(futures)`, `list(futures)`
        elif tag in (f.ITERATE, f.ITEM, f.STARRED, f.ENTER):
            pending.append(expression[1])
        elif tag in (f.UNION, f.PHI):
            pending.extend(expression[1])
        elif tag == f.ANNOTATED:
            pending.append(expression[2])
        elif tag == f.COMPREHENSION:
            pending += expression[2:4]
        elif tag == f.DICT:
            pending.extend(value for _, value in expression[1])
            pending.extend(expression[2])
        if tag in (f.LIST, f.SET, f.TUPLE):
            pending.extend(expression[1])
        if tag in (f.LIST, f.SET, f.CALL):
            for number in function.facts.calls:
                callee = exprs[facts.calls[number][f.C_CALLEE]]
                if callee[0] == f.ATTR and callee[1] == position and callee[2] in _FILLS:
                    pending.extend(facts.calls[number][f.C_ARGS])
