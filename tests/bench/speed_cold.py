"""Cold speed and memory, beside ruff on the same tree, and whether the time per function grows with the project.

    python tests/bench/speed_cold.py TREE [--runs 5] [--limit 14] [--jobs N]
    python tests/bench/speed_cold.py TREE --growth 10 30 100

Absolute times mean nothing on a shared machine, so the two commands alternate, and the figure is the median of the
ratios of CPU seconds (user and system, all processes) of each pair: ``auditor check --no-cache -o concise`` against
``ruff check --select ASYNC --no-cache``. Memory is sampled in a run of its own.

``--growth`` audits nested random subsets of the files (always with the package files above them) and prints CPU
milliseconds per function for each: a whole-program analysis must not become slower per function as programs grow.
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from support import Measured, audit, auditor_command, command_line, ruff_command, run, run_for_memory, table


def check(measured: Measured, name: str) -> Measured:
    if measured.exit_code not in (0, 1):
        raise SystemExit(f"{name} failed ({measured.exit_code}): {measured.stderr.strip()[-500:]}")
    return measured


def compare(tree: Path, runs: int, extra: list[str]) -> float:
    """Alternate the two commands ``runs`` times after one pair that warms the page cache; the median ratio."""
    ours = [*auditor_command(), "check", "--no-cache", "-o", "concise", *extra, "."]
    theirs = [*ruff_command(), "check", "--isolated", "--select", "ASYNC", "--no-cache", "-q", "."]
    ratios: list[float] = []
    rows: list[list[object]] = []
    for number in range(runs + 1):
        mine = check(run(ours, cwd=tree), "auditor")
        other = check(run(theirs, cwd=tree), "ruff")
        if number:
            ratios.append(mine.cpu / other.cpu)
            rows.append([number, f"{mine.cpu:.2f}", f"{mine.wall:.2f}", f"{other.cpu:.2f}", f"{other.wall:.2f}",
                         f"{ratios[-1]:.1f}"])  # fmt: skip
    print(table(["run", "auditor CPU s", "wall s", "ruff CPU s", "wall s", "ratio"], rows))
    median = statistics.median(ratios)
    memory = run_for_memory(ours, cwd=tree)
    print(
        f"median ratio {median:.1f}; peak {memory.parent:.0f} MiB parent, {memory.child:.0f} MiB largest worker"
    )
    return median


def python_files(tree: Path) -> list[Path]:
    return sorted(path.relative_to(tree) for path in tree.rglob("*.py") if path.is_file())


def subset(files: list[Path], share: int, seed: int) -> set[Path]:
    """A share of the files in percent; a greater share holds every smaller one of the same seed."""
    shuffled = files[:]
    random.Random(seed).shuffle(shuffled)
    chosen = set(shuffled[: max(1, len(files) * share // 100)])
    known = set(files)
    parents = {parent / "__init__.py" for path in chosen for parent in path.parents}
    return chosen | (parents & known)


def grow(tree: Path, shares: list[int], runs: int, seed: int, extra: list[str]) -> float:
    """Print CPU per function for each share; the last one relative to the first."""
    files = python_files(tree)
    rows: list[list[object]] = []
    per_function: list[float] = []
    for share in shares:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "program"
            for path in subset(files, share, seed):
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(tree / path, target / path)
            results = [audit(target, *extra) for _ in range(runs)]
        for result in results:
            if result.report is None or result.problem:
                raise SystemExit(f"{share} %: {result.problem}")
        report = results[0].report or {}
        functions = report["summary"]["functions"]
        cpu = statistics.median(result.measured.cpu for result in results)
        per_function.append(1000 * cpu / max(1, functions))
        rows.append([f"{share} %", report["summary"]["files"], functions, len(report["findings"]), f"{cpu:.2f}",
                     f"{per_function[-1]:.3f}"])  # fmt: skip
    print(table(["share", "files", "functions", "findings", "CPU s", "ms per function"], rows))
    growth = per_function[-1] / per_function[0]
    print(f"time per function at {shares[-1]} % is {growth:.2f} x that at {shares[0]} %")
    return growth


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", help="passed to auditor")
    parser.add_argument("--limit", type=float, help="fail when the median ratio is above this")
    parser.add_argument("--growth", type=int, nargs="+", metavar="PERCENT", help="measure growth instead")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    tree = options.tree.resolve()
    if not tree.is_dir():
        parser.error(f"{tree} is no folder")
    extra = ["--jobs", options.jobs] if options.jobs else []
    if options.growth:
        growth = grow(tree, options.growth, options.runs, options.seed, extra)
        return int(options.limit is not None and growth > options.limit)
    ratio = compare(tree, options.runs, extra)
    return int(options.limit is not None and ratio > options.limit)


if __name__ == "__main__":
    sys.exit(main())
