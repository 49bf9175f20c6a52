"""The cache directory: claimed, refused, recognised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditor import cachedir


def test_a_new_directory_is_private_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "a" / "cache"
    assert cachedir.claim(str(path)) is None
    assert (path / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert cachedir.is_ours(str(path))
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o700
    assert cachedir.claim(str(path)) is None


def test_a_process_that_died_in_between(tmp_path: Path) -> None:
    (tmp_path / "CACHEDIR.TAG.0123456789ab").write_text("Sign")
    assert cachedir.claim(str(tmp_path)) is None
    assert cachedir.is_ours(str(tmp_path))


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    problem = f"cache directory {tmp_path} holds files that are not auditor's; name another with --cache-dir"
    assert cachedir.claim(str(tmp_path)) == problem
    assert not cachedir.is_ours(str(tmp_path))
    assert os.listdir(tmp_path) == ["precious"]


@pytest.mark.skipif(os.name != "posix", reason="owners and modes")
def test_what_others_can_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "cache")
    cachedir.claim(path)
    os.chmod(path, 0o770)
    assert (
        cachedir.refusal(path) == f"cache directory {path} can be written by others; run 'chmod go-w' on it"
    )
    os.chmod(path, 0o700)
    monkeypatch.setattr(os, "getuid", lambda: os.stat(path).st_uid + 1)
    problem = f"cache directory {path} belongs to another user; name another with --cache-dir"
    assert cachedir.claim(path) == problem


def test_links_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    link = str(tmp_path / "link")
    assert (
        cachedir.claim(link)
        == f"cache directory {link} is a link or a file; name a directory with --cache-dir"
    )
    file = tmp_path / "file"
    file.touch()
    expected = f"cache directory {file} cannot be used (File exists); name another with --cache-dir"
    assert cachedir.claim(str(file)) == expected
