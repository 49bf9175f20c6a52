"""Whether code keeps to itself: it calls only what is known, and changes nothing that anybody else can reach.

Such code may run on a thread while the loop goes on. Whatever is not known speaks against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import ABSENT, Selector
from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import CallArguments
from auditor.link.nodes import STEPS

if TYPE_CHECKING:
    from auditor.fixes.case import Case
    from auditor.link.nodes import Node, Sink
    from auditor.link.program import Function
    from auditor.link.values import Value

_MANY: Final = 40
"""Functions that are looked through; who calls more is not looked into."""
_MODE: Final = Selector(1, "mode")
_OPEN: Final = "builtins.open"
_READS: Final = frozenset(
    {"read", "readline", "readlines", "close", "__next__", "__iter__", "__enter__", "__exit__"}
)
_FILES: Final = ("io.", "typing.IO.", "typing.TextIO.", "typing.BinaryIO.")
_HANDLE: Final = frozenset({f.ENTER, f.ITERATE, f.ANNOTATED, f.ATTR})
_REBINDS: Final = ("global ", "nonlocal ")


class Contained:
    """Answers for one case. ``lines_of`` gives the lines of a module."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._edges = case.graph.edges
        self._evaluator = case.graph.evaluator
        self._seen: set[Node] = set()

    def function(self, node: Node) -> bool:
        """Whether a function keeps to itself, with all that it calls."""
        pending = [node]
        while pending:
            current = pending.pop()
            if current in self._seen:
                continue
            self._seen.add(current)
            own = current.function.facts
            if len(self._seen) > _MANY or own.is_generator or self._rebinds(current.function):
                return False
            if not self._part(current, own.line, own.end_line):
                return False
            pending += [edge.target for edge in self._edges.body(current).edges if edge.how in STEPS]
        return True

    def statement(self, first: int, last: int) -> bool:
        """Whether the lines of the exposure's function keep to themselves, with all that they call."""
        node = self._edges.node(self._case.hop.function)
        if not self._part(node, first, last):
            return False
        edges = self._edges.body(node).edges
        below = [x.target for x in edges if x.how in STEPS and first <= x.place.line <= last]
        return all(self.function(target) for target in below)

    def _part(self, node: Node, first: int, last: int) -> bool:
        function = node.function
        own, facts = function.facts, function.module.facts
        makes_itself = own.name == "__init__"
        for base, _, _, line, *_ in own.writes:
            if first <= line <= last and not (
                makes_itself and facts.exprs[base] == (f.PARAM, function.number, 0)
            ):
                return False
        if any(self._is_shared(function, base) for base, *_ in (*facts.mutations, *facts.stores)):
            return False
        if any(
            first <= record[2] <= last and self._is_shared(function, record[0]) for record in own.iterations
        ):
            return False
        sinks = [sink for sink in self._edges.body(node).sinks if first <= sink.place.line <= last]
        if not all(self._bears_threads(function, sink) for sink in sinks):
            return False
        numbers = (number for number in own.calls if first <= facts.calls[number][f.C_LINE] <= last)
        return all(self._is_known(function, number) for number in numbers)

    def _rebinds(self, function: Function) -> bool:
        lines = self._case.lines_of(function.module)[function.facts.line - 1 : function.facts.end_line]
        return not lines or any(line.lstrip().startswith(_REBINDS) for line in lines)

    def _is_shared(self, function: Function, position: int) -> bool:
        """Whether an expression is reached from a parameter of the function, or from the module."""
        exprs = function.module.facts.exprs
        while True:
            expression = exprs[position]
            if expression[0] == f.PARAM:
                return bool(expression[1] == function.number)
            if expression[0] in (f.ATTR, f.ITEM, f.ENTER, f.ITERATE):
                position = expression[1]
                continue
            if expression[0] == f.CALL:
                return False
            return expression[0] not in (f.LIST, f.DICT, f.SET, f.TUPLE, f.CONST, f.BUILTIN, f.COMPREHENSION)

    def _bears_threads(self, function: Function, sink: Sink) -> bool:
        """Whether several threads may do what the sink does, or it concerns a file of the function's own."""
        if sink.api.effect != "blocks":
            return False
        if self._evaluator.catalog.is_thread_safe(sink.api, sink.callee):
            return True
        number = sink.place.call
        if sink.callee == _OPEN and number >= 0:
            mode = CallArguments(self._evaluator, function.module, number).value(_MODE)
            return mode is ABSENT or (isinstance(mode, str) and not set(mode) & set("wax+"))
        return (
            sink.callee.startswith(_FILES)
            and sink.callee.rpartition(".")[2] in _READS
            and (number < 0 or self._is_own_file(function, number))
        )

    def _is_own_file(self, function: Function, number: int) -> bool:
        """Whether a method belongs to what a call in the same function has opened."""
        facts = function.module.facts
        expression = facts.exprs[facts.calls[number][f.C_CALLEE]]
        while expression[0] in _HANDLE:
            expression = facts.exprs[expression[2 if expression[0] == f.ANNOTATED else 1]]
        return expression[0] == f.CALL and expression[1] in function.facts.calls

    def _is_known(self, function: Function, number: int) -> bool:
        """Whether all that a call may be is looked into elsewhere, or known to share nothing."""
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        return bool(values) and all(self._is_known_value(function, number, value) for value in values)

    def _is_known_value(self, function: Function, number: int, value: Value) -> bool:
        if value.kind in (v.FUNCTION, v.BOUND, v.CLASS):
            return True
        if value.kind != v.EXTERNAL:
            return False
        api = self._edges.api(value.a)
        if api is not None and api.effect == "blocks":
            return True  # it is among the sinks
        if value.a.startswith(_FILES):
            return value.a.rpartition(".")[2] in _READS and self._is_own_file(function, number)
        return self._evaluator.catalog.is_concurrent(value.a)
