"""Runs the rules over the suspects: parses each suspect's unit once, finds its node by position, hands it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from auditor.engine.rule import RuleContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from auditor.engine.rule import Rule
    from auditor.engine.texts import Texts, Unit
    from auditor.link.program import Module
    from auditor.link.suspects import Suspect

Span = tuple[int, int, int, int]


class Hit:
    """A suspect that a rule holds for a fault. Lines are those of the file, columns 1-based code points.

    ``statement`` is the span of the innermost statement around the node (a compound one by its header), which
    is what makes two hits one finding.
    """

    __slots__ = ("callee", "rule", "span", "statement", "suspect")

    def __init__(self, suspect: Suspect, rule: Rule, span: Span, statement: Span, callee: str) -> None:
        self.suspect = suspect
        self.rule = rule
        self.span = span
        self.statement = statement
        self.callee = callee


class _Parsed:
    """The nodes of a unit by position."""

    def __init__(self, unit: Unit) -> None:
        wrapper = MetadataWrapper(cst.parse_module(unit.code), unsafe_skip_copy=True)
        self.ranges = wrapper.resolve(PositionProvider)
        self.by_span: dict[Span, list[cst.CSTNode]] = {}
        for node, range_ in self.ranges.items():
            if isinstance(node, cst.BaseExpression | cst.Decorator):
                key = (range_.start.line, range_.start.column, range_.end.line, range_.end.column)
                self.by_span.setdefault(key, []).append(node)
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        pending: list[cst.CSTNode] = [wrapper.module]
        while pending:
            node = pending.pop()
            for child in node.children:
                self.parents[child] = node
                pending.append(child)

    def ancestors(self, node: cst.CSTNode) -> list[cst.CSTNode]:
        chain = []
        current = self.parents.get(node)
        while current is not None:
            chain.append(current)
            current = self.parents.get(current)
        chain.reverse()
        return chain

    def statement(self, ancestors: Sequence[cst.CSTNode], node: cst.CSTNode) -> cst.CSTNode:
        for ancestor in reversed(ancestors):
            if isinstance(ancestor, cst.SimpleStatementLine | cst.BaseCompoundStatement | cst.ExceptHandler):
                return ancestor
        return node


class Judge:
    """Judges suspects in the order in which they come; ``parsed_files`` counts the files that LibCST had to read."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self.parsed_files: set[str] = set()
        self.unparsable: dict[str, str] = {}

    def run(
        self,
        suspects: Iterable[Suspect],
        rules_for: Callable[[Suspect], Sequence[Rule]],
        advance: Callable[[int], None] | None = None,
    ) -> list[Hit]:
        """Every suspect that a rule confirms. Suspects of one unit should come together: one unit is kept parsed."""
        hits: list[Hit] = []
        current: tuple[Module, int, int] | None = None
        parsed: _Parsed | None = None
        for suspect in suspects:
            if advance is not None:
                advance(1)
            rules = rules_for(suspect)
            if not rules:
                continue
            unit = self._texts.unit(suspect.function, suspect.place)
            module = suspect.function.module
            if unit is None:
                self.unparsable[module.path] = "changed while it was being analysed, or nested too deeply"
                continue
            key = (module, unit.start, unit.end)
            if key != current:
                current = key
                parsed = self._parse(module, unit)
            if parsed is not None:
                hits.extend(self._judge(suspect, rules, unit, parsed))
        return hits

    def _parse(self, module: Module, unit: Unit) -> _Parsed | None:
        self.parsed_files.add(module.path)
        try:
            return _Parsed(unit)
        except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError) as error:
            self.unparsable[module.path] = f"LibCST cannot parse it near line {unit.start}: {_first_line(error)}"
            return None

    def _judge(self, suspect: Suspect, rules: Sequence[Rule], unit: Unit, parsed: _Parsed) -> list[Hit]:
        place = suspect.place
        module = suspect.function.module
        texts = self._texts
        span = (
            place.line,
            texts.column(module, place.line, place.column),
            place.end_line,
            texts.column(module, place.end_line, place.end_column),
        )
        key = (span[0] - unit.offset, span[1] - 1, span[2] - unit.offset, span[3] - 1)
        nodes = parsed.by_span.get(key, [])
        wanted = [n for n in nodes if isinstance(n, cst.Call)] if place.call >= 0 else nodes
        node = (wanted or nodes or [None])[0]
        if node is None:
            return []
        ancestors = parsed.ancestors(node)
        statement = parsed.ranges[parsed.statement(ancestors, node)]
        statement_span = (statement.start.line + unit.offset, statement.start.column, statement.end.line, statement.end.column)
        hits = []
        for rule in rules:
            verdict = rule.judge(node, RuleContext(suspect, ancestors))
            if verdict is not None:
                hits.append(Hit(suspect, rule, span, statement_span, verdict.callee))
        return hits


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
