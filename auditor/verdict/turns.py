"""Loops of a function, and whether they give the event loop a turn in each round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.index import facts as f

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.index.facts import FileFacts, FunctionFacts


def loops_around(facts: FileFacts, region: int) -> Iterator[int]:
    """The regions of the loops around a region, from the inside out."""
    return (one for one in facts.outwards(region) if facts.regions[one][0] == f.LOOP)


def suspends(facts: FileFacts, loop: int, function: FunctionFacts) -> bool:
    """Whether each round of a loop of a function awaits something, or an asynchronous generator gives something to
    whoever awaits it.
    """
    if facts.regions[loop][3]:
        return True
    if function.kind == f.ASYNC_DEF and any(loop in facts.outwards(region) for _, region in function.yields):
        return True
    for number in function.calls:
        call = facts.calls[number]
        inside: list[tuple[int, int, Any, Any]] = []
        for region in facts.outwards(call[f.C_REGION]):
            if region == loop:
                if call[f.C_FLAGS] & f.AWAITED or any(map(_is_asynchronous, inside)):
                    return True
                break
            inside.append(facts.regions[region])
    return False


def _is_asynchronous(region: tuple[int, int, Any, Any]) -> bool:
    return region[0] in (f.WITH, f.LOOP) and bool(region[3])
