"""Which names of a function stand for what others may have got hold of by the time that some place is reached.

A coroutine may put a thing aside, hand it to a task, or keep it in a closure; from then on it is not its own any more.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from auditor.fixes.belongings import PUTS, bindings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from auditor.fixes.belongings import Definition

_PARTS: Final = (
    *(ast.Attribute, ast.Subscript, ast.Starred, ast.BoolOp, ast.IfExp, ast.NamedExpr),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
"""What gives the thing, a part of it, or what holds it, on."""
_CONTAINERS: Final = (ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)
_ASKS: Final = (
    ast.Compare,
    ast.UnaryOp,
    ast.FormattedValue,
    ast.Expr,
    ast.If,
    ast.While,
    ast.Assert,
    ast.Delete,
)
_INNER: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)
_TEXTS: Final = 512
Position = tuple[int, int]


def escaped(
    function: Definition, place: ast.AST | None, keeps_nothing: Callable[[ast.Call], bool]
) -> set[str]:
    """The names at ``place`` in the function, or at its end. ``keeps_nothing``: what is called forgets its arguments.

    What comes later in the text counts as well where a loop around the place may bring it back.
    """
    text = _text(function)
    limit = _limit(function, place, text.parents)
    found: set[str] = set()
    for node in text.loads:
        is_before = limit is None or (node.lineno, node.col_offset) < limit
        if node.id not in found and is_before and _goes_out(node, function, place, text, keeps_nothing):
            found.add(node.id)
    # with the names of things which, or whose elements, have gone out by another name
    count = -1
    while count != len(found):
        count = len(found)
        for names, wholes in text.steps:
            if names & found:
                found |= wholes
    return found


class _Text(NamedTuple):
    """What is asked of a function again and again. ``steps``: names that stand for (parts of) the things of others."""

    parents: dict[ast.AST, ast.AST]
    loads: list[ast.Name]
    steps: list[tuple[set[str], set[str]]]
    made: set[str]


@lru_cache(maxsize=_TEXTS)
def _text(function: Definition) -> _Text:
    nodes = list(ast.walk(function))
    return _Text(
        {child: node for node in nodes for child in ast.iter_child_nodes(node)},
        [x for x in nodes if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load)],
        list(_steps(nodes)),
        _made_here(nodes),
    )


def _steps(nodes: Iterable[ast.AST]) -> Iterator[tuple[set[str], set[str]]]:
    for node in nodes:
        match node:
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield _names(target), _names(value)
            case ast.Assign(targets=targets, value=value):
                for root in filter(None, map(_root, targets)):
                    yield {root}, _names(value)
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in PUTS:
                given = (*node.args, *(x.value for x in node.keywords))
                yield {_root(base)}, {name for x in given for name in _names(x)}


def _names(node: ast.AST) -> set[str]:
    return {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}


def _limit(function: Definition, place: ast.AST | None, parents: dict[ast.AST, ast.AST]) -> Position | None:
    """Where what matters ends; None where all of the function does."""
    if place is None:
        return None
    around: ast.AST | None = place
    while around is not None and around is not function:
        if isinstance(around, _LOOPS):
            return None
        around = parents.get(around)
    return getattr(place, "lineno", 0), getattr(place, "col_offset", 0)


def _made_here(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that stand for nothing but containers which the function has made."""
    bound: dict[str, list[ast.AST | None]] = {}
    for node in nodes:
        for name, value in bindings(node):
            bound.setdefault(name, []).append(value)
    return {name for name, values in bound.items() if all(isinstance(x, _CONTAINERS) for x in values)}


def _root(node: ast.AST) -> str:
    """The name that an expression of attributes and subscripts begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _has_own(inner: ast.AST, name: str) -> bool:
    """Whether a name means a parameter of the function within."""
    return isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and any(
        isinstance(x, ast.arg) and x.arg == name for x in ast.walk(inner.args)
    )


def _goes_out(
    name: ast.Name,
    function: Definition,
    place: ast.AST | None,
    text: _Text,
    keeps_nothing: Callable[[ast.Call], bool],
) -> bool:
    parents, made = text.parents, text.made
    node: ast.AST = name
    around = parents.get(node)
    while around is not None and around is not function:
        if isinstance(around, _INNER):
            return not _has_own(around, name.id)
        around = parents.get(around)
    above = parents.get(node)
    while isinstance(above, _PARTS) and getattr(above, "slice", None) is not node:
        node, above = above, parents.get(above)
    match above:
        case ast.Call():
            is_kept = not keeps_nothing(above) and not _puts_into(above, made)
            return above is not place and above.func is not node and is_kept
        case ast.keyword():
            call = parents.get(above)
            is_put = isinstance(call, ast.Call) and (keeps_nothing(call) or _puts_into(call, made))
            return call is not place and not is_put
        case ast.For() | ast.comprehension() | ast.Return():
            return False
        case ast.Subscript():
            return False  # an index
        case ast.Assign(targets=targets) | ast.Delete(targets=targets) if node in targets:
            return False
        case ast.Assign(targets=targets):
            # by another name, or in what is here only
            return not all(isinstance(x, ast.Name) or _root(x) in made for x in targets)
        case ast.AugAssign(target=target) if node is target:
            return False
    return not isinstance(above, _ASKS)


def _puts_into(call: ast.Call, made: set[str]) -> bool:
    """Whether a method puts what it is given into one of some containers."""
    function = call.func
    return isinstance(function, ast.Attribute) and function.attr in PUTS and _root(function.value) in made
