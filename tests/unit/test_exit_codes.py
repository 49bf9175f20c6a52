"""Exit codes: every combination of what is found and what is asked for. The format has no say in it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from unit.reporters_sample import CLEAN, finding

from auditor.cli import gate
from auditor.cli.main import main
from auditor.model import Aside, NotAnalysed, Notice, Report, Severity
from auditor.reporters import FORMATS

LEVELS = [None, *Severity]


def report(worst: Severity | None) -> Report:
    """With a finding of each severity up to ``worst``, and all that must not count."""
    found = tuple(finding(severity=level) for level in Severity if worst is not None and level <= worst)
    return replace(
        CLEAN,
        findings=found,
        score=5.0,
        suppressed=1,
        baselined=1,
        asides=(Aside(finding(severity=Severity.CRITICAL), "suppressed"), Aside(finding(), "baselined")),
        not_analysed=(NotAnalysed("a.py", "broken"),),
        notices=(Notice("a.py", 1, 1, "unused-suppression", "x"),),
        warnings=("w",),
    )


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch, project: Path) -> list[Report]:
    """What the audit answers: the last of the list."""
    answers = [CLEAN]
    monkeypatch.setattr(gate, "audited", lambda *_, **__: answers[-1])
    return answers


@pytest.mark.parametrize("worst", LEVELS)
@pytest.mark.parametrize("fail_on", LEVELS)
def test_every_combination(audited: list[Report], worst: Severity | None, fail_on: Severity | None) -> None:
    audited.append(report(worst))
    for least, min_score, zero in itertools.product(LEVELS, (None, "5", "5.1"), (False, True)):
        options = ["check", "-q", "-o", "concise:.git/out"]
        options += [f"--fail-on={fail_on.name}"] if fail_on is not None else []
        options += [f"--min-severity={least.name}"] if least is not None else []
        options += [f"--min-score={min_score}"] if min_score is not None else []
        options += ["--exit-zero"] * zero
        threshold = Severity.MEDIUM if fail_on is None else fail_on
        if least is not None:
            threshold = max(threshold, least)
        fails = (worst is not None and worst >= threshold) or min_score == "5.1"
        assert main(options) == int(fails and not zero), options


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("worst", LEVELS)
def test_the_format_has_no_say(audited: list[Report], name: str, worst: Severity | None) -> None:
    audited.append(report(worst))
    expected = int(worst is not None and worst >= Severity.MEDIUM)
    assert main(["check", "-q", "-o", f"{name}:.git/out"]) == expected
    assert (
        main(["check", "-q", "-o", "concise", "-o", f"{name}:.git/out", "-o", "full:.git/full"]) == expected
    )


WRONG = [
    ["check", "gone.py"],
    ["check", "fine.py", "gone.py"],
    ["check", "--exit-zero", "gone.py"],
    ["check", "--focus", "gone.py"],
    ["check", "--since", "HEAD", "gone.py"],
    ["baseline", "gone.py"],
    ["check", "--baseline", "gone.jsonl"],
    ["check", "--update-baseline"],
    ["check", "--since", "HEAD"],
    ["check", "--fail-on", "AWFUL"],
    ["check", "--min-score", "11"],
    ["check", "--select", "LOOP999"],
    ["check", "-o", "yaml"],
    ["check", "-o", "sarif:gone/x.sarif"],
    ["check", "-"],
    ["check", "--no-such-option"],
    ["nothing"],
]


@pytest.mark.parametrize("options", WRONG, ids=" ".join)
def test_wrong_use_is_two(project: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (project / "fine.py").write_text("x = 1\n")
    assert main(options) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("auditor: ")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_path_is_two_in_every_format(project: Path, name: str) -> None:
    assert main(["check", "-q", "-o", f"{name}:.git/out", "gone.py"]) == 2
    assert not (project / ".git" / "out").exists()
