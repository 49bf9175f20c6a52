"""The files of a directory without git's help; .gitignore files are honoured all the same."""

from __future__ import annotations

import os
from collections.abc import Callable

from auditor.cache import inputs
from auditor.directories import ENVIRONMENT_FILE, IGNORE_FILE, PACKAGE_FILE, Scan, scan
from auditor.discover.listing import Listing
from auditor.discover.patterns import Patterns

Skip = Callable[[str, str, bool], bool]
"""Whether to leave out a directory, by its path, its name, and whether it is a package."""

_Ignores = tuple[tuple[str, Patterns], ...]
"""Patterns in force, each with the prefix of the paths they are relative to."""


def list_files(directory: str, skip: Skip, *, respect_ignores: bool = True) -> Listing:
    """Walk ``directory``, leaving out what ``skip`` says."""
    listing = Listing()
    stack: list[tuple[str, _Ignores]] = [("", ())]
    while stack:
        prefix, ignores = stack.pop()
        here = os.path.join(directory, prefix) if prefix else directory
        if prefix and skip(prefix[:-1], prefix[:-1].rpartition("/")[2], True):
            continue  # whatever it holds
        try:
            found = scan(here)
        except OSError as error:
            inputs.give_up("a directory cannot be listed")
            listing.unreadable.append((prefix.rstrip("/"), error.strerror or str(error)))
            continue
        inputs.scanned(here, found)
        names = found.names
        if prefix and (
            ENVIRONMENT_FILE in names
            or skip(prefix[:-1], prefix[:-1].rpartition("/")[2], PACKAGE_FILE in names)
        ):
            continue
        if respect_ignores and found.has_ignores:
            ignores = (*ignores, *_read(here, prefix))
        if ignores:
            _drop(found, prefix, ignores)
        if found.names:
            listing.directories[prefix[:-1]] = found.names
        stack += [(f"{prefix}{name}/", ignores) for name in found.directories]
        listing.links.update(prefix + name for name in found.links)
        listing.unsure += [prefix + name for name in found.odd]
    return listing


def _drop(found: Scan, prefix: str, ignores: _Ignores) -> None:
    """Forget what is ignored."""

    def kept(names: list[str], *, are_directories: bool = False) -> list[str]:
        return [name for name in names if not _ignored(prefix + name, ignores, is_directory=are_directories)]

    found.names = kept(found.names)
    found.directories = kept(found.directories, are_directories=True)
    found.links = kept(found.links)
    found.odd = kept(found.odd)


def _read(directory: str, prefix: str) -> _Ignores:
    path = os.path.join(directory, IGNORE_FILE)
    inputs.uses(path)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            patterns = Patterns(file)
    except OSError:
        return ()
    return ((prefix, patterns),) if patterns else ()


def _ignored(path: str, ignores: _Ignores, *, is_directory: bool) -> bool:
    for prefix, patterns in reversed(ignores):
        answer = patterns.matches(path[len(prefix) :], is_directory=is_directory)
        if answer is not None:
            return answer
    return False
