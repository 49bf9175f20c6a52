"""What expressions stand for: the evaluator that names, types, attributes and calls are resolved with."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.accessors import Accessors
from auditor.link.annotations import AWAITABLE_TYPES, Annotations
from auditor.link.assignments import Assignments
from auditor.link.call_sites import CallSites
from auditor.link.containers import FILLED, MAPPINGS, Containers, unboxed
from auditor.link.fields import Fields
from auditor.link.fixpoint import NO_CYCLE, Solver, reach
from auditor.link.guesses import Guesses
from auditor.link.hierarchy import Hierarchy
from auditor.link.kept import Kept
from auditor.link.members import Members
from auditor.link.results import Results
from auditor.link.values import NOTHING, Value, Values, join, join_all
from auditor.link.wrappers import Wrappers

if TYPE_CHECKING:
    from auditor.catalog.lookup import Catalog
    from auditor.link.program import Function, Module, Program

_BUILTINS = frozenset(dir(builtins))
_DUNDER_RESULTS = {
    "__add__": True, "__mod__": True, "__mul__": True, "__sub__": True, "__or__": True, "__and__": True,
}  # fmt: skip


class Evaluator:
    """Answers what an expression of a module may stand for; everything is computed at most once."""

    def __init__(self, program: Program, catalog: Catalog) -> None:
        self.program = program
        self.catalog = catalog
        self.interner = v.Interner()
        self.solver = Solver([module.memo for module in program.modules])
        self.hierarchy = Hierarchy(self)
        self.assignments = Assignments(self)
        self.accessors = Accessors(self)
        self.fields = Fields(self)
        self.members = Members(self)
        self.annotations = Annotations(self)
        self.results = Results(self)
        self.canonical_names: dict[str, str] = {}
        self.containers = Containers(self)
        self.kept = Kept(self)
        self.call_sites = CallSites(self)
        self.wrappers = Wrappers(self)
        self.guesses = Guesses(self)
        self._subscripts: dict[Module, dict[Any, int]] = {}
        self._computers = {
            f.GLOBAL: self._global,
            f.PARAM: self._parameter,
            f.ATTR: self._attribute,
            f.CALL: self._call,
            f.AWAIT: self._await,
            f.ITEM: self._item,
            f.ITERATE: self._iterate,
            f.AITERATE: self._iterate,
            f.ENTER: self._enter,
            f.AENTER: self._enter,
            f.CONST: self._constant,
            f.BUILTIN: self._builtin,
            f.FUNCTION: self._function,
            f.CLASS: self._class,
            f.UNION: self._union,
            f.PHI: self._union,
            f.MODULE: self._module,
            f.PACKAGE: self._module,
            f.IMPORTED: self._imported,
            f.DECORATED: self._decorated,
            f.ANNOTATED: self._annotated,
            f.BINARY: self._binary,
            f.COMPARE: self._boolean_result,
            f.NOT: self._boolean_result,
            f.STARRED: self._starred,
            f.SUBSCRIPT: self._subscript,
            f.BOOLEAN: self._boolean,
            f.FROM: self._from,
        }

    # -- entry points ------------------------------------------------------------------------------------------

    def values(self, module: Module, position: int) -> Values:
        """What the expression may stand for; parameters of functions stay symbolic."""
        if not position:
            return NOTHING
        known = module.memo[position]
        if known is not None:
            return known
        expression = module.facts.exprs[position]
        tag = expression[0]
        if tag in _CONTAINERS:
            result = self.interner.make(v.CONTAINER, module, position).one
            module.memo[position] = result
            return result
        compute = self._computers.get(tag)
        if compute is None:
            return NOTHING
        if tag in _LEAVES:
            result = module.memo[position] = compute(module, expression)
            return result
        solver = self.solver
        if tag in _CYCLIC:
            return solver.solve((module.index, position), compute, module, expression)
        # every cycle passes through a node that the solver knows: the others are final when they have read no open one
        if solver.provisional:
            provisional = solver.provisional.get((module.index, position))
            if provisional is not None:
                solver.low = min(solver.low, reach(provisional[1]))
                return provisional[0]
        outer = solver.low
        solver.low = NO_CYCLE
        result = compute(module, expression)
        if solver.low == NO_CYCLE:
            module.memo[position] = result
            solver.low = outer
        else:
            solver.keep((module.index, position), result)
            solver.low = min(outer, solver.low)
        return result

    def settle(self) -> None:
        """Let go of what only the propagation asks for again and again; the values of expressions stay known."""
        self.solver.done.clear()
        self.call_sites.forget()

    def concrete(self, values: Values) -> Values:
        """The same values with parameters replaced by what their annotations and call sites give them."""
        for value in values:
            if value.kind in _SYMBOLS:
                break
        else:
            return values
        result: Values = NOTHING
        for value in values:
            if value.kind == v.PARAMETER:
                result = join(result, self.argument_values(value.a, value.b))
            elif value.kind == v.MADE:
                result = join(result, self._made_by_any(value))
            else:
                result = join(result, value.one)
        return result

    def _made_by_any(self, symbol: Value) -> Values:
        """What calling the parameter gives, whoever passes it."""
        return self.solver.solve(("d", symbol), self._made, symbol, None)

    def _made(self, symbol: Value, _: object) -> Values:
        made = self.results.made(symbol, self.argument_values(symbol.a.a, symbol.a.b))
        return self.concrete(tuple(x for x in made if x is not symbol))

    def count_resolved(self) -> int:
        """How many calls of the program have a callee that is known."""
        return sum(
            1
            for module in self.program.modules
            for call in module.facts.calls
            if call[0] and module.memo[call[0]]
        )

    def canonical(self, dotted: str) -> str:
        """The catalog's name for a dotted name."""
        known = self.canonical_names.get(dotted)
        if known is None:
            known = self.canonical_names[dotted] = self.catalog.canonical(dotted)
        return known

    def external(self, dotted: str) -> Value:
        """Something outside the program, under its canonical name."""
        return self.interner.make(v.EXTERNAL, self.canonical(dotted))

    # -- names -------------------------------------------------------------------------------------------------

    def _global(self, module: Module, expression: Any) -> Values:
        name = expression[1]
        found = self.module_global(module, name)
        if found or name in module.facts.globals:
            return found
        for level, star in module.facts.stars:
            found = self.star_import(module, level, star, name)
            if found:
                return found
        if name in _BUILTINS:
            return self.external("builtins." + name).one
        if name in ("__file__", "__name__"):
            return self.interner.external_instance("builtins.str").one
        return NOTHING

    def module_global(self, module: Module, name: str) -> Values:
        """The values that the module's own code binds to ``name``."""
        bound = module.facts.globals.get(name)
        if not bound:
            return NOTHING
        if len(bound) == 1:
            return self.values(module, bound[0])
        return self.solver.solve(("g", module.index, name), self._union_of, module, bound)

    def _union_of(self, module: Module, positions: list[int]) -> Values:
        return join_all([self.values(module, p) for p in positions])

    def star_import(self, module: Module, level: int, star: str, name: str) -> Values:
        """``name`` as ``from star import *`` brings it into ``module``."""
        dotted = module.absolute(level, star)
        target = self.program.find_module(dotted, module.root)
        private = name.startswith("_")
        if target is None:
            if not private and name not in _BUILTINS and len(module.facts.stars) == 1:
                return self.external(f"{dotted}.{name}").one
            return NOTHING
        exports = target.facts.exports
        if target is module or (private if exports is None else name not in exports):
            return NOTHING
        return self.module_attribute(target, name)

    def module_attribute(self, module: Module, name: str) -> Values:
        """``module.name`` as other modules see it."""
        return self.solver.solve(("m", module.index, name), self._module_attribute, module, name)

    def _module_attribute(self, module: Module, name: str) -> Values:
        found = self.module_global(module, name)
        if found or name in module.facts.globals:
            patched = self.assignments.named(name)
            return join(found, patched(self.interner.module(module))) if patched is not None else found
        for level, star in module.facts.stars:
            found = self.star_import(module, level, star, name)
            if found:
                return found
        submodule = self.program.find_module(f"{module.name}.{name}", module.root)
        if submodule is not None:
            return self.interner.module(submodule).one
        if f"{module.name}.{name}" in self.program.packages:
            return self.interner.make(v.EXTERNAL, f"{module.name}.{name}").one
        assigned = self.assignments.named(name)
        return assigned(self.interner.module(module)) if assigned is not None else NOTHING

    def dotted_module(self, dotted: str, root: int) -> Values:
        """What ``import dotted`` gives for the last part of the name."""
        module = self.program.find_module(dotted, root)
        if module is not None:
            return self.interner.module(module).one
        if dotted in self.program.packages:
            return self.interner.make(v.EXTERNAL, dotted).one
        return self.external(dotted).one

    def _module(self, module: Module, expression: Any) -> Values:
        return self.dotted_module(expression[1], module.root)

    def _imported(self, module: Module, expression: Any) -> Values:
        _, level, name, attribute = expression
        dotted = module.absolute(level, name)
        target = self.program.find_module(dotted, module.root)
        if target is not None:
            if target is module:  # a package that imports its own submodule by name
                submodule = self.program.find_module(f"{dotted}.{attribute}", module.root)
                return self.interner.module(submodule).one if submodule is not None else NOTHING
            return self.module_attribute(target, attribute)
        full = f"{dotted}.{attribute}" if dotted else attribute
        submodule = self.program.find_module(full, module.root)
        if submodule is not None:
            return self.interner.module(submodule).one
        if full in self.program.packages:
            return self.interner.make(v.EXTERNAL, full).one
        return self.external(full).one

    # -- leaves ------------------------------------------------------------------------------------------------

    def _constant(self, _module: Module, expression: Any) -> Values:
        value = expression[1]
        return self.interner.make(v.CONSTANT, value, value.__class__.__name__).one

    def _builtin(self, _module: Module, expression: Any) -> Values:
        return self.interner.external_instance("builtins." + expression[1]).one

    def _function(self, module: Module, expression: Any) -> Values:
        return self.interner.function(module.functions[expression[1]]).one

    def _class(self, module: Module, expression: Any) -> Values:
        return self.interner.make(v.CLASS, module.classes[expression[1]]).one

    def _boolean_result(self, _module: Module, _expression: Any) -> Values:
        return self.interner.external_instance("builtins.bool").one

    # -- operators ---------------------------------------------------------------------------------------------

    def _union(self, module: Module, expression: Any) -> Values:
        return join_all([self.values(module, p) for p in expression[1]])

    def _boolean(self, module: Module, expression: Any) -> Values:
        return join_all([self.values(module, p) for p in expression[2]])

    def _binary(self, module: Module, expression: Any) -> Values:
        _, dunder, left, right = expression
        results: list[Values] = []
        if dunder == "__or__":
            types = join(self.values(module, left), self.values(module, right))
            if types and all(x.kind in _TYPES or is_none(x) for x in types):
                return types
        for value in self.concrete(self.values(module, left)):
            if value.kind == v.INSTANCE:
                methods = self.members.methods(value, dunder)
                results.extend(self.results.of_value(method, None) for method in methods)
            else:
                type_name = self.type_name(value)
                if not type_name:
                    continue
                result = self.catalog.method_type(type_name, dunder)
                if result is not None:
                    results.append(self.annotations.from_name(result))
                elif dunder in _DUNDER_RESULTS and type_name.startswith("builtins."):
                    results.append(
                        value.one
                        if value.kind != v.CONSTANT
                        else self.interner.external_instance(type_name).one
                    )
        if results and dunder in _JOINING and all(self.type_name(x) in FILLED for x in join_all(results)):
            # what both hold; which of them a key is from is looked up in both
            results.extend(
                x.one for x in self.concrete(self.values(module, right)) if self.type_name(x) in FILLED
            )
        if not results and dunder == "__truediv__":
            divisors = self.concrete(self.values(module, right))
            results.extend(x.one for x in divisors if self.type_name(x).startswith("pathlib."))
        return join_all(results)

    def type_name(self, value: Value) -> str:
        """The dotted name of an external or builtin value's type; empty for everything else."""
        if value.kind == v.EXTERNAL_INSTANCE:
            return value.a  # type: ignore[no-any-return]
        if value.kind == v.CONSTANT:
            return f"builtins.{value.b}"
        if value.kind == v.PACK:
            is_tuple = value.a.facts.params[value.b][1] == f.VARARGS
            return "builtins.tuple" if is_tuple else "builtins.dict"
        if value.kind == v.CONTAINER:
            return self.containers.type_name(value)
        return ""

    def _starred(self, module: Module, expression: Any) -> Values:
        return self.elements(self.values(module, expression[1]))

    def _subscript(self, module: Module, expression: Any) -> Values:
        base = self.values(module, expression[1])
        if any(x.kind == v.EXTERNAL and self.annotations.is_generic(x.a) for x in base):
            return self.interner.make(v.ALIAS, module, self._subscripts_of(module)[expression]).one
        return self.items(self.concrete(base), None)

    def _subscripts_of(self, module: Module) -> dict[Any, int]:
        """Positions of the file's subscripts, of which equal ones share one."""
        known = self._subscripts.get(module)
        if known is None:
            exprs = module.facts.exprs
            known = self._subscripts[module] = {e: i for i, e in enumerate(exprs) if e[0] == f.SUBSCRIPT}
        return known

    def _annotated(self, module: Module, expression: Any) -> Values:
        _, note, position = expression
        found = tuple(x for x in self.values(module, position) if not is_none(x))
        declared = self.annotations.types(module, note)
        if len(found) == 1 and found[0].kind == v.EXTERNAL_INSTANCE and not found[0].b:
            # `queue: Queue[Job] = Queue()`: only the annotation says what is in it
            richer = tuple(x for x in declared if x.kind == v.EXTERNAL_INSTANCE and x.a == found[0].a and x.b)
            if richer:
                return richer
        if not found:
            return declared
        if len(found) == 1 and found[0].kind == v.CONTAINER and self.containers.begins_empty(found[0]):
            # `jobs: deque[Job] = deque()`: what is put in later may not be in sight
            return join(found, tuple(x for x in declared if x.kind == v.EXTERNAL_INSTANCE and x.b))
        if any(x.kind in _SYMBOLS or self._says_nothing(x) for x in found):
            return declared or found
        return found

    def _says_nothing(self, value: v.Value) -> bool:
        """Whether all that is known is a name, as of `request.app.state.jobs`."""
        if value.kind != v.EXTERNAL:
            return False
        name, known = value.a, self.catalog
        tables = (known.type, known.api, known.factory, known.runs, known.decorates)
        return not any(look_up(name) for look_up in tables)

    # -- parameters --------------------------------------------------------------------------------------------

    def _parameter(self, module: Module, expression: Any) -> Values:
        return self.parameter(module.functions[expression[1]], expression[2])

    def parameter(self, function: Function, index: int) -> Values:
        """The declared type of a parameter, or the parameter itself as a symbol."""
        _, kind, note, default = function.facts.params[index]
        if index == 0 and function.is_method and "staticmethod" not in function.facts.roles:
            class_ = function.class_
            if class_ is not None and kind == f.POSITIONAL:
                if (
                    function.facts.name == "__init_subclass__"
                ):  # runs for subclasses, never for the class itself
                    below = self.hierarchy.descendants(class_)[: v.LIMIT]
                    return tuple([self.interner.make(v.CLASS, x) for x in below])
                if "classmethod" in function.facts.roles or function.facts.name in _CLASS_FIRST:
                    return self.interner.make(v.CLASS, class_).one
                return self.interner.instance(class_, virtual=True).one
        if kind in (f.VARARGS, f.KWARGS):
            return self.interner.make(v.PACK, function, index).one
        declared = self.annotations.types(function.module, note) if note else NOTHING
        injected = NOTHING
        if default > 0:
            injected = tuple(
                x for x in self.values(function.module, default) if not is_none(x) and x.kind != v.CONSTANT
            )
        if declared:
            if self.annotations.variable(function.module, note) is not None:
                declared = self.interner.make(v.PARAMETER, function, index).one
            elif all(self.says_little(x) for x in declared) or self.annotations.leaves_open(
                function.module, note
            ):
                declared = join(self.interner.make(v.PARAMETER, function, index).one, declared)
            return join(injected, declared) if injected else declared
        return join(self.interner.make(v.PARAMETER, function, index).one, injected)

    def says_little(self, value: Value) -> bool:
        """Whether a declared type leaves open what the object is: a protocol, or a container of who knows what."""
        if value.kind == v.EXTERNAL_INSTANCE:
            return (value.a.startswith("builtins.") and not value.b) or value.a in AWAITABLE_TYPES
        if value.kind == v.AWAITABLE:
            return True
        return value.kind == v.INSTANCE and self.hierarchy.is_protocol(value.a)

    def argument_values(self, function: Function, index: int) -> Values:
        """What the call sites of the program give a parameter, whatever the call."""
        return self.solver.solve(("p", function.id, index), self._argument_values, function, index)

    def _argument_values(self, function: Function, index: int) -> Values:
        found: Values = NOTHING
        default = function.facts.params[index][3]
        if default > 0:
            found = tuple(x for x in self.values(function.module, default) if not is_none(x))
        for module, number in self.call_sites.of(function):
            bound = self.results.argument_from(module, number, function, index)
            for value in bound:
                if value.kind == v.PARAMETER:
                    if value.a is function and value.b == index:
                        continue
                    found = join(found, self.argument_values(value.a, value.b))
                else:
                    found = join(found, self.concrete(value.one))
            if len(found) >= v.LIMIT:
                break
        note = function.facts.params[index][2]
        if note and not found:
            return self.annotations.likely(function.module, note)
        return found

    # -- attributes, items, iteration --------------------------------------------------------------------------

    def _attribute(self, module: Module, expression: Any) -> Values:
        base = self.concrete(self.values(module, expression[1]))
        name = expression[2]
        if len(base) == 1 and not is_none(base[0]):
            return self.members.attribute(base[0], name)
        if len(base) <= 1:
            return self.guesses.method(module, expression[1], name)
        return join_all([self.members.attribute(value, name) for value in base])

    def _item(self, module: Module, expression: Any) -> Values:
        return self.items(self.concrete(self.values(module, expression[1])), expression[2])

    def items(self, values: Values, key: object) -> Values:
        """What ``value[key]`` gives; ``None`` stands for an unknown key."""
        if key is f.SLICE or key.__class__ is tuple:
            return join_all([self._slice(value, key) for value in values])
        results: list[Values] = []
        for value in values:
            kind = value.kind
            if kind == v.CONTAINER:
                results.append(self.containers.items(value, key))
            elif kind == v.EXTERNAL_INSTANCE:
                if value.b:
                    results.append(unboxed(value.b, 1 if value.a == "builtins.dict" else key))
                else:
                    kept = self.kept.item(value, key)
                    result = None if kept else self.catalog.method_type(value.a, "__getitem__")
                    results.append(self.annotations.from_name(result) if result else kept)
            elif kind == v.INSTANCE:
                methods = self.members.methods(value, "__getitem__")
                results.extend(self.results.of_value(method, None) for method in methods)
                if not results:
                    results.append(self.fields.item(value.a, key))
                if not any(results):
                    results.append(self.elements(value.one))
            elif kind == v.PARAMETER:
                results.append(self.elements(value.one))
            elif kind == v.PACK:
                results.append(self.packed(value))
            elif kind == v.EXTERNAL:
                results.append(self.kept.item(value, key) or value.one)  # Generic[T] is the class itself
            elif kind == v.CLASS:
                results.append(value.one)
        return join_all(results)

    def _slice(self, value: Value, key: Any) -> Values:
        """What ``value[1:]`` gives: the elements of a display that never changes, in their places; else the same again,
        but which element stands where is not known any more.
        """
        exact = self.containers.sliced(value, key) if key is not f.SLICE else None
        if exact is not None:
            return exact
        if value.kind == v.INSTANCE:
            methods = self.members.methods(value, "__getitem__")
            return join_all([self.results.of_value(method, None) for method in methods])
        if value.kind == v.EXTERNAL_INSTANCE and not value.a.startswith("builtins."):
            result = self.catalog.method_type(value.a, "__getitem__")
            return self.annotations.from_name(result) if result else ()
        if value.kind != v.CONTAINER and (value.kind, value.a) != (v.EXTERNAL_INSTANCE, "builtins.tuple"):
            return value.one
        return self.interner.make(v.EXTERNAL_INSTANCE, "builtins.list", self.elements(value.one)).one

    def _iterate(self, module: Module, expression: Any) -> Values:
        return self.elements(self.concrete(self.values(module, expression[1])))

    def elements(self, values: Values) -> Values:
        """What iterating over the values yields."""
        results: list[Values] = []
        for value in values:
            kind = value.kind
            if kind == v.CONTAINER:
                results.append(self._container_elements(value))
            elif kind == v.GENERATOR:
                results.append(value.b)
            elif kind == v.LAZY:
                results.append(value.b[1])
            elif kind == v.PACK and self.type_name(value) == "builtins.tuple":
                results.append(self.packed(value))
            elif kind == v.EXTERNAL_INSTANCE:
                if value.b:
                    results.append(unboxed(value.b, 0 if value.a == "builtins.dict" else None))
                else:
                    element = self.catalog.element_type(value.a)
                    if element:
                        results.append(self.annotations.from_name(element))
            elif kind == v.INSTANCE:
                results.append(self._instance_elements(value))
            elif kind == v.CONSTANT and value.a.__class__ is str:
                results.append(self.interner.external_instance("builtins.str").one)
            elif kind == v.AWAITABLE:
                results.append(self.elements(value.a))
        return join_all(results)

    def packed(self, pack: Value) -> Values:
        """An item of what ``*args`` or ``**kwargs`` hold."""
        return self.interner.make(v.PARAMETER, pack.a, pack.b).one

    def _container_elements(self, container: Value) -> Values:
        if self.containers.type_name(container) in MAPPINGS:
            return self.containers.keys(container)
        return self.containers.items(container, None)

    def _instance_elements(self, instance: Value) -> Values:
        """What iterating over an object of the program yields, synchronously or not."""
        results: list[Values] = []
        is_iterable = False
        for name in ("__iter__", "__aiter__"):
            for method in self.members.methods(instance, name):
                is_iterable = True
                for iterator in self.results.of_value(method, None):
                    if iterator.kind == v.INSTANCE:  # of the program: what it yields is `__next__`'s
                        results.extend(self._following(iterator, _NEXT[name]))
                    else:
                        results.append(self.elements(iterator.one))
        if not is_iterable:
            for name in ("__next__", "__anext__"):
                results.extend(self._following(instance, name))
        return join_all(results)

    def _following(self, iterator: Value, name: str) -> list[Values]:
        """What ``__next__`` gives, or awaiting ``__anext__``; ``name`` says which."""
        produced = [self.results.of_value(method, None) for method in self.members.methods(iterator, name)]
        return [self.awaited(values) for values in produced] if name == "__anext__" else produced

    def _enter(self, module: Module, expression: Any) -> Values:
        results: list[Values] = []
        is_async = expression[0] == f.AENTER
        for value in self.concrete(self.values(module, expression[1])):
            kind = value.kind
            if kind == v.MANAGER:
                results.append(value.b)
            elif kind == v.INSTANCE:
                methods = self.members.methods(value, "__aenter__" if is_async else "__enter__")
                entered = NOTHING
                for method in methods:
                    entered = join(entered, self.results.of_value(method, None))
                entered = self.awaited(entered) if is_async else entered
                results.append(entered or value.one)
            elif kind == v.EXTERNAL_INSTANCE:
                result = self.catalog.method_type(value.a, "__aenter__" if is_async else "__enter__")
                results.append(self.annotations.from_name(result) if result else value.one)
            elif kind == v.AWAITABLE:
                results.append(value.a)
        return join_all(results)

    def _await(self, module: Module, expression: Any) -> Values:
        return self.awaited(self.values(module, expression[1]))

    def awaited(self, values: Values) -> Values:
        """What ``await value`` gives."""
        results: list[Values] = []
        for value in values:
            kind = value.kind
            if kind == v.COROUTINE:
                results.append(value.b)
            elif kind == v.AWAITABLE:
                results.append(value.a)
            elif kind == v.EXTERNAL_INSTANCE:
                results.append(value.one)
            elif kind == v.MADE:
                if not value.b:
                    results.append(self.interner.make(v.MADE, value.a, True).one)
                else:
                    results.append(self.awaited(self.concrete(value.one)))
            elif kind == v.INSTANCE:
                methods = self.members.methods(value, "__await__")
                results.extend(self.results.of_value(method, None) for method in methods)
        return join_all(results)

    def _from(self, module: Module, expression: Any) -> Values:
        results: list[Values] = []
        for value in self.values(module, expression[1]):
            if value.kind == v.GENERATOR and value.a is not None:
                maker = value.a.a if value.a.kind == v.BOUND else value.a
                if maker.kind == v.FUNCTION:
                    results.append(self.results.returned(maker))
        return join_all(results)

    # -- calls -------------------------------------------------------------------------------------------------

    def _call(self, module: Module, expression: Any) -> Values:
        return self.results.of_call(module, expression[1])

    def _decorated(self, module: Module, expression: Any) -> Values:
        _, number, inner = expression
        applied = self.results.of_call(module, number)
        kept = tuple(x for x in applied if x.kind not in _SYMBOLS and not is_none(x))
        if kept:
            return kept
        found = self.values(module, inner)
        if self.wrappers.replaces(module, number):
            return self.interner.make(v.WRAPPER, found).one
        return found


def is_none(value: Value) -> bool:
    """Whether the value is the constant None."""
    return value.kind == v.CONSTANT and value.a is None


_JOINING = frozenset({"__add__", "__or__"})
_NEXT = {"__iter__": "__next__", "__aiter__": "__anext__"}
_SYMBOLS = frozenset({v.PARAMETER, v.MADE})
_TYPES = frozenset({v.CLASS, v.EXTERNAL, v.ALIAS})
_CYCLIC = frozenset({f.GLOBAL, f.PHI, f.IMPORTED})
_LEAVES = frozenset({f.CONST, f.BUILTIN, f.FUNCTION, f.CLASS, f.MODULE, f.PACKAGE, f.COMPARE, f.NOT})
_CONTAINERS = frozenset({f.LIST, f.TUPLE, f.SET, f.DICT, f.COMPREHENSION})
_CLASS_FIRST = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
