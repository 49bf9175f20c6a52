"""Family 3: coroutine functions that do not await, and awaits of what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.checks.confirming import confirm
from auditor.engine.rule import Rule

if TYPE_CHECKING:
    import libcst as cst

    from auditor.engine.rule import RuleContext, Verdict


class AwaitsNothing(Rule):
    """A blocking call that a coroutine function reaches in which nothing is awaited.

    That it blocks is for the rule of its group to confirm.
    """

    def judge(self, node: cst.CSTNode, context: RuleContext) -> Verdict | None:
        return confirm(self, node, context) if context.never_suspends else None


class AwaitOnSync(Rule):
    """``await`` of a call that gives back nothing to await."""

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.is_awaited:
            self.report(node)
