"""The audit document as a value: what the Markdown, HTML and verbose text reports say, before any of them says it.

Its parts and their names are those of the audit form: findings with eight fields each, a score with its calculation,
blocking hotspots, an executor strategy, Fix Now, Fix Soon and Monitor, and commands that verify. Texts are prose in
which backticks enclose code; what comes from the audited program is not escaped yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.model import Finding, Report
from auditor.reporters.document.actions import Action, actions
from auditor.reporters.document.commands import Command, commands
from auditor.reporters.document.evidence import Evidence, evidence
from auditor.reporters.document.hotspots import Place, Route, files, routes
from auditor.reporters.document.score import Score, score
from auditor.reporters.document.strategy import Strategy, strategy
from auditor.reporters.options import Options, by_weight, select
from auditor.reporters.wording import count


@dataclass(frozen=True, slots=True)
class Document:
    """One audit. ``findings`` stand worst first; ``ids`` name them in links, one for each and in the same order."""

    title: str
    report: Report
    findings: tuple[Finding, ...]
    ids: tuple[str, ...]
    hidden: int
    score: Score
    fix_now: tuple[Action, ...]
    fix_soon: tuple[Action, ...]
    monitor: tuple[Action, ...]
    files: tuple[Place, ...]
    routes: tuple[Route, ...]
    strategy: Strategy
    commands: tuple[Command, ...]
    evidence: Evidence

    @property
    def first(self) -> tuple[Action, ...]:
        """What to do before all else: a few actions, the worst first."""
        return (self.fix_now or self.fix_soon or self.monitor)[:3]


def document(report: Report, options: Options) -> Document:
    """Make the document of a report."""
    selection = select(report, options)
    findings = tuple(sorted(selection.findings, key=by_weight))
    found = actions(findings)
    return Document(
        title=options.title,
        report=report,
        findings=findings,
        ids=tuple(_ids(findings)),
        hidden=selection.hidden,
        score=score(report, findings),
        fix_now=tuple(action for action in found if action.when == "now"),
        fix_soon=tuple(action for action in found if action.when == "soon"),
        monitor=tuple(action for action in found if action.when == "monitor"),
        files=files(findings),
        routes=routes(findings),
        strategy=strategy(findings),
        commands=commands(options.paths, findings),
        evidence=evidence(findings, options.evidence),
    )


def covered(found: Document) -> str:
    """What was looked at, in a sentence."""
    figures = found.report.statistics
    text = f"{count(figures.functions, 'function')} in {count(figures.files, 'file')} were followed from call to call"
    missed = len(found.report.not_analysed)
    return f"{text}; {count(missed, 'file')} could not be analysed." if missed else f"{text}."


def _ids(findings: tuple[Finding, ...]) -> list[str]:
    """Names that stay the same from run to run: the beginning of the fingerprint, numbered where it occurs again."""
    seen: dict[str, int] = {}
    ids = []
    for finding in findings:
        name = finding.exposures[0].fingerprint[:12]
        name = f"f-{''.join(char for char in name if char.isalnum())}"
        seen[name] = seen.get(name, 0) + 1
        ids.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return ids
