"""Which request a task works for: set by the ASGI middleware, read when a stall is sampled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

MOST_NAME = 200
MOST_ROUTES = 256
OTHER = "(other)"


class Work:
    """A request or a WebSocket connection. Frameworks leave in its scope which route they have chosen."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope

    @property
    def template(self) -> str:
        """The route's pattern, as in ``/users/{id}``; empty when there is none, or none yet."""
        for name in ("path_format", "path"):
            found = getattr(self._scope.get("route"), name, "")
            if found and isinstance(found, str):
                return str(self._scope.get("root_path", "")) + found
        return ""

    @property
    def method(self) -> str:
        return str(self._scope.get("method", "GET")) if self._scope["type"] == "http" else "WEBSOCKET"

    @property
    def _chosen(self) -> str:
        if self.template:
            return self.template
        endpoint = self._scope.get("endpoint")
        function = getattr(endpoint, "__qualname__", "")
        return f"{getattr(endpoint, '__module__', '')}.{function}" if function else ""

    @property
    def name(self) -> str:
        """``GET /users/{id}``; where no pattern is known, with the endpoint's function, else the request's path."""
        return f"{self.method} {self._chosen or self._scope.get('path', '')}"[:MOST_NAME]

    @property
    def label(self) -> str:
        """As ``name``, but from a bounded set of values: requests for which no route was found are all alike."""
        return f"{self.method} {self._chosen or OTHER}"[:MOST_NAME]


current: ContextVar[Work | None] = ContextVar("auditor_route", default=None)
_by_task: WeakKeyDictionary[asyncio.Task[Any], Work] = WeakKeyDictionary()


def enter(work: Work) -> None:
    """The task that runs, and those that it starts from now on, work for this request."""
    current.set(work)
    task = asyncio.current_task()
    if task is not None:
        _by_task[task] = work


def of(task: asyncio.Task[Any]) -> Work | None:
    """What a task works for, asked from any thread; tasks that a request starts only from Python 3.12 on."""
    work = _by_task.get(task)
    if work is None and hasattr(task, "get_context"):
        work = task.get_context().get(current)
    return work


@dataclass(slots=True)
class RouteStats:
    """What the requests or WebSocket connections of one route have met with; times are seconds.

    ``waited`` is how long they had to wait for the loop when they arrived, ``lag`` how long it was away while they
    were served. ``pings`` are round trips through the loop's sockets while a WebSocket was open, which is how long
    its peer waits for a pong. ``stalled`` is the duration of ``stalls`` for which the route's own code is to blame.
    """

    served: int = 0
    waited: float = 0.0
    waited_most: float = 0.0
    lag: float = 0.0
    lag_most: float = 0.0
    pings: int = 0
    ping: float = 0.0
    ping_most: float = 0.0
    stalls: int = 0
    stalled: float = 0.0

    def add(self, waited: float, lag: float) -> None:
        """One more has been served."""
        self.served += 1
        self.waited += waited
        self.waited_most = max(self.waited_most, waited)
        self.lag += lag
        self.lag_most = max(self.lag_most, lag)

    def add_ping(self, seconds: float) -> None:
        self.pings += 1
        self.ping += seconds
        self.ping_most = max(self.ping_most, seconds)


class Routes:
    """The figures of each route, by `Work.label`; a bounded number of them, the rest together."""

    def __init__(self) -> None:
        self._known: dict[str, RouteStats] = {}

    def of(self, label: str) -> RouteStats:
        found = self._known.get(label)
        if found is None:
            if len(self._known) >= MOST_ROUTES:
                label = OTHER
            found = self._known.setdefault(label, RouteStats())
        return found

    def add_stall(self, route: str, duration: float) -> None:
        """A stall while a request of this route ran."""
        method = route.partition(" ")[0]
        found = self._known.get(route) or self.of(f"{method} {OTHER}")
        found.stalls += 1
        found.stalled += duration

    def all(self) -> dict[str, RouteStats]:
        return dict(self._known)
