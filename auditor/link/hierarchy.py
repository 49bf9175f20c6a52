"""Classes: bases, method resolution order, overrides in subclasses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Function
    from auditor.link.values import Values

MAX_OVERRIDES = 12
"""Overrides of one method in subclasses that a virtual call is taken to reach; beyond it nothing is said."""


class Hierarchy:
    """How the classes of the program derive from each other, and which of them define what."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._orders: dict[Class, tuple[Class | str, ...]] = {}
        self._in_progress: set[Class] = set()
        self._subclasses_known = False
        self._super_varies: dict[Class, bool] = {}
        self._overriders: dict[tuple[Class, str], tuple[tuple[Class, Class], ...]] = {}
        self._defining: dict[str, list[Class]] | None = None
        self._below: dict[Class, frozenset[Class]] = {}

    def order(self, class_: Class) -> tuple[Class | str, ...]:
        """The class and its bases in resolution order; bases outside the program as dotted names."""
        known = self._orders.get(class_)
        if known is not None:
            return known
        if class_ in self._in_progress:
            return (class_,)
        self._in_progress.add(class_)
        sequences: list[list[Class | str]] = []
        direct: list[Class | str] = []
        for position in class_.facts.bases:
            for value in self.base_values(class_, position):
                if value.kind == v.CLASS and value.a is not class_:
                    direct.append(value.a)
                    sequences.append(list(self.order(value.a)))
                    break
                if value.kind == v.EXTERNAL:
                    direct.append(value.a)
                    sequences.append(list(self._evaluator.catalog.mro(value.a)))
                    break
        sequences.append(direct)
        if any(class_ in sequence for sequence in sequences):  # it derives from itself, which Python refuses
            sequences = [[x for x in sequence if x is not class_] for sequence in sequences]
        result = (class_, *_merge(sequences))
        self._in_progress.discard(class_)
        self._orders[class_] = result
        return result

    def base_values(self, class_: Class, position: int) -> Values:
        evaluator = self._evaluator
        expression = class_.module.facts.exprs[position]
        while expression[0] == f.SUBSCRIPT:
            position = expression[1]
            expression = class_.module.facts.exprs[position]
        return evaluator.values(class_.module, position)

    def external_bases(self, class_: Class) -> tuple[str, ...]:
        """Dotted names of the bases outside the program, in resolution order."""
        return tuple(base for base in self.order(class_) if isinstance(base, str))

    def descendants(self, class_: Class) -> Sequence[Class]:
        """All classes of the program that derive from the class, itself not included."""
        if not self._subclasses_known:
            self._subclasses_known = True
            for other in self._evaluator.program.classes:
                if other.facts.bases:
                    for base in self.order(other)[1:]:
                        if not isinstance(base, str):
                            base.subclasses.append(other)
        return class_.subclasses

    def overriding(self, class_: Class, name: str) -> tuple[tuple[Class, Class], ...]:
        """(class that defines the name, subclass that has it from there) for what differs from ``class_``'s own."""
        key = (class_, name)
        known = self._overriders.get(key)
        if known is None:
            known = self._overriders[key] = tuple(self._find_overriding(class_, name))
        return known

    def _find_overriding(self, class_: Class, name: str) -> list[tuple[Class, Class]]:
        below = self.descendants(class_)
        if not below:
            return []
        candidates = self.definers(name)
        if len(below) < len(candidates):
            # of a name that thousands of classes define, only what those below have in their orders
            near = {base for sub in below for base in self.order(sub) if not isinstance(base, str)}
            candidates = sorted([c for c in near if name in c.facts.attributes], key=lambda c: c.id)
        if not class_.module.is_test:
            # what a test derives is never what the program itself meets
            candidates = [c for c in candidates if not c.module.is_test]
        if not candidates:
            return []
        subclasses = self._below.get(class_)
        if subclasses is None:
            subclasses = self._below[class_] = frozenset(below)
        found = [(c, c) for c in candidates if c in subclasses]
        if len(found) > MAX_OVERRIDES:
            return found
        own = self.definer(class_, name)
        mixins = [c for c in candidates if c is not own and c not in subclasses and c.subclasses]
        for mixin in mixins:
            for subclass in mixin.subclasses:
                if subclass in subclasses and self.definer(subclass, name) is mixin:
                    found.append((mixin, subclass))
                    break
        return found

    def dunders(self, properties: Collection[str]) -> set[str]:
        """Methods behind operators that do something in some class of the program.

        They call, read an attribute that is a property somewhere, or use an operator of which the same is true.
        """
        found: set[str] = set()
        idle: list[tuple[str, Class]] = []
        for dunder in f.DUNDERS:
            for name in (dunder, "__r" + dunder[2:]):
                definers = self.definers(name)
                if any(self._calls_something(c, name) for c in definers):
                    found.add(name)
                else:
                    idle.extend((name, c) for c in definers)
        grown = True
        while grown:
            active = {name for name, c in idle if name not in found and _reads(c, name, properties, found)}
            found |= active
            grown = bool(active)
        return found

    def _calls_something(self, class_: Class, name: str) -> bool:
        """Whether the definition calls anything at all."""
        for position in class_.facts.attributes[name]:
            expression = class_.module.facts.exprs[position]
            if expression[0] != f.FUNCTION:
                return True
            facts = class_.module.facts.functions[expression[1]]
            if facts.calls or facts.withs or facts.iterations:
                return True
        return False

    def is_defined(self, name: str) -> bool:
        """Whether any class of the program defines the name."""
        return bool(self.definers(name))

    def definers(self, name: str) -> list[Class]:
        """All classes of the program that define the name."""
        table = self._defining
        if table is None:
            table = self._defining = {}
            for other in self._evaluator.program.classes:
                for attribute in other.facts.attributes:
                    if attribute in table:
                        table[attribute].append(other)
                    else:
                        table[attribute] = [other]
        return table.get(name, [])

    def definer(self, class_: Class, name: str) -> Class | None:
        """The class whose definition of the name an exact instance of the class has."""
        for base in self.order(class_):
            if not isinstance(base, str) and name in base.facts.attributes:
                return base
        return None

    def is_protocol(self, class_: Class) -> bool:
        """Whether the class is a protocol itself, not merely an implementation of one."""
        return any(
            value.kind == v.EXTERNAL and value.a in _PROTOCOLS
            for position in class_.facts.bases
            for value in self.base_values(class_, position)
        )

    def is_enumeration(self, class_: Class) -> bool:
        return any(isinstance(base, str) and base in _ENUMERATIONS for base in self.order(class_))

    def metaclass(self, class_: Class) -> Class | None:
        """The metaclass of the program that makes instances of the class."""
        for base in self.order(class_):
            if isinstance(base, str):
                continue
            for keyword, position in base.facts.keywords:
                if keyword == "metaclass":
                    for value in self._evaluator.values(base.module, position):
                        if value.kind == v.CLASS:
                            return value.a  # type: ignore[no-any-return]
        return None

    def reaches(self, class_: Class, name: str, owner: Class) -> bool:
        """Whether an instance of the class may run ``owner``'s version of a method: as its own, or by ``super()``."""
        definer = self.definer(class_, name)
        if definer is None or definer is owner:
            return True
        for subclass in (class_, *self.descendants(class_)):
            if self.definer(subclass, name) is owner:
                return True
        for position in definer.facts.attributes[name]:
            for value in self._evaluator.values(definer.module, position):
                if value.kind == v.FUNCTION and _calls_super(value.a):
                    return True
        return False

    def super_varies(self, class_: Class) -> bool:
        """Whether what follows the class in the order of a subclass is not what follows it in its own."""
        known = self._super_varies.get(class_)
        if known is None:
            rest = self.order(class_)[1:]
            known = False
            for subclass in self.descendants(class_):
                order = self.order(subclass)
                if class_ in order and order[order.index(class_) + 1 :] != rest:
                    known = True
                    break
            self._super_varies[class_] = known
        return known

    def is_overridden(self, class_: Class, name: str) -> bool:
        """Whether some subclass has another definition of the name, or the class leaves it to its subclasses."""
        return bool(self.overriding(class_, name))

    def is_polymorphic(self, class_: Class) -> bool:
        """Whether what ``self`` is in a method of the class may matter: other classes derive from it."""
        return bool(self.descendants(class_))


def _reads(class_: Class, name: str, properties: Collection[str], dunders: Collection[str]) -> bool:
    """Whether a method reads one of the properties, or uses one of the operators."""
    facts = class_.module.facts
    numbers = {facts.exprs[p][1] for p in class_.facts.attributes[name]}
    return any(
        number in numbers and facts.exprs[position][2] in properties
        for number, position in facts.attribute_reads()
    ) or any(
        number in numbers and (dunder in dunders or "__r" + dunder[2:] in dunders)
        for number, dunder in facts.operators_used()
    )


def _calls_super(function: Function) -> bool:
    facts = function.module.facts
    return any(facts.exprs[facts.calls[n][f.C_CALLEE]] == (f.GLOBAL, "super") for n in function.facts.calls)


def _merge(sequences: list[list[Class | str]]) -> list[Class | str]:
    """C3 linearisation; where there is none, the first candidate is taken."""
    result: list[Class | str] = []
    sequences = [s for s in sequences if s]
    while sequences:
        head = next(
            (s[0] for s in sequences if not any(s[0] in other[1:] for other in sequences)),
            sequences[0][0],
        )
        result.append(head)
        sequences = [rest for s in sequences if (rest := [x for x in s if x != head])]
    return result


_ENUMERATIONS = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})
_PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol"})
