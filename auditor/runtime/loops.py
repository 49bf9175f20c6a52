"""What a watcher can see of one loop: whether it is busy, since when, and how its last late beat came about."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from auditor.runtime.board import Board, Cell, Head, Mode, Slot, State

Key = tuple[int, ...]
"""Names one busy period of one loop; it changes when the period ends."""


class Look(NamedTuple):
    """``stale`` is how long there has been no sign of life, in ns; ``asleep``: it sleeps longer than it meant to."""

    key: Key
    since: int
    stale: int
    asleep: bool = False


class Late(NamedTuple):
    """The last late beat: the busy time before it, and the CPU time of the loop's thread since the beat before."""

    number: int
    start: int
    end: int
    cpu: int


class WatchedLoop(Protocol):
    """One loop, whatever the signs of life are."""

    number: int
    generation: int
    native_id: int
    ident: int
    backend: int
    beats: bool
    """Whether late beats will tell how a busy period ended."""

    def look(self, now: int) -> Look | None:
        """How it goes; nothing when it does not run."""

    def late(self) -> Late: ...

    def note(self) -> dict[str, Any]: ...


class BoardLoop:
    """A loop that has a probe."""

    def __init__(self, slot: Slot) -> None:
        self.number = slot.number
        self._slot = slot
        self._cells = slot.cells

    @property
    def generation(self) -> int:
        return self._cells[Cell.GENERATION]

    @property
    def native_id(self) -> int:
        return self._cells[Cell.NATIVE_ID]

    @property
    def ident(self) -> int:
        return self._cells[Cell.IDENT]

    @property
    def backend(self) -> int:
        return self._cells[Cell.BACKEND]

    @property
    def beats(self) -> bool:
        return self._cells[Cell.DUE] != 0

    def look(self, now: int) -> Look | None:
        cells = self._cells
        if cells[Cell.STATE] != State.RUNNING:
            return None
        generation, due = cells[Cell.GENERATION], cells[Cell.DUE]
        if cells[Cell.MODE] == Mode.STAMPED:
            turn, entered = cells[Cell.TURN], cells[Cell.ENTERED]
            if entered <= turn:
                return Look((generation, 0, turn), turn, now - turn)
            if not due or now < due:
                return Look((generation, 1, entered), entered, 0)
            since = max(
                due, entered
            )  # when it came late, what has kept it from the selector until then is over
            return Look((generation, 1, entered), since, now - since, asleep=True)
        beat = cells[Cell.BEAT]
        # a beat is written first and when the next is due last: in between the old time lies before the new beat
        middle = (beat + due) // 2 if due > beat else now
        return Look((generation, 2, beat), middle, now - middle)

    def late(self) -> Late:
        cells = self._cells
        for _ in range(3):
            count = cells[Cell.LATE]
            late = Late(count, cells[Cell.LATE_START], cells[Cell.LATE_END], cells[Cell.LATE_CPU])
            if count == cells[Cell.LATE]:
                break
        return late

    def note(self) -> dict[str, Any]:
        return self._slot.read_note()


class BoardLoops:
    """All loops of a board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._loops = [BoardLoop(slot) for slot in board.slots]

    def __call__(self) -> list[BoardLoop]:
        """Those that are in use, and those that have been."""
        return self._loops[: self._board.head[Head.SLOTS_USED]]

    def collected(self, now: int) -> int:
        """Nanoseconds spent collecting garbage so far, a collection under way included."""
        head = self._board.head
        began = head[Head.COLLECTING]
        return head[Head.COLLECTED] + (now - began if began else 0)
