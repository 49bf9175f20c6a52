"""Values in which the symbolic parameters are replaced by what a call gives to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from auditor.link import values as v
from auditor.link.values import NOTHING, join

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function
    from auditor.link.values import Environment, Value, Values

LookUp = Callable[["Function", int], "Values | None"]
"""What is known of a parameter of a function; None where it stays what it is."""

MAX_NESTING: Final = 4
"""How deep closures may hold closures before the innermost are forgotten."""

CALLABLE: Final = frozenset(
    {v.FUNCTION, v.BOUND, v.CLASS, v.PARTIAL, v.WRAPPER, v.EXTERNAL, v.PARAMETER, v.INSTANCE}
)


class Replacing:
    """One replacement. Closures share what they hold, over and over where they hold each other: each value is looked
    at once for each depth.
    """

    def __init__(self, evaluator: Evaluator, look_up: LookUp) -> None:
        self._evaluator = evaluator
        self._look_up = look_up
        self._known: dict[tuple[Value, int], Values] = {}

    def values(self, values: Values, depth: int) -> Values:
        """The values, each replaced."""
        result: Values = NOTHING
        for value in values:
            key = (value, depth)
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = self._one(value, depth)
            result = join(result, known)
        return result

    def _one(self, value: Value, depth: int) -> Values:
        kind = value.kind
        interner = self._evaluator.interner
        if kind == v.PARAMETER:
            found = self._look_up(value.a, value.b)
            return value.one if found is None else found
        if kind == v.MADE:
            found = self._look_up(value.a.a, value.a.b)
            return value.one if found is None else self._evaluator.results.made(value, found)
        if kind == v.FUNCTION:
            environment = self._captured(value, depth)
            return value.one if environment is None else interner.function(value.a, environment).one
        if kind == v.BOUND:
            (inner,) = self._one(value.a, depth) or (value.a,)
            return value.one if inner is value.a else interner.make(v.BOUND, inner, value.b).one
        if depth < MAX_NESTING and kind in (v.COROUTINE, v.GENERATOR, v.MANAGER):
            inner_values = self.values(value.b, depth + 1) if value.b else value.b
            callee = value.a
            if callee is not None:
                replaced = self._one(callee, depth + 1)
                callee = replaced[0] if replaced else callee
            return interner.make(kind, callee, inner_values).one
        if depth < MAX_NESTING and kind == v.AWAITABLE:
            return interner.make(kind, self.values(value.a, depth + 1)).one
        if depth < MAX_NESTING and kind in (v.PARTIAL, v.WRAPPER):
            return interner.make(kind, self.values(value.a, depth + 1), value.b).one
        return value.one

    def _captured(self, value: Value, depth: int) -> Environment | None:
        """The environment of a closure; None where it needs no other than it has."""
        inner: Function = value.a
        owner = inner.parent
        owners = []
        while owner is not None:
            if owner.facts.params:
                owners.append(owner)
            owner = owner.parent
        if not owners or depth >= MAX_NESTING:
            return None
        captured = dict(value.b or ())
        changed = False
        for owner in owners:
            for index in range(len(owner.facts.params)):
                key = (owner, index)
                if key in captured:
                    kept = self.values(captured[key], depth + 1)
                    if kept != captured[key]:
                        captured[key] = kept
                        changed = True
                    continue
                found = self._look_up(owner, index)
                if found and any(x.kind == v.MADE for x in found):
                    found = self._evaluator.concrete(found)
                if found and any(x.kind in CALLABLE for x in found):
                    captured[key] = tuple(x for x in found if x.kind in CALLABLE)
                    changed = True
        if not changed:
            return None
        return tuple(sorted(captured.items(), key=lambda item: (item[0][0].id, item[0][1])))
