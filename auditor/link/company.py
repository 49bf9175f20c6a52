"""Whether anything else runs on the loop that a command opens for its coroutine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from auditor.link.edges import Edges
    from auditor.link.nodes import Body, Node

_DEEPEST: Final = 12
_MOST: Final = 2000


class Company:
    """Answers for one propagated graph."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._known: dict[Node, bool] = {}

    def is_alone(self, start: Node) -> bool:
        """Whether the coroutine, and all that the program does for it, starts no task and no server, as far as is seen.

        A limit that is reached is no answer: then it is not said to be alone.
        """
        known = self._known.get(start)
        if known is None:
            known = self._known[start] = self._is_alone(start)
        return known

    def _is_alone(self, start: Node) -> bool:
        seen, level = {start}, [start]
        for _ in range(_DEEPEST):
            following: list[Node] = []
            for node in level:
                body = self._edges.body(node)
                if self._has_company(body):
                    return False
                for edge in body.edges:
                    if edge.target not in seen:
                        seen.add(edge.target)
                        following.append(edge.target)
            if not following:
                return True
            if len(seen) > _MOST:
                return False
            level = following
        return False

    def _has_company(self, body: Body) -> bool:
        catalog = self._edges.evaluator.catalog
        return any(edge.how == "schedule" for edge in body.edges) or any(
            catalog.is_server(dotted) or any(one.kind == "schedule" for one in catalog.runs(dotted))
            for _, dotted in body.externals
        )
