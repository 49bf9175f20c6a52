"""What a directory holds, however it was listed: by git or by walking."""

from __future__ import annotations

from dataclasses import dataclass, field

from auditor.directories import SUFFIXES, TELLING_FILES


@dataclass(slots=True)
class Listing:
    """Paths are relative to the listed directory and use ``/``; a directory's own path is ``""``."""

    directories: dict[str, list[str]] = field(default_factory=dict)
    """Directory to the names in it that matter: sources and what tells what kind of directory it is."""

    links: set[str] = field(default_factory=set)
    """Symbolic links, to whatever they lead."""

    unsure: list[str] = field(default_factory=list)
    """Sources that may prove to be links or no regular files."""

    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Directories that could not be listed, and why."""

    def add(self, path: str, *, unsure: bool = False) -> None:
        """Take note of a file if its name matters."""
        directory, _, name = path.rpartition("/")
        if name.endswith(SUFFIXES):
            if unsure:
                self.unsure.append(path)
        elif name not in TELLING_FILES:
            if unsure and "." not in name:
                self.unsure.append(path)  # a link to a directory has no suffix
            return
        names = self.directories.get(directory)
        if names is None:
            self.directories[directory] = [name]
        elif names[-1] != name:  # an unmerged path is listed once a side
            names.append(name)

    def discard(self, paths: set[str]) -> None:
        """Forget files."""
        for path in paths:
            directory, _, name = path.rpartition("/")
            names = self.directories.get(directory)
            if names and name in names:
                names.remove(name)

    def merge(self, other: Listing, prefix: str) -> None:
        """Add what lies in ``prefix``."""
        for directory, names in other.directories.items():
            self.directories[(prefix + directory).rstrip("/")] = names
        self.links.update(prefix + path for path in other.links)
        self.unsure.extend(prefix + path for path in other.unsure)
        self.unreadable.extend(((prefix + path).rstrip("/"), reason) for path, reason in other.unreadable)

    def __len__(self) -> int:
        return sum(map(len, self.directories.values())) + len(self.links)
