"""Which object an expression is, where that can be told: a variable of a module, or an attribute of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.index import facts as f
from auditor.link import values as v

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Module

Identity = tuple[str, int, str]
"""``("module", index, name)``, ``("class", id of the class that assigns it, name)``, or for what a call makes and a
local variable holds ``("made", index of the module, number of the call)``.

Objects of one class share an identity: what one thread does to ``self.pool`` another does to the pool of the same
object, as a rule.
"""

_MOST_STEPS = 8


def identity(evaluator: Evaluator, module: Module, position: int) -> Identity | None:
    """The object that the expression surely is; None where nothing tells."""
    exprs: list[Any] = module.facts.exprs
    for _ in range(_MOST_STEPS):
        expression = exprs[position]
        tag = expression[0]
        if tag == f.ANNOTATED:
            position = expression[2]
        elif tag == f.GLOBAL:
            return ("module", module.index, expression[1]) if expression[1] in module.facts.globals else None
        elif tag == f.IMPORTED:
            target = evaluator.program.find_module(module.absolute(expression[1], expression[2]), module.root)
            if target is None or expression[3] not in target.facts.globals:
                return None
            bound = target.facts.globals[expression[3]]
            if len(bound) == 1 and target.facts.exprs[bound[0]][0] in (f.IMPORTED, f.GLOBAL):
                module, exprs, position = target, target.facts.exprs, bound[0]
                continue
            return ("module", target.index, expression[3])
        elif tag == f.ENTER:
            position = expression[1]
        elif tag == f.CALL:
            made = evaluator.values(module, module.facts.calls[expression[1]][f.C_CALLEE])
            is_made = bool(made) and made[0].kind == v.EXTERNAL
            return ("made", module.index, str(expression[1])) if is_made else None
        elif tag == f.ATTR:
            return _attribute(evaluator, module, expression[1], expression[2])
        else:
            return None
    return None


def _attribute(evaluator: Evaluator, module: Module, base: int, name: str) -> Identity | None:
    for value in evaluator.concrete(evaluator.values(module, base)):
        if value.kind == v.MODULE:
            return ("module", value.a.index, name) if name in value.a.facts.globals else None
        if value.kind in (v.INSTANCE, v.CLASS):
            owner = _owner(evaluator, value.a, name)
            if owner is not None:
                return ("class", owner.id, name)
    return None


def _owner(evaluator: Evaluator, class_: Class, name: str) -> Class | None:
    """The most general class that assigns the attribute."""
    found = None
    for one in evaluator.hierarchy.order(class_):
        if not isinstance(one, str) and (name in one.facts.stores or name in one.facts.attributes):
            found = one
    return found
