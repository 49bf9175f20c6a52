"""Suspects: places where an effect meets a context, with the paths that prove it. The rule tier judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import guards as g
from auditor.link import values as v
from auditor.link.graph import at_line
from auditor.link.nodes import STEPS
from auditor.model import Confidence, Phase

if TYPE_CHECKING:
    from auditor.link.arguments import CallArguments
    from auditor.link.graph import Graph, State
    from auditor.link.nodes import Edge, HandedOver, Place, Sink
    from auditor.link.program import Function

_PHASES: Final = {
    Phase.SERVING: 0, Phase.STARTUP: 1, Phase.SHUTDOWN: 2, Phase.CLI: 3, Phase.IMPORT: 4, Phase.TEST: 5,
}  # fmt: skip
MAX_EXPOSURES: Final = 500


class Hop:
    """A place in a function from which the path goes on; ``edge`` is the step taken, None at the sink."""

    __slots__ = ("edge", "function", "place")

    def __init__(self, function: Function, place: Place, edge: Edge | None) -> None:
        self.function = function
        self.place = place
        self.edge = edge


class Exposed:
    """Where a context enters synchronous code on the way to a sink. ``hops`` lead from the root to the sink."""

    __slots__ = ("at", "confidence", "context", "hops", "roles", "why")

    def __init__(
        self,
        hops: tuple[Hop, ...],
        at: int,
        context: c.Context,
        confidence: Confidence,
        why: str,
        roles: frozenset[str],
    ) -> None:
        self.hops = hops
        self.at = at  # the hop that is the exposure
        self.context = context
        self.confidence = confidence
        self.why = why
        self.roles = roles

    def rank(self) -> tuple[int, int, int]:
        """Smaller is the better witness."""
        return (_PHASES[c.phase_of(self.context)], -self.confidence, len(self.hops))


class Suspect:
    """An effect in contexts where it may not be legal. ``sink`` or ``handed_over`` says what it is."""

    __slots__ = ("exposed", "function", "handed_over", "place", "sink")

    def __init__(
        self, function: Function, place: Place, sink: Sink | None, handed_over: HandedOver | None
    ) -> None:
        self.function = function
        self.place = place
        self.sink = sink
        self.handed_over = handed_over
        self.exposed: list[Exposed] = []

    @property
    def callee(self) -> str:
        """The dotted name of what is called; for a result that is handed over, of the offloader."""
        if self.sink is not None:
            return self.sink.callee
        return self.handed_over.offloader if self.handed_over is not None else ""

    @property
    def arguments(self) -> CallArguments | None:
        return self.sink.arguments if self.sink is not None else None

    @property
    def group(self) -> str:
        return self.sink.api.group if self.sink is not None else ""


class Suspects:
    """Collects the suspects of a propagated graph, in the order of the program."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._declared = graph.edges.declared

    def collect(self) -> list[Suspect]:
        """All suspects whose effect some loop context reaches, or that hand over a result instead of a callable."""
        found: dict[tuple[int, int, int, int, str], Suspect] = {}
        for function in self._graph.evaluator.program.functions:
            if self._declared.is_opaque(function):
                continue
            for state in self._graph.by_function.get(function, ()):
                body = self._graph.edges.body(state.node)
                if c.ON_LOOP[state.context]:
                    for sink in body.sinks:
                        if g.allows(sink.constraints, state.context):
                            self._add(found, function, state, sink.place, sink, None)
                for handed_over in body.handed_over:
                    if g.allows(handed_over.constraints, state.context) and self._is_plain_result(
                        state, handed_over
                    ):
                        self._add(found, function, state, handed_over.place, None, handed_over)
        return [suspect for suspect in found.values() if suspect.exposed]

    def _add(
        self,
        found: dict[tuple[int, int, int, int, str], Suspect],
        function: Function,
        state: State,
        place: Place,
        sink: Sink | None,
        handed_over: HandedOver | None,
    ) -> None:
        group = sink.api.group if sink is not None else "handed-over"
        key = (function.id, place.line, place.column, place.end_column, group)
        suspect = found.get(key)
        if suspect is None:
            suspect = found[key] = Suspect(function, place, sink, handed_over)
        elif (
            sink is not None
            and suspect.sink is not None
            and _typical_cost(sink) > _typical_cost(suspect.sink)
        ):
            suspect.sink = sink
        known = {(e.hops[e.at].function.id, e.hops[e.at].place.line, e.hops[e.at].place.column): i
                 for i, e in enumerate(suspect.exposed)}  # fmt: skip
        for exposed in self._exposures(state, place):
            hop = exposed.hops[exposed.at]
            spot = (hop.function.id, hop.place.line, hop.place.column)
            at = known.get(spot)
            if at is None:
                known[spot] = len(suspect.exposed)
                suspect.exposed.append(exposed)
            elif exposed.rank() < suspect.exposed[at].rank():
                suspect.exposed[at] = exposed

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

    # -- paths -------------------------------------------------------------------------------------------------

    def _exposures(self, state: State, place: Place) -> list[Exposed]:
        """Backwards from the sink through synchronous code to where a context entered it."""
        found: list[Exposed] = []
        seen = {state}
        # (state, hops from its function to the sink)
        level: list[tuple[State, tuple[Hop, ...], int]] = [
            (state, (Hop(state.node.function, place, None),), state.loss)
        ]
        while level and len(found) < MAX_EXPOSURES:
            following: list[tuple[State, tuple[Hop, ...], int]] = []
            for current, hops, loss in level:
                arrivals = self._entering(current)
                if arrivals is None:
                    found.append(self._exposed(current, hops, loss))
                    continue
                for before, edge in arrivals:
                    if self._declared.is_opaque(before.node.function):
                        continue
                    if before in seen and not before.node.function.is_async:
                        continue
                    seen.add(before)
                    hop = Hop(before.node.function, edge.place, edge)
                    following.append((before, (hop, *hops), max(loss, before.loss, 2 - edge.confidence)))
            level = following
        return found

    def _entering(self, state: State) -> list[tuple[State, Edge]] | None:
        """Steps by which synchronous code enters the state's function; None where the context begins in it."""
        if state.node.function.is_async or not c.ON_LOOP[state.context]:
            return None
        every = list(zip(state.arrivals[::2], state.arrivals[1::2], strict=True))
        arrivals = [
            (before, edge) for before, edge in every if edge.how in STEPS and c.HAS_LOOP[before.context]
        ]
        if len(arrivals) < len(every) or not arrivals:
            # it is also a root of its own: a callback, or a function that a framework calls on the loop
            return None if not arrivals or state.edge is None or state.edge.how not in STEPS else arrivals
        return arrivals

    def _exposed(self, state: State, hops: tuple[Hop, ...], loss: int) -> Exposed:
        prefix: list[Hop] = []
        roles: set[str] = set()
        current = state
        while current.before is not None and current.edge is not None:
            prefix.append(Hop(current.before.node.function, current.edge.place, current.edge))
            if current.edge.role:
                roles.add(current.edge.role)
            current = current.before
        prefix.reverse()
        # what registers a function with a framework is not on the path: the framework's call begins it
        start = 0
        why = current.why
        for i, hop in enumerate(prefix):
            if hop.edge is not None and hop.edge.how in (
                "register",
                "schedule",
                "drive",
                "iterate-by",
                "thread",
                "offload",
            ):
                start = i
        kept = prefix[start:]
        if kept and kept[0].edge is not None and kept[0].edge.how == "register":
            why = kept[0].edge.role or "registered"
            kept = kept[1:]
        return Exposed(
            (*kept, *hops),
            len(kept),
            at_line(hops[0].function, state.context, hops[0].place.line),
            _by_depth(Confidence(2 - min(loss, 2)), len(hops)),
            why,
            frozenset(roles),
        )


def _by_depth(confidence: Confidence, length: int) -> Confidence:
    """Deep paths hold more conditions that nobody checked."""
    if length > _LOW_DEPTH:
        return Confidence.LOW
    return min(confidence, Confidence.MEDIUM) if length > _MEDIUM_DEPTH else confidence


_MEDIUM_DEPTH: Final = 6
_LOW_DEPTH: Final = 10


def _names_data(values: tuple[object, ...]) -> bool:
    return bool(values) and all(
        getattr(x, "kind", -1) == v.EXTERNAL and str(getattr(x, "a", "")).startswith("builtins.")
        for x in values
    )


def _typical_cost(sink: Sink) -> float:
    return sink.api.cost_for(sink.arguments or NO_ARGUMENTS).typical
