"""Types that annotations declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.containers import box
from auditor.link.values import NOTHING, Value, Values, join, join_all

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

_UNIONS = frozenset({"typing.Optional", "typing.Union", "typing_extensions.Optional"})
_FIRST = frozenset(
    {
        "typing.Final",
        "typing.ClassVar",
        "typing.Required",
        "typing.NotRequired",
        "typing.ReadOnly",
        "dataclasses.InitVar",
    }
)
_ANNOTATED = frozenset({"typing.Annotated", "typing_extensions.Annotated"})
_AWAITABLES = {
    "typing.Awaitable": 0, "collections.abc.Awaitable": 0, "typing.Coroutine": 2, "collections.abc.Coroutine": 2,
    "asyncio.Future": 0, "asyncio.Task": 0,
}  # fmt: skip
AWAITABLE_TYPES = frozenset(
    {"typing.Awaitable", "collections.abc.Awaitable", "typing.Coroutine", "collections.abc.Coroutine"}
)
"""Types that say how a result comes, and nothing of what gives it."""
_ELEMENTS = {
    "typing.List": "builtins.list", "typing.Sequence": "builtins.list", "typing.Iterable": "builtins.list",
    "typing.Iterator": "builtins.list", "typing.Collection": "builtins.list", "typing.MutableSequence": "builtins.list",
    "typing.Set": "builtins.set", "typing.FrozenSet": "builtins.frozenset", "typing.AbstractSet": "builtins.set",
    "typing.Deque": "collections.deque", "typing.Generator": "builtins.list", "typing.AsyncIterator": "builtins.list",
    "typing.AsyncIterable": "builtins.list", "typing.AsyncGenerator": "builtins.list",
    "collections.abc.Sequence": "builtins.list", "collections.abc.Iterable": "builtins.list",
    "collections.abc.Iterator": "builtins.list", "collections.abc.Collection": "builtins.list",
    "collections.abc.MutableSequence": "builtins.list", "collections.abc.Set": "builtins.set",
    "collections.abc.Generator": "builtins.list", "collections.abc.AsyncIterator": "builtins.list",
    "collections.abc.AsyncIterable": "builtins.list", "collections.abc.AsyncGenerator": "builtins.list",
    "builtins.list": "builtins.list", "builtins.set": "builtins.set", "builtins.frozenset": "builtins.frozenset",
    "collections.deque": "collections.deque", "contextvars.ContextVar": "contextvars.ContextVar",
    "typing.Tuple": "builtins.tuple", "builtins.tuple": "builtins.tuple",
}  # fmt: skip
_MAPPINGS = frozenset(
    {
        "typing.Dict", "typing.Mapping", "typing.MutableMapping", "typing.DefaultDict", "typing.OrderedDict",
        "collections.abc.Mapping", "collections.abc.MutableMapping", "builtins.dict", "collections.defaultdict",
        "collections.OrderedDict", "weakref.WeakValueDictionary",
    }
)  # fmt: skip
_SILENT = frozenset(
    {
        "typing.Any", "builtins.object", "typing.Callable", "collections.abc.Callable", "typing.TypeVar",
        "typing.Literal", "typing.NoReturn", "typing.Never", "typing.Hashable", "typing.TypeAlias",
        "typing_extensions.Literal",
    }
)  # fmt: skip
_SELF = frozenset({"typing.Self", "typing_extensions.Self"})
_CLASSES = frozenset({"builtins.type", "typing.Type"})
_CALLABLES = frozenset({"typing.Callable", "collections.abc.Callable"})
_MANAGERS = frozenset(
    {
        "typing.ContextManager", "typing.AsyncContextManager", "contextlib.AbstractContextManager",
        "contextlib.AbstractAsyncContextManager",
    }
)  # fmt: skip


_GENERICS = frozenset({*_UNIONS, *_FIRST, *_ANNOTATED, *_AWAITABLES, *_ELEMENTS, *_MAPPINGS, *_SILENT, *_MANAGERS,
                       "builtins.type", "typing.Type"})  # fmt: skip


class Annotations:
    """Turns annotation expressions and the catalog's type names into instances."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._names: dict[str, Values] = {}

    def types(self, module: Module, position: int) -> Values:
        """Instances of what the annotation names; nothing where it says nothing of use."""
        if not position:
            return NOTHING
        return self._evaluator.solver.solve(("t", module.index, position), self._types, module, position)

    def _types(self, module: Module, position: int) -> Values:
        evaluator = self._evaluator
        expression = module.facts.exprs[position]
        tag = expression[0]
        if tag == f.UNION:
            return join_all([self.types(module, p) for p in expression[1]])
        if tag == f.SUBSCRIPT:
            return self._generic(module, expression[1], expression[2])
        if tag == f.CONST:
            return NOTHING
        if tag == f.CALL:  # a type variable, a new type, a class that a function makes
            made = evaluator.values(module, position)
            return join_all([self.of_class(x) for x in made if x.kind in (v.VARIABLE, v.CLASS)])
        return join_all([self.of_class(value) for value in evaluator.values(module, position)])

    def variable(self, module: Module, position: int) -> Value | None:
        """The type variable that an annotation is, None aside."""
        expression = module.facts.exprs[position]
        if expression[0] == f.UNION:
            found = [self.variable(module, p) for p in expression[1]]
            return next((x for x in found if x is not None), None)
        if expression[0] not in (f.GLOBAL, f.IMPORTED, f.CALL):
            return None
        values = self._evaluator.values(module, position)
        return values[0] if len(values) == 1 and values[0].kind == v.VARIABLE else None

    def leaves_open(self, module: Module, position: int) -> bool:
        """Whether a union has a part that says nothing of the object: ``Awaitable | Callable``."""
        expression = module.facts.exprs[position]
        parts: tuple[int, ...] = ()
        if expression[0] == f.UNION:
            parts = expression[1]
        elif expression[0] == f.SUBSCRIPT:
            base = self._evaluator.values(module, expression[1])
            if any(x.kind == v.EXTERNAL and x.a in _UNIONS for x in base):
                parts = expression[2]
        return any(self._names_callable(module, p) or self.leaves_open(module, p) for p in parts)

    def _names_callable(self, module: Module, position: int) -> bool:
        expression = module.facts.exprs[position]
        if expression[0] == f.SUBSCRIPT:
            expression = module.facts.exprs[position := expression[1]]
        if expression[0] not in (f.GLOBAL, f.IMPORTED, f.ATTR):
            return False
        found = self._evaluator.values(module, position)
        return bool(found) and all(x.kind == v.EXTERNAL and x.a in _CALLABLES for x in found)

    def class_of(self, module: Module, position: int) -> Value | None:
        """The type variable of an annotation ``type[T]``."""
        expression = module.facts.exprs[position]
        if expression[0] != f.SUBSCRIPT or len(expression[2]) != 1:
            return None
        base = self._evaluator.values(module, expression[1])
        if not any(x.kind == v.EXTERNAL and x.a in _CLASSES for x in base):
            return None
        return self.variable(module, expression[2][0])

    def likely(self, module: Module, position: int) -> Values:
        """What an annotation says of a parameter that no call in sight fills."""
        expression = module.facts.exprs[position]
        if expression[0] == f.SUBSCRIPT and len(expression[2]) == 2:
            base = self._evaluator.values(module, expression[1])
            if any(x.kind == v.EXTERNAL and x.a in _CALLABLES for x in base):
                given = self.types(module, expression[2][1])
                return self._evaluator.interner.make(v.GIVER, given).one if given else NOTHING
        return self.types(module, position)

    def result(self, function: Function) -> Values:
        """What the function is declared to return; ``Self`` is the class that it belongs to."""
        declared = self.types(function.module, function.facts.annotation)
        if function.class_ is not None and any(
            x.kind == v.EXTERNAL_INSTANCE and x.a in _SELF for x in declared
        ):
            own = self._evaluator.interner.instance(function.class_, virtual=True)
            return tuple(own if x.kind == v.EXTERNAL_INSTANCE and x.a in _SELF else x for x in declared)
        return declared

    def of_class(self, value: Value) -> Values:
        """Instances of the class, or of the type that the name stands for."""
        interner = self._evaluator.interner
        if value.kind == v.VARIABLE:
            bounds = [p for k, p in value.a.facts.calls[value.b][f.C_KEYWORDS] if k == "bound"]
            return self.types(value.a, bounds[0]) if bounds else NOTHING
        if value.kind == v.CLASS:
            return interner.instance(value.a, virtual=True).one
        if value.kind == v.EXTERNAL:
            dotted = value.a
            if dotted in _SILENT or dotted in _UNIONS:
                return NOTHING
            if dotted in _ELEMENTS:
                return interner.external_instance(_ELEMENTS[dotted]).one
            if dotted in _MAPPINGS:
                return interner.external_instance("builtins.dict").one
            return interner.external_instance(dotted).one
        if value.kind == v.ALIAS:
            return self.types(value.a, value.b)
        return NOTHING

    @staticmethod
    def is_generic(dotted: str) -> bool:
        """Whether subscripting the name makes a type."""
        return dotted in _GENERICS

    def _generic(self, module: Module, base: int, parts: tuple[int, ...]) -> Values:
        """Instances of ``base[parts]``, all of them positions of expressions."""
        evaluator = self._evaluator
        if not parts:  # tuple[()]
            return join_all([self.of_class(value) for value in evaluator.values(module, base)])
        results: list[Values] = []
        for value in evaluator.values(module, base):
            if value.kind == v.CLASS:
                results.append(evaluator.interner.instance(value.a, virtual=True).one)
            elif value.kind == v.EXTERNAL:
                results.append(self._generic_external(module, value.a, parts))
        return join_all(results)

    def _generic_external(self, module: Module, dotted: str, parts: tuple[int, ...]) -> Values:
        evaluator = self._evaluator
        interner = evaluator.interner
        if dotted in _UNIONS:
            return join_all([self.types(module, p) for p in parts])
        if dotted in _ANNOTATED:
            injected = join_all([self._injected(module, p) for p in parts[1:]])
            return join(injected, self.types(module, parts[0]))
        if dotted in _FIRST:
            return self.types(module, parts[0])
        if dotted in _CLASSES:
            named = evaluator.values(module, parts[0])
            return join_all([part.one for part in named if part.kind in (v.CLASS, v.EXTERNAL)])
        if dotted in _AWAITABLES:
            at = _AWAITABLES[dotted]
            return (
                interner.make(v.AWAITABLE, self.types(module, parts[at])).one if at < len(parts) else NOTHING
            )
        if dotted in _MANAGERS:
            return interner.make(v.MANAGER, None, self.types(module, parts[0])).one
        if dotted in _MAPPINGS or dotted in _ELEMENTS:
            return self._collection(module, dotted, parts)
        return NOTHING if dotted in _SILENT else interner.external_instance(dotted).one

    def _collection(self, module: Module, dotted: str, parts: tuple[int, ...]) -> Values:
        interner = self._evaluator.interner
        if dotted in _MAPPINGS:
            values = self.types(module, parts[1]) if len(parts) > 1 else NOTHING
            evaluator = self._evaluator
            boxed = box(self.types(module, parts[0]), evaluator) + box(values, evaluator)
            return interner.external_instance("builtins.dict", boxed).one
        name = _ELEMENTS[dotted]
        if name == "builtins.tuple" and len(parts) > 1:
            elements = (
                self.types(module, parts[0])
                if module.facts.exprs[parts[-1]] == (f.CONST, ...)
                else tuple([x for p in parts for x in box(self.types(module, p), self._evaluator)])
            )
        else:
            elements = self.types(module, parts[0])
        return interner.external_instance(name, elements).one

    def _injected(self, module: Module, position: int) -> Values:
        """What metadata such as ``Depends(provider)`` says of the value."""
        if module.facts.exprs[position][0] != f.CALL:
            return NOTHING
        values = self._evaluator.values(module, position)
        return tuple(x for x in values if x.kind in (v.INSTANCE, v.EXTERNAL_INSTANCE))

    def from_name(self, name: str) -> Values:
        """Instances of a type that the catalog names: ``pkg.Type``, ``builtins.list[pkg.Type]``."""
        known = self._names.get(name)
        if known is None:
            outer, bracket, inner = name.partition("[")
            interner = self._evaluator.interner
            elements = self.from_name(inner[:-1]) if bracket else NOTHING
            if outer in ("builtins.None", "None"):
                known = interner.make(v.CONSTANT, None, "NoneType").one
            else:
                known = interner.external_instance(self._evaluator.canonical(outer), elements).one
            self._names[name] = known
        return known
