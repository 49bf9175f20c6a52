"""Models that installed distributions bring: read without importing them, and a line for each that does not hold."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cli.main import main

Capture = pytest.CaptureFixture[str]

MODEL = """
[area]
name = "acme"
description = "own"
packages = ["acme"]

[[api]]
names = ["acme.Client.fetch"]
effect = "blocks"
group = "http"
category = "external-api"
gil = "releases"
why = "waits for the server"
cost = { low = 0.1, typical = 2.0, high = 9.0, source = "measured", note = "by hand" }
"""
APP = "import acme\n\nCLIENT = acme.Client()\n\n\nasync def handler():\n    return CLIENT.fetch()\n"


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of installed packages; importing the one that brings models would end the run."""
    site = tmp_path_factory.mktemp("site")
    models = site / "acme" / "models"
    models.mkdir(parents=True)
    (site / "acme" / "__init__.py").write_text("raise SystemExit('imported')\n")
    (models / "acme.toml").write_text(MODEL)
    metadata = site / "acme-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 2.0\n")
    entry_point(site, "acme = acme.models")
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    yield site
    sys.modules.pop("acme", None)


def entry_point(site: Path, line: str) -> None:
    (site / "acme-2.0.dist-info" / "entry_points.txt").write_text(f"[auditor.models]\n{line}\n")


def check(project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    (project / "app.py").write_text(APP)
    monkeypatch.chdir(project)
    code = main(["check", ".", "-o", "json", "--no-cache"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.usefixtures("site")
def test_installed_models_count(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = check(tmp_path, capsys, monkeypatch)
    assert code == 1
    found = json.loads(out)["findings"]
    assert [(x["code"], x["line"], x["callee"]) for x in found] == [("LOOP302", 7, "acme.Client.fetch")]
    assert "acme" not in sys.modules


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("acme = acme.nowhere", "models acme (acme.nowhere) of acme 2.0: there is no such package"),
        ("acme = missing_package", "models acme (missing_package) of acme 2.0: there is no such package"),
        ("acme = acme", "models acme (acme) of acme 2.0: no *.toml lies in "),
    ],
)
def test_models_that_are_not_there_are_one_line(
    site: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: str, problem: str
) -> None:
    entry_point(site, line)
    code, out, err = check(tmp_path, capsys, monkeypatch)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert problem in err


def test_a_broken_installed_model_is_one_line(
    site: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "acme" / "models" / "acme.toml").write_text(MODEL.replace("gil =", "gill ="))
    code, _, err = check(tmp_path, capsys, monkeypatch)
    assert code == 2
    assert err.count("\n") <= 2
    assert "acme.toml:12" in err
    assert "'gill'" in err
