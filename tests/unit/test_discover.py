"""Discovery: which files, under which names, and what is said about the rest."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import gitrun
from auditor.config import Config
from auditor.discover import Discovery, MissingPathError, discover, git
from auditor.model import NotAnalysed

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always")


def run(project: Path, *paths: str, **settings: object) -> Discovery:
    return discover(paths, Config(root=str(project), **settings))  # type: ignore[arg-type]


def shown(found: Discovery) -> list[str]:
    return [file.path_display for file in found.files]


def modules(found: Discovery) -> dict[str, tuple[str, str, int]]:
    """Path to root (relative to the working directory), module and loose parts."""
    here = os.getcwd()
    return {
        file.path_display: (os.path.relpath(found.roots[file.root].path, here), file.module, file.loose)
        for file in found.files
    }


def make(project: Path, *paths: str) -> None:
    for path in paths:
        target = project / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def in_git(directory: Path, *arguments: str) -> None:
    subprocess.run([*GIT, "-C", str(directory), *arguments], check=True, capture_output=True)


@pytest.fixture(params=["git", "walk"])
def tree(request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, listed by git or, without it, by walking."""
    (project / ".git").rmdir()
    in_git(project, "init", "-q")
    if request.param == "walk":
        monkeypatch.setattr(git, "list_files", lambda directory: None)
    return project


def test_sources_and_nothing_else(tree: Path) -> None:
    make(tree, "a.py", "b.pyw", "c.ipynb", "d.pyi", "e.txt", "pyproject.toml", "pkg/__init__.py", "pkg/m.py")
    found = run(tree, ".")
    assert shown(found) == ["a.py", "b.pyw", "c.ipynb", "pkg/__init__.py", "pkg/m.py"]
    assert found.not_analysed == ()
    assert [file.is_package for file in found.files] == [False, False, False, True, False]
    assert found.files[0].path_abs == str(tree / "a.py")


def test_gitignore(tree: Path) -> None:
    make(tree, "a.py", "gen/x.py", "keep/gen_a.py", "keep/gen_b.py", "deep/er/tmp/t.py", "deep/sub/z.py")
    (tree / ".gitignore").write_text("# no\n/gen/\ngen_*.py\n!gen_b.py\ntmp/\n")
    (tree / "deep" / ".gitignore").write_text("sub/*.py\n")
    assert shown(run(tree, ".")) == ["a.py", "keep/gen_b.py"]


def test_an_ignored_directory_that_is_named_is_analysed(tree: Path) -> None:
    make(tree, "a.py", "gen/x.py", "gen/venv/y.py")
    (tree / ".gitignore").write_text("gen/\n*.tmp.py\n")
    assert shown(run(tree, "gen")) == ["gen/x.py"]


def test_default_exclusions(tree: Path) -> None:
    make(tree, "a.py", "venv/b.py", "node_modules/m/c.py", "build/lib/d.py", "tools/build/__init__.py")
    make(tree, "my-env/pyvenv.cfg", "my-env/lib/e.py", "site-packages/f.py", ".tox/g.py")
    assert shown(run(tree, ".")) == ["a.py", "tools/build/__init__.py"]
    assert shown(run(tree, "venv", "build")) == ["build/lib/d.py", "venv/b.py"]
    assert shown(run(tree, "my-env")) == ["my-env/lib/e.py"]


def test_exclude_setting(tree: Path) -> None:
    make(tree, "a.py", "a_pb2.py", "pkg/b_pb2.py", "pkg/migrations/c.py", "docs/d.py", "pkg/docs/e.py")
    exclude = ("*_pb2.py", "migrations/", "/docs")
    assert shown(run(tree, ".", exclude=exclude)) == ["a.py", "pkg/docs/e.py"]
    assert shown(run(tree, "pkg", exclude=exclude)) == ["pkg/docs/e.py"]
    assert shown(run(tree, "a_pb2.py", exclude=exclude)) == ["a_pb2.py"]


def test_paths_are_relative_to_the_working_directory(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tree, "one/a.py", "two/b.py")
    monkeypatch.chdir(tree / "one")
    assert shown(run(tree, ".", "../two")) == ["../two/b.py", "a.py"]


def test_overlapping_paths_give_a_file_once(tree: Path) -> None:
    make(tree, "pkg/__init__.py", "pkg/a.py")
    assert shown(run(tree, ".", "pkg", "pkg/a.py", "./pkg/../pkg/a.py")) == ["pkg/__init__.py", "pkg/a.py"]


def test_explicit_files_of_any_name(tree: Path) -> None:
    make(tree, "bin/run-it", "stubs/x.pyi", "ignored.py")
    (tree / ".gitignore").write_text("ignored.py\n")
    found = run(tree, "bin/run-it", "stubs/x.pyi", "ignored.py")
    assert [(file.path_display, file.module) for file in found.files] == [
        ("bin/run-it", "bin.run-it"),
        ("ignored.py", "ignored"),
        ("stubs/x.pyi", "stubs.x"),
    ]


def test_missing_paths_are_all_named(tree: Path) -> None:
    make(tree, "a.py")
    with pytest.raises(MissingPathError) as caught:
        run(tree, "a.py", "nope", "no/way.py")
    assert caught.value.problems == (
        "no such file or directory: nope",
        "no such file or directory: no/way.py",
    )


def test_links(tree: Path) -> None:
    make(tree, "pkg/a.py", "elsewhere/b.py", "out/c.py")
    (tree / "pkg" / "same.py").symlink_to("a.py")
    (tree / "pkg" / "other.py").symlink_to("../out/c.py")
    (tree / "pkg" / "loop.py").symlink_to("loop.py")
    (tree / "pkg" / "dangling.py").symlink_to("nowhere.py")
    (tree / "pkg" / "up").symlink_to("..")
    (tree / "pkg" / "there").symlink_to("../elsewhere")
    (tree / "pkg" / "notes.txt").symlink_to("gone.txt")
    found = run(tree, "pkg")
    assert shown(found) == ["pkg/a.py", "pkg/other.py"]
    assert found.not_analysed == (
        NotAnalysed(
            "pkg/dangling.py", "is a symbolic link that leads nowhere (nowhere.py); mend or remove it"
        ),
        NotAnalysed("pkg/loop.py", "is a symbolic link that leads in a circle; remove it"),
        NotAnalysed(
            "pkg/there", "is a link to a directory elsewhere, which is not followed; name that one too"
        ),
    )
    assert shown(run(tree, ".")) == ["elsewhere/b.py", "out/c.py", "pkg/a.py"]
    assert shown(run(tree, "pkg/there")) == ["pkg/there/b.py"]


def test_tracked_links_are_links_too(tree: Path) -> None:
    make(tree, "pkg/a.py")
    (tree / "pkg" / "same.py").symlink_to("a.py")
    in_git(tree, "add", ".")
    assert shown(run(tree, ".")) == ["pkg/a.py"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_regular_file(tree: Path) -> None:
    make(tree, "a.py")
    os.mkfifo(tree / "pipe.py")
    assert shown(run(tree, ".")) == ["a.py"]
    assert run(tree, "pipe.py").not_analysed == (
        NotAnalysed("pipe.py", "is no regular file; pass a file or a directory"),
    )


def test_unreadable_directory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(project, "a.py", "locked/b.py")
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).rstrip("/").endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(git, "list_files", lambda directory: None)
    found = run(project, ".")
    assert shown(found) == ["a.py"]
    assert found.not_analysed == (NotAnalysed("locked", "cannot be listed: Permission denied"),)


def test_what_git_cannot_open_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "warning: could not open directory 'it's locked/': Permission denied\n"
    monkeypatch.setattr(gitrun, "run", lambda directory, arguments: (b"? a.py\0", message))
    monkeypatch.setattr(os, "lstat", lambda path, real=os.lstat: real(path))
    make(project, "a.py")
    assert run(project, ".").not_analysed == (
        NotAnalysed("it's locked", "cannot be listed: Permission denied"),
    )


def test_no_repository_and_no_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(project, "a.py")
    monkeypatch.setenv("PATH", "")
    assert shown(run(project, ".")) == ["a.py"]  # git missing
    (project / ".git").rmdir()
    assert shown(run(project, ".")) == ["a.py"]


def test_deleted_submodules_nested_and_worktrees(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (project / ".git").rmdir()
    other = tmp_path_factory.mktemp("other")
    for directory in (project, other):
        in_git(directory, "init", "-q")
    make(other, "s.py")
    in_git(other, "add", ".")
    in_git(other, "commit", "-qm", "s")
    make(project, "a.py", "gone.py", "nested/n.py", "new.py")
    in_git(project / "nested", "init", "-q")
    in_git(project, "submodule", "add", "-q", str(other), "sub")
    in_git(project, "add", "a.py", "gone.py")
    in_git(project, "commit", "-qm", "a")
    (project / "gone.py").unlink()
    in_git(project, "worktree", "add", "-q", "copy")
    assert shown(run(project, ".")) == ["a.py", "nested/n.py", "new.py", "sub/s.py"]
    assert shown(run(project, "copy")) == ["copy/a.py", "copy/gone.py"]


def test_hook_environment_does_not_mislead_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".git").rmdir()
    in_git(project, "init", "-q")
    make(project, "a.py")
    monkeypatch.setenv("GIT_DIR", "elsewhere/.git")
    monkeypatch.setenv("GIT_INDEX_FILE", "elsewhere/index")
    assert shown(run(project, ".")) == ["a.py"]


def test_an_overlay_need_not_exist(project: Path) -> None:
    make(project, "pkg/__init__.py")
    overlay = ((str(project / "pkg" / "new.py"), b""),)
    assert shown(run(project, "pkg/new.py", overlay=overlay)) == ["pkg/new.py"]
    assert shown(run(project, ".", overlay=overlay)) == ["pkg/__init__.py", "pkg/new.py"]


def test_undecodable_names(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    try:
        make(project, name)
    except OSError:
        pytest.skip("the file system takes Unicode only")
    (file,) = run(project, ".").files
    assert os.path.exists(file.path_abs)


# Names


Layout = Callable[[Path], None]

LAYOUTS: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, str, int]]]] = {
    "flat package": (
        ("pyproject.toml", "app/__init__.py", "app/core/__init__.py", "app/core/x.py"),
        {
            "app/__init__.py": (".", "app", 0),
            "app/core/__init__.py": (".", "app.core", 0),
            "app/core/x.py": (".", "app.core.x", 0),
        },
    ),
    "src layout": (
        ("pyproject.toml", "src/app/__init__.py", "src/app/x.py", "src/lone.py", "tests/t.py"),
        {
            "src/app/__init__.py": ("src", "app", 0),
            "src/app/x.py": ("src", "app.x", 0),
            "src/lone.py": ("src", "lone", 0),
            "tests/t.py": (".", "tests.t", 1),
        },
    ),
    "src is a package": (
        ("pyproject.toml", "src/__init__.py", "src/x.py"),
        {"src/__init__.py": (".", "src", 0), "src/x.py": (".", "src.x", 0)},
    ),
    "namespace packages": (
        ("setup.py", "google/cloud/storage/__init__.py", "google/cloud/storage/x.py"),
        {
            "google/cloud/storage/__init__.py": (".", "google.cloud.storage", 2),
            "google/cloud/storage/x.py": (".", "google.cloud.storage.x", 2),
            "setup.py": (".", "setup", 0),
        },
    ),
    "started from a sub-directory": (
        ("backend/app/__init__.py", "backend/app/x.py", "backend/main.py"),
        {
            "backend/app/__init__.py": (".", "backend.app", 1),
            "backend/app/x.py": (".", "backend.app.x", 1),
            "backend/main.py": (".", "backend.main", 1),
        },
    ),
    "a directory without __init__ inside a package": (
        ("app/__init__.py", "app/plugins/x.py"),
        {"app/__init__.py": (".", "app", 0), "app/plugins/x.py": (".", "app.plugins.x", 0)},
    ),
    "several projects": (
        (
            "a/pyproject.toml",
            "a/app/__init__.py",
            "b/setup.cfg",
            "b/app/__init__.py",
            "b/src/other/__init__.py",
            "scripts/do-it.py",
        ),
        {
            "a/app/__init__.py": ("a", "app", 0),
            "b/app/__init__.py": ("b", "app", 0),
            "b/src/other/__init__.py": ("b/src", "other", 0),
            "scripts/do-it.py": (".", "scripts.do-it", 1),
        },
    ),
    "setup.py inside packages": (
        ("setup.py", "np/__init__.py", "np/setup.py", "np/core/__init__.py", "np/core/setup.py"),
        {
            "np/__init__.py": (".", "np", 0),
            "np/core/__init__.py": (".", "np.core", 0),
            "np/core/setup.py": (".", "np.core.setup", 0),
            "np/setup.py": (".", "np.setup", 0),
            "setup.py": (".", "setup", 0),
        },
    ),
    "names that are no identifiers": (
        ("my-service/app/main.py", "my-service/run.py", "2024/report.py"),
        {
            "2024/report.py": ("2024", "report", 0),
            "my-service/app/main.py": ("my-service", "app.main", 1),
            "my-service/run.py": ("my-service", "run", 0),
        },
    ),
    "a package at the very top": (
        ("__init__.py", "pyproject.toml", "sub/__init__.py", "sub/x.py"),
        {
            "__init__.py": (".", "__init__", 0),
            "sub/__init__.py": (".", "sub", 0),
            "sub/x.py": (".", "sub.x", 0),
        },
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names(project: Path, layout: str) -> None:
    paths, expected = LAYOUTS[layout]
    make(project, *paths)
    assert modules(run(project, ".")) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_do_not_depend_on_the_argument(project: Path, layout: str) -> None:
    paths, expected = LAYOUTS[layout]
    make(project, *paths)
    for path, named in expected.items():
        assert modules(run(project, path)) == {path: named}
        directory = os.path.dirname(path)
        if directory:
            assert modules(run(project, directory))[path] == named


def test_a_nested_root_says_how_it_is_reached(project: Path) -> None:
    make(project, "pyproject.toml", "src/app/x.py", "libs/a/pyproject.toml", "libs/a/m.py")
    found = run(project, ".")
    assert {(os.path.relpath(root.path, project), root.prefix) for root in found.roots} == {
        (".", ""),
        ("src", "src"),
        ("libs/a", "libs.a"),
    }


def test_configured_roots(project: Path) -> None:
    make(project, "pyproject.toml", "python/app/x.py", "tools/t.py")
    assert modules(run(project, ".", src=(str(project / "python"),))) == {
        "python/app/x.py": ("python", "app.x", 1),
        "tools/t.py": (".", "tools.t", 1),
    }


def test_without_any_project_packages_are_climbed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".git").rmdir()
    make(project, "ha/__init__.py", "ha/core/__init__.py", "ha/core/x.py")
    assert modules(run(project, "ha/core")) == {
        "ha/core/__init__.py": (".", "ha.core", 0),
        "ha/core/x.py": (".", "ha.core.x", 0),
    }


def test_installed_packages(project: Path) -> None:
    make(project, "pyproject.toml", "v/lib/python3.11/site-packages/requests/__init__.py")
    assert modules(run(project, "v/lib/python3.11/site-packages/requests")) == {
        "v/lib/python3.11/site-packages/requests/__init__.py": (
            "v/lib/python3.11/site-packages",
            "requests",
            0,
        )
    }
