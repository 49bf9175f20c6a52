"""Real servers and real WebSocket clients, on one loop of the test, and gates instead of clocks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).resolve().parents[2] / "fixtures" / "seeds"
PATIENCE = 60.0
TERMINAL = {"completed", "failed", "cancelled"}


class Gate:
    """Work that stands still until the test lets it go on, one step at a time or for good."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.steps = threading.Semaphore(0)
        self.done: list[Any] = []
        self._open = False

    def pass_through(self, value: Any) -> Any:
        self.entered.release()
        if not self._open:
            assert self.steps.acquire(timeout=PATIENCE), "the test never let this go on"
        self.done.append(value)
        return value

    def open(self) -> None:
        self._open = True
        self.steps.release(1000)

    async def until_entered(self, times: int = 1) -> None:
        for _ in range(times):
            entered = await asyncio.to_thread(self.entered.acquire, timeout=PATIENCE)
            assert entered, "the work was never begun"


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that must come."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - conditions of all kinds, nobody announces them
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def serving(server: Any) -> AsyncIterator[str]:
    """The server's address, as host and port. Ends as a server ends that is asked to."""
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started or task.done())
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def plain_server(app: Any) -> Any:
    import uvicorn

    from delivery.server import server_config

    return uvicorn.Server(server_config(app))


class Listener:
    """A WebSocket client that keeps all it is sent."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.closed = False

    def of(self, key: str, value: str) -> list[str]:
        return [state["status"] for state in self.states if state.get(key) == value]

    async def until_ended(self, key: str, value: str) -> None:
        await until(lambda: self.closed or TERMINAL & set(self.of(key, value)))
        assert TERMINAL & set(self.of(key, value)), f"closed without an end: {self.of(key, value)}"


@contextlib.asynccontextmanager
async def listening(address: str, path: str = "/live", count: int = 1) -> AsyncIterator[list[Listener]]:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    async def listen(listener: Listener, connection: Any) -> None:
        try:
            async for message in connection:
                listener.states.append(json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            listener.closed = True

    listeners = [Listener() for _ in range(count)]
    async with contextlib.AsyncExitStack() as stack:
        tasks = []
        for listener in listeners:
            connection = await stack.enter_async_context(connect(f"ws://{address}{path}"))
            tasks.append(asyncio.create_task(listen(listener, connection)))
        yield listeners
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def sleeping(address: str, path: str = "/live") -> AsyncIterator[None]:
    """A WebSocket client that is there and never reads."""
    host, _, port = address.partition(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (host, int(port)))
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await loop.sock_sendall(connection, request.encode())
        reply = await loop.sock_recv(connection, 1024)
        assert b" 101 " in reply, reply
        yield


MORE_THAN_ANY_BUFFER = "x" * 40_000_000
"""Once a connection has this to send, and its client does not read, the next message has to wait."""


@contextlib.contextmanager
def logged_as_text(*loggers: logging.Logger) -> Iterator[None]:
    """Kept records would keep the exceptions in them, and with these the coroutines that nobody awaited."""

    def as_text(record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage(), None
        return True

    for logger in loggers:
        logger.addFilter(as_text)
    yield
    for logger in loggers:
        logger.removeFilter(as_text)


def ended_well(statuses: list[str]) -> bool:
    """The end was told, once, and nothing after it."""
    return bool(statuses) and statuses[-1] in TERMINAL and not TERMINAL & set(statuses[:-1])
