"""Recall on a corpus of real, fixed bugs.

    python tests/bench/corpus_recall.py dev.jsonl TREES [--reports DIR] [--missed] [--preview] [--rules REGEX]

Each line of the corpus is one bug site in the version before its fix; TREES holds that version of the repository as
``<owner>+<name>@<first 12 digits of the commit>``. A case is found when a finding of a rule that is about that kind of
bug stands in the same file within two lines of the labelled call, or of one of its other labelled ends (the blocking
line in the helper, the call in the coroutine, a call between the two; the start of the thread only with --entry).

Two figures: *sink* counts only the place where the finding stands, *any end* also the exposures that it names. By
default the rules that count follow the class of the bug: A blocking the loop, B no loop in this thread, C asyncio used
from another thread, D waiting on the loop thread.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import Finding, Json, command_line, percent, read_or_audit, table

Case = dict[str, Any]
Place = tuple[str, int, int]

RULES_BY_CLASS = {
    "A": r"^LOOP(3\d\d|40[15]|409)$",
    "B": r"^LOOP(1\d\d|201)$",
    "C": r"^LOOP(20\d|10[1-7])$",
    "D": r"^LOOP(30[1-6]|20[678]|105|32[0-2]|401)$",
}
TOLERANCE = 2
LONGEST_SPAN = 12
SEVERITIES = ("MONITOR", "MEDIUM", "HIGH", "CRITICAL")


def tree_name(case: Case) -> str:
    return f"{case['repo'].replace('/', '+')}@{case['parent_sha'][:12]}"


def labelled(case: Case, *, entry: bool) -> Iterator[tuple[str, int]]:
    """Every place whose finding counts for this case."""
    yield case["path"], case["line"]
    if case.get("call_start"):
        yield case["path"], case["call_start"]
    for end in case["alt_locations"]:
        if entry or end["role"] != "thread_entry":
            yield end["path"], end["line"]


def places(finding: Finding, *, exposures: bool) -> Iterator[Place]:
    last = finding.get("end_line") or finding["line"]
    if last - finding["line"] > LONGEST_SPAN:
        last = finding["line"]
    yield finding["path"], finding["line"], last
    if exposures:
        for exposure in finding.get("exposures", ()):
            yield exposure["path"], exposure["line"], exposure["line"]


def is_about(finding: Finding, rules: str) -> bool:
    return any(re.search(rules, code) for code in (finding["code"], *finding.get("also", ())))


def hit(case: Case, findings: list[Finding], rules: str, *, exposures: bool, entry: bool) -> Finding | None:
    for path, line in labelled(case, entry=entry):
        for finding in findings:
            if not is_about(finding, rules):
                continue
            for where, first, last in places(finding, exposures=exposures):
                if where == path and first - TOLERANCE <= line <= last + TOLERANCE:
                    return finding
    return None


def at_least(findings: list[Finding], severity: str, confidence: str) -> list[Finding]:
    confidences = ("low", "medium", "high")
    return [
        f
        for f in findings
        if SEVERITIES.index(f["severity"]) >= SEVERITIES.index(severity)
        and confidences.index(f["confidence"]) >= confidences.index(confidence)
    ]


def describe(case: Case, findings: list[Finding]) -> str:
    root = case.get("root") or {}
    near = sorted({f["code"] for f in findings if f["path"] == case["path"]})
    lines = [
        f"{case['id']}: {case['callee']} in {case['func']} ({case['path']}:{case['line']})",
        f"  tree  {tree_name(case)}",
        f"  root  {root.get('func')} ({root.get('path')}:{root.get('line')})",
        *(f"  {end['role']:5} {end['func']} ({end['path']}:{end['line']})" for end in case["alt_locations"]),
        f"  needs {', '.join(case['resolution_needed'])}; model: {', '.join(case['needs_model']) or 'none'}",
        f"  note  {case['detail']}",
        f"  rules with findings in this file: {', '.join(near) or 'none'}",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("corpus", type=Path, help="the labelled cases, one JSON object a line")
    parser.add_argument("trees", type=Path, help="folder with the exported trees")
    parser.add_argument("--reports", type=Path, help="folder of stored JSON reports, filled when missing")
    parser.add_argument("--rules", help="count only findings of rules that match, whatever the class")
    parser.add_argument("--min-severity", default="MONITOR", choices=SEVERITIES)
    parser.add_argument("--min-confidence", default="low", choices=("low", "medium", "high"))
    parser.add_argument("--entry", action="store_true", help="the start of the thread counts as well")
    parser.add_argument("--missed", action="store_true", help="describe every missed case")
    parser.add_argument("--preview", action="store_true", help="rules in preview count as well")
    parser.add_argument("--only", metavar="REGEX", help="only cases whose id matches")
    parser.add_argument("--plain", action="store_true", help="only cases that need no model of a library")
    options = parser.parse_args(argv)

    more = ["--preview"] if options.preview else []
    cases = [json.loads(line) for line in options.corpus.read_text(encoding="utf-8").splitlines() if line]
    cases = [c for c in cases if not options.only or re.search(options.only, c["id"])]
    cases = [c for c in cases if not (options.plain and c["needs_model"])]
    reports: dict[str, Json] = {}
    total: Counter[str] = Counter()
    at_sink: Counter[str] = Counter()
    at_any: Counter[str] = Counter()
    missed: list[tuple[Case, list[Finding]]] = []
    for case in cases:
        tree = tree_name(case)
        if tree not in reports:
            if not (options.trees / tree).is_dir():
                parser.error(f"no tree {tree} in {options.trees}")
            reports[tree] = read_or_audit(options.trees / tree, options.reports, *more)
        findings = at_least(reports[tree]["findings"], options.min_severity, options.min_confidence)
        rules = options.rules or RULES_BY_CLASS[case["cls"]]
        sink = hit(case, findings, rules, exposures=False, entry=options.entry)
        anywhere = sink or hit(case, findings, rules, exposures=True, entry=options.entry)
        plain = "needs no model" if not case["needs_model"] else "needs a model"
        for group in ("all", f"class {case['cls']}", f"reach: {case['reach']}", plain):
            total[group] += 1
            at_sink[group] += sink is not None
            at_any[group] += anywhere is not None
        if anywhere is None:
            missed.append((case, findings))

    rows = [
        [g, total[g], at_sink[g], percent(at_sink[g], total[g]), at_any[g], percent(at_any[g], total[g])]
        for g in sorted(total, key=lambda group: (group == "all", group))
    ]
    print(table(["group", "cases", "sink", "", "any end", ""], rows))
    print(f"\nmissed: {' '.join(case['id'] for case, _ in missed) or 'none'}")
    if options.missed:
        for case, findings in missed:
            print(f"\n{describe(case, findings)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
