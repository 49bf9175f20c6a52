"""Functions whose result is awaited: what they return otherwise, and how they get there, is no way of this call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import values as v

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function
    from auditor.link.values import Values

AWAITED: Final = -1
"""The entry of an environment, in the place of a parameter's index, that says that the call's result is awaited."""

AWAITABLES: Final = frozenset({v.COROUTINE, v.AWAITABLE, v.EXTERNAL_INSTANCE, v.INSTANCE})
"""Kinds of values that may be awaitable, if their types say nothing else."""

_NEVER: Final = frozenset({v.CONSTANT, v.CONTAINER, v.FUNCTION, v.BOUND, v.CLASS, v.MODULE})


def tells_apart(function: Function) -> bool:
    """Whether awaiting the result says which way a plain function goes, or what another one does whose result it is."""
    facts = function.facts
    if facts.kind == f.ASYNC_DEF or facts.is_generator or not facts.returns:
        return False
    return len(facts.returns) > 1 or bool(returned_calls(function))


def may_be_awaited(evaluator: Evaluator, values: Values) -> bool:
    """Whether one of the values may be awaitable; what is not known may."""
    # beside a parameter stands what its annotation says
    values = tuple(x for x in values if x.kind not in (v.PARAMETER, v.MADE))
    if not values:
        return True
    for value in values:
        if value.kind in _NEVER or (value.kind == v.EXTERNAL_INSTANCE and value.a.startswith("builtins.")):
            continue
        if value.kind != v.INSTANCE:
            return True
        if evaluator.members.methods(value, "__await__") or evaluator.hierarchy.external_bases(value.a):
            return True
    return False


def returned_calls(function: Function) -> frozenset[int]:
    """Calls whose results the function returns as they are, from one branch or another."""
    exprs = function.module.facts.exprs
    found: set[int] = set()
    seen: set[int] = set()
    pending = [e for e, _ in function.facts.returns]
    while pending:
        position = pending.pop()
        expression = exprs[position]
        if expression[0] == f.CALL:
            found.add(expression[1])
        elif expression[0] in (f.UNION, f.PHI) and position not in seen:
            seen.add(position)
            pending.extend(expression[1])
    return frozenset(found)


def dead_regions(function: Function, evaluator: Evaluator, values: Callable[[int], Values]) -> frozenset[int]:
    """Regions that always end in a ``return`` of something that cannot be awaited; ``values`` evaluates what is
    returned.
    """
    regions = function.module.facts.regions
    alive: set[int] = {0}
    others: list[int] = []
    for position, region in function.facts.returns:
        if not may_be_awaited(evaluator, values(position)):
            others.append(region)
            continue
        while region not in alive:
            alive.add(region)
            region = regions[region][1]
    if len(others) == len(function.facts.returns):
        return frozenset()  # it cannot be awaited at all, so we know too little
    return frozenset(others) - alive
