"""All fixes of real programs, carried out on a copy: does every file compile, and does nothing new come to light?

    python tests/bench/fix_everything.py TREES... [--safe] [--keep DIR] [--show 20]

Each of TREES is copied, audited, mended by ``auditor check --fix --unsafe-fixes`` at the lowest thresholds, and audited
again. What is printed for each: its files, the files changed, those that Python took before and does not take now, and
the findings that were not there, as (file, rule, callee) and how often. With --show, the first of them by name.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

from support import Json, audit, auditor_command, command_line, run, table

LOWEST = ("--min-severity", "MONITOR", "--min-confidence", "low", "--preview")
Found = Counter[tuple[str, str, str]]


def found(report: Json) -> Found:
    # a statement whose hits have come to stand for themselves counts as the one that it was
    places = {
        (finding["path"], code, finding["callee"], finding["line"])
        for finding in report["findings"]
        for code in (finding["code"], *finding["also"])
    }
    return Counter((path, code, callee) for path, code, callee, _ in places)


def compiles(source: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<fixed>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def check(tree: Path, copy: Path, *, safe: bool) -> tuple[list[object], list[str]]:
    """A row of figures, and lines about what went wrong."""
    shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    sources = {path: path.read_bytes() for path in copy.rglob("*.py") if path.is_file()}
    before = audit(copy, *LOWEST)
    kinds = ["--fix"] if safe else ["--fix", "--unsafe-fixes"]
    fixing = run([*auditor_command(), "check", "--no-cache", *LOWEST, *kinds, "-o", "concise", "."], cwd=copy)
    after = audit(copy, *LOWEST)
    wrong = [f"{tree.name}: {problem}" for x in (before, after) if (problem := x.problem)]
    if fixing.exit_code not in (0, 1) or "Traceback" in fixing.stderr:
        wrong.append(f"{tree.name}: fixing: exit code {fixing.exit_code}: {fixing.stderr.strip()[-300:]}")
    wrong += [f"{tree.name}: {line}" for line in fixing.stderr.splitlines() if "not fixed" in line]
    changed = {path: now for path, old in sources.items() if (now := path.read_bytes()) != old}
    broken = [path for path, now in changed.items() if compiles(sources[path]) and not compiles(now)]
    wrong += [f"{tree.name}: {path.relative_to(copy)} does not compile" for path in broken]
    new: Found = Counter()
    if before.report and after.report:
        new = found(after.report) - found(before.report)
    wrong += [f"{tree.name}: new: {path} {code} {callee} x{n}" for (path, code, callee), n in new.items()]
    counts = [len(found(x.report)) if x.report else 0 for x in (before, after)]
    return [tree.name, len(sources), len(changed), len(broken), *counts, new.total()], wrong


def main() -> int:
    parser = command_line(__doc__)
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--safe", action="store_true", help="safe fixes only")
    parser.add_argument("--keep", type=Path, help="where the mended copies stay")
    parser.add_argument("--show", type=int, default=20, help="lines about what went wrong, of each tree")
    options = parser.parse_args()
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for tree in options.trees:
            copy = (options.keep or Path(scratch)) / tree.name
            row, wrong = check(tree.resolve(), copy, safe=options.safe)
            rows.append(row)
            print(*row, file=sys.stderr, flush=True)
            print("\n".join(wrong[: options.show]), end="\n" if wrong else "", flush=True)
            if options.keep is None:
                shutil.rmtree(copy)
    figures = [[value for value in row[1:] if isinstance(value, int)] for row in rows]
    rows.append(["together", *(sum(column) for column in zip(*figures, strict=True))])
    print(table(["tree", "files", "changed", "broken", "findings", "left", "new"], rows))
    return int(any(row[3] or row[6] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
