"""Where the data lies, in a checkout and once installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditor import resources


def package(root: Path, *directories: str) -> str:
    for directory in ("auditor", *directories):
        (root / directory).mkdir(parents=True)
    return str(root / "auditor")


def test_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", package(tmp_path, "rules", "fixtures/engine"))
    assert resources.rules_dir() == tmp_path / "rules"
    assert resources.catalog_dir() == tmp_path / "rules" / "catalog"
    assert resources.frameworks_dir() == tmp_path / "rules" / "frameworks"
    assert resources.engine_dir() == tmp_path / "fixtures" / "engine"


def test_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `rules` directory that happens to lie in site-packages is not ours."""
    monkeypatch.setattr(resources, "_PACKAGE", package(tmp_path, "auditor/_rules", "rules"))
    assert resources.rules_dir() == tmp_path / "auditor" / "_rules"
    assert resources.engine_dir() is None


def test_broken_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", package(tmp_path))
    with pytest.raises(FileNotFoundError, match="rules is missing from this installation: reinstall"):
        resources.rules_dir()


def test_the_package_is_found_through_links() -> None:
    package = resources._PACKAGE
    assert package == os.path.realpath(package)
    assert resources.rules_dir().is_dir()


def test_rule_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", package(tmp_path, "rules/catalog"))
    for name in ("LOOP302-blocking-http.md", "LOOP301-blocking-sleep.md", "notes.md", "LOOP1-x.txt"):
        (tmp_path / "rules" / name).touch()
    assert resources.rule_files() == {"LOOP301": "blocking-sleep", "LOOP302": "blocking-http"}


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"AUDITOR_CACHE_DIR": "/x/y", "XDG_CACHE_HOME": "/c"}, "/x/y"),
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/auditor"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/h/.cache/auditor"),
        ("linux", {}, "/h/.cache/auditor"),
        ("darwin", {}, "/h/Library/Caches/auditor"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/auditor/Cache"),
        ("win32", {}, "/h/AppData/Local/auditor/Cache"),
    ],
)
def test_cache_dir(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("AUDITOR_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/h", "USERPROFILE": "/h", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(resources.sys, "platform", platform)
    assert resources.cache_dir() == expected
