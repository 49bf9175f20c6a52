"""Latencies as SVG: over time, and as distributions. Logarithmic, since what matters spans four orders of magnitude."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.loadtest.figures import percentile
from auditor.loadtest.plan import Sample

WIDTH, HEIGHT = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 20, 40
LOWEST, HIGHEST = 0.0001, 10.0
"""Seconds at the bottom and at the top."""
TICKS = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
BUCKETS = 240
"""Of the time axis: of each the worst latency is drawn."""
SHARES = (0.0, 0.5, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999)
DASHES = ("", "7 3", "2 3", "9 3 2 3")
"""Lines differ in more than their colour."""


@dataclass(frozen=True, slots=True)
class Line:
    """One engine in a plot."""

    name: str
    points: str
    dash: str
    number: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis, in pixels, with its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Stall:
    """A stall of the loop, as a rectangle."""

    left: float
    width: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """All that the template draws."""

    title: str
    lines: list[Line]
    across: list[Mark]
    up: list[Mark]
    limits: list[Mark]
    stalls: list[Stall]
    across_title: str


def over_time(
    title: str,
    series: dict[str, list[Sample]],
    seconds: float,
    limit: float,
    stalls: Sequence[tuple[float, float, str]] = (),
) -> Plot:
    """The worst latency of each moment; samples and stalls are timed from the start of the plot."""
    lines = []
    for number, (name, samples) in enumerate(series.items()):
        worst: dict[int, float] = {}
        for at, latency in samples:
            bucket = min(BUCKETS - 1, max(0, int(at / seconds * BUCKETS)))
            worst[bucket] = max(latency, worst.get(bucket, 0.0))
        points = [(_across((bucket + 0.5) / BUCKETS), _up(worst[bucket])) for bucket in sorted(worst)]
        lines.append(Line(name, _points(points), DASHES[number % len(DASHES)], number))
    step = _round_step(seconds / 8)
    across = [Mark(_across(step * n / seconds), f"{step * n:g}") for n in range(int(seconds / step) + 1)]
    drawn = [
        Stall(
            _across(start / seconds),
            max(1.0, (WIDTH - LEFT - RIGHT) * length / seconds),
            f"{1000 * length:.0f} ms {where}",
        )
        for start, length, where in stalls
        if 0 <= start <= seconds
    ]
    return Plot(title, lines, across, _ticks(), _limit(limit), drawn, "seconds of load")


def distribution(title: str, series: dict[str, list[Sample]], limit: float) -> Plot:
    """Latency by percentile; the axis is stretched towards the slowest."""
    lines = []
    for number, (name, samples) in enumerate(series.items()):
        ordered = sorted(latency for _, latency in samples)
        if not ordered:
            continue
        last = _stretched(SHARES[-1])
        points = []
        for step in range(201):
            share = 1 - 10 ** -(last * step / 200)
            points.append((_across(step / 200), _up(percentile(ordered, share))))
            if share >= 1 - 1 / len(ordered):
                break  # beyond this there is only the maximum
        lines.append(Line(name, _points(points), DASHES[number % len(DASHES)], number))
    across = [
        Mark(_across(_stretched(share) / _stretched(SHARES[-1])), f"{100 * share:g}") for share in SHARES
    ]
    return Plot(title, lines, across, _ticks(), _limit(limit), [], "percentile")


def _stretched(share: float) -> float:
    return -math.log10(1 - share)


def _across(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _up(seconds: float) -> float:
    clamped = min(HIGHEST, max(LOWEST, seconds))
    share = math.log(clamped / LOWEST) / math.log(HIGHEST / LOWEST)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _ticks() -> list[Mark]:
    return [Mark(_up(tick), f"{1000 * tick:g}") for tick in TICKS]


def _limit(limit: float) -> list[Mark]:
    return [Mark(_up(limit), f"limit {1000 * limit:g} ms")]


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _round_step(rough: float) -> float:
    power = 10 ** math.floor(math.log10(rough))
    return float(next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough))
