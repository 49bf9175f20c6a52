"""Family 4: offloading that does not help."""

from __future__ import annotations

import libcst as cst

from auditor.engine.rule import Rule


class CalledBeforeOffload(Rule):
    """``to_thread(f())``: the function has run on the loop before the thread sees anything of it."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the call is the argument itself: not awaited, not part of a larger expression."""
        if isinstance(self.context.parent(), cst.Arg):
            self.report(node)
