"""The files of a program, one after the other with their facts: from the cache, indexed here, or by other processes.

Files are taken in *chunks* of neighbours. A chunk ends where the digest of a path says so, not after a certain number,
so that a new file does not move all others to other chunks. A chunk is what one file of the cache holds, and what one
process indexes at a time.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

from auditor.digests import digest
from auditor.index import files, packing
from auditor.index.files import Indexed
from auditor.index.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from auditor.cache.shards import Shards
    from auditor.index.workers import Workers

CHUNK: Final = 64
"""Files of a chunk, on average."""

LARGEST_CHUNK: Final = 256

WORTH_A_WORKER: Final = 2_000_000
"""Bytes to index for which a process is started: about half a second's work, and starting takes a fifth of that."""

MOST_WORKERS: Final = 8
"""More than six learn faster than one process takes up what they have learned."""


class Wanted(NamedTuple):
    """A file to read; ``unsaved`` stands for what is on disk."""

    path: str
    unsaved: bytes | None = None


class Learned(NamedTuple):
    """What was learned of a file, and the digest of its content, empty where it could not be read."""

    content: bytes
    indexed: Indexed


class Tally:
    """Where what was learned of the files came from: the cache (``kept``), or other processes (``shared``)."""

    __slots__ = ("kept", "shared")

    def __init__(self) -> None:
        self.kept = 0
        self.shared = 0


def read(
    wanted: Sequence[Wanted], shards: Shards | None, jobs: int, tally: Tally | None = None
) -> Iterator[Learned]:
    """What is to be learned of each of the files, in their order.

    ``jobs`` processes index at once; 0: as many as there are processors, where that is worth it.
    """
    counts = tally if tally is not None else Tally()
    chunks = list(_chunks(wanted))
    cold = [chunk for chunk in chunks if shards is None or not shards.has(_name(chunk))]
    with ExitStack() as stack:
        workers = _workers(cold, jobs, stack)
        if workers is not None:
            workers.start([[file.path for file in chunk] for chunk in cold if _is_on_disk(chunk)])
        fresh = {id(chunk) for chunk in cold}
        for chunk in chunks:
            done = None
            if workers is not None and id(chunk) in fresh and _is_on_disk(chunk):
                done = workers.result()
            if done is not None:
                counts.shared += len(chunk)
                yield from _taken(chunk, done, shards)
            else:
                yield from _indexed(chunk, shards, counts)
    if shards is not None:
        shards.close()


def learn(path: str) -> tuple[bytes, bytes]:
    """The digest of a file's content (empty: it cannot be read) and what is packed of it."""
    content = files.content_of(path)
    if isinstance(content, Problem):
        return b"", packing.pack(Indexed(None, content.reason))
    return digest(content), packing.pack(files.learn(path, content))


def _taken(
    chunk: Sequence[Wanted], done: Sequence[tuple[bytes, bytes]], shards: Shards | None
) -> Iterator[Learned]:
    """What another process has learned."""
    used = {}
    for file, (content, packed) in zip(chunk, done, strict=True):
        if content:
            used[_key(file, content)] = packed
        yield Learned(content, packing.unpack(packed))
    if shards is not None:
        shards.save(_name(chunk), used, {})


def _indexed(chunk: Sequence[Wanted], shards: Shards | None, counts: Tally) -> Iterator[Learned]:
    """What the cache knows, or else is to be learned here and now."""
    known = shards.load(_name(chunk)) if shards is not None else {}
    used = {}
    for file in chunk:
        content = file.unsaved if file.unsaved is not None else files.content_of(file.path)
        if isinstance(content, Problem):
            yield Learned(b"", Indexed(None, content.reason))
            continue
        sum_ = digest(content)
        key = _key(file, sum_)
        packed = known.get(key)
        if packed is None:
            indexed = files.learn(file.path, content)
            if shards is not None and file.unsaved is None:
                used[key] = packing.pack(indexed)
        else:
            used[key] = packed
            counts.kept += 1
            indexed = packing.unpack(packed)
        yield Learned(sum_, indexed)
    if shards is not None:
        shards.save(_name(chunk), used, known)


def _key(file: Wanted, content: bytes) -> bytes:
    """Under which a file's facts are kept: how it is read depends on its name as well."""
    return content + (b"n" if file.path.endswith(files.NOTEBOOK_SUFFIX) else b"")


def _chunks(wanted: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    chunk: list[Wanted] = []
    for file in wanted:
        if chunk and (_begins(file.path) or len(chunk) == LARGEST_CHUNK):
            yield chunk
            chunk = []
        chunk.append(file)
    if chunk:
        yield chunk


def _begins(path: str) -> bool:
    return int.from_bytes(digest(os.fsencode(path))[:4], "big") % CHUNK == 0


def _name(chunk: Sequence[Wanted]) -> str:
    return digest(os.fsencode(chunk[0].path)).hex()


def _is_on_disk(chunk: Sequence[Wanted]) -> bool:
    return all(file.unsaved is None for file in chunk)


def _workers(cold: Sequence[Sequence[Wanted]], jobs: int, stack: ExitStack) -> Workers | None:
    """Other processes, where there is enough to do for them."""
    number = min(jobs or min(_processors(), MOST_WORKERS), len(cold))
    if number > 1 and not jobs:
        number = min(number, _size(cold) // WORTH_A_WORKER)
    if number < 2:
        return None
    from auditor.index.workers import Workers

    return stack.enter_context(Workers(number))


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def _size(chunks: Sequence[Sequence[Wanted]]) -> int:
    total = 0
    for chunk in chunks:
        for file in chunk:
            try:
                total += os.stat(file.path).st_size
            except OSError:
                continue
    return total
