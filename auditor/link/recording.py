"""Recording an edge: which functions a value is, and the environment that a call gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import guards as g
from auditor.link import values as v
from auditor.link.arguments import bound_values
from auditor.link.choices import Callee
from auditor.link.declared import BLOCKING_API, LOOP_ONLY_API
from auditor.link.narrowing import BodyValues
from auditor.link.nodes import STEPS, Edge, Place, Sink
from auditor.link.values import Environment, Value, Values
from auditor.model import Confidence

if TYPE_CHECKING:
    from auditor.link.guards import Constraints
    from auditor.link.program import Function, Module


class Recorder(BodyValues):
    """Adds edges to the body; what they come from, explicit calls or others, is for the subclasses to find."""

    def add_edge(
        self,
        function: Function,
        environment: Environment,
        place: Place,
        transform: c.Transform,
        confidence: Confidence,
        constraints: Constraints,
        how: str,
        role: str = "",
    ) -> None:
        if g.DEBUG in constraints:
            confidence = Confidence.LOW
        target = self.edges.node(function, environment)
        self.result.edges.append(Edge(target, place, transform, confidence, constraints, how, role))
        if how in STEPS and self.edges.declared and self.edges.declared.is_blocking(function):
            self.declared_sink(function, place, constraints)
        if how in STEPS and self.edges.declared and self.edges.declared.is_loop_only(function):
            self.declared_sink(function, place, constraints, LOOP_ONLY_API)

    def declared_sink(
        self, function: Function, place: Place, constraints: Constraints, name: str = BLOCKING_API
    ) -> None:
        """A call of a function that the audited code declares to block, or to belong on the loop."""
        api = self.edges.api(name)
        if api is not None:
            region = self.module.facts.calls[place.call][f.C_REGION] if place.call >= 0 else 0
            sink = Sink(place, function.qualname, api, None, constraints, Confidence.HIGH, region)
            self.result.sinks.append(sink)

    def entry(self, function: Function) -> c.Transform:
        """What a plain call of the function does to the context: a coroutine needs a loop to run on."""
        return c.COROUTINE if function.facts.kind == f.ASYNC_DEF else c.PLAIN

    def function_targets(self, value: Value) -> list[tuple[Value, Function, int]]:
        """Functions of the program that calling ``value`` runs, without recording anything.

        Each is (value of the function, function, how many parameters the call fills by itself).
        """
        kind = value.kind
        if kind == v.FUNCTION:
            return [(value, value.a, 0)]
        if kind == v.BOUND:
            return [(value.a, value.a.a, 1)]
        if kind == v.CLASS:
            instance = self.evaluator.interner.instance(value.a, virtual=False)
            return [
                (m.a, m.a.a, 1)
                for m in self.evaluator.members.methods(instance, "__init__")
                if m.kind == v.BOUND
            ]
        if kind == v.INSTANCE:
            return [
                (m.a, m.a.a, 1)
                for m in self.evaluator.members.methods(value, "__call__")
                if m.kind == v.BOUND
            ]
        return []

    def environment_at(
        self,
        value: Value,
        function: Function,
        skip: int,
        site: tuple[Module, int],
        first: int = 0,
        receiver: Value | None = None,
    ) -> Environment:
        """The environment of calling ``function`` with the arguments of ``site`` from position ``first`` on."""
        captured: Environment = value.b or () if value.kind == v.FUNCTION else ()
        callables, flags = self.edges.traits.telling(function)
        if not callables and not flags and (receiver is None or not self.tells_more(receiver, function)):
            return captured
        given: list[tuple[int, Values]] = []
        for index in callables:
            if index >= skip:
                found = bound_values(
                    site[0],
                    site[1],
                    function,
                    index,
                    skip - first,
                    self.evaluator,
                    lambda e: self.values_at(site[0], e),
                )
                if found is not None:
                    given.append((index, self.open_values(found)))
                else:
                    default = function.facts.params[index][3]
                    if default > 0:
                        given.append((index, self.evaluator.values(function.module, default)))
        if receiver is not None and self.tells_more(receiver, function):
            given.append((0, receiver.one))
        environment = self.edges.environment_for(function, captured, given)
        if flags:
            constants = self.evaluator.results.choices.constants(function, site, skip - first, flags)
            if constants:
                interner = self.evaluator.interner
                entries = dict(environment)
                for index, constant in constants.items():
                    if (function, index) not in entries and not isinstance(constant, Callee):
                        entries[function, index] = interner.make(
                            v.CONSTANT, constant, constant.__class__.__name__
                        ).one
                environment = tuple(sorted(entries.items(), key=lambda item: (item[0][0].id, item[0][1])))
        return environment

    def tells_more(self, receiver: Value, function: Function) -> bool:
        """Whether the class of the receiver says more than the class that defines the method."""
        class_ = function.class_
        if class_ is None or receiver.kind not in (v.INSTANCE, v.CLASS):
            return False
        if receiver.kind == v.INSTANCE and receiver.b and receiver.a is class_:
            return False
        return self.evaluator.hierarchy.is_polymorphic(class_) and self.edges.traits.depends_on_receiver(
            function
        )


def confidence_among(targets: int) -> Confidence:
    """How sure an edge to one of so many targets is."""
    return Confidence.HIGH if targets <= 1 else Confidence.MEDIUM if targets <= 4 else Confidence.LOW
