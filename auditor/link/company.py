"""Whether anything else runs, as yet, on the loop that a command opens for its coroutine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link.nodes import STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.link.edges import Edges
    from auditor.link.exposures import Hop
    from auditor.link.nodes import Body, Node, Place
    from auditor.link.program import Function

_DEEPEST: Final = 12
_MOST: Final = 2000
_FOLLOW: Final = frozenset({"asyncio.Future.add_done_callback", "asyncio.Task.add_done_callback"})


class Company:
    """Answers for one propagated graph."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._known: dict[Node, float] = {}
        self._alone: dict[Node, bool] = {}

    def is_alone(self, start: Node, path: Sequence[Hop]) -> bool:
        """Whether the coroutine that the loop is opened for, and all that the program does for it, starts no
        task and no server before it gets to the end of the path, as far as is seen.

        A limit that is reached is no answer: then it is not said to be alone.
        """
        if any(hop.edge is not None and hop.edge.how not in STEPS for hop in path):
            return False  # what is handed over runs whenever it may
        node = start
        for hop in path:
            first = self._first(node)
            if hop.place.line != first or hop.edge is None:
                return hop.place.line < first
            node = hop.edge.target  # which may get on with something before it has company
        return False

    def comes(self, start: Node) -> bool:
        """Whether the coroutine that the loop is opened for starts something else on it."""
        return not math.isinf(self._first(start))

    def _first(self, start: Node) -> float:
        known = self._known.get(start)
        if known is None:
            known = self._known[start] = self._first_company(start)
        return known

    def _first_company(self, start: Node) -> float:
        """The first line of the function from which on others may be on the loop; infinite if there is none."""
        body = self._edges.body(start)
        facts = start.function.module.facts
        lines: list[tuple[int, int]] = [
            (facts.calls[number][f.C_LINE], facts.calls[number][f.C_REGION])
            for number, dotted in body.externals
            if self._starts_tasks(dotted)
        ]
        follow = _that_follow(body)
        lines.extend(
            (edge.place.line, _region(start.function, edge.place))
            for edge in body.edges
            if edge.place.call not in follow and (edge.how == "schedule" or not self._is_alone(edge.target))
        )
        return min((self._begins(start.function, line, region) for line, region in lines), default=math.inf)

    @staticmethod
    def _begins(function: Function, line: int, region: int) -> float:
        """The line itself; in a loop, just before the loop's first call, which comes after it as well."""
        facts = function.module.facts
        loop = 0
        for one in facts.outwards(region):
            if facts.regions[one][0] == f.LOOP:
                loop = one
        if not loop:
            return line
        within: list[int] = [
            facts.calls[number][f.C_LINE]
            for number in function.facts.calls
            if loop in facts.outwards(facts.calls[number][f.C_REGION])
        ]
        return min([line, *within]) - 0.5

    def _is_alone(self, start: Node) -> bool:
        known = self._alone.get(start)
        if known is None:
            known = self._alone[start] = self._search(start)
        return known

    def _search(self, start: Node) -> bool:
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
        follow = _that_follow(body)
        return any(edge.how == "schedule" and edge.place.call not in follow for edge in body.edges) or any(
            self._starts_tasks(dotted) for _, dotted in body.externals
        )

    def _starts_tasks(self, dotted: str) -> bool:
        catalog = self._edges.evaluator.catalog
        return catalog.is_server(dotted) or (
            dotted not in _FOLLOW and any(one.kind == "schedule" for one in catalog.runs(dotted))
        )


def _that_follow(body: Body) -> set[int]:
    """Calls that only say what is to follow something else, which is the company if it is on the loop."""
    return {number for number, dotted in body.externals if dotted in _FOLLOW}


def _region(function: Function, place: Place) -> int:
    facts = function.module.facts
    if place.call >= 0:
        return facts.calls[place.call][f.C_REGION]  # type: ignore[no-any-return]
    for record in (*function.facts.withs, *function.facts.iterations):
        if record[2:4] == (place.line, place.column):
            return record[6]
    return 0
