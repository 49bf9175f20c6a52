"""Walking over LibCST nodes that nobody changes, without building the tree anew as their own `visit` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from auditor.engine.parsed import parts

if TYPE_CHECKING:
    from collections.abc import Iterator


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes right below, but for layout."""
    for name in parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, (list, tuple)):
            for child in value:
                if isinstance(child, cst.CSTNode):
                    yield child


def walk(node: cst.CSTNode, visitor: Any) -> None:
    """Call the visitor's ``visit_`` method for each node from ``node`` on; what is below one with False is left out."""
    method = getattr(visitor, f"visit_{type(node).__name__}", None)
    if method is None or method(node) is not False:
        for child in children(node):
            walk(child, visitor)
