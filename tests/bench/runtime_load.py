"""One load under one tool, for runtime_overhead.py: `runtime_load.py LOAD TOOL LOOP`; prints CPU seconds as JSON.

CPU seconds are those of the thread that runs the loop and of all others of the process; the tool's own processes are
counted apart. Loads: `micro`, one task that turns the loop by `sleep(0)` as fast as it goes; `echo`, 1 kB there and
back over a socket, client and server on one loop; `idle`, nothing for three seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

TURNS = 250_000
ECHOES = 12_000


async def micro() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def echo() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    for _ in range(ECHOES):
        writer.write(b"x" * 1024)
        await reader.readexactly(1024)
    writer.close()
    server.close()


async def idle() -> None:
    await asyncio.sleep(3)


@contextlib.asynccontextmanager
async def tool(name: str) -> AsyncIterator[list[int]]:
    """Run under a tool; yields the ids of processes that it has started."""
    if name == "auditor":
        from auditor.runtime import LoopLagMonitor
        from auditor.runtime.engine import engine

        async with LoopLagMonitor(0.1, log=False) as monitor:
            await asyncio.to_thread(monitor.mode, 5)
            pid = engine.sentinel_pid()
            yield [pid] if pid else []
    elif name == "auditor-thread":
        from auditor.runtime import LoopLagMonitor

        async with LoopLagMonitor(0.1, log=False, outside=False):
            yield []
    elif name == "aiocop":
        import aiocop

        aiocop.patch_audit_functions()
        aiocop.start_blocking_io_detection()
        aiocop.detect_slow_tasks(threshold_ms=100, on_slow_task=lambda _: None)
        aiocop.activate()
        yield []
    elif name == "pyleak":
        from pyleak import no_event_loop_blocking

        async with no_event_loop_blocking(action="log", threshold=0.1):
            yield []
    elif name == "blockbuster":
        from blockbuster import blockbuster_ctx

        with blockbuster_ctx():
            yield []
    elif name == "debug":
        asyncio.get_running_loop().set_debug(True)
        yield []
    else:
        yield []


def spent(pids: list[int]) -> float:
    """CPU seconds of other processes and what they have waited for, from /proc."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


async def main(load: str, name: str) -> dict[str, float]:
    async with tool(name) as pids:
        await asyncio.sleep(0.2)
        elsewhere, begin, before = spent(pids), time.monotonic(), time.process_time()
        await {"micro": micro, "echo": echo, "idle": idle}[load]()
        return {
            "cpu": time.process_time() - before,
            "seconds": time.monotonic() - begin,
            "elsewhere": spent(pids) - elsewhere,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


if __name__ == "__main__":
    load, name, loop = sys.argv[1:]
    if loop == "uvloop":
        import uvloop

        found = uvloop.run(main(load, name))
    else:
        found = asyncio.run(main(load, name))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)  # whatever a tool has patched need not be taken apart
