"""The facts of one file: what the index tier records and the link tier reads.

Everything here is made of ints, strings, tuples and lists, so that it marshals. An *expression* is a tuple whose first
element is one of the tags below; it is named by its position in ``FileFacts.exprs``, and position 0 is the expression
that nothing is known of. Local variables do not occur: the index follows assignments, so that an expression stands for
the value that reaches its use. Equal expressions of a file share one position, except calls, which are unique.

Lines are 1-based, columns are UTF-8 byte offsets from 0, as the ``ast`` module gives them.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

# Expression tags, with the shape of the tuple that they begin.
UNKNOWN = 0  #  (UNKNOWN,)
GLOBAL = 1  #  (GLOBAL, name)                a name of the module's scope, or a builtin
PARAM = 2  #  (PARAM, function, index)
ATTR = 3  #  (ATTR, expr, name)
CALL = 4  #  (CALL, call)                    the result of a call; an index into FileFacts.calls
AWAIT = 5  #  (AWAIT, expr)
ITEM = 6  #  (ITEM, expr, key)               subscript or unpacking with a constant key; None: any;
#                                              (lower, upper, step) or SLICE: some of them
ITERATE = 7  #  (ITERATE, expr)              an element that iteration yields
AITERATE = 8  #  (AITERATE, expr)
ENTER = 9  #  (ENTER, expr)                  what `with expr as x` binds
AENTER = 10  #  (AENTER, expr)
CONST = 11  #  (CONST, value)                str, int, float, bool or None
BUILTIN = 12  #  (BUILTIN, type name)        an instance of a builtin type, value unknown
LIST = 13  #  (LIST, exprs)
TUPLE = 14  #  (TUPLE, exprs)
SET = 15  #  (SET, exprs)
DICT = 16  #  (DICT, ((key, expr), ...), exprs) key: a constant, or None for any; keys that are no constants
FUNCTION = 17  #  (FUNCTION, function)
CLASS = 18  #  (CLASS, class)
UNION = 19  #  (UNION, exprs)                one of several
PHI = 20  #  (PHI, [exprs])                  one of several, closed over a loop
MODULE = 21  #  (MODULE, dotted)             `import dotted as x`
PACKAGE = 22  #  (PACKAGE, dotted)           `import dotted` binds the first part
IMPORTED = 23  #  (IMPORTED, level, module, name)
DECORATED = 24  #  (DECORATED, call, expr)   a function or class under a decorator: the call applies it
ANNOTATED = 25  #  (ANNOTATED, annotation, expr)
BINARY = 26  #  (BINARY, dunder, left, right)
COMPARE = 27  #  (COMPARE, operator, left, right)
NOT = 28  #  (NOT, expr)
STARRED = 29  #  (STARRED, expr)
YIELD = 30  #  (YIELD, expr)                 what a `yield` expression gives back
SUBSCRIPT = 31  #  (SUBSCRIPT, expr, (exprs)) a subscript as annotations use it: List[int]
BOOLEAN = 32  #  (BOOLEAN, "and" | "or", exprs)
FROM = 33  #  (FROM, expr)                   the value of `yield from expr`
COMPREHENSION = 34  #  (COMPREHENSION, type name, element or value, key of a dict or 0)

SLICE = ...
"""The key of an ITEM that is not one element but some of them, nobody knows which."""

# Kinds of function bodies.
MODULE_BODY = 0
CLASS_BODY = 1
DEF = 2
ASYNC_DEF = 3
LAMBDA = 4

# Parameter kinds.
POSITIONAL = 0
VARARGS = 1
KEYWORD_ONLY = 2
KWARGS = 3

# Flags of a call.
AWAITED = 1
IN_LOOP = 2
STATEMENT = 4
IS_DECORATOR = 8

# Region kinds; a region is (kind, parent, data, data2), and region 0 is the whole body.
BODY = 0
IF = 1  #  data: test expression, data2: True in the branch where it holds
WITH = 2  #  data: context expression, data2: True for `async with`
TRY = (
    3  #  data: tuple of names of handled exceptions ("" for a bare except), data2: calls made in the try body
)
HANDLER = 4  #  data: tuple of names of handled exceptions, data2: (first call, end) of the try body
FINALLY = 5
LOOP = 6  #  data: what is iterated, None for `while`; data2: True for `async for`
TRY_ELSE = 7  #  data2 as HANDLER

# Fields of a call record.
C_CALLEE = 0
C_ARGS = 1
C_KEYWORDS = 2
C_LINE = 3
C_COLUMN = 4
C_END_LINE = 5
C_END_COLUMN = 6
C_FLAGS = 7
C_REGION = 8
C_FUNCTION = 9


DUNDERS = (
    "__getitem__", "__setitem__", "__delitem__", "__contains__", "__await__", "__add__", "__sub__", "__mul__",
    "__matmul__", "__truediv__", "__mod__", "__pow__", "__lshift__", "__rshift__", "__or__", "__xor__", "__and__",
    "__floordiv__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__str__",
)  # fmt: skip
"""Methods behind operators, by their number in ``FileFacts.operator_log``."""

NUMBERS = tuple(range(1 << 15))
"""Positions and lines as objects to share: the facts of a large program hold each many times over."""

_SHARED: dict[Any, Any] = {}


def shared(value: Any) -> Any:
    """An equal tuple that many files hold alike, as one object; until `forget_shared`."""
    return _SHARED.setdefault(value, value)


def single(position: int) -> tuple[int]:
    """``(position,)``, the same object for the same position."""
    known = _SHARED.get(position)
    if known is None:
        known = _SHARED[position] = (position,)
    return known


def forget_shared() -> None:
    """All files are indexed: let go of the table of what they share."""
    _SHARED.clear()


_EVERY = [True] * len(DUNDERS)


def wanted_operators(dunders: Collection[str] | None) -> list[bool]:
    """Of each of `DUNDERS`, whether it or its reflected twin is one of the methods; None: all are."""
    return [dunders is None or name in dunders or "__r" + name[2:] in dunders for name in DUNDERS]


_READ = 7  # fields of an entry of read_log
_OPERATOR = 9  # fields of an entry of operator_log


LISTS = ("calls", "returns", "yields", "writes", "withs", "iterations", "imports")
EMPTY: list[Any] = []
_NO_LOG = array("i")
"""Shared by all, and never appended to."""


class FunctionFacts:
    """One function body. A module body and a class body are functions too: code that runs at import.

    ``params`` holds (name, kind, annotation, default); ``role`` is the last part of the name of a decorator that the
    index understands (``property``, ``setter``, ``staticmethod``, ``classmethod``, ``cached_property``,
    ``contextmanager``, ``asynccontextmanager``, ``abstractmethod``, ``overload``) or empty. ``unit`` is the line
    span of the outermost function or top-level statement, decorators included, which is what the rule tier parses.
    """

    __slots__ = (
        "annotation",
        "awaits",
        "calls",
        "class_id",
        "column",
        "decorators",
        "end_line",
        "endless",
        "imports",
        "is_generator",
        "iterations",
        "kind",
        "last_yield",
        "line",
        "name",
        "operator_log",
        "params",
        "parent",
        "qualname",
        "read_log",
        "returns",
        "roles",
        "unit",
        "withs",
        "writes",
        "yields",
    )

    def __init__(self, name: str, qualname: str, kind: int, class_id: int, parent: int, line: int) -> None:
        self.name = name
        self.qualname = qualname
        self.kind = kind
        self.class_id = class_id
        self.parent = parent
        self.line = line
        self.column = 0
        self.end_line = line
        self.unit: tuple[int, int] = (line, line)
        self.is_generator = False
        self.awaits = False  # by `await`, `async for` or `async with`
        self.endless = False  # it holds a `while True` that it never breaks out of
        self.last_yield = 0  # line of the last `yield`, 0 without one
        self.params: tuple[tuple[str, int, int, int], ...] = ()
        self.annotation = 0
        self.decorators: tuple[int, ...] = ()
        self.roles: tuple[str, ...] = ()
        self.calls: list[int] = []
        self.returns: list[tuple[int, int]] = []  # (expr, region)
        self.yields: list[tuple[int, int]] = []  # as returns
        # fields of `reads` and `operators`, one record after the other; filled by FileFacts.unpack
        self.no_logs()
        # (base expr, name, value expr, line, column, end line, end column, region)
        self.writes: list[tuple[int, str, int, int, int, int, int, int]] = []
        # (expr, is async, line, column, end line, end column, region)
        self.withs: list[tuple[int, bool, int, int, int, int, int]] = []
        self.iterations: list[tuple[int, bool, int, int, int, int, int]] = []
        # what is imported when the function runs, or under a condition: (dotted name, module, line, column, end column,
        # region) of the first name; relative imports, which name parts of the program, are left out
        self.imports: list[tuple[str, str, int, int, int, int]] = []

    def no_logs(self) -> None:
        """Nothing is known yet of reads and operators."""
        self.read_log = self.operator_log = _NO_LOG

    def seal(self) -> None:
        """Let empty lists go: most functions have several, and there are tens of thousands of functions."""
        for name in LISTS:
            if not getattr(self, name):
                setattr(self, name, EMPTY)

    @property
    def reads(self) -> list[tuple[int, int, int, int, int, int]]:
        """Attribute reads: (expr, line, column, end line, end column, region)."""
        log = self.read_log
        return [tuple(log[at : at + _READ - 1]) for at in range(0, len(log), _READ - 1)]  # type: ignore[misc]

    def reads_of(
        self, names: Collection[str], exprs: Sequence[Any]
    ) -> list[tuple[int, int, int, int, int, int]]:
        """Those of `reads` that read an attribute of one of the names."""
        log = self.read_log
        size = _READ - 1
        return [
            tuple(log[entry * size : entry * size + size])  # type: ignore[misc]
            for entry, position in enumerate(log[::size])
            if exprs[position][2] in names
        ]

    @property
    def operators(self) -> list[tuple[str, int, int, int, int, int, int, int]]:
        """Operators: (dunder, operand expr, other operand expr, line, column, end line, end column, region)."""
        return self.operators_of(_EVERY)

    def operators_of(self, wanted: Sequence[bool]) -> list[tuple[str, int, int, int, int, int, int, int]]:
        """Those of `operators` that are wanted, by their number in `DUNDERS`."""
        log = self.operator_log
        size = _OPERATOR - 1
        return [
            (DUNDERS[number], *log[entry * size + 1 : entry * size + size])  # type: ignore[misc]
            for entry, number in enumerate(log[::size])
            if wanted[number]
        ]


class ClassFacts:
    """One class statement; ``attributes`` maps a name of its body to the expressions bound to it."""

    __slots__ = (
        "annotations",
        "attributes",
        "bases",
        "body",
        "decorators",
        "keywords",
        "line",
        "name",
        "parent",
        "qualname",
        "stores",
    )

    def __init__(self, name: str, qualname: str, parent: int, line: int) -> None:
        self.name = name
        self.qualname = qualname
        self.parent = parent
        self.line = line
        self.body = 0
        self.bases: tuple[int, ...] = ()
        self.keywords: tuple[tuple[str, int], ...] = ()
        self.decorators: tuple[int, ...] = ()
        self.attributes: dict[str, Sequence[int]] = {}
        self.annotations: dict[str, int] = {}
        # attribute name -> expressions assigned to it through the first parameter of a method
        self.stores: dict[str, Sequence[int]] = {}


class FileFacts:
    """All that the link tier learns of a file; nothing in it depends on any other file."""

    __slots__ = (
        "calls",
        "classes",
        "comments",
        "exports",
        "exprs",
        "functions",
        "globals",
        "imported",
        "imports",
        "mutations",
        "operator_log",
        "read_log",
        "regions",
        "stars",
        "stores",
        "units",
    )

    def __init__(self) -> None:
        self.exprs: list[tuple] = [(UNKNOWN,)]  # type: ignore[type-arg]
        self.functions: list[FunctionFacts] = []
        self.classes: list[ClassFacts] = []
        self.calls: list[tuple] = []  # type: ignore[type-arg]
        self.regions: list[tuple[int, int, Any, Any]] = [(BODY, 0, None, None)]
        self.globals: dict[str, Sequence[int]] = {}
        self.exports: tuple[str, ...] | None = None
        self.imports: list[tuple[int, str]] = []  # (level, module)
        self.imported: list[int] = []  # the IMPORTED expressions
        self.stars: list[tuple[int, str]] = []
        # `base[key] = value`: (base expr, key, value expr)
        self.mutations: list[tuple[int, object, int]] = []
        # `base.name = value` where base is not the first parameter of a method: (base expr, name, value expr)
        self.stores: list[tuple[int, str, int]] = []
        # attribute reads and operators of all functions, flat: most are of no interest once all classes are known.
        # function, then the fields of FunctionFacts.reads; function, number in DUNDERS, then those of operators
        self.read_log = array("i")
        self.operator_log = array("i")
        # line spans of statements of module and class bodies that hold calls of their own
        self.units: list[tuple[int, int]] = []
        # comments that begin with `auditor:`; see auditor.index.comments.Comment
        self.comments: list[tuple[int, int, str, int, int, int]] = []

    def seal(self) -> None:
        """Indexing is over: keep everything in the form that takes least memory."""
        for function in self.functions:
            function.seal()
        tables = [self.globals, *[c.attributes for c in self.classes], *[c.stores for c in self.classes]]
        for table in tables:
            for name, positions in table.items():
                table[name] = single(positions[0]) if len(positions) == 1 else tuple(positions)

    def outwards(self, region: int) -> Iterator[int]:
        """The region and those around it, from the inside out, without the function's own."""
        while region:
            yield region
            region = self.regions[region][1]

    def attribute_reads(self) -> Iterator[tuple[int, int]]:
        """(function, expression) of all attribute reads, until `unpack`."""
        log = self.read_log
        return ((log[at], log[at + 1]) for at in range(0, len(log), _READ))

    def operators_used(self) -> Iterator[tuple[int, str]]:
        """(function, method behind the operator) of all operators, until `unpack`."""
        log = self.operator_log
        return ((log[at], DUNDERS[log[at + 1]]) for at in range(0, len(log), _OPERATOR))

    def unpack(self, properties: Collection[str] | None = None, wanted: Sequence[bool] = _EVERY) -> None:
        """Give each function its reads and operators: those whose attribute is a property, those that are wanted.

        ``wanted`` is what `wanted_operators` gives; None keeps all reads. The logs are empty afterwards.
        """
        functions, exprs = self.functions, self.exprs
        log = self.read_log
        for entry, position in enumerate(log[1::_READ]):
            if properties is None or exprs[position][2] in properties:
                at = entry * _READ
                function = functions[log[at]]
                if function.read_log is _NO_LOG:
                    function.read_log = array("i")
                function.read_log += log[at + 1 : at + _READ]
        log = self.operator_log
        if any(wanted):
            for entry, number in enumerate(log[1::_OPERATOR]):
                if wanted[number]:
                    at = entry * _OPERATOR
                    function = functions[log[at]]
                    if function.operator_log is _NO_LOG:
                        function.operator_log = array("i")
                    function.operator_log += log[at + 1 : at + _OPERATOR]
        self.read_log = array("i")
        self.operator_log = array("i")
