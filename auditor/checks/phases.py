"""Family 3: blocking calls before anybody is served, for the first who is, and when nobody is any more."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.checks.confirming import confirm
from auditor.engine.rule import Rule
from auditor.model import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.engine.rule import RuleContext, Verdict

_KEEPING: Final = frozenset({"cache", "lru_cache", "cached_property"})
"""Decorators of functools after which a function runs once."""


class AtShutdown(Rule):
    """A blocking call that only shutdown hooks lead to."""

    def judge(self, node: cst.CSTNode, context: RuleContext) -> Verdict | None:
        phases = {phase for _, phase in context.contexts()}
        return confirm(self, node, context) if phases == {Phase.SHUTDOWN} else None


class AtStartup(Rule):
    """A call that is made once: in a startup hook, or when its result is asked for the first time."""

    def judge(self, node: cst.CSTNode, context: RuleContext) -> Verdict | None:
        phases = {phase for _, phase in context.contexts()}
        if Phase.STARTUP in phases or (Phase.SERVING in phases and _is_kept([*context.ancestors, node])):
            return confirm(self, node, context)
        return None


def _is_kept(path: Sequence[cst.CSTNode]) -> bool:
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
    if any(test.deep_equals(target) for target in targets):
        return True
    for target in targets:
        if (
            isinstance(target, cst.Subscript)
            and isinstance(test, cst.Comparison)
            and any(part.comparator.deep_equals(target.value) for part in test.comparisons)
        ):
            return True
    return any(_mentions(child, targets) for child in test.children)


def _last_name(decorator: cst.BaseExpression) -> str:
    if isinstance(decorator, cst.Call):
        decorator = decorator.func
    if isinstance(decorator, cst.Attribute):
        return decorator.attr.value
    return decorator.value if isinstance(decorator, cst.Name) else ""
