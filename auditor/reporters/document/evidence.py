"""What was seen at run time, beside what was found: stalls by the finding that explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import Finding, Stall
from auditor.stalls import match, observation, place_of


@dataclass(frozen=True, slots=True)
class Seen:
    """Stalls of one place: how many, the longest and all of them in seconds, their kinds, tasks and routes."""

    stalls: int
    longest: float
    total: float
    kinds: tuple[str, ...]
    routes: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """``seen`` maps the place of a finding (position in the document) to its stalls; ``others`` have no finding."""

    stalls: int
    seen: dict[int, Seen]
    others: tuple[Seen, ...]


def evidence(findings: Sequence[Finding], stalls: Sequence[Stall]) -> Evidence:
    """Assign each stall to the finding that explains it."""
    found = match(findings, stalls)
    numbers = {place_of(finding): number for number, finding in reversed(list(enumerate(findings)))}
    others: dict[str, list[Stall]] = {}
    for stall in found.others:
        others.setdefault(_place(stall), []).append(stall)
    groups = sorted((numbers[place], group) for place, group in found.explained.items())
    seen = {number: _seen(group, _place(group[0])) for number, group in groups}
    rest = [_seen(group, place) for place, group in others.items()]
    total = sum(one.stalls for one in [*seen.values(), *rest])
    return Evidence(total, seen, tuple(sorted(rest, key=lambda one: (-one.total, one.place))))


def _place(stall: Stall) -> str:
    if stall.site is None:
        return ""
    return f"{stall.site.path}:{stall.site.line} in {stall.site.function}"


def _seen(group: Sequence[Stall], place: str) -> Seen:
    found = observation(group)
    return Seen(found.stalls, found.longest, found.total, found.kinds, found.routes, place)
