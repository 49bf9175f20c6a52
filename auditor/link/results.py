"""Results of calls: what functions return, with the arguments of the call put in for their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import CallArguments, bound_values
from auditor.link.choices import Choices
from auditor.link.containers import MAPPINGS, box
from auditor.link.replacing import CALLABLE, MAX_NESTING, LookUp, Replacing
from auditor.link.stdlib import SPECIAL
from auditor.link.values import NOTHING, Environment, Value, Values, join, join_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.catalog.values import Factory, Runs
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

Site = tuple["Module", int]
"""A call: the module and its number there."""
Held = tuple["Module", int, Site | None]
"""The call of ``functools.partial``, and that of what it made."""


class Results:
    """Computes what calls give back."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.choices = Choices(evaluator)
        self._making = 0  # calls of parameters that are being followed, each for the result of the one before

    # -- calls -------------------------------------------------------------------------------------------------

    def of_call(self, module: Module, number: int) -> Values:
        """The values of a call expression."""
        callee = module.facts.calls[number][f.C_CALLEE]
        values = self._evaluator.values(module, callee)
        if len(values) == 1:
            return self.of_value(values[0], (module, number))
        return join_all([self.of_value(value, (module, number)) for value in values])

    def of_value(self, value: Value, site: Site | None) -> Values:
        """The result of calling ``value`` at ``site``; without a site, without arguments."""
        kind = value.kind
        evaluator = self._evaluator
        if kind == v.FUNCTION:
            return self._of_function(value, value, site, 0)
        if kind == v.BOUND:
            return self._of_function(value.a, value, site, 1)
        if kind == v.EXTERNAL:
            return self.of_external(value.a, site)
        if kind == v.CLASS:
            return self._of_class(value)
        if kind == v.CONTAINER_METHOD:
            return self._of_container_method(value, site)
        if kind == v.PARTIAL:
            return join_all([self._of_partial(inner, value.b, site) for inner in value.a])
        if kind == v.INSTANCE:
            return join_all([self.of_value(m, site) for m in evaluator.members.methods(value, "__call__")])
        if kind == v.WRAPPER:
            return evaluator.wrappers.called(value, site)
        if kind == v.EXTERNAL_INSTANCE:
            return self.of_external(f"{value.a}.__call__", site)
        if kind == v.METHOD_CALLER and site is not None:
            arguments = site[0].facts.calls[site[1]][f.C_ARGS]
            receivers = evaluator.concrete(evaluator.values(site[0], arguments[0])) if arguments else NOTHING
            methods = join_all([evaluator.members.attribute(r, value.a) for r in receivers])
            return join_all([self.of_value(m, None) for m in methods])
        if kind == v.PARAMETER:
            if value.a.facts.params[value.b][1] in (f.VARARGS, f.KWARGS):
                return join_all(
                    [self.of_value(x, site) for x in evaluator.concrete(value.one) if x is not value]
                )
            return evaluator.interner.make(v.MADE, value, False).one
        if kind == v.MADE:
            return join_all([self.of_value(x, site) for x in evaluator.concrete(value.one)])
        return value.a if kind == v.GIVER else NOTHING

    def _of_partial(self, value: Value, held: Site, site: Site | None) -> Values:
        """The result of calling ``partial(value, ...)``, made at ``held``, at ``site``."""
        if value.kind == v.FUNCTION:
            return self._of_function(value, value, (*held, site), 0)
        if value.kind == v.BOUND:
            return self._of_function(value.a, value, (*held, site), 1)
        return self.of_value(value, held)

    def made(self, symbol: Value, callables: Values) -> Values:
        """What calling, and perhaps awaiting, the parameter of a MADE value gives when it is one of these."""
        if symbol.b == v.AS_DECLARED:
            return join_all([self._evaluator.annotations.of_class(x) for x in callables])
        if symbol.b == v.AS_MODULE:
            root = symbol.a.a.module.root
            names = [
                x.a for x in callables if x.kind == v.CONSTANT and isinstance(x.a, str) and x.a[:1] != "."
            ]
            return join_all([self._evaluator.dotted_module(name, root) for name in names])
        if self._making >= MAX_NESTING:
            return NOTHING
        # through the solver: what closures give that are given to each other is asked for over and over
        solver = self._evaluator.solver
        self._making += 1
        try:
            results = join_all([solver.solve(("c", x), self._alone, x, None) for x in callables])
        finally:
            self._making -= 1
        return self._evaluator.awaited(results) if symbol.b else results

    def _alone(self, value: Value, _: object) -> Values:
        return self.of_value(value, None)

    def _of_class(self, value: Value) -> Values:
        evaluator = self._evaluator
        created = evaluator.members.attribute(value, "__new__")
        for candidate in created:
            if candidate.kind == v.FUNCTION and candidate.a.facts.returns:
                made = self.returned(candidate)
                made = tuple(x for x in made if x.kind == v.INSTANCE)
                if made:
                    return made
        return evaluator.interner.instance(value.a, virtual=False).one

    def _of_function(
        self, function_value: Value, called: Value, site: Site | Held | None, skip: int
    ) -> Values:
        function: Function = function_value.a
        facts = function.facts
        interner = self._evaluator.interner
        if facts.is_generator:
            produced = self._produced(function_value, site, skip)
            if "contextmanager" in facts.roles or "asynccontextmanager" in facts.roles:
                return interner.make(v.MANAGER, called, produced).one
            return interner.make(v.GENERATOR, called, produced).one
        returned = self._as_received(self._specialised(function_value, site, skip), function, called)
        if facts.kind == f.ASYNC_DEF:
            return interner.make(v.COROUTINE, called, returned).one
        return returned

    def _as_received(self, returned: Values, function: Function, called: Value) -> Values:
        """``return self`` and ``return cls(...)`` give the receiver's class, not the one that defines the method."""
        if called.kind != v.BOUND or function.class_ is None:
            return returned
        receiver: Value = called.b
        if receiver.kind not in (v.INSTANCE, v.CLASS) or receiver.a is function.class_:
            return returned
        interner = self._evaluator.interner
        result = []
        for value in returned:
            if value.kind == v.INSTANCE and value.a is function.class_:
                if receiver.kind == v.INSTANCE and value.b:
                    value = receiver
                elif receiver.kind == v.CLASS:
                    value = interner.instance(receiver.a, virtual=False)
            if value not in result:
                result.append(value)
        return tuple(result)

    def _produced(self, function_value: Value, site: Site | Held | None, skip: int) -> Values:
        produced = self._evaluator.solver.solve(("y", function_value.a), self._yields, function_value.a, None)
        return self.substitute(produced, function_value, site, skip)

    def _yields(self, function: Function, _: object) -> Values:
        evaluator = self._evaluator
        found = join_all([evaluator.values(function.module, y) for y, _ in function.facts.yields])
        if not found and function.facts.annotation:
            return evaluator.elements(evaluator.annotations.types(function.module, function.facts.annotation))
        return found

    def returned(self, function_value: Value) -> Values:
        """What the function returns, its parameters left as symbols."""
        function = function_value.a
        return self._evaluator.solver.solve(("r", function), self._returned, function, None)

    def _returned(self, function: Function, _: object) -> Values:
        evaluator = self._evaluator
        module = function.module
        found = join_all([evaluator.values(module, e) for e, _ in function.facts.returns])
        return self._with_declared(function, found)

    def _with_declared(self, function: Function, found: Values) -> Values:
        if function.facts.annotation:
            of_class = self._of_given_class(function)
            if of_class is not None:
                return of_class.one
            known = [x for x in found if not (x.kind == v.CONSTANT and x.a is None)]
            if not known or all(x.kind in (v.PARAMETER, v.MADE) for x in known):
                return join(found, self._evaluator.annotations.result(function))
        return found

    def _of_given_class(self, function: Function) -> Value | None:
        """What ``def resolve(kind: type[T]) -> T`` gives: an object of the class that it is given."""
        evaluator = self._evaluator
        module = function.module
        variable = evaluator.annotations.variable(module, function.facts.annotation)
        if variable is None:
            return None
        for index, (_, _, note, _) in enumerate(function.facts.params):
            if note and evaluator.annotations.class_of(module, note) is variable:
                parameter = evaluator.interner.make(v.PARAMETER, function, index)
                return evaluator.interner.make(v.MADE, parameter, v.AS_DECLARED)
        return None

    def _specialised(self, function_value: Value, site: Site | Held | None, skip: int) -> Values:
        """The returned values, without the branches that literal arguments of this call rule out."""
        function: Function = function_value.a
        tested = self.choices.tested_parameters(function)
        if tested and site is not None and len(site) == 2:
            constants = self.choices.constants(function, site, skip, tested)
            if constants:
                # a node of its own: the function may call itself with the same constants
                key = ("b", function, tuple((i, repr(x)) for i, x in sorted(constants.items())))
                found = self._evaluator.solver.solve(key, self._possible_returns, function, constants)
                return self.substitute(found, function_value, site, skip)
        return self.substitute(self.returned(function_value), function_value, site, skip)

    def _possible_returns(self, function: Function, constants: dict[int, object]) -> Values:
        module = function.module
        found: Values = NOTHING
        for expression, region in function.facts.returns:
            if self.choices.is_possible(module, region, function, constants):
                found = join(found, self._evaluator.values(module, expression))
        return self._with_declared(function, found)

    # -- substitution ------------------------------------------------------------------------------------------

    def substitute(
        self, values: Values, function_value: Value, site: Site | Held | None, skip: int
    ) -> Values:
        """Put the arguments of the call, and what the closure holds, in for symbolic parameters."""
        if not values:
            return values
        function: Function = function_value.a
        environment: Environment = function_value.b or ()
        if not any(x.kind in _OPEN for x in values):
            return values
        return self.replace(values, self._lookup(function, environment, site, skip))

    def _lookup(
        self, function: Function, environment: Environment, site: Site | Held | None, skip: int
    ) -> Callable[[Function, int], Values | None]:
        evaluator = self._evaluator
        known = dict(environment)

        def look_up(owner: Function, index: int) -> Values | None:
            if owner is function and site is not None:
                given = self._given(function, index, site, skip)
                if given is None:
                    default = function.facts.params[index][3]
                    return evaluator.values(function.module, default) if default > 0 else NOTHING
                return given
            return known.get((owner, index))

        return look_up

    def _given(self, function: Function, index: int, site: Site | Held, skip: int) -> Values | None:
        """What the call gives to a parameter; None if nothing."""
        evaluator = self._evaluator
        module, number = site[0], site[1]

        def values(position: int) -> Values:
            return evaluator.values(module, position)

        if len(site) == 2:
            return bound_values(module, number, function, index, skip, evaluator, values)
        # the function itself is the first argument; those of the later call follow what is held
        held = bound_values(module, number, function, index, skip - 1, evaluator, values)
        if held is None and site[2] is not None:
            return self._given(function, index, site[2], skip + len(module.facts.calls[number][f.C_ARGS]) - 1)
        return held

    def replace(self, values: Values, look_up: LookUp) -> Values:
        """``values`` with every symbolic parameter that ``look_up`` knows replaced."""
        return Replacing(self._evaluator, look_up).values(values, 0)

    # -- arguments ---------------------------------------------------------------------------------------------

    def argument_from(self, module: Module, number: int, function: Function, index: int) -> Values:
        """What the call gives to a parameter if its callee may be the function; nothing otherwise."""
        evaluator = self._evaluator
        callee = module.facts.calls[number][f.C_CALLEE]
        for value in evaluator.concrete(evaluator.values(module, callee)):
            skip = self.skip_for(value, function)
            if skip < 0:
                continue
            given = bound_values(
                module, number, function, index, skip, evaluator, lambda e: evaluator.values(module, e)
            )
            return NOTHING if given is None else given
        return NOTHING

    def skip_for(self, value: Value, function: Function) -> int:
        """How many parameters calling ``value`` fills by itself if it ends in ``function``; -1 if it does not."""
        kind = value.kind
        if kind == v.FUNCTION:
            return 0 if value.a is function else -1
        if kind == v.BOUND:
            return 1 if value.a.a is function else -1
        if (
            kind == v.CLASS
            and function.facts.name in ("__init__", "__new__")
            and function.class_ in self._evaluator.hierarchy.order(value.a)
        ):
            return 1
        return -1

    # -- outside the program -----------------------------------------------------------------------------------

    def of_external(self, dotted: str, site: Site | None) -> Values:
        """The result of calling something outside the program."""
        evaluator = self._evaluator
        special = SPECIAL.get(dotted)
        if special is not None:
            return special(evaluator, site) if site is not None else NOTHING
        if site is not None and evaluator.catalog.gives_itself(dotted):
            own = self._of_receiver(*site)
            if own:
                return own
        runs, factories = evaluator.catalog.runs(dotted), evaluator.catalog.factory(dotted)
        if runs or factories:
            arguments = CallArguments(evaluator, *site) if site is not None else None
            if arguments is not None:
                applied = next((entry for entry in runs if entry.matches(arguments)), None)
                found = NOTHING
                if applied is not None:
                    found = self._future(dotted, applied, factories, arguments) or self._of_runner(
                        applied, arguments
                    )
                found = found or evaluator.wrappers.made_by(dotted, runs, arguments)
                if found:
                    return found
            for factory in factories:
                if not factory.when or (arguments is not None and factory.matches(arguments)):
                    return evaluator.annotations.from_name(factory.returns)
        return self._of_named(dotted) or (evaluator.kept.taken(dotted, site) if site is not None else NOTHING)

    def _of_receiver(self, module: Module, number: int) -> Values:
        """Instances of the program's classes of which a method is called that gives one of its own class."""
        callee = module.facts.exprs[module.facts.calls[number][f.C_CALLEE]]
        if callee[0] != f.ATTR:
            return NOTHING
        receivers = self._evaluator.values(module, callee[1])
        return join_all(
            [
                self._evaluator.interner.instance(one.a, virtual=bool(one.b)).one
                for one in receivers
                if one.kind in (v.CLASS, v.INSTANCE)
            ]
        )

    def _of_named(self, dotted: str) -> Values:
        """The result of a call as the name alone tells it: a declared type, or a name that looks like a class."""
        evaluator = self._evaluator
        catalog = evaluator.catalog
        owner, _, method = dotted.rpartition(".")
        if catalog.type(dotted) is not None:
            return evaluator.interner.external_instance(dotted).one
        if owner:
            declared = catalog.method_type(owner, method)
            if declared:
                return evaluator.annotations.from_name(declared)
        if method[:1].isupper() and not method.isupper() and catalog.type(owner) is None:
            return evaluator.interner.external_instance(dotted).one
        if owner == "builtins":
            if method in _BUILTIN_TYPES:
                return evaluator.interner.external_instance(dotted).one
        elif owner == "builtins.str" and method not in _NOT_STRINGS:
            return evaluator.interner.external_instance("builtins.str").one
        return NOTHING

    def _future(
        self, dotted: str, entry: Runs, factories: Sequence[Factory], arguments: CallArguments
    ) -> Values:
        """A future of another thread, where the API gives one, with what its ``result()`` will give."""
        evaluator = self._evaluator
        catalog = evaluator.catalog
        owner, _, method = dotted.rpartition(".")
        name = next(
            (x.returns for x in factories if not x.when or x.matches(arguments)),
            catalog.method_type(owner, method),
        )
        if not name or _FUTURE not in catalog.mro(name):
            return NOTHING
        results = self._run_results(entry, arguments)
        if not results:
            return NOTHING
        return evaluator.interner.external_instance(evaluator.canonical(name), results).one

    def _run_results(self, entry: Runs, arguments: CallArguments) -> Values:
        """What the callables or coroutines that are run give back in the end."""
        given = arguments.values_of(entry.callable)
        awaited = self._evaluator.awaited
        results = join_all([self.of_value(x, None) if x.kind in CALLABLE else awaited(x.one) for x in given])
        return join_all([x.b if x.kind in (v.COROUTINE, v.GENERATOR) and x.b else x.one for x in results])

    def _of_runner(self, entry: Runs, arguments: CallArguments) -> Values:
        """What an API that runs a callable gives back: a task or future for it, or its result."""
        evaluator = self._evaluator
        interner = evaluator.interner
        kind = entry.kind
        if entry.result != "call" and kind != "schedule":
            return NOTHING
        given = arguments.values_of(entry.callable)
        if kind == "schedule":
            if entry.async_ is None:
                return NOTHING
            awaited = evaluator.awaited(given)
            if entry.callable.variadic:
                awaited = interner.external_instance("builtins.list", awaited).one
            elif entry.callable.elements:
                return NOTHING
            return interner.make(v.AWAITABLE, awaited).one if awaited else NOTHING
        results = self._run_results(entry, arguments)
        if not results:
            return NOTHING
        return interner.make(v.AWAITABLE, results).one if kind == "offload" else results

    def _of_container_method(self, value: Value, site: Site | None) -> Values:
        evaluator = self._evaluator
        container: Value = value.a
        name = value.b
        key: object = None
        extra: Values = NOTHING
        if site is not None and name in ("get", "pop", "setdefault", "__getitem__"):
            arguments = site[0].facts.calls[site[1]][f.C_ARGS]
            if arguments:
                first = site[0].facts.exprs[arguments[0]]
                if first[0] == f.CONST:
                    key = first[1]
                if len(arguments) > 1:
                    extra = evaluator.values(site[0], arguments[1])
        is_dict = evaluator.type_name(container) in MAPPINGS
        if container.kind == v.PACK:
            return self._of_pack_method(container, name, extra)
        if name in ("get", "pop", "setdefault", "__getitem__", "popleft", "popitem", "get_nowait"):
            if not is_dict:
                key = key if key.__class__ is int else None
            return join(evaluator.items(container.one, key), extra)
        if name == "result" and _FUTURE in evaluator.catalog.mro(evaluator.type_name(container)):
            return container.b  # type: ignore[no-any-return]
        if name == "values":
            return evaluator.interner.external_instance(
                "builtins.list", evaluator.items(container.one, None)
            ).one
        if name == "items":
            boxes = box(evaluator.elements(container.one), evaluator) + box(
                evaluator.items(container.one, None), evaluator
            )
            pair = evaluator.interner.external_instance("builtins.tuple", boxes)
            return evaluator.interner.external_instance("builtins.list", pair.one).one
        if name == "copy":
            return container.one
        type_name = evaluator.type_name(container)
        return self.of_external(f"{type_name}.{name}", site) if type_name else NOTHING

    def _of_pack_method(self, pack: Value, name: str, extra: Values) -> Values:
        """Methods of the dictionary of ``**kwargs``."""
        evaluator = self._evaluator
        items = evaluator.packed(pack)
        make = evaluator.interner.external_instance
        if name in ("get", "pop", "setdefault"):
            return join(items, extra)
        if name == "values":
            return make("builtins.list", items).one
        if name == "items":
            pair = make("builtins.tuple", box(make("builtins.str").one, evaluator) + box(items, evaluator))
            return make("builtins.list", pair.one).one
        return pack.one if name == "copy" else NOTHING


_FUTURE = "concurrent.futures.Future"
_OPEN = frozenset(
    {
        v.PARAMETER,
        v.FUNCTION,
        v.BOUND,
        v.COROUTINE,
        v.GENERATOR,
        v.MANAGER,
        v.AWAITABLE,
        v.PARTIAL,
        v.WRAPPER,
        v.MADE,
    }
)
_NOT_STRINGS = frozenset({"split", "rsplit", "splitlines", "encode", "partition"})
_BUILTIN_TYPES = frozenset({"int", "str", "float", "bool", "bytes", "dict", "list", "set", "tuple", "frozenset",
                            "bytearray", "memoryview", "object", "complex", "range", "slice"})  # fmt: skip
