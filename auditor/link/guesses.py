"""Methods of parameters of which nothing is known but the name of the method that is called on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.values import NOTHING, Values

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Module


MANY: Final = 20
"""A name that more families of classes define says nothing."""


class Guesses:
    """``service.load_everything()`` where only one class that the file knows has such a method: that is meant.

    A guess, so every step over it is of low confidence. Names of one word (``get``, ``save``) say nothing: anything may
    have them.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: dict[tuple[Module, str], Values] = {}
        self._in_sight: dict[Module, frozenset[Class]] = {}

    def method(self, module: Module, receiver: int, name: str) -> Values:
        """The method of this name of the only class that it can be; nothing where the receiver may be anything."""
        if not _is_telling(name):
            return NOTHING
        expression = module.facts.exprs[receiver]
        if expression[0] != f.PARAM:
            return NOTHING
        _, kind, note, _ = module.functions[expression[1]].facts.params[expression[2]]
        if note or kind in (f.VARARGS, f.KWARGS):
            return NOTHING
        known = self._known.get((module, name))
        if known is None:
            found, is_final = self._evaluator.solver.apart(lambda: self._only_method(module, name))
            if is_final:
                self._known[module, name] = found
            return found
        return known

    def _only_method(self, module: Module, name: str) -> Values:
        hierarchy = self._evaluator.hierarchy
        definers = [x for x in hierarchy.definers(name) if not x.module.is_test or module.is_test]
        roots = [x for x in definers if not any(other in definers for other in hierarchy.order(x)[1:])]
        roots = [x for x in roots if self._is_in_sight(x, module)] if len(roots) <= MANY else []
        if len(roots) != 1:
            return NOTHING
        receiver = self._evaluator.interner.make(v.INSTANCE, roots[0], v.GUESSED)
        return tuple(x for x in self._evaluator.members.attribute(receiver, name) if x.kind == v.BOUND)

    def _is_in_sight(self, class_: Class, module: Module) -> bool:
        """Whether the file defines the class, or a class derived from it, or has imported one."""
        if class_.module is module:
            return True
        in_sight = self._in_sight.get(module)
        if in_sight is None:
            found, is_final = self._evaluator.solver.apart(lambda: self._classes_of(module))
            if is_final:
                self._in_sight[module] = found
            in_sight = found
        return class_ in in_sight or not in_sight.isdisjoint(self._evaluator.hierarchy.descendants(class_))

    def _classes_of(self, module: Module) -> frozenset[Class]:
        """Classes that the module defines or imports."""
        exprs = module.facts.exprs
        return frozenset(
            [
                value.a
                for positions in module.facts.globals.values()
                for p in positions
                if exprs[p][0] in (f.IMPORTED, f.CLASS)
                for value in self._evaluator.values(module, p)
                if value.kind == v.CLASS
            ]
        )


def _is_telling(name: str) -> bool:
    """Whether the name consists of several words."""
    return not name.startswith("_") and ("_" in name or name.lower() != name)
