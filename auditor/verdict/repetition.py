"""Whether a call's time is multiplied by the loop that it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.index.facts import FileFacts
    from auditor.link.suspects import Suspect


def rounds_add_up(suspect: Suspect) -> bool:
    """Whether the suspect is repeated without giving the event loop a turn in between.

    A loop that awaits something in each round stops the event loop often, but for one call at a time.
    """
    facts = suspect.function.module.facts
    if suspect.place.call >= 0:
        call = facts.calls[suspect.place.call]
        if not call[f.C_FLAGS] & f.IN_LOOP:
            return False
        region = call[f.C_REGION]
    else:
        region = suspect.sink.region if suspect.sink is not None else 0
    loop = next((one for one in _outwards(facts, region) if facts.regions[one][0] == f.LOOP), 0)
    if not loop:
        return suspect.place.call >= 0  # a comprehension
    return not _suspends(facts, loop, suspect.function.facts.calls)


def _suspends(facts: FileFacts, loop: int, calls: list[int]) -> bool:
    if facts.regions[loop][3]:
        return True
    for number in calls:
        call = facts.calls[number]
        inside: list[tuple[int, int, object, object]] = []
        for region in _outwards(facts, call[f.C_REGION]):
            if region == loop:
                if call[f.C_FLAGS] & f.AWAITED or any(map(_is_asynchronous, inside)):
                    return True
                break
            inside.append(facts.regions[region])
    return False


def _is_asynchronous(region: tuple[int, int, object, object]) -> bool:
    return region[0] in (f.WITH, f.LOOP) and bool(region[3])


def _outwards(facts: FileFacts, region: int) -> Iterator[int]:
    while region:
        yield region
        region = facts.regions[region][1]
