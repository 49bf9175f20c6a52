"""Of what kind objects are, as far as that is sure: what ``isinstance`` says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.values import join_all

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Module
    from auditor.link.values import Value, Values


def instance_test(evaluator: Evaluator, module: Module, number: int) -> tuple[int, Values] | None:
    """The subject, as an expression, and the types of a call ``isinstance(subject, types)``; None for other calls."""
    call = module.facts.calls[number]
    if module.facts.exprs[call[f.C_CALLEE]] != (f.GLOBAL, "isinstance") or len(call[f.C_ARGS]) != 2:
        return None
    types = evaluator.values(module, call[f.C_ARGS][1])
    return call[f.C_ARGS][0], join_all(
        [evaluator.items(x.one, None) if x.kind == v.CONTAINER else x.one for x in types]
    )


def is_instance(evaluator: Evaluator, value: Value, types: Values) -> bool | None:
    """Whether the object surely is, or surely is not, of one of the types; None where that is open."""
    if not types:
        return None
    order: tuple[object, ...]
    if value.kind == v.INSTANCE:
        order = evaluator.hierarchy.order(value.a)
    else:
        name = evaluator.type_name(value)
        if not name:
            return None
        order = evaluator.catalog.mro(name)
    for kind in types:
        if kind.kind not in (v.CLASS, v.EXTERNAL):
            return None
        if kind.a in order:
            return True
    if value.kind == v.INSTANCE and value.b:
        below = evaluator.hierarchy.descendants(value.a)
        if any(kind.a in evaluator.hierarchy.order(c) for kind in types for c in below):
            return None
    return False
