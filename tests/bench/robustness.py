"""A sweep over much foreign code: nothing may crash, nothing may vanish silently.

    python tests/bench/robustness.py [TREE...] [--interpreter /path/to/python3.13]... [--reports DIR]

Every TREE, and of every interpreter the standard library with its tests and its site-packages, is audited in a run of
its own. Counted: runs that ended in an internal error (a traceback, an exit code other than 0 or 1, no JSON), files
that were not analysed, by reason, files on disk that the report does not account for, CPU seconds, peak memory, and
findings by rule, severity and confidence. The exit code is 1 when there was any internal error.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from support import Audit, audit, command_line, table

HEADER = ["tree", ".py files", "analysed", "not", "functions", "findings", "CPU s", "wall s", "MiB", "errors"]
INTERNAL = re.compile(r"internal|traceback|exception|unexpected", re.IGNORECASE)
ASK_PATHS = "import json, sysconfig as s; print(json.dumps([s.get_path('stdlib'), s.get_path('purelib')]))"


@dataclass(frozen=True, slots=True)
class Target:
    """A folder to audit: a name for the table, and the paths inside it that are given to the command."""

    name: str
    folder: Path
    paths: tuple[str, ...] = (".",)


def interpreter_targets(python: str) -> list[Target]:
    """The standard library (site-packages left out) and the site-packages of an interpreter."""
    answer = subprocess.run([python, "-c", ASK_PATHS], check=True, capture_output=True, text=True)
    stdlib, purelib = (Path(path).resolve() for path in json.loads(answer.stdout))
    entries = sorted(
        entry.name
        for entry in stdlib.iterdir()
        if entry.name not in {"site-packages", "dist-packages", "__pycache__"}
        and (entry.suffix == ".py" or (entry.is_dir() and any(entry.rglob("*.py"))))
    )
    label = stdlib.name
    return [Target(f"{label} stdlib", stdlib, tuple(entries)), Target(f"{label} packages", purelib)]


def files_on_disk(target: Target) -> int:
    count = 0
    for name in target.paths:
        path = target.folder / name
        count += sum(1 for _ in path.rglob("*.py")) if path.is_dir() else 1
    return count


def normalise(reason: str) -> str:
    """A reason without what differs from file to file."""
    without_numbers = re.sub(r"\d+", "N", reason)
    return re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "...", without_numbers)[:90]


def internal_errors(result: Audit) -> list[str]:
    errors = [result.problem] if result.problem else []
    skipped = (result.report or {}).get("not_analysed", ())
    errors.extend(
        f"{entry['path']}: {entry['reason']}" for entry in skipped if INTERNAL.search(entry["reason"])
    )
    return errors


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("trees", type=Path, nargs="*")
    parser.add_argument("--interpreter", action="append", default=[], metavar="PYTHON")
    parser.add_argument("--reports", type=Path, help="store the JSON reports here, by name of the tree")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for each tree")
    options = parser.parse_args(argv)

    targets = [Target(tree.resolve().name, tree.resolve()) for tree in options.trees]
    for python in options.interpreter:
        targets.extend(interpreter_targets(python))
    if not targets:
        parser.error("give trees, or --interpreter")

    rows: list[list[object]] = []
    errors: list[str] = []
    reasons: Counter[str] = Counter()
    findings: Counter[tuple[str, str, str]] = Counter()
    for target in targets:
        result = audit(target.folder, paths=target.paths, timeout=options.timeout)
        found = internal_errors(result)
        errors.extend(f"{target.name}: {error}" for error in found)
        report = result.report or {
            "summary": {"files": 0, "functions": 0},
            "findings": [],
            "not_analysed": [],
        }
        if options.reports and result.report:
            options.reports.mkdir(parents=True, exist_ok=True)
            name = target.name.replace(" ", "-")
            (options.reports / f"{name}.json").write_bytes(result.measured.stdout)
        for entry in report["not_analysed"]:
            reasons[normalise(entry["reason"])] += 1
        for finding in report["findings"]:
            findings[finding["code"], finding["severity"], finding["confidence"]] += 1
        rows.append([
            target.name,
            files_on_disk(target),
            report["summary"]["files"],
            len(report["not_analysed"]),
            report["summary"]["functions"],
            len(report["findings"]),
            f"{result.measured.cpu:.1f}",
            f"{result.measured.wall:.1f}",
            f"{result.measured.peak_mib:.0f}",
            len(found),
        ])  # fmt: skip
        print(
            f"... {target.name}: {len(found)} internal errors, {result.measured.cpu:.1f} s", file=sys.stderr
        )

    print(table(HEADER, rows))
    if reasons:
        print("\n" + table(["not analysed because", "files"], reasons.most_common()))
    if findings:
        counted = [
            [code, severity, confidence, n] for (code, severity, confidence), n in sorted(findings.items())
        ]
        print("\n" + table(["rule", "severity", "confidence", "findings"], counted))
    for error in errors:
        print(f"internal error: {error}")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
