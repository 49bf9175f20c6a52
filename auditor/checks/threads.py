"""Family 2, and the thread side of family 1: what belongs to an event loop, on a thread without one."""

from __future__ import annotations

import libcst as cst

from auditor.engine.rule import Rule


class OutsideItsLoop(Rule):
    """A call that is legal on its loop's thread only; the linker has found it on another thread."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that nobody there is ready for its failure."""
        if not self.context.is_handled:
            self.report(node)
