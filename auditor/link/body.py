"""Builds the body of a node: the calls that it makes, and through them everything that it hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import awaiting, imports, misawaited, misuses
from auditor.link import guards as g
from auditor.link import values as v
from auditor.link.arguments import CallArguments, bound_expressions, may_bind
from auditor.link.handovers import Handovers
from auditor.link.implicit import MAX_TARGETS, ImplicitCalls
from auditor.link.nodes import Body, HandedOver, Place, Sink, place_of
from auditor.link.recording import confidence_among
from auditor.link.rounds import Rounds
from auditor.link.stdlib import IMPLIED_METHODS
from auditor.link.values import Value, Values
from auditor.model import Confidence

if TYPE_CHECKING:
    from auditor.link.guards import Constraints
    from auditor.link.program import Class, Function, Module

_OUTSIDE = frozenset({v.EXTERNAL, v.CONTAINER_METHOD})
_CALLABLE_TAGS = frozenset(
    {f.FUNCTION, f.GLOBAL, f.ATTR, f.IMPORTED, f.CALL, f.CLASS, f.DECORATED, f.LIST, f.TUPLE, f.DICT, f.UNION}
)


class BodyBuilder(Handovers, ImplicitCalls):
    """Builds one body; symbolic parameters are replaced by what the node's environment holds."""

    def build(self) -> Body:
        module = self.module
        facts = self.function.facts
        guards = self.edges.guards
        calls = module.facts.calls
        at_import = facts.kind in (f.MODULE_BODY, f.CLASS_BODY)
        inert = self.edges.inert(module)
        for number in facts.calls:
            call = calls[number]
            callee = call[f.C_CALLEE]
            if not callee or inert[callee]:
                continue
            region = call[f.C_REGION]
            constraints = guards.of(module, region) if region else g.NO_CONSTRAINTS
            if g.DEAD in constraints:
                continue
            if region and not self.is_possible(region):
                continue
            if call[f.C_FLAGS] & f.IS_DECORATOR:
                self.decoration(number, call, place_of(module, number), constraints)
                continue
            values = self.narrowed(callee, region) if region else self.values(callee)
            if not values:
                if module.memo[callee] == ():  # for every receiver and under every test
                    inert[callee] = 1
                continue
            if values[0].kind in _OUTSIDE and self.edges.are_inert(values):
                if module.memo[callee] is values:
                    inert[callee] = 1
                continue
            if (
                at_import
                and not self.edges.record_all
                and values[0].kind == v.CLASS
                and g.SCRIPT not in constraints
            ):
                # what is made at import matters here only where it is handed a callable
                exprs = module.facts.exprs
                if not any(exprs[e][0] in _CALLABLE_TAGS for e in call[f.C_ARGS]) and not any(
                    exprs[e][0] in _CALLABLE_TAGS for _, e in call[f.C_KEYWORDS]
                ):
                    continue
            self.call(values, number, place_of(module, number), constraints)
        self.implicit_calls()
        if self.edges.assigned:
            self.assigned_callbacks()
        if facts.imports and not at_import:
            imports.late(self)
        if facts.iterations and not at_import:
            Rounds(self).note()
        return self.result

    def is_awaited(self, number: int) -> bool:
        """Whether the result of the call is awaited, here or by who called this node."""
        flags: int = self.module.facts.calls[number][f.C_FLAGS]
        return bool(flags & f.AWAITED) or number in self.awaited_calls

    def call(self, values: Values, number: int, place: Place, constraints: Constraints) -> None:
        """Everything that calling one of ``values`` may do."""
        self.awaited_sync(misawaited.awaits_sync(self, values, number), number, place, constraints)
        if len(values) == 1:
            value = values[0]
            if value.kind == v.FUNCTION and not value.a.facts.decorators:
                self.only_call(value, value.a, 0, number, place, constraints, None)
                return
            if value.kind == v.BOUND:
                self.only_call(value.a, value.a.a, 1, number, place, constraints, value.b)
                return
        targets: list[tuple[Value, Function, int]] = []
        receivers: dict[Value, Value] = {}
        for value in values:
            self.collect(value, number, place, constraints, targets)
            if value.kind == v.BOUND:
                receivers[value.a] = value.b
            elif value.kind == v.CLASS:
                instance = self.evaluator.interner.instance(value.a, virtual=False)
                receivers.update((t[0], instance) for t in targets if t[1].facts.name != "__new__")
        if not targets:
            return
        if len(targets) > 1 and self.is_awaited(number):
            targets = self.awaitable(targets)
        if len({t[1] for t in targets}) > MAX_TARGETS:
            return
        confidence = confidence_among(len({t[1] for t in targets}))
        if any(x.kind == v.INSTANCE and x.b == v.GUESSED for x in receivers.values()):
            confidence = Confidence.LOW
        asyncness = self.guarded_asyncness(number)
        if len(values) == len(targets):
            self.dropped_coroutine([t[1] for t in targets], number, place, constraints)
        for value, function, skip in targets:
            if asyncness is not None and function.is_async != asyncness:
                continue
            self.call_edge(
                value, function, skip, number, place, constraints, confidence, receivers.get(value)
            )

    def only_call(
        self,
        value: Value,
        function: Function,
        skip: int,
        number: int,
        place: Place,
        constraints: Constraints,
        receiver: Value | None,
    ) -> None:
        """A call that can only mean this function of the program."""
        is_guess = receiver is not None and receiver.b == v.GUESSED
        asyncness = True if is_guess and self.is_awaited(number) else self.guarded_asyncness(number)
        if asyncness is None or function.is_async == asyncness:
            confidence = Confidence.LOW if is_guess else Confidence.HIGH
            self.call_edge(value, function, skip, number, place, constraints, confidence, receiver)
            if not is_guess:
                self.dropped_coroutine([function], number, place, constraints)

    def dropped_coroutine(
        self, functions: list[Function], number: int, place: Place, constraints: Constraints
    ) -> None:
        """Note a statement that makes a coroutine and leaves it at that."""
        call = self.module.facts.calls[number]
        if not call[f.C_FLAGS] & f.STATEMENT or self.is_awaited(number):
            return
        exprs = self.module.facts.exprs
        callee = exprs[call[f.C_CALLEE]]
        receiver = exprs[callee[1]] if callee[0] == f.ATTR else callee
        if callee[0] == f.PARAM or (callee[0] == f.ATTR and any(x.class_ is None for x in functions)):
            # a callback, or an attribute that keeps one; the same for a function of a module that is named in full
            base = self.values(callee[1]) if callee[0] == f.ATTR else ()
            if not base or any(x.kind != v.MODULE for x in base):
                return  # known from some callers only; another one may pass something else
        if receiver[0] == f.PARAM:
            owner = self.module.functions[receiver[1]]
            is_self = owner.is_method and receiver[2] == 0
            if not is_self and not owner.facts.params[receiver[2]][2]:
                return
        if all(
            x.is_async
            and may_bind(x, call)
            and not x.facts.is_generator
            and not x.facts.decorators
            and "abstractmethod" not in x.facts.roles
            for x in functions
        ):
            name = functions[0].qualname
            self.misuse(place, name, misuses.DROPPED_COROUTINE, "", constraints)

    def misuse(self, place: Place, callee: str, group: str, what: str, constraints: Constraints) -> None:
        self.result.misuses.append(misuses.Misuse(place, callee, group, what, constraints))

    def awaited_sync(self, callee: str, number: int, place: Place, constraints: Constraints) -> None:
        """``await`` of a call that gives back nothing to await."""
        api = self.edges.api(misawaited.AWAIT_API)
        call = self.module.facts.calls[number]
        if api is not None and callee and call[f.C_FLAGS] & f.AWAITED:
            sink = Sink(place, callee, api, None, constraints, Confidence.HIGH, call[f.C_REGION])
            self.result.sinks.append(sink)

    def collect(
        self,
        value: Value,
        number: int,
        place: Place,
        constraints: Constraints,
        targets: list[tuple[Value, Function, int]],
    ) -> None:
        """Functions of the program that calling ``value`` runs; effects outside it are recorded."""
        kind = value.kind
        if kind == v.FUNCTION:
            targets.append((value, value.a, 0))
            if value.a.facts.decorators:
                targets.extend(
                    (self.evaluator.interner.function(x), x, 0)
                    for x in self.edges.traits.implementations(value.a)
                )
        elif kind == v.BOUND:
            targets.append((value.a, value.a.a, 1))
        elif kind == v.EXTERNAL:
            self.external(value.a, number, place, constraints)
        elif kind == v.CLASS:
            self.construction(value, number, place, constraints, targets)
        elif kind == v.INSTANCE:
            for method in self.evaluator.members.methods(value, "__call__"):
                self.collect(method, number, place, constraints, targets)
        elif kind == v.WRAPPER:
            self.wrapper(value, number, place, constraints)
        elif kind == v.PARTIAL:
            for inner in self.open_values(value.a):
                self.partial(inner, value.b, place, constraints)
        elif kind in (v.CONTAINER_METHOD, v.EXTERNAL_INSTANCE):
            dotted = self.method_outside(value)
            if dotted:
                self.external(dotted, number, place, constraints)
        else:
            for called in self.behind(value, number):
                self.collect(called, number, place, constraints, targets)

    def method_outside(self, value: Value) -> str:
        """The method that calling a method of a container, or an object of an external type, runs; empty if unknown."""
        if value.kind == v.CONTAINER_METHOD:
            type_name = self.evaluator.type_name(value.a)
            return f"{type_name}.{value.b}" if type_name else ""
        dotted = f"{value.a}.__call__"
        return dotted if self.edges.api(dotted) is not None else ""

    def behind(self, value: Value, number: int) -> list[Value]:
        """What is really called where ``value`` only stands for it: a method by its name, a given object."""
        evaluator = self.evaluator
        if value.kind == v.METHOD_CALLER:
            arguments = self.module.facts.calls[number][f.C_ARGS]
            receivers = evaluator.concrete(self.values(arguments[0])) if arguments else ()
            return [method for x in receivers for method in evaluator.members.attribute(x, value.a)]
        if value.kind == v.PARAMETER:
            return [given for given in evaluator.concrete(value.one) if given.kind == v.INSTANCE]
        return []

    def construction(
        self,
        value: Value,
        number: int,
        place: Place,
        constraints: Constraints,
        targets: list[tuple[Value, Function, int]],
    ) -> None:
        class_: Class = value.a
        hierarchy, members = self.evaluator.hierarchy, self.evaluator.members
        instance = self.evaluator.interner.instance(class_, virtual=False)
        metaclass = hierarchy.metaclass(class_)
        if metaclass is not None:
            targets.extend(self.function_targets(self.evaluator.interner.instance(metaclass, virtual=False)))
        for name in ("__new__", "__init__", "__post_init__"):
            found = members.attribute(value, name) if name == "__new__" else members.methods(instance, name)
            for method in found:
                if method.kind == v.BOUND:
                    targets.append((method.a, method.a.a, 1))
                elif method.kind == v.FUNCTION:
                    targets.append((method, method.a, 1))
        run = self.evaluator.fields.constructing(class_)
        targets.extend((method, method.a, 1) for method in run if method.kind == v.FUNCTION)
        for module, field in self.evaluator.fields.default_factories(class_):
            for name, position in module.facts.calls[field][f.C_KEYWORDS]:
                if name in ("default_factory", "factory"):
                    for made in self.evaluator.values(module, position):
                        targets.extend(self.function_targets(made))
        if not any(t[1].facts.name == "__init__" for t in targets):
            for base in hierarchy.external_bases(class_):
                if self.edges.api(base) is not None or self.edges.runs(base):
                    self.external(base, number, place, constraints)
                    break

    def partial(self, value: Value, site: tuple[Module, int], place: Place, constraints: Constraints) -> None:
        """A call of ``functools.partial(value, ...)``: the arguments are those given at ``site``."""
        for target, function, skip in self.function_targets(value):
            environment = self.environment_at(target, function, skip, site, first=1)
            self.add_edge(
                function, environment, place, self.entry(function), Confidence.HIGH, constraints, "call"
            )

    def call_edge(
        self,
        value: Value,
        function: Function,
        skip: int,
        number: int,
        place: Place,
        constraints: Constraints,
        confidence: Confidence,
        receiver: Value | None = None,
    ) -> None:
        if function.facts.is_generator and function.facts.kind != f.LAMBDA:
            return  # calling it only makes the generator; its body runs where that is iterated
        environment = self.environment_at(value, function, skip, (self.module, number), receiver=receiver)
        if self.is_awaited(number) and awaiting.tells_apart(function):
            environment = self.edges.with_entry(environment, function, awaiting.AWAITED)
        self.add_edge(function, environment, place, self.entry(function), confidence, constraints, "call")
        self.results_handed_over(function, skip, number, constraints)

    def results_handed_over(
        self, function: Function, skip: int, number: int, constraints: Constraints
    ) -> None:
        """Calls that stand where a home-made offloader wants a function."""
        call = self.module.facts.calls[number]
        exprs = self.module.facts.exprs
        for e in call[f.C_ARGS]:
            if exprs[e][0] == f.CALL:
                break
        else:
            for _, e in call[f.C_KEYWORDS]:
                if exprs[e][0] == f.CALL:
                    break
            else:
                return
        for index in self.edges.traits.offloads(function):
            for e in bound_expressions(self.module, number, function, index, skip) or ():
                if exprs[e][0] == f.CALL:
                    self.result.handed_over.append(
                        HandedOver(self.module, exprs[e][1], function.qualname, constraints)
                    )

    def awaitable(self, targets: list[tuple[Value, Function, int]]) -> list[tuple[Value, Function, int]]:
        """At an awaited call only what can be awaited: coroutine functions, and functions that return awaitables."""
        kept = []
        for target in targets:
            function = target[1]
            if function.is_async:
                kept.append(target)
                continue
            returned = self.evaluator.results.returned(target[0])
            if any(x.kind in awaiting.AWAITABLES and self.may_be_awaited(x) for x in returned):
                kept.append(target)
        return kept or targets

    def may_be_awaited(self, value: Value) -> bool:
        return awaiting.may_be_awaited(self.evaluator, value.one)

    def decoration(self, number: int, call: tuple, place: Place, constraints: Constraints) -> None:  # type: ignore[type-arg]
        """Applying a decorator: a call of a function of the program, or a registration with a framework."""
        expression = self.module.facts.exprs[call[f.C_CALLEE]]
        decorated = self.values(call[f.C_ARGS][0])
        if expression[0] == f.CALL:
            factory = self.module.facts.calls[expression[1]]
            for value in self.values(factory[f.C_CALLEE]):
                if value.kind == v.EXTERNAL:
                    self.register(value.a, decorated, expression[1], place, constraints)
        values = self.values(call[f.C_CALLEE])
        for value in values:
            if value.kind == v.EXTERNAL:
                self.register(value.a, decorated, None, place, constraints)
        self.call([x for x in values if x.kind != v.EXTERNAL], number, place, constraints)  # type: ignore[arg-type]

    def external(self, dotted: str, number: int, place: Place, constraints: Constraints) -> None:
        """A call of something outside the program: its own effect, and what it does with callables."""
        if self.edges.is_inert(dotted):
            return
        group = misuses.by_name(
            dotted,
            is_statement=bool(self.module.facts.calls[number][f.C_FLAGS] & f.STATEMENT),
            is_awaited=self.is_awaited(number),
            is_returned=not self.function.is_async and number in awaiting.returned_calls(self.function),
        )
        if group:
            self.misuse(place, dotted, group, "", constraints)
        group = misuses.in_loop(self, self.evaluator.catalog.canonical(dotted), number)
        if group:
            self.misuse(place, dotted, group, "", constraints)
        pool = misuses.waits_within_pool(self, dotted, number)
        if pool:
            self.misuse(place, dotted, misuses.WAIT_WITHIN_POOL, pool, constraints)
        self.result.externals.append((number, dotted))
        implied = IMPLIED_METHODS.get(dotted)
        if implied is not None:
            call = self.module.facts.calls[number]
            before = len(self.result.edges) + len(self.result.sinks)
            for value in self.evaluator.concrete(self.values(call[f.C_ARGS][0])) if call[f.C_ARGS] else ():
                if value.kind == v.INSTANCE:
                    self.dunder(value, (implied,), place, call[f.C_REGION], constraints, "call")
                elif value.kind == v.GENERATOR and implied == "__next__":
                    self.generator_body(value, place, constraints, "iterate")
            if len(self.result.edges) + len(self.result.sinks) != before:
                self.implied(implied)
        api = self.edges.api(dotted)
        arguments: CallArguments | None = None
        if api is not None and api.effect != "none":
            arguments = CallArguments(self.evaluator, self.module, number)
            if api.effect != "opens" and self.is_awaited_namesake(dotted, number):
                if api.effect == "blocks" and misawaited.is_plain_external(self.evaluator, dotted):
                    self.awaited_sync(dotted, number, place, constraints)
            elif api.applies(arguments) and not self.has_no_wait(number):
                region = self.module.facts.calls[number][f.C_REGION]
                self.result.sinks.append(
                    Sink(place, dotted, api, arguments, constraints, Confidence.HIGH, region)
                )
        runs = self.edges.runs(dotted)
        if runs:
            self.run_callables(
                runs,
                dotted,
                arguments or CallArguments(self.evaluator, self.module, number),
                number,
                place,
                constraints,
            )

    def is_awaited_namesake(self, dotted: str, number: int) -> bool:
        """A coroutine of that name made by an awaited call is not the blocking one."""
        return self.is_awaited(number) and not dotted.startswith("builtins.")
