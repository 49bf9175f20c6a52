"""What ruff reports as a blocking call in real projects and we do not.

    python tests/bench/versus_ruff.py PROJECT... [--reports DIR] [--verbose]

ruff looks at one function at a time, so whatever it rightly reports inside a coroutine a whole-program analysis should
report too. The rest is printed to be read: a miss of ours, or a false alarm of ruff's (code that the loop never runs,
an offloaded lambda, a handle that is folded into its open). We report once a statement, so a finding anywhere in it
counts.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from support import command_line, percent, read_or_audit, ruff_command, run, table

CODES = "ASYNC210,ASYNC212,ASYNC220,ASYNC221,ASYNC222,ASYNC230,ASYNC240,ASYNC251"
RULES = re.compile(r"^LOOP(3\d\d|401)$")


def ruff_findings(root: Path) -> list[dict[str, Any]]:
    command = [*ruff_command(), "check", "--isolated", "--no-cache", "--preview", "--exit-zero", "--ignore-noqa",
               "--target-version", "py314", "--select", CODES, "--output-format", "json", "."]  # fmt: skip
    measured = run(command, cwd=root)
    if measured.exit_code:
        raise SystemExit(f"ruff failed on {root}: {measured.stderr.strip()[-300:]}")
    return [entry for entry in json.loads(measured.stdout) if (entry["code"] or "").startswith("ASYNC")]


def statement_spans(text: str) -> list[tuple[int, int]]:
    """First and last line of every statement; of a compound statement only its header."""
    spans = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            spans.append((node.lineno, max(node.lineno, last)))
    return spans


def widened(first: int, last: int, text: str) -> tuple[int, int]:
    """The lines of the innermost statement around these lines; the lines themselves where Python cannot parse."""
    try:
        around = [span for span in statement_spans(text) if span[0] <= first <= span[1]]
    except SyntaxError:
        return first, last
    return max(around, default=(first, last))


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("projects", type=Path, nargs="+")
    parser.add_argument("--reports", type=Path)
    parser.add_argument("--verbose", action="store_true", help="print the lines that only ruff reports")
    options = parser.parse_args(argv)

    rows: list[list[object]] = []
    missed: list[str] = []
    total = shared = 0
    for project in options.projects:
        root = project.resolve()
        report = read_or_audit(root, options.reports)
        ours: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for finding in report["findings"]:
            if any(RULES.match(code) for code in (finding["code"], *finding.get("also", ()))):
                ours[finding["path"]].append((finding["line"], finding.get("end_line") or finding["line"]))
        theirs = ruff_findings(root)
        both = 0
        for entry in theirs:
            path = Path(entry["filename"]).resolve().relative_to(root).as_posix()
            text = (root / path).read_text(encoding="utf-8", errors="replace")
            line = entry["location"]["row"]
            first, last = widened(line, entry["end_location"]["row"], text)
            if any(start <= last and first <= end for start, end in ours[path]):
                both += 1
            else:
                source = text.splitlines()[line - 1].strip()
                missed.append(f"{root.name}/{path}:{line} {entry['code']}  {source}")
        rows.append([root.name, len(theirs), both, percent(both, len(theirs)), len(report["findings"])])
        total += len(theirs)
        shared += both
    rows.append(["all", total, shared, percent(shared, total), sum(int(str(row[4])) for row in rows)])
    print(table(["project", "ruff", "ours too", "", "ours in all"], rows))
    if options.verbose:
        print("\n".join(missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
