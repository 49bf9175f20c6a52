"""What the watcher makes of a thread, from the clocks that the system keeps of it."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from auditor.model import Stall
from auditor.runtime.board import Board, Cell, Head, Mode, State
from auditor.runtime.clock import MILLISECOND
from auditor.runtime.loops import BoardLoops
from auditor.runtime.watcher import Settings, Watcher


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell")
def test_the_time_of_a_thread_that_ended_with_its_loop_is_known_as_last_seen() -> None:
    board, file = Board.create()
    file.close()
    cells, start = board.slots[0].cells, time.monotonic_ns()
    watched, computed = threading.Event(), threading.Event()

    def work() -> None:
        cells[Cell.NATIVE_ID], cells[Cell.IDENT] = threading.get_native_id(), threading.get_ident()
        cells[Cell.STATE], cells[Cell.MODE], cells[Cell.TURN] = State.RUNNING, Mode.STAMPED, start
        watched.wait(60)
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        computed.set()
        ended.wait(60)

    ended = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    while cells[Cell.STATE] != State.RUNNING:
        time.sleep(0.001)
    board.head[Head.SLOTS_USED] = 1
    found: list[Stall] = []
    watcher = Watcher(os.getpid(), Settings(), BoardLoops(board), found.append)
    watcher.step(start + 60 * MILLISECOND)
    watched.set()
    assert computed.wait(60)
    watcher.step(start + 160 * MILLISECOND)
    ended.set()
    thread.join(60)
    cells[Cell.STATE] = State.RESTING
    watcher.process_exited(start + 170 * MILLISECOND)
    (stall,) = found
    assert stall.duration == pytest.approx(0.17)
    assert stall.cpu > 0.1
