"""``--focus``: the whole program is audited, and shown is what has to do with the files named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.cli.main import main

FILES = {
    "pkg/__init__.py": "",
    "pkg/low.py": "import time\n\n\ndef low():\n    time.sleep(3)\n",
    "pkg/mid.py": "from pkg.low import low\n\n\ndef mid():\n    low()\n",
    "pkg/app.py": "from pkg.mid import mid\n\n\nasync def handler():\n    mid()\n",
    "pkg/other.py": "import time\n\n\nasync def other():\n    time.sleep(2)  # auditor: ignore\n",
    "pkg/broken.py": "def (\n",
}


@pytest.fixture
def program(project: Path) -> Path:
    for name, text in FILES.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    return project


def shown(*paths: str) -> tuple[int, list[str], int, int]:
    code = main(["check", "--no-cache", "-q", "-o", "json:.git/out.json", "--focus", *paths])
    report = json.loads(Path(".git/out.json").read_text())
    files = [finding["path"] for finding in report["findings"]]
    return code, files, report["summary"]["hidden"], len(report["not_analysed"]) + len(report["notices"])


@pytest.mark.parametrize("path", ["pkg/low.py", "pkg/mid.py", "pkg/app.py", "./pkg/../pkg/app.py"])
def test_any_step_in_the_file(program: Path, path: str) -> None:
    assert shown(path) == (1, ["pkg/low.py"], 1, 0)


def test_what_has_nothing_to_do_with_it(program: Path) -> None:
    assert shown("pkg/__init__.py") == (0, [], 2, 0)
    assert shown("pkg/other.py") == (1, ["pkg/other.py"], 1, 1)
    assert shown("pkg/broken.py") == (0, [], 2, 1)


def test_directories_and_links(program: Path) -> None:
    assert shown("pkg") == (1, ["pkg/low.py", "pkg/other.py"], 0, 2)
    assert shown() == (1, ["pkg/low.py", "pkg/other.py"], 0, 2)
    (program / "stub.pyi").write_text("")
    assert shown("stub.pyi")[0] == 0
    (program / "link").symlink_to("pkg/app.py")
    assert shown("link") == (1, ["pkg/low.py"], 1, 0)


def test_a_missing_path(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-q", "--focus", "pkg/app.py", "gone.py"]) == 2
    assert capsys.readouterr().err == "auditor: no such file or directory: gone.py\n"
