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
