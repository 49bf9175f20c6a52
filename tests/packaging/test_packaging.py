"""What is built and installed: the right files, the right names, and a tool that runs from anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

INTRUDERS = ("rules", "reports", "fixtures", "tests")
"""Directories of the checkout that must never become importable."""

FORBIDDEN_PARTS = {"__pycache__", ".venv", ".venvs", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
TROUBLE = """
import time

async def handler():
    pause()

def pause():
    time.sleep(3)
"""


@pytest.fixture(scope="module")
def built(repository_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(out), str(repository_root))
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    (path,) = built.glob("*.tar.gz")
    return path


def run(*command: str, cwd: Path | None = None, code: int = 0) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install(directory: Path, repository_root: Path, *what: str) -> Path:
    """A fresh environment with ``what`` installed; returns its directory of executables."""
    venv.create(directory, with_pip=True)
    binaries = directory / ("Scripts" if os.name == "nt" else "bin")
    constraints = str(repository_root / "constraints.txt")
    run(str(binaries / "python"), "-m", "pip", "install", "--quiet", "--constraint", constraints, *what)
    return binaries


def check_installation(binaries: Path, tmp_path: Path) -> None:
    """Both commands run from an empty directory, see the data, find trouble, and nothing else is importable."""
    here = tmp_path / "project"
    here.mkdir()
    (here / "app.py").write_text(TROUBLE)
    for command in ("auditor", "loop-auditor"):
        assert run(str(binaries / command), "--version", cwd=here).startswith("auditor ")
    assert "LOOP301" in run(str(binaries / "auditor"), "rule", cwd=here)
    cache = str(tmp_path / "cache")
    out = run(
        str(binaries / "auditor"), "check", "-o", "json", "--cache-dir", cache, "app.py", cwd=here, code=1
    )
    assert [(found["code"], found["line"]) for found in json.loads(out)["findings"]] == [("LOOP301", 8)]
    script = f"""
import importlib.util
print([name for name in {INTRUDERS} if importlib.util.find_spec(name)])
"""
    assert run(str(binaries / "python"), "-P", "-c", script, cwd=here).strip() == "[]"


def test_wheel(wheel: Path, repository_root: Path, tmp_path: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"auditor"}
    assert not [name for name in names if FORBIDDEN_PARTS & set(name.split("/"))]
    assert {"auditor/py.typed", "auditor/annotations.pyi"} <= set(names)
    data = {
        path.relative_to(repository_root / "rules").as_posix()
        for path in (repository_root / "rules").rglob("*")
        if path.suffix in {".md", ".toml"}
    }
    assert data
    assert data <= {name.removeprefix("auditor/_rules/") for name in names}
    check_installation(install(tmp_path / "venv", repository_root, str(wheel)), tmp_path)


def test_wheel_of_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
        archive.extractall(tmp_path, filter="data")
    assert not [name for name in names if FORBIDDEN_PARTS & set(name.split("/"))]
    assert {"pyproject.toml", "README.md", "LICENSE", "constraints.txt", "Makefile"} <= set(names)
    assert {name.split("/")[0] for name in names if "/" in name} <= {
        "auditor",
        "rules",
        "fixtures",
        "reports",
        "tests",
    }
    (source,) = tmp_path.iterdir()
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "again"), str(source))
    (again,) = (tmp_path / "again").glob("*.whl")
    contents = [
        {
            info.filename: info.CRC
            for info in zipfile.ZipFile(path).infolist()
            if ".dist-info/" not in info.filename
        }
        for path in (wheel, again)
    ]
    assert contents[0] == contents[1]


def test_editable(repository_root: Path, tmp_path: Path) -> None:
    binaries = install(tmp_path / "venv", repository_root, "--editable", str(repository_root))
    check_installation(binaries, tmp_path)
    (link,) = (tmp_path / "venv").rglob("*loop_auditor*.pth")
    assert [Path(line) for line in link.read_text().split()] == [repository_root / ".dev"]
    assert os.listdir(repository_root / ".dev") == ["auditor"]
