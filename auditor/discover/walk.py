"""The files of a directory without git's help; .gitignore files are honoured all the same."""

from __future__ import annotations

import os
from collections.abc import Callable

from auditor.discover.listing import ENVIRONMENT_FILE, PACKAGE_FILE, SUFFIXES, Listing
from auditor.discover.patterns import Patterns

IGNORE_FILE = ".gitignore"
Skip = Callable[[str, str, bool], bool]
"""Whether to leave out a directory, by its path, its name, and whether it is a package."""

_Ignores = tuple[tuple[str, Patterns], ...]
"""Patterns in force, each with the prefix of the paths they are relative to."""


def list_files(directory: str, skip: Skip, *, respect_ignores: bool = True) -> Listing:
    """Walk ``directory``, leaving out what ``skip`` says."""
    listing = Listing()
    ignores: _Ignores = ()
    stack: list[tuple[str, _Ignores]] = [("", ignores)]
    while stack:
        prefix, ignores = stack.pop()
        here = os.path.join(directory, prefix) if prefix else directory
        try:
            with os.scandir(here) as scan:
                entries = list(scan)
        except OSError as error:
            listing.unreadable.append((prefix.rstrip("/"), error.strerror or str(error)))
            continue
        names = {entry.name for entry in entries}
        if prefix and (
            ENVIRONMENT_FILE in names
            or skip(prefix[:-1], prefix[:-1].rpartition("/")[2], PACKAGE_FILE in names)
        ):
            continue
        if respect_ignores and IGNORE_FILE in names:
            ignores = (*ignores, *_read(here, prefix))
        for entry in entries:
            _visit(entry, prefix, ignores, listing, stack)
    return listing


def _visit(
    entry: os.DirEntry[str],
    prefix: str,
    ignores: _Ignores,
    listing: Listing,
    stack: list[tuple[str, _Ignores]],
) -> None:
    path = prefix + entry.name
    try:
        if entry.is_dir(follow_symlinks=False):
            if not (ignores and _ignored(path, ignores, is_directory=True)):
                stack.append((path + "/", ignores))
        elif ignores and _ignored(path, ignores, is_directory=False):
            pass
        elif entry.is_file(follow_symlinks=False):
            listing.add(path)
        elif entry.is_symlink():
            listing.links.add(path)
        elif entry.name.endswith(SUFFIXES):
            listing.add(path, unsure=True)
    except OSError as error:
        listing.unreadable.append((path, error.strerror or str(error)))


def _read(directory: str, prefix: str) -> _Ignores:
    try:
        with open(os.path.join(directory, IGNORE_FILE), encoding="utf-8", errors="surrogateescape") as file:
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
