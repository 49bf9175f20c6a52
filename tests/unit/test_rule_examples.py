"""Every example of every rule file, audited: exactly the findings that its marks name, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from auditor import rulebook
from auditor.model import Severity
from auditor.rulebook import Example, Rule

RULES = rulebook.load(Path(__file__).resolve().parents[2] / "rules")
EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.id}-line{example.line}-{example.kind}")
    for rule in RULES
    for example in rule.examples()
]

Place = tuple[str, int, int, str]


def write(example: Example, directory: Path) -> None:
    for path, source in example.files:
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")


def found_in(directory: Path, rule: Rule) -> dict[Place, Severity]:
    """The findings of a program at the lowest thresholds, all rules, with paths relative to ``directory``.

    Where the page's own rule stands under ``also``, it counts as found at that place too.
    """
    audit = pytest.importorskip("auditor.audit", reason="the audit is not built yet")
    config = pytest.importorskip("auditor.config", reason="the audit is not built yet")
    settings = config.load(
        directory,
        {
            "select": [rule.id for rule in RULES],
            "min-severity": "MONITOR",
            "min-confidence": "low",
            "cache": False,
        },
    )
    report = audit.audit(["."], settings)
    assert report.not_analysed == ()
    places = {
        (found.location.path, found.location.line, found.location.column, found.code): found.severity
        for found in report.findings
    }
    assert len(places) == len(report.findings), "the same finding twice"
    for found in report.findings:
        if rule.id in found.also:
            places[found.location.path, found.location.line, found.location.column, rule.id] = found.severity
    return places


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_example(rule: Rule, example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(example, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = found_in(tmp_path, rule)
    wanted = {(mark.path, mark.line, mark.column, mark.code): mark.severity for mark in example.expects}
    assert sorted(found) == sorted(wanted)
    for place, severity in wanted.items():
        assert severity is None or found[place] == severity, place


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_example_is_well_formed(rule: Rule, example: Example) -> None:
    """It parses, and each mark stands, with a column, on the first character of an expression or a name."""
    starts = set()
    for path, source in example.files:
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.expr | ast.alias):
                column = len(lines[node.lineno - 1].encode()[: node.col_offset].decode()) + 1
                starts.add((path, node.lineno, column))
            elif isinstance(node, ast.FunctionDef):
                starts.add((path, node.lineno, node.col_offset + len("def ") + 1))
    for mark in example.expects:
        assert mark.column is not None, mark
        assert (mark.path, mark.line, mark.column) in starts, mark
    codes = {mark.code for mark in example.expects}
    assert codes <= {known.id for known in RULES}
    assert (rule.id in codes) == (example.kind == "bad")
    if example.kind == "fixed":
        assert example.bad is not None
        assert [path for path, _ in example.files] == [path for path, _ in example.bad.files]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_shows_what_is_wrong_what_mends_it_and_what_is_not(rule: Rule) -> None:
    kinds = {example.kind for example in rule.examples()}
    assert kinds >= ({"bad", "good", "fixed"} if rule.fix else {"bad", "good"})
    for heading, text in rule.sections().items():
        assert text, heading
