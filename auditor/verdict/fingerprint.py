"""Fingerprints: names for exposures that survive edits which move code."""

from __future__ import annotations

import hashlib
from typing import Final

VERSION: Final = "1"


def fingerprint(code: str, module_path: str, function: str, statement: str) -> str:
    """sha256 of rule, module path, qualified function name and normalised statement, as 64 hexadecimal digits.

    No line, no call path and no resolved callee: they change when nothing that concerns the exposure does.
    """
    parts = "\0".join((VERSION, code, module_path, function, statement))
    return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()
