"""Family 4: connections that are opened again and again."""

from __future__ import annotations

from typing import Final

import libcst as cst

from auditor.checks.keeping import is_kept
from auditor.engine.rule import Rule
from auditor.link import contexts as c
from auditor.link.once import is_once
from auditor.model import Phase

_PER_REQUEST: Final = frozenset({"endpoint", "middleware", "dependency", "websocket"})


class ConnectionPerRequest(Rule):
    """A connection that a request opens, and nobody keeps."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that requests lead here, and that it is not opened once for all of them."""
        requests = any(
            _PER_REQUEST & exposed.roles
            and c.phase_of(exposed.context) == Phase.SERVING
            and not any(map(is_once, exposed.hops))
            for exposed in self.context.suspect.exposed
        )
        if requests and not is_kept([*self.context.ancestors, node]):
            self.report(node)
