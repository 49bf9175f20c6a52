"""Family 1: the wrong event loop."""

from __future__ import annotations

import libcst as cst

from auditor.engine.rule import Rule


class GetEventLoop(Rule):
    """``asyncio.get_event_loop()`` where a loop is known to run."""

    def visit_Call(self, node: cst.Call) -> None:
        self.report(node)
