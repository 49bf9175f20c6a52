"""Functions that a framework hands to a thread, and that do so little that the way there is most of the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import misuses
from auditor.link import values as v
from auditor.link.nodes import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.graph import Graph, State
    from auditor.link.misuses import Misuse
    from auditor.link.nodes import Node
    from auditor.link.program import Function

_ROLES: Final = frozenset({"endpoint", "dependency"})
_QUICK: Final = frozenset(
    f"builtins.{name}"
    for name in (
        "len", "str", "int", "float", "bool", "isinstance", "getattr", "hasattr", "dict", "list", "tuple", "set",
        "round", "abs", "ValueError", "KeyError", "RuntimeError", "TypeError",
    )
) | {
    "fastapi.HTTPException", "starlette.exceptions.HTTPException", "typing.cast", "os.environ.get", "os.getenv",
}  # fmt: skip
_FEW: Final = 4
_DEF: Final = len("def ")


class Needless:
    """Answers for one propagated graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def handed(self) -> Iterator[tuple[State, Misuse]]:
        """Functions that do next to nothing, each with the state in which a framework runs it on a worker."""
        for function in self._graph.evaluator.program.functions:
            if function.facts.kind != f.DEF or function.facts.is_generator or function.module.is_test:
                continue
            state = next((x for x in self._graph.by_function.get(function, ()) if _is_handed(x)), None)
            if state is None or not self._is_trivial(function, state.node):
                continue
            facts = function.facts
            start = facts.column + _DEF
            place = Place(facts.line, start, facts.line, start + len(facts.name.encode()))
            role = state.edge.role if state.edge is not None else ""
            yield state, misuses.Misuse(place, facts.name, misuses.NEEDLESS, role, frozenset())

    def _is_trivial(self, function: Function, node: Node) -> bool:
        """Whether the function loops over nothing, enters nothing, and calls only what is known to be quick."""
        facts, module = function.facts, function.module
        if facts.iterations or facts.withs or facts.endless or len(facts.calls) > _FEW or facts.imports:
            return False
        if any(module.facts.calls[n][f.C_FLAGS] & f.IN_LOOP for n in facts.calls):
            return False
        body = self._graph.edges.body(node)
        if body.edges or body.sinks:
            return False
        for number in facts.calls:
            values = self._graph.evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
            if not values or any(
                x.kind != v.EXTERNAL or self._graph.evaluator.canonical(x.a) not in _QUICK for x in values
            ):
                return False
        return True


def _is_handed(state: State) -> bool:
    return state.edge is not None and state.edge.role in _ROLES and c.OFF_LOOP[state.context]
