"""What a function makes itself, and what it changes that others may hold: read from its text, name by name.

A thing is a function's own when it made it: a display, a comprehension, the result of what is known to make anew. Only
names are followed; whatever is reached in any other way counts as others' too.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

SHARED: Final = 0
OWN: Final = 1
"""The thing itself is the function's own, not what it holds. With 2 what it holds is as well, and so on."""
WHOLLY: Final = 9
"""And so is everything in it, however deep."""

_VALUES: Final = (ast.Constant, ast.JoinedStr, ast.Compare, ast.UnaryOp)
_IMMUTABLE: Final = frozenset(
    {"str", "bytes", "int", "float", "bool", "tuple", "frozenset", "range", "Path", "PurePath", "PathLike"}
)
TEXT: Final = _IMMUTABLE - {"tuple", "frozenset"}
"""And hold nothing else."""
_WRAPPERS: Final = frozenset({"enumerate", "zip", "reversed", "map", "filter", "iter"})
"""Builtins that iterate over what they are given only when they are iterated over themselves."""
VIEWS: Final = frozenset({"items", "keys", "values", "copy"})
_READS: Final = frozenset({"get", "keys", "values", "items", "copy", "index", "count"})
_STEPS: Final = (ast.For, ast.comprehension)
_OF_OTHERS: Final = (ast.Global, ast.Nonlocal)
_SHAPES: Final = 512
_ORDERS: Final = frozenset({"key", "reverse", "strict"})
"""Arguments that say how to take the others, and are not kept."""
_PUTS_ONE: Final = frozenset({"append", "appendleft", "add", "insert", "setdefault"})
_PUTS_ALL: Final = frozenset({"extend", "extendleft", "update"})
PUTS: Final = _PUTS_ONE | _PUTS_ALL
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Made(NamedTuple):
    """What a call gives: how far it is the caller's own, whatever the arguments are; and what they add to that.

    ``of``: "copy" of the arguments, a "part" of the first, the "same" as the last, a "view" or an "element" of what the
    method belongs to, or "given": ``given`` if the arguments are wholly the caller's. ``cap``: how far they are at most
    the caller's own afterwards.
    """

    level: int = SHARED
    of: str = ""
    given: int = SHARED
    cap: int = WHOLLY


class _Shape(NamedTuple):
    """What the text of a function holds, whatever is asked of it. ``bindings``: line, name and value."""

    nodes: list[ast.AST]
    parameters: list[ast.arg]
    bindings: list[tuple[int, str, ast.AST | None]]
    changing: list[ast.AST]
    calls: list[ast.Call]
    immutable: set[str]
    others: set[str]


@lru_cache(maxsize=_SHAPES)
def _shape(function: Definition) -> _Shape:
    nodes = list(ast.walk(function))
    asking = {x for node in nodes if _only_asks(node) for x in ast.walk(node.args)}
    return _Shape(
        nodes,
        [x for x in ast.walk(function.args) if isinstance(x, ast.arg)],
        [
            (getattr(node, "lineno", 0), name, value)
            for node in nodes
            if node not in asking
            for name, value in bindings(node)
        ],
        [x for x in nodes if isinstance(x, (ast.Assign, ast.AugAssign))],
        [x for x in nodes if isinstance(x, ast.Call)],
        {x.arg for x in nodes if isinstance(x, ast.arg) and x not in asking and is_immutable(x.annotation)},
        {name for node in nodes if isinstance(node, _OF_OTHERS) for name in node.names},
    )


class Belongings:
    """The things of one function. ``makes`` says what calls give.

    ``lines``: the first and the last line looked at, if not all: what is bound outside of them counts as others' too.
    ``given``: how far parameters stand for what nobody else holds, such as the `self` of a constructor. ``escaped``:
    names whose things others may have got hold of by then. ``never_changes``: whether what is iterated over is of a
    type that cannot change.
    """

    def __init__(
        self,
        function: Definition,
        makes: Callable[[ast.Call], Made],
        lines: tuple[int, int] | None = None,
        *,
        given: Mapping[str, int] | None = None,
        escaped: AbstractSet[str] = frozenset(),
        never_changes: Callable[[ast.expr], bool] = lambda _: False,
    ) -> None:
        self._makes = makes
        self._never_changes = never_changes
        self._given = dict(given or {})
        first, last = lines or (0, 1 << 30)
        self._shape = shape = _shape(function)
        self._nodes = [x for x in shape.nodes if first <= getattr(x, "lineno", first) <= last]
        self._bound: dict[str, list[ast.AST | None]] = {}
        self._parameters = shape.parameters
        for packed in (function.args.vararg, function.args.kwarg):
            if packed is not None:
                self._given.setdefault(packed.arg, OWN)
        for line, name, value in shape.bindings:
            is_known = first <= (line or first) <= last or isinstance(value, ast.arg)
            self._bound.setdefault(name, []).append(value if is_known else None)
        self._immutable = shape.immutable
        self._made: dict[ast.Call, Made] = {}
        self._fixed = escaped | shape.others
        self._levels: dict[str, int] | None = None
        self.cap = WHOLLY
        """How far anything is at most the function's own, as what others hold may have been put into it."""

    def owned(self, node: ast.expr) -> int:
        """How far what an expression stands for is the function's own."""
        match node:
            case ast.Name(id=name):
                return self._solved().get(name, SHARED)
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                return _part(self.owned(inner))
            case ast.Call() as call:
                return self._result(call)
            case ast.Await(value=ast.Call() as call):
                return self._result(call)
            case ast.BoolOp(values=values):
                return min(map(self.owned, values))
            case ast.IfExp(body=one, orelse=other):
                return min(self.owned(one), self.owned(other))
            case ast.NamedExpr(value=value):
                return self.owned(value)
            case ast.BinOp():
                return OWN  # operators of containers and numbers make a new one
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return self._around(map(self.owned, elements))
            case ast.Dict(keys=keys, values=values):
                levels = map(self.owned, values)
                return self._around(x if key else _part(x) for key, x in zip(keys, levels, strict=True))
            case ast.ListComp(elt=element) | ast.SetComp(elt=element) | ast.GeneratorExp(elt=element):
                return self._around([self.owned(element)])
            case ast.DictComp(value=element):
                return self._around([self.owned(element)])
        return WHOLLY if isinstance(node, _VALUES) else SHARED

    def _around(self, levels: Iterable[int]) -> int:
        """How far a new thing is the function's own that holds such ones."""
        return min(_whole(min(levels, default=WHOLLY)), self.cap)

    def _result(self, call: ast.Call) -> int:
        function = call.func
        if isinstance(function, ast.Attribute) and self.owned(function.value) == WHOLLY:
            return WHOLLY  # what is asked of a thing that is all the function's own is its own as well
        made = self._makes_once(call)
        named = (x for x in call.keywords if x.arg not in _ORDERS)
        levels = [*map(self.owned, call.args), *(_whole(self.owned(x.value)) for x in named)]
        match made.of:
            case "view" | "element" if isinstance(function, ast.Attribute):
                level = self.owned(function.value)
                return level if made.of == "view" else _part(level)
            case "copy":
                return max(made.level, min(levels, default=WHOLLY))
            case "part":
                return _part(levels[0]) if levels else SHARED
            case "same":
                return levels[-1] if levels else SHARED
            case "given":
                return made.given if min(levels, default=WHOLLY) == WHOLLY else made.level
        return made.level

    def _makes_once(self, call: ast.Call) -> Made:
        known = self._made.get(call)
        if known is None:
            known = self._made[call] = self._makes(call)
        return known

    def _solved(self) -> dict[str, int]:
        """The names, each as far as all that is bound to it is the function's own."""
        if self._levels is None:
            # from above: what names give each other in a circle is the function's own if nothing else comes in
            self._levels = {name: SHARED if name in self._fixed else WHOLLY for name in self._bound}
            while True:
                while self._lower(self._levels):
                    pass
                caps = {level for base, level in self._put() if level < min(self._at_most(base), self.cap)}
                if not caps:
                    break
                self.cap = max(caps)  # what is put into what is no deeper its own changes nothing
        return self._levels

    def _lower(self, levels: dict[str, int]) -> bool:
        before = list(levels.values())
        for name, bound in self._bound.items():
            if levels[name]:
                levels[name] = min(levels[name], self.cap, *(self._bound_to(name, x) for x in bound))
        return before != list(levels.values())

    def _at_most(self, node: ast.expr) -> int:
        """How far something is the function's own at most, whichever of its bindings is the one that counts."""
        match node:
            case ast.Name(id=name):
                bound = (self._bound_to(name, x) for x in self._bound.get(name, ()))
                return min(max(bound, default=SHARED), self.cap)
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                return _part(self._at_most(inner))
        return self.owned(node)

    def cap_beyond(self, bare: Belongings) -> int:
        """``cap``, for what is the function's own here, and not there where it is given nothing."""
        self._solved()
        return min((level for base, level in self._put() if not bare._at_most(base)), default=WHOLLY)

    def _put(self) -> Iterator[tuple[ast.expr, int]]:
        """Things that may be the function's own, each with how far anything is at most after what is put in."""
        for node in self._shape.changing:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        if isinstance(target, (ast.Attribute, ast.Subscript)) and self._at_most(target.value):
                            yield target.value, _whole(self.owned(value))
                case ast.AugAssign(target=ast.Name(id=name) as target, value=value):
                    # what is text or a number at first stays one
                    is_value = any(isinstance(x, _VALUES) for x in self._bound.get(name, ()))
                    if not is_value and self._at_most(target):
                        yield target, max(self.owned(value), OWN)
                case ast.AugAssign(target=ast.Attribute(value=base) | ast.Subscript(value=base), value=value):
                    if self._at_most(base):
                        yield base, _whole(self.owned(value))
        for call in self._shape.calls:
            function = call.func
            given = [*call.args, *(x.value for x in call.keywords)]
            if isinstance(function, ast.Attribute) and function.attr in PUTS:
                if self._at_most(function.value):
                    is_one = function.attr in _PUTS_ONE
                    for level in map(self.owned, given if not is_one else given[-1:]):
                        yield function.value, _whole(level) if is_one else max(level, OWN)
                continue
            for value in given:
                if not isinstance(value, _VALUES) and self._at_most(value):
                    yield value, max(self._makes_once(call).cap, OWN)

    def _bound_to(self, name: str, value: ast.AST | None) -> int:
        if isinstance(value, ast.arg):
            if value not in self._parameters:
                return SHARED
            return WHOLLY if is_immutable(value.annotation, TEXT) else self._given.get(name, SHARED)
        return self.owned(value) if isinstance(value, ast.expr) else SHARED

    def own_names(self) -> set[str]:
        """The names that stand for nothing but what the function has made."""
        return {name for name, level in self._solved().items() if level}

    def returned(self) -> int:
        """How far what the function returns is nobody else's."""
        found = [
            self.owned(x.value) for x in self._nodes if isinstance(x, ast.Return) and x.value is not None
        ]
        return min(found, default=WHOLLY)

    def changes(self) -> Iterator[tuple[int, str]]:
        """Line and words for whatever the function does to what others may hold."""
        others = {x for node in self._nodes if isinstance(node, _OF_OTHERS) for x in node.names}
        for node in self._nodes:
            for name in _rebound(node) if others else ():
                if name in others:
                    yield getattr(node, "lineno", 0), f"binds `{name}` anew for others"
            match node:
                case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                    for target in targets:
                        yield from self._changed(target)
                case ast.AnnAssign(target=target) | ast.For(target=target):
                    yield from self._changed(target)
                case ast.AugAssign(target=target):
                    is_name = isinstance(target, ast.Name)
                    if not is_name:
                        yield from self._changed(target)
                    elif self._extends(node) and not self.owned(target):
                        yield node.lineno, f"changes `{ast.unparse(target)}`"
                case ast.With(items=items):
                    for item in items:
                        if item.optional_vars is not None:
                            yield from self._changed(item.optional_vars)
            if isinstance(node, _STEPS) and not self._may_iterate(node.iter):
                yield node.iter.lineno, f"goes through `{ast.unparse(node.iter)}`, which others may change"

    def _extends(self, node: ast.AugAssign) -> bool:
        """Whether ``x += y`` may change what ``x`` stands for, instead of binding it anew."""
        name = node.target.id if isinstance(node.target, ast.Name) else ""
        is_number = isinstance(node.value, _VALUES) or not isinstance(node.op, (ast.Add, ast.BitOr, ast.Mult))
        return not is_number and name not in self._immutable

    def _changed(self, target: ast.expr) -> Iterator[tuple[int, str]]:
        match target:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    yield from self._changed(element)
            case ast.Starred(value=value):
                yield from self._changed(value)
            case ast.Attribute(value=base) | ast.Subscript(value=base):
                if not self.owned(base):
                    yield target.lineno, f"changes `{ast.unparse(target)}`"

    def _may_iterate(self, node: ast.expr) -> bool:
        """Whether what is iterated over cannot become another meanwhile."""
        if self.owned(node) or isinstance(node, (ast.Constant, ast.JoinedStr)) or self._never_changes(node):
            return True
        match node:
            case ast.Name(id=name):
                return name in self._immutable
            case ast.Call(func=ast.Name(id="iter"), args=[_, _]):
                return True  # it calls something again and again
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _WRAPPERS:
                every = arguments[1:] if name in ("map", "filter") else arguments
                return all(map(self._may_iterate, every))
            case ast.Subscript(slice=ast.Slice()):
                return True  # a copy
            case ast.BoolOp(values=values):
                return all(map(self._may_iterate, values))
            case ast.IfExp(body=one, orelse=other):
                return self._may_iterate(one) and self._may_iterate(other)
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=[]) if name in VIEWS:
                return bool(self.owned(value))
        return False

    def may_call(self, call: ast.Call) -> bool:
        """Whether a method of a container may be called: the container is the function's own, or it is only asked."""
        function = call.func
        if not isinstance(function, ast.Attribute):
            return False
        return function.attr in _READS or bool(self.owned(function.value))


def _only_asks(node: ast.AST) -> TypeGuard[ast.Lambda]:
    """Whether a function within does nothing to what it is given, such as the key to sort by."""
    return isinstance(node, ast.Lambda) and not any(
        isinstance(x, (ast.Call, ast.NamedExpr)) for x in ast.walk(node.body)
    )


def _part(level: int) -> int:
    return level if level == WHOLLY else max(level - 1, SHARED)


def _whole(level: int) -> int:
    return min(level + 1, WHOLLY)


def is_immutable(annotation: ast.expr | None, types: AbstractSet[str] = _IMMUTABLE) -> bool:
    """Whether an annotation says that nobody can change the thing."""
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(value=ast.Name(id=name)):
            return name in types
        case ast.BinOp(left=left, right=right):
            return all(is_immutable(x, types) or _is_none(x) for x in (left, right))
        case ast.Constant(value=str(text)):
            return all(part.strip() in {*types, "None"} for part in text.split("|"))
    return _is_none(annotation)


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _rebound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds anew, or unbinds."""
    match node:
        case ast.arg() | ast.comprehension():
            return
        case ast.AugAssign(target=ast.Name(id=name)) | ast.Name(id=name, ctx=ast.Del()):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (x.asname or x.name.partition(".")[0] for x in aliases)
        case _:
            yield from (name for name, _ in bindings(node))


def bindings(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """The names that a node binds, each with its value; None for what is not known, the node itself for a parameter."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _bound(target, value)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from _bound(target, value)
        case ast.NamedExpr(target=target, value=value):
            yield target.id, value
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from _bound(item.optional_vars, item.context_expr)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield from _elements(target, value)
        case ast.comprehension(target=target, iter=value):
            yield from _elements(target, value)
        case ast.arg(arg=name):
            yield name, node
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name, None
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name, None
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, None


def _bound(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    else:
        yield from _elements(target, value)


def _elements(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr | None]]:
    """The names of a target that gets elements of a value: the function's own where all of the value is."""
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, ast.Subscript(value, ast.Constant(0), ast.Load())
