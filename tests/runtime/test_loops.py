"""What the watcher reads of a loop from the board while the loop writes there."""

from __future__ import annotations

import pytest

from auditor.runtime.board import NOTE_BYTES, WORDS, Cell, Mode, Slot, State
from auditor.runtime.clock import MILLISECOND
from auditor.runtime.loops import BoardLoop

NOW = 900 * MILLISECOND


@pytest.mark.parametrize(
    ("beat", "due", "late"),
    [
        (890, 915, None),  # alive
        (10, 35, 877.5),  # the beat is overdue: it stands still since some time between the two
        (899, 35, None),  # the new beat has been written, and when the next one is due has not
        (899, 0, None),  # begun just now
    ],
)
def test_a_loop_without_stamps(beat: int, due: int, late: float | None) -> None:
    slot = Slot(0, memoryview(bytearray(WORDS * 8 + NOTE_BYTES)))
    slot.cells[Cell.STATE], slot.cells[Cell.MODE] = State.RUNNING, Mode.BEATS
    slot.cells[Cell.BEAT], slot.cells[Cell.DUE] = beat * MILLISECOND, due * MILLISECOND
    look = BoardLoop(slot).look(NOW)
    assert look is not None
    assert max(look.stale, 0) == (0 if late is None else late * MILLISECOND)


@pytest.mark.parametrize(
    ("turn", "entered", "due", "since", "asleep"),
    [
        (500, 400, 420, 500, False),  # a callback runs since the selector has returned
        (400, 410, 950, 410, False),  # it waits for events, and its beat is not due yet
        (400, 410, 600, 600, True),  # it should have been woken for its beat
        (400, 890, 600, 890, True),  # a callback has kept it from its selector until now: that is over
    ],
)
def test_a_loop_with_stamps(turn: int, entered: int, due: int, since: int, asleep: bool) -> None:
    slot = Slot(0, memoryview(bytearray(WORDS * 8 + NOTE_BYTES)))
    slot.cells[Cell.STATE], slot.cells[Cell.MODE] = State.RUNNING, Mode.STAMPED
    slot.cells[Cell.TURN], slot.cells[Cell.ENTERED] = turn * MILLISECOND, entered * MILLISECOND
    slot.cells[Cell.DUE] = due * MILLISECOND
    look = BoardLoop(slot).look(NOW)
    assert look is not None
    assert (look.since, look.asleep) == (since * MILLISECOND, asleep)
    alive = entered > turn and not asleep
    assert look.stale == (0 if alive else NOW - look.since)
