"""The files of a directory as git sees them: tracked, and untracked but not ignored."""

from __future__ import annotations

import os
from collections.abc import Iterator

from auditor.cache import inputs
from auditor.discover.listing import Listing

_LISTING = ("ls-files", "-z", "-t", "-s", "-c", "-o", "-d", "--exclude-standard")
_NOT_OPENED = "could not open directory '"

TAG_DELETED, TAG_SKIPPED, TAG_OTHER = "R", "S", "?"
MODE_LINK, MODE_MODULE = "120000", "160000"


def repository(directory: str) -> str | None:
    """The nearest directory, at or above this one, that is the top of a work tree."""
    while True:
        if inputs.exists(os.path.join(directory, ".git")):
            return directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def list_files(directory: str) -> Listing | None:
    """List ``directory``, submodules and nested repositories included; None where git cannot."""
    answer = inputs.git(directory, _LISTING)
    if answer is None:
        return None
    output, messages = answer
    listing = Listing()
    nested: list[str] = []
    gone: set[str] = set()
    for tag, mode, path in _records(output):
        if tag == TAG_DELETED:
            gone.add(path)
        elif mode == MODE_MODULE or path.endswith("/"):
            nested.append(path.rstrip("/"))
        elif mode == MODE_LINK:
            listing.links.add(path)
        elif tag != TAG_SKIPPED or inputs.exists(os.path.join(directory, path)):
            listing.add(path, unsure=tag == TAG_OTHER)
    listing.discard(gone)
    for line in messages.splitlines():
        _, found, rest = line.partition(_NOT_OPENED)
        if found:
            path, _, reason = rest.rpartition("': ")
            listing.unreadable.append((path.rstrip("/"), reason or "git cannot open it"))
    for path in nested:
        _add_nested(listing, directory, path)
    return listing


def _add_nested(listing: Listing, directory: str, path: str) -> None:
    inside = os.path.join(directory, path)
    if not inputs.exists(os.path.join(inside, ".git")) or _is_linked_worktree(inside):
        return  # a submodule that is not checked out, or another copy of the files listed already
    inner = list_files(inside)
    if inner is not None:
        listing.merge(inner, path + "/")
    else:
        listing.unreadable.append((path, "git cannot list this nested repository; name it as an argument"))


def _is_linked_worktree(directory: str) -> bool:
    path = os.path.join(directory, ".git")
    if os.path.isfile(path):
        inputs.uses(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "/worktrees/" in file.read(4096)
    except OSError:
        return False


def _records(output: bytes) -> Iterator[tuple[str, str, str]]:
    """Tag, mode and path of each entry: ``H 100644 <object> 0<TAB>path``, or ``? path``."""
    for record in os.fsdecode(output).split("\0"):
        if record[:2] == "? ":
            yield TAG_OTHER, "", record[2:]
        elif record:
            facts, _, path = record.partition("\t")
            yield record[0], facts[2:8], path
