"""The board: shared memory on which the loops of a process leave signs of life, and from which a watcher reads them.

It holds a header and one slot for each loop, all of them signed 64-bit words that are written whole; times are
nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share. A slot has one writer, the thread of its loop.
The watcher may run in another process or on another thread, and never writes.
"""

from __future__ import annotations

import json
import mmap
import os
import tempfile
from enum import IntEnum
from typing import Any, Final

SLOTS: Final = 64
"""Loops that can be watched at a time; further ones are counted and left alone."""
WORDS: Final = 64
NOTE_BYTES: Final = 1024
BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
"""Upper bounds of the lag histogram in milliseconds; a last bucket takes the rest."""


class Head(IntEnum):
    """Words of the header."""

    COLLECTING = 0
    """When the garbage collection under way began, or 0."""
    COLLECTED = 1
    """Nanoseconds spent in finished collections."""
    UNWATCHED = 2
    """Loops for which there was no slot."""
    LATES = 3
    """Changes with every late beat of any loop."""
    SLOTS_USED = 4
    """Slots from this one on have never been used."""


class Cell(IntEnum):
    """Words of a slot."""

    STATE = 0
    GENERATION = 1
    """Counts the loops that have used the slot."""
    MODE = 2
    TURN = 3
    """When the current turn began, that is when the selector last returned."""
    ENTERED = 4
    """When the selector was last entered to wait; the loop waits while this is later than TURN."""
    BEAT = 5
    DUE = 6
    """When the next beat should come, or 0: no beats (their clock is mocked)."""
    BEATS = 7
    IDLE = 8
    """Nanoseconds that the loop has waited for events."""
    CPU = 9
    """CPU time of the loop's thread at the last beat."""
    NATIVE_ID = 10
    IDENT = 11
    LATE = 12
    """Counts late beats; written after the five words that describe the last of them."""
    LATE_FROM = 13
    """The beat before."""
    LATE_START = 14
    """When the busy time began, as far as the loop itself can tell."""
    LATE_END = 15
    LATE_BUSY = 16
    LATE_CPU = 17
    READY = 18
    """Callbacks that were ready to run at the last beat, or -1 where the loop does not tell."""
    NOTE = 19
    """Counts changes of the note; odd while it is being written."""
    PERIOD = 20
    LAG_SUM = 21
    LAG_MAX = 22
    STARTED = 23
    """When the loop began to be watched."""
    BACKEND = 24
    """File descriptor that the loop waits on, or -1."""
    HISTOGRAM = 32


class State(IntEnum):
    """What a slot is used for."""

    FREE = 0
    RUNNING = 1
    RESTING = 2
    """The loop exists but does not run."""


class Mode(IntEnum):
    """What signs of life there are."""

    STAMPED = 0
    """TURN and ENTERED are written each turn."""
    BEATS = 1
    """Only beats, with exact idle time."""


_HEADER_BYTES: Final = 512
_SLOT_BYTES: Final = WORDS * 8 + NOTE_BYTES
SIZE: Final = _HEADER_BYTES + SLOTS * _SLOT_BYTES


class Board:
    """A mapped board. ``head`` and each slot's ``cells`` are memory views of signed 64-bit words."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        view = memoryview(memory)
        self.head = view[:_HEADER_BYTES].cast("q")
        self.slots = tuple(
            Slot(number, view[start : start + _SLOT_BYTES])
            for number, start in enumerate(range(_HEADER_BYTES, SIZE, _SLOT_BYTES))
        )

    @classmethod
    def create(cls) -> tuple[Board, BoardFile]:
        """A new board, and the file by which another process can map it."""
        file = BoardFile.create()
        return cls(mmap.mmap(file.descriptor, SIZE)), file

    @classmethod
    def open(cls, descriptor: int) -> Board:
        """The board behind an inherited descriptor, or one opened by name."""
        return cls(mmap.mmap(descriptor, SIZE))


class BoardFile:
    """The file behind a board: in memory where the system has that, otherwise a temporary file."""

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path

    @classmethod
    def create(cls) -> BoardFile:
        if hasattr(os, "memfd_create"):
            descriptor, path = os.memfd_create("auditor-loop-lag"), ""
        else:
            descriptor, path = tempfile.mkstemp(prefix="auditor-loop-lag-")
        os.truncate(descriptor, SIZE)
        return cls(descriptor, path)

    def close(self) -> None:
        """The mapping stays; the name and the descriptor go."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        if self.path:
            try:
                os.unlink(self.path)
            except OSError:
                return  # Windows keeps the file as long as it is mapped; the system cleans its temporary files
            self.path = ""


class Slot:
    """The place of one loop on the board."""

    def __init__(self, number: int, view: memoryview) -> None:
        self.number = number
        self.cells = view[: WORDS * 8].cast("q")
        self._note = view[WORDS * 8 :]

    def write_note(self, note: dict[str, Any]) -> None:
        """Leave some words about the loop: a JSON object of at most ``NOTE_BYTES`` bytes, else nothing."""
        data = json.dumps(note).encode()
        if len(data) > NOTE_BYTES:
            data = b"{}"
        self.cells[Cell.NOTE] |= 1
        self._note[: len(data)] = data
        self._note[len(data) :] = bytes(NOTE_BYTES - len(data))
        self.cells[Cell.NOTE] += 1

    def read_note(self) -> dict[str, Any]:
        """The note, or an empty one while it is being written."""
        before = self.cells[Cell.NOTE]
        data = bytes(self._note).rstrip(b"\0")
        if before % 2 or before != self.cells[Cell.NOTE] or not data:
            return {}
        try:
            note = json.loads(data)
        except ValueError:
            return {}
        return note if isinstance(note, dict) else {}
