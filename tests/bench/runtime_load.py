"""A process under one tool that works in portions, for runtime_overhead.py: `runtime_load.py LOAD TOOL LOOP`.

It says `ready PORT`, works when it reads `begin`, and answers `end` with the CPU seconds spent since as JSON: those
of all its threads, and apart from them those of the tool's own processes and what these have waited for. Loads:
`micro`, one task that turns the loop by `sleep(0)` as fast as it goes; `echo`, 1 kB there and back over a socket,
client and server on one loop; `hello`, uvicorn with an endpoint of three lines, for whoever connects to the port;
`idle`, nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

TURNS = 20_000
ECHOES = 2_400


async def micro() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Echo:
    """A server and one client of it, for as long as the process lives."""

    async def __aenter__(self) -> Callable[[], Awaitable[None]]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._reader, self._writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        return self._portion

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await asyncio.sleep(0.05)  # the server notices

    @staticmethod
    async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    async def _portion(self) -> None:
        for _ in range(ECHOES):
            self._writer.write(b"x" * 1024)
            await self._reader.readexactly(1024)


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The port of a uvicorn on this loop."""
    import uvicorn

    config = uvicorn.Config(hello, port=0, log_level="error", lifespan="off", timeout_keep_alive=3600)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


@contextlib.asynccontextmanager
async def tool(name: str) -> AsyncIterator[Callable[[], int | None]]:
    """Run under a tool; yields what tells the id of the process that it has beside."""
    if name in {"auditor", "auditor-thread"}:
        from auditor.runtime import LoopLagMonitor
        from auditor.runtime.engine import engine

        async with LoopLagMonitor(0.1, log=False, outside=name == "auditor") as monitor:
            await asyncio.to_thread(monitor.mode, 30)
            yield engine.sentinel_pid
    elif name == "aiocop":
        import aiocop

        aiocop.patch_audit_functions()
        aiocop.start_blocking_io_detection()
        aiocop.detect_slow_tasks(threshold_ms=100, on_slow_task=lambda _: None)
        aiocop.activate()
        yield lambda: None
    elif name == "pyleak":
        from pyleak import no_event_loop_blocking

        async with no_event_loop_blocking(action="log", threshold=0.1):
            yield lambda: None
    elif name == "blockbuster":
        from blockbuster import blockbuster_ctx

        with blockbuster_ctx():
            yield lambda: None
    elif name == "livekit":
        from livekit.agents.telemetry.loop_monitor import EventLoopMonitor

        watch = EventLoopMonitor(
            asyncio.get_running_loop(), warn_threshold=0.1, error_threshold=1.0, emit_spans=False
        )
        watch.start()
        yield lambda: None
        watch.stop()
    elif name == "debug":
        asyncio.get_running_loop().set_debug(True)
        yield lambda: None
    elif name == "timer":  # no tool: what a loop pays for having anything scheduled
        handle = asyncio.get_running_loop().call_later(3600, print)
        yield lambda: None
        handle.cancel()
    elif name == "thread":  # no tool: what a process pays for a second thread, as servers have anyhow
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        yield lambda: None
    else:
        yield lambda: None


def spent(pid: int | None) -> float:
    """CPU seconds of another process and what it has waited for, from /proc."""
    if pid is None:
        return 0.0
    ran = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            ran += int(file.read().split()[0])
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return ran / 1e9 + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


async def main(load: str, name: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        port = 0
        work: Callable[[], Awaitable[None]] | None = None
        if load == "micro":
            work = micro
        elif load == "echo":
            work = await stack.enter_async_context(Echo())
        elif load == "hello":
            port = await stack.enter_async_context(served())
        beside = await stack.enter_async_context(tool(name))
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        print(f"ready {port}", flush=True)
        while line := await lines.readline():
            if line == b"begin\n":
                await asyncio.sleep(0.03)  # as a server would, it comes out of rest
                elsewhere = spent(beside())  # looking at another process takes time itself
                begin = time.process_time(), time.monotonic(), elsewhere
                if work is not None:
                    await work()
            else:
                cpu, at, elsewhere = begin
                found = {
                    "cpu": time.process_time() - cpu,
                    "seconds": time.monotonic() - at,
                    "elsewhere": spent(beside()) - elsewhere,
                }
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    load, name, loop = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        uvloop.run(main(load, name))
    else:
        asyncio.run(main(load, name))
    sys.stdout.flush()
    os._exit(0)  # whatever a tool has patched need not be taken apart
