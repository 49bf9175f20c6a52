"""Fields that a class declares: of dataclasses, models, named tuples, typed dictionaries and enumerations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.values import NOTHING, Values, join, join_all

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Module
    from auditor.link.values import Value

ATTRS_FIELDS: Final = frozenset({"attrs.field", "attr.ib", "attr.field"})


class Fields:
    """Names and values of fields."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._hierarchy = evaluator.hierarchy
        self._factories: dict[Class, list[tuple[Module, int]]] = {}
        self._constructing: dict[Class, list[Value]] = {}

    def names(self, class_: Class) -> list[str]:
        """Names of the annotated fields of the class and its bases, in the order of a generated constructor."""
        names: dict[str, None] = {}
        for base in reversed(self._hierarchy.order(class_)):
            if not isinstance(base, str):
                names.update(dict.fromkeys(base.facts.annotations))
        return list(names)

    def item(self, class_: Class, key: object) -> Values:
        """``value[key]`` of a TypedDict by name, of a NamedTuple by position."""
        names = self.names(class_)
        name = key if isinstance(key, str) else None
        if (
            isinstance(key, int)
            and -len(names) <= key < len(names)
            and "typing.NamedTuple" in self._hierarchy.order(class_)
        ):
            name = names[key]
        if name is None or name not in names:
            return NOTHING
        return self._evaluator.members.attribute(
            self._evaluator.interner.instance(class_, virtual=True), name
        )

    def member_values(self, class_: Class) -> Values:
        """The values of all members of an enumeration."""
        return join_all(
            [
                self._evaluator.values(class_.module, position)
                for positions in class_.facts.attributes.values()
                for position in positions
                if class_.module.facts.exprs[position][0] not in (f.FUNCTION, f.CLASS, f.DECORATED)
            ]
        )

    def default_factories(self, class_: Class) -> list[tuple[Module, int]]:
        """Calls of ``field(default_factory=...)`` of the class and its bases."""
        known = self._factories.get(class_)
        if known is None:
            known = self._factories[class_] = self._find_factories(class_)
        return known

    def _find_factories(self, class_: Class) -> list[tuple[Module, int]]:
        found = []
        for base in self._hierarchy.order(class_):
            if isinstance(base, str):
                continue
            for positions in base.facts.attributes.values():
                for position in positions:
                    expression = base.module.facts.exprs[position]
                    if expression[0] == f.CALL and any(
                        name in ("default_factory", "factory")
                        for name, _ in base.module.facts.calls[expression[1]][f.C_KEYWORDS]
                    ):
                        found.append((base.module, expression[1]))
        return found

    def constructing(self, class_: Class) -> list[Value]:
        """Methods of the class and its bases under ``@field.default`` or ``@field.validator``, as attrs has them."""
        known = self._constructing.get(class_)
        if known is None:
            known = self._constructing[class_] = self._find_constructing(class_)
        return known

    def _find_constructing(self, class_: Class) -> list[Value]:
        found: list[Value] = []
        evaluator = self._evaluator
        for base in self._hierarchy.order(class_):
            if isinstance(base, str):
                continue
            facts = base.module.facts
            for positions in base.facts.attributes.values():
                for position in positions:
                    expression = facts.exprs[position]
                    if expression[0] != f.DECORATED:
                        continue
                    decorator = facts.exprs[facts.calls[expression[1]][f.C_CALLEE]]
                    if decorator[0] != f.ATTR or decorator[2] not in ("default", "validator"):
                        continue
                    field = facts.exprs[decorator[1]]
                    if field[0] == f.CALL and any(
                        x.kind == v.EXTERNAL and x.a in ATTRS_FIELDS
                        for x in evaluator.values(base.module, facts.calls[field[1]][f.C_CALLEE])
                    ):
                        found.extend(x for x in evaluator.values(base.module, expression[2]))
        return found

    def given(self, class_: Class, name: str) -> Values:
        """What constructor calls give to a field of a dataclass, named tuple or the like, by keyword or position."""
        return self._evaluator.solver.solve(("f", class_, name), self._given, class_, name)

    def _given(self, class_: Class, name: str) -> Values:
        names = self.names(class_)
        if name not in names:
            return NOTHING
        index = names.index(name)
        evaluator = self._evaluator
        found: Values = NOTHING
        for module, number in evaluator.call_sites.named(class_.facts.name):
            call = module.facts.calls[number]
            if not any(
                x.kind == v.CLASS and x.a is class_ for x in evaluator.values(module, call[f.C_CALLEE])
            ):
                continue
            given = dict(call[f.C_KEYWORDS]).get(name)
            if given is None and index < len(call[f.C_ARGS]):
                given = call[f.C_ARGS][index]
            if given is not None:
                found = join(found, evaluator.concrete(evaluator.values(module, given)))
        return found
