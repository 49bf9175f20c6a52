"""Family 3: blocking calls before anybody is served, and when nobody is any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.checks.confirming import confirm
from auditor.engine.rule import Rule
from auditor.model import Phase

if TYPE_CHECKING:
    import libcst as cst

    from auditor.engine.rule import RuleContext, Verdict


class AtShutdown(Rule):
    """A blocking call that only shutdown hooks lead to."""

    def judge(self, node: cst.CSTNode, context: RuleContext) -> Verdict | None:
        phases = {phase for _, phase in context.contexts()}
        return confirm(self, node, context) if phases == {Phase.SHUTDOWN} else None
