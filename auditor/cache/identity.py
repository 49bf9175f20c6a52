"""Who computes: auditor's own sources and data, and the Python that runs them."""

from __future__ import annotations

import os
import sys

from auditor import __version__, resources
from auditor.digests import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.cache.store import Cache

FOLDER = "identity"
KEPT = 10
_NO_SOURCES = frozenset({"__pycache__", "_engine", "loadtest"})


def program(cache: Cache) -> bytes:
    """The digest of auditor's own files as they are installed or checked out: any edit of them changes it.

    They are read once; from then on their names, sizes, times and inodes stand for them.
    """
    found = sorted(_files())
    seen = digest(repr(found).encode("utf-8", "surrogatepass"))
    name = os.path.join(FOLDER, seen.hex())
    known = cache.load(name)
    if isinstance(known, bytes):
        return known
    total = digest(repr((__version__, list(map(_content, found)))).encode("utf-8", "surrogatepass"))
    if cache.save(name, total):
        cache.prune(FOLDER, KEPT)
    return total


def _files() -> Iterator[tuple[str, str, int, int, int]]:
    """Place, path, size, time and inode of each file."""
    for number, place in enumerate(resources.own_places()):
        pending = [place]
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        if entry.name not in _NO_SOURCES:
                            pending.append(entry.path)
                    else:
                        x = entry.stat()
                        name = f"{number}{entry.path.removeprefix(place)}"
                        yield name, entry.path, x.st_size, x.st_mtime_ns, x.st_ino


def _content(file: tuple[str, str, int, int, int]) -> tuple[str, bytes]:
    name, path, *_ = file
    with open(path, "rb") as opened:
        return name, digest(opened.read())


def grammar() -> tuple[str, ...]:
    """What of the interpreter decides how sources are read."""
    return sys.version, str(sys.implementation.cache_tag), sys.byteorder, str(sys.flags.optimize)


def python() -> tuple[str, ...]:
    """The same, and what decides which libraries are found."""
    return *grammar(), sys.prefix, *sys.path
