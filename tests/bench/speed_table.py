"""The figures that speed is held to, in one run, beside what they are to reach.

    python tests/bench/speed_table.py TREE [--runs 3] [--flake8 COMMAND] [--sample 45]

Works on a copy of TREE with caches of its own. A ratio is the median of those of CPU seconds (user and system, all
processes) of two commands that alternate, unless it says wall. The *leaf* that is changed is a module that no other
imports, the *hub* is the one that most import, as far as their imports tell. flake8-async takes twenty minutes on a
large program, so it runs on one of ``--sample`` files, and its time is multiplied; without ``--flake8`` (a command such
as ``venv/bin/flake8``, with flake8-async beside it) the row is left out.
"""

from __future__ import annotations

import random
import re
import shlex
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from support import Measured, auditor_command, command_line, ruff_command, run, run_for_memory, table

IMPORT = re.compile(r"^[ \t]*(?:from\s+(\S+)\s+import\s+\(?([^#\n)]*)|import\s+(.+))", re.MULTILINE)

Change = Callable[[int], None]


def check(measured: Measured, name: str) -> Measured:
    if measured.exit_code not in (0, 1):
        raise SystemExit(f"{name} failed ({measured.exit_code}): {measured.stderr.strip()[-500:]}")
    return measured


def nothing(_: int) -> None:
    return


def alternate(
    ours: Sequence[str],
    theirs: Sequence[str],
    cwd: Path,
    runs: int,
    before: Change = nothing,
    what: str = "cpu",
) -> list[str]:
    """Milliseconds of both commands and the ratio, as medians; the first pair only fills caches."""
    mine: list[float] = []
    other: list[float] = []
    for number in range(runs + 1):
        before(number)
        pair = check(run(ours, cwd=cwd), ours[0]), check(run(theirs, cwd=cwd), theirs[0])
        if number:
            mine.append(getattr(pair[0], what))
            other.append(getattr(pair[1], what))
    ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
    return [
        f"{1000 * statistics.median(mine):,.0f}",
        f"{1000 * statistics.median(other):,.0f}",
        f"{ratio:.2f}",
    ]


def imported(files: Sequence[Path], top: Path) -> Counter[str]:
    """How many files name a module in their imports, by its path."""
    found: Counter[str] = Counter()
    for path in files:
        names = set()
        package = path.relative_to(top).parts[:-1]
        for match in IMPORT.finditer(path.read_text(encoding="utf-8", errors="replace")):
            if match[3]:
                names |= {part.split()[0] for part in match[3].split(",") if part.split()}
                continue
            source = match[1]
            level = len(source) - len(source.lstrip("."))
            base = ".".join(package[: len(package) - level + 1]) if level else ""
            module = ".".join(part for part in (base, source.lstrip(".")) if part)
            names.add(module)
            names |= {f"{module}.{part.split()[0]}" for part in match[2].split(",") if part.split()}
        found.update(name.replace(".", "/") for name in names)
    return found


def leaf_and_hub(files: Sequence[Path], top: Path, source: random.Random) -> tuple[Path, Path]:
    counts = imported(files, top)

    def uses(path: Path) -> int:
        name = path.relative_to(top).with_suffix("").as_posix()
        return counts[name.removesuffix("/__init__")]

    leaves = [path for path in files if not uses(path) and path.stat().st_size > 500]
    return source.choice(leaves or list(files)), max(files, key=uses)


def flake8_cost(command: Sequence[str], files: Sequence[Path], sample: int, source: random.Random) -> float:
    """CPU seconds for all files, as those of some let expect."""
    chosen = source.sample(list(files), max(1, len(files) // sample))
    share = sum(path.stat().st_size for path in chosen) / sum(path.stat().st_size for path in files)
    names = [str(path) for path in chosen]
    used = run([*command, "--isolated", "--select", "ASYNC", "-j1", *names]).cpu
    return used / share


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--flake8", type=shlex.split, help="a flake8 that has flake8-async")
    parser.add_argument("--sample", type=int, default=45)
    options = parser.parse_args(argv)
    source = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "program"
        shutil.copytree(options.tree, copy, ignore=shutil.ignore_patterns("__pycache__", ".git", "*.pyc"))
        files = sorted(path for path in copy.rglob("*.py") if path.is_file())
        lines = sum(path.read_bytes().count(b"\n") for path in files)
        print(f"{len(files):,} files, {lines:,} lines")
        caches = Path(name)
        fresh = [*auditor_command(), "check", "-q", "-o", "concise", "--no-cache", "."]
        ours = [*auditor_command(), "check", "-q", "-o", "concise", "--cache-dir", str(caches / "ours"), "."]
        ruff = [*ruff_command(), "check", "--isolated", "--select", "ASYNC", "-q"]
        theirs = [*ruff, "--cache-dir", str(caches / "theirs"), "."]
        leaf, hub = leaf_and_hub(files, copy, source)

        def changing(path: Path) -> Change:
            def change(number: int) -> None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(f"\n# {number}\n")

            return change

        rows = [["cold", *alternate(fresh, [*ruff, "--no-cache", "."], copy, options.runs), "ruff", "12"]]
        if options.flake8:
            cost = flake8_cost(options.flake8, files, options.sample, source)
            mine = statistics.median(check(run(fresh, cwd=copy), "auditor").cpu for _ in range(options.runs))
            rows.append(
                [
                    "cold",
                    f"{1000 * mine:,.0f}",
                    f"{1000 * cost:,.0f}",
                    f"1/{cost / mine:.0f}",
                    "flake8-async",
                    "1/100",
                ]
            )
        alone = [*fresh[:-1], "-j1", "."]
        rows += [
            [
                "cold, wall",
                *alternate(fresh, alone, copy, options.runs, what="wall"),
                "one process, wall",
                "0.7",
            ],
            ["nothing changed", *alternate(ours, theirs, copy, options.runs), "cached ruff", "1.2"],
            [
                "leaf changed",
                *alternate(ours, theirs, copy, options.runs, changing(leaf)),
                "cached ruff",
                "10",
            ],
            ["hub changed", *alternate(ours, theirs, copy, options.runs, changing(hub)), "cached ruff", "25"],
        ]
        few = Path(name) / "few"
        few.mkdir()
        for path in source.sample(files, min(20, len(files))):
            shutil.copyfile(path, few / f"{len(list(few.iterdir()))}_{path.name}")
        named = [path.name for path in sorted(few.iterdir())[:3]]
        bare = [sys.executable, "-c", "pass"]
        hook = [*ours[:-1], *named]
        rows += [
            ["three files named", *alternate(hook, bare, few, 5 * options.runs), "bare Python", "150 ms"],
            [
                "--version",
                *alternate([*auditor_command(), "--version"], bare, few, 5 * options.runs),
                "bare Python",
                "3",
            ],
        ]
        print(table(["case", "ours ms", "theirs ms", "ratio", "of", "to reach"], rows))
        memory = run_for_memory(fresh, cwd=copy)
        single = run_for_memory(alone, cwd=copy)
        print(
            f"peak {memory.parent:.0f} MiB parent, {memory.child:.0f} MiB largest worker, "
            f"{single.parent:.0f} MiB with one process (to reach: 200 and 60)"
        )
        print(f"leaf: {leaf.relative_to(copy)}; hub: {hub.relative_to(copy)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
