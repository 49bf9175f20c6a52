"""Family 3: blocking calls before anybody is served, for the first who is, and when nobody is any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.checks.confirming import confirm
from auditor.checks.keeping import is_kept
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


class AtStartup(Rule):
    """A call that is made once: in a startup hook, or when its result is asked for the first time."""

    def judge(self, node: cst.CSTNode, context: RuleContext) -> Verdict | None:
        phases = {phase for _, phase in context.contexts()}
        if Phase.STARTUP in phases or (Phase.SERVING in phases and is_kept([*context.ancestors, node])):
            return confirm(self, node, context)
        return None
