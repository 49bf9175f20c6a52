"""Digests of contents. Not by way of `hashlib`, which loads OpenSSL: a seventh of a run that finds its result kept."""

from __future__ import annotations

try:
    from _blake2 import blake2b
except ImportError:  # a Python that is built otherwise
    from hashlib import blake2b

SIZE = 20
"""Bytes of a digest."""


def digest(data: bytes | memoryview) -> bytes:
    """The digest of some bytes; of all that the standard library has, this is the fastest."""
    return blake2b(data, digest_size=SIZE).digest()
