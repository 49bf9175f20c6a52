"""The files of a directory as git sees them: tracked, and untracked but not ignored."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator

from auditor.discover.listing import Listing

_LISTING = ("ls-files", "-z", "-t", "-s", "-c", "-o", "-d", "--exclude-standard")
_NOT_OPENED = "could not open directory '"

TAG_DELETED, TAG_SKIPPED, TAG_OTHER = "R", "S", "?"
MODE_LINK, MODE_MODULE = "120000", "160000"


def repository(directory: str) -> str | None:
    """The nearest directory, at or above this one, that is the top of a work tree."""
    while True:
        if os.path.lexists(os.path.join(directory, ".git")):
            return directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def list_files(directory: str) -> Listing | None:
    """List ``directory``, submodules and nested repositories included; None where git cannot."""
    answer = _run(directory, _LISTING)
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
        elif tag != TAG_SKIPPED or os.path.lexists(os.path.join(directory, path)):
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
    if not os.path.lexists(os.path.join(inside, ".git")) or _is_linked_worktree(inside):
        return  # a submodule that is not checked out, or another copy of the files listed already
    inner = list_files(inside)
    if inner is not None:
        listing.merge(inner, path + "/")
    else:
        listing.unreadable.append((path, "git cannot list this nested repository; name it as an argument"))


def _is_linked_worktree(directory: str) -> bool:
    try:
        with open(os.path.join(directory, ".git"), encoding="utf-8", errors="replace") as file:
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


def _run(directory: str, arguments: tuple[str, ...]) -> tuple[bytes, str] | None:
    """Output and messages of git; None where it is missing or refuses.

    Variables that a hook's git sets would point it at another index. ``core.fsmonitor`` names a program to run.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(("GIT_CONFIG", "GIT_CEILING"))
    }
    environment["LC_ALL"] = "C"
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", directory, "-c", "core.fsmonitor=false", *arguments]
    if sys.platform == "win32":
        return _run_anywhere(command, environment)
    return _run_posix(command, environment)


def _run_anywhere(command: list[str], environment: dict[str, str]) -> tuple[bytes, str] | None:
    import subprocess

    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout, os.fsdecode(done.stderr)


def _run_posix(command: list[str], environment: dict[str, str]) -> tuple[bytes, str] | None:
    """As above without importing subprocess, which costs as much time as git itself."""
    outputs, errors = os.pipe(), os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, outputs[1], 1),
        (os.POSIX_SPAWN_DUP2, errors[1], 2),
    ]
    try:
        process = os.posix_spawnp(command[0], command, environment, file_actions=actions)
    except OSError:
        for descriptor in (*outputs, *errors):
            os.close(descriptor)
        return None
    os.close(outputs[1])
    os.close(errors[1])
    output, messages = _drain(outputs[0], errors[0])
    _, status = os.waitpid(process, 0)
    return (output, os.fsdecode(messages)) if os.waitstatus_to_exitcode(status) == 0 else None


def _drain(*descriptors: int) -> list[bytes]:
    received: dict[int, list[bytes]] = {descriptor: [] for descriptor in descriptors}
    waiting = list(descriptors)
    while waiting:
        for descriptor in select.select(waiting, (), ())[0]:
            data = os.read(descriptor, 1 << 20)
            if data:
                received[descriptor].append(data)
            else:
                waiting.remove(descriptor)
                os.close(descriptor)
    return [b"".join(received[descriptor]) for descriptor in descriptors]
