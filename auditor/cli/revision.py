"""``--since REV``: what the exposures were where this branch left another, analysed as a whole outside the checkout.

The files of that commit are read as objects of the repository, so nothing of the checkout, the index or the list of
worktrees changes, and no hook or filter runs.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.cache import inputs
from auditor.cli.errors import UsageError
from auditor.directories import SUFFIXES, TELLING_FILES

if TYPE_CHECKING:
    from auditor.cli.gate import Diagnose
    from auditor.config import Config
    from auditor.verdict.baseline import Entry

_NEEDED = TELLING_FILES
_BLOBS = frozenset({b"100644", b"100755", b"100664"})


def exposures(revision: str, paths: Sequence[str], config: Config, diagnose: Diagnose) -> list[Entry]:
    """The exposures below ``paths`` in the common ancestor of ``revision`` and what is checked out.

    ``diagnose`` asks another tool about the files there.
    """
    top = _top(config.root)
    commit = merge_base(top, revision)
    with tempfile.TemporaryDirectory(prefix="auditor-since-") as directory:
        copy = os.path.realpath(directory)
        _extract(top, commit, copy)
        os.mkdir(os.path.join(copy, ".git"))  # names of modules begin at the top of a repository
        with inputs.Paused():  # a commit never changes
            return _present(_Mapping(top, copy), paths, config, diagnose)


class _Mapping:
    """From paths of the checkout to those of the copy."""

    def __init__(self, top: str, copy: str) -> None:
        self._top = top
        self._copy = copy

    def __call__(self, path: str) -> str | None:
        """The counterpart; None for what lies outside the repository."""
        absolute = os.path.join(
            os.path.realpath(os.path.dirname(os.path.abspath(path))), os.path.basename(path)
        )
        absolute = os.path.normpath(os.path.realpath(path) if os.path.isdir(path) else absolute)
        if absolute != self._top and not absolute.startswith(os.path.join(self._top, "")):
            return None
        return os.path.normpath(os.path.join(self._copy, os.path.relpath(absolute, self._top)))


def _present(mapped: _Mapping, paths: Sequence[str], config: Config, diagnose: Diagnose) -> list[Entry]:
    from auditor.audit import full_audit
    from auditor.verdict.baseline import Baseline

    there = [path for path in map(mapped, paths) if path is not None and os.path.lexists(path)]
    root = mapped(config.root)
    if not there or root is None:
        return []
    sources = tuple(path for path in map(mapped, config.src) if path is not None and os.path.isdir(path))
    settings = replace(config, root=root, src=sources, baseline="", overlay=(), cache=False)
    here = mapped(os.getcwd())
    with contextlib.ExitStack() as stack:
        if here is not None:  # paths tell tests from other code, and are shown from the working directory
            os.makedirs(here, exist_ok=True)
            stack.enter_context(contextlib.chdir(here))
        told = diagnose(there, settings)
        return full_audit(there, settings, known=Baseline(""), diagnostics=told, fixes=False).present


def merge_base(top: str, revision: str) -> str:
    """The commit where the checked out branch left ``revision``."""
    commit = _known(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise UsageError(f"--since {revision}: git knows no such revision; fetch it first, or mend its name")
    base = _known(top, "merge-base", "HEAD", os.fsdecode(commit).strip())
    if base is None:
        raise UsageError(
            f"--since {revision}: it has no common ancestor with HEAD here; "
            "in CI fetch the whole history (fetch-depth: 0)"
        )
    return os.fsdecode(base).strip()


def _top(directory: str) -> str:
    top = _known(directory, "rev-parse", "--show-toplevel")
    if top is None:
        raise UsageError(f"--since: {directory} is in no git repository, or git is not installed")
    return os.path.realpath(os.fsdecode(top).rstrip("\r\n"))


def _extract(top: str, commit: str, directory: str) -> None:
    """Write the sources of a commit, and the files by which projects are known, below ``directory``."""
    listing = _git(top, "ls-tree", "-r", "-z", "--full-tree", commit)
    if listing is None:
        raise UsageError(f"--since: git cannot list the files of {commit}")
    wanted = list(_wanted(listing))
    names = b"".join(name + b"\n" for name, _ in wanted)
    contents = _git(top, "cat-file", "--batch", given=names) if wanted else b""
    if contents is None:
        raise UsageError(f"--since: git cannot read the files of {commit}")
    position = 0
    for name, path in wanted:
        end = contents.index(b"\n", position)
        header = contents[position:end].split()
        if len(header) != 3 or header[0] != name:
            raise UsageError(f"--since: git has no file {path} of {commit}; fetch it first")
        size = int(header[2])
        target = os.path.join(directory, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(contents[end + 1 : end + 1 + size])
        position = end + size + 2


def _wanted(listing: bytes) -> Iterator[tuple[bytes, str]]:
    """Object and path of each file that an analysis reads."""
    for record in listing.split(b"\0"):
        facts, _, raw = record.partition(b"\t")
        if facts[:6] not in _BLOBS:
            continue
        path = os.fsdecode(raw)
        parts = path.split("/")
        if any(part in {"", ".", "..", ".git"} for part in parts) or os.path.isabs(path):
            continue  # git refuses to make these, but a repository may hold them
        if path.endswith(SUFFIXES) or parts[-1] in _NEEDED:
            yield facts.split()[2], path


def _known(directory: str, *arguments: str) -> bytes | None:
    """What git says of the state of the repository, on which the result depends."""
    answer = inputs.git(directory, arguments)
    return None if answer is None else answer[0]


def _git(directory: str, *arguments: str, given: bytes = b"") -> bytes | None:
    """What git prints; None where it is missing or refuses. A hook's variables would point it elsewhere."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(("GIT_CONFIG", "GIT_CEILING"))
    }
    command = ["git", "-C", directory, "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            command, env=environment | {"LC_ALL": "C"}, input=given, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout
