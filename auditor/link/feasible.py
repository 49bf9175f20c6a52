"""Whether a path can be walked: what the tests around its calls ask of parameters, against what the calls on it give.

A test of a parameter is a *need* of the path from there on. A call that gives a literal, or an object that it has just
made, meets the need or contradicts it; a call that hands on a parameter of its own makes it a need of that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import bound_expressions
from auditor.link.branches import tests_around
from auditor.link.kinds import instance_test, is_instance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.link.evaluate import Evaluator
    from auditor.link.nodes import Edge, Place
    from auditor.link.program import Function, Module
    from auditor.link.values import Values

_TRUE: Final = 0
_EQUAL: Final = 1
_INSTANCE: Final = 2
_SAME: Final = {"is": True, "==": True, "is not": False, "!=": False}
_OBJECTS: Final = frozenset({f.LIST, f.TUPLE, f.SET, f.DICT, f.COMPREHENSION, f.FUNCTION, f.CLASS, f.BUILTIN})
"""Expressions that surely are not None."""
_MADE_BY: Final = frozenset({"__init__", "__new__", "__post_init__"})
_MOST: Final = 6
"""Needs of one path; more are not kept, as if they were met."""


class Need(NamedTuple):
    """What must hold of a parameter for the path to be walked."""

    function: Function
    parameter: int
    kind: int  # _TRUE, _EQUAL, _INSTANCE
    subject: object  # the type and value of the constant that it equals, the types that it is an instance of
    holds: bool


Needs = frozenset[Need]
NO_NEEDS: Final[Needs] = frozenset()


class Feasibility:
    """Follows needs backwards, from a place to the callers of its function."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: dict[tuple[int, int], Needs] = {}

    def needs_at(self, function: Function, place: Place) -> Needs:
        """What the tests around a place of the function ask of its parameters."""
        if place.call < 0:
            return NO_NEEDS
        region = function.module.facts.calls[place.call][f.C_REGION]
        if not region:
            return NO_NEEDS
        key = (function.module.index, region)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = frozenset(self._asked(function, region)) or NO_NEEDS
        return known

    def before(self, needs: Needs, function: Function, edge: Edge) -> Needs | None:
        """What the path needs at the place in ``function`` from which the edge goes; None if it cannot be walked."""
        here = self.needs_at(function, edge.place)
        if not needs:
            return here
        if edge.how != "call" or edge.place.call < 0:
            return here
        target = edge.target.function
        skip = self._skip(function.module, edge.place.call, target)
        if skip is None:
            return here
        found = set(here)
        for need in needs:
            if need.function is not target:
                continue
            answer = self._met(need, function, edge.place.call, skip)
            if answer is False:
                return None
            if isinstance(answer, Need):
                found.add(answer)
        return frozenset(found) if len(found) <= _MOST else here

    def _asked(self, function: Function, region: int) -> Iterable[Need]:
        module = function.module
        exprs = module.facts.exprs
        for test, holds in tests_around(module, region):
            tag = test[0]
            if tag == f.PARAM and test[1] == function.number:
                yield Need(function, test[2], _TRUE, None, holds)
            elif tag == f.COMPARE and test[1] in _SAME:
                subject, other = exprs[test[2]], exprs[test[3]]
                if subject[0] == f.PARAM and subject[1] == function.number and other[0] == f.CONST:
                    constant = (type(other[1]), other[1])
                    yield Need(function, subject[2], _EQUAL, constant, _SAME[test[1]] == holds)
            elif tag == f.CALL:
                asked = instance_test(self._evaluator, module, test[1])
                if asked is None:
                    continue
                subject = exprs[asked[0]]
                if subject[0] == f.PARAM and subject[1] == function.number:
                    yield Need(function, subject[2], _INSTANCE, asked[1], holds)

    def _skip(self, module: Module, number: int, target: Function) -> int | None:
        """How many leading parameters of the target the callee has already; None if the call is not plainly of it."""
        for value in self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE]):
            if value.kind == v.FUNCTION and value.a is target:
                return 0
            if value.kind == v.BOUND and value.a.a is target:
                return 1
            if value.kind == v.CLASS and target.facts.name in _MADE_BY:
                return 1
        return None

    def _met(self, need: Need, caller: Function, number: int, skip: int) -> bool | Need | None:
        """Whether the call gives what is needed, a need of the caller's own parameter, or None: nobody knows."""
        target = need.function
        _, kind, _, default = target.facts.params[need.parameter]
        if kind not in (f.POSITIONAL, f.KEYWORD_ONLY) or need.parameter < skip:
            return None
        module = caller.module
        given = bound_expressions(module, number, target, need.parameter, skip)
        if given is None:
            call = module.facts.calls[number]
            if default < 0 or any(module.facts.exprs[e][0] == f.STARRED for e in call[f.C_ARGS]):
                return None
            return self._holds(need, target.module, default)
        mappings = {e for k, e in module.facts.calls[number][f.C_KEYWORDS] if k is None}
        expression = module.facts.exprs[given[0]]
        if len(given) != 1 or given[0] in mappings or expression[0] == f.STARRED:
            return None
        if expression[0] == f.PARAM:
            if expression[1] != caller.number:
                return None
            return Need(caller, expression[2], need.kind, need.subject, need.holds)
        return self._holds(need, module, given[0])

    def _holds(self, need: Need, module: Module, position: int) -> bool | None:
        """Whether the need is met by what the expression surely is."""
        answer = self._answer(need, module, position)
        return None if answer is None else answer == need.holds

    def _answer(self, need: Need, module: Module, position: int) -> bool | None:
        expression = module.facts.exprs[position]
        tag = expression[0]
        if need.kind == _TRUE:
            return bool(expression[1]) if tag == f.CONST else True if tag in (f.FUNCTION, f.CLASS) else None
        if need.kind == _EQUAL:
            constant: tuple[type, object] = need.subject  # type: ignore[assignment]
            if tag == f.CONST:
                return bool(expression[1] == constant[1])
            if constant[1] is None and (tag in _OBJECTS or self._made(module, expression)):
                return False
            return None
        values = self._made(module, expression)
        if tag in (f.CONST, f.BUILTIN):
            values = self._evaluator.values(module, position)
        types: Values = need.subject  # type: ignore[assignment]
        return is_instance(self._evaluator, values[0], types) if len(values) == 1 else None

    def _made(self, module: Module, expression: tuple[Any, ...]) -> Values:
        """The one object that the call of a class makes; nothing for any other expression."""
        if expression[0] != f.CALL:
            return ()
        callees = self._evaluator.values(module, module.facts.calls[expression[1]][f.C_CALLEE])
        if len(callees) != 1:
            return ()
        callee = callees[0]
        if callee.kind == v.CLASS:
            return self._evaluator.interner.instance(callee.a, virtual=False).one
        if callee.kind == v.EXTERNAL and self._evaluator.catalog.mro(callee.a)[1:]:
            return self._evaluator.interner.external_instance(callee.a).one
        return ()
