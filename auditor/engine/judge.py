"""Runs the rules over the suspects: parses each suspect's unit once, finds its node by position, hands it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from auditor.engine.installed import RuleError, is_built_in
from auditor.engine.parsed import Parsed
from auditor.engine.rule import RuleContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from auditor.engine.parsed import Span
    from auditor.engine.rule import Rule, Verdict
    from auditor.engine.texts import Texts, Unit
    from auditor.link.program import Module
    from auditor.link.suspects import Suspect


class Hit:
    """A suspect that a rule holds for a fault.

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


class Judge:
    """Judges suspects in the order in which they come.

    ``parsed_files`` are the files that LibCST had to read; ``unparsable`` says of a file why its suspects could not be
    judged.
    """

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
        parsed: Parsed | None = None
        for suspect in suspects:
            if advance is not None:
                advance(1)
            rules = rules_for(suspect)
            if not rules:
                continue
            module = suspect.function.module
            unit = self._texts.unit(suspect.function, suspect.place)
            if unit is None:
                self.unparsable[module.path] = self._texts.why_not(module)
                continue
            key = (module, unit.start, unit.end)
            if key != current:
                current = key
                parsed = self._parse(module, unit)
            if parsed is not None:
                hits.extend(self._judge(suspect, rules, parsed))
        return hits

    def _parse(self, module: Module, unit: Unit) -> Parsed | None:
        self.parsed_files.add(module.path)
        try:
            return Parsed(unit)
        except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError) as error:
            what = str(error).strip().partition("\n")[0]
            self.unparsable[module.path] = (
                f"the code near line {unit.start} cannot be judged: LibCST refuses it ({what})"
            )
            return None

    def _judge(self, suspect: Suspect, rules: Sequence[Rule], parsed: Parsed) -> list[Hit]:
        module, place = suspect.function.module, suspect.place
        span = self._texts.span_of(module, place)
        node = parsed.node(span, is_call=place.call >= 0)
        if node is None:
            self.unparsable[module.path] = (
                f"the code at line {span[0]} cannot be judged: LibCST places it elsewhere"
            )
            return []
        ancestors = parsed.ancestors(node)
        hits = []
        for rule in rules:
            verdict = _ask(rule, node, RuleContext(suspect, ancestors), f"{module.path}:{span[0]}")
            if verdict is not None:
                statement = parsed.statement(node, ancestors)
                hits.append(Hit(suspect, rule, span, statement, verdict.callee))
        return hits


def _ask(rule: Rule, node: cst.CSTNode, context: RuleContext, place: str) -> Verdict | None:
    if is_built_in(rule.file):
        return rule.judge(node, context)
    try:
        return rule.judge(node, context)
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        advice = f"report it to its authors, or leave it out with --ignore {rule.file.id}"
        raise RuleError(
            f"rule {rule.file.id} ({rule.file.check}) fails at {place}: {what}; {advice}"
        ) from error
