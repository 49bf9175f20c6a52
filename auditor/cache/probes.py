"""Questions about the world outside that can be asked again: a result holds as long as the answers are the same."""

from __future__ import annotations

import os
import stat

from auditor import directories, gitrun
from auditor.digests import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

Question = tuple[str, ...]
"""The name of a probe, and its arguments."""

Answer = object
"""Of plain types, equal for equal answers."""

_SUFFIXES = tuple(map(os.fsencode, directories.SUFFIXES))
_TELLING = frozenset(map(os.fsencode, directories.TELLING_FILES))
_OTHERS = (b"120", b"160")
"""How the modes of links and submodules begin, as git shows them."""

_METADATA = (".dist-info", ".egg-info", ".egg-link", ".pth")


def ask(question: Question) -> Answer:
    """The present answer."""
    return _PROBES[question[0]](*question[1:])


def holds(question: Question, answer: Answer) -> bool:
    """Whether an answer still means the same."""
    if question[0] != "git":
        return ask(question) == answer
    output = gitrun.run(question[1], question[2:])
    if output is None or not isinstance(answer, tuple):
        return output is answer
    return bool(answer[0] == _whole(output) or (answer[1] and answer[1] == _sources_listed(output)))


def _kind(path: str) -> int:
    try:
        return stat.S_IFMT(os.lstat(path).st_mode)
    except OSError:
        return 0


def _leads(path: str) -> Answer:
    """Where a path leads, and to what kind of thing."""
    try:
        mode = stat.S_IFMT(os.stat(path).st_mode)
    except OSError:
        mode = 0
    return os.path.realpath(path), mode


def _sources(directory: str) -> bool:
    try:
        return any(name.endswith(directories.SUFFIXES) for name in os.listdir(directory))
    except OSError:
        return False


def _glob(pattern: str) -> Answer:
    from glob import glob

    return tuple(sorted(glob(pattern, recursive=True)))


def _git(directory: str, *arguments: str) -> Answer:
    return git_answer(arguments, gitrun.run(directory, arguments))


def git_answer(arguments: tuple[str, ...], output: tuple[bytes, str] | None) -> Answer:
    """What is kept of git's output: a digest of all, and where it lists files, one of what matters."""
    if output is None:
        return None
    return _whole(output), _sources_listed(output) if arguments[0] == "ls-files" else b""


def _whole(output: tuple[bytes, str]) -> bytes:
    return digest(output[0] + b"\0" + os.fsencode(output[1]))


def _sources_listed(output: tuple[bytes, str]) -> bytes:
    """Without files that no audit looks at, and without names of objects, which change when files are staged."""
    kept = []
    for record in output[0].split(b"\0"):
        if record.startswith(b"? "):
            facts, path = b"?", record[2:]
        else:
            facts, _, path = record.partition(b"\t")
        name = path.rpartition(b"/")[2]
        is_plain = facts[2:5] == b"100" or b"." in name  # what has no suffix may be a link to a directory
        if not is_plain or name.endswith(_SUFFIXES) or name in _TELLING or facts[2:5] in _OTHERS:
            kept.append(facts[:8] + path)
    return digest(b"\0".join([*kept, os.fsencode(output[1])]))


def _tree(directory: str) -> Answer:
    """Names, sizes and times of all files below a directory, but for compiled ones."""
    found = []
    pending = [directory]
    while pending:
        path = pending.pop()
        try:
            entries = list(os.scandir(path))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    pending.append(entry.path)
            else:
                try:
                    status = entry.stat()
                except OSError:
                    continue
                found.append((entry.path, status.st_size, status.st_mtime_ns))
    return digest(repr(sorted(found)).encode("utf-8", "surrogatepass"))


_PROBES: dict[str, Callable[..., Answer]] = {
    "exists": os.path.lexists,
    "is-file": os.path.isfile,
    "is-directory": os.path.isdir,
    "kind": _kind,
    "leads": _leads,
    "sources": _sources,
    "glob": _glob,
    "git": _git,
    "tree": _tree,
}


SOURCES, DISTRIBUTIONS = "sources", "distributions"
"""What a listing of a directory is taken for."""


def listing(kind: str, path: str) -> bytes:
    """The digest of what matters in a directory; of nothing where it cannot be listed."""
    try:
        if kind == SOURCES:
            return digest(directories.scan(path).summary())
        with os.scandir(path) as entries:
            found = [
                (entry.name, entry.stat().st_mtime_ns) for entry in entries if entry.name.endswith(_METADATA)
            ]
    except OSError:
        return b""
    return digest(repr(sorted(found)).encode("utf-8", "surrogatepass"))
