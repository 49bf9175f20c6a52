"""SARIF as its makers check it: `Sarif.Multitool validate` with its own and with GitHub's rules finds no error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from unit.reporters_sample import REPORT

from auditor.reporters import Options, get

pytestmark = pytest.mark.slow

PACKAGE = "@microsoft/sarif-multitool-linux@5.7.0"


@pytest.fixture(scope="module")
def multitool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    npm = shutil.which("npm")
    if npm is None or not sys.platform.startswith("linux"):
        pytest.skip("npm is not installed, or this is not Linux")
    directory = tmp_path_factory.mktemp("multitool")
    command = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(directory),
        PACKAGE,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {PACKAGE}")
    path = directory / "node_modules" / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool"
    path.chmod(0o755)
    return path


def errors(multitool: Path, log: Path) -> list[dict[str, Any]]:
    """What the validator holds for an error; its exit code says nothing."""
    verdict = log.with_suffix(".verdict")
    command = [
        *(str(multitool), "validate", str(log), "--rule-kind", "Sarif;Ghas"),
        *("--output", str(verdict), "--log", "ForceOverwrite"),
    ]
    environment = os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert verdict.is_file(), done.stdout + done.stderr
    (run,) = json.loads(verdict.read_text(encoding="utf-8-sig"))["runs"]
    return [one for one in run.get("results", []) if one.get("level", "warning") == "error"]


@pytest.mark.parametrize("name", ["sarif", "code-scanning"])
def test_a_report_with_everything(multitool: Path, tmp_path: Path, name: str) -> None:
    log = tmp_path / "log.sarif"
    with log.open("w", encoding="utf-8") as out:
        get(name).render(REPORT, out, options=Options(prefix="some where/deep"))
    assert errors(multitool, log) == []


def test_a_real_program(multitool: Path, repository_root: Path, project: Path) -> None:
    shutil.copytree(repository_root / "fixtures" / "programs" / "document_upload", project / "program")
    (project / "odd näme#.py").write_text(
        "import time\n\n\nasync def f(timeout: int):\n    time.sleep(1)  # auditor: ignore[LOOP301] -- x\n"
        "    [time.sleep(2) for _ in '文{0}']\n"
    )
    (project / "broken.py").write_text("def (\n")
    command = [sys.executable, "-m", "auditor", "check", "--exit-zero", "--with-ruff", "-o", "log.sarif"]
    subprocess.run(command, check=True, cwd=project)
    assert len(json.loads((project / "log.sarif").read_text())["runs"][0]["results"]) > 20
    assert errors(multitool, project / "log.sarif") == []
