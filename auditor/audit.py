"""The straight line: paths -> discover -> index -> link -> engine -> verdict -> Report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from auditor import __version__
from auditor.analysis import Analysis, PlaceError, Roomy
from auditor.engine.table import RuleTable
from auditor.index import facts as f
from auditor.link.suspects import Suspects
from auditor.model import NotAnalysed, Report, Statistics
from auditor.verdict.score import score
from auditor.verdict.select import selected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.config import Config
    from auditor.engine.judge import Judge
    from auditor.link.suspects import Suspect
    from auditor.model import Finding
    from auditor.reporters.progress import Progress


def audit(paths: Sequence[str], config: Config, progress: Progress | None = None) -> Report:
    """Audit the files below ``paths``.

    Raises `auditor.discover.MissingPathError`, `auditor.catalog.CatalogError`, `auditor.rulebook.RulebookError` and
    `auditor.engine.installed.RuleError`, each with one line for each thing that is wrong.
    """
    with Roomy():
        table = RuleTable(config.enabled)
        analysis = Analysis(paths, config, progress)
        suspects = Suspects(analysis.graph).collect()
        analysis.clock.lap("suspects")
        findings, judge = _judge(suspects, table, analysis, config, progress)
        value, parts = score(findings)
        analysis.clock.lap("verdict")
        return Report(
            tool_version=__version__,
            findings=tuple(findings),
            hidden=0,
            suppressed=0,
            baselined=0,
            score=value,
            score_parts=parts,
            not_analysed=_not_analysed(analysis, judge),
            statistics=_statistics(analysis, judge, suspects, findings),
        )


def _judge(
    suspects: Sequence[Suspect],
    table: RuleTable,
    analysis: Analysis,
    config: Config,
    progress: Progress | None,
) -> tuple[list[Finding], Judge | None]:
    if not suspects:
        return [], None
    # LibCST is imported only where there is something to judge
    from auditor.engine.judge import Judge
    from auditor.engine.texts import Texts
    from auditor.verdict.dialect import dialect
    from auditor.verdict.findings import Builder

    texts = Texts(analysis.text)
    judge = Judge(texts)
    if progress is not None:
        progress.stage("judging", len(suspects))
    hits = judge.run(suspects, table.rules_for, progress.advance if progress is not None else None)
    analysis.clock.lap("rules")
    findings = Builder(analysis.evaluator, texts, dialect(config, analysis.program)).build(hits)
    return selected(findings, config), judge


def _not_analysed(analysis: Analysis, judge: Judge | None) -> tuple[NotAnalysed, ...]:
    found = set(analysis.not_analysed)
    if judge is not None:
        found.update(NotAnalysed(path, reason) for path, reason in judge.unparsable.items())
    return tuple(sorted(found, key=lambda entry: (entry.path, entry.reason)))


def _statistics(
    analysis: Analysis, judge: Judge | None, suspects: Sequence[Suspect], findings: Sequence[Finding]
) -> Statistics:
    program = analysis.program
    bodies = (f.MODULE_BODY, f.CLASS_BODY)
    return Statistics(
        files=len(program.modules),
        functions=sum(function.facts.kind not in bodies for function in program.functions),
        calls=sum(len(module.facts.calls) for module in program.modules),
        resolved_calls=analysis.evaluator.count_resolved(),
        suspects=len(suspects),
        files_parsed=len(judge.parsed_files) if judge is not None else 0,
        files_with_findings=len({finding.location.path for finding in findings}),
        timings=analysis.clock.timings,
    )


def call_graph(paths: Sequence[str], config: Config | None = None) -> dict[str, list[str]]:
    """Every function's callees by dotted name, for accuracy tests; module bodies stand under the module's name."""
    from auditor.config import load
    from auditor.link.dump import callees

    with Roomy():
        analysis = Analysis(paths, config or load(str(paths[0])))
        return callees(analysis.graph)


def explain(path: str, line: int, config: Config) -> str:
    """In which contexts the code at ``path:line`` runs, by which path, and what it reaches.

    ``path`` may name a cell of a notebook, as reports do. Raises `auditor.analysis.PlaceError` where there is no
    such code.
    """
    from auditor.index.files import split_cell_path
    from auditor.link.explain import explain_line

    with Roomy():
        # a path to the line may begin anywhere in the project; the file itself is taken wherever it lies
        file, _ = split_cell_path(path)
        if os.path.isdir(file):
            raise PlaceError(f"{file} is a directory; name a file in it")
        inside = os.path.abspath(file).startswith(os.path.join(config.root, ""))
        analysis = Analysis([os.path.relpath(config.root), file] if inside else [file], config)
        module, found = analysis.find(path, line)
        return explain_line(analysis.graph, module, found, analysis.locate)
