"""reports/samples/: what auditor says of the reference engine's broken twin, in every format.

`make samples` writes them anew, after a change of rules, catalogs, words or of the engine itself.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from auditor.audit import audit
from auditor.cli.main import main
from auditor.config import load
from auditor.model import Severity
from auditor.reporters import FORMATS, Options, terminal

AUDITED = "fixtures/engine/broken"
NAMES = {
    "full": "broken.txt",
    "concise": "broken.concise.txt",
    "json": "broken.json",
    "jsonl": "broken.jsonl",
    "sarif": "broken.sarif",
    "github": "broken.github.txt",
    "github-summary": "broken.github-summary.md",
    "gitlab": "broken.gitlab.json",
    "junit": "broken.junit.xml",
    "html": "broken.html",
    "markdown": "broken.md",
}
SAME = {"code-scanning": "sarif", "github-comment": "github-summary"}
"""Formats whose sample would be that of another: nothing is suppressed, and all fits into a comment."""
VERBOSE, TERMINAL = "broken.verbose.txt", "terminal.svg"
TERMINAL_FINDINGS, COLUMNS = 3, 104
UPDATE = "AUDITOR_UPDATE_GOLDENS"


@pytest.fixture(scope="module")
def written(repository_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all samples as they are now."""
    out = tmp_path_factory.mktemp("samples")
    before = os.getcwd()
    os.chdir(repository_root)
    try:
        outputs = [f"-o{name}:{out / file}" for name, file in NAMES.items()]
        outputs += [f"-o{name}:{out / name}" for name in SAME]
        assert main(["check", "--quiet", "--exit-zero", "--no-cache", *outputs, AUDITED]) == 0
        verbose = f"-ofull:{out / VERBOSE}"
        assert main(["check", "--quiet", "--exit-zero", "--no-cache", "--verbose", verbose, AUDITED]) == 0
        (out / TERMINAL).write_text(picture(), encoding="utf-8")
    finally:
        os.chdir(before)
    return out


def picture() -> str:
    """The worst findings as a terminal shows them."""
    report = audit([AUDITED], load(AUDITED))
    worst = sorted(report.findings, key=lambda finding: (-finding.severity, finding.location))[
        :TERMINAL_FINDINGS
    ]
    shown = replace(report, findings=tuple(worst), hidden=report.hidden + len(report.findings) - len(worst))
    console = Console(
        file=io.StringIO(),
        record=True,
        width=COLUMNS,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        _environ={},
    )
    options = Options(min_severity=Severity.MEDIUM, terminal=True, color=True, width=COLUMNS)
    terminal.paint(shown, console, options)
    return console.export_svg(title="auditor check", unique_id="auditor")


@pytest.mark.parametrize("name", [*NAMES.values(), VERBOSE, TERMINAL])
def test_sample(name: str, written: Path, repository_root: Path) -> None:
    kept = repository_root / "reports" / "samples" / name
    now = (written / name).read_bytes()
    if os.environ.get(UPDATE):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(now)
    assert kept.exists(), f"there is no {kept.name} yet: `make samples` writes it"
    assert now == kept.read_bytes(), f"{kept.name} is out of date: `make samples` writes it anew"


def test_every_format_has_one(written: Path, repository_root: Path) -> None:
    assert {*NAMES, *SAME} == set(FORMATS)
    for name, other in SAME.items():
        assert (written / name).read_bytes() == (written / NAMES[other]).read_bytes()
    kept = {path.name for path in (repository_root / "reports" / "samples").iterdir()}
    assert kept - {"page.png"} == {*NAMES.values(), VERBOSE, TERMINAL}
