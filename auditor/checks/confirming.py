"""What confirms a blocking call by its group, for rules that ask something else of it as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.checks.blocking import BlockingCall, BlockingIteration
from auditor.checks.network import SocketCall

if TYPE_CHECKING:
    import libcst as cst

    from auditor.engine.rule import Rule, RuleContext, Verdict

_CONFIRMING: dict[str, type[Rule]] = {"iteration": BlockingIteration, "network": SocketCall}


def confirm(rule: Rule, node: cst.CSTNode, context: RuleContext) -> Verdict | None:
    """The verdict of the rule of the suspect's group, in the name of ``rule``."""
    return _CONFIRMING.get(context.suspect.group, BlockingCall)(rule.file).judge(node, context)
