"""Rules that installed distributions bring: found, run, listed; and one line for each that does not hold together."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cli.main import main

Capture = pytest.CaptureFixture[str]

PAGE = """+++
id = "ACME101"
name = "no-nap"
message = "`{{callee}}` naps in `{{function}}`"
check = "acme_rules.checks:NoNap"
groups = ["sleep"]
contexts = "on-loop"
severity = "MEDIUM"
status = "{status}"
since = "1.0.0"
precedence = 1
+++
# no-nap (ACME101)

## What it does

## Why is this bad

## How long it blocks

## How to verify

## Fix

## Trade-offs

## Known limits
"""
CODE = """
import libcst as cst

from auditor.engine.rule import Rule


class NoNap(Rule):
    def visit_Call(self, node: cst.Call) -> None:
        if self.context.is_in_coroutine and not self.context.is_awaited:
            self.report(node)
"""
APP = "import time\n\n\ndef helper():\n    time.sleep(2)\n\n\nasync def handler():\n    time.sleep(2)\n    helper()\n"


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of installed packages with one that brings a rule."""
    site = tmp_path_factory.mktemp("site")
    package = site / "acme_rules"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "checks.py").write_text(CODE)
    (package / "ACME101-no-nap.md").write_text(PAGE.format(status="stable"))
    metadata = site / "acme_rules-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 2.0\n")
    entry_points(site, "ACME101 = acme_rules.checks:NoNap")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield site
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_rules"]:
        del sys.modules[name]


def entry_points(site: Path, *lines: str) -> None:
    text = "\n".join(["[auditor.rules]", *lines]) + "\n"
    (site / "acme_rules-2.0.dist-info" / "entry_points.txt").write_text(text)


def check(capsys: Capture, *options: str) -> tuple[int, list[str], str]:
    code = main(["check", "--no-cache", "-o", "concise", *options])
    out, err = capsys.readouterr()
    return code, out.splitlines()[:-1], err


def test_an_installed_rule_judges(project: Path, site: Path, capsys: Capture) -> None:
    (project / "app.py").write_text(APP)
    code, lines, _ = check(capsys)
    assert code == 1
    assert lines == [
        "app.py:5:5: LOOP301 HIGH `time.sleep` stops the event loop for about 2 s [in app.helper, via 1 call]",
        "app.py:9:5: ACME101 MEDIUM `time.sleep` naps in `app.handler` [in app.handler]",
    ]
    assert [line.split()[1] for line in check(capsys, "--select", "ACME101")[1]] == ["ACME101"]
    assert [line.split()[1] for line in check(capsys, "--ignore", "ACME")[1]] == ["LOOP301", "LOOP301"]


def test_an_installed_preview_rule_waits_to_be_asked(project: Path, site: Path, capsys: Capture) -> None:
    (project / "app.py").write_text(APP)
    (site / "acme_rules" / "ACME101-no-nap.md").write_text(PAGE.format(status="preview"))
    assert "ACME101" not in "".join(check(capsys)[1])
    assert "ACME101" in "".join(check(capsys, "--preview")[1])
    assert "ACME101" in "".join(check(capsys, "--select", "ACME101")[1])


def test_an_installed_rule_is_listed_and_has_a_page(site: Path, capsys: Capture) -> None:
    assert main(["rule"]) == 0
    assert "ACME101  no-nap" in capsys.readouterr().out
    assert main(["rule", "ACME101"]) == 0
    assert capsys.readouterr().out.startswith("# no-nap (ACME101)\n\nstable, since 1.0.0, severity MEDIUM")


BROKEN = {
    "no file": (
        lambda site: (site / "acme_rules" / "ACME101-no-nap.md").unlink(),
        "no rule file ACME101-<name>.md beside acme_rules.checks; it takes one",
    ),
    "bad file": (
        lambda site: (site / "acme_rules" / "ACME101-no-nap.md").write_text("# nothing"),
        "no front matter; start the file with TOML between two lines of +++",
    ),
    "another class": (
        lambda site: entry_points(site, "ACME101 = acme_rules.checks:Nap"),
        "check is 'acme_rules.checks:NoNap', but the entry point says 'acme_rules.checks:Nap'",
    ),
    "no module": (
        lambda site: entry_points(site, "ACME101 = acme_rules.gone:NoNap"),
        "there is no module acme_rules.gone; reinstall or uninstall the package",
    ),
    "no package": (
        lambda site: entry_points(site, "ACME101 = acme_lost.gone:NoNap"),
        "acme_lost.gone cannot be imported (ModuleNotFoundError: No module named 'acme_lost')",
    ),
    "breaks when imported": (
        lambda site: (site / "acme_rules" / "checks.py").write_text("1 / 0\n"),
        "acme_rules.checks cannot be imported (ZeroDivisionError: division by zero)",
    ),
    "no class": (
        lambda site: (site / "acme_rules" / "checks.py").write_text("NoNap = 3\n"),
        "acme_rules.checks:NoNap is no subclass of auditor.engine.rule.Rule",
    ),
    "fails": (
        lambda site: (site / "acme_rules" / "checks.py").write_text(CODE.replace("if ", "if 1 / 0 and ")),
        "fails at app.py:5: ZeroDivisionError: division by zero; report it to its authors",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_installed_rule_is_one_line(project: Path, site: Path, capsys: Capture, name: str) -> None:
    spoil, message = BROKEN[name]
    spoil(site)
    importlib.invalidate_caches()
    (project / "app.py").write_text(APP)
    code, lines, err = check(capsys)
    assert (code, lines) == (2, [])
    assert err.count("\n") == 1, err
    assert message in err
    assert "rule ACME101" in err
    assert check(capsys, "--ignore", "ACME101")[0] == 1, "what is not asked for does no harm"


def test_a_code_can_be_taken_once(project: Path, site: Path, capsys: Capture) -> None:
    page = PAGE.format(status="stable").replace("ACME101", "LOOP301")
    (site / "acme_rules" / "LOOP301-no-nap.md").write_text(page)
    entry_points(site, "LOOP301 = acme_rules.checks:NoNap")
    (project / "app.py").write_text(APP)
    code, _, err = check(capsys)
    assert code == 2
    assert err.startswith("auditor: rule LOOP301 of acme-rules 2.0: the code is taken by ")
