"""The call graph's nodes, their bodies, and the environments that tell variants of a function apart."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import misuses, ownership
from auditor.link import values as v
from auditor.link.body import BodyBuilder
from auditor.link.branches import Branches
from auditor.link.declared import Declarations
from auditor.link.guards import Guards
from auditor.link.imports import Imports
from auditor.link.nodes import Body, Node
from auditor.link.stdlib import GENERATOR_METHODS, IMPLIED_METHODS
from auditor.link.traits import Traits
from auditor.link.values import Environment, Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.catalog.values import ContextChange
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

MAX_ENVIRONMENTS: Final = 200
"""Variants of one higher-order function, by the callables it is given; what comes later is not told apart."""
RAISE_INTERNAL_ERRORS: Final = bool(os.environ.get("AUDITOR_RAISE"))
"""For tests and for finding our own faults: let an unexpected exception in one function end the run."""

_OF_INTEREST: Final = ownership.OF_INTEREST | misuses.OF_INTEREST
_PASSED = frozenset(
    {v.FUNCTION, v.BOUND, v.CLASS, v.PARTIAL, v.WRAPPER, v.EXTERNAL, v.INSTANCE, v.COROUTINE, v.GENERATOR}
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
        self.traits: Traits = Traits(evaluator) if beside is None else beside.traits
        self.api, self.runs = self.traits.api, self.traits.runs
        self.guards: Guards = Guards(evaluator) if beside is None else beside.guards
        self.branches: Branches = Branches() if beside is None else beside.branches
        self.declared: Declarations = (
            Declarations(evaluator, loop_only) if beside is None else beside.declared
        )
        self.imports: Imports = Imports(evaluator.program, self) if beside is None else beside.imports
        self.nodes: list[Node] = []
        self.faults: dict[Function, str] = {}  # functions that our own code failed on, and how
        self._nodes: dict[tuple[Function, Environment], Node] = {}
        self._variants: dict[Function, int] = {}
        self._bodies: dict[Node, Body] = {}
        self._transforms: dict[tuple[object, ...], c.Transform] = {}
        # of a parameter: see `rounds`
        self.sent: dict[tuple[Function, int, int], bool] = {} if beside is None else beside.sent
        self.assigned = evaluator.catalog.assigned()
        self.record_all = record_all  # calls that do nothing of interest too, for a dump of the call graph
        self._inert: dict[Module, bytearray] = {}
        self._inert_names: dict[str, bool] = {}
        self.leading: frozenset[str] | None = None  # names of implicit calls to be followed; None: all
        self.operators = f.wanted_operators(None)

    def follow_only(self, leading: frozenset[str]) -> None:
        """Leave out all implicit calls but those of properties and methods of these names."""
        self.leading = leading
        self.operators = f.wanted_operators(leading)

    def take_over(self, other: Edges) -> None:
        """Take nodes and bodies of edges that follow all implicit calls, but for bodies in which there are more."""
        leading = self.leading
        self.nodes, self._nodes, self._variants, bodies = other.hand_over()
        self._bodies = {
            node: body for node, body in bodies.items() if leading is None or leading.issuperset(body.implied)
        }
        self.faults.update(other.faults)

    def hand_over(
        self,
    ) -> tuple[list[Node], dict[tuple[Function, Environment], Node], dict[Function, int], dict[Node, Body]]:
        """All nodes, by number and by what they are of, how many variants functions have, and the bodies found."""
        return self.nodes, self._nodes, self._variants, self._bodies

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

    def transform(
        self, change: ContextChange, *, drives: bool = False, relative: bool = False, task: bool = False
    ) -> c.Transform:
        key = (change, drives, relative, task)
        known = self._transforms.get(key)
        if known is None:
            known = self._transforms[key] = c.Transform(change, drives=drives, relative=relative, task=task)
        return known

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
