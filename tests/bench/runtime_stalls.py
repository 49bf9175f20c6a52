"""How many of the stalls in tests/runtime/stall_kinds.py the monitor finds, with the exact line, how exactly it
tells their duration, and what it reports of harmless patterns:
`runtime_stalls.py [--rounds 5] [--loop asyncio|uvloop] [NAME...]`.

Nothing is paired here: each stall is its own truth, measured by the program that makes it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).resolve().parents[1] / "runtime" / "stall_kinds.py"
sys.path.insert(0, str(PROGRAM.parent))


def observe(loop: str, rounds: int, names: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Run the program and match what the monitor said to what happened, by time."""
    output = subprocess.run(
        [sys.executable, str(PROGRAM), loop, str(rounds), *names],
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
        env={**os.environ, "STALL_KINDS_OPTIONS": json.dumps(options)},
    ).stdout
    found: dict[str, Any] = json.loads(output)
    for done in found["done"]:
        done["stalls"] = [
            stall
            for stall in found["stalls"]
            if done["begin"] - 0.03 <= stall["start"] <= done["begin"] + done["took"] + 0.03
        ]
    return found


def main() -> None:
    import stall_kinds

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"])
    parser.add_argument("--thread", action="store_true", help="the fallback: watch from a thread")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    lines = stall_kinds.marked_lines()
    for loop in [arguments.loop] if arguments.loop else ["asyncio", "uvloop"]:
        found = observe(loop, arguments.rounds, arguments.names, {"outside": not arguments.thread})
        errors, alarms, exact, seen, total = [], [], 0, 0, 0
        kinds: dict[str, Counter[str]] = {}
        for done in found["done"]:
            name, stalls = done["name"], done["stalls"]
            if name.startswith("harmless"):
                alarms += [(name, stall["kind"], stall["duration"], stall["site"]) for stall in stalls]
                continue
            total += 1
            if not stalls:
                print(f"  {loop}: {name} of {done['took']:.3f} s was missed")
                continue
            seen += 1
            stall = max(stalls, key=lambda stall: stall["duration"])
            kinds.setdefault(name, Counter())[stall["kind"]] += 1
            errors.append(abs(stall["duration"] - done["took"]) / done["took"])
            site = stall["site"] or {"line": 0}
            if site["line"] in lines[name]:
                exact += 1
            else:
                print(f"  {loop}: {name} should be line {lines[name]}, is {site['line']}: {stall['samples']}")
        print(f"{loop} ({found['mode']}): {seen}/{total} found, {exact}/{total} exact line")
        if errors:
            print(f"  duration error: median {statistics.median(errors):.2%}, worst {max(errors):.2%}")
        for alarm in alarms:
            print(f"  harmless but reported: {alarm}")
        print(f"  {len(alarms)} reports of harmless patterns")
        for name, counts in kinds.items():
            print(f"    {name}: {', '.join(f'{kind} {count}' for kind, count in counts.most_common())}")


if __name__ == "__main__":
    main()
