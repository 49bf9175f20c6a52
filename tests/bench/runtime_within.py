"""What a watched loop pays, within one process:
`runtime_within.py [--rounds 600] [--loop asyncio|uvloop] [micro] [echo]`.

runtime_overhead.py compares processes, which differ by some per cent whatever runs in them. Here the sentinel, its
thread and its board are there all the time, and a loop is watched and not watched in turns, in another order every
round: that leaves out what a second thread costs a process, and shows the rest more exactly. `off2` is `off` again, and
tells how exactly. Printed are the geometric mean of the ratios of CPU seconds in the same round, and a 95 % interval by
bootstrap.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable

from runtime_load import ECHOES, TURNS, Echo, micro
from runtime_overhead import ENVIRONMENT, interval

from auditor.runtime import LoopLagMonitor
from auditor.runtime.engine import engine


async def compare(load: str, loop: str, rounds: int) -> None:
    if load == "micro":
        await report(f"{loop} micro", micro, rounds, TURNS)
    else:
        async with Echo() as portion:
            await report(f"{loop} echo", portion, rounds, ECHOES)


async def report(name: str, work: Callable[[], Awaitable[None]], rounds: int, units: int) -> None:
    """Time the work watched and not; ``units`` is how often the loop turns, or echoes, in one piece of work."""
    running = asyncio.get_running_loop()
    spent: dict[str, list[float]] = {"off": [], "on": [], "off2": []}
    # somebody else's loop is watched, so that everything but this loop's probe is there all the time
    async with LoopLagMonitor(0.1, log=False) as monitor:
        await asyncio.to_thread(monitor.mode, 30)
        engine.release(running)
        await work()
        source = random.Random(0)
        for _ in range(rounds):
            for state in source.sample(list(spent), 3):
                if state == "on":
                    engine.hold(running)
                    await asyncio.sleep(0.03)  # as a server would, it comes out of rest
                before = time.process_time()
                await work()
                spent[state].append(time.process_time() - before)
                if state == "on":
                    engine.release(running)
        engine.hold(running)  # the monitor releases it
    print(f"{name}, {rounds} rounds, off {sum(spent['off']) / rounds / units * 1e6:.2f} us of CPU")
    for state in ("on", "off2"):
        ratios = [one / other for one, other in zip(spent[state], spent["off"], strict=True)]
        mean, low, high = interval(ratios)
        print(f"  {state:5} {mean:6.3f} x  (95 %: {low:.3f} to {high:.3f})", flush=True)


def main() -> None:
    if any(name not in os.environ for name in ENVIRONMENT):
        os.execve(sys.executable, [sys.executable, *sys.argv], ENVIRONMENT)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"])
    parser.add_argument("loads", nargs="*", default=["micro", "echo"])
    arguments = parser.parse_args()
    for loop in [arguments.loop] if arguments.loop else ["asyncio", "uvloop"]:
        for load in arguments.loads:
            work = compare(load, loop, arguments.rounds)
            if loop == "uvloop":
                import uvloop

                uvloop.run(work)
            else:
                asyncio.run(work)


if __name__ == "__main__":
    main()
