"""Loops of a function, and whether they give the event loop a turn in each round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.index import facts as f

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.index.facts import FileFacts


def outwards(facts: FileFacts, region: int) -> Iterator[int]:
    """The region and those around it, from the inside out, without the function's own."""
    while region:
        yield region
        region = facts.regions[region][1]


def loops_around(facts: FileFacts, region: int) -> Iterator[int]:
    """The regions of the loops around a region, from the inside out."""
    return (one for one in outwards(facts, region) if facts.regions[one][0] == f.LOOP)


def suspends(facts: FileFacts, loop: int, calls: Sequence[int]) -> bool:
    """Whether each round of a loop awaits something; ``calls`` are those of the function that it stands in."""
    if facts.regions[loop][3]:
        return True
    for number in calls:
        call = facts.calls[number]
        inside: list[tuple[int, int, Any, Any]] = []
        for region in outwards(facts, call[f.C_REGION]):
            if region == loop:
                if call[f.C_FLAGS] & f.AWAITED or any(map(_is_asynchronous, inside)):
                    return True
                break
            inside.append(facts.regions[region])
    return False


def _is_asynchronous(region: tuple[int, int, Any, Any]) -> bool:
    return region[0] in (f.WITH, f.LOOP) and bool(region[3])
