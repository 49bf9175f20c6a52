"""Which request a task works for: set by the ASGI middleware, read when a stall is sampled."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

current: ContextVar[str] = ContextVar("auditor_route", default="")
_by_task: WeakKeyDictionary[asyncio.Task[Any], str] = WeakKeyDictionary()


def enter(route: str) -> None:
    """The task that runs, and those that it starts from now on, work for this route."""
    current.set(route)
    task = asyncio.current_task()
    if task is not None:
        _by_task[task] = route


def of(task: asyncio.Task[Any]) -> str:
    """The route of a task, asked from any thread; tasks started by the request's own only from Python 3.12 on."""
    route = _by_task.get(task, "")
    if not route and hasattr(task, "get_context"):
        route = task.get_context().get(current, "")
    return route
