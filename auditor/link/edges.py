"""The call graph's nodes and bodies, and what telling one variant of a function from another takes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import misuses, ownership
from auditor.link import values as v
from auditor.link.arguments import CallArguments, bound_expressions
from auditor.link.body import BodyBuilder
from auditor.link.declared import Declarations
from auditor.link.guards import Guards
from auditor.link.imports import Imports
from auditor.link.nodes import Body, Node
from auditor.link.stdlib import GENERATOR_METHODS, IMPLIED_METHODS
from auditor.link.values import Environment, Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.catalog.values import Api, ContextChange, Runs
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

MAX_ENVIRONMENTS: Final = 200
"""Variants of one higher-order function, by the callables it is given; what comes later is not told apart."""
RAISE_INTERNAL_ERRORS: Final = bool(os.environ.get("AUDITOR_RAISE"))
"""For tests and for finding our own faults: let an unexpected exception in one function end the run."""

_OF_INTEREST: Final = ownership.OF_INTEREST | misuses.OF_INTEREST
_NONE: frozenset[int] = frozenset()
_CALLED = [-1]
_PASSED = frozenset(
    {v.FUNCTION, v.BOUND, v.CLASS, v.PARTIAL, v.WRAPPER, v.EXTERNAL, v.INSTANCE, v.COROUTINE, v.GENERATOR}
)
_SINGLE_DISPATCH = frozenset({"functools.singledispatch", "functools.singledispatchmethod"})
_FORWARDING = frozenset({"functools.partial", "builtins.map", "builtins.filter"})
_TAKING = frozenset({"get", "pop", "popleft", "items", "values", "copy"})
"""Methods of containers that give what is in them."""
_CARRIERS = frozenset(
    {
        f.PARAM,
        f.STARRED,
        f.ITEM,
        f.ITERATE,
        f.AWAIT,
        f.UNION,
        f.PHI,
        f.LIST,
        f.TUPLE,
        f.ANNOTATED,
        f.BOOLEAN,
        f.CALL,
    }
)


class Edges:
    """Finds the body of a node; the graph asks for those that some context reaches."""

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        record_all: bool = False,
        beside: Edges | None = None,
        loop_only: Sequence[str] = (),
    ) -> None:
        """``beside``: edges of the same program that share all they know but nodes and bodies.

        ``loop_only``: patterns of names of functions that only the loop's thread may call.
        """
        self.evaluator = evaluator
        self.guards: Guards = Guards(evaluator) if beside is None else beside.guards
        self.declared: Declarations = (
            Declarations(evaluator, loop_only) if beside is None else beside.declared
        )
        self.imports: Imports = Imports(evaluator.program, self) if beside is None else beside.imports
        self.nodes: list[Node] = []
        self.faults: dict[Function, str] = {}  # functions that our own code failed on, and how
        self._nodes: dict[tuple[Function, Environment], Node] = {}
        self._variants: dict[Function, int] = {}
        self._bodies: dict[Node, Body] = {}
        self.known_uses: dict[Module, dict[tuple[int, int], list[int]]] = (
            {} if beside is None else beside.known_uses
        )
        self._sensitive: dict[Function, bool] = {}
        self._transforms: dict[tuple[object, ...], c.Transform] = {}
        self._apis: dict[str, Api | None] = {}
        self._runs: dict[str, tuple[Runs, ...]] = {}
        self._offloads: dict[Function, frozenset[int]] = {}
        # of a parameter: see `rounds`
        self.sent: dict[tuple[Function, int, int], bool] = {} if beside is None else beside.sent
        self._attribute_names: frozenset[str] | None = None
        self.assigned = evaluator.catalog.assigned()
        self.record_all = record_all  # calls that do nothing of interest too, for a dump of the call graph
        self._implementations: dict[Function, list[Function]] = {}
        self._inert: dict[Module, bytearray] = {}
        self._inert_names: dict[str, bool] = {}
        self.leading: frozenset[str] | None = None  # names of implicit calls to be followed; None: all
        self.operators = f.wanted_operators(None)
        self._telling: dict[Function, tuple[tuple[int, ...], frozenset[int]]] = {}

    def follow_only(self, leading: frozenset[str]) -> None:
        """Leave out all implicit calls but those of properties and methods of these names."""
        self.leading = leading
        self.operators = f.wanted_operators(leading)

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
            builder = BodyBuilder(self, node)
            try:
                builder.build()
            except Exception as error:
                if RAISE_INTERNAL_ERRORS:
                    raise
                self.faults.setdefault(node.function, f"{type(error).__name__}: {error}")
            known = self._bodies[node] = builder.result
            known.seal()
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
        for value in values:
            if value.kind == v.EXTERNAL:
                if not self.is_inert(value.a):
                    return False
            elif value.kind == v.CONTAINER_METHOD:
                type_name = self.evaluator.type_name(value.a)
                if type_name and not self.is_inert(f"{type_name}.{value.b}"):
                    return False
            else:
                return False
        return True

    def is_inert(self, dotted: str) -> bool:
        """Whether a call of this name outside the program has no effect here, and runs nothing of the program."""
        if self.record_all:
            return False
        inert = self._inert_names.get(dotted)
        if inert is None:
            api = self.api(dotted)
            inert = self._inert_names[dotted] = (
                (api is None or api.effect == "none")
                and not self.runs(dotted)
                and dotted not in _OF_INTEREST
                and self.evaluator.catalog.canonical(dotted) not in _OF_INTEREST
                and not self._implies_something(dotted)
                and not self.evaluator.catalog.is_server(dotted)
            )
        return inert

    def _implies_something(self, dotted: str) -> bool:
        """Whether the name is that of a builtin which calls a method of its argument that may matter."""
        method = IMPLIED_METHODS.get(dotted)
        if method is None or not self.evaluator.hierarchy.is_defined(method):
            return False
        return method in GENERATOR_METHODS or self.leading is None or method in self.leading

    def runs(self, dotted: str) -> tuple[Runs, ...]:
        known = self._runs.get(dotted)
        if known is None:
            found = self.evaluator.catalog.runs(dotted)
            known = self._runs[dotted] = tuple(
                x for x in found if not x.unless or not self._mentions(x.unless)
            )
        return known

    def _mentions(self, names: tuple[str, ...]) -> bool:
        """Whether the program has an attribute of one of these names."""
        known = self._attribute_names
        if known is None:
            known = self._attribute_names = frozenset(
                [
                    expression[2]
                    for module in self.evaluator.program.modules
                    for expression in module.facts.exprs
                    if expression[0] == f.ATTR
                ]
            )
        return not known.isdisjoint(names)

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
        known = self.known_uses.get(module)
        if known is None:
            known = self.known_uses[module] = {}
            exprs = module.facts.exprs
            for number, call in enumerate(module.facts.calls):
                callee = call[f.C_CALLEE]
                if exprs[callee][0] in _CARRIERS:
                    for parameter in _parameters_in(module.facts, [callee]):
                        known.setdefault(parameter, []).append(-1)
                given = [e for e in call[f.C_ARGS] if exprs[e][0] in _CARRIERS]
                if call[f.C_KEYWORDS]:
                    given += [e for _, e in call[f.C_KEYWORDS] if exprs[e][0] in _CARRIERS]
                if given:
                    for parameter in _parameters_in(module.facts, given):
                        known.setdefault(parameter, []).append(number)
            for function in module.facts.functions:
                for record in function.iterations:
                    expression = exprs[record[0]]
                    if expression[0] == f.PARAM:
                        known.setdefault((expression[1], expression[2]), []).append(-1)
            for key, numbers in known.items():
                if -1 in numbers:
                    known[key] = _CALLED
        return known

    def telling(self, function: Function) -> tuple[tuple[int, ...], frozenset[int]]:
        """Parameters that tell variants of the function apart: those that may hold callables, and tested flags."""
        known = self._telling.get(function)
        if known is None:
            flags = self.evaluator.results.choices.tested_parameters(function)
            self._telling[function] = ((), flags)  # for recursion
            uses = self.uses(function.module)
            # a list, not a generator: nothing of C may stand between the frames of this recursion
            callables = tuple(
                [i for i in range(len(function.facts.params)) if self._may_be_called(function, i, uses)]
            )
            known = self._telling[function] = (callables, flags)
        return known

    def _may_be_called(self, function: Function, index: int, uses: dict[tuple[int, int], list[int]]) -> bool:
        numbers = uses.get((function.number, index))
        if not numbers:
            return False
        if numbers is _CALLED:
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
                elif kind in (v.CLASS, v.INSTANCE, v.PARTIAL, v.WRAPPER, v.PARAMETER, v.SUPER):
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
            for method in self.evaluator.members.methods(receiver, name):
                if method.kind == v.BOUND and self.depends_on_receiver(method.a.a):
                    return True
        return False

    def offloads(self, function: Function) -> frozenset[int]:
        """Parameters whose value the function hands to an offloader, itself or through others of its kind."""
        known = self._offloads.get(function)
        if known is None:
            self._offloads[function] = _NONE  # for recursion
            known = self._offloads[function] = frozenset(self._offloaded(function)) or _NONE
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

    def with_entry(self, environment: Environment, function: Function, index: int) -> Environment:
        """The environment with an entry that holds true."""
        entries = dict(environment)
        entries[function, index] = self.evaluator.interner.make(v.CONSTANT, True, "bool").one
        return tuple(sorted(entries.items(), key=lambda item: (item[0][0].id, item[0][1])))

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


def _parameters_in(facts: f.FileFacts, positions: list[int]) -> set[tuple[int, int]]:
    """Parameters that the expressions are, or are made of without a call but those that take containers apart."""
    exprs = facts.exprs
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
        elif tag == f.CALL:
            callee = exprs[facts.calls[expression[1]][f.C_CALLEE]]
            if callee[0] == f.ATTR and callee[2] in _TAKING:
                positions.append(callee[1])
        elif tag == f.BOOLEAN:
            positions.extend(expression[2])
        elif tag == f.PHI and position not in loops:
            loops.add(position)
            positions.extend(expression[1])
    return found
