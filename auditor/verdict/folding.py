"""Which confirmed suspects another one stands for, so that one fault is one finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.verdict.pieces import in_pieces

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from auditor.engine.judge import Hit
    from auditor.link.program import Function
    from auditor.link.suspects import Suspect
    from auditor.rulebook import Rule as RuleFile

FOLDED_GROUPS: Final = frozenset({"file"})
"""Groups in which calls on a handle belong to the call that opened it."""
TAKING_GROUPS: Final = frozenset({"serialization"})
"""Groups in which calls that are given a handle belong to the call that opened it: ``json.dump(state, target)``."""

USING_GROUPS: Final = frozenset({*FOLDED_GROUPS, *TAKING_GROUPS, "iteration"})
"""Groups in which hits may belong to the call that opened a handle."""

_WAITS: Final = "wait"

Call = tuple[int, int]
"""A call of the program: the function's id, the number of the call in its file."""


def has_a_say(rule: RuleFile, groups: Collection[str]) -> bool:
    """Whether hits of a rule that is off stand for hits in some of these groups."""
    if "offload" in rule.runs:
        return bool(groups)
    return bool(FOLDED_GROUPS.intersection(rule.groups) and USING_GROUPS.intersection(groups))


class Handles:
    """Calls on a handle that is opened by another hit of the same function: the opening stands for them."""

    def __init__(self, hits: Iterable[Hit]) -> None:
        self._opened = {
            (hit.suspect.function.id, hit.suspect.place.call)
            for hit in hits
            if hit.suspect.group in FOLDED_GROUPS and hit.suspect.place.call >= 0
        }
        self._used: dict[Call, list[Hit]] = {}

    def without_used(self, hits: Iterable[Hit]) -> list[Hit]:
        """Leave out the calls on handles."""
        kept = []
        for hit in hits:
            makers = _makers(hit.suspect, _operands(hit.suspect)) & self._opened
            if makers and not _awaits_between(hit.suspect, makers):
                for maker in makers:
                    self._used.setdefault(maker, []).append(hit)
            else:
                kept.append(hit)
        return kept

    def is_used(self, suspect: Suspect) -> bool:
        """Whether the suspect opens a handle that is then used on the loop as well."""
        return bool(self.used(suspect))

    def used(self, suspect: Suspect) -> Sequence[Hit]:
        """Hits of calls on the handle that the suspect opens."""
        return self._used.get((suspect.function.id, suspect.place.call), ())

    def takers(self, suspect: Suspect) -> list[int]:
        """The calls that are given the handle that the suspect opens, and have findings of their own."""
        used = self.used(suspect)
        return [hit.suspect.place.call for hit in used if hit.suspect.group in TAKING_GROUPS]

    def others(self, group: Sequence[Hit]) -> list[Hit]:
        """What other rules say of calls on the handles that the hits of a group open."""
        rules = {hit.rule.file.id for hit in group}
        used = [self.used(hit.suspect) for hit in group]
        return [hit for hits in used for hit in hits if hit.rule.file.id not in rules]


class Waits:
    """Waits for results within the ``with`` block of a pool: when it is left, little is left to wait for."""

    def __init__(self, hits: Iterable[Hit]) -> None:
        self._calls: dict[int, list[int]] = {}
        for hit in hits:
            suspect = hit.suspect
            if suspect.group == _WAITS and suspect.place.call >= 0:
                self._calls.setdefault(suspect.function.id, []).append(suspect.place.call)

    def are_within(self, function: Function, pool: int) -> bool:
        """Whether one of them stands in the block that is entered with what the call ``pool`` makes."""
        facts = function.module.facts
        return any(
            kind == f.WITH and facts.exprs[entered] == (f.CALL, pool)
            for number in self._calls.get(function.id, ())
            for kind, _, entered, _ in map(
                facts.regions.__getitem__, facts.outwards(facts.calls[number][f.C_REGION])
            )
        )


def opened_by(suspect: Suspect) -> list[int]:
    """The calls that may have made what the suspect works on, by their numbers in the file."""
    return [number for _, number in _makers(suspect, _operands(suspect))]


def entered(suspect: Suspect) -> int:
    """The number of the call whose result a ``with`` enters at the suspect's place; -1 where there is none."""
    place, facts = suspect.place, suspect.function.module.facts
    for record in suspect.function.facts.withs:
        if (record[2], record[3], record[5]) == (place.line, place.column, place.end_column):
            expression = facts.exprs[record[0]]
            return expression[1] if expression[0] == f.CALL else -1
    return -1


def _makers(suspect: Suspect, operands: list[int]) -> set[Call]:
    """The calls that what the suspect works on may come from."""
    function = suspect.function
    exprs, calls = function.module.facts.exprs, function.module.facts.calls
    found: set[Call] = set()
    pending, seen = operands, {0}
    while pending:
        position = pending.pop()
        if position in seen:
            continue
        seen.add(position)
        expression = exprs[position]
        tag = expression[0]
        if tag == f.CALL:
            if expression[1] != suspect.place.call:
                found.add((function.id, expression[1]))
            callee = exprs[calls[expression[1]][f.C_CALLEE]]
            if callee[0] == f.ATTR:
                pending.append(callee[1])
        elif tag in (f.ENTER, f.ITERATE, f.ITEM, f.ATTR):
            pending.append(expression[1])
        elif tag in (f.UNION, f.PHI):
            pending.extend(expression[1])
        elif tag == f.ANNOTATED:
            pending.append(expression[2])
    return found


def _awaits_between(suspect: Suspect, makers: set[Call]) -> bool:
    """Whether the suspect is repeated, after its handle was opened, in a loop that awaits: each time is a stall of its
    own then.
    """
    return suspect.place.call >= 0 and in_pieces(
        suspect.function, suspect.place.call, (number for _, number in makers)
    )


def _operands(suspect: Suspect) -> list[int]:
    """The expressions that may be the handle: what the suspect is a method of, iterates, enters, or is given."""
    place, facts = suspect.place, suspect.function.module.facts
    if suspect.group in TAKING_GROUPS and place.call >= 0:
        call = facts.calls[place.call]
        return [*call[f.C_ARGS], *[value for _, value in call[f.C_KEYWORDS]]]
    if suspect.group not in FOLDED_GROUPS:
        return []
    if place.call >= 0:
        callee = facts.exprs[facts.calls[place.call][f.C_CALLEE]]
        return [callee[1]] if callee[0] == f.ATTR else []
    for record in (*suspect.function.facts.iterations, *suspect.function.facts.withs):
        if (record[2], record[3], record[5]) == (place.line, place.column, place.end_column):
            return [record[0]]
    return []


class Early:
    """Calls whose result is handed to an offloader: each is one finding, not another one for all that it reaches."""

    def __init__(self, hits: Iterable[Hit]) -> None:
        self._within: dict[Call, list[Hit]] = {
            (hit.suspect.function.id, hit.suspect.handed_over.argument_call): []
            for hit in hits
            if hit.suspect.handed_over is not None
        }

    def without_reached(self, hits: Sequence[Hit]) -> list[Hit]:
        """Leave out paths that lead through such a call, and hits that no other path leads to."""
        if not self._within:
            return list(hits)
        kept = []
        for hit in hits:
            suspect = hit.suspect
            if suspect.handed_over is None:
                remaining = []
                for exposed in suspect.exposed:
                    on_path = [
                        self._within.get((hop.function.id, hop.place.call)) for hop in exposed.hops[:-1]
                    ]
                    through = [reached for reached in on_path if reached is not None]
                    for reached in through:
                        reached.append(hit)
                    if not through:
                        remaining.append(exposed)
                suspect.exposed = remaining
                if not remaining:
                    continue
            kept.append(hit)
        return kept

    def reached(self, hit: Hit) -> list[Hit]:
        """What a hit of this kind runs on the loop, as far as rules found it at fault."""
        handed_over = hit.suspect.handed_over
        if handed_over is None:
            return []
        return self._within.get((hit.suspect.function.id, handed_over.argument_call), [])
