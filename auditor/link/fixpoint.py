"""Memoised recursion over a graph with cycles: every node gets its least fixed point, each once.

A node that is asked for while it is being computed answers with what is known of it so far, and the computation that
began the cycle repeats until nothing grows. Results inside a cycle are provisional until its head is done; they are
reused within one round, so that a cycle costs its size times the number of rounds, never more. Forgetting the empty
results inside cycles is what makes naive resolvers explode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from auditor.link.values import NOTHING, Values, join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NO_CYCLE: Final = 1 << 30
_MAX_ROUNDS: Final = 10
_MAX_DEPTH: Final = 600

Found = TypeVar("Found")

Cell = list[Any]
"""How far out something provisional reaches, and the cell that says so instead, or None.

All that was found within a node of a cycle reaches out as far as the node does. It gets to know that by one cell for
all, since telling each of them, once for every node around it, takes the square of the size of the cycle.
"""


def reach(cell: Cell) -> int:
    """How far out the outermost unfinished node lies that the provisional result rests on."""
    last = cell
    while last[1] is not None:
        last = last[1]
    while cell is not last:
        cell[1], cell = last, cell[1]
    return last[0]  # type: ignore[no-any-return]


class Solver:
    """Computes nodes on demand. ``done`` maps finished nodes to their values.

    Values of nodes ``(number, position)`` go to ``tables[number][position]`` instead: there are very many of them.

    ``provisional`` holds what is known within the present round of an open cycle. ``low`` is how far out the outermost
    unfinished node lies that the present computation has read: a result is final when it is `NO_CYCLE`.
    """

    __slots__ = ("_active", "_cells", "_partial", "_tables", "_trail", "done", "low", "provisional")

    def __init__(self, tables: Sequence[list[Values | None]] = ()) -> None:
        self.done: dict[Any, Values] = {}
        self._tables = tables
        self._active: dict[Any, int] = {}
        self._partial: dict[Any, Values] = {}
        self.provisional: dict[Any, tuple[Values, Cell]] = {}
        self._trail: list[Any] = []
        self._cells: list[tuple[int, Cell]] = []  # from which position of the trail on each holds
        self.low = NO_CYCLE

    def solve(self, key: Any, compute: Callable[[Any, Any], Values], first: Any, second: Any) -> Values:
        """The values of node ``key``, which ``compute(first, second)`` finds by asking for other nodes."""
        value = self.done.get(key)
        if value is not None:
            return value
        active = self._active
        at = active.get(key)
        if at is not None:
            self.low = min(self.low, at)
            return self._partial.get(key, NOTHING)
        held_now = self.provisional.get(key)
        if held_now is not None:
            self.low = min(self.low, reach(held_now[1]))
            return held_now[0]
        depth = len(active)
        if depth > _MAX_DEPTH:
            return NOTHING
        active[key] = depth
        outer_low = self.low
        trail = self._trail
        mark = len(trail)
        rounds = 0
        before = -1  # what the nodes of the cycle held in the last round
        while True:
            self.low = NO_CYCLE
            value = compute(first, second)
            low = self.low
            if low > depth:
                self._settle(key, value)
                break
            known = self._partial.get(key, NOTHING)
            grown = join(known, value)
            if low < depth:
                # part of a cycle that began further out: final when that one is
                self._partial[key] = grown
                # what was found within rests on the same node, though it may have read no further out than this one
                cell = [low, None]
                for inner in self._take_cells(mark):
                    inner[1] = cell
                self._cells.append((mark, cell))
                self.provisional[key] = (grown, cell)
                trail.append(key)
                break
            rounds += 1
            held = sum(len(self.provisional[inner][0]) for inner in trail[mark:])
            if (len(grown) == len(known) and held == before) or rounds >= _MAX_ROUNDS:
                self._finish(key, grown, mark)
                low = NO_CYCLE
                break
            before = held
            self._partial[key] = grown
            for inner in trail[mark:]:
                del self.provisional[inner]
            del trail[mark:]
            self._take_cells(mark)
        del active[key]
        self.low = min(outer_low, low)
        return value if low > depth else grown

    def apart(self, compute: Callable[[], Found]) -> tuple[Found, bool]:
        """What ``compute`` finds, and whether that is final: it has read nothing that is still being computed."""
        outer = self.low
        self.low = NO_CYCLE
        found = compute()
        is_final = self.low == NO_CYCLE
        self.low = min(outer, self.low)
        return found, is_final

    def keep(self, key: Any, value: Values) -> None:
        """Remember, for the present round of the open cycle, a value that rests on ``low``."""
        if key not in self.provisional:
            self._trail.append(key)
        cell = [self.low, None]
        self._cells.append((len(self._trail) - 1, cell))
        self.provisional[key] = (value, cell)

    def _settle(self, key: Any, value: Values) -> None:
        if key.__class__ is tuple and key[0].__class__ is int:
            self._tables[key[0]][key[1]] = value
        else:
            self.done[key] = value

    def _take_cells(self, mark: int) -> list[Cell]:
        """Remove the cells of what the trail holds from ``mark`` on."""
        cells = self._cells
        at = len(cells)
        while at and cells[at - 1][0] >= mark:
            at -= 1
        taken = [cell for _, cell in cells[at:]]
        del cells[at:]
        return taken

    def _finish(self, key: Any, value: Values, mark: int) -> None:
        partial, provisional = self._partial, self.provisional
        self._settle(key, value)
        partial.pop(key, None)
        for inner in self._trail[mark:]:
            self._settle(inner, provisional.pop(inner)[0])
            partial.pop(inner, None)
        del self._trail[mark:]
        self._take_cells(mark)
