"""What a function body does: which functions it calls, schedules or hands over, and which effects its calls have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import Selector
from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import guards as g
from auditor.link import values as v
from auditor.link.arguments import CallArguments, bound_expressions
from auditor.link.guards import Constraints, Guards
from auditor.link.hierarchy import MAX_OVERRIDES
from auditor.link.stdlib import IMPLIED_METHODS, LAZY
from auditor.link.values import NOTHING, Environment, Value, Values, join, join_all
from auditor.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.catalog.values import Api, ContextChange, Decorates, Runs
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Function, Module

MAX_TARGETS: Final = MAX_OVERRIDES
MAX_ENVIRONMENTS: Final = 200
"""Variants of one higher-order function, by the callables it is given; what comes later is not told apart."""


RAISE_INTERNAL_ERRORS = bool(os.environ.get("AUDITOR_RAISE"))
"""For tests and for finding our own faults: let an unexpected exception in one function end the run."""


class Node:
    """A function together with what the callables among its parameters are."""

    __slots__ = ("environment", "function", "id")

    def __init__(self, function: Function, environment: Environment, identifier: int) -> None:
        self.function = function
        self.environment = environment
        self.id = identifier

    def __repr__(self) -> str:
        return f"{self.function!r}{'*' if self.environment else ''}"


class Place:
    """A span in a function: UTF-8 byte columns from 0. ``call`` is the number of the call, or -1."""

    __slots__ = ("call", "column", "end_column", "end_line", "line")

    def __init__(self, line: int, column: int, end_line: int, end_column: int, call: int = -1) -> None:
        self.line = line
        self.column = column
        self.end_line = end_line
        self.end_column = end_column
        self.call = call


class Edge:
    """One step from a function to another. ``how`` is a short word for the witness: call, offload, schedule ..."""

    __slots__ = ("confidence", "constraints", "how", "place", "role", "target", "transform")

    def __init__(
        self,
        target: Node,
        place: Place,
        transform: c.Transform,
        confidence: Confidence,
        constraints: Constraints,
        how: str,
        role: str = "",
    ) -> None:
        self.target = target
        self.place = place
        self.transform = transform
        self.confidence = confidence
        self.constraints = constraints
        self.how = how
        self.role = role


class Sink:
    """A call, or an operation that implies one, with an effect that the catalog knows."""

    __slots__ = ("api", "arguments", "callee", "confidence", "constraints", "place", "region")

    def __init__(
        self,
        place: Place,
        callee: str,
        api: Api,
        arguments: CallArguments | None,
        constraints: Constraints,
        confidence: Confidence,
        region: int,
    ) -> None:
        self.place = place
        self.callee = callee
        self.api = api
        self.arguments = arguments
        self.constraints = constraints
        self.confidence = confidence
        self.region = region


class HandedOver:
    """A callable position of an offloading API that holds a call: the result is handed over, not the function.

    ``place`` is that of the call within.
    """

    __slots__ = ("argument_call", "constraints", "offloader", "place")

    def __init__(self, module: Module, argument_call: int, offloader: str, constraints: Constraints) -> None:
        self.place = place_of(module, argument_call)
        self.argument_call = argument_call
        self.offloader = offloader
        self.constraints = constraints


def place_of(module: Module, number: int) -> Place:
    """Where a call stands."""
    call = module.facts.calls[number]
    return Place(call[f.C_LINE], call[f.C_COLUMN], call[f.C_END_LINE], call[f.C_END_COLUMN], number)


class Body:
    """Everything that one node does."""

    __slots__ = ("edges", "externals", "handed_over", "sinks")

    def __init__(self) -> None:
        self.edges: list[Edge] = []
        self.sinks: list[Sink] = []
        self.handed_over: list[HandedOver] = []
        self.externals: list[tuple[int, str]] = []  # (call, dotted name)


class Edges:
    """Finds the body of a node; the graph asks for those that some context reaches."""

    def __init__(self, evaluator: Evaluator, *, record_all: bool = False) -> None:
        self.evaluator = evaluator
        self.guards = Guards(evaluator)
        self.nodes: list[Node] = []
        self.faults: dict[Function, str] = {}  # functions that our own code failed on, and how
        self._nodes: dict[tuple[Function, Environment], Node] = {}
        self._variants: dict[Function, int] = {}
        self._bodies: dict[Node, Body] = {}
        self._uses: dict[Module, dict[tuple[int, int], list[int]]] = {}
        self._sensitive: dict[Function, bool] = {}
        self._transforms: dict[tuple[object, ...], c.Transform] = {}
        self._apis: dict[str, Api | None] = {}
        self._runs: dict[str, tuple[Runs, ...]] = {}
        self._offloads: dict[Function, frozenset[int]] = {}
        self.record_all = (
            record_all  # keep calls that do nothing of interest too, for a dump of the call graph
        )
        self._implementations: dict[Function, list[Function]] = {}
        self._inert: dict[Module, bytearray] = {}
        self._inert_names: dict[str, bool] = {}
        self._telling: dict[Function, tuple[tuple[int, ...], frozenset[int]]] = {}

    def node(self, function: Function, environment: Environment = ()) -> Node:
        """The node of a function, without or with an environment."""
        key = (function, environment)
        known = self._nodes.get(key)
        if known is None:
            if environment:
                count = self._variants.get(function, 0) + 1
                if count > MAX_ENVIRONMENTS:
                    return self.node(function)
                self._variants[function] = count
            known = self._nodes[key] = Node(function, environment, len(self.nodes))
            self.nodes.append(known)
        return known

    def body(self, node: Node) -> Body:
        """What the node does."""
        known = self._bodies.get(node)
        if known is None:
            builder = _BodyBuilder(self, node)
            try:
                builder.build()
            except Exception as error:
                if RAISE_INTERNAL_ERRORS:
                    raise
                self.faults.setdefault(node.function, f"{type(error).__name__}: {error}")
            known = self._bodies[node] = builder.result
        return known

    def api(self, dotted: str) -> Api | None:
        try:
            return self._apis[dotted]
        except KeyError:
            found = self._apis[dotted] = self.evaluator.catalog.api(dotted)
            return found

    def implementations(self, function: Function) -> list[Function]:
        """Functions registered with one that ``functools.singledispatch`` decorates."""
        known = self._implementations.get(function)
        if known is None:
            known = self._implementations[function] = []
            values = [self.evaluator.values(function.module, d) for d in function.facts.decorators]
            if any(x.kind == v.EXTERNAL and x.a in _SINGLE_DISPATCH for found in values for x in found):
                known.extend(self._registered(function))
        return known

    def _registered(self, function: Function) -> list[Function]:
        found: list[Function] = []
        for module in self.evaluator.program.modules:
            exprs = module.facts.exprs
            for call in module.facts.calls:
                if not call[f.C_FLAGS] & f.IS_DECORATOR:
                    continue
                callee = exprs[call[f.C_CALLEE]]
                if callee[0] == f.CALL:
                    callee = exprs[module.facts.calls[callee[1]][f.C_CALLEE]]
                if callee[0] != f.ATTR or callee[2] != "register":
                    continue
                if any(
                    x.kind == v.FUNCTION and x.a is function for x in self.evaluator.values(module, callee[1])
                ):
                    given = self.evaluator.values(module, call[f.C_ARGS][0])
                    found.extend(x.a for x in given if x.kind == v.FUNCTION)
        return found

    def inert(self, module: Module) -> bytearray:
        """One byte for each expression of the file: 1 for a callee that is known to do nothing of interest."""
        known = self._inert.get(module)
        if known is None:
            known = self._inert[module] = bytearray(len(module.facts.exprs))
        return known

    def are_inert(self, values: Values) -> bool:
        """Whether calling any of these does nothing but what the outside does by itself."""
        if self.record_all:
            return False
        known = self._inert_names
        for value in values:
            if value.kind != v.EXTERNAL:
                return False
            dotted = value.a
            inert = known.get(dotted)
            if inert is None:
                api = self.api(dotted)
                inert = known[dotted] = (
                    (api is None or api.effect == "none")
                    and not self.runs(dotted)
                    and dotted != "asyncio.get_running_loop"
                    and not self.evaluator.hierarchy.is_defined(IMPLIED_METHODS.get(dotted, ""))
                    and not self.evaluator.catalog.is_server(dotted)
                )
            if not inert:
                return False
        return True

    def runs(self, dotted: str) -> tuple[Runs, ...]:
        known = self._runs.get(dotted)
        if known is None:
            known = self._runs[dotted] = self.evaluator.catalog.runs(dotted)
        return known

    def transform(
        self, change: ContextChange, *, drives: bool = False, relative: bool = False, task: bool = False
    ) -> c.Transform:
        key = (change, drives, relative, task)
        known = self._transforms.get(key)
        if known is None:
            known = self._transforms[key] = c.Transform(change, drives=drives, relative=relative, task=task)
        return known

    def uses(self, module: Module) -> dict[tuple[int, int], list[int]]:
        """Where parameters of the file, as (function, index), may be called: numbers of the calls that they are passed
        to, or -1 for a parameter that is called itself.
        """
        known = self._uses.get(module)
        if known is None:
            known = self._uses[module] = {}
            exprs = module.facts.exprs
            for number, call in enumerate(module.facts.calls):
                for parameter in _parameters_in(exprs, [call[f.C_CALLEE]]):
                    known.setdefault(parameter, []).append(-1)
                given = [
                    e
                    for e in (*call[f.C_ARGS], *[e for _, e in call[f.C_KEYWORDS]])
                    if exprs[e][0] in _CARRIERS
                ]
                if given:
                    for parameter in _parameters_in(exprs, given):
                        known.setdefault(parameter, []).append(number)
            for function in module.facts.functions:
                for record in function.iterations:
                    expression = exprs[record[0]]
                    if expression[0] == f.PARAM:
                        known.setdefault((expression[1], expression[2]), []).append(-1)
        return known

    def telling(self, function: Function) -> tuple[tuple[int, ...], frozenset[int]]:
        """Parameters that tell variants of the function apart: those that may hold callables, and tested flags."""
        known = self._telling.get(function)
        if known is None:
            flags = self.evaluator.results.tested_parameters(function)
            self._telling[function] = ((), flags)  # for recursion
            uses = self.uses(function.module)
            callables = tuple(
                i for i in range(len(function.facts.params)) if self._may_be_called(function, i, uses)
            )
            known = self._telling[function] = (callables, flags)
        return known

    def _may_be_called(self, function: Function, index: int, uses: dict[tuple[int, int], list[int]]) -> bool:
        numbers = uses.get((function.number, index))
        if not numbers:
            return False
        if -1 in numbers:
            return True
        module = function.module
        evaluator = self.evaluator
        for number in numbers:
            for value in evaluator.values(module, module.facts.calls[number][f.C_CALLEE]):
                kind = value.kind
                if kind == v.EXTERNAL:
                    if self.runs(value.a) or value.a in _FORWARDING:
                        return True
                elif kind == v.FUNCTION:
                    if self.telling(value.a)[0] or value.b:
                        return True
                elif kind == v.BOUND:
                    if self.telling(value.a.a)[0]:
                        return True
                elif kind in (v.CLASS, v.INSTANCE, v.PARTIAL, v.PARAMETER, v.SUPER):
                    return True
        return False

    def depends_on_receiver(self, function: Function) -> bool:
        """Whether what ``self`` exactly is decides what the method reaches: it uses what subclasses change."""
        known = self._sensitive.get(function)
        if known is None:
            self._sensitive[function] = False  # for recursion
            known = self._sensitive[function] = self._uses_overridden(function)
        return known

    def _uses_overridden(self, function: Function) -> bool:
        class_ = function.class_
        if class_ is None:
            return False
        hierarchy = self.evaluator.hierarchy
        module = function.module
        exprs = module.facts.exprs
        bodies = [function]
        names: dict[str, None] = {}
        while bodies:
            body = bodies.pop()
            bodies.extend(x for x in module.functions[body.number + 1 :] if x.parent is body)
            positions = [module.facts.calls[n][f.C_CALLEE] for n in body.facts.calls]
            positions.extend(record[0] for record in body.facts.reads)
            for position in positions:
                expression = exprs[position]
                if expression[0] != f.ATTR:
                    if expression == (f.GLOBAL, "super") and hierarchy.super_varies(class_):
                        return True
                    continue
                base = exprs[expression[1]]
                if base[0] == f.PARAM and base[1] == function.number and base[2] == 0:
                    names[expression[2]] = None
        for name in names:
            if hierarchy.is_overridden(class_, name):
                return True
        receiver = self.evaluator.interner.instance(class_, virtual=False)
        for name in names:
            for method in hierarchy.methods(receiver, name):
                if method.kind == v.BOUND and self.depends_on_receiver(method.a.a):
                    return True
        return False

    def offloads(self, function: Function) -> frozenset[int]:
        """Parameters whose value the function hands to an offloader, itself or through others of its kind."""
        known = self._offloads.get(function)
        if known is None:
            self._offloads[function] = frozenset()  # for recursion
            known = self._offloads[function] = frozenset(self._offloaded(function))
        return known

    def _offloaded(self, function: Function) -> set[int]:
        module = function.module
        evaluator = self.evaluator
        exprs = module.facts.exprs
        found: set[int] = set()
        for number in function.facts.calls:
            call = module.facts.calls[number]
            given = (*call[f.C_ARGS], *[e for _, e in call[f.C_KEYWORDS]])
            if not any(exprs[e][0] == f.PARAM and exprs[e][1] == function.number for e in given):
                continue
            for value in evaluator.values(module, call[f.C_CALLEE]):
                if value.kind == v.EXTERNAL:
                    arguments = CallArguments(evaluator, module, number)
                    for entry in self.runs(value.a):
                        if entry.kind in ("offload", "thread") and entry.matches(arguments):
                            found.update(
                                exprs[e][2]
                                for e in arguments.expressions(entry.callable)
                                if exprs[e][0] == f.PARAM and exprs[e][1] == function.number
                            )
                elif value.kind in (v.FUNCTION, v.BOUND):
                    target: Function = value.a if value.kind == v.FUNCTION else value.a.a
                    skip = 0 if value.kind == v.FUNCTION else 1
                    for index in self.offloads(target):
                        for e in bound_expressions(module, number, target, index, skip) or ():
                            if exprs[e][0] == f.PARAM and exprs[e][1] == function.number:
                                found.add(exprs[e][2])
        return found

    def environment_for(
        self, function: Function, captured: Environment, given: Iterable[tuple[int, Values]]
    ) -> Environment:
        """The environment of a call: what the closure holds, and the callables among the arguments."""
        entries = dict(captured)
        for index, values in given:
            callables = tuple(x for x in values if x.kind in _PASSED)
            if callables:
                entries[function, index] = callables
        if not entries:
            return ()
        return tuple(sorted(entries.items(), key=lambda item: (item[0][0].id, item[0][1])))


class _BodyBuilder:
    """Builds one body; symbolic parameters are replaced by what the node's environment holds."""

    def __init__(self, edges: Edges, node: Node) -> None:
        self.edges = edges
        self.node = node
        self.function = node.function
        self.module = node.function.module
        self.evaluator = edges.evaluator
        self.environment = dict(node.environment)
        self.result = Body()
        self.constants = {
            index: values[0].a
            for (owner, index), values in node.environment
            if owner is node.function and len(values) == 1 and values[0].kind == v.CONSTANT
        }
        self.receiver = self._receiver()

    # -- values under the environment --------------------------------------------------------------------------

    def _receiver(self) -> tuple[int, Value] | None:
        """What ``self`` is in this node, where the environment knows it: (number of the method, value)."""
        if not self.environment:
            return None
        owner: Function | None = self.function
        while owner is not None and not owner.is_method:
            owner = owner.parent
        if owner is None:
            return None
        found = self.environment.get((owner, 0))
        return (owner.number, found[0]) if found and len(found) == 1 else None

    def values(self, position: int) -> Values:
        if self.receiver is not None:
            seen = self.seen_by_receiver(position)
            if seen is not None:
                return seen
        values = self.evaluator.values(self.module, position)
        if len(values) > 1 and self.receiver is None:
            values = self.possible_overrides(position, values)
        for value in values:
            if value.kind in _OPEN:
                return self.open_values(values)
        return values

    def possible_overrides(self, position: int, values: Values) -> Values:
        """``self.name`` without the overrides of classes that have another version of this very method."""
        function = self.function
        class_ = function.class_
        expression = self.module.facts.exprs[position]
        if class_ is None or expression[0] != f.ATTR:
            return values
        if self.module.facts.exprs[expression[1]] != (f.PARAM, function.number, 0):
            return values
        hierarchy = self.evaluator.hierarchy
        return tuple(
            x
            for x in values
            if x.kind != v.BOUND
            or x.b.kind != v.INSTANCE
            or x.b.a is class_
            or hierarchy.reaches(x.b.a, function.facts.name, class_)
        )

    def seen_by_receiver(self, position: int) -> Values | None:
        """``self``, ``self.name`` and ``super().name`` with the exact class of ``self``."""
        if self.receiver is None:
            return None
        number, receiver = self.receiver
        exprs = self.module.facts.exprs
        expression = exprs[position]
        if expression[0] == f.PARAM:
            return receiver.one if expression[1] == number and expression[2] == 0 else None
        if expression[0] == f.CALL:
            callee = exprs[self.module.facts.calls[expression[1]][f.C_CALLEE]]
            if callee == (f.GLOBAL, "super"):
                found = self.evaluator.values(self.module, position)
                if len(found) == 1 and found[0].kind == v.SUPER:
                    return self.evaluator.interner.make(v.SUPER, found[0].a, receiver).one
            return None
        if expression[0] == f.ATTR:
            base = self.seen_by_receiver(expression[1])
            if base is not None:
                hierarchy = self.evaluator.hierarchy
                return join_all(
                    [hierarchy.attribute(x, expression[2]) for x in self.evaluator.concrete(base)]
                )
        return None

    def open_values(self, values: Values) -> Values:
        values = self.without_foreign(values)
        if not self.environment:
            return values
        return self.evaluator.results.replace(values, self._look_up, self.function, 0)

    def without_foreign(self, values: Values) -> Values:
        """Parameters of other functions got here through the heap: they are whatever anybody passes there."""
        if not any(x.kind == v.PARAMETER and not self.is_around(x.a) for x in values):
            return values
        result: Values = NOTHING
        for value in values:
            if value.kind == v.PARAMETER and not self.is_around(value.a):
                result = join(result, self.evaluator.argument_values(value.a, value.b))
            else:
                result = join(result, value.one)
        return result

    def is_around(self, function: Function) -> bool:
        owner: Function | None = self.function
        while owner is not None:
            if owner is function:
                return True
            owner = owner.parent
        return False

    def _look_up(self, owner: Function, index: int) -> Values | None:
        return self.environment.get((owner, index))

    # -- the body ----------------------------------------------------------------------------------------------

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
            if self.constants and not self.evaluator.results.region_possible(
                module, region, self.function, self.constants
            ):
                continue
            if call[f.C_FLAGS] & f.IS_DECORATOR:
                self.decoration(number, call, place_of(module, number), constraints)
                continue
            values = self.narrowed(callee, region) if region else self.values(callee)
            if not values:
                if module.memo[callee] is not None:
                    inert[callee] = 1
                continue
            if values[0].kind == v.EXTERNAL and self.edges.are_inert(values):
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
            self.call(
                values, number, place_of(module, number), constraints, bool(call[f.C_FLAGS] & f.AWAITED)
            )
        self.implicit_calls()
        return self.result

    def narrowed(self, position: int, region: int) -> Values:
        """The values of a callee; those of ``x.name`` without the types that ``isinstance`` around it rules out."""
        expression = self.module.facts.exprs[position]
        if not region or expression[0] != f.ATTR:
            return self.values(position)
        tests = self.isinstance_tests(expression[1], region)
        if not tests:
            return self.values(position)
        kept = [
            value
            for value in self.evaluator.concrete(self.values(expression[1]))
            if all(self.is_instance(value, types) in (None, positive) for types, positive in tests)
        ]
        return join_all([self.evaluator.hierarchy.attribute(value, expression[2]) for value in kept])

    def isinstance_tests(self, subject: int, region: int) -> list[tuple[Values, bool]]:
        found = []
        regions, exprs = self.module.facts.regions, self.module.facts.exprs
        while region:
            kind, parent, data, positive = regions[region]
            if kind == f.IF:
                polarity = bool(positive)
                pending = [(exprs[data], polarity)]
                while pending:
                    test, wanted = pending.pop()
                    if test[0] == f.NOT:
                        pending.append((exprs[test[1]], not wanted))
                    elif test[0] == f.BOOLEAN and (test[1] == "and") == wanted:
                        pending.extend((exprs[p], wanted) for p in test[2])
                    elif test[0] == f.CALL:
                        call = self.module.facts.calls[test[1]]
                        if (
                            exprs[call[f.C_CALLEE]] == (f.GLOBAL, "isinstance")
                            and len(call[f.C_ARGS]) == 2
                            and call[f.C_ARGS][0] == subject
                        ):
                            types = self.evaluator.values(self.module, call[f.C_ARGS][1])
                            types = join_all(
                                [
                                    self.evaluator.items(x.one, None) if x.kind == v.CONTAINER else x.one
                                    for x in types
                                ]
                            )
                            found.append((types, wanted))
            region = parent
        return found

    def is_instance(self, value: Value, types: Values) -> bool | None:
        """Whether the object surely is, or surely is not, of one of the types; None where that is open."""
        if not types:
            return None
        order: tuple[object, ...]
        if value.kind == v.INSTANCE:
            order = self.evaluator.hierarchy.order(value.a)
        else:
            name = self.evaluator.type_name(value)
            if not name:
                return None
            order = self.evaluator.catalog.mro(name)
        for kind in types:
            if kind.kind not in (v.CLASS, v.EXTERNAL):
                return None
            if kind.a in order:
                return True
        if value.kind == v.INSTANCE and value.b:
            below = self.evaluator.hierarchy.descendants(value.a)
            if any(kind.a in self.evaluator.hierarchy.order(c) for kind in types for c in below):
                return None
        return False

    def call(
        self, values: Values, number: int, place: Place, constraints: Constraints, awaited: bool
    ) -> None:
        """Everything that calling one of ``values`` may do."""
        if len(values) == 1:
            value = values[0]
            if value.kind == v.FUNCTION and not value.a.facts.decorators:
                function = value.a
                asyncness = self.guarded_asyncness(number)
                if asyncness is None or function.is_async == asyncness:
                    self.call_edge(value, function, 0, number, place, constraints, Confidence.HIGH)
                return
            if value.kind == v.BOUND:
                function = value.a.a
                asyncness = self.guarded_asyncness(number)
                if asyncness is None or function.is_async == asyncness:
                    self.call_edge(value.a, function, 1, number, place, constraints, Confidence.HIGH, value.b)
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
        if awaited and len(targets) > 1:
            targets = self.awaitable(targets)
        if len({t[1] for t in targets}) > MAX_TARGETS:
            return
        confidence = _confidence(len({t[1] for t in targets}))
        asyncness = self.guarded_asyncness(number)
        for value, function, skip in targets:
            if asyncness is not None and function.is_async != asyncness:
                continue
            self.call_edge(
                value, function, skip, number, place, constraints, confidence, receivers.get(value)
            )

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
                    (self.evaluator.interner.function(x), x, 0) for x in self.edges.implementations(value.a)
                )
        elif kind == v.BOUND:
            targets.append((value.a, value.a.a, 1))
        elif kind == v.EXTERNAL:
            self.external(value.a, number, place, constraints)
        elif kind == v.CLASS:
            self.construction(value, number, place, constraints, targets)
        elif kind == v.INSTANCE:
            for method in self.evaluator.hierarchy.methods(value, "__call__"):
                self.collect(method, number, place, constraints, targets)
        elif kind == v.PARTIAL:
            for inner in self.open_values(value.a):
                self.partial(inner, value.b, place, constraints)
        elif kind == v.CONTAINER_METHOD:
            type_name = self.evaluator.type_name(value.a)
            if type_name:
                self.external(f"{type_name}.{value.b}", number, place, constraints)
        elif kind == v.METHOD_CALLER:
            arguments = self.module.facts.calls[number][f.C_ARGS]
            for receiver in self.evaluator.concrete(self.values(arguments[0])) if arguments else ():
                for method in self.evaluator.hierarchy.attribute(receiver, value.a):
                    self.collect(method, number, place, constraints, targets)
        elif kind == v.PARAMETER:
            for given in self.evaluator.concrete(value.one):
                if given.kind == v.INSTANCE:
                    self.collect(given, number, place, constraints, targets)

    def construction(
        self,
        value: Value,
        number: int,
        place: Place,
        constraints: Constraints,
        targets: list[tuple[Value, Function, int]],
    ) -> None:
        class_: Class = value.a
        hierarchy = self.evaluator.hierarchy
        instance = self.evaluator.interner.instance(class_, virtual=False)
        metaclass = hierarchy.metaclass(class_)
        if metaclass is not None:
            targets.extend(self.function_targets(self.evaluator.interner.instance(metaclass, virtual=False)))
        for name in ("__new__", "__init__", "__post_init__"):
            found = (
                hierarchy.attribute(value, name) if name == "__new__" else hierarchy.methods(instance, name)
            )
            for method in found:
                if method.kind == v.BOUND:
                    targets.append((method.a, method.a.a, 1))
                elif method.kind == v.FUNCTION:
                    targets.append((method, method.a, 1))
        for module, field in hierarchy.default_factories(class_):
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
        for index in self.edges.offloads(function):
            for e in bound_expressions(self.module, number, function, index, skip) or ():
                if exprs[e][0] == f.CALL:
                    self.result.handed_over.append(
                        HandedOver(self.module, exprs[e][1], function.qualname, constraints)
                    )

    def entry(self, function: Function) -> c.Transform:
        return c.COROUTINE if function.facts.kind == f.ASYNC_DEF else c.PLAIN

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
        callables, flags = self.edges.telling(function)
        if not callables and not flags and (receiver is None or not self.tells_more(receiver, function)):
            return captured
        given: list[tuple[int, Values]] = []
        for index in callables:
            if index >= skip:
                expressions = bound_expressions(site[0], site[1], function, index, skip - first)
                if expressions is not None:
                    given.append((index, join_all([self.values_at(site[0], e) for e in expressions])))
                else:
                    default = function.facts.params[index][3]
                    if default > 0:
                        given.append((index, self.evaluator.values(function.module, default)))
        if receiver is not None and self.tells_more(receiver, function):
            given.append((0, receiver.one))
        environment = self.edges.environment_for(function, captured, given)
        if flags:
            constants = self.evaluator.results.constants(function, site, skip - first, flags)
            if constants:
                interner = self.evaluator.interner
                entries = dict(environment)
                for index, constant in constants.items():
                    if (function, index) not in entries:
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
        return self.evaluator.hierarchy.is_polymorphic(class_) and self.edges.depends_on_receiver(function)

    def values_at(self, module: Module, position: int) -> Values:
        values = self.evaluator.values(module, position)
        return self.open_values(values)

    def awaitable(self, targets: list[tuple[Value, Function, int]]) -> list[tuple[Value, Function, int]]:
        """At an awaited call only what can be awaited: coroutine functions, and functions that return awaitables."""
        kept = []
        for target in targets:
            function = target[1]
            if function.is_async:
                kept.append(target)
                continue
            returned = self.evaluator.results.returned(target[0])
            if any(x.kind in (v.COROUTINE, v.AWAITABLE, v.EXTERNAL_INSTANCE, v.INSTANCE) for x in returned):
                kept.append(target)
        return kept or targets

    def guarded_asyncness(self, number: int) -> bool | None:
        """Whether a test around the call says that its callee is a coroutine function (True), or is not (False)."""
        call = self.module.facts.calls[number]
        region = call[f.C_REGION]
        if not region:
            return None
        exprs = self.module.facts.exprs
        while region:
            kind, parent, data, positive = self.module.facts.regions[region]
            if kind == f.IF:
                expression = exprs[data]
                polarity = bool(positive)
                while expression[0] == f.NOT:
                    expression = exprs[expression[1]]
                    polarity = not polarity
                if expression[0] == f.CALL:
                    test = self.module.facts.calls[expression[1]]
                    if test[f.C_ARGS] and test[f.C_ARGS][0] == call[f.C_CALLEE]:
                        for value in self.evaluator.values(self.module, test[f.C_CALLEE]):
                            if value.kind == v.EXTERNAL and value.a.rpartition(".")[2] in _COROUTINE_TESTS:
                                return polarity
            region = parent
        return None

    # -- outside the program -----------------------------------------------------------------------------------

    def external(self, dotted: str, number: int, place: Place, constraints: Constraints) -> None:
        """A call of something outside the program: its own effect, and what it does with callables."""
        self.result.externals.append((number, dotted))
        implied = IMPLIED_METHODS.get(dotted)
        if implied is not None:
            call = self.module.facts.calls[number]
            for value in self.evaluator.concrete(self.values(call[f.C_ARGS][0])) if call[f.C_ARGS] else ():
                if value.kind == v.INSTANCE:
                    self.dunder(value, (implied,), place, call[f.C_REGION], constraints, "call")
                elif value.kind == v.GENERATOR and implied == "__next__":
                    self.generator_body(value, place, constraints, "iterate")
        api = self.edges.api(dotted)
        arguments: CallArguments | None = None
        if api is not None and api.effect != "none":
            arguments = CallArguments(self.evaluator, self.module, number)
            if (
                api.applies(arguments)
                and not self.is_class_check(dotted, number)
                and not self.is_done_already(dotted, number)
            ):
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

    def is_class_check(self, dotted: str, number: int) -> bool:
        """A coroutine of that name made by an awaited call is not the blocking one."""
        return bool(self.module.facts.calls[number][f.C_FLAGS] & f.AWAITED) and not dotted.startswith(
            "builtins."
        )

    def is_done_already(self, dotted: str, number: int) -> bool:
        """``future.result()`` where a test around it says that the future is done."""
        call = self.module.facts.calls[number]
        exprs = self.module.facts.exprs
        callee = exprs[call[f.C_CALLEE]]
        if callee[0] != f.ATTR or callee[2] not in ("result", "exception"):
            return False
        region = call[f.C_REGION]
        regions = self.module.facts.regions
        while region:
            kind, parent, data, positive = regions[region]
            pending = [(data, bool(positive))] if kind == f.IF else []
            while pending:
                position, wanted = pending.pop()
                test = exprs[position]
                if test[0] == f.NOT:
                    pending.append((test[1], not wanted))
                elif test[0] == f.BOOLEAN and (test[1] == "and") == wanted:
                    pending.extend((p, wanted) for p in test[2])
                elif test[0] == f.CALL and wanted:
                    tested = exprs[self.module.facts.calls[test[1]][f.C_CALLEE]]
                    if tested == (f.ATTR, callee[1], "done"):
                        return True
            region = parent
        return False

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
            if entry.result == "wrapper" or dotted in LAZY:
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
            if entry.kind in ("offload", "thread"):
                found = self.module.facts.exprs[expression]
                if found[0] == f.CALL:
                    self.result.handed_over.append(HandedOver(self.module, found[1], dotted, constraints))

    def run_value(
        self, value: Value, entry: Runs, number: int, place: Place, constraints: Constraints
    ) -> None:
        kind = value.kind
        if entry.methods and kind in (v.CLASS, v.INSTANCE):
            instance = self.evaluator.interner.instance(value.a, virtual=False) if kind == v.CLASS else value
            for name in entry.methods:
                for method in self.evaluator.hierarchy.methods(instance, name):
                    self.run_value(method, entry, number, place, constraints)
            return
        if kind in (v.COROUTINE, v.GENERATOR, v.MANAGER):
            if value.a is not None:
                for target, function, _ in self.function_targets(value.a):
                    captured = target.b if target.kind == v.FUNCTION else ()
                    self.run_function(function, captured or (), entry, place, constraints)
            return
        if kind == v.AWAITABLE:
            return
        if kind == v.EXTERNAL:
            self.run_external(value.a, entry, number, place, constraints)
            return
        if kind == v.PARTIAL:
            for inner in self.open_values(value.a):
                if inner.kind == v.EXTERNAL:
                    self.run_external(inner.a, entry, number, place, constraints)
                for target, function, skip in self.function_targets(inner):
                    environment = self.environment_at(target, function, skip, value.b, first=1)
                    self.run_function(function, environment, entry, place, constraints)
            return
        if kind == v.LAZY:
            for inner in self.open_values(value.b[0]):
                self.run_value(inner, entry, number, place, constraints)
            for inner in self.open_values(value.a):
                self.run_value(inner, entry, number, place, constraints)
            return
        for target, function, skip in self.function_targets(value):
            if function.facts.is_generator and entry.kind not in ("iterate", "register"):
                continue
            environment = self.passed_environment(target, function, skip, entry, number)
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
        """Callables among the arguments that the API passes on to what it runs."""
        captured: Environment = target.b or () if target.kind == v.FUNCTION else ()
        if entry.passes != "rest" or entry.callable.position is None:
            return captured
        if not self.edges.telling(function)[0]:
            return captured
        arguments = self.module.facts.calls[number][f.C_ARGS][entry.callable.position + 1 :]
        given = []
        for offset, argument in enumerate(arguments):
            index = skip + offset
            if index >= len(function.facts.params):
                break
            values = self.values(argument)
            kind = function.facts.params[index][1]
            given.append((index, values))
            if kind == f.VARARGS:
                given[-1] = (index, join_all([self.values(a) for a in arguments[offset:]]))
                break
        return self.edges.environment_for(function, captured, given)

    def run_function(
        self,
        function: Function,
        environment: Environment,
        entry: Runs,
        place: Place,
        constraints: Constraints,
    ) -> None:
        change = entry.async_ if function.facts.kind == f.ASYNC_DEF else entry.sync
        if change is None:
            return
        if entry.kind == "call" and change.thread is None and change.loop is None and change.phase is None:
            transform = self.entry(function)
        else:
            transform = self.edges.transform(
                change,
                drives=entry.kind == "drive",
                relative=entry.kind in ("schedule", "register"),
                task=entry.role == "task",
            )
        self.add_edge(
            function, environment, place, transform, Confidence.HIGH, constraints, entry.kind, entry.role
        )

    def function_targets(self, value: Value) -> list[tuple[Value, Function, int]]:
        """Functions of the program that calling ``value`` runs, without recording anything."""
        kind = value.kind
        hierarchy = self.evaluator.hierarchy
        if kind == v.FUNCTION:
            return [(value, value.a, 0)]
        if kind == v.BOUND:
            return [(value.a, value.a.a, 1)]
        if kind == v.CLASS:
            instance = self.evaluator.interner.instance(value.a, virtual=False)
            return [(m.a, m.a.a, 1) for m in hierarchy.methods(instance, "__init__") if m.kind == v.BOUND]
        if kind == v.INSTANCE:
            return [(m.a, m.a.a, 1) for m in hierarchy.methods(value, "__call__") if m.kind == v.BOUND]
        return []

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

    # -- decorators --------------------------------------------------------------------------------------------

    def decoration(self, number: int, call: tuple, place: Place, constraints: Constraints) -> None:  # type: ignore[type-arg]
        """Applying a decorator: a call of a function of the program, or a registration with a framework."""
        expression = self.module.facts.exprs[call[f.C_CALLEE]]
        decorated = self.values(call[f.C_ARGS][0])
        if expression[0] == f.CALL:
            factory = self.module.facts.calls[expression[1]]
            for value in self.values(factory[f.C_CALLEE]):
                if value.kind == v.EXTERNAL:
                    self.register(value.a, decorated, expression[1], place, constraints, factory=True)
        values = self.values(call[f.C_CALLEE])
        for value in values:
            if value.kind == v.EXTERNAL:
                self.register(value.a, decorated, None, place, constraints, factory=False)
        self.call([x for x in values if x.kind != v.EXTERNAL], number, place, constraints, False)  # type: ignore[arg-type]

    def register(
        self,
        dotted: str,
        decorated: Values,
        factory_call: int | None,
        place: Place,
        constraints: Constraints,
        *,
        factory: bool,
    ) -> None:
        for entry in self.evaluator.catalog.decorates(dotted):
            if entry.factory is not None and entry.factory != factory:
                continue
            if entry.when:
                if factory_call is None:
                    continue
                if not entry.matches(CallArguments(self.evaluator, self.module, factory_call)):
                    continue
            if entry.kind == "register":
                for value in decorated:
                    self.register_value(value, entry, place, constraints)
            break

    def register_value(self, value: Value, entry: Decorates, place: Place, constraints: Constraints) -> None:
        for target, function, _ in self.function_targets(value):
            change = entry.async_ if function.facts.kind == f.ASYNC_DEF else entry.sync
            if change is None:
                continue
            transform = self.edges.transform(change, relative=True)
            environment: Environment = target.b or () if target.kind == v.FUNCTION else ()
            self.add_edge(
                function, environment, place, transform, Confidence.HIGH, constraints, "register", entry.role
            )

    # -- implicit calls ----------------------------------------------------------------------------------------

    def implicit_calls(self) -> None:
        facts = self.function.facts
        properties = self.evaluator.hierarchy.property_names()
        exprs = self.module.facts.exprs
        accessed: dict[int, list[Function]] = {}
        for record in facts.reads if properties else ():
            position = record[0]
            expression = exprs[position]
            if expression[2] in properties:
                found = accessed.get(position)
                if found is None:
                    found = accessed[position] = self.accessors(expression[1], expression[2], "getter")
                if found:
                    self.property_access(found, record[1:5], record[5])
        for write in facts.writes:
            if write[1] in properties:
                self.property_access(self.accessors(write[0], write[1], "setter"), write[3:7], write[7])
        for with_record in facts.withs:
            self.with_item(with_record)
        for iteration in facts.iterations:
            self.iteration(iteration)
        for operator in facts.operators:
            self.operator(operator)

    def constraints_at(self, region: int) -> Constraints | None:
        constraints = self.edges.guards.of(self.module, region)
        if g.DEAD in constraints:
            return None
        if self.constants and not self.evaluator.results.region_possible(
            self.module, region, self.function, self.constants
        ):
            return None
        return constraints

    def accessors(self, base: int, name: str, role: str) -> list[Function]:
        """Property functions that reading or writing the attribute runs."""
        found: list[Function] = []
        for value in self.evaluator.concrete(self.values(base)):
            for function in self.evaluator.hierarchy.accessors(value, name, role):
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
                function, (), place, self.entry(function), _confidence(len(found)), constraints, "property"
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
                methods = self.evaluator.hierarchy.methods(value, name)
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
                                _confidence(len(methods)),
                                constraints,
                                "iterate",
                            )
                        else:
                            self.add_edge(
                                function,
                                (),
                                place,
                                self.entry(function),
                                _confidence(len(methods)),
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
                self.generator_body(value, place, constraints, "with")
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
        for value in values:
            self.iterate(value, place, region, constraints, is_async=is_async)

    def iterate(
        self, value: Value, place: Place, region: int, constraints: Constraints, *, is_async: bool
    ) -> None:
        if value.kind == v.GENERATOR:
            self.generator_body(value, place, constraints, "iterate")
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
                for method in self.evaluator.hierarchy.methods(value, "__iter__"):
                    for produced in self.evaluator.results.of_value(method, None):
                        if produced is not value and produced.kind == v.INSTANCE:
                            self.dunder(produced, ("__next__",), place, region, constraints, "iterate")

    def generator_body(self, value: Value, place: Place, constraints: Constraints, how: str) -> None:
        if value.a is None:
            return
        for target, function, _ in self.function_targets(value.a):
            captured: Environment = target.b or () if target.kind == v.FUNCTION else ()
            transform = c.COROUTINE if function.facts.kind == f.ASYNC_DEF else c.PLAIN
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


def _confidence(targets: int) -> Confidence:
    return Confidence.HIGH if targets <= 1 else Confidence.MEDIUM if targets <= 4 else Confidence.LOW


_PASSED = frozenset(
    {v.FUNCTION, v.BOUND, v.CLASS, v.PARTIAL, v.EXTERNAL, v.INSTANCE, v.COROUTINE, v.GENERATOR}
)
_OPEN = frozenset(
    {v.PARAMETER, v.FUNCTION, v.BOUND, v.COROUTINE, v.GENERATOR, v.MANAGER, v.AWAITABLE, v.PARTIAL, v.LAZY}
)
_COROUTINE_TESTS = frozenset({"iscoroutinefunction", "iscoroutine", "isawaitable", "is_coroutine_function"})
_SINGLE_DISPATCH = frozenset({"functools.singledispatch", "functools.singledispatchmethod"})
_FORWARDING = frozenset({"functools.partial", "builtins.map", "builtins.filter"})
_CARRIERS = frozenset(
    {f.PARAM, f.STARRED, f.ITEM, f.ITERATE, f.AWAIT, f.UNION, f.PHI, f.LIST, f.TUPLE, f.ANNOTATED, f.BOOLEAN}
)
_CALLABLE_TAGS = frozenset(
    {f.FUNCTION, f.GLOBAL, f.ATTR, f.IMPORTED, f.CALL, f.CLASS, f.DECORATED, f.LIST, f.TUPLE, f.DICT, f.UNION}
)


def _parameters_in(exprs: list[tuple], positions: list[int]) -> set[tuple[int, int]]:  # type: ignore[type-arg]
    """Parameters that the expressions are, or are made of without a call."""
    found = set()
    loops: set[int] = set()
    while positions:
        position = positions.pop()
        expression = exprs[position]
        tag = expression[0]
        if tag == f.PARAM:
            found.add((expression[1], expression[2]))
        elif tag in (f.STARRED, f.ITEM, f.ITERATE, f.AWAIT):
            positions.append(expression[1])
        elif tag in (f.UNION, f.LIST, f.TUPLE):
            positions.extend(expression[1])
        elif tag == f.ANNOTATED:
            positions.append(expression[2])
        elif tag == f.BOOLEAN:
            positions.extend(expression[2])
        elif tag == f.PHI and position not in loops:
            loops.add(position)
            positions.extend(expression[1])
    return found
