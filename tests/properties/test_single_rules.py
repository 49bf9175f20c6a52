"""A rule that is selected alone finds what it finds in a full run: what stands for what is no matter of selection."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from programs.labels import PROGRAMS, program_names

from auditor import config, resources
from auditor.analysis import Analysis
from auditor.engine.judge import Judge
from auditor.engine.table import RuleTable
from auditor.engine.texts import Texts
from auditor.link.suspects import Suspects
from auditor.verdict.findings import Builder
from auditor.verdict.folding import has_a_say

if TYPE_CHECKING:
    from pathlib import Path

CODES = frozenset(resources.rule_files())
FEW = ("background_tasks", "called_before_offload", "document_upload", "file_handles", "guide_background")
"""Programs in which rules stand for each other; the others are for the slow run."""

Place = tuple[str, tuple[int, int, int, int]]


def places(analysis: Analysis, codes: frozenset[str]) -> dict[str, set[Place]]:
    """Functions and statements of the findings, by rule, when these rules are on."""

    def is_on(code: str, *, preview: bool = False) -> bool:
        return code in codes

    table = RuleTable(is_on, has_a_say)
    suspects = Suspects(analysis.graph, table.wanted).collect()
    texts = Texts(analysis.text)
    hits = Judge(texts).run(suspects, table.rules_for)
    found: dict[str, set[Place]] = {}
    for group in Builder(analysis.evaluator, texts, "asyncio").groups(hits, table.codes):
        for hit in group:
            place = (hit.suspect.function.qualname, hit.statement)
            found.setdefault(hit.rule.file.id, set()).add(place)
    return found


@pytest.mark.parametrize(
    "program",
    [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in program_names()],
)
def test_a_rule_finds_alone_what_it_finds_among_all(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / program
    shutil.copytree(PROGRAMS / program, directory, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(directory)
    analysis = Analysis(["."], config.load(directory, {"cache": False}))
    together = places(analysis, CODES)
    assert places(analysis, CODES - together.keys()) == {}
    alone = {code: places(analysis, frozenset({code})).get(code, set()) for code in together}
    assert alone == together
