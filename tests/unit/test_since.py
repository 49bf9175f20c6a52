"""``--since REV``: exposures that are new since the merge base, both sides analysed whole."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from auditor.cli.main import main

Capture = pytest.CaptureFixture[str]

HELPER = "import time\n\n\ndef slow():\n    time.sleep(3)\n\n\ndef quick():\n    return 1\n"
APP = "from pkg.helper import quick, slow\n\n\nasync def old():\n    slow()\n\n\nasync def fine():\n    quick()\n"


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(message: str) -> str:
    git("add", "-A")
    git("commit", "-qm", message)
    return git("rev-parse", "HEAD")


@pytest.fixture
def repository(project: Path) -> Path:
    (project / ".git").rmdir()
    git("init", "-q", "-b", "main")
    (project / "pkg").mkdir()
    (project / "pkg" / "__init__.py").write_text("")
    (project / "pkg" / "helper.py").write_text(HELPER)
    (project / "pkg" / "app.py").write_text(APP)
    commit("base")
    return project


def new(*options: str) -> list[tuple[str, str]]:
    code = main(["check", "--no-cache", "-q", "-o", "json:.git/out.json", *options])
    report = json.loads(Path(".git/out.json").read_text())
    found = [(f["code"], e["function"]) for f in report["findings"] for e in f["exposures"]]
    assert code == bool(found)
    return found


def test_nothing_new(repository: Path) -> None:
    assert new() == [("LOOP301", "pkg.app.old")]
    assert new("--since", "HEAD") == []


def test_a_new_handler_of_an_old_helper(repository: Path) -> None:
    (repository / "pkg" / "app.py").write_text(APP + "\n\nasync def added():\n    slow()\n")
    assert new("--since", "main") == [("LOOP301", "pkg.app.added")]


def test_an_edited_helper_that_exposes_an_old_handler(repository: Path) -> None:
    (repository / "pkg" / "helper.py").write_text(
        HELPER.replace("return 1", "import os; return os.system('x')")
    )
    assert new("--since", "main") == [("LOOP305", "pkg.app.fine")]


def test_lines_that_move_are_not_new(repository: Path) -> None:
    (repository / "pkg" / "helper.py").write_text("\n\nX = 1\n" + HELPER.replace("3", "3  # seconds"))
    (repository / "pkg" / "app.py").write_text("import os\n" + APP)
    assert new("--since", "main") == []


def test_since_the_merge_base_not_the_tip(repository: Path) -> None:
    git("checkout", "-qb", "feature")
    (repository / "pkg" / "app.py").write_text(APP + "\n\nasync def added():\n    slow()\n")
    commit("feature")
    git("checkout", "-q", "main")
    (repository / "pkg" / "app.py").write_text(APP.replace("    slow()", "    pass"))
    commit("main mends it")
    git("checkout", "-q", "feature")
    assert new("--since", "main") == [("LOOP301", "pkg.app.added")]


def test_from_a_directory_and_for_a_part(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "pkg" / "app.py").write_text(APP + "\n\nasync def added():\n    slow()\n")
    assert new("--since", "main", "pkg") == [("LOOP301", "pkg.app.added")]
    (repository / "fresh").mkdir()
    (repository / "fresh" / "f.py").write_text("import time\n\n\nasync def f():\n    time.sleep(1)\n")
    assert new("--since", "main", "fresh") == [("LOOP301", "fresh.f.f")]
    monkeypatch.chdir(repository / "pkg")
    assert main(["check", "--no-cache", "-q", "-o", "json:../.git/out.json", "--since", "main", "."]) == 1
    report = json.loads((repository / ".git" / "out.json").read_text())
    assert [f["exposures"][0]["path"] for f in report["findings"]] == ["app.py"]
    assert report["summary"]["known"] == 1


def test_settings_and_import_roots_are_the_same_on_both_sides(repository: Path) -> None:
    (repository / "src").mkdir()
    git("mv", "pkg", "src/pkg")
    (repository / "pyproject.toml").write_text("[tool.auditor]\nsrc = ['src']\nselect = ['LOOP301']\n")
    (repository / ".gitignore").write_text("app.py\n")
    git("add", "-f", "-A")
    git("commit", "-qm", "moved")
    assert new("--since", "HEAD") == []
    assert new() == [("LOOP301", "pkg.app.old")]


def test_the_checkout_stays_as_it_is(repository: Path) -> None:
    (repository / "pkg" / "app.py").write_text(APP + "\n# edited\n")
    (repository / "note.txt").write_text("untracked")
    (repository / ".git" / "hooks").mkdir(exist_ok=True)
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    before = (git("status", "--porcelain"), git("worktree", "list"), sorted(os.listdir(repository)))
    assert new("--since", "main") == []
    assert (git("status", "--porcelain"), git("worktree", "list"), sorted(os.listdir(repository))) == before
    assert os.getcwd() == str(repository)


def test_with_a_baseline(repository: Path) -> None:
    assert main(["baseline", "-q"]) == 0
    (repository / "pkg" / "app.py").write_text(APP + "\n\nasync def added():\n    slow()\n")
    assert new("--since", "main", "--baseline", "auditor-baseline.jsonl") == [("LOOP301", "pkg.app.added")]
    report = json.loads(Path(".git/out.json").read_text())
    assert (report["summary"]["baselined"], report["summary"]["known"]) == (1, 0)


def test_odd_file_names(repository: Path) -> None:
    for name in ("with space.py", "ümlaut.py", 'quo"te.py', "new\nline.py"):
        (repository / name).write_text("import time\n\n\nasync def f():\n    time.sleep(1)\n")
    (repository / "link.py").symlink_to("pkg/app.py")
    commit("odd")
    assert new("--since", "HEAD") == []
    assert len(new()) == 5


@pytest.mark.parametrize(
    ("revision", "problem"),
    [
        ("nowhere", "git knows no such revision"),
        ("--output=x", "git knows no such revision"),
        ("HEAD:pkg", "git knows no such revision"),
        ("orphan", "no common ancestor with HEAD"),
    ],
)
def test_revisions_that_do_not_do(repository: Path, capsys: Capture, revision: str, problem: str) -> None:
    tree = git("write-tree")
    git("update-ref", "refs/heads/orphan", git("commit-tree", "-m", "x", tree))
    assert main(["check", "-q", f"--since={revision}"]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


def test_without_a_repository(project: Path, capsys: Capture) -> None:
    (project / "a.py").write_text("")
    assert main(["check", "-q", "--since", "HEAD"]) == 2
    assert "is in no git repository" in capsys.readouterr().err
