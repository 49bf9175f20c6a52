"""Calls that no call expression shows: properties, ``with``, iteration, and operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.link.hierarchy import MAX_OVERRIDES
from auditor.link.nodes import Place, Sink
from auditor.link.recording import Recorder, confidence_among
from auditor.link.values import Environment, Value
from auditor.model import Confidence

if TYPE_CHECKING:
    from auditor.link.guards import Constraints
    from auditor.link.program import Function

MAX_TARGETS: Final = MAX_OVERRIDES
"""More functions than these behind one operation say that nothing is known of it."""


class ImplicitCalls(Recorder):
    """Finds the methods that the syntax of a body calls by itself."""

    def implicit_calls(self) -> None:
        facts = self.function.facts
        leading = self.edges.leading
        properties = self.evaluator.accessors.names() if leading is None else leading
        exprs = self.module.facts.exprs
        accessed: dict[int, list[Function]] = {}
        for record in facts.reads_of(properties, exprs) if facts.read_log else ():
            position = record[0]
            expression = exprs[position]
            if expression[2] in properties:
                found = accessed.get(position)
                if found is None:
                    found = accessed[position] = self.accessors(expression[1], expression[2], "getter")
                if found:
                    self.property_access(found, record[1:5], record[5])
                    self.implied(expression[2])
        for write in facts.writes:
            if write[1] in properties:
                found = self.accessors(write[0], write[1], "setter")
                if found:
                    self.property_access(found, write[3:7], write[7])
                    self.implied(write[1])
        for with_record in facts.withs:
            self.with_item(with_record)
        for iteration in facts.iterations:
            self.iteration(iteration)
        for operator in facts.operators_of(self.edges.operators) if facts.operator_log else ():
            before = len(self.result.edges) + len(self.result.sinks)
            self.operator(operator)
            if len(self.result.edges) + len(self.result.sinks) != before:
                self.implied(operator[0])

    def implied(self, name: str) -> None:
        """Note that the body holds what it would not if the name led to nothing."""
        if self.edges.leading is None and name not in self.result.implied:
            self.result.implied += (name,)

    def accessors(self, base: int, name: str, role: str) -> list[Function]:
        """Property functions that reading or writing the attribute runs."""
        found: list[Function] = []
        for value in self.evaluator.concrete(self.values(base)):
            for function in self.evaluator.accessors.of(value, name, role):
                if function not in found:
                    found.append(function)
        return found if len(found) <= MAX_TARGETS else []

    def property_access(self, found: list[Function], span: tuple[int, int, int, int], region: int) -> None:
        constraints = self.constraints_at(region)
        if constraints is None:
            return
        place = Place(*span)
        for function in found:
            self.add_edge(
                function,
                (),
                place,
                self.entry(function),
                confidence_among(len(found)),
                constraints,
                "property",
            )

    def dunder(
        self,
        value: Value,
        names: tuple[str, ...],
        place: Place,
        region: int,
        constraints: Constraints,
        how: str,
    ) -> None:
        """Methods that an operation on ``value`` calls: of the program, or with an effect outside it."""
        for name in names:
            if value.kind == v.INSTANCE:
                methods = self.evaluator.members.methods(value, name)
                if len(methods) > MAX_TARGETS:
                    continue
                for method in methods:
                    if method.kind == v.BOUND:
                        function = method.a.a
                        if function.facts.is_generator and name in ("__iter__", "__aiter__"):
                            self.add_edge(
                                function,
                                (),
                                place,
                                c.PLAIN,
                                confidence_among(len(methods)),
                                constraints,
                                "iterate",
                            )
                        else:
                            self.add_edge(
                                function,
                                (),
                                place,
                                self.entry(function),
                                confidence_among(len(methods)),
                                constraints,
                                how,
                            )
                    elif method.kind == v.EXTERNAL:
                        self.implicit_effect(method.a, place, region, constraints)
                if not methods:
                    for base in self.evaluator.hierarchy.external_bases(value.a):
                        if self.implicit_effect(f"{base}.{name}", place, region, constraints):
                            break
            else:
                type_name = self.evaluator.type_name(value)
                if type_name:
                    self.implicit_effect(f"{type_name}.{name}", place, region, constraints)

    def implicit_effect(self, dotted: str, place: Place, region: int, constraints: Constraints) -> bool:
        api = self.edges.api(dotted)
        if api is None or api.effect == "none" or not api.applies():
            return False
        self.result.sinks.append(Sink(place, dotted, api, None, constraints, Confidence.HIGH, region))
        return True

    def with_item(self, record: tuple[int, bool, int, int, int, int, int]) -> None:
        position, is_async, *span, region = record
        constraints = self.constraints_at(region)
        if constraints is None:
            return
        place = Place(*span)
        names = ("__aenter__", "__aexit__") if is_async else ("__enter__", "__exit__")
        for value in self.evaluator.concrete(self.values(position)):
            if value.kind == v.MANAGER:
                self.generator_body(value, place, constraints, "with", is_async=is_async)
            else:
                self.dunder(value, names, place, region, constraints, "with")

    def iteration(self, record: tuple[int, bool, int, int, int, int, int]) -> None:
        position, is_async, *span, region = record
        constraints = self.constraints_at(region)
        if constraints is None:
            return
        place = Place(*span)
        values = self.values(position)
        if any(x.kind == v.PARAMETER for x in values):
            values = self.evaluator.concrete(values)
        for value in self.of_tested_types(values, position, region):
            self.iterate(value, place, region, constraints, is_async=is_async)

    def iterate(
        self, value: Value, place: Place, region: int, constraints: Constraints, *, is_async: bool
    ) -> None:
        if value.kind == v.GENERATOR:
            self.generator_body(value, place, constraints, "iterate", is_async=is_async)
        elif value.kind == v.LAZY:
            for source in value.a:
                self.iterate(source, place, region, constraints, is_async=is_async)
            for called in self.open_values(value.b[0]):
                for target, function, _ in self.function_targets(called):
                    captured = target.b if target.kind == v.FUNCTION else ()
                    self.add_edge(
                        function,
                        captured or (),
                        place,
                        self.entry(function),
                        Confidence.HIGH,
                        constraints,
                        "call",
                    )
        else:
            names = ("__aiter__", "__anext__") if is_async else ("__iter__", "__next__")
            self.dunder(value, names, place, region, constraints, "iterate")
            if not is_async and value.kind == v.INSTANCE:
                for method in self.evaluator.members.methods(value, "__iter__"):
                    for produced in self.evaluator.results.of_value(method, None):
                        if produced is not value and produced.kind == v.INSTANCE:
                            self.dunder(produced, ("__next__",), place, region, constraints, "iterate")

    def generator_body(
        self, value: Value, place: Place, constraints: Constraints, how: str, *, is_async: bool | None = None
    ) -> None:
        """Run the body of a generator; ``async for`` and ``async with`` take asynchronous ones, others the rest."""
        if value.a is None:
            return
        for target, function, _ in self.function_targets(value.a):
            captured: Environment = target.b or () if target.kind == v.FUNCTION else ()
            is_coroutine = function.facts.kind == f.ASYNC_DEF
            if is_async is not None and is_coroutine != is_async:
                continue
            transform = c.COROUTINE if is_coroutine else c.PLAIN
            self.add_edge(function, captured, place, transform, Confidence.HIGH, constraints, how)

    def operator(self, record: tuple[str, int, int, int, int, int, int, int]) -> None:
        dunder, operand, other, *span, region = record
        hierarchy = self.evaluator.hierarchy
        if not hierarchy.is_defined(dunder) and not (other and hierarchy.is_defined("__r" + dunder[2:])):
            return
        constraints = self.constraints_at(region)
        if constraints is None:
            return
        values = self.evaluator.concrete(self.evaluator.values(self.module, operand))
        if any(x.kind == v.INSTANCE for x in values):
            place = Place(*span)
            for value in values:
                if value.kind == v.INSTANCE:
                    self.dunder(value, (dunder,), place, region, constraints, "operator")
        elif other and not values:
            reflected = "__r" + dunder[2:]
            for value in self.evaluator.concrete(self.evaluator.values(self.module, other)):
                if value.kind == v.INSTANCE:
                    self.dunder(value, (reflected,), Place(*span), region, constraints, "operator")
