"""What holds of every fix, over all labelled programs and all examples of the rule files."""

from __future__ import annotations

import io
import shutil
import tokenize
from collections import Counter
from pathlib import Path

import pytest
from unit.fixing import audited, without_marks

from auditor import rulebook
from auditor.fixes.rounds import mend, wanted
from auditor.model import Report

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted(
    path.name
    for path in (ROOT / "fixtures" / "programs").iterdir()
    if path.is_dir() and not path.name.endswith("_ok")
)
EXAMPLES = [
    pytest.param(dict(example.files), id=f"{rule.id}-line{example.line}")
    for rule in rulebook.load(ROOT / "rules")
    for example in rule.examples()
    if example.kind == "bad"
]


def comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def places(report: Report) -> Counter[tuple[str, str]]:
    """What is found in which file."""
    return Counter(
        (finding.location.path, code) for finding in report.findings for code in (finding.code, *finding.also)
    )


def check(project: Path) -> None:
    before = audited(project)
    result, after = mend(
        before,
        lambda report: wanted(report.findings, unsafe=True),
        lambda overlay: audited(project, overlay=overlay),
    )
    assert result.problems == {}
    assert {entry.path for entry in after.not_analysed} == {entry.path for entry in before.not_analysed}
    assert not places(after) - places(before)
    for path, file in result.after.items():
        original = result.before[path]
        assert file.is_sound_after(original), path
        assert comments(file.text) == comments(original.text), path
        (project / path).write_bytes(file.data)
    again = audited(project)
    assert wanted(again.findings, unsafe=True) == []
    assert places(again) == places(after)


@pytest.mark.slow
@pytest.mark.parametrize("files_of_example", EXAMPLES)
def test_examples(files_of_example: dict[str, str], project: Path) -> None:
    for path, source in files_of_example.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(without_marks(source), encoding="utf-8")
    check(project)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, project: Path) -> None:
    shutil.copytree(ROOT / "fixtures" / "programs" / name, project, dirs_exist_ok=True)
    check(project)
