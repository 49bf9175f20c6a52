"""Whose loop it is: code on a thread that has a loop of its own, or asks for one and is ready for the answer no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.link.nodes import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.exposures import Exposed, Hop
    from auditor.link.graph import Graph
    from auditor.link.nodes import Node, Sink
    from auditor.link.program import Function

_SETS: Final = "asyncio.set_event_loop"
_MAKES: Final = "asyncio.new_event_loop"
_OWNS: Final = frozenset(
    {
        _SETS,
        _MAKES,
        "asyncio.run",
        "asyncio.Runner",
        "asyncio.AbstractEventLoop.run_until_complete",
        "asyncio.AbstractEventLoop.run_forever",
    }
)
OF_INTEREST: Final = _OWNS | {"asyncio.get_running_loop"}
"""Calls that are looked for in bodies, whether or not the catalog says anything of them."""

_SETS_ONLY: Final = frozenset({_SETS})
_PATCHES: Final = frozenset({"nest_asyncio", "nest_asyncio2"})
_HANDLED: Final = frozenset({"RuntimeError", "Exception", "BaseException", ""})
_DEPTH: Final = 2


class Ownership:
    """Answers for one propagated graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        # such a library lets loops run within loops
        self._is_patched = any(
            name.partition(".")[0] in _PATCHES
            for module in graph.evaluator.program.modules
            for level, name in module.facts.imports
            if not level
        )
        self._found: dict[tuple[Node, frozenset[str]], bool] = {}

    def is_fault(self, function: Function, sink: Sink, domain: int) -> bool:
        """Whether an effect other than blocking may be one where it stands."""
        effect = sink.api.effect
        if effect == "drives-loop":
            return not self._is_patched
        if domain == c.LOOP_DOMAIN or effect == "opens":
            return True
        if sink.api.names[0].partition(".")[0] == function.module.name.partition(".")[0]:
            return False  # a library's own code upholds what its users may rely on
        return not (effect in ("loop-method", "loop-object") and self._is_own(function, sink))

    def is_prepared(self, sink: Sink, exposed: Exposed, domain: int) -> bool:
        """Whether something on the path gives the thread a loop, so that the effect is legal there."""
        effect = sink.api.effect
        if domain == c.LOOP_DOMAIN or effect == "blocks":
            return False
        if effect in ("needs-loop", "opens"):
            return False  # a loop that is set, or belongs to the thread, does not run for that
        hops = exposed.hops if domain == c.MAIN_DOMAIN else exposed.hops[exposed.at :]
        if effect != "get-loop":
            return any(self._reaches(self._graph.edges.node(hop.function), _DEPTH, _OWNS) for hop in hops)
        return any(self._sets_before(hop) for hop in hops)

    def _sets_before(self, hop: Hop) -> bool:
        """Whether the function of the hop sets a loop, itself or by what it calls, before it goes on to the next."""
        edges = self._graph.edges
        body = edges.body(edges.node(hop.function))
        facts = hop.function.module.facts
        calls = facts.calls
        place = hop.place

        def comes_before(number: int) -> bool:
            return (calls[number][f.C_LINE], calls[number][f.C_COLUMN]) < (
                place.line,
                place.column,
            ) and not _exclude_each_other(facts, number, place.call)

        return any(dotted == _SETS and comes_before(number) for number, dotted in body.externals) or any(
            edge.how in STEPS
            and edge.place.call >= 0
            and comes_before(edge.place.call)
            and self._reaches(edge.target, _DEPTH - 1, _SETS_ONLY)
            for edge in body.edges
        )

    def _reaches(self, node: Node, depth: int, names: frozenset[str]) -> bool:
        """Whether the node makes one of these calls, itself or within some steps."""
        key = (node, names)
        known = self._found.get(key)
        if known is not None:
            return known
        body = self._graph.edges.body(node)
        found = any(dotted in names for _, dotted in body.externals)
        if not found and depth:
            self._found[key] = False  # for recursion
            found = any(
                self._reaches(edge.target, depth - 1, names)
                for edge in body.edges
                if edge.how in STEPS and not edge.target.function.is_async
            )
        self._found[key] = found
        return found

    def _is_own(self, function: Function, sink: Sink) -> bool:
        """Whether the loop that the method belongs to was made right here."""
        if sink.place.call < 0:
            return False
        module = function.module
        callee = module.facts.exprs[module.facts.calls[sink.place.call][f.C_CALLEE]]
        if callee[0] != f.ATTR:
            return False
        receiver = module.facts.exprs[callee[1]]
        if receiver[0] != f.CALL:
            return False
        made_by = self._graph.evaluator.values(module, module.facts.calls[receiver[1]][f.C_CALLEE])
        return any(x.kind == v.EXTERNAL and x.a == _MAKES for x in made_by)


def _exclude_each_other(facts: f.FileFacts, one: int, other: int) -> bool:
    """Whether two calls stand in different branches of one test, so that no run of the function makes both."""
    if other < 0:
        return False
    ways = dict(_tests_around(facts, facts.calls[one][f.C_REGION]))
    return any(
        ways.get(test, holds) != holds for test, holds in _tests_around(facts, facts.calls[other][f.C_REGION])
    )


def _tests_around(facts: f.FileFacts, region: int) -> Iterator[tuple[int, bool]]:
    """Tests around a region, each with the way that leads there."""
    for one in facts.outwards(region):
        kind, _, test, holds = facts.regions[one]
        if kind == f.IF:
            yield test, bool(holds)


def handled(function: Function, region: int) -> bool:
    """Whether a RuntimeError in the region is caught in the function."""
    facts = function.module.facts
    around = (facts.regions[one] for one in facts.outwards(region))
    return any(kind == f.TRY and set(data) & _HANDLED for kind, _, data, _ in around)
