"""Work for processes: importable there, unlike what stands in a test."""

from __future__ import annotations

import os
import time


def slow(chunk: str) -> list[str]:
    """Never comes to an end by itself, where the chunk says so."""
    if "for ever" in chunk:
        while True:
            time.sleep(1)
    return [chunk]


def fragile(chunk: str) -> list[str]:
    if "raise" in chunk:
        raise ConnectionError("the model does not answer")
    if "die" in chunk:
        os._exit(3)
    if "odd" in chunk:
        return [lambda: None]  # type: ignore[list-item]  # cannot be sent back
    return [chunk]
