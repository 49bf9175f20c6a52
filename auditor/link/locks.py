"""Locks that the loop takes, and that a worker holds while it does something slow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import misuses
from auditor.link import values as v
from auditor.link.identity import Identity, identity
from auditor.link.nodes import STEPS, Sink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.link.graph import Graph
    from auditor.link.nodes import Body, Node, Place
    from auditor.link.program import Function
    from auditor.link.suspects import Suspect

GROUP: Final = misuses.LOCK_HELD
"""The group of what this finds."""

WAITS: Final = "wait"
"""The catalog's group of calls that take a lock."""

_LOCKS: Final = frozenset(
    f"{module}.{kind}.{method}"
    for module in ("threading", "_thread")
    for kind in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition")
    for method in ("__enter__", "acquire")
)
_GIVES_BACK: Final = frozenset({"threading.Condition.wait", "threading.Condition.wait_for"})
"""Waits that let others have the lock meanwhile."""
_KEEPS: Final = frozenset({"functools.cache", "functools.lru_cache"})
_SLOW: Final = 0.05
"""Seconds for which a lock that is held is felt."""
_SURELY: Final = 0.001
_DEEPEST: Final = 4
_MOST: Final = 100


class Locks:
    """Answers for one propagated graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._reached: dict[Node, Sink | None] = {}

    def held(self, suspects: Iterable[Suspect]) -> Iterator[tuple[Suspect, Sink]]:
        """Those of ``suspects`` that take such a lock on the loop, each with the effect that taking it has then."""
        taken = [
            (suspect, found)
            for suspect in suspects
            if suspect.domain == c.LOOP_DOMAIN
            and suspect.sink is not None
            and self._is_lock(suspect.sink.callee)
            and (found := self._which(suspect.function, suspect.place)) is not None
        ]
        if not taken:
            return
        slow = self._held_by_workers()
        for suspect, lock in taken:
            worst = slow.get(lock)
            sink = suspect.sink
            if worst is not None and sink is not None:
                api = replace(
                    sink.api,
                    group=GROUP,
                    cost=worst.api.cost_for(worst.arguments or NO_ARGUMENTS),
                    bounded=worst.api.is_bounded(worst.arguments or NO_ARGUMENTS),
                    bound=None,
                    duration=None,
                    variants=(),
                    instead=dict.fromkeys(
                        ("asyncio", "anyio", "trio"), worst.callee.removeprefix("builtins.")
                    ),
                )
                yield (
                    suspect,
                    Sink(sink.place, sink.callee, api, None, sink.constraints, sink.confidence, sink.region),
                )

    def _is_lock(self, callee: str) -> bool:
        return self._graph.evaluator.canonical(callee) in _LOCKS

    def _held_by_workers(self) -> dict[Identity, Sink]:
        """Locks that some worker holds over a slow call: the slowest."""
        found: dict[Identity, Sink] = {}
        for function in self._graph.evaluator.program.functions:
            if not function.facts.withs:
                continue
            for state in self._graph.by_function.get(function, ()):
                if not c.OFF_LOOP[state.context]:
                    continue
                body = self._graph.edges.body(state.node)
                for sink in body.sinks:
                    if sink.place.call < 0 and self._is_lock(sink.callee):
                        lock = self._which(function, sink.place)
                        inside = self._region(function, sink.place)
                        worst = self._slowest_within(function, body, inside) if lock and inside else None
                        if worst is not None and lock is not None:
                            found[lock] = _slower(found.get(lock), worst) or worst
        return found

    def _which(self, function: Function, place: Place) -> Identity | None:
        """The lock that is taken at a place."""
        module = function.module
        if place.call >= 0:
            callee = module.facts.exprs[module.facts.calls[place.call][f.C_CALLEE]]
            return identity(self._graph.evaluator, module, callee[1]) if callee[0] == f.ATTR else None
        for record in function.facts.withs:
            if (record[2], record[3]) == (place.line, place.column):
                return identity(self._graph.evaluator, module, record[0])
        return None

    @staticmethod
    def _region(function: Function, place: Place) -> int:
        """The region of the body of the `with` statement."""
        for expression, is_async, line, column, _, _, region in function.facts.withs:
            if (line, column) != (place.line, place.column) or is_async:
                continue
            for number, (kind, parent, data, _) in enumerate(function.module.facts.regions):
                if kind == f.WITH and parent == region and data == expression:
                    return number
        return 0

    def _slowest_within(self, function: Function, body: Body, region: int) -> Sink | None:
        """The slowest that the body does in the region, itself or through what it calls there."""
        facts = function.module.facts
        worst: Sink | None = None
        for sink in body.sinks:
            if _is_within(facts, sink.region, region) and self._is_slow(sink):
                worst = _slower(worst, sink)
        for edge in body.edges:
            if edge.how not in STEPS or edge.target.function.is_async or edge.place.call < 0:
                continue
            if _is_within(facts, facts.calls[edge.place.call][f.C_REGION], region):
                worst = _slower(worst, self._slowest_of(edge.target, _DEEPEST))
        return worst

    def _slowest_of(self, node: Node, depth: int) -> Sink | None:
        if node in self._reached:
            return self._reached[node]
        if self._runs_once(node.function):
            return None
        self._reached[node] = None  # for recursion
        body = self._graph.edges.body(node)
        worst: Sink | None = None
        for sink in body.sinks:
            if self._is_slow(sink):
                worst = _slower(worst, sink)
        if depth and len(body.edges) <= _MOST:
            for edge in body.edges:
                if edge.how in STEPS and not edge.target.function.is_async:
                    worst = _slower(worst, self._slowest_of(edge.target, depth - 1))
        self._reached[node] = worst
        return worst

    def _runs_once(self, function: Function) -> bool:
        """Whether the function keeps its result, so that nearly all of its calls are quick."""
        facts = function.module.facts
        for position in function.facts.decorators:
            expression = facts.exprs[position]
            callee = facts.calls[expression[1]][f.C_CALLEE] if expression[0] == f.CALL else position
            values = self._graph.evaluator.values(function.module, callee)
            if any(x.kind == v.EXTERNAL and x.a in _KEEPS for x in values):
                return True
        return False

    def _is_slow(self, sink: Sink) -> bool:
        """Whether it keeps the lock for long: it takes its time, and is no wait for another lock."""
        if sink.api.effect != "blocks" or self._is_lock(sink.callee):
            return False
        if self._graph.evaluator.canonical(sink.callee) in _GIVES_BACK:
            return False
        arguments = sink.arguments or NO_ARGUMENTS
        cost = sink.api.cost_for(arguments)
        # what is quick with little to do says nothing of how long this one takes
        is_slow = cost.low >= _SURELY or not sink.api.is_bounded(arguments)
        return cost.typical >= _SLOW and is_slow


def _is_within(facts: f.FileFacts, region: int, outer: int) -> bool:
    return outer in facts.outwards(region)


def _slower(one: Sink | None, other: Sink | None) -> Sink | None:
    if one is None or other is None:
        return one or other
    costs = [x.api.cost_for(x.arguments or NO_ARGUMENTS).typical for x in (one, other)]
    return one if costs[0] >= costs[1] else other
