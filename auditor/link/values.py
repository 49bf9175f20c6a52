"""Abstract values: what an expression may stand for at run time.

A set of values is a tuple without repetition, in the order in which the values were found: that order depends on the
program alone, so that everything derived from it is the same in every run. Values are interned: equal ones are one
object, and are compared by identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.link.program import Class, Function, Module

FUNCTION = 0  #  a: Function, b: environment
BOUND = 1  #  a: value of kind FUNCTION, b: the receiver
CLASS = 2  #  a: Class
INSTANCE = (
    3  #  a: Class, b: True when the object may be of a subclass; GUESSED when even the class may be another
)
MODULE = 4  #  a: Module
EXTERNAL = 5  #  a: dotted name of something outside the program
EXTERNAL_INSTANCE = 6  #  a: dotted name of its type, b: elements that iterating it yields
COROUTINE = 7  #  a: the callable value, b: values that awaiting it gives
GENERATOR = 8  #  a: the callable value, b: values that it yields
MANAGER = 9  #  a: the callable value (a context manager function), b: values that entering it gives
AWAITABLE = 10  #  a: values that awaiting it gives
CONTAINER = (
    11  #  a: Module, b: position of the display or comprehension, or what call makes it (containers.Made)
)
CONTAINER_METHOD = 12  #  a: value of kind CONTAINER, b: name
CONSTANT = 13  #  a: the constant, b: name of its type
PARTIAL = 14  #  a: callable values, b: (positional values, keyword values)
PARAMETER = 15  #  a: Function, b: index
SUPER = 16  #  a: Class, b: the receiver
ALIAS = 18  #  a: Module, b: position of the subscript: a type alias such as `Optional[X]`
METHOD_CALLER = 19  #  a: name; calling it calls the method of that name of its argument
PACK = 21  #  a: Function, b: index: the tuple of `*args` or the dict of `**kwargs`; the PARAMETER is any of its items
MADE = (
    22  #  a: value of kind PARAMETER, b: whether it is awaited, or AS_...: what calling the parameter gives
)
WRAPPER = 20  #  a: callable values, b: (dotted name of the API that wraps them, number of its entry) or None
BOX = 23  #  a: values of one position of a tuple, of the keys or of the values of a dictionary
LAZY = 17  #  a: values whose iteration it drives, b: (callables that it runs, elements)

VARIABLE = 24  #  a: Module, b: number of the call that makes the type variable
GIVER = 25  #  a: values that calling it gives, as an annotation says

AS_DECLARED = "declared"
AS_MODULE = "module"  # the module of the name that the parameter holds
"""Mark of what is made of a class that is given: an object of it, or of a subclass."""

GUESSED = 2
"""Mark of an instance whose class only the name of a called method tells."""

Values = tuple["Value", ...]
NOTHING: Values = ()
LIMIT = 24
"""More values than this say nothing that a finding could rest on."""


class Value:
    """One abstract value; make it with `Interner.make`."""

    __slots__ = ("a", "b", "kind", "one")

    def __init__(self, kind: int, a: Any, b: Any) -> None:
        self.kind = kind
        self.a = a
        self.b = b
        self.one: Values = (self,)

    def __repr__(self) -> str:
        return f"<{_NAMES[self.kind]} {self.a!r} {self.b!r}>"


_NAMES = (
    "function", "bound", "class", "instance", "module", "external", "external-instance", "coroutine", "generator",
    "manager", "awaitable", "container", "container-method", "constant", "partial", "parameter", "super", "lazy",
    "alias", "method-caller", "wrapper", "pack", "made", "box",
    "variable", "giver",
)  # fmt: skip

Environment = tuple[tuple[tuple["Function", int], Values], ...]
"""What the parameters of the functions around a closure stand for, sorted by function and index."""


class Interner:
    """Makes values, one object for equal ones."""

    __slots__ = ("_functions", "_table")

    def __init__(self) -> None:
        self._table: dict[Any, Value] = {}
        self._functions: dict[Function, Value] = {}

    def make(self, kind: int, a: Any, b: Any = None) -> Value:
        """The value of this kind and content."""
        key = (kind, a, b) if kind != CONSTANT else (kind, a, b, a.__class__)
        value = self._table.get(key)
        if value is None:
            value = self._table[key] = Value(kind, a, b)
        return value

    def function(self, function: Function, environment: Environment = ()) -> Value:
        if environment:
            return self.make(FUNCTION, function, environment)
        value = self._functions.get(function)
        if value is None:
            value = self._functions[function] = Value(FUNCTION, function, ())
        return value

    def instance(self, class_: Class, *, virtual: bool) -> Value:
        return self.make(INSTANCE, class_, virtual)

    def external_instance(self, dotted: str, elements: Values = ()) -> Value:
        return self.make(EXTERNAL_INSTANCE, dotted, elements)

    def module(self, module: Module) -> Value:
        return self.make(MODULE, module)


def join(first: Values, second: Values) -> Values:
    """Both sets as one."""
    if not second or first is second:
        return first
    if not first:
        return second
    extra = [v for v in second if v not in first]
    if not extra:
        return first
    return (first + tuple(extra))[:LIMIT]


def join_all(sets: list[Values]) -> Values:
    """All sets as one."""
    result: Values = ()
    for values in sets:
        if values:
            result = join(result, values)
    return result
