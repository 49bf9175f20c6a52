"""Classes: bases, method resolution order, and what an attribute of a value may be."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.fixpoint import NO_CYCLE
from auditor.link.values import NOTHING, Value, Values, join, join_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Function, Module

MAX_OVERRIDES = 12
"""Overrides of one method in subclasses that a virtual call is taken to reach; beyond it nothing is said."""


class Hierarchy:
    """Looks up attributes along the method resolution order; virtual receivers reach overrides in subclasses."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._orders: dict[Class, tuple[Class | str, ...]] = {}
        self._in_progress: set[Class] = set()
        self._subclasses_known = False
        self._descendants: dict[Class, tuple[Class, ...]] = {}
        self._stores_elsewhere: dict[str, list[tuple[Module, int, int]]] | None = None
        self._property_names: frozenset[str] | None = None
        self._super_varies: dict[Class, bool] = {}
        self._overriders: dict[tuple[Class, str], tuple[tuple[Class, Class], ...]] = {}
        self._defining: dict[str, list[Class]] | None = None
        self._below: dict[Class, frozenset[Class]] = {}
        self._methods: dict[tuple[Value, str], Values] = {}
        self._accessors: dict[tuple[Value, str, str], list[Function]] = {}
        self._members: dict[tuple[str, str], Values] = {}

    # -- order -------------------------------------------------------------------------------------------------

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
            for value in self._base_values(class_, position):
                if value.kind == v.CLASS and value.a is not class_:
                    direct.append(value.a)
                    sequences.append(list(self.order(value.a)))
                    break
                if value.kind == v.EXTERNAL:
                    direct.append(value.a)
                    sequences.append(list(self._evaluator.catalog.mro(value.a)))
                    break
        sequences.append(direct)
        result = (class_, *_merge(sequences))
        self._in_progress.discard(class_)
        self._orders[class_] = result
        return result

    def _base_values(self, class_: Class, position: int) -> Values:
        evaluator = self._evaluator
        expression = class_.module.facts.exprs[position]
        while expression[0] == f.SUBSCRIPT:
            position = expression[1]
            expression = class_.module.facts.exprs[position]
        return evaluator.values(class_.module, position)

    def external_bases(self, class_: Class) -> tuple[str, ...]:
        """Dotted names of the bases outside the program, in resolution order."""
        return tuple(base for base in self.order(class_) if isinstance(base, str))

    def descendants(self, class_: Class) -> tuple[Class, ...]:
        """All classes of the program that derive from the class, itself not included."""
        if not self._subclasses_known:
            self._subclasses_known = True
            for other in self._evaluator.program.classes:
                if other.facts.bases:
                    for base in self.order(other)[1:]:
                        if not isinstance(base, str):
                            base.subclasses.append(other)
        return tuple(class_.subclasses)

    # -- attributes --------------------------------------------------------------------------------------------

    def attribute(self, value: Value, name: str) -> Values:
        """What ``value.name`` may be."""
        kind = value.kind
        if kind == v.INSTANCE:
            return self._evaluator.solver.solve(("a", value, name), self._instance_attribute, value, name)
        if kind == v.EXTERNAL:
            return self._external_attribute(value.a, name)
        if kind == v.MODULE:
            return self._evaluator.module_attribute(value.a, name)
        if kind == v.CLASS:
            return self._evaluator.solver.solve(("k", value, name), self._class_attribute, value, name)
        if kind == v.EXTERNAL_INSTANCE:
            return self.external_member(value, name)
        if kind in (v.CONTAINER, v.PACK):
            return self._evaluator.interner.make(v.CONTAINER_METHOD, value, name).one
        if kind == v.SUPER:
            return self._super_attribute(value, name)
        if kind == v.CONSTANT:
            type_name = "builtins." + value.b
            if value.a is not None and hasattr(value.a, name):
                return self._evaluator.external(f"{type_name}.{name}").one
            return NOTHING
        if kind == v.FUNCTION:
            found = self.assigned_elsewhere(name)
            return found(value) if found is not None else NOTHING
        if kind == v.AWAITABLE:
            return self._evaluator.external(f"asyncio.Task.{name}").one
        if kind == v.COROUTINE and name in ("close", "send", "throw"):
            return NOTHING
        return NOTHING

    def _external_attribute(self, dotted: str, name: str) -> Values:
        evaluator = self._evaluator
        full = f"{dotted}.{name}"
        if dotted in evaluator.program.packages or full in evaluator.program.by_name:
            module = evaluator.program.find_module(full, -1)
            if module is not None:
                return evaluator.interner.module(module).one
        declared = evaluator.catalog.attribute_type(dotted, name)
        if declared and not evaluator.catalog.type(dotted):
            return evaluator.annotations.from_name(declared)
        return evaluator.external(full).one

    def external_member(self, value: Value, name: str) -> Values:
        """A member of an instance of an external type; nothing where the type is known not to have it."""
        if value.b:
            return self._external_member(value, name)
        key = (value.a, name)
        known = self._members.get(key)
        if known is None:
            known = self._members[key] = self._external_member(value, name)
        return known

    def _external_member(self, value: Value, name: str) -> Values:
        evaluator = self._evaluator
        type_name = value.a
        declared = evaluator.catalog.attribute_type(type_name, name)
        if declared is not None:
            return evaluator.annotations.from_name(declared)
        if type_name.startswith("builtins."):
            real = getattr(builtins, type_name[9:], None)
            if real is not None and not hasattr(real, name):
                return NOTHING
        else:
            known = evaluator.catalog.has_member(type_name, name)
            if known is False:
                return NOTHING
            if known is None and not name.startswith("_"):
                # `client.database.collection`: a name that the type does not define is looked up by `__getattr__`
                made = evaluator.catalog.method_type(type_name, "__getattr__")
                if made is not None:
                    return evaluator.annotations.from_name(made)
        if value.b:
            return evaluator.interner.make(v.CONTAINER_METHOD, value, name).one
        return evaluator.external(f"{type_name}.{name}").one

    def _instance_attribute(self, value: Value, name: str) -> Values:
        evaluator = self._evaluator
        class_, virtual = value.a, value.b
        found = self._member(class_, name, value)
        if virtual:
            found = self._with_overrides(class_, name, found)
        stored = self._stored(class_, name, virtual=virtual)
        result = (
            join(found, stored) if not found or all(x.kind != v.BOUND for x in found) or stored else found
        )
        if any(x.kind == v.BOUND for x in found):
            patched = self.assigned_elsewhere(name)
            if patched is not None:
                result = join(result, patched(value))
        if result and not all(x.kind == v.CONSTANT and x.a is None for x in result):
            return result
        if name in ("value", "_value_") and self.is_enumeration(class_):
            return self._member_values(class_)
        given = evaluator.field_values(class_, name)
        if given:
            return join(result, given)
        assigned = self.assigned_elsewhere(name)
        if assigned is not None:
            extra = assigned(value)
            if extra:
                return join(result, extra)
        if result:
            return result
        for base in self.external_bases(class_):
            if base in _UNINFORMATIVE_BASES:
                continue
            member = self.external_member(evaluator.interner.external_instance(base), name)
            if member:
                return member
        for method in self.methods(value, "__getattr__"):
            result = join(result, evaluator.results.of_value(method, None))
        return result

    def _with_overrides(self, class_: Class, name: str, found: Values) -> Values:
        overriders = self._overriding(class_, name)
        if not overriders or len(overriders) > MAX_OVERRIDES:
            return found
        overrides: Values = NOTHING
        for definer, subclass in overriders:
            receiver = self._evaluator.interner.instance(subclass, virtual=True)
            overrides = join(overrides, self._own(definer, name, receiver))
        if all(self._is_abstract(x) for x in found):
            return overrides or found
        return join(found, overrides)

    def _overriding(self, class_: Class, name: str) -> tuple[tuple[Class, Class], ...]:
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
        candidates = self._definers(name)
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
        own = self._definer(class_, name)
        mixins = [c for c in candidates if c is not own and c not in subclasses and c.subclasses]
        for mixin in mixins:
            for subclass in mixin.subclasses:
                if subclass in subclasses and self._definer(subclass, name) is mixin:
                    found.append((mixin, subclass))
                    break
        return found

    def dunders(self) -> set[str]:
        """Methods behind operators that some class of the program defines."""
        return {
            name
            for d in f.DUNDERS
            for name in (d, "__r" + d[2:])
            if any(self._does_something(c, name) for c in self._definers(name))
        }

    def _does_something(self, class_: Class, name: str) -> bool:
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
        return bool(self._definers(name))

    def _definers(self, name: str) -> list[Class]:
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

    def _definer(self, class_: Class, name: str) -> Class | None:
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
            for value in self._base_values(class_, position)
        )

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
        definer = self._definer(class_, name)
        if definer is None or definer is owner:
            return True
        for subclass in (class_, *self.descendants(class_)):
            if self._definer(subclass, name) is owner:
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
        return bool(self._overriding(class_, name))

    def is_polymorphic(self, class_: Class) -> bool:
        """Whether what ``self`` is in a method of the class may matter: other classes derive from it."""
        return bool(self.descendants(class_))

    @staticmethod
    def _is_abstract(value: Value) -> bool:
        return value.kind == v.BOUND and "abstractmethod" in value.a.a.facts.roles

    def _member(self, class_: Class, name: str, receiver: Value) -> Values:
        """The attribute that the class or its bases in the program define, bound to the receiver."""
        for base in self.order(class_):
            if isinstance(base, str):
                if base in _UNINFORMATIVE_BASES:
                    continue
                member = self._evaluator.catalog.has_member(base, name)
                if member or (member is None and self._external_defines(base, name)):
                    return self.external_member(self._evaluator.interner.external_instance(base), name)
                continue
            if name in base.facts.attributes:
                return self._own(base, name, receiver)
            if name in base.facts.annotations and name not in base.facts.stores:
                return self._evaluator.annotations.types(base.module, base.facts.annotations[name])
        return NOTHING

    def _external_defines(self, base: str, name: str) -> bool:
        catalog = self._evaluator.catalog
        return catalog.api(f"{base}.{name}") is not None or bool(catalog.runs(f"{base}.{name}"))

    def _own(self, class_: Class, name: str, receiver: Value) -> Values:
        """The attribute as this class defines it, bound to ``receiver`` if that is an instance."""
        evaluator = self._evaluator
        bound: list[Values] = []
        for position in class_.facts.attributes[name]:
            bound.extend(self.bind(value, receiver) for value in evaluator.values(class_.module, position))
        result = join_all(bound)
        declared = class_.facts.annotations.get(name)
        if declared and not any(
            x.kind in (v.BOUND, v.FUNCTION, v.INSTANCE, v.EXTERNAL_INSTANCE) for x in result
        ):
            types = evaluator.annotations.types(class_.module, declared)
            if types:
                return join(tuple(x for x in result if x.kind != v.CONSTANT), types)
        return result

    def bind_to(self, value: Value, receiver: Value) -> Values:
        """A function put on a class from outside, as a method of ``receiver``."""
        if value.kind == v.FUNCTION:
            return self._evaluator.interner.make(v.BOUND, value, receiver).one
        return value.one

    def bind(self, value: Value, receiver: Value) -> Values:
        """A class attribute as read through ``receiver``: functions become methods, properties their result."""
        evaluator = self._evaluator
        if value.kind != v.FUNCTION:
            if value.kind == v.WRAPPER:
                inner = join_all([self.bind(x, receiver) for x in value.a])
                return evaluator.interner.make(v.WRAPPER, inner, value.b).one
            return value.one
        function: Function = value.a
        roles = function.facts.roles
        if function.facts.kind == f.LAMBDA or (function.class_ is None and not value.b):
            return evaluator.interner.make(v.BOUND, value, receiver).one
        if roles:
            if "staticmethod" in roles:
                return value.one
            if "classmethod" in roles:
                owner = receiver if receiver.kind == v.CLASS else evaluator.interner.make(v.CLASS, receiver.a)
                return evaluator.interner.make(v.BOUND, value, owner).one
            if is_property(function) and receiver.kind != v.CLASS:
                return evaluator.results.of_value(evaluator.interner.make(v.BOUND, value, receiver), None)
        if receiver.kind == v.CLASS:
            return value.one
        return evaluator.interner.make(v.BOUND, value, receiver).one

    def _stored(self, class_: Class, name: str, *, virtual: bool) -> Values:
        """What methods of the class, its bases and (for virtual receivers) its subclasses assign to the attribute."""
        evaluator = self._evaluator
        results: list[Values] = []
        owners: list[Class] = [base for base in self.order(class_) if not isinstance(base, str)]
        if virtual and not any(name in owner.facts.stores for owner in owners):
            owners = [*owners, *self.descendants(class_)[:MAX_OVERRIDES]]
        for owner in owners:
            positions = owner.facts.stores.get(name)
            if positions:
                found = join_all([evaluator.values(owner.module, p) for p in positions])
                note = owner.facts.annotations.get(name)
                if note:
                    declared = evaluator.annotations.types(owner.module, note)
                    found = join(tuple(x for x in found if x.kind != v.PARAMETER), declared)
                results.append(evaluator.concrete(found))
        values = join_all(results)
        if len(values) > 1:
            return tuple(x for x in values if not (x.kind == v.CONSTANT and x.a is None))
        return values

    def is_enumeration(self, class_: Class) -> bool:
        return any(isinstance(base, str) and base in _ENUMERATIONS for base in self.order(class_))

    def _member_values(self, class_: Class) -> Values:
        """The values of all members of an enumeration."""
        return join_all(
            [
                self._evaluator.values(class_.module, position)
                for positions in class_.facts.attributes.values()
                for position in positions
                if class_.module.facts.exprs[position][0] not in (f.FUNCTION, f.CLASS, f.DECORATED)
            ]
        )

    def field_names(self, class_: Class) -> list[str]:
        """Names of the annotated fields of the class and its bases, in the order of a generated constructor."""
        names: dict[str, None] = {}
        for base in reversed(self.order(class_)):
            if not isinstance(base, str):
                names.update(dict.fromkeys(base.facts.annotations))
        return list(names)

    def field_item(self, class_: Class, key: object) -> Values:
        """``value[key]`` of a TypedDict by name, of a NamedTuple by position."""
        names = self.field_names(class_)
        name = key if isinstance(key, str) else None
        if (
            isinstance(key, int)
            and -len(names) <= key < len(names)
            and "typing.NamedTuple" in self.order(class_)
        ):
            name = names[key]
        if name is None or name not in names:
            return NOTHING
        return self.attribute(self._evaluator.interner.instance(class_, virtual=True), name)

    def default_factories(self, class_: Class) -> list[tuple[Module, int]]:
        """Calls of ``field(default_factory=...)`` of the class and its bases."""
        found = []
        for base in self.order(class_):
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

    def _class_attribute(self, value: Value, name: str) -> Values:
        evaluator = self._evaluator
        found = self._member(value.a, name, value)
        if found:
            if name in value.a.facts.attributes and self.is_enumeration(value.a):
                members = tuple(x for x in found if x.kind not in (v.FUNCTION, v.BOUND, v.CLASS))
                if members:
                    return evaluator.interner.instance(value.a, virtual=False).one
            return found
        assigned = self.assigned_elsewhere(name)
        if assigned is not None:
            extra = assigned(value)
            if extra:
                return extra
        stored = self._stored(value.a, name, virtual=False)
        if stored:
            return stored
        for base in self.external_bases(value.a):
            if base not in _UNINFORMATIVE_BASES:
                declared = evaluator.catalog.attribute_type(base, name)
                if declared is not None:
                    return evaluator.annotations.from_name(declared)
                return evaluator.external(f"{base}.{name}").one
        return NOTHING

    def _super_attribute(self, value: Value, name: str) -> Values:
        class_, receiver = value.a, value.b
        orders = [self.order(receiver.a if receiver.kind in (v.INSTANCE, v.CLASS) else class_)]
        if receiver.kind == v.INSTANCE and receiver.b:
            # in a mixin `super()` may go to a sibling that only a subclass brings in
            orders.extend(self.order(sub) for sub in self.descendants(receiver.a)[:MAX_OVERRIDES])
        results: list[Values] = []
        for order in orders:
            after = False
            for base in order:
                if base is class_:
                    after = True
                elif after:
                    if isinstance(base, str):
                        if base not in _UNINFORMATIVE_BASES and self._external_defines(base, name):
                            results.append(self._evaluator.external(f"{base}.{name}").one)
                            break
                    elif name in base.facts.attributes:
                        results.append(self._own(base, name, receiver))
                        break
        return join_all(results)

    def methods(self, value: Value, name: str) -> Values:
        """Bound methods of that name of an instance (dunder methods are looked up on the class)."""
        if value.kind != v.INSTANCE:
            return NOTHING
        key = (value, name)
        known = self._methods.get(key)
        if known is not None:
            return known
        solver = self._evaluator.solver
        outer = solver.low
        solver.low = NO_CYCLE
        found = self._member(value.a, name, value)
        if value.b:
            found = self._with_overrides(value.a, name, found)
        found = tuple(x for x in found if x.kind in (v.BOUND, v.EXTERNAL))
        if solver.low == NO_CYCLE:
            self._methods[key] = found
        solver.low = min(outer, solver.low)
        return found

    # -- stores from outside -----------------------------------------------------------------------------------

    def assigned_elsewhere(self, name: str) -> Callable[[Value], Values] | None:
        """A look-up for ``other.name = value`` outside the class, or None if no file has one."""
        table = self._stores_elsewhere
        if table is None:
            table = self._stores_elsewhere = {}
            for module in self._evaluator.program.modules:
                for base, attribute, value in module.facts.stores:
                    table.setdefault(attribute, []).append((module, base, value))
        sites = table.get(name)
        if not sites or len(sites) > 40:
            return None

        def look_up(target: Value) -> Values:
            return self._evaluator.solver.solve(("s", target, name), self._assigned_to, target, sites)

        return look_up

    def _assigned_to(self, target: Value, sites: list[tuple[Module, int, int]]) -> Values:
        evaluator = self._evaluator
        results: list[Values] = []
        for module, base, value in sites:
            for candidate in evaluator.concrete(evaluator.values(module, base)):
                stored = None
                if candidate is target or (
                    candidate.kind == target.kind == v.INSTANCE
                    and (candidate.a is target.a or candidate.a in self.order(target.a))
                ):
                    stored = evaluator.concrete(evaluator.values(module, value))
                elif (
                    candidate.kind == v.CLASS
                    and target.kind == v.INSTANCE
                    and candidate.a in self.order(target.a)
                ):
                    given = evaluator.concrete(evaluator.values(module, value))
                    stored = join_all([self.bind_to(x, target) for x in given])
                if stored is not None:
                    results.append(stored)
                    break
        return tuple(x for x in join_all(results) if not (x.kind == v.CONSTANT and x.a is None))

    def property_names(self) -> frozenset[str]:
        """Names that are a property, or an attribute with a setter, in some class of the program."""
        if self._property_names is None:
            names = {
                function.facts.name
                for function in self._evaluator.program.functions
                if function.facts.roles and function.class_ is not None and is_property(function)
            }
            self._property_names = frozenset(names | self._descriptor_names())
        return self._property_names

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
            if any(not isinstance(b, str) and b.facts.name in makers for b in self.order(class_)[1:]):
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

    def accessors(self, value: Value, name: str, role: str) -> list[Function]:
        """Property functions (``role`` getter, or setter) that an access to ``value.name`` runs."""
        if value.kind != v.INSTANCE:
            return []
        key = (value, name, role)
        known = self._accessors.get(key)
        if known is None:
            known = self._accessors[key] = self._find_accessors(value, name, role)
        return known

    def _find_accessors(self, value: Value, name: str, role: str) -> list[Function]:
        found: list[Function] = []
        owners: list[Class | str] = list(self.order(value.a))
        if value.b:
            overriding = self._overriding(value.a, name)
            if len(overriding) <= MAX_OVERRIDES:
                owners.extend(definer for definer, _ in overriding)
        virtual = False
        for i, owner in enumerate(owners):
            if i >= len(self.order(value.a)):
                virtual = True
            if isinstance(owner, str) or name not in owner.facts.attributes:
                continue
            if found and not virtual:
                continue
            for position in owner.facts.attributes[name]:
                for candidate in self._evaluator.values(owner.module, position):
                    if candidate.kind == v.INSTANCE:
                        for method in self.methods(candidate, "__set__" if role == "setter" else "__get__"):
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


def _calls_super(function: Function) -> bool:
    facts = function.module.facts
    return any(facts.exprs[facts.calls[n][f.C_CALLEE]] == (f.GLOBAL, "super") for n in function.facts.calls)


def is_property(function: Function) -> bool:
    """Whether reading the attribute runs the function."""
    roles = function.facts.roles
    return "property" in roles or "cached_property" in roles or "setter" in roles or "getter" in roles


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
_UNINFORMATIVE_BASES = frozenset(
    {
        "builtins.object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        "enum.Enum",
        "typing_extensions.Protocol",
    }
)
