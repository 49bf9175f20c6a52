"""Which files of the catalog a program can need: a file counts only if one of its packages is imported.

Reading TOML is most of the time that the catalog takes, and a program imports few libraries. So a file states the
packages that it is about, and the other files that it builds on, in its header:

    [framework]             # or [area]
    name = "fastapi"
    packages = ["fastapi"]
    needs = ["starlette"]

A file without ``packages`` always counts. The header is found without parsing the file; `stated` is checked
against what the parser reads by `auditor.catalog.reader`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_HEADER: Final = re.compile(rb"^\[(?:framework|area)\]", re.MULTILINE)
_NAME: Final = re.compile(rb'^name *= *"([^"]*)"', re.MULTILINE)
_LISTS: Final = re.compile(rb"^(packages|needs) *= *\[([^\]]*)\]", re.MULTILINE)
_TEXT: Final = re.compile(rb'"([^"]*)"')


def stated(content: bytes) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Name, packages and needs of a catalog file; empty where they are not stated."""
    found = _HEADER.search(content)
    if found is None:
        return "", (), ()
    end = content.find(b"\n[", found.end())
    header = content[found.end() : end if end >= 0 else len(content)]
    name = _NAME.search(header)
    lists = {
        key: tuple(_decoded(text) for text in _TEXT.findall(words)) for key, words in _LISTS.findall(header)
    }
    return _decoded(name[1]) if name else "", lists.get(b"packages", ()), lists.get(b"needs", ())


def relevant(contents: Sequence[tuple[str, bytes]], imported: Collection[str]) -> list[tuple[str, bytes]]:
    """The files, of (path, content) pairs, that a program can need which imports those top-level packages."""
    headers = [stated(content) for _, content in contents]
    always = b"\n".join(
        content for (_, content), (_, packages, _) in zip(contents, headers, strict=True) if not packages
    )
    wanted = {
        name
        for name, packages, _ in headers
        if any(package in imported or f'"{package}.'.encode() in always for package in packages)
    }
    needs: dict[str, tuple[str, ...]] = {}
    for name, _, others in headers:  # an area may have the name of a framework: both are read then
        needs[name] = (*needs.get(name, ()), *others)
    reached = list(wanted)
    for name in reached:
        fresh = [other for other in needs.get(name, ()) if other not in wanted]
        wanted.update(fresh)
        reached += fresh
    return [
        file
        for file, (name, packages, _) in zip(contents, headers, strict=True)
        if not packages or name in wanted
    ]


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")
