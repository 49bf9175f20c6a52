"""Clocks that tests cannot turn: taken once, and kept where freezegun and the like do not look for names to replace."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final


class Clocks:
    """Real clocks. Attributes of a class escape tools that replace the names of modules."""

    monotonic_ns: Final[Callable[[], int]] = staticmethod(time.monotonic_ns)
    thread_ns: Final[Callable[[], int]] = staticmethod(time.thread_time_ns)
    wall: Final[Callable[[], float]] = staticmethod(time.time)
    sleep: Final[Callable[[float], None]] = staticmethod(time.sleep)


MILLISECOND = 1_000_000
SECOND = 1_000_000_000
"""In nanoseconds, the unit of everything that is exchanged through shared memory."""


def parse_duration(text: str) -> float:
    """Seconds of ``100ms``, ``0.25s``, ``1s`` or ``50`` (milliseconds).

    Raises ValueError with a line that says what is understood.
    """
    number, factor = text.strip().lower(), 0.001
    for unit, seconds in (("ms", 0.001), ("us", 0.000001), ("s", 1.0)):
        if number.endswith(unit):
            number, factor = number[: -len(unit)].strip(), seconds
            break
    try:
        value = float(number) * factor
    except ValueError:
        value = -1.0
    if not 0.001 <= value <= 3600:
        raise ValueError(f"{text!r} is no duration from 1ms to 1h; write 100ms, 0.1s or 100 (milliseconds)")
    return value


def words(seconds: float) -> str:
    """A duration for people: ``3.2 s``, ``120 ms``, ``0.4 ms``."""
    if seconds >= 10:
        return f"{seconds:.0f} s"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 0.01:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds * 1000:.1f} ms"
