"""Laws of the verdict: what the score does, and what fingerprints stand."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import config
from auditor.audit import audit
from auditor.model import Category, Confidence, Cost, Exposure, Finding, Location, Phase, Severity, Step
from auditor.verdict.score import CAPS, score

STEP = Step("a.py", 1, 1, "a.f", "calls `b`")
BASE = Finding(
    code="LOOP301",
    name="n",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    category=Category.FILE_IO,
    location=Location("a.py", 1, 1, 1, 2),
    function="a.f",
    callee="b",
    context="loop",
    phase=Phase.SERVING,
    chain=(STEP,),
    exposures=(Exposure("a.py", 1, 1, "a.f", "0", (STEP,)),),
    impact="",
    fix_complexity="low",
    cost=Cost(1, 1, 1, "measured"),
    gil="releases",
    message="",
    verify=(),
    advice="",
    tradeoffs=(),
)
FINDINGS = st.builds(
    lambda severity, phase, exposures: replace(
        BASE, severity=severity, phase=phase, exposures=BASE.exposures * exposures
    ),
    st.sampled_from(Severity),
    st.sampled_from(Phase),
    st.integers(1, 40),
)


# The score ---------------------------------------------------------------------------------------------------


@given(st.lists(FINDINGS, min_size=1, max_size=60), st.data())
def test_removing_a_finding_never_lowers_the_score(findings: list[Finding], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(findings) - 1))
    assert score(findings[:at] + findings[at + 1 :])[0] >= score(findings)[0]


@given(st.lists(FINDINGS, max_size=40), st.randoms(use_true_random=False))
def test_the_order_does_not_count(findings: list[Finding], shuffler: random.Random) -> None:
    shuffled = list(findings)
    shuffler.shuffle(shuffled)
    assert score(shuffled) == score(findings)


@given(st.lists(FINDINGS, max_size=200))
def test_bounds_and_caps(findings: list[Finding]) -> None:
    value, parts = score(findings)
    assert 1.0 <= value <= 10.0
    assert round(value, 1) == value
    for finding in findings:
        if finding.phase is Phase.SERVING:
            assert value <= CAPS.get(finding.severity, 10.0)
    assert (value == 10.0) or parts
    if value > 1.0:
        assert value == pytest.approx(10 + sum(effect for _, effect in parts), abs=0.12)


def test_nothing_found_is_the_best() -> None:
    assert score([]) == (10.0, ())


@pytest.mark.parametrize(
    ("program", "least", "most"),
    # with what is CRITICAL while serving no program gets more than 4.9
    [("document_upload", 1.0, 4.9), ("document_upload_ok", 9.0, 10.0)],
)
def test_broken_and_mended_programs_are_told_apart(
    repository_root: Path, monkeypatch: pytest.MonkeyPatch, program: str, least: float, most: float
) -> None:
    monkeypatch.chdir(repository_root / "fixtures" / "programs" / program)
    assert least <= audit(["."], config.load(".", {"cache": False})).score <= most


# Fingerprints ------------------------------------------------------------------------------------------------

PROGRAM = """\
import time
import requests


def helper(url):
    return requests.get(url, headers={"a": 'b'})


async def first(url):
    time.sleep(2)
    with open("x") as file:
        file.read()
    return helper(url)


class Views:
    async def second(self, url):
        time.sleep(2)
        time.sleep(2)
        return helper(url)
"""


def fingerprints(project: Path, source: str, name: str = "app.py") -> Counter[str]:
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(source)
    found = audit(["."], config.load(str(project)))
    assert found.not_analysed == ()
    return Counter(exposure.fingerprint for finding in found.findings for exposure in finding.exposures)


def test_identical_statements_are_a_multiset(project: Path) -> None:
    known = fingerprints(project, PROGRAM)
    assert sorted(known.values()) == [1, 1, 1, 1, 2]
    assert all(len(name) == 64 for name in known)


SAME = {
    "moved down": lambda text: "# a\n\nX = 1\n\n\n" + text,
    "comments": lambda text: text.replace("sleep(2)", "sleep(2)  # why"),
    "quotes and breaks": lambda text: text.replace(
        """requests.get(url, headers={"a": 'b'})""",
        "(\n        requests.get(\n            url, headers={'a': \"b\"},\n        )\n    )",
    ),
    "indentation": lambda text: text.replace("    ", "  "),
    "the body of the block": lambda text: text.replace("file.read()", "print(file.read())"),
    "a neighbour renamed": lambda text: text.replace("class Views:", "def other():\n    pass\n\n\nclass Views:"),
    "another import": lambda text: text.replace("import time\n", "import os\nimport time\n"),
    "order": lambda text: text[: text.index("async def first")]
    + text[text.index("class Views") :]
    + "\n\n"
    + text[text.index("async def first") : text.index("class Views")],
}  # fmt: skip
DIFFERENT = {
    "another argument": (lambda text: text.replace("time.sleep(2)\n    with", "time.sleep(3)\n    with"), 1),
    "function renamed": (lambda text: text.replace("async def first", "async def primary"), 3),
    "class renamed": (lambda text: text.replace("class Views", "class Pages"), 3),
    "one of two gone": (lambda text: text.replace("        time.sleep(2)\n", "", 1), 1),
}


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_concern_it_keeps_a_fingerprint(project: Path, name: str) -> None:
    before = fingerprints(project, PROGRAM)
    changed = SAME[name](PROGRAM)
    assert changed != PROGRAM
    assert fingerprints(project, changed) == before


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_concerns_it_changes_a_fingerprint(project: Path, name: str) -> None:
    change, changed = DIFFERENT[name]
    before = fingerprints(project, PROGRAM)
    after = fingerprints(project, change(PROGRAM))
    assert (before - after).total() == changed


def test_the_helper_may_change_behind_an_exposure(project: Path) -> None:
    before = fingerprints(project, PROGRAM)
    deeper = PROGRAM.replace("return requests", "return inner(url)\n\n\ndef inner(url):\n    return requests")
    assert fingerprints(project, deeper) == before


def test_the_module_counts_and_the_working_directory_does_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "auditor.toml").touch()
    there = fingerprints(project, PROGRAM, "package/app.py")
    monkeypatch.chdir(project / "package")
    again = audit(["."], config.load("."))
    assert Counter(e.fingerprint for f in again.findings for e in f.exposures) == there
    (project / "package" / "app.py").rename(project / "package" / "other.py")
    moved = audit(["."], config.load("."))
    assert not {e.fingerprint for f in moved.findings for e in f.exposures} & set(there)
