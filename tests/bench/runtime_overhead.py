"""What watching a loop costs, beside other tools:
`runtime_overhead.py [--rounds 20] [--loop asyncio|uvloop] [--load micro|echo|hello] [TOOL...]`.

The speed of a machine changes from second to second, and what a process is like (where its memory lies, what it has
started first) changes it by some per cent. So each round has a new process for every tool, and these work in turns,
in portions of less than a tenth of a second, in another order each time: with portions of half a second the rounds of
one and the same program differed by 8 %, with these by 2.5 %. A tool's ratio is that of its CPU seconds to those of the
base (`off`) in the same portion, that of a round the median of its portions; printed are the geometric mean of the
rounds and a 95 % interval by bootstrap. Tools that are not installed are left out: set PYTHONPATH to where they lie.

glibc gives memory at the top of its heap back and takes it again with every 256 KiB buffer that asyncio receives
into, unless something else happens to lie above: that would be most of what `echo` measures, and anything that a tool
allocates changes it. So all are told to keep their memory. `timer` is no tool: it shows what a loop pays for having a
timer at all; nor is `off2`, which shows how exact all this is; nor is `thread`, a second thread that does nothing.
System calls and locks cost a process more as soon as it has one, and servers have some: `--base thread` compares with
that.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

LOAD = Path(__file__).with_name("runtime_load.py")
TOOLS = (
    "auditor",
    "auditor-thread",
    "thread",
    "timer",
    "off2",
    "aiocop",
    "livekit",
    "pyleak",
    "blockbuster",
    "debug",
)
PORTIONS = 40
REQUESTS = 250
ENVIRONMENT = {
    **os.environ,
    "PYTHONHASHSEED": "0",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
}


class Worker:
    """A process under one tool."""

    def __init__(self, load: str, tool: str, loop: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(LOAD), load, tool, loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        word, _, port = self._read().partition(" ")
        self.works = word == "ready"
        self._client = socket.create_connection(("127.0.0.1", int(port))) if port and int(port) else None
        self.spent: list[dict[str, float]] = []

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()

    def portion(self, pause: float = 0.0) -> None:
        """Have it work; ``spent`` gets the seconds of CPU, of time, and of CPU in the tool's other processes."""
        self._say("begin")
        time.sleep(pause)
        if self._client is not None:
            for _ in range(REQUESTS):
                self._client.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
                self._client.recv(4096)
        self._say("end")
        self.spent.append(json.loads(self._read()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if self._client is not None:
            self._client.close()
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def one_round(number: int, load: str, loop: str, tools: list[str]) -> dict[str, list[dict[str, float]]]:
    """What each tool that works here has spent."""
    source = random.Random(number)
    workers = {tool: Worker(load, tool, loop) for tool in source.sample(tools, len(tools))}
    order = [tool for tool, worker in workers.items() if worker.works]
    for _ in range(PORTIONS + 1):
        for tool in order:
            workers[tool].portion()
        source.shuffle(order)
    for worker in workers.values():
        worker.close()
    return {tool: workers[tool].spent[1:] for tool in order}  # the first portion is to warm up


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Geometric mean and the bounds of its 95 % bootstrap interval."""
    logs = [math.log(ratio) for ratio in ratios]
    source = random.Random(0)
    means = sorted(sum(source.choices(logs, k=len(logs))) / len(logs) for _ in range(4000))
    return math.exp(sum(logs) / len(logs)), math.exp(means[100]), math.exp(means[3899])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], action="append")
    parser.add_argument("--load", choices=["micro", "echo", "hello", "idle"], action="append")
    parser.add_argument("--base", choices=["off", "thread"], default="off")
    parser.add_argument("tools", nargs="*", default=list(TOOLS))
    arguments = parser.parse_args()
    for loop in arguments.loop or ["asyncio", "uvloop"]:
        for load in arguments.load or ["micro", "echo", "hello", "idle"]:
            if load == "idle":
                idle(loop)
            else:
                compare(load, loop, arguments.tools, arguments.rounds, arguments.base)


def idle(loop: str) -> None:
    """CPU of a loop with nothing to do, in shares of a core."""
    workers = [Worker("idle", tool, loop) for tool in ("off", "auditor")]
    for worker in workers:
        worker.portion(5)
    off, watched = (worker.spent[0] for worker in workers)
    print(
        f"{loop} idle: {watched['cpu'] / watched['seconds']:.2%} of a core in the process "
        f"({off['cpu'] / off['seconds']:.2%} without), {watched['elsewhere'] / watched['seconds']:.2%} in the sentinel",
        flush=True,
    )
    for worker in workers:
        worker.close()


def compare(load: str, loop: str, tools: list[str], rounds: int, base: str = "off") -> None:
    ratios: dict[str, list[float]] = {}
    beside: list[float] = []
    off: list[float] = []
    for number in range(rounds):
        found = one_round(number, load, loop, [base, *tools])
        without = found.pop(base)
        off += [portion["cpu"] for portion in without]
        for tool, spent in found.items():
            pairs = [one["cpu"] / other["cpu"] for one, other in zip(spent, without, strict=True)]
            ratios.setdefault(tool, []).append(statistics.median(pairs))
            if tool == "auditor":
                beside += [portion["elsewhere"] / portion["seconds"] for portion in spent]
    print(f"{loop} {load}, {rounds} rounds, {base} {sum(off) / len(off):.3f} s of CPU a portion")
    for tool in tools:
        if tool not in ratios:
            print(f"  {tool:15} does not run here")
            continue
        mean, low, high = interval(ratios[tool])
        print(f"  {tool:15} {mean:6.3f} x  (95 %: {low:.3f} to {high:.3f})")
    if beside:
        print(f"  the sentinel: {sum(beside) / len(beside):.2%} of another core")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
