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
    named = f"{VERSION}\0{code}\0{module}\0{function}\0{statement}"
    return hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()
