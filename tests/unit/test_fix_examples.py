"""The examples of the rule files: applying the fixes to what is bad gives what stands as fixed, and nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fixing import mended, without_marks

from auditor import rulebook
from auditor.fixes.recipes import RECIPES
from auditor.rulebook import Example, Rule

RULES = rulebook.load(Path(__file__).resolve().parents[2] / "rules")
FIXED = [
    pytest.param(rule, example, id=f"{rule.id}-line{example.line}")
    for rule in RULES
    for example in rule.examples()
    if example.kind == "fixed" and rule.fix is not None
]
ALL = [
    pytest.param(rule, example, id=f"{rule.id}-line{example.line}")
    for rule in RULES
    for example in rule.examples()
    if example.kind == "bad"
]


def write(files: dict[str, str], directory: Path) -> None:
    for path, source in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(source, encoding="utf-8")


def test_every_recipe_is_known_and_used() -> None:
    assert {rule.fix.recipe for rule in RULES if rule.fix is not None} == set(RECIPES)


# what becomes of these cannot be read off the place: why, by rule
BY_HAND: dict[str, str] = {}


def test_every_fixed_example_is_made_by_a_recipe_or_says_why_not() -> None:
    shown = {rule.id for rule in RULES if any(example.kind == "fixed" for example in rule.examples())}
    made = {rule.id for rule in RULES if rule.fix is not None}
    assert shown - made == set(BY_HAND)
    assert made - shown == set()


@pytest.mark.parametrize(("rule", "example"), FIXED)
def test_the_fixed_example_is_what_the_fix_makes(
    rule: Rule, example: Example, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert example.bad is not None
    before = {path: without_marks(source) for path, source in example.bad.files}
    write(before, project)
    after = mended(project, select=[each.id for each in RULES])
    assert {**before, **{path: file.text for path, file in after.after.items()}} == dict(example.files)
    write({path: file.text for path, file in after.after.items()}, project)
    assert not mended(project, select=[each.id for each in RULES]).after
