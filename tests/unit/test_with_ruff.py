"""``--with-ruff``: what ruff's ASYNC rules say and no rule here does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from auditor.cli import ruff
from auditor.cli.main import main

APP = """\
import asyncio
import time
from helper import wait


async def f(timeout: float):
    time.sleep(1)
    while True:
        await asyncio.sleep(1)


async def g():
    wait()
    '文', open("x")
    open("y")  # noqa: ASYNC230


def test():
    async def inner():
        time.sleep(1)
    return inner
"""
HELPER = "import time\n\n\ndef wait():\n    time.sleep(1)\n"


@pytest.fixture
def program(project: Path) -> Path:
    (project / "app.py").write_text(APP)
    (project / "helper.py").write_text(HELPER)
    return project


def found(*options: str) -> list[tuple[str, str, int, int, str]]:
    main(["check", "--no-cache", "-q", "-o", "json:.git/out.json", "--with-ruff", *options])
    report = json.loads(Path(".git/out.json").read_text())
    return [(f["code"], f["path"], f["line"], f["column"], f["function"]) for f in report["findings"]]


OURS = [
    ("LOOP301", "app.py", 7, 5, "app.f"),
    ("LOOP303", "app.py", 14, 10, "app.g"),
    ("LOOP303", "app.py", 15, 5, "app.g"),
    ("LOOP301", "app.py", 20, 9, "app.test.inner"),
    ("LOOP301", "helper.py", 5, 5, "helper.wait"),
]
RUFFS = [("ASYNC109", "app.py", 6, 13, "app.f"), ("ASYNC110", "app.py", 8, 5, "app.f")]


def test_what_ruff_says_beyond_ours(program: Path) -> None:
    assert found() == sorted([*OURS, *RUFFS], key=lambda x: x[1:])
    report = json.loads(Path(".git/out.json").read_text())
    one = next(f for f in report["findings"] if f["code"] == "ASYNC109")
    assert (one["name"], one["severity"], one["callee"]) == (
        "async-function-with-timeout",
        "MEDIUM",
        "timeout: float",
    )
    assert len(one["exposures"][0]["fingerprint"]) == 64


def test_what_is_suppressed_or_off_here_does_not_come_back(program: Path) -> None:
    text = APP.replace(
        "time.sleep(1)\n    while", "time.sleep(1)  # auditor: ignore[LOOP301] -- x\n    while"
    )
    (program / "app.py").write_text(text)
    assert found("--ignore", "LOOP303") == [
        *RUFFS,
        ("LOOP301", "app.py", 20, 9, "app.test.inner"),
        ("LOOP301", "helper.py", 5, 5, "helper.wait"),
    ]


def test_where_nothing_of_ours_is_found(program: Path) -> None:
    (program / "app.py").write_text("async def f(timeout: float):\n    return timeout\n")
    assert found() == [("ASYNC109", "app.py", 1, 13, "app.f")]


def test_baseline_and_since(program: Path) -> None:
    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    (program / ".git").rmdir()
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "x")
    (program / "app.py").write_text("\n\n" + APP + "\n\nasync def h(timeout: int):\n    return timeout\n")
    assert found("--since", "HEAD") == [("ASYNC109", "app.py", 26, 13, "app.h")]


def test_notebooks_and_unsaved_buffers(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    common = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [
        common | {"source": "import time\n"},
        common | {"source": "x = 1\n\nasync def f(timeout: int):\n    pass\n"},
    ]
    (program / "n.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    assert found("n.ipynb") == [("ASYNC109", "n.ipynb:cell 2", 3, 13, "n.f")]
    unsaved = io.TextIOWrapper(io.BytesIO(b"async def unsaved(timeout: int):\n    pass\n"))
    monkeypatch.setattr("sys.stdin", unsaved)
    assert found("--stdin-filename", "app.py") == [("ASYNC109", "app.py", 1, 19, "app.unsaved")]


def test_trouble_with_ruff_is_one_line(
    program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program / "pyproject.toml").write_text("[tool.ruff]\nnonsense = 1\n")
    assert main(["check", "-q", "--with-ruff"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("auditor: --with-ruff: ruff fails: ")
    assert error.count("\n") == 1
    monkeypatch.setattr(ruff.shutil, "which", lambda *_, **__: None)
    assert main(["check", "-q", "--with-ruff"]) == 2
    assert "pip install 'loop-auditor[ruff]'" in capsys.readouterr().err


def test_the_mapping_names_rules_that_ruff_has() -> None:
    from auditor.verdict.ruff_codes import LOOP_CODES

    done = subprocess.run(
        [*ruff._command(), "rule", "--all", "--output-format=json"], capture_output=True, check=True
    )
    known = {rule["code"] for rule in json.loads(done.stdout)}
    of_flake8_async = {"ASYNC211", "ASYNC231", "ASYNC232"}
    assert set(LOOP_CODES) - known <= of_flake8_async
