"""From paths to files: which files are analysed, what each is called, and which could not be."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from auditor.cache import inputs
from auditor.directories import ENVIRONMENT_FILE, PACKAGE_FILE, SUFFIXES
from auditor.discover import git, walk
from auditor.discover.listing import Listing
from auditor.discover.modules import Namer, Root
from auditor.discover.patterns import Patterns
from auditor.model import NotAnalysed

__all__ = ["Discovered", "Discovery", "MissingPathError", "Patterns", "Root", "Scope", "discover"]

EXCLUDED = frozenset(
    {
        *(
            ".bzr",
            ".direnv",
            ".eggs",
            ".git",
            ".git-rewrite",
            ".hg",
            ".ipynb_checkpoints",
            ".mypy_cache",
            ".nox",
        ),
        *(
            ".pants.d",
            ".pyenv",
            ".pytest_cache",
            ".pytype",
            ".ruff_cache",
            ".svn",
            ".tox",
            ".venv",
            ".vscode",
        ),
        *("__pycache__", "__pypackages__", "node_modules", "site-packages", "venv"),
    }
)
"""Directories that never hold a project's own sources; naming one on the command line overrides this."""

EXCLUDED_UNLESS_PACKAGE = frozenset({"_build", "buck-out", "build", "dist"})
"""Names of build output that now and then are packages."""


class Scope(Protocol):
    """The part of the configuration that discovery reads."""

    @property
    def root(self) -> str: ...
    @property
    def src(self) -> tuple[str, ...]: ...
    @property
    def exclude(self) -> tuple[str, ...]: ...
    @property
    def overlay(self) -> tuple[tuple[str, bytes], ...]: ...


class Discovered(NamedTuple):
    """A file to analyse."""

    path_abs: str
    path_display: str
    """Relative to the working directory, with ``/``."""

    module: str
    """Dotted name below the root; two files of different roots may share it."""

    is_package: bool
    root: int
    """Index into `Discovery.roots`."""

    loose: int
    """How many leading parts of ``module`` are directories without ``__init__.py``: imports may leave them out."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything found, ordered by displayed path."""

    files: tuple[Discovered, ...]
    not_analysed: tuple[NotAnalysed, ...]
    roots: tuple[Root, ...]


class MissingPathError(Exception):
    """Paths were given that do not exist; ``problems`` names each in one line."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.problems = tuple(f"no such file or directory: {path}" for path in paths)
        super().__init__("\n".join(self.problems))


def discover(paths: Sequence[str], config: Scope) -> Discovery:
    """Find the files below ``paths`` (default: the working directory); raises `MissingPathError`.

    A file named outright is always taken; below a directory, sources that git does not ignore and that no exclusion
    covers.
    """
    unsaved = {path for path, _ in config.overlay if not os.path.lexists(path)}
    for path in paths:
        inputs.asks("leads", os.path.abspath(path))
    missing = [path for path in paths if not os.path.lexists(path) and os.path.abspath(path) not in unsaved]
    if missing:
        raise MissingPathError(missing)
    search = _Search(config)
    for path in unsaved:
        search.add_file(path)
    for path in paths or (".",):
        if os.path.abspath(path) not in unsaved:
            search.add(os.path.abspath(path))
    return search.result()


class _Search:
    def __init__(self, config: Scope) -> None:
        self._root = config.root
        self._exclude = Patterns(config.exclude)
        self._tops = config.src
        self._here = os.getcwd()
        self._directories: dict[str, set[str]] = {}
        """Absolute directory to the names of the files to analyse in it."""

        self._names: dict[str, list[str]] = {}
        """Absolute directory to all names in it that matter."""

        self._starts: list[str] = []
        self._links: list[str] = []
        self._problems: dict[str, str] = {}
        self._shown: dict[str, str] = {}

    def add(self, path: str) -> None:
        inputs.asks("leads", path)
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            self._problems[path] = _link_problem(path, error)
            return
        if stat.S_ISDIR(mode):
            self._starts.append(path)
            self._add_directory(path)
        elif stat.S_ISREG(mode):
            self.add_file(path)
        else:
            self._problems[path] = "is no regular file; pass a file or a directory"

    def add_file(self, path: str) -> None:
        directory, name = os.path.split(path)
        self._starts.append(directory)
        self._directories.setdefault(directory, set()).add(name)

    def result(self) -> Discovery:
        self._follow_links()
        namer = Namer(self._tops, self._names.get)
        for start in sorted(set(self._starts)):
            namer.start_below(start)
        files: list[Discovered] = []
        for directory in sorted(self._directories):
            root, dotted, loose, _ = namer.place(directory)
            prefix = f"{dotted}." if dotted else ""
            shown = self._display(directory)
            shown = "" if shown == "." else shown if shown.endswith("/") else shown + "/"
            start = os.path.join(directory, "")
            for name in self._directories[directory]:
                stem = name.rpartition(".")[0] or name
                if name == PACKAGE_FILE:
                    entry = Discovered(start + name, shown + name, dotted or "__init__", True, root, loose)
                else:
                    entry = Discovered(start + name, shown + name, prefix + stem, False, root, loose)
                files.append(entry)
        files.sort(key=_by_display)
        problems = sorted((self._display(path), reason) for path, reason in self._problems.items())
        return Discovery(
            tuple(files), tuple(NotAnalysed(path, reason) for path, reason in problems), tuple(namer.roots)
        )

    def _add_directory(self, base: str) -> None:
        listing = None
        if git.repository(base) is not None:
            listing = git.list_files(base)
        if listing is None:
            listing = walk.list_files(base, self._skipper(base))
        elif not len(listing) and not listing.unreadable:
            # git ignores this very directory, but it was asked for
            listing = walk.list_files(base, self._skipper(base), respect_ignores=False)
        self._take(base, listing)

    def _skipper(self, base: str) -> walk.Skip:
        relative = self._relative(base)

        def skip(path: str, name: str, is_package: bool) -> bool:
            if name in EXCLUDED or (name in EXCLUDED_UNLESS_PACKAGE and not is_package):
                return True
            return bool(self._exclude and self._exclude.matches(relative + path, is_directory=True))

        return skip

    def _take(self, base: str, listing: Listing) -> None:
        """Keep what no exclusion covers."""
        skip = self._skipper(base)
        relative = self._relative(base)
        skipped: dict[str, bool] = {"": False}

        def is_skipped(path: str) -> bool:
            known = skipped.get(path)
            if known is None:
                parent, _, name = path.rpartition("/")
                names = listing.directories.get(path, ())
                known = skipped[path] = (
                    is_skipped(parent) or ENVIRONMENT_FILE in names or skip(path, name, PACKAGE_FILE in names)
                )
            return known

        def excluded(path: str) -> bool:
            return bool(self._exclude and self._exclude.matches(relative + path))

        start = os.path.join(base, "")
        for directory, names in listing.directories.items():
            if is_skipped(directory):
                continue
            path = (start + directory.replace("/", os.sep)) if directory else base
            self._names[path] = names
            sources = [name for name in names if name.endswith(SUFFIXES)]
            if self._exclude:
                inner = directory + "/" if directory else ""
                sources = [name for name in sources if not excluded(inner + name)]
            if sources:
                self._directories.setdefault(path, set()).update(sources)
        for path in listing.unsure:
            if not is_skipped(path.rpartition("/")[0]) and not excluded(path):
                self._look_at(start + path.replace("/", os.sep))
        for path in listing.links:
            if not is_skipped(path.rpartition("/")[0]) and not excluded(path) and not is_skipped(path):
                self._links.append(start + path.replace("/", os.sep))
        for path, reason in listing.unreadable:
            if not is_skipped(path):
                self._problems[start + path if path else base] = f"cannot be listed: {reason}"

    def _look_at(self, path: str) -> None:
        """A source whose kind the listing did not tell: drop it again unless it is a regular file."""
        inputs.asks("kind", path)
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            mode = 0  # gone since
        if stat.S_ISREG(mode):
            return
        directory, name = os.path.split(path)
        self._directories.get(directory, set()).discard(name)
        if stat.S_ISLNK(mode):
            self._links.append(path)
        elif mode and name.endswith(SUFFIXES):
            self._problems[path] = "is no regular file"

    def _follow_links(self) -> None:
        """Take sources that links lead to, unless they are found without; never follow one into a directory."""
        if not self._links:
            return
        covered = {os.path.join(os.path.realpath(start), "") for start in self._starts}
        taken = {
            os.path.join(os.path.realpath(directory), name)
            for directory, names in self._directories.items()
            for name in names
        }
        for path in sorted(self._links):
            is_source = path.endswith(SUFFIXES)
            inputs.asks("leads", path)
            try:
                mode = os.stat(path).st_mode
            except OSError as error:
                if is_source:
                    self._problems[path] = _link_problem(path, error)
                continue
            target = os.path.realpath(path)
            if stat.S_ISREG(mode) and is_source:
                if target not in taken:
                    taken.add(target)
                    directory, name = os.path.split(path)
                    self._directories.setdefault(directory, set()).add(name)
            elif (
                stat.S_ISDIR(mode)
                and not _is_covered(os.path.join(target, ""), covered)
                and _has_sources(target)
            ):
                self._problems[path] = (
                    "is a link to a directory elsewhere, which is not followed; name that one too"
                )

    def _relative(self, base: str) -> str:
        """What stands before a path relative to ``base`` to make it relative to the settings' root."""
        if base == self._root:
            return ""
        top = os.path.join(self._root, "")
        return base.removeprefix(top).replace(os.sep, "/") + "/" if base.startswith(top) else ""

    def _display(self, path: str) -> str:
        shown = self._shown.get(path)
        if shown is not None:
            return shown
        parent, name = os.path.split(path)
        above = self._shown.get(parent)
        if above is not None and above[-1:] not in {".", "/"}:
            shown = f"{above}/{name}"  # much cheaper than computing it anew
        else:
            try:
                shown = os.path.relpath(path, self._here).replace(os.sep, "/")
            except ValueError:  # another drive
                shown = path.replace(os.sep, "/")
        self._shown[path] = shown
        return shown


def _by_display(file: Discovered) -> str:
    return file.path_display


def _is_covered(target: str, covered: set[str]) -> bool:
    return any(target.startswith(start) or start.startswith(target) for start in covered)


def _has_sources(directory: str) -> bool:
    inputs.asks("sources", directory)
    try:
        return any(name.endswith(SUFFIXES) for name in os.listdir(directory))
    except OSError:
        return False


def _link_problem(path: str, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"cannot be read: {error.strerror}"
    import errno

    if error.errno == errno.ELOOP:
        return "is a symbolic link that leads in a circle; remove it"
    return f"is a symbolic link that leads nowhere ({os.readlink(path)}); mend or remove it"
