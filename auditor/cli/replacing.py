"""Writing files that change as a whole or not at all."""

from __future__ import annotations

import os


def write(path: str, text: str) -> None:
    """Put ``text`` into the file at ``path``, as UTF-8 and with its line feeds; raises `OSError`."""
    data = text.encode("utf-8")
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        _forget(temporary)
        raise


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
