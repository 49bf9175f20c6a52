"""Callables that are handed to an API which runs them: on a thread, on the loop, later, or as a registration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import misuses
from auditor.link import values as v
from auditor.link.arguments import CallArguments
from auditor.link.nodes import HandedOver, Place, Sink
from auditor.link.recording import Recorder
from auditor.link.stdlib import LAZY
from auditor.link.values import Environment, Value, Values, join_all
from auditor.model import Confidence

if TYPE_CHECKING:
    from auditor.catalog.conditions import Selector
    from auditor.catalog.values import Decorates, Runs
    from auditor.link.guards import Constraints
    from auditor.link.program import Function


class Handovers(Recorder):
    """Follows callables through the APIs of the catalog that run or register them."""

    def run_callables(
        self,
        runs: tuple[Runs, ...],
        dotted: str,
        arguments: CallArguments,
        number: int,
        place: Place,
        constraints: Constraints,
    ) -> None:
        done: set[tuple[Selector, tuple[str, ...]]] = set()
        for entry in runs:
            key = (entry.callable, entry.methods)
            if key in done or not entry.matches(arguments):
                continue
            done.add(key)
            if dotted in LAZY:
                continue
            if entry.result == "wrapper":
                for expression in arguments.expressions(entry.callable):
                    self.hand_over(expression, entry, dotted, constraints)
                continue
            self.run_entry(entry, dotted, arguments, number, place, constraints)

    def run_entry(
        self,
        entry: Runs,
        dotted: str,
        arguments: CallArguments,
        number: int,
        place: Place,
        constraints: Constraints,
    ) -> None:
        expressions = arguments.expressions(entry.callable)
        for expression in expressions:
            values = self.values(expression)
            if entry.callable.elements:
                concrete = self.evaluator.concrete(values)
                values = self.open_values(
                    join_all([self.evaluator.elements(concrete), self.evaluator.items(concrete, None)])
                )
            for value in values:
                self.run_value(value, entry, number, place, constraints)
            self.hand_over(expression, entry, dotted, constraints)
            # a wrapper that passes on what it is given may have asked what that is
            if entry.kind in ("offload", "thread") and not self.passes_on(expression):
                wrong = misuses.given(self, values, entry, number)
                if wrong is not None:
                    self.result.misuses.append(misuses.Misuse(place, dotted, *wrong, constraints))

    def passes_on(self, expression: int) -> bool:
        """Whether what is handed over is a parameter, or what a call such as ``partial`` makes of one."""
        exprs = self.module.facts.exprs
        found = exprs[expression]
        if found[0] == f.CALL:
            arguments = self.module.facts.calls[found[1]][f.C_ARGS]
            return bool(arguments) and exprs[arguments[0]][0] == f.PARAM
        return bool(found[0] == f.PARAM)

    def hand_over(self, expression: int, entry: Runs, dotted: str, constraints: Constraints) -> None:
        """Note a call that stands where an offloader wants a function."""
        found = self.module.facts.exprs[expression]
        if entry.kind in ("offload", "thread") and found[0] == f.CALL:
            self.result.handed_over.append(HandedOver(self.module, found[1], dotted, constraints))

    def assigned_callbacks(self) -> None:
        """What is assigned to attributes that a library calls: ``client.on_message = self.received``."""
        for base, name, given, *span, region in self.function.facts.writes:
            if name not in self.edges.assigned:
                continue
            constraints = self.constraints_at(region)
            if constraints is None:
                continue
            for value in self.evaluator.concrete(self.values(base)):
                if value.kind == v.INSTANCE:
                    owners = tuple(self.evaluator.hierarchy.external_bases(value.a))
                else:
                    owners = (self.evaluator.type_name(value) or "",)
                entries = [x for owner in owners if owner for x in self.edges.runs(f"{owner}.{name}")]
                for entry in entries[:1] if entries and entries[0].callable.assigned else ():
                    for target in self.values(given):
                        for function_value, function, _ in self.function_targets(target):
                            captured = function_value.b or () if function_value.kind == v.FUNCTION else ()
                            self.run_function(function, captured, entry, Place(*span), constraints)

    def run_value(
        self, value: Value, entry: Runs, number: int, place: Place, constraints: Constraints
    ) -> None:
        kind = value.kind
        if entry.methods and kind in (v.CLASS, v.INSTANCE):
            instance = self.evaluator.interner.instance(value.a, virtual=False) if kind == v.CLASS else value
            for name in entry.methods:
                for method in self.evaluator.members.methods(instance, name):
                    self.run_value(method, entry, number, place, constraints)
            return
        if kind in (v.COROUTINE, v.GENERATOR, v.MANAGER):
            self.run_started(value, entry, place, constraints)
            return
        if kind == v.AWAITABLE:
            return
        if kind == v.EXTERNAL:
            self.run_external(value.a, entry, number, place, constraints)
            return
        if kind == v.PARTIAL:
            self.run_partial(value, entry, number, place, constraints)
            return
        if kind == v.WRAPPER:
            outer = self.transform_of(entry, is_async=self.is_coroutine_function(value))
            if outer is not None:
                self.run_wrapped(value, outer, place, constraints, entry.kind, entry.role)
            return
        if kind == v.LAZY:
            for inner in (*self.open_values(value.b[0]), *self.open_values(value.a)):
                self.run_value(inner, entry, number, place, constraints)
            return
        for target, function, skip in self.function_targets(value):
            if function.facts.is_generator and entry.kind not in ("iterate", "register"):
                continue
            environment = self.passed_environment(target, function, skip, entry, number)
            self.run_function(function, environment, entry, place, constraints)

    def run_started(self, value: Value, entry: Runs, place: Place, constraints: Constraints) -> None:
        """A coroutine or generator that exists already: its function runs, with what its closure holds."""
        for target, function, _ in self.function_targets(value.a) if value.a is not None else ():
            captured = target.b if target.kind == v.FUNCTION else ()
            self.run_function(function, captured or (), entry, place, constraints)

    def run_partial(
        self, value: Value, entry: Runs, number: int, place: Place, constraints: Constraints
    ) -> None:
        for inner in self.open_values(value.a):
            if inner.kind == v.EXTERNAL:
                self.run_external(inner.a, entry, number, place, constraints)
            for target, function, skip in self.function_targets(inner):
                environment = self.environment_at(target, function, skip, value.b, first=1)
                self.run_function(function, environment, entry, place, constraints)

    def run_external(
        self, dotted: str, entry: Runs, number: int, place: Place, constraints: Constraints
    ) -> None:
        """An API handed to another one with its arguments: ``Thread(target=loop.call_soon_threadsafe, args=(f,))``."""
        if entry.sync is None:
            return
        if entry.kind in ("call", "schedule"):
            api = self.edges.api(dotted)
            if api is not None and api.effect == "blocks":
                region = self.module.facts.calls[number][f.C_REGION]
                self.result.sinks.append(
                    Sink(place, dotted, api, None, constraints, Confidence.MEDIUM, region)
                )
        if entry.passes not in ("rest", "args-kwargs"):
            return
        inner = self.edges.runs(dotted)
        if not inner:
            return
        call = self.module.facts.calls[number]
        exprs = self.module.facts.exprs
        if entry.passes == "rest":
            start = (entry.callable.position or 0) + 1
            arguments = call[f.C_ARGS][start:]
        else:
            arguments = ()
            for name, e in call[f.C_KEYWORDS]:
                if name == "args" and exprs[e][0] in (f.TUPLE, f.LIST):
                    arguments = exprs[e][1]
        outer = self.edges.transform(entry.sync, relative=entry.kind in ("schedule", "register"))
        for run in inner:
            position = run.callable.position
            if position is None or position >= len(arguments):
                continue
            for value in self.values(arguments[position]):
                for target, function, _ in self.function_targets(value):
                    change = run.async_ if function.is_async else run.sync
                    if change is None:
                        continue
                    second = self.edges.transform(
                        change, drives=run.kind == "drive", relative=run.kind in ("schedule", "register")
                    )
                    captured: Environment = target.b or () if target.kind == v.FUNCTION else ()
                    self.add_edge(
                        function,
                        captured,
                        place,
                        c.Composed(outer, second),
                        Confidence.HIGH,
                        constraints,
                        run.kind,
                        run.role,
                    )
            break

    def passed_environment(
        self, target: Value, function: Function, skip: int, entry: Runs, number: int
    ) -> Environment:
        """The environment of what the API runs with the rest of its own arguments, those with names included."""
        if entry.passes != "rest" or entry.callable.position is None:
            return (target.b or ()) if target.kind == v.FUNCTION else ()
        return self.environment_at(target, function, skip, (self.module, number), entry.callable.position + 1)

    def run_function(
        self,
        function: Function,
        environment: Environment,
        entry: Runs,
        place: Place,
        constraints: Constraints,
    ) -> None:
        transform = self.transform_of(entry, is_async=function.facts.kind == f.ASYNC_DEF)
        if transform is not None:
            self.add_edge(
                function, environment, place, transform, Confidence.HIGH, constraints, entry.kind, entry.role
            )

    def transform_of(self, entry: Runs, *, is_async: bool) -> c.Transform | None:
        """What the API does to the context of what it runs; None where it does not run it."""
        change = entry.async_ if is_async else entry.sync
        if change is None:
            return None
        if entry.kind == "call" and change.thread is None and change.loop is None and change.phase is None:
            return c.COROUTINE if is_async else c.PLAIN
        return self.edges.transform(
            change,
            drives=entry.kind == "drive",
            relative=entry.kind in ("schedule", "register"),
            task=entry.role == "task",
        )

    # -- wrappers ----------------------------------------------------------------------------------------------

    def is_coroutine_function(self, wrapper: Value) -> bool:
        """Whether calling the wrapper gives something to await."""
        entry = self.evaluator.wrappers.entry(wrapper)
        return entry is not None and entry.kind == "offload"

    def wrapper(self, wrapper: Value, number: int, place: Place, constraints: Constraints) -> None:
        """A call of a wrapper: what it holds runs as the API says, with the arguments of this call."""
        entry = self.evaluator.wrappers.entry(wrapper)
        if entry is None:
            return
        for inner in self.open_values(wrapper.a):
            if inner.kind in (v.EXTERNAL, v.PARTIAL, v.WRAPPER):
                self.run_value(inner, entry, number, place, constraints)
            for target, function, skip in self.function_targets(inner):
                if not function.facts.is_generator:
                    environment = self.environment_at(target, function, skip, (self.module, number))
                    self.run_function(function, environment, entry, place, constraints)

    def run_wrapped(
        self, wrapper: Value, outer: c.Transform, place: Place, constraints: Constraints, how: str, role: str
    ) -> None:
        """A wrapper that something else calls, in the context that ``outer`` gives."""
        entry = self.evaluator.wrappers.entry(wrapper)
        if entry is None:
            return
        for inner in self.open_values(wrapper.a):
            for target, function, _ in self.function_targets(inner):
                within = self.transform_of(entry, is_async=function.facts.kind == f.ASYNC_DEF)
                if within is not None and not function.facts.is_generator:
                    captured: Environment = target.b or () if target.kind == v.FUNCTION else ()
                    composed = c.Composed(outer, within)
                    self.add_edge(
                        function, captured, place, composed, Confidence.HIGH, constraints, how, role
                    )

    # -- decorators of frameworks ------------------------------------------------------------------------------

    def register(
        self,
        dotted: str,
        decorated: Values,
        factory_call: int | None,
        place: Place,
        constraints: Constraints,
    ) -> None:
        entry = self.evaluator.wrappers.decoration(dotted, self.module, factory_call)
        if entry is not None and entry.kind == "register":
            for value in decorated:
                self.register_value(value, entry, place, constraints)

    def register_value(self, value: Value, entry: Decorates, place: Place, constraints: Constraints) -> None:
        if value.kind == v.WRAPPER:
            change = entry.async_ if self.is_coroutine_function(value) else entry.sync
            if change is not None:
                outer = self.edges.transform(change, relative=True)
                self.run_wrapped(value, outer, place, constraints, "register", entry.role)
        for target, function, _ in self.function_targets(value):
            change = entry.async_ if function.facts.kind == f.ASYNC_DEF else entry.sync
            if change is None:
                continue
            transform = self.edges.transform(change, relative=True)
            environment: Environment = target.b or () if target.kind == v.FUNCTION else ()
            self.add_edge(
                function, environment, place, transform, Confidence.HIGH, constraints, "register", entry.role
            )
