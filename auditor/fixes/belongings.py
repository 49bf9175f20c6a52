"""What a function makes itself, and what it changes that others may hold: read from its text, name by name.

A thing is a function's own when it made it: a display, a comprehension, the result of what is known to make anew. Only
names are followed; whatever is reached in any other way counts as others' too.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

SHARED: Final = 0
OWN: Final = 1
"""The thing itself is the function's own; what it holds need not be."""
WHOLLY: Final = 2
"""And so is everything in it."""

_DISPLAYS: Final = (ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp)
_VALUES: Final = (ast.Constant, ast.JoinedStr, ast.Compare)
_IMMUTABLE: Final = frozenset(
    {"str", "bytes", "int", "float", "bool", "tuple", "frozenset", "range", "Path", "PurePath", "PathLike"}
)
_WRAPPERS: Final = frozenset({"enumerate", "zip", "reversed", "map", "filter", "iter"})
"""Builtins that iterate over what they are given only when they are iterated over themselves."""
_VIEWS: Final = frozenset({"items", "keys", "values"})
_READS: Final = frozenset({"get", "keys", "values", "items", "copy", "index", "count"})
_STEPS: Final = (ast.For, ast.comprehension)
_OF_OTHERS: Final = (ast.Global, ast.Nonlocal)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Belongings:
    """The things of one function. ``makes`` says what the result of a call is: SHARED, OWN or WHOLLY.

    ``lines``: the first and the last line looked at, if not all: what is bound outside of them counts as others' too.
    ``given``: how far parameters stand for what nobody else holds, such as the `self` of a constructor. ``escaped``:
    names whose things others may have got hold of by then.
    """

    def __init__(
        self,
        function: Definition,
        makes: Callable[[ast.Call], int],
        lines: tuple[int, int] | None = None,
        *,
        given: Mapping[str, int] | None = None,
        escaped: AbstractSet[str] = frozenset(),
    ) -> None:
        self._makes = makes
        self._given = dict(given or {})
        first, last = lines or (0, 1 << 30)
        self._nodes = [x for x in ast.walk(function) if first <= getattr(x, "lineno", first) <= last]
        self._immutable: set[str] = set()
        self._bound: dict[str, list[ast.AST | None]] = {}
        self._parameters = [x for x in ast.walk(function.args) if isinstance(x, ast.arg)]
        for packed in (function.args.vararg, function.args.kwarg):
            if packed is not None:
                self._given.setdefault(packed.arg, OWN)
        for node in ast.walk(function):
            inside = first <= getattr(node, "lineno", first) <= last
            for name, value in _bindings(node):
                is_known = inside or isinstance(value, ast.arg)
                self._bound.setdefault(name, []).append(value if is_known else None)
            if isinstance(node, ast.arg) and _is_immutable(node.annotation):
                self._immutable.add(node.arg)
        self._known: dict[str, int] = dict.fromkeys(escaped, SHARED)

    def owned(self, node: ast.expr) -> int:
        """How far what an expression stands for is the function's own."""
        match node:
            case ast.Name(id=name):
                return self._owned_name(name)
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                return WHOLLY if self.owned(inner) == WHOLLY else SHARED
            case ast.Call() as call:
                return self._makes(call)
            case ast.Await(value=ast.Call() as call):
                return self._makes(call)
            case ast.BoolOp(values=values):
                return min(map(self.owned, values))
            case ast.IfExp(body=one, orelse=other):
                return min(self.owned(one), self.owned(other))
            case ast.NamedExpr(value=value):
                return self.owned(value)
            case ast.BinOp():
                return OWN  # operators of containers and numbers make a new one
        if isinstance(node, _VALUES):
            return WHOLLY
        return OWN if isinstance(node, _DISPLAYS) else SHARED

    def _owned_name(self, name: str) -> int:
        known = self._known.get(name)
        if known is None:
            bound = self._bound.get(name)
            self._known[name] = SHARED  # within a cycle
            known = min((self._bound_to(name, x) for x in bound or ()), default=SHARED)
            self._known[name] = known
        return known

    def _bound_to(self, name: str, value: ast.AST | None) -> int:
        if isinstance(value, ast.arg):
            return self._given.get(name, SHARED) if value in self._parameters else SHARED
        return self.owned(value) if isinstance(value, ast.expr) else SHARED

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
        if self.owned(node) or isinstance(node, (ast.Constant, ast.JoinedStr)):
            return True
        match node:
            case ast.Name(id=name):
                return name in self._immutable
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _WRAPPERS:
                every = arguments[1:] if name in ("map", "filter") else arguments
                return all(map(self._may_iterate, every))
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=[]) if name in _VIEWS:
                return bool(self.owned(value))
            case ast.Call():
                return False
        return False

    def may_call(self, call: ast.Call) -> bool:
        """Whether a method of a container may be called: the container is the function's own, or it is only asked."""
        function = call.func
        if not isinstance(function, ast.Attribute):
            return False
        return function.attr in _READS or bool(self.owned(function.value))


def _is_immutable(annotation: ast.expr | None) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(value=ast.Name(id=name)):
            return name in _IMMUTABLE
        case ast.BinOp(left=left, right=right):
            return all(_is_immutable(x) or _is_none(x) for x in (left, right))
        case ast.Constant(value=str(text)):
            return all(part.strip() in {*_IMMUTABLE, "None"} for part in text.split("|"))
    return False


def _is_none(node: ast.expr) -> bool:
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
            yield from (name for name, _ in _bindings(node))


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
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
