"""What is called, as sentences show it: a dotted name, or the source where no name says it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from auditor.catalog.lookup import Catalog
    from auditor.engine.texts import Texts
    from auditor.link.nodes import Place
    from auditor.link.program import Module
    from auditor.link.suspects import Suspect

_ITERATION: Final = frozenset({"__iter__", "__next__", "__aiter__", "__anext__"})
_WITH: Final = frozenset({"__enter__", "__exit__"})
_LONGEST: Final = 60
"""Longer source is no name."""


class Naming:
    """Names the callees of one run's suspects.

    What the syntax calls by itself, and methods of types that only the catalog has names for, are shown as they are
    written.
    """

    def __init__(self, catalog: Catalog, texts: Texts) -> None:
        self._catalog = catalog
        self._texts = texts

    def shown(self, suspect: Suspect, dotted: str) -> str:
        """The callee of the suspect, which the catalog knows as ``dotted``."""
        owner, _, method = dotted.rpartition(".")
        module, place = suspect.function.module, suspect.place
        if place.call < 0:
            pattern = "for ... in {}" if method in _ITERATION else "with {}" if method in _WITH else ""
            text = self._source(module, place) if pattern else ""
            if text:
                return pattern.format(text if len(text) <= _LONGEST else "...")
        known = self._catalog.type(owner)
        if known is not None and known.synthetic and place.call >= 0:
            text = _callee(self._source(module, place))
            return text if 0 < len(text) <= _LONGEST else f"(...).{method}"
        return dotted.removeprefix("builtins.")

    def _source(self, module: Module, place: Place) -> str:
        """The source of a place on one line; empty if the file has gone."""
        lines = self._texts.lines(module)[place.line - 1 : place.end_line]
        if not lines:
            return ""
        encoded = [line.encode() for line in lines]
        encoded[-1] = encoded[-1][: place.end_column]
        encoded[0] = encoded[0][place.column :]
        return " ".join(b" ".join(encoded).decode(errors="replace").split())


def _callee(text: str) -> str:
    """``a.b`` of the source ``a.b(c)``."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return ast.get_source_segment(text, node.func) or "" if isinstance(node, ast.Call) else ""
