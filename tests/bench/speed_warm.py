"""Warm speed: nothing changed, one file changed, and the start of the command, beside cached ruff and bare Python.

    python tests/bench/speed_warm.py TREE [--runs 5]

Works on a copy of TREE with caches of its own. Every figure is the median of ratios of CPU seconds of commands that
alternate: ``auditor check -o concise`` against ``ruff check --select ASYNC`` (both cached) on the unchanged copy and
after a comment was appended to one file, and ``auditor --version`` against ``python -c pass``.
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from support import Measured, auditor_command, command_line, ruff_command, run, table


def check(measured: Measured, name: str) -> float:
    if measured.exit_code not in (0, 1):
        raise SystemExit(f"{name} failed ({measured.exit_code}): {measured.stderr.strip()[-500:]}")
    return measured.cpu


def ratios(
    ours: list[str], theirs: list[str], cwd: Path, runs: int, before: Callable[[int], None]
) -> list[object]:
    """Median CPU milliseconds of both commands and the median ratio; the first pair only fills the caches."""
    mine: list[float] = []
    other: list[float] = []
    for number in range(runs + 1):
        before(number)
        pair = check(run(ours, cwd=cwd), "auditor"), check(run(theirs, cwd=cwd), "the other command")
        if number:
            mine.append(pair[0])
            other.append(pair[1])
    ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
    return [f"{1000 * statistics.median(mine):.0f}", f"{1000 * statistics.median(other):.0f}", f"{ratio:.2f}"]


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "program"
        shutil.copytree(options.tree, copy, ignore=shutil.ignore_patterns("__pycache__", ".git", "*.pyc"))
        files = sorted(copy.rglob("*.py"))
        source = random.Random(options.seed)

        def change_one(number: int) -> None:
            with source.choice(files).open("a", encoding="utf-8") as file:
                file.write(f"\n# {number}\n")

        caches = Path(name)
        ours = [*auditor_command(), "check", "-o", "concise", "--cache-dir", str(caches / "ours"), "."]
        theirs = [*ruff_command(), "check", "--isolated", "--select", "ASYNC", "-q",
                  "--cache-dir", str(caches / "theirs"), "."]  # fmt: skip
        start = [*auditor_command(), "--version"]
        bare = [sys.executable, "-c", "pass"]

        def nothing(_: int) -> None:
            return

        rows = [
            ["nothing changed", *ratios(ours, theirs, copy, options.runs, nothing), "cached ruff"],
            ["one file changed", *ratios(ours, theirs, copy, options.runs, change_one), "cached ruff"],
            ["--version", *ratios(start, bare, copy, options.runs, nothing), "python -c pass"],
        ]
    print(table(["case", "ours ms", "theirs ms", "ratio", "of"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
