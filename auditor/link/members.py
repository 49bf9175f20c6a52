"""What an attribute of a value may be; virtual receivers reach overrides in subclasses."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.accessors import is_property
from auditor.link.hierarchy import MAX_OVERRIDES
from auditor.link.values import NOTHING, Value, Values, join, join_all

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Function

_CALLBACKS: Final = frozenset({v.FUNCTION, v.BOUND, v.PARTIAL})
"""What others may put another one in the place of: ``server.on_error = report``."""


class Members:
    """Looks up attributes: of objects and classes along the resolution order, of everything else by its kind."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._hierarchy = evaluator.hierarchy
        self._methods: dict[tuple[Value, str], Values] = {}
        self._members: dict[tuple[str, str], Values] = {}

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
            found = self._evaluator.assignments.named(name)
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
        if any(x.kind == v.BOUND for x in found) or any(x.kind in _CALLBACKS for x in stored):
            patched = evaluator.assignments.named(name)
            if patched is not None:
                result = join(result, patched(value))
        if result and not all(x.kind == v.CONSTANT and x.a is None for x in result):
            return result
        if name in ("value", "_value_") and self._hierarchy.is_enumeration(class_):
            return evaluator.fields.member_values(class_)
        given = evaluator.fields.given(class_, name)
        if given:
            return join(result, given)
        assigned = evaluator.assignments.named(name)
        if assigned is not None:
            extra = assigned(value)
            if extra:
                return join(result, extra)
        if result:
            return result
        for base in self._hierarchy.external_bases(class_):
            if base in _UNINFORMATIVE_BASES:
                continue
            member = self.external_member(evaluator.interner.external_instance(base), name)
            if member:
                return member
        for method in self.methods(value, "__getattr__"):
            result = join(result, evaluator.results.of_value(method, None))
        return result

    def _with_overrides(self, class_: Class, name: str, found: Values) -> Values:
        overriders = self._hierarchy.overriding(class_, name)
        if not overriders or len(overriders) > MAX_OVERRIDES:
            return found
        overrides: Values = NOTHING
        for definer, subclass in overriders:
            receiver = self._evaluator.interner.instance(subclass, virtual=True)
            overrides = join(overrides, self._own(definer, name, receiver))
        if all(self._is_abstract(x) for x in found):
            return overrides or found
        return join(found, overrides)

    def _member(self, class_: Class, name: str, receiver: Value) -> Values:
        """The attribute that the class or its bases in the program define, bound to the receiver."""
        for base in self._hierarchy.order(class_):
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
        owners: list[Class] = [base for base in self._hierarchy.order(class_) if not isinstance(base, str)]
        if virtual and not any(name in owner.facts.stores for owner in owners):
            # by subclasses, and by what they bring in beside the class: a mixin reads what its siblings assign
            below = self._hierarchy.descendants(class_)[:MAX_OVERRIDES]
            beside = [
                base for sub in below for base in self._hierarchy.order(sub) if not isinstance(base, str)
            ]
            owners = list(dict.fromkeys([*owners, *beside]))
        for owner in owners:
            positions = owner.facts.stores.get(name)
            if positions:
                found = join_all([evaluator.values(owner.module, p) for p in positions])
                note = owner.facts.annotations.get(name)
                if note:
                    declared = evaluator.annotations.types(owner.module, note)
                    found = join(tuple(x for x in found if x.kind not in (v.PARAMETER, v.MADE)), declared)
                results.append(evaluator.concrete(found))
        values = join_all(results)
        if len(values) > 1:
            return tuple(x for x in values if not (x.kind == v.CONSTANT and x.a is None))
        return values

    def _class_attribute(self, value: Value, name: str) -> Values:
        evaluator = self._evaluator
        found = self._member(value.a, name, value)
        if found:
            if name in value.a.facts.attributes and self._hierarchy.is_enumeration(value.a):
                members = tuple(x for x in found if x.kind not in (v.FUNCTION, v.BOUND, v.CLASS))
                if members:
                    return evaluator.interner.instance(value.a, virtual=False).one
            return found
        assigned = evaluator.assignments.named(name)
        if assigned is not None:
            extra = assigned(value)
            if extra:
                return extra
        stored = self._stored(value.a, name, virtual=False)
        if stored:
            return stored
        for base in self._hierarchy.external_bases(value.a):
            if base not in _UNINFORMATIVE_BASES:
                declared = evaluator.catalog.attribute_type(base, name)
                if declared is not None:
                    return evaluator.annotations.from_name(declared)
                return evaluator.external(f"{base}.{name}").one
        return NOTHING

    def _super_attribute(self, value: Value, name: str) -> Values:
        class_, receiver = value.a, value.b
        orders = [self._hierarchy.order(receiver.a if receiver.kind in (v.INSTANCE, v.CLASS) else class_)]
        if receiver.kind == v.INSTANCE and receiver.b:
            # in a mixin `super()` may go to a sibling that only a subclass brings in
            orders.extend(
                self._hierarchy.order(sub) for sub in self._hierarchy.descendants(receiver.a)[:MAX_OVERRIDES]
            )
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
        if known is None:
            solver = self._evaluator.solver
            node = ("h", value, name)
            known = solver.solve(node, self._find_methods, value, name)
            if node in solver.done:
                self._methods[key] = solver.done.pop(node)
        return known

    def _find_methods(self, value: Value, name: str) -> Values:
        found = self._member(value.a, name, value)
        if value.b:
            found = self._with_overrides(value.a, name, found)
        return tuple(x for x in found if x.kind in (v.BOUND, v.EXTERNAL))

    @staticmethod
    def _is_abstract(value: Value) -> bool:
        return value.kind == v.BOUND and "abstractmethod" in value.a.a.facts.roles


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
