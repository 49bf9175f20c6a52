"""Puts garbage collections on the board: they stop every thread, and no line of the program is to blame."""

from __future__ import annotations

import gc

from auditor.runtime.board import Board, Head
from auditor.runtime.clock import Clocks


class Collections:
    """Notes collections of the older generations; those of the youngest are short and come thousands a second."""

    def __init__(self, board: Board) -> None:
        self._head = board.head

    def start(self) -> None:
        gc.callbacks.append(self._note)

    def stop(self) -> None:
        if self._note in gc.callbacks:
            gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if not info["generation"]:
            return
        head = self._head
        if phase == "start":
            head[Head.COLLECTING] = Clocks.monotonic_ns()
        elif head[Head.COLLECTING]:
            head[Head.COLLECTED] += Clocks.monotonic_ns() - head[Head.COLLECTING]
            head[Head.COLLECTING] = 0
