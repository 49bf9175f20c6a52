"""Marks of programs that are labelled for every rule, those to come included.

Several marks on a line stand in order of precedence: the first whose rule exists must be the finding there, with its
column where the mark names one; the others may stand beside it under ``also``. Marks of rules that do not exist yet are
*awaited*: the day the rule lands they count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from auditor import audit, config, rulebook
from auditor.rulebook import Expectation, expectations

RULES = {rule.id for rule in rulebook.load(Path(__file__).resolve().parents[2] / "rules")}


@dataclass
class Verdict:
    """How the findings of a program compare with its marks; empty lists are what is wanted."""

    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    def complaint(self) -> str:
        lines = [f"missed  {one}" for one in self.missed] + [f"false   {one}" for one in self.false]
        return "\n".join(lines)


def marks_in(directory: Path) -> dict[tuple[str, int], list[Expectation]]:
    """The marks of all files, by path and line."""
    found: dict[tuple[str, int], list[Expectation]] = {}
    for file in sorted(directory.rglob("*.py")):
        path = file.relative_to(directory).as_posix()
        for mark in expectations(file.read_text(encoding="utf-8"), path):
            found.setdefault((path, mark.line), []).append(mark)
    return found


def awaited_in(directory: Path) -> list[str]:
    """Marks of rules that do not exist yet."""
    marks = [mark for here in marks_in(directory).values() for mark in here]
    return [f"{mark.path}:{mark.line} {mark.code}" for mark in marks if mark.code not in RULES]


def compare(directory: Path, rules: set[str] = RULES) -> Verdict:
    """Audit ``directory``, which must be the working directory, with every rule and the lowest thresholds."""
    settings = config.load(
        directory,
        {"select": sorted(rules), "min-severity": "MONITOR", "min-confidence": "low", "cache": False},
    )
    report = audit.audit(["."], settings)
    assert not report.not_analysed, f"not analysed: {report.not_analysed}"
    verdict = Verdict()
    wanted: dict[tuple[str, int], Expectation] = {}
    marks = marks_in(directory)
    for place, here in marks.items():
        known = [mark for mark in here if mark.code in rules]
        if known:
            wanted[place] = known[0]
    for finding in report.findings:
        where = finding.location
        mark = wanted.get((where.path, where.line))
        shown = f"{where.path}:{where.line}:{where.column} {finding.code}"
        beside = {mark.code for mark in marks.get((where.path, where.line), ())}
        if mark is None or mark.code != finding.code or mark.column not in {None, where.column}:
            verdict.false.append(f"{shown} in {finding.function}: {finding.message}")
        else:
            del wanted[where.path, where.line]
            verdict.false += [f"{shown} with {code}" for code in finding.also if code not in beside]
    verdict.missed = [
        f"{mark.path}:{mark.line}{f':{mark.column}' if mark.column else ''} {mark.code}"
        for mark in wanted.values()
    ]
    return verdict
