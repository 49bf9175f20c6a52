"""The straight line: paths -> discover -> index -> link -> engine -> verdict -> Report."""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING, Final

from auditor import __version__, resources
from auditor import discover as discovery_
from auditor.catalog import load as load_catalog
from auditor.index import files
from auditor.index.source import Problem
from auditor.link.evaluate import Evaluator
from auditor.link.graph import Graph
from auditor.link.program import Program
from auditor.link.suspects import Suspects
from auditor.model import NotAnalysed, Report, Statistics
from auditor.rulebook import load as load_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.catalog import Catalog
    from auditor.config import Config
    from auditor.discover import Discovered, Discovery
    from auditor.engine.rule import Rule
    from auditor.index.files import Text
    from auditor.link.program import Module
    from auditor.link.suspects import Suspect
    from auditor.reporters.progress import Progress
    from auditor.rulebook import Rule as RuleFile

RECURSION_LIMIT: Final = 20_000
"""Resolution follows chains of assignments and calls; Python frames do not use the C stack since 3.11."""


class Analysis:
    """A linked program: what an audit, an explanation and a call graph all start from."""

    def __init__(self, paths: Sequence[str], config: Config, progress: Progress | None = None) -> None:
        self.config = config
        self.timings: dict[str, float] = {}
        self.not_analysed: list[NotAnalysed] = []
        self._clock = time.process_time()
        self._sources: dict[Module, Discovered] = {}
        self._overlay = dict(config.overlay)
        self.catalog = self._catalog()
        self._lap("catalog")
        self.discovery = discovery_.discover(paths, config)
        self.not_analysed.extend(self.discovery.not_analysed)
        self._lap("discover")
        self.program = self._index(self.discovery, progress)
        self._lap("index")
        self.evaluator = Evaluator(self.program, self.catalog)
        self.graph = Graph(self.evaluator)
        if progress is not None:
            progress.stage("linking", 0)
        self.graph.propagate()
        self._lap("link")

    def _lap(self, name: str) -> None:
        now = time.process_time()
        self.timings[name] = now - self._clock
        self._clock = now

    lap = _lap

    def _catalog(self) -> Catalog:
        from pathlib import Path

        paths = [*sorted(resources.catalog_dir().glob("*.toml")), *sorted(resources.frameworks_dir().glob("*.toml"))]
        return load_catalog([*paths, *(Path(model) for model in self.config.models)])

    def _index(self, discovery: Discovery, progress: Progress | None) -> Program:
        program = Program()
        if progress is not None:
            progress.stage("reading", len(discovery.files))
        for entry in discovery.files:
            if progress is not None:
                progress.advance()
            text = self.read(entry)
            if isinstance(text, Problem):
                self.not_analysed.append(NotAnalysed(entry.path_display, text.reason))
                continue
            if text.book is not None:
                self.not_analysed.extend(
                    NotAnalysed(f"{entry.path_display}:cell {cell}", reason) for cell, reason in text.book.skipped
                )
            facts = files.index(text)
            if isinstance(facts, Problem):
                self.not_analysed.append(NotAnalysed(entry.path_display, facts.reason))
                continue
            module = program.add(
                entry.path_display, entry.module, entry.root, facts, is_package=entry.is_package, loose=entry.loose
            )
            self._sources[module] = entry
        return program

    def read(self, entry: Discovered) -> Text | Problem:
        """The text of a discovered file."""
        return files.read(entry.path_abs, entry.path_display, self._overlay.get(entry.path_abs))

    def text(self, module: Module) -> Text | None:
        """The text of an analysed module, read again; None if it has gone meanwhile."""
        text = self.read(self._sources[module])
        return None if isinstance(text, Problem) else text


class _Roomy:
    """Deep recursion allowed and the cyclic collector off: facts live as long as the run, and hold no garbage."""

    def __enter__(self) -> None:
        self._limit = sys.getrecursionlimit()
        self._collecting = gc.isenabled()
        sys.setrecursionlimit(max(self._limit, RECURSION_LIMIT))
        gc.disable()

    def __exit__(self, *_: object) -> None:
        sys.setrecursionlimit(self._limit)
        if self._collecting:
            gc.enable()


def audit(paths: Sequence[str], config: Config, progress: Progress | None = None) -> Report:
    """Audit the files below ``paths``.

    Raises `auditor.discover.MissingPathError`, `auditor.catalog.CatalogError` and `auditor.rulebook.RulebookError`, each
    with one line for each thing that is wrong.
    """
    with _Roomy():
        rules = [
            r for r in load_rules(resources.rules_dir()) if config.enabled(r.id, preview=r.status == "preview")
        ]
        analysis = Analysis(paths, config, progress)
        suspects = Suspects(analysis.graph).collect()
        analysis.lap("suspects")
        return _report(analysis, rules, suspects, progress)


def _report(
    analysis: Analysis, rules: Sequence[RuleFile], suspects: list[Suspect], progress: Progress | None
) -> Report:
    # LibCST is imported only where there is something to judge
    from auditor.engine.judge import Judge
    from auditor.engine.texts import Texts
    from auditor.verdict.findings import Builder
    from auditor.verdict.score import score
    from auditor.verdict.select import selected

    table = RuleTable(rules, analysis.config)
    texts = Texts(analysis.text)
    judge = Judge(texts)
    if progress is not None:
        progress.stage("judging", len(suspects))
    hits = judge.run(suspects, table.rules_for, progress.advance if progress is not None else None)
    analysis.lap("rules")
    findings = Builder(analysis.evaluator, texts, analysis.config.dialect).build(hits)
    findings = selected(findings, analysis.config)
    value, parts = score(findings)
    analysis.lap("verdict")
    program = analysis.program
    not_analysed = [*analysis.not_analysed, *(NotAnalysed(p, r) for p, r in judge.unparsable.items())]
    return Report(
        tool_version=__version__,
        findings=tuple(findings),
        hidden=0,
        suppressed=0,
        baselined=0,
        score=value,
        score_parts=parts,
        not_analysed=tuple(sorted(set(not_analysed), key=lambda n: (n.path, n.reason))),
        statistics=Statistics(
            files=len(program.modules),
            functions=sum(1 for x in program.functions if x.facts.kind >= 2),  # noqa: PLR2004 - DEF and above
            calls=sum(len(m.facts.calls) for m in program.modules),
            resolved_calls=analysis.evaluator.count_resolved(),
            suspects=len(suspects),
            files_parsed=len(judge.parsed_files),
            files_with_findings=len({x.location.path for x in findings}),
            timings=analysis.timings,
        ),
    )


class RuleTable:
    """Which rules look at which suspects."""

    def __init__(self, files_: Sequence[RuleFile], config: Config) -> None:
        self._files = files_
        self._config = config
        self._rules: dict[str, Rule] = {}
        self._by_group: dict[str, list[RuleFile]] = {}
        self._handed_over = [r for r in files_ if "offload" in r.runs]
        for file in files_:
            for group in file.groups:
                self._by_group.setdefault(group, []).append(file)

    def rules_for(self, suspect: Suspect) -> list[Rule]:
        """The rules that judge a suspect."""
        found = self._handed_over if suspect.handed_over is not None else self._by_group.get(suspect.group, [])
        return [self._rule(file) for file in found]

    def _rule(self, file: RuleFile) -> Rule:
        rule = self._rules.get(file.id)
        if rule is None:
            from importlib import import_module

            module, _, name = file.check.partition(":")
            rule = self._rules[file.id] = getattr(import_module(module), name)(file)
        return rule


def call_graph(paths: Sequence[str], config: Config | None = None) -> dict[str, list[str]]:
    """Every function's callees by dotted name, for accuracy tests; module bodies stand under the module's name."""
    from auditor.config import load
    from auditor.link.dump import callees

    with _Roomy():
        analysis = Analysis(paths, config or load(str(paths[0]), {}))
        return callees(analysis.graph)


def explain(path: str, line: int, config: Config) -> str:
    """In which contexts the code at ``path:line`` runs, by which path, and what it reaches."""
    from auditor.link.explain import explain_line

    with _Roomy():
        analysis = Analysis([_project(path, config)], config)
        return explain_line(analysis.graph, path, line)


def _project(path: str, config: Config) -> str:
    import os

    inside = os.path.abspath(path).startswith(os.path.join(config.root, ""))
    return os.path.relpath(config.root) if inside else path
