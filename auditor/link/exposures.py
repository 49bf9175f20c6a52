"""Paths that prove a suspect: from where a context begins, through where it enters synchronous code, to the sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link.feasible import NO_NEEDS
from auditor.link.graph import at_line
from auditor.link.nodes import STEPS
from auditor.model import Confidence, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.link.company import Company
    from auditor.link.declared import Declarations
    from auditor.link.feasible import Feasibility, Needs
    from auditor.link.graph import State
    from auditor.link.nodes import Edge, Place
    from auditor.link.program import Function

_PHASES: Final = {
    Phase.SERVING: 0, Phase.STARTUP: 1, Phase.SHUTDOWN: 2, Phase.CLI: 3, Phase.IMPORT: 4, Phase.TEST: 5,
}  # fmt: skip
_STARTS: Final = frozenset({"register", "schedule", "drive", "iterate-by", "thread", "offload"})
"""What edges say after which their target runs by itself: a path begins there."""

MAX_EXPOSURES: Final = 500
ALONE: Final = "alone"
"""The role of what runs on a loop that nothing else runs on."""


class Hop:
    """A place in a function from which the path goes on; ``edge`` is the step taken, None at the sink."""

    __slots__ = ("edge", "function", "place")

    def __init__(self, function: Function, place: Place, edge: Edge | None) -> None:
        self.function = function
        self.place = place
        self.edge = edge


class Exposed:
    """Where a context enters synchronous code on the way to a sink. ``hops`` lead from the root to the sink.

    On a thread the exposure is the call in the function that the thread runs; where the thread gets it is on the path.
    """

    __slots__ = ("at", "confidence", "context", "hops", "registered", "roles", "why")

    def __init__(
        self,
        hops: tuple[Hop, ...],
        at: int,
        context: c.Context,
        confidence: Confidence,
        why: str,
        roles: frozenset[str],
        registered: Hop | None = None,
    ) -> None:
        self.registered = registered  # where the first function is given to the framework that calls it
        self.hops = hops
        self.at = at  # the hop that is the exposure
        self.context = context
        self.confidence = confidence
        self.why = why
        self.roles = roles

    def rank(self) -> tuple[int, int, int]:
        """Smaller is the better witness."""
        return (_PHASES[c.phase_of(self.context)], -self.confidence, len(self.hops))

    def spot(self) -> tuple[int, int, int]:
        """What tells exposures of one suspect apart."""
        hop = self.hops[self.at]
        return (hop.function.id, hop.place.line, hop.place.column)


_Level = list[tuple["State", tuple[Hop, ...], int, "Needs"]]
"""States, with the hops from their function to the sink, what the path has lost in confidence, and what it needs."""

_Chain = list[tuple["State", "Edge"]]
_MOST_NEEDS: Final = 4
"""Ways through one function that are told apart by what they need of its parameters."""
_MOST_WAYS: Final = 2000


class Exposures:
    """Finds the exposures of a place in a state, backwards through the arrivals that propagation has noted."""

    def __init__(
        self,
        declared: Declarations,
        company: Company,
        hooked: Mapping[Function, str],
        feasibility: Feasibility,
    ) -> None:
        """``hooked``: what frameworks call on subclasses, and the role of it there."""
        self._hooked = hooked
        self._feasibility = feasibility
        self._declared = declared
        self._company = company

    def of(self, state: State, place: Place) -> list[Exposed]:
        """Backwards from the sink through synchronous code to where a context entered it."""
        found: list[Exposed] = []
        needs = self._feasibility.needs_at(state.node.function, place)
        seen = {state: [needs]}
        level: _Level = [(state, (Hop(state.node.function, place, None),), state.loss, needs)]
        while level and len(found) < MAX_EXPOSURES:
            following: _Level = []
            for current, hops, loss, needs in level:
                entering, begins = self._arrivals(current)
                if begins:
                    found += self._beginning(current, hops, loss, needs)
                for before, edge in entering:
                    if self._declared.is_opaque(before.node.function):
                        continue
                    needed = self._feasibility.before(needs, before.node.function, edge)
                    if needed is None:
                        continue
                    kept = _noted(seen, before, needed)
                    if kept is None and not before.node.function.is_async:
                        continue
                    hop = Hop(before.node.function, edge.place, edge)
                    following.append(
                        (
                            before,
                            (hop, *hops),
                            max(loss, before.loss, 2 - edge.confidence),
                            needed if kept is None else kept,
                        )
                    )
            level = following
        return found

    def here(self, state: State, place: Place) -> Exposed:
        """The one exposure of what is wrong in itself: the place, and how the program gets there."""
        hops = (Hop(state.node.function, place, None),)
        needs = self._feasibility.needs_at(state.node.function, place)
        return self._exposed(state, self._chain(state, needs), hops, state.loss)

    def _arrivals(self, state: State) -> tuple[list[tuple[State, Edge]], bool]:
        """Steps by which synchronous code enters the state's function, and whether the context begins in it as well."""
        if state.node.function.is_async or not state.is_passed:
            return [], True
        every = _pairs(state)
        on_thread = c.OFF_LOOP[state.context]
        steps = [
            (before, edge)
            for before, edge in every
            if edge.how in STEPS and (on_thread or c.HAS_LOOP[before.context])
        ]
        if not steps:
            return [], True
        if on_thread:
            return steps, len(steps) < len(every) or state.edge is None
        if len(steps) < len(every) and (state.edge is None or state.edge.how not in STEPS):
            # it is also a root of its own: a callback, or a function that a framework calls on the loop
            return [], True
        return steps, False

    def _beginning(self, state: State, hops: tuple[Hop, ...], loss: int, needs: Needs) -> list[Exposed]:
        """The context begins in the state's function; on a thread it is the best of the places that hand it over.

        None where no way to it can be walked.
        """
        if c.OFF_LOOP[state.context] and not state.node.function.is_async:
            given = [(before, edge) for before, edge in _pairs(state) if edge.how not in STEPS]
            handed = []
            for before, edge in given:
                needed = self._feasibility.before(needs, before.node.function, edge)
                if needed is not None:
                    chain = [(before, edge), *self._chain(before, needed)]
                    handed.append(self._exposed(state, chain, hops, max(loss, before.loss)))
            if given:
                return [min(handed, key=Exposed.rank)] if handed else []
        return [self._exposed(state, self._chain(state, needs), hops, loss)]

    def _chain(self, state: State, needs: Needs) -> _Chain:
        """The steps back from the state to where all begins: those by which it was found first, if they give what the
        path needs, or the fewest that do.

        If none do, they are those of the first kind all the same: a coroutine function may well be called by others,
        frameworks among them, with other arguments.
        """
        chain = self._first_found(state, needs)
        if chain is None:
            chain = self._searched(state, needs)
        return self._first_found(state, None) or [] if chain is None else chain

    def _first_found(self, state: State, needs: Needs | None) -> _Chain | None:
        """The steps by which the state was found; None if they do not give what is needed, if that is asked."""
        chain: _Chain = []
        while state.before is not None and state.edge is not None:
            if needs is not None:
                needs = self._feasibility.before(needs, state.before.node.function, state.edge)
                if needs is None:
                    return None
            chain.append((state.before, state.edge))
            state = state.before
        return chain

    def _searched(self, state: State, needs: Needs) -> _Chain | None:
        seen = {state: [needs]}
        level: list[tuple[State, Needs, _Chain]] = [(state, needs, [])]
        for current, needed, chain in level:
            if current.edge is None:
                return chain
            for before, edge in _pairs(current):
                further = self._feasibility.before(needed, before.node.function, edge)
                kept = None if further is None else _noted(seen, before, further)
                if kept is not None:
                    level.append((before, kept, [*chain, (before, edge)]))
            if len(level) > _MOST_WAYS:
                return chain
        return None

    def _exposed(self, state: State, chain: _Chain, hops: tuple[Hop, ...], loss: int) -> Exposed:
        """The exposure of the hops from the state's function on, to which the chain leads."""
        prefix: list[Hop] = []
        roles: set[str] = set()
        why, root, context = state.why, state.node.function, state.context
        for before, edge in chain:
            prefix.append(Hop(before.node.function, edge.place, edge))
            if edge.role:
                roles.add(edge.role)
            if edge.transform.drives and self._company.is_alone(edge.target, [*prefix[-2::-1], *hops]):
                if c.phase_of(context) == Phase.CLI:
                    roles.add(ALONE)
                elif c.phase_of(context) == Phase.SERVING and self._company.comes(edge.target):
                    context = c.context(c.thread_of(context), c.loop_of(context), Phase.STARTUP)
            why, root = before.why, before.node.function
        prefix.reverse()
        if root in self._hooked:
            roles.add(self._hooked[root])
        # what registers a function with a framework is not on the path: the framework's call begins it
        start = 0
        for i, hop in enumerate(prefix):
            if hop.edge is not None and hop.edge.how in _STARTS:
                start = i
        kept = prefix[start:]
        registered: Hop | None = None
        first = kept[0].edge if kept else None
        if first is not None and first.how == "register" and not _is_thread(state, kept):
            why = first.role or "registered"
            registered, kept = kept[0], kept[1:]
        elif start:
            why = ""  # how the first of all began says nothing of who stands first here
        return Exposed(
            (*kept, *hops),
            len(kept),
            at_line(hops[0].function, context, hops[0].place.line),
            _by_depth(Confidence(2 - min(loss, 2)), len(hops)),
            why,
            frozenset(roles),
            registered,
        )


def _noted(seen: dict[State, list[Needs]], state: State, needs: Needs) -> Needs | None:
    """What a way through the state needs, if none is known yet that needs no more; it is noted.

    Of many ways the last stands for all that come after it, as if it needed nothing.
    """
    known = seen.setdefault(state, [])
    if any(one <= needs for one in known):
        return None
    kept = needs if len(known) < _MOST_NEEDS else NO_NEEDS
    known.append(kept)
    return kept


def _is_thread(state: State, kept: list[Hop]) -> bool:
    """Whether the function is registered, by a call, to be run on a thread: that call is where the thread begins."""
    if not c.OFF_LOOP[state.context] or len(kept) != 1 or kept[0].place.call < 0:
        return False
    calls = kept[0].function.module.facts.calls
    return not calls[kept[0].place.call][f.C_FLAGS] & f.IS_DECORATOR


def _pairs(state: State) -> list[tuple[State, Edge]]:
    return list(zip(state.arrivals[::2], state.arrivals[1::2], strict=True))


def _by_depth(confidence: Confidence, length: int) -> Confidence:
    """Deep paths hold more conditions that nobody checked."""
    if length > _LOW_DEPTH:
        return Confidence.LOW
    return min(confidence, Confidence.MEDIUM) if length > _MEDIUM_DEPTH else confidence


_MEDIUM_DEPTH: Final = 6
_LOW_DEPTH: Final = 10
