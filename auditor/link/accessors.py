"""Properties and descriptors: functions that reading or writing an attribute runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.hierarchy import MAX_OVERRIDES

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Function
    from auditor.link.values import Value


class Accessors:
    """Finds the functions behind attributes."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._hierarchy = evaluator.hierarchy
        self._names: frozenset[str] | None = None
        self._known: dict[tuple[Value, str, str], list[Function]] = {}

    def names(self) -> frozenset[str]:
        """Names that are a property, or an attribute with a setter, in some class of the program."""
        if self._names is None:
            names = {
                function.facts.name
                for function in self._evaluator.program.functions
                if function.facts.roles and function.class_ is not None and is_property(function)
            }
            self._names = frozenset(names | self._descriptor_names())
        return self._names

    def _descriptor_names(self) -> set[str]:
        """Class attributes that are instances of a class of the program with ``__get__`` or ``__set__``."""
        program = self._evaluator.program
        makers = {
            c.facts.name
            for c in program.classes
            if "__get__" in c.facts.attributes or "__set__" in c.facts.attributes
        }
        if not makers:
            return set()
        for class_ in program.classes:
            if any(
                not isinstance(b, str) and b.facts.name in makers for b in self._hierarchy.order(class_)[1:]
            ):
                makers.add(class_.facts.name)
        names = set()
        for class_ in program.classes:
            for name, positions in class_.facts.attributes.items():
                for position in positions:
                    if class_.module.facts.exprs[position][0] != f.CALL:
                        continue
                    for value in self._evaluator.values(class_.module, position):
                        if value.kind == v.INSTANCE and value.a.facts.name in makers:
                            names.add(name)
        return names

    def of(self, value: Value, name: str, role: str) -> list[Function]:
        """Property functions (``role`` getter, or setter) that an access to ``value.name`` runs."""
        if value.kind != v.INSTANCE:
            return []
        key = (value, name, role)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._find_accessors(value, name, role)
        return known

    def _find_accessors(self, value: Value, name: str, role: str) -> list[Function]:
        found: list[Function] = []
        owners: list[Class | str] = list(self._hierarchy.order(value.a))
        if value.b:
            overriding = self._hierarchy.overriding(value.a, name)
            if len(overriding) <= MAX_OVERRIDES:
                owners.extend(definer for definer, _ in overriding)
        virtual = False
        for i, owner in enumerate(owners):
            if i >= len(self._hierarchy.order(value.a)):
                virtual = True
            if isinstance(owner, str) or name not in owner.facts.attributes:
                continue
            if found and not virtual:
                continue
            for position in owner.facts.attributes[name]:
                for candidate in self._evaluator.values(owner.module, position):
                    if candidate.kind == v.INSTANCE:
                        for method in self._evaluator.members.methods(
                            candidate, "__set__" if role == "setter" else "__get__"
                        ):
                            if method.kind == v.BOUND and method.a.a not in found:
                                found.append(method.a.a)
                    if candidate.kind == v.FUNCTION and candidate.a.facts.roles:
                        roles = candidate.a.facts.roles
                        wanted = (
                            "setter" in roles
                            if role == "setter"
                            else is_property(candidate.a) and "setter" not in roles
                        )
                        if wanted and candidate.a not in found:
                            found.append(candidate.a)
        return found


def is_property(function: Function) -> bool:
    """Whether reading the attribute runs the function."""
    roles = function.facts.roles
    return "property" in roles or "cached_property" in roles or "setter" in roles or "getter" in roles
