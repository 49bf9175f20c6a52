"""Whether code keeps to itself: it calls only what is known, and changes nothing that anybody else can reach.

Such code may run on a thread while the loop goes on. Whatever is not known speaks against it, and is said.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import ABSENT, Selector
from auditor.engine.texts import Recent
from auditor.fixes.belongings import OWN, SHARED, WHOLLY, Belongings
from auditor.index import facts as f
from auditor.index import files as index_files
from auditor.index.source import Problem
from auditor.link import values as v
from auditor.link.arguments import CallArguments
from auditor.link.nodes import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.fixes.belongings import Definition
    from auditor.link.graph import Graph
    from auditor.link.nodes import Node, Sink
    from auditor.link.program import Function, Module
    from auditor.link.values import Value

_MANY: Final = 60
"""Functions that are looked through; who calls more is not looked into."""
_OPEN_TREES: Final = 16
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
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_NOBODY: Final = "its text cannot be read"
Calls = dict[tuple[int, int, int, int], int]


class Tree:
    """A module's text as a tree: its functions, and which call of the facts stands where."""

    def __init__(self, module: Module, lines: Sequence[str]) -> None:
        parsed = index_files.parse("\n".join(lines))
        nodes = [] if isinstance(parsed, Problem) else list(ast.walk(parsed))
        self._functions = {_key(node): node for node in nodes if isinstance(node, _DEFINITIONS)}
        self.calls: Calls = {
            (call[f.C_LINE], call[f.C_COLUMN], call[f.C_END_LINE], call[f.C_END_COLUMN]): number
            for number, call in enumerate(module.facts.calls)
        }
        self.nodes = {
            number: node
            for node in nodes
            if isinstance(node, ast.Call) and (number := self.number(node)) is not None
        }

    def number(self, call: ast.Call) -> int | None:
        return self.calls.get((call.lineno, call.col_offset, call.end_lineno or 0, call.end_col_offset or 0))

    def function(self, function: Function) -> Definition | None:
        own = function.facts
        key = ("", own.line, own.column) if own.kind == f.LAMBDA else (own.name, own.end_line, 0)
        return self._functions.get(key)


def _key(node: Definition) -> tuple[str, int, int]:
    if isinstance(node, ast.Lambda):
        return "", node.lineno, node.col_offset
    return node.name, node.end_lineno or 0, 0


class Contained:
    """Answers for one program. ``lines_of`` gives the lines of a module."""

    def __init__(self, graph: Graph, lines_of: Callable[[Module], Sequence[str]]) -> None:
        self._edges = graph.edges
        self._evaluator = graph.evaluator
        self._lines_of = lines_of
        self._trees: Recent[Module, Tree] = Recent(_OPEN_TREES)
        self._known: dict[Node, str] = {}
        self._parts: dict[Node, str] = {}

    def obstacle(self, node: Node) -> str:
        """What speaks against running a function on a thread, as words that follow its name; empty if nothing does."""
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._search([node])
        return known

    def obstacle_in(self, function: Function, lines: tuple[int, int]) -> str:
        """The same for some lines of a function."""
        node = self._edges.node(function)
        found = self._part(node, lines)
        if found:
            return found
        edges = self._edges.body(node).edges
        return self._search(
            [x.target for x in edges if x.how in STEPS and lines[0] <= x.place.line <= lines[1]]
        )

    def _search(self, pending: list[Node]) -> str:
        seen: set[Node] = set()
        while pending:
            current = pending.pop(0)
            if current in seen or current.function.is_async:
                continue
            seen.add(current)
            if len(seen) > _MANY:
                return f"more than {_MANY} functions run below it"
            if current not in self._parts:
                own = current.function.facts
                self._parts[current] = self._part(current, (own.line, own.end_line))
            if self._parts[current]:
                return self._parts[current]
            pending += [edge.target for edge in self._edges.body(current).edges if edge.how in STEPS]
        return ""

    def _part(self, node: Node, lines: tuple[int, int]) -> str:
        """What speaks against the lines of one function, without what it calls."""
        function = node.function
        module = function.module
        own, facts = function.facts, module.facts
        if own.is_generator and not function.is_async:
            return f"`{own.qualname}` is a generator"
        tree = self._trees.get(module, lambda: Tree(module, self._lines_of(module)))
        definition = tree.function(function)
        if definition is None:
            return "" if own.kind == f.CLASS_BODY else _NOBODY
        first, last = lines
        is_whole = lines == (own.line, own.end_line)
        things = Belongings(
            definition,
            lambda call: self._made(function, tree, call),
            None if is_whole else lines,
            own=own.params[0][0] if own.name in ("__init__", "__post_init__") and own.params else "",
        )
        for line, what in things.changes():
            return f"`{own.qualname}` {what} ({module.path}:{line})"
        for sink in self._edges.body(node).sinks:
            if first <= sink.place.line <= last and not self._bears_threads(function, sink):
                return f"`{own.qualname}` calls `{sink.callee}` ({module.path}:{sink.place.line})"
        for number in own.calls:
            call = facts.calls[number]
            if first <= call[f.C_LINE] <= last and not self._is_known(function, number, tree, things):
                called = ast.unparse(tree.nodes[number].func) if number in tree.nodes else "something"
                return f"`{own.qualname}` calls `{' '.join(called.split())}` ({module.path}:{call[f.C_LINE]})"
        return ""

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
        if value.kind != v.EXTERNAL:
            return SHARED
        if value.a == _OPEN or self._evaluator.catalog.is_concurrent(value.a):
            return OWN if value.a.startswith(_HOLDERS) else WHOLLY
        return OWN if value.a.startswith(_FILES) and self._is_own_file(function, number) else SHARED

    def _bears_threads(self, function: Function, sink: Sink) -> bool:
        """Whether several threads may do what the sink does, or it concerns a file of the function's own."""
        if sink.api.effect != "blocks":
            return False
        if sink.callee in _ENTERS or self._evaluator.catalog.is_thread_safe(sink.api, sink.callee):
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

    def _is_known(self, function: Function, number: int, tree: Tree, things: Belongings) -> bool:
        """Whether all that a call may be is looked into elsewhere, or known to share nothing."""
        module = function.module
        values = self._evaluator.values(module, module.facts.calls[number][f.C_CALLEE])
        node = tree.nodes.get(number)
        if not values:
            return node is not None and isinstance(node.func, ast.Attribute) and node.func.attr in _OF_TEXT
        return all(
            self._is_known_value(function, number, value)
            or (node is not None and self._is_container(value) and things.may_call(node))
            for value in values
        )

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


def _is_exception(dotted: str) -> bool:
    module, _, name = dotted.rpartition(".")
    made = getattr(builtins, name, None) if module == "builtins" else None
    return isinstance(made, type) and issubclass(made, BaseException)
