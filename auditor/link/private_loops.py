"""Loops of their own that worker threads open, and what these share with the loop that serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import guards as g
from auditor.link import misuses
from auditor.link import values as v
from auditor.link.graph import ASSUMED
from auditor.link.identity import Identity, identity
from auditor.link.nodes import STEPS, Place, place_of
from auditor.link.wording import short_name
from auditor.model import Loop, Phase, Thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.graph import Graph, State
    from auditor.link.misuses import Misuse
    from auditor.link.program import Function

_BOUND: Final = frozenset(
    {
        "asyncio.Lock", "asyncio.Event", "asyncio.Condition", "asyncio.Semaphore", "asyncio.BoundedSemaphore",
        "asyncio.Queue", "asyncio.PriorityQueue", "asyncio.LifoQueue", "asyncio.Future", "asyncio.Task",
        "aiohttp.ClientSession", "httpx.AsyncClient", "sqlalchemy.ext.asyncio.AsyncEngine", "asyncpg.Pool",
        "redis.asyncio.Redis",
    }
)  # fmt: skip
"""Types whose objects belong to the loop on which they were first waited for."""
_OPENS: Final = frozenset({"asyncio.run", "asyncio.Runner.run", "anyio.run", "trio.run"})
_DRIVES: Final = "asyncio.AbstractEventLoop.run_until_complete"
_MAKES: Final = "asyncio.new_event_loop"
_SENDS: Final = frozenset(
    {"asyncio.run_coroutine_threadsafe", "asyncio.AbstractEventLoop.call_soon_threadsafe"}
)
"""Ways from a thread to a loop, which may be any."""


class PrivateLoops:
    """Answers for one propagated graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def per_call(self) -> Iterator[tuple[State, Misuse]]:
        """Calls that run a coroutine on a loop of their own, on a worker, which runs on the serving loop as well."""
        for function in self._graph.evaluator.program.functions:
            for state in self._graph.by_function.get(function, ()):
                if not c.OFF_LOOP[state.context] or not _is_per_call(state):
                    continue
                for edge in self._graph.edges.body(state.node).edges:
                    if edge.how != "drive" or not g.allows(edge.constraints, state.context):
                        continue
                    target = edge.target.function
                    callee = self._opener(function, edge.place)
                    if callee and self._serves(target, function):
                        misuse = misuses.Misuse(
                            edge.place, callee, misuses.LOOP_PER_CALL, short_name(target), edge.constraints
                        )
                        yield state, misuse

    def crossing(self) -> Iterator[tuple[State, Misuse]]:
        """Uses of an object on a worker's own loop that is used on the serving loop as well."""
        uses: dict[Identity, list[tuple[State, Place, str]]] = {}
        served: set[Identity] = set()
        for function in self._graph.evaluator.program.functions:
            states = [x for x in self._graph.by_function.get(function, ()) if c.HAS_LOOP[x.context]]
            private = [x for x in states if _is_private(x.context)]
            serving = any(self._is_serving(x) for x in states)
            if not private and not serving:
                continue
            for place, which, callee in self._awaited(function):
                if serving:
                    served.add(which)
                if private:
                    uses.setdefault(which, []).append((private[0], place, callee))
        for which, found in uses.items():
            if which in served:
                for state, place, callee in found:
                    yield (
                        state,
                        misuses.Misuse(place, callee, misuses.CROSSING, which[2], frozenset()),
                    )

    def _serves(self, function: Function, opener: Function) -> bool:
        return any(self._is_serving(x, opener) for x in self._graph.by_function.get(function, ()))

    def _is_serving(self, state: State, opener: Function | None = None) -> bool:
        """Whether the state runs on the loop that serves, and not on one that some thread sends it to, nor on one that
        ``opener`` opens for a call on the main thread.
        """
        context = state.context
        if state.loss:
            return False  # a coroutine that is made here runs wherever it is taken to
        if c.loop_of(context) != Loop.SERVING or c.thread_of(context) != Thread.MAIN:
            return False
        if c.phase_of(context) != Phase.SERVING:
            return False
        before, edge = state.before, state.edge
        while edge is not None and before is not None:
            function = before.node.function
            if edge.how == "drive" and function is opener:
                return False
            if edge.place.call >= 0:
                callee = function.module.facts.calls[edge.place.call][f.C_CALLEE]
                if self._name(function, callee) in _SENDS:
                    return False
            state = before
            edge, before = before.edge, before.before
        return state.why != ASSUMED

    def _opener(self, function: Function, place: Place) -> str:
        """What is called, where it opens a loop for this call; empty where the loop is one that is there already."""
        if place.call < 0:
            return ""
        facts = function.module.facts
        callee = facts.calls[place.call][f.C_CALLEE]
        name = self._name(function, callee)
        if name in _OPENS:
            return name
        if name == _DRIVES and facts.exprs[callee][0] == f.ATTR:
            receiver = facts.exprs[facts.exprs[callee][1]]
            if receiver[0] == f.CALL and self._name(function, facts.calls[receiver[1]][f.C_CALLEE]) == _MAKES:
                return name
        return ""

    def _name(self, function: Function, callee: int) -> str:
        for value in self._graph.evaluator.values(function.module, callee):
            if value.kind == v.EXTERNAL:
                return self._graph.evaluator.canonical(value.a)
        return ""

    def _awaited(self, function: Function) -> Iterator[tuple[Place, Identity, str]]:
        """Objects that belong to a loop and that the function waits for: places, what they are, and the call."""
        module = function.module
        facts = module.facts
        if function.facts.kind != f.ASYNC_DEF:
            return
        for number in function.facts.calls:
            call = facts.calls[number]
            callee = facts.exprs[call[f.C_CALLEE]]
            if call[f.C_FLAGS] & f.AWAITED and callee[0] == f.ATTR:
                kind = self._bound_type(function, callee[1])
                which = identity(self._graph.evaluator, module, callee[1]) if kind else None
                if which is not None and self._is_one(which):
                    yield place_of(module, number), which, f"{kind}.{callee[2]}"
        for expression, is_async, *span, _ in function.facts.withs:
            kind = self._bound_type(function, expression) if is_async else ""
            which = identity(self._graph.evaluator, module, expression) if kind else None
            if which is not None and self._is_one(which):
                yield Place(*span), which, kind

    def _is_one(self, which: Identity) -> bool:
        """Whether there is one such object: a variable of a module, or of a class, that its objects share."""
        kind, index, name = which
        if kind == "class":
            class_ = self._graph.evaluator.program.classes[index]
            bound = class_.facts.attributes.get(name, ())
            made = bool(bound) and all(class_.module.facts.exprs[x][0] == f.CALL for x in bound)
            return made and name not in class_.facts.stores
        return kind == "module"

    def _bound_type(self, function: Function, position: int) -> str:
        evaluator = self._graph.evaluator
        found = evaluator.concrete(evaluator.values(function.module, position))
        names = {str(x.a) for x in found if x.kind == v.EXTERNAL_INSTANCE}
        others = any(x.kind not in (v.EXTERNAL_INSTANCE, v.CONSTANT) for x in found)
        bound = names & _BOUND
        return min(bound) if bound and bound == names and not others else ""


def _is_private(context: c.Context) -> bool:
    return c.loop_of(context) == Loop.PRIVATE and c.thread_of(context) == Thread.WORKER


def _is_per_call(state: State) -> bool:
    """Whether the worker gets this piece of work as one of many, rather than being a thread of its own."""
    before, edge = state.before, state.edge
    while edge is not None and before is not None and edge.how in STEPS:
        edge, before = before.edge, before.before
    return (
        edge is not None
        and edge.how in ("offload", "register")
        and c.phase_of(state.context) == Phase.SERVING
    )
