"""Random findings of MEDIUM and above, with their call path and code, to be read and judged by a person.

    python tests/bench/sample_findings.py PROJECT... [--reports DIR] [--count 40] [--seed 1] [--rules REGEX]

The same seed draws the same findings from the same reports. Reports are read from DIR (``<project>.json``) or made
and stored there. ``--by-project`` draws the same number from every project instead of by the number of findings.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

from support import Finding, command_line, read_or_audit

SEVERITIES = ("MONITOR", "MEDIUM", "HIGH", "CRITICAL")
CONFIDENCES = ("low", "medium", "high")


def code_lines(root: Path, path: str, line: int, around: int) -> list[str]:
    """The lines around one, the line itself marked; empty when the file is gone (a notebook cell, say)."""
    try:
        lines = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    first = max(1, line - around)
    return [
        f"      {'>' if number == line else ' '} {number:5} {lines[number - 1]}"
        for number in range(first, min(len(lines), line + around) + 1)
    ]


def render(number: int, root: Path, finding: Finding, around: int) -> str:
    at = f"{finding['path']}:{finding['line']}:{finding['column']}"
    head = [
        f"=== {number}. [{root.name}] {finding['code']} {finding['severity']}",
        f"  confidence={finding['confidence']} phase={finding['phase']} context={finding['context']}",
        f"  {at} in {finding['function']} calls {finding['callee']}",
        f"  {finding['message']}",
    ]
    if len(finding["exposures"]) > 1:
        head.append(f"  {len(finding['exposures'])} exposures; also: {finding.get('also')}")
    body: list[str] = []
    for step in finding["chain"]:
        body.append(f"    - {step['function']}  {step['path']}:{step['line']}  {step['note']}")
        body.extend(code_lines(root, step["path"], step["line"], 1))
    body.append("    sink")
    body.extend(code_lines(root, finding["path"], finding["line"], around))
    return "\n".join(head + body)


def is_wanted(finding: Finding, severity: str, confidence: str, rules: str) -> bool:
    return (
        SEVERITIES.index(finding["severity"]) >= SEVERITIES.index(severity)
        and CONFIDENCES.index(finding["confidence"]) >= CONFIDENCES.index(confidence)
        and re.search(rules, finding["code"]) is not None
    )


def draw(
    pool: dict[Path, list[Finding]], count: int, seed: int, *, by_project: bool
) -> list[tuple[Path, Finding]]:
    source = random.Random(seed)
    if by_project:
        share = max(1, count // max(1, len(pool)))
        return [
            (root, finding)
            for root, findings in pool.items()
            for finding in source.sample(findings, min(share, len(findings)))
        ]
    everything = [(root, finding) for root, findings in pool.items() for finding in findings]
    return source.sample(everything, min(count, len(everything)))


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("projects", type=Path, nargs="+")
    parser.add_argument("--reports", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", default="", metavar="REGEX")
    parser.add_argument("--min-severity", default="MEDIUM", choices=SEVERITIES)
    parser.add_argument("--min-confidence", default="low", choices=CONFIDENCES)
    parser.add_argument("--around", type=int, default=4, help="lines of code around the blocking call")
    parser.add_argument("--by-project", action="store_true")
    options = parser.parse_args(argv)

    pool: dict[Path, list[Finding]] = {}
    for project in options.projects:
        root = project.resolve()
        report = read_or_audit(root, options.reports)
        pool[root] = [
            finding
            for finding in report["findings"]
            if is_wanted(finding, options.min_severity, options.min_confidence, options.rules)
        ]
        print(f"{root.name}: {len(pool[root])} of {len(report['findings'])} findings in the pool")
    for number, (root, finding) in enumerate(
        draw(pool, options.count, options.seed, by_project=options.by_project), 1
    ):
        print("\n" + render(number, root, finding, options.around))
    return 0


if __name__ == "__main__":
    sys.exit(main())
