"""Families 2 and 4: what is handed to threads, pools and tasks, and what becomes of it."""

from __future__ import annotations

import libcst as cst

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.engine.rule import Rule


class Given(Rule):
    """An API that runs functions elsewhere is given one that is wrong for it; the linker knows which."""

    def visit_Call(self, node: cst.Call) -> None:
        self.report(node)


class Dropped(Rule):
    """A coroutine or a task that a statement makes, and that nobody keeps."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the call is all of its statement, or what the function gives back."""
        if isinstance(self.context.parent(), (cst.Expr, cst.Return)):
            self.report(node)


class UnboundedResult(Rule):
    """A wait for a coroutine of another thread's loop, without a limit."""

    def visit_Call(self, node: cst.Call) -> None:
        api = self.context.api
        if api is not None and not api.is_bounded(self.context.arguments or NO_ARGUMENTS):
            self.report(node)


class TimeoutThatWaits(Rule):
    """A wait with a limit within the `with` block of its pool."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the block is that of a pool, in the same function as the wait."""
        for ancestor in reversed(self.context.ancestors):
            if isinstance(ancestor, (cst.FunctionDef, cst.Lambda)):
                return
            if isinstance(ancestor, cst.With):
                self.report(node)
                return
