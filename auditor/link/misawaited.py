"""Awaiting what is no awaitable: the function has run by then, on the loop, and the ``await`` raises TypeError."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import awaiting
from auditor.link import values as v
from auditor.link.branches import tests_around

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.narrowing import BodyValues
    from auditor.link.program import Function
    from auditor.link.values import Value, Values

AWAIT_API: Final = "auditor.await_on_sync"
"""The catalog's entry for awaited calls of functions that give back no awaitable."""

_NAMED: Final = frozenset({f.GLOBAL, f.IMPORTED, f.ATTR})
_OPEN_BODIES: Final = frozenset({"abstractmethod", "overload"})


def awaits_sync(body: BodyValues, values: Values, number: int) -> str:
    """The name of a function of the program that is awaited and surely gives back nothing to await, or nothing."""
    if not body.module.facts.calls[number][f.C_FLAGS] & f.AWAITED:
        return ""
    evaluator = body.evaluator
    name = ""
    for value in values:
        function = _plain_function(value)
        if function is None or not _gives_data(evaluator, function):
            return ""
        if function.module.is_test and not body.module.is_test:
            return ""  # what tests hand in says nothing of what others do
        if _may_be_chosen(body, function, number):
            return ""
        name = name or function.qualname
    return name


def is_plain_external(evaluator: Evaluator, dotted: str) -> bool:
    """Whether the name is that of a function of a module: what a method belongs to may be guessed wrong."""
    owner, _, _ = dotted.rpartition(".")
    return bool(owner) and evaluator.catalog.type(owner) is None and evaluator.catalog.type(dotted) is None


def _may_be_chosen(body: BodyValues, function: Function, number: int) -> bool:
    """Whether the function came here as a value, and a test around the call may ask of what kind it is.

    Tests that are calls are not meant: what they ask is known by now.
    """
    facts = body.module.facts
    call = facts.calls[number]
    callee = facts.exprs[call[f.C_CALLEE]]
    if callee[0] == f.FUNCTION or (callee[0] in _NAMED and callee[-1] == function.facts.name):
        return False
    return any(test[0] != f.CALL for test, _ in tests_around(body.module, call[f.C_REGION]))


def _plain_function(value: Value) -> Function | None:
    if value.kind == v.BOUND:
        if value.b.kind == v.INSTANCE and value.b.b == v.GUESSED:
            return None
        value = value.a
    return value.a if value.kind == v.FUNCTION else None


def _gives_data(evaluator: Evaluator, function: Function) -> bool:
    facts = function.facts
    if facts.kind != f.DEF or facts.is_generator or facts.decorators or _OPEN_BODIES & set(facts.roles):
        return False
    if function.class_ is not None and evaluator.hierarchy.is_protocol(function.class_):
        return False
    if not facts.returns:
        # it may be meant to be overridden: a body without a call does nothing, or raises
        if facts.annotation and not _says_none(evaluator, function):
            return False
        return bool(facts.calls) and not facts.endless and not _only_raises(function)
    returned = [evaluator.values(function.module, e) for e, _ in facts.returns]
    return all(found and not awaiting.may_be_awaited(evaluator, found) for found in returned) and not any(
        x.kind in (v.PARAMETER, v.MADE) for found in returned for x in found
    )


def _says_none(evaluator: Evaluator, function: Function) -> bool:
    """Whether the declared result is None."""
    declared = evaluator.values(function.module, function.facts.annotation)
    return bool(declared) and all(x.kind == v.CONSTANT and x.a is None for x in declared)


def _only_raises(function: Function) -> bool:
    """Whether all the function does is to make the exception that it raises."""
    module = function.module
    callees = [module.facts.exprs[module.facts.calls[n][f.C_CALLEE]] for n in function.facts.calls]
    return all(callee[0] == f.GLOBAL and callee[1].endswith(("Error", "Exception")) for callee in callees)
