"""Family 3: loops of Python code that compute for long."""

from __future__ import annotations

import libcst as cst

from auditor.checks.handed import awaits
from auditor.engine.rule import Rule

_OTHERS = (cst.FunctionDef, cst.Lambda, cst.ClassDef)


class ComputingLoop(Rule):
    """A loop with many rounds that never lets others run."""

    def visit_suspect(self, node: cst.CSTNode) -> None:
        """Confirm that the node is what a loop goes over, that all rounds run, and that none of them awaits."""
        parent = self.context.parent()
        if isinstance(parent, cst.For):
            if parent.iter is node and not awaits(parent.body) and not _leaves(parent.body):
                self._report_unless_around(node)
        elif isinstance(parent, cst.CompFor) and parent.iter is node:
            whole = next((x for x in reversed(self.context.ancestors) if isinstance(x, cst.BaseComp)), None)
            # a generator is consumed by somebody else, who may await in between, unless a call takes all of it
            consumed = not isinstance(whole, cst.GeneratorExp) or self._is_argument(whole)
            if whole is not None and consumed and not awaits(whole):
                self._report_unless_around(node)

    def visit_Call(self, node: cst.Call) -> None:
        """What is gone over is a call: ``range(...)``."""
        self.visit_suspect(node)

    def _report_unless_around(self, node: cst.CSTNode) -> None:
        """The rounds of the loops around count as well: none of these may let others run."""
        for ancestor in reversed(self.context.ancestors):
            if isinstance(ancestor, cst.FunctionDef):
                break
            if isinstance(ancestor, cst.For) and awaits(ancestor.body):
                return
        self.report(node)

    def _is_argument(self, node: cst.CSTNode) -> bool:
        ancestors = self.context.ancestors
        return isinstance(ancestors[ancestors.index(node) - 1], cst.Arg)


def _leaves(node: cst.CSTNode, *, inner: bool = False) -> bool:
    """Whether something ends the loop early, or hands a round to whoever consumes it."""
    if isinstance(node, (cst.Return, cst.Yield)) or (isinstance(node, cst.Break) and not inner):
        return True
    if isinstance(node, _OTHERS):
        return False
    inner = inner or isinstance(node, (cst.For, cst.While))
    return any(_leaves(child, inner=inner) for child in node.children)
