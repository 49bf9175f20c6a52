"""Watches event loops at run time: what stands still, for how long, and at which line.

``LoopLagMonitor`` is the whole interface for programs; ``auditor.runtime.asgi`` has the middleware,
``auditor.runtime.metrics`` the exporters. Importing this package imports nothing else until a name is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.model import Stall, StallKind
    from auditor.runtime.monitor import LoopLagMonitor

__all__ = ["LoopLagMonitor", "Stall", "StallKind"]

_HOMES = {"LoopLagMonitor": "auditor.runtime.monitor", "Stall": "auditor.model", "StallKind": "auditor.model"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
