"""For ASGI applications: which routes make the loop stand still, and which suffer from it.

::

    app.add_middleware(LoopLagMiddleware, threshold="50ms", server_timing=True)    # Starlette, FastAPI
    app = LoopLagMiddleware(app, metrics_path="/metrics")                          # any ASGI application
    app = FastAPI(lifespan=loop_lag_lifespan(threshold="50ms"))                    # only the monitor, no routes

The monitor starts when the server announces the start of its lifespan, or with the first request where it does not,
and ends with the lifespan.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from auditor.runtime.board import Cell
from auditor.runtime.clock import SECOND, Clocks
from auditor.runtime.engine import engine
from auditor.runtime.monitor import LoopLagMonitor
from auditor.runtime.pings import Pings
from auditor.runtime.routes import Work, enter

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class LoopLagMiddleware:
    """Watches the server's loop, and says of each stall which request caused it.

    :param monitor: one of your own; if it has been started already, starting and stopping it stays your business
    :param server_timing: tell clients in a ``Server-Timing`` header how long a request waited for the loop (``queue``,
        in ms) and for how long the loop was away until its response began (``lag``)
    :param metrics_path: answer requests for this path with Prometheus metrics (`auditor.runtime.metrics`)
    :param exclude: paths that are not counted, such as those of health checks
    :param options: those of `LoopLagMonitor`
    """

    def __init__(
        self,
        app: App,
        *,
        monitor: LoopLagMonitor | None = None,
        server_timing: bool = False,
        metrics_path: str = "",
        exclude: Collection[str] = (),
        **options: Any,
    ) -> None:
        if monitor is not None and options:
            raise ValueError(f"{', '.join(options)}: give a monitor or its options, not both")
        self.app = app
        self.monitor = monitor or LoopLagMonitor(**options)
        self._server_timing = server_timing
        self._metrics_path = metrics_path
        self._uncounted = frozenset(exclude) | ({metrics_path} if metrics_path else set())
        self._pings: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pings] = weakref.WeakKeyDictionary()
        self._render: Callable[[], tuple[bytes, str]] | None = None
        self._ours = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        self._start()
        if self._metrics_path and scope["type"] == "http" and scope["path"] == self._metrics_path:
            await self._metrics(send)
            return
        await self._serve(scope, receive, send)

    def _start(self) -> None:
        if not self.monitor.started:
            self.monitor.start()
            self._ours = True

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
            return message

        async def sent(message: Message) -> None:
            if message["type"] != "lifespan.startup.complete" and self._ours:
                self._ours = False
                await self.monitor.aclose()
            await send(message)

        await self.app(scope, received, sent)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        probe = engine.probe(loop)
        waited = probe.away() if probe is not None else 0
        cells = probe.slot.cells if probe is not None else None
        before = cells[Cell.LAG_SUM] if cells is not None else 0
        began = Clocks.monotonic_ns()
        work = Work(scope)
        enter(work)

        def lag() -> int:
            if probe is None or cells is None:
                return 0
            return max(0, cells[Cell.LAG_SUM] - before) + min(probe.behind(), Clocks.monotonic_ns() - began)

        pinged: list[str] = []

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and self._server_timing:
                value = f"queue;dur={waited / 1e6:.1f}, lag;dur={lag() / 1e6:.1f}"
                headers = [*message.get("headers", ()), (b"server-timing", value.encode())]
                message = {**message, "headers": headers}
            elif message["type"] == "websocket.accept" and not pinged:
                pinged.append(work.label)  # known from now on
                self._pings_of(loop).begin(work.label)
            await send(message)

        wrapped = self._server_timing or scope["type"] == "websocket"
        try:
            await self.app(scope, receive, sent if wrapped else send)
        finally:
            for label in pinged:
                self._pings_of(loop).end(label)
            if scope["path"] not in self._uncounted:
                self.monitor.routes.of(work.label).add(waited / SECOND, lag() / SECOND)

    def _pings_of(self, loop: asyncio.AbstractEventLoop) -> Pings:
        found = self._pings.get(loop)
        if found is None:
            found = self._pings[loop] = Pings(loop, self.monitor.routes)
        return found

    async def _metrics(self, send: Send) -> None:
        if self._render is None:
            from auditor.runtime.metrics import renderer

            self._render = renderer(self.monitor)
        body, kind = self._render()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def loop_lag_lifespan(
    inner: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None, **options: Any
) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
    """A lifespan for Starlette and FastAPI that watches the loop around that of your own, if any.

    The monitor is found as ``request.state.loop_lag``; ``options`` are those of `LoopLagMonitor`.
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        async with LoopLagMonitor(**options) as monitor:
            if inner is None:
                yield {"loop_lag": monitor}
                return
            async with inner(app) as state:
                yield {**(state or {}), "loop_lag": monitor}

    return lifespan
