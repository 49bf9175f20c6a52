"""What watching a loop costs, beside other tools:
`runtime_overhead.py [--rounds 20] [--loop asyncio|uvloop] [--load micro|echo] [TOOL...]`.

Each round runs every tool once, each in a process of its own and in another order; a tool's ratio is that of its CPU to
that of `off` in the same round. Printed are the geometric mean and a 95 % interval by bootstrap. Tools that are not
installed are left out. Set PYTHONPATH to where others lie, to have them beside.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
from pathlib import Path

LOAD = Path(__file__).with_name("runtime_load.py")
TOOLS = ("auditor", "auditor-thread", "aiocop", "pyleak", "blockbuster", "debug")


def run(load: str, tool: str, loop: str) -> dict[str, float] | None:
    done = subprocess.run(
        [sys.executable, str(LOAD), load, tool, loop],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


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
    parser.add_argument("--load", choices=["micro", "echo"], action="append")
    parser.add_argument("tools", nargs="*", default=list(TOOLS))
    arguments = parser.parse_args()
    for loop in arguments.loop or ["asyncio", "uvloop"]:
        for load in arguments.load or ["micro", "echo"]:
            compare(load, loop, arguments.tools, arguments.rounds)
        idle = [found for _ in range(3) if (found := run("idle", "auditor", loop))]
        for found in idle:
            print(
                f"{loop} idle: {found['cpu'] / found['seconds']:.3%} of a core in the process, "
                f"{found['elsewhere'] / found['seconds']:.2%} in the sentinel"
            )


def compare(load: str, loop: str, tools: list[str], rounds: int) -> None:
    ratios: dict[str, list[float]] = {}
    elsewhere: list[float] = []
    off: list[float] = []
    for number in range(rounds):
        order = ["off", *tools]
        random.Random(number).shuffle(order)
        found = {tool: run(load, tool, loop) for tool in order}
        base = found["off"]
        assert base is not None
        off.append(base["cpu"])
        for tool in tools:
            if (with_tool := found[tool]) is not None:
                ratios.setdefault(tool, []).append(with_tool["cpu"] / base["cpu"])
                if tool == "auditor":
                    elsewhere.append(with_tool["elsewhere"] / with_tool["seconds"])
    print(f"{loop} {load}, {rounds} rounds, off {sum(off) / len(off):.3f} s of CPU")
    for tool in tools:
        if tool not in ratios:
            print(f"  {tool:15} does not run here")
            continue
        mean, low, high = interval(ratios[tool])
        print(f"  {tool:15} {mean:6.3f} x  (95 %: {low:.3f} to {high:.3f})")
    if elsewhere:
        print(f"  the sentinel: {sum(elsewhere) / len(elsewhere):.2%} of another core")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
