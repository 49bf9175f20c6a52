"""What speaks against moving a call to a thread: it needs the loop, belongs to one thread, or would gain nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.nodes import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.catalog.values import Api
    from auditor.fixes.case import Case
    from auditor.fixes.site import Site
    from auditor.link.graph import Graph
    from auditor.link.nodes import Body, Node, Sink
    from auditor.link.suspects import Hop

_ANYWHERE: Final = ("blocks", "none", "drives-loop")
_DOCUMENTS: Final = frozenset({"serialization"})
"""What reads or writes a whole document at once."""
_MANY: Final = 400
"""Bodies that are looked through below a helper; what lies deeper is not known."""


def can_leave_the_loop(case: Case) -> bool:
    """Whether the call of the exposure may run on a thread at all, and the loop would be free meanwhile."""
    edge = case.hop.edge
    if edge is None:
        sink = case.hit.suspect.sink
        if sink is None or sink.api.effect != "blocks":
            return False
        return sink.api.gil_for(sink.arguments or NO_ARGUMENTS) != "holds"
    facts = edge.target.function.facts
    if edge.how != "call" or facts.is_generator or edge.target.function.is_async or facts.endless:
        return False
    return not needs_this_thread(case.graph, case.hop)


def needs_this_thread(graph: Graph, hop: Hop) -> bool:
    """Whether something below the helper that is called works on the loop's thread only."""
    return hop.edge is not None and any(needs_loop(graph, x) for x in below(graph, hop.edge.target))


def can_leave_the_loop_in(case: Case, lines: tuple[int, int]) -> bool:
    """Whether nothing in some lines, or below them, works on the loop's thread only."""
    body, nodes = _in_lines(case, lines)
    if any(sink.api.effect not in _ANYWHERE for sink in body):
        return False
    return not any(needs_loop(case.graph, inner) for node in nodes for inner in below(case.graph, node))


def _in_lines(case: Case, lines: tuple[int, int]) -> tuple[list[Sink], list[Node]]:
    """The effects in some lines of the exposure's function, and the functions that they run here and now."""
    function = case.hop.function
    first, last = lines
    body = case.graph.edges.body(case.graph.edges.node(function))
    sinks = [sink for sink in body.sinks if first <= sink.place.line <= last]
    edges = [edge for edge in body.edges if edge.how in STEPS and first <= edge.place.line <= last]
    return sinks, [edge.target for edge in edges if not edge.target.function.is_async]


def uses_up(case: Case, site: Site) -> bool:
    """Whether a call is known to be done with what it is given when it returns, such as ``json.load``."""
    line, column = site.start()
    offset = len(site.lines.lines[line - 1][: column - 1].encode())
    function = case.hop.function
    evaluator = case.graph.evaluator
    for number in function.facts.calls:
        call = function.module.facts.calls[number]
        if (call[f.C_LINE], call[f.C_COLUMN]) == (line, offset) and call[f.C_END_LINE] == site.end()[0]:
            values = evaluator.values(function.module, call[f.C_CALLEE])
            apis = [case.graph.edges.api(x.a) if x.kind == v.EXTERNAL else None for x in values]
            return bool(apis) and all(api is not None and api.group in _DOCUMENTS for api in apis)
    return False


def lines_of_affine_sinks(case: Case) -> set[int]:
    """Those in which something works on what belongs to the thread that made it."""
    body = case.graph.edges.body(case.graph.edges.node(case.hop.function))
    return {sink.place.line for sink in body.sinks if _is_safe(case, sink.api, sink.callee) is False}


def doubts_in(case: Case, lines: tuple[int, int], *, together: bool = False) -> list[str]:
    """Why lines may not be safe on another thread. ``together``: what they work on is made there as well."""
    sinks, nodes = _in_lines(case, lines)
    every = [
        *(() if together else sinks),
        *(sink for node in nodes for body in below(case.graph, node) for sink in body.sinks),
    ]
    found = [_affine(sink.callee) for sink in every if _is_safe(case, sink.api, sink.callee) is False]
    if found:
        return found
    obstacle = case.contained.obstacle_in(case.hop.function, lines)
    what = "nothing says that what it uses may be used on a thread while the loop goes on"
    return [f"{what}: {obstacle}"] if obstacle else []


def needs_loop(graph: Graph, body: Body) -> bool:
    """Whether something in a body works on the loop's thread only, or does nothing elsewhere."""
    if any(sink.api.effect not in _ANYWHERE for sink in body.sinks):
        return True
    # one that is ready for its failure is no sink
    apis = (graph.edges.api(dotted) for _, dotted in body.externals)
    return any(api is not None and api.effect == "needs-loop" for api in apis)


def below(graph: Graph, node: Node) -> Iterator[Body]:
    """The bodies that run when a node does, its own first, as far as they are known."""
    seen = {node}
    pending = [node]
    while pending and len(seen) < _MANY:
        body = graph.edges.body(pending.pop())
        yield body
        for edge in body.edges:
            if edge.how in STEPS and edge.target not in seen and not edge.target.function.is_async:
                seen.add(edge.target)
                pending.append(edge.target)


def doubts(case: Case) -> list[str]:
    """Why what is called may not be safe on another thread."""
    edge = case.hop.edge
    if edge is None:
        api = case.api
        is_safe = _is_safe(case, api, case.hit.callee) if api is not None else None
        if is_safe is None and case.contained.concerns_own(case.hop.function, case.hop.place):
            return []
        if is_safe is None:
            return [f"nothing says that `{case.hit.callee}` may be called from several threads at once"]
        return [] if is_safe else [_affine(case.hit.callee)]
    found = []
    for body in below(case.graph, edge.target):
        found += [
            _affine(sink.callee) for sink in body.sinks if _is_safe(case, sink.api, sink.callee) is False
        ]
    if found:
        return found
    obstacle = case.contained.obstacle(case.hop.function, edge)
    name = edge.target.function.facts.qualname
    what = f"nothing says that `{name}` may run on a thread while the loop goes on"
    return [f"{what}: {obstacle}"] if obstacle else []


def _is_safe(case: Case, api: Api, callee: str) -> bool | None:
    return case.graph.evaluator.catalog.is_thread_safe(api, callee)


def _affine(callee: str) -> str:
    return f"what `{callee}` works on belongs to the thread that made it: all its calls must move together"
