"""The call graph by dotted names, for accuracy tests and for people."""

from __future__ import annotations

from auditor.index import facts as f
from auditor.link.graph import Graph


def callees(graph: Graph) -> dict[str, list[str]]:
    """Function name to the names of what it calls, hands over or schedules; sorted, each once.

    Every node counts, so a higher-order function has the union of what its variants call.
    """
    graph = Graph(graph.evaluator, record_all=True)
    graph.propagate()
    found: dict[str, set[str]] = {}
    for function in graph.evaluator.program.functions:
        if function.facts.kind != f.CLASS_BODY:
            found.setdefault(function.qualname, set())
    for function in graph.evaluator.program.functions:
        graph.edges.body(graph.edges.node(function))
    position = 0
    while position < len(graph.edges.nodes):
        node = graph.edges.nodes[position]
        position += 1
        body = graph.edges.body(node)
        owner = node.function
        while owner.facts.kind == f.CLASS_BODY and owner.parent is not None:
            owner = owner.parent
        names = found.setdefault(owner.qualname, set())
        names.update(edge.target.function.qualname for edge in body.edges)
        names.update(dotted for _, dotted in body.externals)
    return {name: sorted(names) for name, names in sorted(found.items())}
