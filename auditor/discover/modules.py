"""Where absolute imports start, and the dotted name of every directory.

A *root* is a directory that imports start from: a project (it holds pyproject.toml, setup.py, ...), its
``src``, a directory that the settings name, site-packages, or the top of a repository. Below a root every directory
is part of the dotted name, whether it holds ``__init__.py`` or not; a directory whose name is no identifier cannot
be, so it starts anew as a root.

That choice is made from the files alone and does not depend on what was named on the command line, so a module keeps
its name from run to run. Two facts let the linker follow imports that assume another start of the path, as programs
started from a sub-directory do: how many leading parts of a name are directories without ``__init__.py``, and by
which name the root itself is reached from the root around it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from auditor.cache import inputs
from auditor.directories import PACKAGE_FILE, PROJECT_FILES

_LIBRARIES = frozenset({"site-packages", "dist-packages"})


class Root(NamedTuple):
    """A directory that absolute imports start from; ``prefix`` is its own dotted name in the root around it."""

    path: str
    prefix: str


class Place(NamedTuple):
    """What the modules of a directory are called."""

    root: int
    dotted: str
    """Dotted name of the directory, ``""`` for a root."""

    loose: int
    """How many leading parts of ``dotted`` are directories without ``__init__.py``."""

    is_package: bool


class Namer:
    """Names directories, each once. ``names_in`` tells what lies in a directory of the audit, None for others."""

    def __init__(self, tops: Iterable[str], names_in: Callable[[str], list[str] | None]) -> None:
        self.roots: list[Root] = []
        self._tops = frozenset(tops)
        self._names_in = names_in
        self._places: dict[str, Place] = {}
        self._marks: dict[str, tuple[bool, bool]] = {}

    def place(self, directory: str) -> Place:
        """The place of an absolute directory."""
        found = self._places.get(directory)
        if found is None:
            found = self._places[directory] = self._find(directory)
        return found

    def start_below(self, directory: str) -> None:
        """Settle the root that holds a directory given on the command line."""
        top = directory
        while not self._is_top(top):
            parent = os.path.dirname(top)
            if parent == top:
                top = self._outside_packages(directory)
                break
            top = parent
        if top in self._places:
            return
        if any(top.startswith(os.path.join(known, "")) for known in self._places):
            self.place(top)
        else:
            self._places[top] = self._new_root(top, "")

    def _find(self, directory: str) -> Place:
        is_package = self._kind(directory)[0]
        parent_path, name = os.path.split(directory)
        parent = self.place(parent_path)
        dotted = f"{parent.dotted}.{name}" if parent.dotted else name
        if not name.isidentifier() or directory in self._tops or name in _LIBRARIES:
            return self._new_root(directory, dotted if dotted.replace(".", "_").isidentifier() else "")
        if self._is_project(directory) or (name == "src" and not is_package and not parent.dotted):
            return self._new_root(directory, dotted)
        if is_package or parent.is_package:
            return Place(parent.root, dotted, parent.loose, True)
        return Place(parent.root, dotted, parent.loose + 1, False)

    def _is_project(self, directory: str) -> bool:
        """Whether imports of a project start here; a package that only brings its own setup.py is none."""
        is_package, has_mark = self._kind(directory)
        if not has_mark or not is_package:
            return has_mark
        return not self._has(directory, "setup.py") and not self._kind(os.path.dirname(directory))[0]

    def _is_top(self, directory: str) -> bool:
        return (
            directory in self._tops
            or os.path.basename(directory) in _LIBRARIES
            or self._is_project(directory)
            or inputs.exists(os.path.join(directory, ".git"))
        )

    def _outside_packages(self, directory: str) -> str:
        while self._kind(directory)[0]:
            parent = os.path.dirname(directory)
            if parent == directory:
                break
            directory = parent
        return directory

    def _new_root(self, directory: str, prefix: str) -> Place:
        self.roots.append(Root(directory, prefix))
        return Place(len(self.roots) - 1, "", 0, False)

    def _kind(self, directory: str) -> tuple[bool, bool]:
        """Whether it is a package, and whether it holds a project's file."""
        found = self._marks.get(directory)
        if found is None:
            is_package = self._has(directory, PACKAGE_FILE)
            has_mark = any(self._has(directory, name) for name in PROJECT_FILES)
            found = self._marks[directory] = (is_package, has_mark)
        return found

    def _has(self, directory: str, name: str) -> bool:
        names = self._names_in(directory)
        if names is not None:
            return name in names
        return inputs.is_file(os.path.join(directory, name))
