"""Properties and operators that lead to nothing: of most programs, nearly all.

Every attribute read of a property's name, and every operator that some class defines, may run a function of the
program. To know which, what stands before the dot has to be evaluated, tens of thousands of times in a large program.
But a property that leads to nothing that anybody judges need not be found: so the functions behind these names are
followed first, and only names behind which something stands are looked for in the other bodies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import ownership
from auditor.link import values as v
from auditor.link.accessors import is_property
from auditor.link.stdlib import GENERATOR_METHODS, IMPLIED_METHODS

if TYPE_CHECKING:
    from collections.abc import Collection

    from auditor.link.edges import Edges
    from auditor.link.nodes import Body, Node
    from auditor.link.program import Class, Function


class Leading:
    """Tells which of some names lead to something; ``edges`` is for this question alone, and follows all of them."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._evaluator = edges.evaluator

    def find(self, properties: Collection[str], dunders: Collection[str]) -> frozenset[str]:
        """Those names that lead to something: of properties, and of methods that operators or builtins call."""
        operations = {*dunders, *IMPLIED_METHODS.values()} - GENERATOR_METHODS
        behind: dict[str, list[Function]] = {}
        for name in sorted({*properties, *operations}):
            found = behind[name] = []
            for class_ in self._evaluator.hierarchy.definers(name):
                positions = class_.facts.attributes[name]
                if name in properties:
                    found += self._accessors(class_, positions)
                else:
                    found += self._methods(class_, positions)
        reaching = self._reaching([x for functions in behind.values() for x in functions])
        names = {name for name, functions in behind.items() if not reaching.isdisjoint(functions)}
        return frozenset(names | self._with_effects_outside(operations))

    def _accessors(self, class_: Class, positions: Collection[int]) -> list[Function]:
        """Functions that reading or writing the attribute of the class may run."""
        found: list[Function] = []
        for position in positions:
            for value in self._values(class_, position):
                if value.kind == v.FUNCTION and is_property(value.a):
                    found.append(value.a)
                elif value.kind == v.INSTANCE:
                    for name in ("__get__", "__set__"):
                        methods = self._evaluator.members.methods(value, name)
                        found.extend(x.a.a for x in methods if x.kind == v.BOUND)
        return found

    def _methods(self, class_: Class, positions: Collection[int]) -> list[Function]:
        return [x.a for p in positions for x in self._values(class_, p) if x.kind == v.FUNCTION]

    def _values(self, class_: Class, position: int) -> v.Values:
        module = class_.module
        expression = module.facts.exprs[position]
        if expression[0] == f.FUNCTION:
            return self._evaluator.interner.function(module.functions[expression[1]]).one
        return () if expression[0] in _NO_CODE else self._evaluator.values(module, position)

    def _reaching(self, functions: list[Function]) -> set[Function]:
        """Those of the functions from which something that somebody judges is reached."""
        edges = self._edges
        nodes: dict[Node, None] = dict.fromkeys(edges.node(x) for x in functions)
        callers: dict[Node, list[Node]] = {}
        pending = list(nodes)
        ends: list[Node] = []
        while pending:
            node = pending.pop()
            body = edges.body(node)
            if self._is_end(node, body):
                ends.append(node)
            for edge in body.edges:
                callers.setdefault(edge.target, []).append(node)
                if edge.target not in nodes:
                    nodes[edge.target] = None
                    pending.append(edge.target)
        reaching = set(ends)
        while ends:
            for caller in callers.get(ends.pop(), ()):
                if caller not in reaching:
                    reaching.add(caller)
                    ends.append(caller)
        return {node.function for node in reaching if not node.environment}

    def _is_end(self, node: Node, body: Body) -> bool:
        if body.sinks or body.misuses or body.handed_over:
            return True
        if node.function.facts.endless and node.function.is_async:
            return True
        is_server = self._evaluator.catalog.is_server
        return any(dotted in ownership.OF_INTEREST or is_server(dotted) for _, dotted in body.externals)

    def _with_effects_outside(self, operations: Collection[str]) -> set[str]:
        """Operations with an effect that classes of the program inherit from outside."""
        stated: dict[str, list[str]] = {}
        for dotted in self._evaluator.catalog.names():
            owner, _, name = dotted.rpartition(".")
            if name in operations:
                stated.setdefault(name, []).append(owner)
        if not stated:
            return set()
        hierarchy = self._evaluator.hierarchy
        bases = {x for class_ in self._evaluator.program.classes for x in hierarchy.external_bases(class_)}
        return {name for name, owners in stated.items() if not bases.isdisjoint(owners)}


_NO_CODE = frozenset(
    {f.UNKNOWN, f.CONST, f.BUILTIN, f.LIST, f.TUPLE, f.SET, f.DICT, f.COMPREHENSION, f.COMPARE, f.NOT}
)
"""Expressions that stand for neither functions nor objects of the program."""
