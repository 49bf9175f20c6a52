"""The straight line: paths -> discover -> index -> link -> engine -> verdict -> Report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from auditor import __version__, resources
from auditor.analysis import Analysis, PlaceError, Roomy
from auditor.cache import inputs
from auditor.engine.table import RuleTable
from auditor.index import facts as f
from auditor.link.suspects import Suspects
from auditor.model import NotAnalysed, Notice, Report, Statistics
from auditor.verdict.baseline import Baseline
from auditor.verdict.baseline import read as read_baseline
from auditor.verdict.folding import has_a_say
from auditor.verdict.score import score
from auditor.verdict.sift import Sifted, sift
from auditor.verdict.suppression import Suppressions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.config import Config
    from auditor.engine.judge import Hit, Judge
    from auditor.engine.texts import Texts
    from auditor.link.suspects import Suspect
    from auditor.model import Finding, MissedAlarm
    from auditor.reporters.progress import Progress
    from auditor.verdict.baseline import Entry
    from auditor.verdict.evidence import Evidence
    from auditor.verdict.lexical import Diagnostic


class Outcome(NamedTuple):
    """A report, and what baselines and comparisons are made of.

    ``present`` names every exposure that no comment suppresses. ``gone`` are the baseline's entries, by position, of
    which this run knows that nothing matches them any more.
    """

    report: Report
    present: list[Entry]
    gone: set[int]


_MANY_EXPOSURES = 2_000


class Gate(NamedTuple):
    """What decides which exposures count, and what other tools say."""

    suppressions: Suppressions
    known: Sequence[Entry]
    before: Sequence[Entry] | None
    diagnostics: Sequence[Diagnostic]


def audit(paths: Sequence[str], config: Config, progress: Progress | None = None) -> Report:
    """Audit the files below ``paths``; see `full_audit`."""
    return full_audit(paths, config, progress).report


def full_audit(
    paths: Sequence[str],
    config: Config,
    progress: Progress | None = None,
    *,
    known: Baseline | None = None,
    before: Sequence[Entry] | None = None,
    diagnostics: Sequence[Diagnostic] = (),
    evidence: Evidence | None = None,
    fixes: bool = True,
) -> Outcome:
    """Audit the files below ``paths``, without the exposures in the baseline ``known`` and those there ``before``.

    ``diagnostics`` of another tool become findings where no rule of ours says the same. ``evidence`` is what was
    recorded at run time. Without ``known`` the configured baseline is read. Without ``fixes`` findings have none.

    Raises `auditor.discover.MissingPathError`, `auditor.catalog.CatalogError`, `auditor.rulebook.RulebookError`,
    `auditor.engine.installed.RuleError` and `auditor.verdict.baseline.BaselineError`, each with one line
    for each thing that is wrong.
    """
    if known is None:
        known = read_baseline(config.baseline) if config.baseline else Baseline("")
    with Roomy():
        table = RuleTable(config.enabled, has_a_say)
        analysis = Analysis(paths, config, progress)
        suspects = Suspects(analysis.graph, table.wanted).collect()
        if sum(len(suspect.exposed) for suspect in suspects) > _MANY_EXPOSURES:
            analysis.graph.forget()  # a long report takes the room that the graph took
        analysis.clock.lap("suspects")
        suppressions = Suppressions(
            analysis.program, {**resources.rule_files(), **table.codes}, table.codes, analysis.locate
        )
        if config.respect_noqa:
            suppressions.honour_noqa(analysis.text)
        gate = Gate(suppressions, [entry for _, entry in known.entries], before, diagnostics)
        sifted, judge = _judge(suspects, table, analysis, config, progress, gate, fixes=fixes)
        # files named one by one are no program: what they do not show may be elsewhere
        whole = any(os.path.isdir(path) for path in paths or (os.curdir,))
        gone = _gone(known, sifted.gone, analysis, table) if whole else set()
        missed = _observe(sifted, evidence) if evidence is not None else ()
        value, parts = score(sifted.counted)
        analysis.clock.lap("verdict")
        report = Report(
            tool_version=__version__,
            findings=tuple(sifted.findings),
            hidden=0,
            suppressed=sifted.count("suppressed"),
            baselined=sifted.count("baselined"),
            known=sifted.count("known"),
            score=value,
            score_parts=parts,
            not_analysed=_not_analysed(analysis, judge),
            statistics=_statistics(analysis, judge, suspects, sifted.findings),
            asides=tuple(sifted.asides),
            warnings=tuple(analysis.warnings),
            missed=missed,
            notices=tuple(sorted([*suppressions.notices(whole=whole), *_stale(known, gone)])),
        )
        return Outcome(report, sifted.present, gone)


def _judge(
    suspects: Sequence[Suspect],
    table: RuleTable,
    analysis: Analysis,
    config: Config,
    progress: Progress | None,
    gate: Gate,
    *,
    fixes: bool,
) -> tuple[Sifted, Judge | None]:
    if not suspects and not gate.diagnostics:
        return Sifted(gone=set(range(len(gate.known)))), None
    # LibCST is imported only where there is something to judge
    from auditor.engine.judge import Judge
    from auditor.engine.texts import Texts
    from auditor.fixes.fixer import Fixer
    from auditor.verdict.dialect import dialect
    from auditor.verdict.findings import Builder

    texts = Texts(analysis.text)
    judge = Judge(texts)
    if progress is not None:
        progress.stage("judging", len(suspects))
    hits = judge.run(suspects, table.rules_for, progress.advance if progress is not None else None)
    analysis.clock.lap("rules")
    language = dialect(config, analysis.program)
    is_chosen = any(name == "dialect" for name, _ in config.sources)
    fixer = Fixer(analysis.graph, texts, language, is_chosen=is_chosen) if fixes else None
    builder = Builder(analysis.evaluator, texts, language, fixer)
    shown = [hit for hit in hits if hit.rule.file.id in table.codes]
    others = _others(gate.diagnostics, shown, texts, analysis, config) if gate.diagnostics else []
    groups = builder.groups(hits, table.codes)
    sifted = sift(builder, groups, gate.suppressions, config, gate.known, gate.before, others)
    if fixer is not None:
        analysis.not_analysed.extend(NotAnalysed(path, fault) for path, fault in fixer.faults.items())
    return sifted, judge


def _observe(sifted: Sifted, evidence: Evidence) -> tuple[MissedAlarm, ...]:
    """Put into the findings what was observed of them; returns what was seen where there are none."""
    from auditor.verdict.evidence import Observer

    observer = Observer(evidence, [*sifted.findings, *sifted.counted], sifted.asides)
    sifted.findings[:] = map(observer.of, sifted.findings)
    sifted.counted[:] = map(observer.of, sifted.counted)
    return observer.missed


def _others(
    diagnostics: Sequence[Diagnostic], hits: Sequence[Hit], texts: Texts, analysis: Analysis, config: Config
) -> list[Finding]:
    from auditor.verdict.lexical import Lexical

    off = [code for code in resources.rule_files() if not config.enabled(code)]
    lexical = Lexical(analysis.program, texts, off)
    return lexical.findings(diagnostics, hits)


def _gone(known: Baseline, unmatched: set[int], analysis: Analysis, table: RuleTable) -> set[int]:
    """Entries that are surely stale: their rule was on, and their file was analysed or is no more."""
    directory = os.path.dirname(known.path)
    analysed = {os.path.abspath(module.path) for module in analysis.program.modules}
    found = set()
    for at in unmatched:
        entry = known.entries[at][1]
        path = os.path.abspath(os.path.join(directory, entry.path))
        if entry.rule in table.codes and (path in analysed or not inputs.exists(path)):
            found.add(at)
    return found


def _stale(known: Baseline, gone: set[int]) -> list[Notice]:
    if not gone:
        return []
    shown = os.path.relpath(known.path).replace(os.sep, "/")
    advice = "--update-baseline removes the entry"
    entries = [known.entries[at] for at in sorted(gone)]
    return [
        Notice(shown, line, 1, "stale-baseline", f"{entry.rule} in {entry.function} is gone; {advice}")
        for line, entry in entries
    ]


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
        walls=analysis.clock.walls,
        kept=analysis.tally.kept,
        shared=analysis.tally.shared,
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
        analysis = Analysis([os.path.relpath(config.root), file] if inside else [file], config, whole=True)
        module, found = analysis.find(path, line)
        return explain_line(analysis.graph, module, found, analysis.locate)
