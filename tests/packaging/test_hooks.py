"""The hooks, run by pre-commit and by prek in a repository of their own, from a clone of this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HELPER = "import time\n\n\ndef wait():\n    time.sleep(3)\n"
BLOCKING = "from helper import wait\n\n\nasync def handler():\n    wait()\n"
HARMLESS = (
    "import asyncio\n\nfrom helper import wait\n\n\nasync def handler():\n    await asyncio.to_thread(wait)\n"
)
CONFIG = """\
repos:
  - repo: {hooks}
    rev: {revision}
    hooks:
      - id: {hook}
        verbose: true
"""


def git(directory: Path, *arguments: str) -> str:
    command = [
        "git",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "protocol.file.allow=always",
        *arguments,
    ]
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(directory: Path) -> str:
    git(directory, "add", "-A")
    git(directory, "commit", "-qm", "x", "--no-verify")
    return git(directory, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def hooks(repository_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with what is checked out here, and its revision."""
    target = tmp_path_factory.mktemp("hooks")
    listing = git(repository_root, "ls-files", "-co", "--exclude-standard", "-z")
    for name in filter(None, listing.split("\0")):
        source, copy = repository_root / name, target / name
        if source.is_symlink() or source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    git(target, "init", "-q", "-b", "main")
    return target, commit(target)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(params=["pre-commit", "prek"])
def runner(request: pytest.FixtureRequest) -> str:
    path = Path(sys.executable).parent / request.param
    if not path.is_file():
        pytest.skip(f"{request.param} is not installed")
    return str(path)


class Repository:
    """A project that uses one of the hooks."""

    def __init__(self, path: Path, runner: str, home: Path, hooks: tuple[Path, str], hook: str) -> None:
        self.path = path
        self.runner = runner
        self.environment = {
            name: v for name, v in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))
        }
        self.environment |= {
            "PRE_COMMIT_HOME": str(home / "pre-commit"),
            "PREK_HOME": str(home / "prek"),
            "SKIP": "",
            "PRE_COMMIT_COLOR": "never",
        }
        git(path, "init", "-q", "-b", "main")
        config = CONFIG.format(hooks=hooks[0], revision=hooks[1], hook=hook)
        (path / ".pre-commit-config.yaml").write_text(config)
        (path / "helper.py").write_text(HELPER)
        (path / "app.py").write_text(HARMLESS)
        commit(path)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Stage everything and run the hook on what is staged."""
        git(self.path, "add", "-A")
        done = subprocess.run(
            [self.runner, "run", *arguments],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        return done.returncode, done.stdout + done.stderr


def test_the_whole_program(tmp_path: Path, runner: str, home: Path, hooks: tuple[Path, str]) -> None:
    repository = Repository(tmp_path, runner, home, hooks, "auditor")
    code, output = repository.run("--all-files")
    assert code == 0, output
    (tmp_path / "app.py").write_text(BLOCKING)
    code, output = repository.run()
    assert code == 1, output
    assert "helper.py:5:5: LOOP301 HIGH" in output
    # the fault stays where it is when another file changes
    commit(tmp_path)
    (tmp_path / "other.py").write_text("x = 1\n")
    assert repository.run()[0] == 1
    # and nothing runs where no source changes
    commit(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    assert repository.run()[0] == 0


def test_changed_files_only(tmp_path: Path, runner: str, home: Path, hooks: tuple[Path, str]) -> None:
    repository = Repository(tmp_path, runner, home, hooks, "auditor-changed")
    code, output = repository.run("--all-files")
    assert code == 0, output
    # the new handler is in this commit, the helper's fault is not
    (tmp_path / "app.py").write_text(BLOCKING)
    code, output = repository.run()
    assert code == 1, output
    assert "helper.py:5:5: LOOP301 HIGH" in output
    # another file has nothing to do with it
    commit(tmp_path)
    (tmp_path / "other.py").write_text("x = 1\n")
    code, output = repository.run()
    assert code == 0, output
    assert "1 hidden" in output
    # the helper has
    (tmp_path / "helper.py").write_text(HELPER + "\n\nX = 1\n")
    assert repository.run()[0] == 1
