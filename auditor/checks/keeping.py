"""Whether a result is kept: made where nobody has asked yet, and there for all who ask later."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_KEEPING: Final = frozenset({"cache", "lru_cache", "cached_property"})
"""Decorators of functools after which a function runs once."""


def is_kept(path: Sequence[cst.CSTNode]) -> bool:
    """Whether the result is kept for all who ask later, and only made where nobody has asked yet."""
    function = next((x for x in reversed(path) if isinstance(x, cst.FunctionDef)), None)
    if function is None:
        return False
    if any(_last_name(x.decorator) in _KEEPING for x in function.decorators):
        return True
    targets = list(_targets(path))
    targets += [x for target in targets for x in _assigned_from(function, target)]
    if not targets:
        return False
    inner = path[path.index(function) :]
    for outer, part in itertools.pairwise(inner):
        if isinstance(outer, cst.If) and part is not outer.test and _mentions(outer.test, targets):
            return True
        if isinstance(outer, cst.IndentedBlock) and any(
            _leaves_with(x, targets) for x in outer.body[: _position(outer, part)]
        ):
            return True
    return False


def _targets(path: Sequence[cst.CSTNode]) -> Iterator[cst.BaseExpression]:
    """What the statement assigns the result to."""
    for ancestor in reversed(path):
        if isinstance(ancestor, cst.Assign):
            yield from (target.target for target in ancestor.targets)
            return
        if isinstance(ancestor, cst.AnnAssign):
            yield ancestor.target
            return
        if isinstance(ancestor, cst.BaseStatement):
            return


def _assigned_from(node: cst.CSTNode, name: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What is assigned from the local variable in turn."""
    if not isinstance(name, cst.Name):
        return
    if isinstance(node, cst.Assign) and node.value.deep_equals(name):
        yield from (target.target for target in node.targets)
    for child in node.children:
        yield from _assigned_from(child, name)


def _position(block: cst.IndentedBlock, part: cst.CSTNode) -> int:
    return next((number for number, x in enumerate(block.body) if x is part), 0)


def _leaves_with(statement: cst.CSTNode, targets: Sequence[cst.BaseExpression]) -> bool:
    """``if self._model is not None: return self._model``."""
    if not isinstance(statement, cst.If) or not _mentions(statement.test, targets):
        return False
    last = statement.body.body[-1] if statement.body.body else None
    return isinstance(last, cst.Return) or (
        isinstance(last, cst.SimpleStatementLine) and any(isinstance(x, cst.Return) for x in last.body)
    )


def _mentions(test: cst.CSTNode, targets: Sequence[cst.BaseExpression]) -> bool:
    """Whether the test asks for one of the targets, or whether a key of one is there."""
    if any(test.deep_equals(target) or _asks_for(test, target) for target in targets):
        return True
    for target in targets:
        if (
            isinstance(target, cst.Subscript)
            and isinstance(test, cst.Comparison)
            and any(part.comparator.deep_equals(target.value) for part in test.comparisons)
        ):
            return True
    return any(_mentions(child, targets) for child in test.children)


def _asks_for(test: cst.CSTNode, target: cst.BaseExpression) -> bool:
    """``hasattr(local, "connection")`` for ``local.connection``."""
    return (
        isinstance(target, cst.Attribute)
        and isinstance(test, cst.Call)
        and isinstance(test.func, cst.Name)
        and test.func.value in ("hasattr", "getattr")
        and len(test.args) > 1
        and test.args[0].value.deep_equals(target.value)
        and isinstance(test.args[1].value, cst.SimpleString)
        and test.args[1].value.evaluated_value == target.attr.value
    )


def _last_name(decorator: cst.BaseExpression) -> str:
    if isinstance(decorator, cst.Call):
        decorator = decorator.func
    if isinstance(decorator, cst.Attribute):
        return decorator.attr.value
    return decorator.value if isinstance(decorator, cst.Name) else ""
