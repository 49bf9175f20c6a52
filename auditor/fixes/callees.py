"""What the calls of a function make and do, as far as it concerns who else may hold the same things."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import ABSENT, Selector
from auditor.engine.texts import Recent
from auditor.fixes.belongings import OWN, SHARED, WHOLLY, Belongings
from auditor.fixes.escapes import escaped
from auditor.fixes.trees import Tree
from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import CallArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from auditor.fixes.belongings import Definition
    from auditor.link.graph import Graph
    from auditor.link.nodes import Edge, Sink
    from auditor.link.program import Function, Module
    from auditor.link.values import Value

_OPEN_TREES: Final = 48
_MODE: Final = Selector(1, "mode")
_OPEN: Final = "builtins.open"
_READS: Final = frozenset(
    {"read", "readline", "readlines", "close", "__next__", "__iter__", "__enter__", "__exit__"}
)
_FILES: Final = ("io.", "typing.IO.", "typing.TextIO.", "typing.BinaryIO.")
_CONTAINERS: Final = tuple(f"builtins.{name}." for name in ("list", "dict", "set", "bytearray")) + tuple(
    f"collections.{name}." for name in ("deque", "defaultdict", "OrderedDict", "Counter")
)
_OF_TEXT: Final = frozenset(
    {
        "startswith", "endswith", "strip", "lstrip", "rstrip", "partition", "rpartition", "splitlines", "lower",
        "upper", "casefold", "title", "capitalize", "isdigit", "isalpha", "isalnum", "isspace", "zfill", "ljust",
        "rjust", "removeprefix", "removesuffix", "hexdigest", "isoformat", "total_seconds", "strftime",
    }
)  # fmt: skip
"""Methods that only text, digests and dates have, whose objects nobody changes."""
_OF_TEXT_WITH_TEXT: Final = frozenset(
    {"split", "rsplit", "replace", "encode", "decode", "format", "find", "count", "join"}
)
"""The same where all that they are given is text that stands there, or nothing."""
_ASKS_FOR: Final = "builtins.getattr"
"""Gives what others hold."""
_OF_NOBODY: Final = frozenset({v.CONTAINER_METHOD, v.EXTERNAL})
"""Kinds of values that stand for a method of some type outside the program."""
_FORGETFUL: Final = frozenset(
    f"builtins.{name}"
    for name in (
        "len",
        "str",
        "repr",
        "bool",
        "int",
        "float",
        "isinstance",
        "any",
        "all",
        "sum",
        "hash",
        "format",
        "ascii",
    )
)
"""Builtins whose result holds nothing of what they are given."""
_HOLDERS: Final = (
    "builtins.",
    "collections.",
    "copy.",
    "functools.",
    "itertools.",
    "typing.",
    "dataclasses.",
)
"""Where what is made holds what others hold too."""
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
_HANDLE: Final = frozenset({f.ENTER, f.ITERATE, f.ANNOTATED, f.ATTR})


class Callees:
    """Answers for one program. ``lines_of`` gives the lines of a module."""

    def __init__(self, graph: Graph, lines_of: Callable[[Module], Sequence[str]]) -> None:
        self._edges = graph.edges
        self._evaluator = graph.evaluator
        self._lines_of = lines_of
        self._trees: Recent[Module, Tree] = Recent(_OPEN_TREES)
        self._returned: dict[Function, int] = {}

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
        return Belongings(definition, lambda call: self._made(function, tree, call), lines, given=given)

    def belongings_at(self, function: Function, place: ast.Call | None) -> Belongings | None:
        """The things of a function that are its own still when it comes to a call, or to its end."""
        tree = self.tree(function.module)
        definition = tree.function(function)
        if definition is None:
            return None
        gone = escaped(definition, place, lambda call: self._forgets(function, tree, call))
        return Belongings(definition, lambda call: self._made(function, tree, call), escaped=gone)

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

    def _made(self, function: Function, tree: Tree, call: ast.Call) -> int:
        """Whether the result of a call belongs to who called."""
        number = tree.number(call)
        if number is None:
            return SHARED
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        if not values:
            return SHARED
        return min(self._made_by(function, number, value) for value in values)

    def _made_by(self, function: Function, number: int, value: Value) -> int:
        if value.kind == v.CLASS:
            return OWN
        if value.kind == v.FUNCTION:
            return self.returned(value.a)
        if value.kind == v.BOUND:
            return self.returned(value.a.a)
        if value.kind != v.EXTERNAL or value.a == _ASKS_FOR:
            return SHARED
        if value.a == _OPEN or self._evaluator.catalog.is_concurrent(value.a):
            return OWN if value.a.startswith(_HOLDERS) else WHOLLY
        return OWN if value.a.startswith(_FILES) and self._is_own_file(function, number) else SHARED

    def returned(self, function: Function) -> int:
        """How far what a function returns is the caller's own."""
        known = self._returned.get(function)
        if known is None:
            self._returned[function] = SHARED  # within a cycle
            own = function.facts
            things = None
            if own.kind in (f.DEF, f.ASYNC_DEF) and not own.decorators and not own.is_generator:
                things = self.belongings_at(function, None)
            known = self._returned[function] = things.returned() if things is not None else SHARED
        return known

    def _forgets(self, function: Function, tree: Tree, call: ast.Call) -> bool:
        """Whether what is called is known to keep nothing of what it is given."""
        number = tree.number(call)
        module = function.module
        if number is None:
            return False
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        return bool(values) and all(
            value.kind == v.EXTERNAL
            and self._evaluator.catalog.is_concurrent(value.a)
            and (not value.a.startswith(_HOLDERS) or value.a in _FORGETFUL)
            for value in values
        )

    def bears_threads(self, function: Function, sink: Sink, things: Belongings) -> bool:
        """Whether several threads may do what the sink does, or it concerns an object of the function's own."""
        if sink.api.effect != "blocks":
            return False
        is_safe = self._evaluator.catalog.is_thread_safe(sink.api, sink.callee)
        if sink.callee in _ENTERS or is_safe:
            return True
        number = sink.place.call
        if sink.callee == _OPEN and number >= 0:
            mode = CallArguments(self._evaluator, function.module, number).value(_MODE)
            return mode is ABSENT or (isinstance(mode, str) and not set(mode) & set("wax+"))
        if (
            sink.callee.startswith(_FILES)
            and sink.callee.rpartition(".")[2] in _READS
            and (number < 0 or self._is_own_file(function, number))
        ):
            return True
        return is_safe is None and self._is_of_own(self.tree(function.module).nodes.get(number), things)

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
        return expression[0] == f.CALL and expression[1] in function.facts.calls

    def is_known(self, function: Function, number: int, things: Belongings) -> bool:
        """Whether all that a call may be is looked into elsewhere, or known to share nothing."""
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        node = self.tree(module).nodes.get(number)
        if not values:
            return node is not None and (_is_of_text(node) or self._is_of_own(node, things, WHOLLY))
        return all(
            self._is_known_value(function, number, value)
            or (node is not None and self._is_container(value) and things.may_call(node))
            or (node is not None and value.kind == v.EXTERNAL and self._is_of_own(node, things))
            or (node is not None and value.kind in _OF_NOBODY and _is_of_text(node))
            for value in values
        )

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
                base in _PLAIN or _is_exception(base) or self._evaluator.catalog.is_concurrent(base)
                for base in self._evaluator.hierarchy.external_bases(value.a)
            )
        if value.kind != v.EXTERNAL:
            return False
        api = self._edges.api(value.a)
        if api is not None and api.effect == "blocks":
            return True  # it is among the sinks
        if value.a.startswith(_FILES):
            return value.a.rpartition(".")[2] in _READS and self._is_own_file(function, number)
        return _is_exception(value.a) or self._evaluator.catalog.is_concurrent(value.a)


def _is_of_text(call: ast.Call) -> bool:
    """Whether the name of a method says that it is one of text, or of something else that nobody changes."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in _OF_TEXT:
        return True
    given = [*call.args, *(x.value for x in call.keywords)]
    return call.func.attr in _OF_TEXT_WITH_TEXT and all(
        isinstance(x, ast.Constant) and isinstance(x.value, (str, bytes, int)) for x in given
    )


def _is_exception(dotted: str) -> bool:
    module, _, name = dotted.rpartition(".")
    made = getattr(builtins, name, None) if module == "builtins" else None
    return isinstance(made, type) and issubclass(made, BaseException)
