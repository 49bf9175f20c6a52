"""Which names of a function stand for what others may have got hold of by the time that some place is reached.

A coroutine may put a thing aside, hand it to a task, or keep it in a closure; from then on it is not its own any more.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.fixes.belongings import Definition

_PARTS: Final = (
    *(ast.Attribute, ast.Subscript, ast.Starred, ast.BoolOp, ast.IfExp, ast.NamedExpr),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
"""What gives the thing, a part of it, or what holds it, on."""
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
Position = tuple[int, int]


def escaped(
    function: Definition, place: ast.AST | None, keeps_nothing: Callable[[ast.Call], bool]
) -> set[str]:
    """The names at ``place`` in the function, or at its end. ``keeps_nothing``: what is called forgets its arguments.

    What comes later in the text counts as well where a loop around the place may bring it back.
    """
    parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    limit = _limit(function, place, parents)
    found: set[str] = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        is_before = limit is None or (node.lineno, node.col_offset) < limit
        if node.id not in found and is_before and _goes_out(node, function, place, parents, keeps_nothing):
            found.add(node.id)
    return _with_wholes(function, found)


def _with_wholes(function: Definition, found: set[str]) -> set[str]:
    """With the names of things which, or whose elements, have gone out by another name."""
    steps = []
    for node in ast.walk(function):
        if isinstance(node, (ast.For, ast.comprehension)):
            steps.append((_names(node.target), _names(node.iter)))
        elif isinstance(node, ast.Assign):
            steps += [({x.id}, _names(node.value)) for x in node.targets if isinstance(x, ast.Name)]
    count = -1
    while count != len(found):
        count = len(found)
        for names, wholes in steps:
            if names & found:
                found |= wholes
    return found


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


def _goes_out(
    name: ast.Name,
    function: Definition,
    place: ast.AST | None,
    parents: dict[ast.AST, ast.AST],
    keeps_nothing: Callable[[ast.Call], bool],
) -> bool:
    node: ast.AST = name
    around = parents.get(node)
    while around is not None and around is not function:
        if isinstance(around, _INNER):
            return True
        around = parents.get(around)
    above = parents.get(node)
    while isinstance(above, _PARTS) and getattr(above, "slice", None) is not node:
        node, above = above, parents.get(above)
    match above:
        case ast.Call():
            return above is not place and above.func is not node and not keeps_nothing(above)
        case ast.keyword():
            call = parents.get(above)
            return call is not place and not (isinstance(call, ast.Call) and keeps_nothing(call))
        case ast.For() | ast.comprehension() | ast.Return():
            return False
        case ast.Subscript():
            return False  # an index
        case ast.Assign(targets=targets) | ast.Delete(targets=targets) if node in targets:
            return False
        case ast.Assign(targets=targets):
            return not all(isinstance(x, ast.Name) for x in targets)  # only by another name
        case ast.AugAssign(target=target) if node is target:
            return False
    return not isinstance(above, _ASKS)
