"""The files of a directory without git's help; .gitignore files are honoured all the same."""

from __future__ import annotations

import os
from collections.abc import Callable

from auditor.discover.listing import ENVIRONMENT_FILE, PACKAGE_FILE, SUFFIXES, TELLING_FILES, Listing
from auditor.discover.patterns import Patterns

IGNORE_FILE = ".gitignore"
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
        try:
            found = _scan(here)
        except OSError as error:
            listing.unreadable.append((prefix.rstrip("/"), error.strerror or str(error)))
            continue
        names = found.names
        if prefix and (
            ENVIRONMENT_FILE in names
            or skip(prefix[:-1], prefix[:-1].rpartition("/")[2], PACKAGE_FILE in names)
        ):
            continue
        if respect_ignores and found.has_ignores:
            ignores = (*ignores, *_read(here, prefix))
        if ignores:
            found.drop(prefix, ignores)
        if found.names:
            listing.directories[prefix[:-1]] = found.names
        stack += [(f"{prefix}{name}/", ignores) for name in found.directories]
        listing.links.update(prefix + name for name in found.links)
        listing.unsure += [prefix + name for name in found.odd]
    return listing


class _Scan:
    """What matters in one directory."""

    __slots__ = ("directories", "has_ignores", "links", "names", "odd")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.directories: list[str] = []
        self.links: list[str] = []
        self.odd: list[str] = []
        """Sources, listed under ``names`` too, that are no regular files."""

        self.has_ignores = False

    def drop(self, prefix: str, ignores: _Ignores) -> None:
        """Forget what is ignored."""

        def kept(names: list[str], *, are_directories: bool = False) -> list[str]:
            return [
                name for name in names if not _ignored(prefix + name, ignores, is_directory=are_directories)
            ]

        self.names = kept(self.names)
        self.directories = kept(self.directories, are_directories=True)
        self.links = kept(self.links)
        self.odd = kept(self.odd)


def _scan(directory: str) -> _Scan:
    found = _Scan()
    with os.scandir(directory) as scan:
        for entry in scan:
            name = entry.name
            if name.endswith(SUFFIXES) or name in TELLING_FILES:
                if entry.is_file(follow_symlinks=False):
                    found.names.append(name)
                    continue
                if not entry.is_symlink() and not entry.is_dir(follow_symlinks=False):
                    found.names.append(name)
                    found.odd.append(name)
                    continue
            if entry.is_dir(follow_symlinks=False):
                found.directories.append(name)
            elif entry.is_symlink():
                found.links.append(name)
            elif name == IGNORE_FILE:
                found.has_ignores = True
    return found


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
