"""Discovery on random trees and patterns: against git, and against its own promises."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.config import Config
from auditor.discover import discover, git
from auditor.discover.patterns import Patterns

NAMES = st.sampled_from(["a", "b", "ab", "src", "x-y", "build", "__init__"])
DIRECTORIES = st.sampled_from(["a", "b", "ab", "src", "x-y", "pkg"])
FILES = st.lists(
    st.builds(
        lambda directories, name: "/".join([*directories, f"{name}.py"]),
        st.lists(DIRECTORIES, max_size=3),
        NAMES,
    ),
    min_size=1,
    max_size=12,
    unique=True,
)
PIECES = st.sampled_from(
    ["a", "b", "*", "**", "?", "/", "ab", ".py", "[ab]", "[!a]", "src", "x-y", "\\a", "!", "#"]
)
ODD = re.compile(r"[^/!]\*\*|\*\*[^/]")
"""Two stars beside anything but a slash: git's own answer depends on what stands before them."""
LINES = st.lists(PIECES, min_size=1, max_size=4).map("".join).filter(lambda line: not ODD.search(line))
IGNORES = st.lists(LINES, max_size=4)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lay_out(root: Path, files: list[str]) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@QUICK
@given(files=FILES, ignores=IGNORES, inner=IGNORES)
def test_walking_lists_what_git_lists(files: list[str], ignores: list[str], inner: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name))
        lay_out(root, files)
        (root / ".gitignore").write_text("\n".join(ignores))
        (root / "a").mkdir(exist_ok=True)
        (root / "a" / ".gitignore").write_text("\n".join(inner))
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        config = Config(root=str(root))
        by_git = discover([str(root)], config)
        listed = git.list_files(str(root))
        assert listed is not None
        if not len(listed):
            return  # everything is ignored: then a directory that was named is walked regardless
        real, git.list_files = git.list_files, lambda directory: None
        try:
            by_walking = discover([str(root)], config)
        finally:
            git.list_files = real
        assert by_walking == by_git


@QUICK
@given(
    files=FILES,
    marks=st.lists(st.sampled_from(["pyproject.toml", "a/setup.py", "b/a/setup.cfg"]), max_size=3),
)
def test_names_are_unique_in_a_root_and_stable(files: list[str], marks: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name))
        (root / ".git").mkdir()
        lay_out(root, [*files, *marks])
        config = Config(root=str(root))
        found = discover([str(root)], config)
        paths = {}
        for file in found.files:
            home = found.roots[file.root].path
            assert file.path_abs.startswith(home + os.sep)
            relative = file.path_abs.removeprefix(home + os.sep).removesuffix(".py").replace(os.sep, ".")
            assert file.module in {relative, relative.removesuffix(".__init__")}
            assert file.loose <= file.module.count(".") + 1
            key = (home, file.module, file.is_package)
            assert key not in paths
            paths[key] = file.path_abs
            (alone,) = discover([file.path_abs], config).files
            assert (alone.module, alone.loose) == (file.module, file.loose)


@given(st.lists(st.text(max_size=12), max_size=5), st.text(max_size=12))
def test_any_text_is_a_pattern(lines: list[str], path: str) -> None:
    patterns = Patterns(lines)
    assert patterns.matches(path) in {None, True, False}
    assert isinstance(patterns.covers(path), bool)
