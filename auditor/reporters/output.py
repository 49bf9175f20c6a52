"""Writing to outputs whose encoding may lack a character."""

from __future__ import annotations

from typing import TextIO


def write(out: TextIO, text: str) -> None:
    """Write ``text``; what the encoding of ``out`` cannot say is written as an escape."""
    out.write(encodable(text, getattr(out, "encoding", None)))


def encodable(text: str, encoding: str | None) -> str:
    """Replace what ``encoding`` cannot say by escapes."""
    if not encoding or text.isascii():
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)
