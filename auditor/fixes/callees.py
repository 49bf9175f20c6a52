"""What the calls of a function make and do, as far as it concerns who else may hold the same things."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import ABSENT, Selector
from auditor.engine.texts import Recent
from auditor.fixes.belongings import OWN, SHARED, TEXT, WHOLLY, Belongings, Made, is_immutable
from auditor.fixes.effects import UNKNOWN, Effect, Effects
from auditor.fixes.escapes import escaped
from auditor.fixes.named import (
    FORGETFUL,
    HOLDERS,
    asks_by_key,
    is_exception,
    is_immutable_value,
    is_of_text,
    made_by_container,
    made_by_name,
    makes_error,
    writes_files,
)
from auditor.fixes.trees import Tree
from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import CallArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from auditor.fixes.belongings import Definition
    from auditor.link.graph import Graph
    from auditor.link.nodes import Edge, Place, Sink
    from auditor.link.program import Function, Module
    from auditor.link.values import Value

_OPEN_TREES: Final = 48
_OPEN: Final = "builtins.open"
_MODES: Final = {
    _OPEN: Selector(1, "mode"),
    "io.open": Selector(1, "mode"),
    "codecs.open": Selector(1, "mode"),
    "pathlib.Path.open": Selector(0, "mode"),
}
"""What opens files, and the argument that says whether they can be written."""
_READS: Final = frozenset(
    {"read", "readline", "readlines", "close", "__next__", "__iter__", "__enter__", "__exit__"}
)
_FILES: Final = ("io.", "typing.IO.", "typing.TextIO.", "typing.BinaryIO.")
_CONTAINERS: Final = tuple(f"builtins.{name}." for name in ("list", "dict", "set", "bytearray")) + tuple(
    f"collections.{name}." for name in ("deque", "defaultdict", "OrderedDict", "Counter")
)
_OF_NOBODY: Final = frozenset({v.CONTAINER_METHOD, v.EXTERNAL})
"""Kinds of values that stand for a method of some type outside the program."""
_ENTERS: Final = frozenset(
    f"threading.{name}.__enter__" for name in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore")
)
"""Locks that are let go where they were taken."""
_PLAIN: Final = frozenset(
    {
        "builtins.object", "abc.ABC", "enum.Enum", "enum.IntEnum", "enum.StrEnum", "typing.Generic", "typing.Protocol",
        "typing.NamedTuple", "typing.TypedDict", "typing_extensions.TypedDict", "pydantic.BaseModel",
    }
)  # fmt: skip
"""Bases whose constructors only keep what they are given."""
_BINDING: Final = frozenset({"classmethod", "staticmethod"})
_CODE: Final = frozenset({f.DEF, f.ASYNC_DEF, f.LAMBDA})
_HANDLE: Final = frozenset({f.ENTER, f.ITERATE, f.ANNOTATED, f.ATTR})


class Callees:
    """Answers for one program. ``lines_of`` gives the lines of a module."""

    def __init__(self, graph: Graph, lines_of: Callable[[Module], Sequence[str]]) -> None:
        self._edges = graph.edges
        self._evaluator = graph.evaluator
        self._lines_of = lines_of
        self._trees: Recent[Module, Tree] = Recent(_OPEN_TREES)
        self._effects = Effects(self._effect)

    def tree(self, module: Module) -> Tree:
        return self._trees.get(module, lambda: Tree(module, self._lines_of(module)))

    def belongings(
        self,
        function: Function,
        definition: Definition,
        lines: tuple[int, int] | None = None,
        given: Mapping[str, int] | None = None,
    ) -> Belongings:
        """The things of a function, of which it is given some that nobody else holds."""
        tree = self.tree(function.module)
        return Belongings(
            definition,
            lambda call: self._made(function, tree, call),
            lines,
            given=given,
            never_changes=lambda node: self._never_changes(function, node),
        )

    def belongings_at(self, function: Function, place: ast.Call | None) -> Belongings | None:
        """The things of a function that are its own still when it comes to a call, or to its end."""
        tree = self.tree(function.module)
        definition = tree.function(function)
        if definition is None:
            return None
        gone = escaped(definition, place, lambda call: self._forgets(function, tree, call))
        return self._things(function, definition, {}, gone)

    def given(self, function: Function, edge: Edge, things: Belongings) -> dict[str, int]:
        """The parameters of what an edge calls that get things which are the caller's own."""
        call = self.tree(function.module).nodes.get(edge.place.call) if edge.how == "call" else None
        target = edge.target.function
        skip = self._skipped(function, edge, target) if call is not None else None
        if call is None or skip is None:
            return {}
        names = [name for name, kind, *_ in target.facts.params if kind == f.POSITIONAL]
        found = {}
        if skip and names and isinstance(call.func, ast.Attribute) and target.facts.name != "__init__":
            found[names[0]] = things.owned(call.func.value)
        for name, argument in zip(names[skip:], call.args, strict=False):
            if isinstance(argument, ast.Starred):
                break
            found[name] = things.owned(argument)
        for keyword in call.keywords:
            if keyword.arg is not None:
                found[keyword.arg] = things.owned(keyword.value)
        return {name: level for name, level in found.items() if level}

    def _skipped(self, function: Function, edge: Edge, target: Function) -> int | None:
        """How many parameters are given before the written ones; None where that is not known."""
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[edge.place.call][f.C_CALLEE])
        for value in values:
            if value.kind == v.BOUND and value.a.a is target:
                return 1
            if value.kind == v.CLASS and target.facts.name == "__init__":
                return 1
            if value.kind == v.FUNCTION and value.a is target:
                return 0
        return None

    def _made(self, function: Function, tree: Tree, call: ast.Call) -> Made:
        """What a call gives to who called."""
        number = tree.number(call)
        if number is None:
            return Made()
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        if not values:
            return Made(OWN) if is_of_text(call) else Made()
        every = [self._made_by(function, number, value) for value in values]
        cap = min(x.cap for x in every)
        if any(x.of != every[0].of for x in every):
            return Made(cap=cap)
        return Made(min(x.level for x in every), every[0].of, min(x.given for x in every), cap)

    def _made_by(self, function: Function, number: int, value: Value) -> Made:
        if value.kind == v.CLASS:
            return Made(OWN, cap=OWN if "__init__" in value.a.facts.attributes else WHOLLY)
        if value.kind == v.FUNCTION:
            return self._effects.of(value.a).made
        if value.kind == v.BOUND:
            return self._effects.of(value.a.a).made
        if self._is_container(value):
            return made_by_container(
                value.b if value.kind == v.CONTAINER_METHOD else value.a.rpartition(".")[2]
            )
        if value.kind != v.EXTERNAL:
            return Made()
        catalog = self._evaluator.catalog
        if value.a in _MODES or catalog.is_concurrent(value.a) or catalog.is_concurrent_on_own(value.a):
            return made_by_name(value.a)
        is_read = value.a.startswith(_FILES) and self._is_own_file(function, number)
        return Made(WHOLLY if is_read else SHARED)

    def _effect(self, function: Function) -> Effect:
        own = function.facts
        definition = self.tree(function.module).function(function)
        if (
            own.kind not in (f.DEF, f.ASYNC_DEF)
            or len(own.decorators) > len(_BINDING.intersection(own.roles))
            or isinstance(definition, ast.Lambda)
            or definition is None
        ):
            return UNKNOWN
        is_bound = function.is_method and "staticmethod" not in own.roles
        given = [name for name, *_ in own.params][is_bound:]
        tree = self.tree(function.module)
        gone = escaped(definition, None, lambda call: self._forgets(function, tree, call))
        keeps = own.is_generator or not gone.isdisjoint(given)
        bare = self._things(function, definition, {}, gone)
        full = self._things(function, definition, dict.fromkeys(given, WHOLLY), gone)
        if own.is_generator:
            levels = OWN, OWN
        elif is_immutable(definition.returns, TEXT):
            levels = WHOLLY, WHOLLY
        else:
            levels = bare.returned(), full.returned()
        return Effect(Made(levels[0], "given", levels[1], full.cap_beyond(bare)), keeps)

    def _things(
        self, function: Function, definition: Definition, given: Mapping[str, int], gone: set[str]
    ) -> Belongings:
        tree = self.tree(function.module)
        return Belongings(
            definition, lambda call: self._made(function, tree, call), given=given, escaped=gone
        )

    def _never_changes(self, function: Function, node: ast.expr) -> bool:
        """Whether what is iterated over at a node is a class, or of a type whose objects nobody can change."""
        place = node.lineno, node.col_offset
        records = (x for x in function.facts.iterations if (x[2], x[3]) == place)
        record = next(records, None)
        values = self._evaluator.values(function.module, record[0]) if record is not None else ()
        return bool(values) and all(map(is_immutable_value, values))

    def _forgets(self, function: Function, tree: Tree, call: ast.Call) -> bool:
        """Whether what is called is known to keep nothing of what it is given."""
        number = tree.number(call)
        module = function.module
        if number is None:
            return False
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        return bool(values) and all(map(self._forgets_all, values))

    def _forgets_all(self, value: Value) -> bool:
        if value.kind in (v.FUNCTION, v.BOUND):
            called = value.a if value.kind == v.FUNCTION else value.a.a
            # a coroutine holds what it is given as long as it runs
            return not called.is_async and not self._effects.of(called).keeps
        return (
            value.kind == v.EXTERNAL
            and self._evaluator.catalog.is_concurrent(value.a)
            and (not value.a.startswith(HOLDERS) or value.a in FORGETFUL)
        )

    def bears_threads(self, function: Function, sink: Sink, things: Belongings) -> bool:
        """Whether several threads may do what the sink does, or it concerns an object of the function's own."""
        if sink.api.effect != "blocks":
            return False
        is_safe = self._evaluator.catalog.is_thread_safe(sink.api, sink.callee)
        if sink.callee in _ENTERS or is_safe:
            return True
        number = sink.place.call
        if sink.callee in _MODES and number >= 0:
            mode = CallArguments(self._evaluator, function.module, number).value(_MODES[sink.callee])
            return mode is ABSENT or (isinstance(mode, str) and not set(mode) & set("wax+"))
        if (
            sink.callee.startswith(_FILES)
            and sink.callee.rpartition(".")[2] in _READS
            and (number < 0 or self._is_own_file(function, number))
        ):
            return True
        call = self.tree(function.module).nodes.get(number)
        if self._evaluator.catalog.is_concurrent_on_own(sink.callee):
            return self._has_own(sink.callee, call, things)
        return is_safe is None and not writes_files(sink.callee) and self._is_of_own(call, things)

    def concerns_own(self, function: Function, place: Place, things: Belongings) -> bool:
        """Whether the call at a place is a method of an object that is the function's own: no file to write into."""
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[place.call][f.C_CALLEE])
        is_written = any(value.kind == v.EXTERNAL and self._writes(value.a) for value in values)
        return not is_written and self._is_of_own(self.tree(module).nodes.get(place.call), things)

    @staticmethod
    def _writes(dotted: str) -> bool:
        is_file = dotted.startswith(_FILES)
        return writes_files(dotted) or (is_file and dotted.rpartition(".")[2] not in _READS)

    def guarded(self, definition: Definition, sinks: Sequence[Sink]) -> set[int]:
        """The lines in which a function holds a lock of threads: what it does there is meant for several of them."""
        taken = {
            (sink.place.line, sink.place.column)
            for sink in sinks
            if sink.callee in _ENTERS  # the place is that of what is entered
        }
        found: set[int] = set()
        for node in ast.walk(definition) if taken else ():
            if isinstance(node, ast.With) and any(
                (item.context_expr.lineno, item.context_expr.col_offset) in taken for item in node.items
            ):
                found.update(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))
        return found

    @staticmethod
    def _is_of_own(call: ast.Call | None, things: Belongings, level: int = OWN) -> bool:
        """Whether a method belongs to an object of the function's own."""
        return (
            call is not None
            and isinstance(call.func, ast.Attribute)
            and things.owned(call.func.value) >= level
        )

    def _is_own_file(self, function: Function, number: int) -> bool:
        """Whether a method belongs to what a call in the same function has opened."""
        facts = function.module.facts
        expression = facts.exprs[facts.calls[number][f.C_CALLEE]]
        while expression[0] in _HANDLE:
            expression = facts.exprs[expression[2 if expression[0] == f.ANNOTATED else 1]]
        if expression[0] != f.CALL:
            return False
        # what the function around has opened is that call's own, too
        around: Function | None = function
        while around is not None and around.facts.kind in _CODE:
            if expression[1] in around.facts.calls:
                return True
            around = around.parent
        return False

    def is_known(self, function: Function, number: int, things: Belongings) -> bool:
        """Whether all that a call may be is looked into elsewhere, or known to share nothing."""
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        node = self.tree(module).nodes.get(number)
        if not values:
            return node is not None and (
                is_of_text(node) or asks_by_key(node) or self._is_of_own(node, things, WHOLLY)
            )
        is_raised = number in self.tree(module).raised
        return all(
            (is_raised and makes_error(value))
            or (
                self._is_known_value(function, number, value)
                and (value.kind != v.EXTERNAL or self._has_own(value.a, node, things))
            )
            or (node is not None and self._is_container(value) and things.may_call(node))
            or (node is not None and value.kind == v.EXTERNAL and self._is_of_own(node, things))
            or (node is not None and value.kind in _OF_NOBODY and is_of_text(node))
            for value in values
        )

    def _has_own(self, dotted: str, call: ast.Call | None, things: Belongings) -> bool:
        """Whether a call gives what nobody else holds, if several threads may only then call that at once."""
        own = self._evaluator.catalog.is_concurrent_on_own(dotted)
        least = WHOLLY if own == "wholly" else OWN
        return not own or (call is not None and all(things.owned(x) >= least for x in call.args))

    def is_of_containers(self, function: Function, number: int) -> bool:
        """Whether all that a call may be are methods of containers."""
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        return bool(values) and all(map(self._is_container, values))

    @staticmethod
    def _is_container(value: Value) -> bool:
        if value.kind == v.CONTAINER_METHOD:
            return True
        return value.kind == v.EXTERNAL and bool(value.a.startswith(_CONTAINERS))

    def _is_known_value(self, function: Function, number: int, value: Value) -> bool:
        if value.kind in (v.FUNCTION, v.BOUND):
            return True
        if value.kind == v.CLASS:
            return "__init__" in value.a.facts.attributes or all(
                base in _PLAIN or is_exception(base) or self._evaluator.catalog.is_concurrent(base)
                for base in self._evaluator.hierarchy.external_bases(value.a)
            )
        if value.kind != v.EXTERNAL:
            return False
        api = self._edges.api(value.a)
        if api is not None and api.effect == "blocks":
            return True  # it is among the sinks
        catalog = self._evaluator.catalog
        if is_exception(value.a) or catalog.is_concurrent(value.a) or catalog.is_concurrent_on_own(value.a):
            return True
        is_read = value.a.startswith(_FILES) and value.a.rpartition(".")[2] in _READS
        return is_read and self._is_own_file(function, number)
