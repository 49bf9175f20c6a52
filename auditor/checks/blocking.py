"""Family 3: calls that block the event loop."""

from __future__ import annotations

import libcst as cst

from auditor.engine.rule import Rule


class BlockingCall(Rule):
    """A call, or an operation that implies one, that blocks and is reached on the event loop."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm the call: what is awaited is a coroutine of the same name, unless the call builds the awaitable."""
        if self.context.is_awaited and self.context.api is not None:
            return
        self.report(node)

    def visit_suspect(self, node: cst.CSTNode) -> None:
        """A ``with``, an iteration or an operator on an object whose method blocks."""
        self.report(node)


class BlockingIteration(BlockingCall):
    """A loop, or a call such as ``list`` or ``next``, over what waits at each step."""

    def visit_Call(self, node: cst.Call) -> None:
        """The call that iterates is not awaited; one that stands where the iterator is made may be anything."""
        if not self.context.is_awaited:
            self.report(node)
