"""What matters in one directory: sources, files that tell what kind of directory it is, and what is below."""

from __future__ import annotations

import os

SUFFIXES = (".py", ".pyw", ".ipynb")
"""Names that are analysed without being named on the command line."""

PACKAGE_FILE = "__init__.py"
PROJECT_FILES = frozenset({"auditor.toml", "pyproject.toml", "setup.py", "setup.cfg"})
ENVIRONMENT_FILE = "pyvenv.cfg"
TELLING_FILES = PROJECT_FILES | {ENVIRONMENT_FILE}
IGNORE_FILE = ".gitignore"


class Scan:
    """The names that matter, by what they are."""

    __slots__ = ("directories", "has_ignores", "links", "names", "odd")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.directories: list[str] = []
        self.links: list[str] = []
        self.odd: list[str] = []
        """Sources, listed under ``names`` too, that are no regular files."""

        self.has_ignores = False

    def summary(self) -> bytes:
        """Equal for equal contents, whatever the order of the entries."""
        parts = [sorted(self.names), sorted(self.directories), sorted(self.links), sorted(self.odd)]
        return os.fsencode(f"{self.has_ignores}{parts}")


def scan(directory: str) -> Scan:
    """Look at a directory; raises `OSError`."""
    found = Scan()
    with os.scandir(directory) as entries:
        for entry in entries:
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
