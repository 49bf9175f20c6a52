"""Family 4: offloading that does not help."""

from __future__ import annotations

import libcst as cst

from auditor.engine.rule import Rule


class CalledBeforeOffload(Rule):
    """``to_thread(f())``: the function has run on the loop before the thread sees anything of it."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the handed-over argument is a call, and not one that is awaited first."""
        for argument in node.args:
            value = argument.value
            if isinstance(value, cst.Call) and not isinstance(value.func, cst.Lambda):
                self.report(node)
                return
