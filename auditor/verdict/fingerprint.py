"""Fingerprints: names for exposures that survive edits which move code."""

from __future__ import annotations

import hashlib
from typing import Final

VERSION: Final = "1"


def fingerprint(code: str, module: str, function: str, statement: str) -> str:
    """sha256 of rule, dotted module, qualified function name and normalised statement, as 64 hexadecimal digits.

    No line, no call path and no resolved callee: they change when nothing that concerns the exposure does. No path:
    it depends on where auditor is started.
    """
    parts = "\0".join([VERSION, code, module, function, statement])
    return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()
