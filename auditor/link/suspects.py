"""Suspects: places where an effect meets a context, with the paths that prove it. The rule tier judges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import guards as g
from auditor.link import locks, misuses, wording
from auditor.link import values as v
from auditor.link.company import Company
from auditor.link.endings import Endings
from auditor.link.exposures import Exposed, Exposures, Hop
from auditor.link.feasible import Feasibility
from auditor.link.needless import Needless
from auditor.link.ownership import Ownership, handled
from auditor.link.pools import Pools
from auditor.link.private_loops import PrivateLoops
from auditor.model import Thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from auditor.link.arguments import CallArguments
    from auditor.link.graph import Graph, State
    from auditor.link.misuses import Misuse
    from auditor.link.nodes import HandedOver, Place, Sink
    from auditor.link.program import Function

Key = tuple[int, int, int, int, int, str]
"""Function, line, column and end column of a suspect, its domain and its group."""

_WORTH_A_THREAD: Final = 0.05
"""Seconds that a call takes, from which on a background task had better run on a thread."""
_NOWHERE: Final[frozenset[int]] = frozenset()
_OF_MAIN_THREADS: Final = frozenset({"get-loop", "loop-method", "loop-object"})
"""Effects that are other ones on the main thread of a process than on its other threads."""


class Suspect:
    """An effect in contexts where it may not be legal. ``sink``, ``handed_over`` or ``misuse`` says what it is.

    ``is_handled``: the RuntimeError that it raises is caught in its function.
    """

    __slots__ = ("domain", "exposed", "function", "handed_over", "is_handled", "misuse", "place", "sink")

    def __init__(
        self,
        function: Function,
        place: Place,
        sink: Sink | None,
        handed_over: HandedOver | None,
        domain: int = c.ELSEWHERE,
        misuse: Misuse | None = None,
    ) -> None:
        self.function = function
        self.place = place
        self.sink = sink
        self.handed_over = handed_over
        self.misuse = misuse
        self.is_handled = sink is not None and sink.api.effect != "blocks" and handled(function, sink.region)
        self.domain = domain  # of the contexts that make it one; see `auditor.link.contexts.DOMAIN`
        self.exposed: list[Exposed] = []

    @property
    def callee(self) -> str:
        """The dotted name of what is called; for a result that is handed over, of the offloader."""
        if self.sink is not None:
            return self.sink.callee
        if self.misuse is not None:
            return self.misuse.callee
        return self.handed_over.offloader if self.handed_over is not None else ""

    @property
    def arguments(self) -> CallArguments | None:
        return self.sink.arguments if self.sink is not None else None

    @property
    def group(self) -> str:
        if self.misuse is not None:
            return self.misuse.group
        return self.sink.api.group if self.sink is not None else ""


_WHOLE_PROGRAM: Final[Mapping[str, Callable[[Graph], Iterable[tuple[State, Misuse]]]]] = {
    misuses.END_UNTOLD: lambda graph: Endings(graph).untold(),
    misuses.WAIT_ON_OWN_POOL: lambda graph: Pools(graph).waits_within(),
    misuses.LOOP_PER_CALL: lambda graph: PrivateLoops(graph).per_call(),
    misuses.CROSSING: lambda graph: PrivateLoops(graph).crossing(),
    misuses.NEEDLESS: lambda graph: Needless(graph).handed(),
}
"""Misuses that no single body shows, by their group."""

Wanted = Mapping[str, frozenset[int]]
"""Groups of the catalog, and the domains of contexts in which somebody asks for their calls."""


class Suspects:
    """Collects the suspects of a propagated graph, in the order of the program."""

    def __init__(self, graph: Graph, wanted: Wanted) -> None:
        self._graph = graph
        if locks.GROUP in wanted:
            # they are found among the waits on the loop
            wanted = {**wanted, locks.WAITS: wanted.get(locks.WAITS, _NOWHERE) | {c.LOOP_DOMAIN}}
        self._wanted = wanted
        # background tasks are judged by whatever they block the loop with, whether or not another rule asks for it
        self._wants_all = misuses.BLOCKING_TASK in wanted
        self._declared = graph.edges.declared
        self._exposures = Exposures(
            self._declared, Company(graph.edges), graph.hooked, Feasibility(graph.evaluator)
        )
        self._ownership = Ownership(graph)

    def collect(self) -> list[Suspect]:
        """Effects that some context reaches where a rule asks for them, and results handed over, not callables."""
        found: dict[Key, Suspect] = {}
        for function in self._graph.evaluator.program.functions:
            if self._declared.is_opaque(function):
                continue
            for state in self._graph.by_function.get(function, ()):
                body = self._graph.edges.body(state.node)
                if body.sinks:
                    self._effects(found, function, state, body.sinks)
                for handed_over in body.handed_over:
                    if g.allows(handed_over.constraints, state.context) and self._is_plain_result(
                        state, handed_over
                    ):
                        self._add(found, function, state, handed_over.place, handed_over=handed_over)
                for misuse in body.misuses:
                    domains = self._wanted.get(misuse.group, _NOWHERE)
                    if (
                        c.DOMAIN[state.context] in domains
                        and g.allows(misuse.constraints, state.context)
                        and self._is_misused(state, misuse)
                    ):
                        self._add(found, function, state, misuse.place, misuse=misuse)
        for group, find in _WHOLE_PROGRAM.items():
            if group in self._wanted:
                for state, misuse in find(self._graph):
                    self._add(found, state.node.function, state, misuse.place, misuse=misuse)
        kept = [suspect for suspect in found.values() if suspect.exposed]
        more: list[Suspect] = []
        if misuses.BLOCKING_TASK in self._wanted:
            more += self._blocking_tasks(kept)
        if locks.GROUP in self._wanted:
            more += self._locks_held(kept)
        return kept + more

    def _locks_held(self, suspects: Sequence[Suspect]) -> list[Suspect]:
        """Locks that the loop takes, where a worker holds them over something slow."""
        found: list[Suspect] = []
        for suspect, sink in locks.Locks(self._graph).held(suspects):
            found.append(Suspect(suspect.function, suspect.place, sink, None, suspect.domain))
            found[-1].exposed = suspect.exposed
        return found

    def _blocking_tasks(self, suspects: Sequence[Suspect]) -> list[Suspect]:
        """Where coroutine functions become background tasks whose blocking calls were found."""
        found: dict[tuple[int, int, int], Suspect] = {}
        for suspect in suspects:
            sink = suspect.sink
            if sink is None or sink.api.effect != "blocks" or _typical_cost(sink) < _WORTH_A_THREAD:
                continue
            for exposed in suspect.exposed:
                hop = exposed.registered
                if (
                    hop is None
                    or hop.edge is None
                    or hop.edge.role != "background-task"
                    or hop.place.call < 0
                ):
                    continue
                if not hop.edge.target.function.is_async:
                    continue
                key = (hop.function.id, hop.place.line, hop.place.column)
                if key not in found:
                    misuse = misuses.Misuse(
                        hop.place,
                        wording.short_name(hop.edge.target.function),
                        misuses.BLOCKING_TASK,
                        sink.callee.removeprefix("builtins."),
                        sink.constraints,
                    )
                    found[key] = Suspect(hop.function, hop.place, None, None, c.ELSEWHERE, misuse)
                    hops = (hop, *exposed.hops)
                    found[key].exposed.append(
                        Exposed(hops, 0, exposed.context, exposed.confidence, "", exposed.roles)
                    )
        return list(found.values())

    def _effects(
        self, found: dict[Key, Suspect], function: Function, state: State, sinks: Sequence[Sink]
    ) -> None:
        for sink in sinks:
            domain = _domain(state.context, sink)
            is_asked_for = domain in self._wanted.get(sink.api.group, _NOWHERE)
            if not is_asked_for and not (
                self._wants_all and domain == c.LOOP_DOMAIN and sink.api.effect == "blocks"
            ):
                continue
            if not g.allows(sink.constraints, state.context):
                continue
            if sink.api.effect != "blocks" and not self._ownership.is_fault(function, sink, domain):
                continue
            self._add(found, function, state, sink.place, sink)

    def _add(
        self,
        found: dict[Key, Suspect],
        function: Function,
        state: State,
        place: Place,
        sink: Sink | None = None,
        handed_over: HandedOver | None = None,
        misuse: Misuse | None = None,
    ) -> None:
        group = sink.api.group if sink is not None else misuse.group if misuse is not None else "handed-over"
        domain = _domain(state.context, sink) if sink is not None else c.ELSEWHERE
        key = (function.id, place.line, place.column, place.end_column, domain, group)
        suspect = found.get(key)
        if suspect is None:
            suspect = found[key] = Suspect(function, place, sink, handed_over, domain, misuse)
        elif (
            sink is not None
            and suspect.sink is not None
            and _typical_cost(sink) > _typical_cost(suspect.sink)
        ):
            suspect.sink = sink
        known = {exposed.spot(): i for i, exposed in enumerate(suspect.exposed)}
        if misuse is not None:
            every = [self._exposures.here(state, place)]
        else:
            every = self._exposures.of(state, place)
        for exposed in every:
            if sink is not None and self._ownership.is_prepared(sink, exposed, domain):
                continue
            spot = exposed.spot()
            at = known.get(spot)
            if at is None:
                known[spot] = len(suspect.exposed)
                suspect.exposed.append(exposed)
            elif exposed.rank() < suspect.exposed[at].rank():
                suspect.exposed[at] = exposed

    def _is_misused(self, state: State, misuse: Misuse) -> bool:
        """Whether what the whole program says does not clear it."""
        if misuse.group == misuses.RETURNED_COROUTINE:
            begins = state.edge is not None and state.edge.how in ("offload", "thread")
            return begins and not self._fails_before(state, misuse.place)
        return True

    def _fails_before(self, state: State, place: Place) -> bool:
        """Whether an argument of the call raises for want of a loop, so that the call never happens."""
        module = state.node.function.module
        exprs, calls = module.facts.exprs, module.facts.calls
        inner = [exprs[e][1] for e in calls[place.call][f.C_ARGS] if exprs[e][0] == f.CALL]
        for number in inner:
            for value in self._graph.evaluator.values(module, calls[number][f.C_CALLEE]):
                api = self._graph.edges.api(value.a) if value.kind == v.EXTERNAL else None
                if api is not None and api.effect in ("needs-loop", "get-loop"):
                    return True
        return False

    def _is_plain_result(self, state: State, handed_over: HandedOver) -> bool:
        """Whether the call in a callable's place surely gives back no callable."""
        evaluator = self._graph.evaluator
        module = state.node.function.module
        callee = module.facts.calls[handed_over.argument_call][f.C_CALLEE]
        targets = evaluator.values(module, callee)
        if not targets:
            return False
        return all(self._returns_data(value) for value in targets)

    def _returns_data(self, value: object) -> bool:
        evaluator = self._graph.evaluator
        kind = value.kind  # type: ignore[attr-defined]
        if kind == v.BOUND:
            value = value.a  # type: ignore[attr-defined]
            kind = v.FUNCTION
        if kind == v.FUNCTION:
            function: Function = value.a  # type: ignore[attr-defined]
            if function.is_async or function.facts.is_generator or function.facts.kind == f.LAMBDA:
                return False
            if not any(expression for expression, _ in function.facts.returns):
                return "abstractmethod" not in function.facts.roles
            annotation = function.facts.annotation
            if annotation and _names_data(evaluator.values(function.module, annotation)):
                return True
            returned = evaluator.results.returned(value)  # type: ignore[arg-type]
            return bool(returned) and all(
                x.kind in (v.CONSTANT, v.CONTAINER)
                or (x.kind == v.EXTERNAL_INSTANCE and x.a.startswith(("builtins.", "pathlib.", "datetime.")))
                for x in returned
            )
        if kind == v.EXTERNAL:
            api = self._graph.edges.api(value.a)  # type: ignore[attr-defined]
            return api is not None and api.effect == "blocks"
        return False


def _domain(context: c.Context, sink: Sink) -> int:
    """What decides whether the effect is legal in the context.

    A process that others start has a main thread of its own: it gets a loop where one asks for it, and objects of a
    loop are there those of a loop that it runs itself.
    """
    if c.OFF_LOOP[context] and c.thread_of(context) == Thread.PROCESS and sink.api.effect in _OF_MAIN_THREADS:
        return c.MAIN_DOMAIN
    return c.DOMAIN[context]


def _names_data(values: tuple[object, ...]) -> bool:
    return bool(values) and all(
        getattr(x, "kind", -1) == v.EXTERNAL and str(getattr(x, "a", "")).startswith("builtins.")
        for x in values
    )


def _typical_cost(sink: Sink) -> float:
    return sink.api.cost_for(sink.arguments or NO_ARGUMENTS).typical


__all__ = ["Exposed", "Hop", "Suspect", "Suspects", "Wanted"]
