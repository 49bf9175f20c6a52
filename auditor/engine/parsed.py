"""A unit as LibCST sees it: its nodes by position, and what stands around them."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, cast

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from libcst.metadata import CodeRange

    from auditor.engine.texts import Unit

Span = tuple[int, int, int, int]
"""First line, column, last line, column after it: lines of the file, columns 1-based code points."""

_FORM_FEEDS = re.compile(r"\f+(?![ \t\f])")
_JUDGED = cst.BaseExpression | cst.Decorator
_LAYOUT = frozenset(
    {
        "footer", "header", "indent", "leading_lines", "lines_after_decorators", "lpar", "newline", "rpar", "semicolon",
        "comma", "dot", "equal", "operator", "colon",
    }
)  # fmt: skip
"""Fields that hold nothing but layout, or one token."""
_STATEMENTS = cst.SimpleStatementLine | cst.BaseCompoundStatement | cst.ExceptHandler


class Parsed:
    """The nodes of a unit. Raises what LibCST raises for code that it cannot parse."""

    def __init__(self, unit: Unit) -> None:
        self._offset = unit.offset
        # LibCST does not count the form feeds before a statement that is not indented
        self._uncounted = {
            number: len(match[0])
            for number, line in enumerate(unit.code.split("\n"), 1)
            if line[:1] == "\f" and (match := _FORM_FEEDS.match(line))
        }
        wrapper = MetadataWrapper(cst.parse_module(unit.code), unsafe_skip_copy=True)
        # not `wrapper.resolve`, which visits the whole tree once more for batchable providers, of which there are none
        ranges = PositionProvider()._gen(wrapper)  # noqa: SLF001
        self._ranges = cast("Mapping[cst.CSTNode, CodeRange]", ranges)
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self._by_span: dict[Span, list[cst.CSTNode]] = {}
        pending: list[cst.CSTNode] = [wrapper.module]
        while pending:
            node = pending.pop()
            kind = type(node)
            if _is_judged(kind):
                self._by_span.setdefault(self.span(node), []).append(node)
            for name in parts(kind):
                value = getattr(node, name)
                if isinstance(value, cst.CSTNode):
                    self._parents[value] = node
                    pending.append(value)
                elif isinstance(value, (list, tuple)):
                    for child in value:
                        if isinstance(child, cst.CSTNode):
                            self._parents[child] = node
                            pending.append(child)

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands in the file."""
        place = self._ranges[node]
        return (
            place.start.line + self._offset,
            place.start.column + 1 + self._uncounted.get(place.start.line, 0),
            place.end.line + self._offset,
            place.end.column + 1 + self._uncounted.get(place.end.line, 0),
        )

    def node(self, span: Span, *, is_call: bool) -> cst.CSTNode | None:
        """The outermost node at a span; with ``is_call`` the call, where there is one."""
        nodes = self._by_span.get(span, [])
        if is_call:
            nodes = [node for node in nodes if isinstance(node, cst.Call)] or nodes
        return nodes[0] if nodes else None

    def calls(self) -> list[Span]:
        """Where the calls stand."""
        return [span for span, nodes in self._by_span.items() for node in nodes if isinstance(node, cst.Call)]

    def ancestors(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        """What stands around a node, outermost first."""
        chain = []
        current = self._parents.get(node)
        while current is not None:
            chain.append(current)
            current = self._parents.get(current)
        chain.reverse()
        return chain

    def statement(self, node: cst.CSTNode, ancestors: Sequence[cst.CSTNode]) -> Span:
        """The span of the innermost statement around a node."""
        for ancestor in reversed(ancestors):
            if isinstance(ancestor, _STATEMENTS):
                return self.span(ancestor)
        return self.span(node)


@cache
def _is_judged(kind: type[cst.CSTNode]) -> bool:
    return issubclass(kind, _JUDGED)


@cache
def parts(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a kind of nodes that may hold nodes other than layout."""
    return tuple(x.name for x in fields(kind) if x.name not in _LAYOUT and "whitespace" not in x.name)
