"""A place that a fix is about, as LibCST sees it: the node, what stands around it, and what may be written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.engine.parsed import Parsed, Span
    from auditor.fixes.lines import Lines, Position

Definition = cst.FunctionDef | cst.Lambda | cst.ClassDef


class Site:
    """A node of a unit."""

    def __init__(self, parsed: Parsed, lines: Lines, node: cst.CSTNode) -> None:
        self.parsed = parsed
        self.lines = lines
        self.node = node
        self.ancestors = parsed.ancestors(node)

    def at(self, node: cst.CSTNode) -> Site:
        """The same for another node of the unit."""
        return Site(self.parsed, self.lines, node)

    def span(self, node: cst.CSTNode | None = None) -> Span:
        """Where a node stands, without parentheses of its own."""
        return self.parsed.span(node if node is not None else self.node)

    def start(self, node: cst.CSTNode | None = None) -> Position:
        return self.span(node)[:2]

    def end(self, node: cst.CSTNode | None = None) -> Position:
        return self.span(node)[2:]

    def source(self, node: cst.CSTNode | None = None) -> str:
        """The text of a node."""
        return self.lines.of(self.span(node))

    @property
    def parent(self) -> cst.CSTNode | None:
        return self.ancestors[-1] if self.ancestors else None

    @property
    def function(self) -> cst.FunctionDef | None:
        """The function whose body the node belongs to; None where something else is nearer."""
        nearest = next((x for x in reversed(self.ancestors) if isinstance(x, Definition)), None)
        return nearest if isinstance(nearest, cst.FunctionDef) else None

    def statement(self) -> cst.CSTNode:
        """The innermost statement around the node that stands in a block."""
        statements = (cst.SimpleStatementLine, cst.BaseCompoundStatement)
        chain = [*self.ancestors, self.node]
        return next((x for x in reversed(chain) if isinstance(x, statements)), self.node)

    def within(self) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
        """What stands around the node in its function, innermost first, each with its part that holds the node."""
        part: cst.CSTNode = self.node
        for ancestor in reversed(self.ancestors):
            if isinstance(ancestor, Definition):
                return
            yield ancestor, part
            part = ancestor

    def may_await(self) -> bool:
        """Whether an ``await`` may stand at the node: in a coroutine function's body, in no generator expression."""
        chain = [*self.ancestors, self.node]
        for index in range(len(chain) - 2, -1, -1):
            around, part = chain[index], chain[index + 1]
            if isinstance(around, (cst.Lambda, cst.ClassDef, cst.Annotation, cst.Decorator)):
                return False
            if isinstance(around, cst.FunctionDef):
                return around.body is part and around.asynchronous is not None
            if isinstance(around, cst.GeneratorExp):
                # what it iterates over first is evaluated outside of it
                inner = chain[index + 2] if index + 2 < len(chain) else None
                if part is not around.for_in or inner is not around.for_in.iter:
                    return False
        return False

    def needs_parentheses(self) -> bool:
        """Whether an ``await`` in the node's place would bind to less than the node does."""
        if getattr(self.node, "lpar", ()):
            return False
        match self.parent:
            case cst.Attribute(value=value) | cst.Subscript(value=value):
                return value is self.node
            case cst.Call(func=function):
                return function is self.node
            case cst.Await():
                return True
        return False


def opening(site: Site, call: cst.Call) -> Position:
    """Where the parenthesis stands that opens the arguments of a call."""
    text = site.lines.text
    at = site.lines.offset(site.end(call.func))
    while text[at] != "(":
        if text[at] == "#":
            at = text.index("\n", at)
        at += 1
    return site.lines.position(at)
