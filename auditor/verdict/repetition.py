"""How often a call is made before the event loop gets its next turn, by the loop that it stands in."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.verdict.turns import loops_around, suspends

if TYPE_CHECKING:
    from auditor.index.facts import FileFacts
    from auditor.link.suspects import Suspect

_DEEPEST = 50  # of expressions in each other


def rounds(suspect: Suspect) -> float:
    """How often the suspect runs without a turn for the event loop in between: 1 if it is not repeated or if the loop
    awaits something in each round; infinite where the number is not written down.

    A loop that awaits stops the event loop often, but for one call at a time. What is returned is called once.
    """
    facts = suspect.function.module.facts
    number = suspect.place.call
    if number >= 0:
        call = facts.calls[number]
        if not call[f.C_FLAGS] & f.IN_LOOP:
            return 1
        region = call[f.C_REGION]
    else:
        region = suspect.sink.region if suspect.sink is not None else 0
    loops = [*loops_around(facts, region)]
    if not loops:
        return math.inf if number >= 0 else 1  # a comprehension
    times = 1.0
    for loop in loops:
        if suspends(facts, loop, suspect.function.facts) or (
            number >= 0 and _ends_loop(suspect, loop, number)
        ):
            break
        times *= _count(facts, facts.regions[loop][2])
    return times


def _ends_loop(suspect: Suspect, loop: int, call: int) -> bool:
    """Whether the function returns what the call gives, or something made of it, from within the loop, or in any case
    where it has made the call there.
    """
    facts = suspect.function.module.facts
    inside = itertools.takewhile(lambda one: one != loop, facts.outwards(facts.calls[call][f.C_REGION]))
    if not {region for _, region in suspect.function.facts.returns}.isdisjoint(inside):
        return True
    return any(
        loop in facts.outwards(region) and _holds(facts, value, call)
        for value, region in suspect.function.facts.returns
    )


def _holds(facts: FileFacts, value: int, call: int) -> bool:
    pending, seen = [value], {0}
    while pending and len(seen) < _DEEPEST:
        position = pending.pop()
        if position in seen:
            continue
        seen.add(position)
        expression = facts.exprs[position]
        tag = expression[0]
        if tag == f.CALL:
            if expression[1] == call:
                return True
            inner = facts.calls[expression[1]]
            pending += [inner[f.C_CALLEE], *inner[f.C_ARGS], *(one for _, one in inner[f.C_KEYWORDS])]
        elif tag in (f.ATTR, f.AWAIT, f.ITEM):
            pending.append(expression[1])
        elif tag in (f.LIST, f.TUPLE):
            pending += expression[1]
        elif tag == f.DICT:
            pending += [one for _, one in expression[1]]
        elif tag == f.BINARY:
            pending += expression[2:]
    return False


def _count(facts: FileFacts, iterated: int | None) -> float:
    """How many elements a loop goes over, where a display or ``range`` says it."""
    if not iterated:
        return math.inf
    expression = facts.exprs[iterated]
    if expression[0] in (f.TUPLE, f.LIST) and not (expression[0] == f.LIST and _is_used(facts, iterated)):
        elements = expression[1]
        if elements and all(facts.exprs[one][0] != f.STARRED for one in elements):
            return float(len(elements))
    if expression[0] == f.CALL:
        call = facts.calls[expression[1]]
        if facts.exprs[call[f.C_CALLEE]] == (f.GLOBAL, "range") and len(call[f.C_ARGS]) == 1:
            limit = facts.exprs[call[f.C_ARGS][0]]
            if limit[0] == f.CONST and type(limit[1]) is int and limit[1] > 0:
                return float(limit[1])
    return math.inf


def _is_used(facts: FileFacts, display: int) -> bool:
    """Whether a method of the list is called somewhere, such as ``append``."""
    return any(one[0] == f.ATTR and one[1] == display for one in facts.exprs)
