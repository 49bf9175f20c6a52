"""A cache directory that is ours: made by auditor, owned by the user, marked so that it may be removed again."""

from __future__ import annotations

import os
import stat

TAG_FILE = "CACHEDIR.TAG"
TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This directory holds the cache of auditor (loop-auditor). It may be removed at any time.\n"
)
"""The first line is what backup tools look for; the second tells whose cache it is."""


def claim(path: str) -> str | None:
    """Make ``path`` fit for the cache; returns why it is not, or None.

    Entries are loaded without further ado, so nobody else may be able to write them.
    """
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        problem = refusal(path)
        if problem is None and not _is_tagged(path):
            # what begins so was left by a process that died here, or belongs to one that is here as well
            others = [name for name in os.listdir(path) if not name.startswith(TAG_FILE)]
            if others and not _is_tagged(path):
                return f"cache directory {path} holds files that are not auditor's; name another with --cache-dir"
            if not others:
                _tag(path)
    except OSError as error:
        return f"cache directory {path} cannot be used ({error.strerror}); name another with --cache-dir"
    return problem


def refusal(path: str) -> str | None:
    """Why an existing directory must not be trusted, or None."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        return f"cache directory {path} is a link or a file; name a directory with --cache-dir"
    if hasattr(os, "getuid"):
        if status.st_uid != os.getuid():
            return f"cache directory {path} belongs to another user; name another with --cache-dir"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"cache directory {path} can be written by others; run 'chmod go-w' on it"
    return None


def is_ours(path: str) -> bool:
    """Whether auditor made this directory and the user owns it."""
    return refusal(path) is None and _is_tagged(path)


def _tag(path: str) -> None:
    """Put the tag there, whole from the first moment on: several processes may do so at once."""
    target = os.path.join(path, TAG_FILE)
    temporary = f"{target}.{os.urandom(6).hex()}"
    try:
        with open(temporary, "x", encoding="ascii") as file:
            file.write(TAG)
        os.replace(temporary, target)
    except OSError:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def _is_tagged(path: str) -> bool:
    try:
        with open(os.path.join(path, TAG_FILE), encoding="ascii", errors="replace") as file:
            return file.read(len(TAG)) == TAG
    except FileNotFoundError:
        return False
