"""Files of the cache: a value of plain types behind a digest that is checked before anything else is done with it.

`marshal` is much the fastest way to read plain values, but crashes the interpreter when given bytes that it did not
write. Files change as a whole: a process that dies leaves the old one or the new one.
"""

from __future__ import annotations

import marshal
import os

from auditor.digests import SIZE, digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MARK = b"auditor cache 1\n"
_READ_FLAGS = (
    os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_WRITE_FLAGS = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL
    | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)  # fmt: skip
TEMPORARY = ".tmp"


class DamagedError(Exception):
    """A file of the cache is not what was written."""


def load(path: str) -> Any:
    """The value in a file; raises `OSError`, or `DamagedError` where it was not written by `save`."""
    data = _read(path)
    start = len(MARK) + SIZE
    body = memoryview(data)[start:]
    if not data.startswith(MARK) or digest(body) != data[len(MARK) : start]:
        raise DamagedError(path)
    return marshal.loads(body)  # noqa: S302 - these are the bytes that marshal wrote


def save(path: str, value: Any) -> None:
    """Put a value of plain types (None, numbers, texts, bytes, tuples, lists, dicts) into a file; raises `OSError`."""
    body = marshal.dumps(value)
    temporary = f"{path}.{os.urandom(6).hex()}{TEMPORARY}"
    descriptor = os.open(temporary, _WRITE_FLAGS, 0o600)
    try:
        try:
            _write(descriptor, MARK + digest(body))
            _write(descriptor, body)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        _forget(temporary)
        raise


def _read(path: str) -> bytes:
    descriptor = os.open(path, _READ_FLAGS)
    try:
        size = os.fstat(descriptor).st_size
        parts = []
        while data := os.read(descriptor, size + 1):
            parts.append(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
