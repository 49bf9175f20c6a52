"""Who computes: auditor's own sources and data, and the Python that runs them."""

from __future__ import annotations

import os
import sys

from auditor import __version__, resources
from auditor.digests import digest

_NO_SOURCES = frozenset({"__pycache__", "_engine", "loadtest"})


def program() -> bytes:
    """The digest of auditor as it is installed or checked out: any edit of its files changes it.

    Sizes and times stand for the contents; whoever changes a file of a program and sets its time back must remove the
    cache.
    """
    found: list[tuple[str, int, int, int]] = []
    pending = list(resources.own_places())
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    if entry.name not in _NO_SOURCES:
                        pending.append(entry.path)
                else:
                    status = entry.stat()
                    found.append((entry.path, status.st_size, status.st_mtime_ns, status.st_ino))
    found.sort()
    return digest(repr((__version__, found)).encode("utf-8", "surrogatepass"))


def grammar() -> tuple[str, ...]:
    """What of the interpreter decides how sources are read."""
    return sys.version, str(sys.implementation.cache_tag), sys.byteorder, str(sys.flags.optimize)


def python() -> tuple[str, ...]:
    """The same, and what decides which libraries are found."""
    return *grammar(), sys.prefix, *sys.path
