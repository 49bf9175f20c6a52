"""Branches of a function that the arguments of a call rule out: by flags, by None, by the kind of a callable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import bound_expressions

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module
    from auditor.link.values import Values

COROUTINE_TESTS: Final = frozenset({"iscoroutinefunction", "is_coroutine_function"})
"""Last parts of the names of functions that tell coroutine functions from others."""

_NONE: Final[frozenset[int]] = frozenset()
_SAME: Final = frozenset({"is", "=="})
_OTHER: Final = frozenset({"is not", "!="})


class Callee:
    """What a parameter is that gets a function: true, not None, and a coroutine function or none."""

    __slots__ = ("is_async",)

    def __init__(self, *, is_async: bool) -> None:
        self.is_async = is_async

    def __repr__(self) -> str:
        return "coroutine function" if self.is_async else "function"


_COROUTINE_FUNCTION: Final = Callee(is_async=True)
_PLAIN_FUNCTION: Final = Callee(is_async=False)

Constants = dict[int, object]
"""What is surely known of parameters, by index: a literal, or a `Callee`."""


class Choices:
    """Tests of parameters, and which way they go."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._tested: dict[Function, frozenset[int]] = {}

    def tested_parameters(self, function: Function) -> frozenset[int]:
        """Parameters whose truth, kind, or equality with a constant a branch of the function tests."""
        known = self._tested.get(function)
        if known is None:
            found: set[int] = set()
            exprs = function.module.facts.exprs
            regions = {region for _, region in function.facts.returns}
            regions.update(function.module.facts.calls[c][f.C_REGION] for c in function.facts.calls)
            table = function.module.facts.regions
            seen = {0}
            for start in regions:
                region = start
                while region not in seen:
                    seen.add(region)
                    kind, parent, data, _ = table[region]
                    if kind == f.IF:
                        self._parameters_of(function, exprs[data], found)
                    region = parent
            known = self._tested[function] = frozenset(found) or _NONE
        return known

    def _parameters_of(self, function: Function, test: tuple[Any, ...], found: set[int]) -> None:
        exprs = function.module.facts.exprs
        pending = [test]
        while pending:
            expression = pending.pop()
            tag = expression[0]
            if tag in (f.NOT, f.COMPARE):
                pending.append(exprs[expression[1 if tag == f.NOT else 2]])
            elif tag == f.BOOLEAN:
                pending.extend(exprs[p] for p in expression[2])
            elif tag == f.CALL:
                tested = self._tested_function(function.module, expression[1])
                if tested is not None:
                    pending.append(tested)
            elif tag == f.PARAM and expression[1] == function.number:
                found.add(expression[2])

    def _tested_function(self, module: Module, number: int) -> tuple[Any, ...] | None:
        """The argument of a call that asks whether it is a coroutine function."""
        if not asks_for_coroutine_function(module, number):
            return None
        argument: tuple[Any, ...] = module.facts.exprs[module.facts.calls[number][f.C_ARGS][0]]
        return argument

    def constants(
        self, function: Function, site: tuple[Module, int], skip: int, indices: frozenset[int]
    ) -> Constants:
        """What the call surely gives to the parameters, defaults included."""
        module, number = site
        evaluator = self._evaluator
        found: Constants = {}
        for index in indices:
            given = bound_expressions(module, number, function, index, skip)
            if given is None:
                default = function.facts.params[index][3]
                if default < 0:
                    continue
                values = evaluator.values(function.module, default)
            elif len(given) == 1 and module.facts.exprs[given[0]][0] != f.STARRED:
                values = evaluator.values(module, given[0])
            else:
                continue
            constant = constant_of(values)
            if constant is not None:
                found[index] = constant[0]
        return found

    def is_possible(self, module: Module, region: int, function: Function, constants: Constants) -> bool:
        """Whether a region can be reached when parameters have these values."""
        table = module.facts.regions
        while region:
            kind, parent, data, polarity = table[region]
            if kind == f.IF:
                truth = self._truth(module, data, function, constants)
                if truth is not None and truth != polarity:
                    return False
            region = parent
        return True

    def _truth(self, module: Module, position: int, function: Function, constants: Constants) -> bool | None:
        exprs = module.facts.exprs
        expression = exprs[position]
        tag = expression[0]
        if tag == f.NOT:
            inner = self._truth(module, expression[1], function, constants)
            return None if inner is None else not inner
        if tag == f.PARAM and expression[1] == function.number and expression[2] in constants:
            return bool(constants[expression[2]])
        if tag == f.BOOLEAN:
            parts = [self._truth(module, p, function, constants) for p in expression[2]]
            if expression[1] == "and":
                return False if False in parts else None if None in parts else True
            return True if True in parts else None if None in parts else False
        if tag == f.CALL:
            tested = self._tested_function(module, expression[1])
            if tested is not None and tested[0] == f.PARAM and tested[1] == function.number:
                value = constants.get(tested[2])
                return value.is_async if isinstance(value, Callee) else None
        if tag == f.COMPARE:
            return self._compared(exprs, expression, function, constants)
        return None

    @staticmethod
    def _compared(
        exprs: list[Any], expression: tuple[Any, ...], function: Function, constants: Constants
    ) -> bool | None:
        _, operator, left, right = expression
        subject, other = exprs[left], exprs[right]
        if (
            other[0] != f.CONST
            or subject[0] != f.PARAM
            or subject[1] != function.number
            or subject[2] not in constants
        ):
            return None
        same = bool(constants[subject[2]] == other[1])
        return same if operator in _SAME else not same if operator in _OTHER else None


def constant_of(values: Values) -> tuple[object] | None:
    """What is surely known of an object that is one of these, as a tuple of one; None where nothing is."""
    if len(values) == 1 and values[0].kind == v.CONSTANT:
        return (values[0].a,)
    if not values or any(x.kind not in (v.FUNCTION, v.BOUND) for x in values):
        return None
    kinds = {(x.a if x.kind == v.FUNCTION else x.a.a).is_async for x in values}
    if len(kinds) > 1:
        return None
    return (_COROUTINE_FUNCTION if kinds.pop() else _PLAIN_FUNCTION,)


def asks_for_coroutine_function(module: Module, number: int) -> bool:
    """Whether the call asks of its one argument whether it is a coroutine function."""
    call = module.facts.calls[number]
    if len(call[f.C_ARGS]) != 1:
        return False
    callee = module.facts.exprs[call[f.C_CALLEE]]
    return callee[0] in (f.GLOBAL, f.ATTR, f.IMPORTED) and callee[-1] in COROUTINE_TESTS
