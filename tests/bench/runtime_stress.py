"""Does the monitor last: `runtime_stress.py [--minutes 10] [--loop asyncio|uvloop]`.

Threshold 20 ms, 20 stalls of 30 ms a second, so that py-spy runs as often as its budget allows. Printed every minute,
and compared between the end of the first minute and the end: memory, file descriptors and threads of the process and of
the sentinel. Exit code 1 when memory grows by more than a tenth, anything else at all, or the sentinel was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from auditor.runtime import LoopLagMonitor
from auditor.runtime.engine import engine

GROWTH = 1.1


def figures(pid: int) -> tuple[int, int, int]:
    """Resident KiB, file descriptors, threads."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return int(status["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])


async def stress(minutes: float) -> bool:
    async with LoopLagMonitor(0.02, log=False, keep=100) as monitor:
        mode = await asyncio.to_thread(monitor.mode, 30)
        first = engine.sentinel_pid()
        assert first is not None, mode
        begin, base, made = time.monotonic(), [(0, 0, 0)] * 2, 0
        now = base
        for minute in range(1, max(2, round(minutes)) + 1):
            until = begin + minute * 60 * minutes / max(2, round(minutes))
            while time.monotonic() < until:
                time.sleep(0.03)  # noqa: ASYNC251 - the stall
                made += 1
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
            now = [figures(os.getpid()), figures(engine.sentinel_pid() or first)]
            base = now if minute == 1 else base
            (memory, files, threads), (other, other_files, _) = now
            print(
                f"{minute:3} min: {made} stalls made, {monitor.count} reported; process {memory / 1024:.1f} MiB, "
                f"{files} files, {threads} threads; sentinel {other / 1024:.1f} MiB, {other_files} files",
                flush=True,
            )
        kept = engine.sentinel_pid() == first
    grown = any(
        after[0] > before[0] * GROWTH or after[1] > before[1] + 3 or after[2] > before[2]
        for before, after in zip(base, now, strict=True)
    )
    print(
        f"{sys.version.split()[0]}: {'lost the sentinel' if not kept else 'grows' if grown else 'lasts'} ({mode[0]})"
    )
    return kept and not grown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    arguments = parser.parse_args()
    if arguments.loop == "uvloop":
        import uvloop

        return 0 if uvloop.run(stress(arguments.minutes)) else 1
    return 0 if asyncio.run(stress(arguments.minutes)) else 1


if __name__ == "__main__":
    sys.exit(main())
