"""Status of the loops of a process, sent twice a second to whoever shows it: datagrams on a local socket."""

from __future__ import annotations

import json
import socket
from typing import Any

from auditor.runtime.board import BUCKETS, Board, Cell, State
from auditor.runtime.clock import SECOND

EVERY = SECOND // 2
MOST_BYTES = 60_000


class LiveStatus:
    """Sends the state of all loops, and stalls as they are reported; nobody listening is no error."""

    def __init__(self, path: str, pid: int, board: Board) -> None:
        self._path = path
        self._pid = pid
        self._board = board
        self._next = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, now: int) -> None:
        """The status, when it is due."""
        if now >= self._next:
            self._next = now + EVERY
            self._put({"type": "status", "pid": self._pid, "loops": loop_states(self._board)})

    def tell(self, stall: dict[str, Any]) -> None:
        """One stall."""
        self._put({**stall, "samples": [], "frames": stall["frames"][:40]})

    def _put(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        if len(data) > MOST_BYTES:
            return
        try:
            self._socket.sendto(data, self._path)
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()


def loop_states(board: Board) -> list[dict[str, Any]]:
    """The counters of each loop in use; times in seconds, the histogram as counts."""
    found = []
    for slot in board.slots:
        cells = slot.cells
        if cells[Cell.STATE] == State.FREE:
            continue
        note = slot.read_note()
        found.append(
            {
                "slot": slot.number,
                "generation": cells[Cell.GENERATION],
                "loop": note.get("loop", ""),
                "thread": note.get("thread", ""),
                "running": cells[Cell.STATE] == State.RUNNING,
                "beats": cells[Cell.BEATS],
                "at": cells[Cell.BEAT] / SECOND,
                "idle": cells[Cell.IDLE] / SECOND,
                "since": cells[Cell.STARTED] / SECOND,
                "cpu": cells[Cell.CPU] / SECOND,
                "ready": cells[Cell.READY],
                "lag_sum": cells[Cell.LAG_SUM] / SECOND,
                "lag_max": cells[Cell.LAG_MAX] / SECOND,
                "histogram": histogram(cells),
            }
        )
    return found


def histogram(cells: memoryview) -> list[int]:
    """Counts of lags by `auditor.runtime.board.BUCKETS`, and of those beyond the last bound."""
    return list(cells[Cell.HISTOGRAM : Cell.HISTOGRAM + len(BUCKETS) + 1])
