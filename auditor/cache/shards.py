"""Bytes by keys, in files of a few hundred kilobytes, so that what has changed in one place rewrites little."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from auditor.cache import identity
from auditor.digests import digest

if TYPE_CHECKING:
    from auditor.cache.store import Cache

FOLDER: Final = "facts"
_PROGRAMS, _PROJECTS, _DAYS = 3, 20, 30
"""Versions of auditor, projects of each, and days without use, for which facts are kept."""

_DAY: Final = 86_400.0
_SPARE: Final = 2
"""A shard holds up to this many entries for each that was asked for last: branches come and go."""


class Shards:
    """What the cache holds for one project, as this auditor under this Python made it."""

    def __init__(self, cache: Cache, project: str) -> None:
        self._cache = cache
        who = digest(
            repr((identity.program(cache), identity.grammar())).encode("utf-8", "surrogatepass")
        ).hex()
        self._above = os.path.join(FOLDER, who)
        self._folder = os.path.join(self._above, digest(os.fsencode(project)).hex())
        self._written = False

    def has(self, name: str) -> bool:
        """Whether there is a shard of that name."""
        return os.path.exists(os.path.join(self._cache.directory, self._folder, name))

    def load(self, name: str) -> dict[bytes, bytes]:
        """All entries of a shard."""
        path = os.path.join(self._folder, name)
        found = self._cache.load(path)
        self._cache.use(path)
        return found if isinstance(found, dict) else {}

    def save(self, name: str, used: dict[bytes, bytes], known: dict[bytes, bytes]) -> None:
        """Keep the entries that were used, and some others that were ``known``."""
        if not used or used.keys() == known.keys():
            return
        kept = dict(used)
        for key, value in known.items():
            if len(kept) >= _SPARE * len(used):
                break
            kept.setdefault(key, value)
        if kept.keys() == known.keys():
            return
        if self._cache.save(os.path.join(self._folder, name), kept):
            self._written = True

    def close(self) -> None:
        """Remove what nobody has used for long."""
        self._cache.use(self._folder)
        self._cache.use(self._above)
        if self._written:
            self._cache.prune(FOLDER, _PROGRAMS)
            self._cache.prune(self._above, _PROJECTS)
            self._cache.prune(self._folder, 0, unused_for=_DAYS * _DAY)
