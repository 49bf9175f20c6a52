"""Writing to outputs whose encoding may lack a character."""

from __future__ import annotations

from typing import TextIO


def write(out: TextIO, text: str) -> None:
    """Write ``text``; what the encoding of ``out`` cannot say is written as an escape."""
    encoding = getattr(out, "encoding", None)
    if encoding and not text.isascii():
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    out.write(text)
