"""Diagnostics of tools that look at one function at a time, as findings beside our own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from auditor.index import facts as f
from auditor.index import files
from auditor.link.nodes import Place
from auditor.model import Category, Confidence, Cost, Exposure, Finding, Location, Phase, Severity, Step
from auditor.verdict.fingerprint import fingerprint
from auditor.verdict.ruff_codes import LOOP_CODES
from auditor.verdict.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from auditor.engine.judge import Hit
    from auditor.engine.texts import Texts
    from auditor.link.program import Function, Module, Program

COST: Final = Cost(0.001, 0.1, 10.0, "assumed")
_LONGEST: Final = 60


class Diagnostic(NamedTuple):
    """One diagnostic. ``path`` is absolute; ``cell`` is 0 but in notebooks, where lines are those of the cell."""

    code: str
    name: str
    message: str
    path: str
    cell: int
    line: int
    column: int
    end_line: int
    end_column: int


class Lexical:
    """Makes findings of diagnostics that say what no hit says. ``off`` are those of our rules that are turned off: not
    those that are only not yet on, as preview rules are.
    """

    def __init__(self, program: Program, texts: Texts, off: Collection[str]) -> None:
        self._texts = texts
        self._statements = Statements(texts)
        self._modules = {os.path.realpath(module.path): module for module in program.modules}
        self._off = frozenset(off)

    def findings(self, diagnostics: Iterable[Diagnostic], hits: Sequence[Hit]) -> list[Finding]:
        """The findings, by place."""
        said: dict[Module, list[tuple[str, int, int]]] = {}
        for hit in hits:
            said.setdefault(hit.suspect.function.module, []).append(
                (hit.rule.file.id, hit.span[0], hit.span[2])
            )
        found = []
        for diagnostic in diagnostics:
            module = self._modules.get(os.path.realpath(diagnostic.path))
            shift = self._shift(module, diagnostic.cell) if module is not None else None
            if module is None or shift is None or self._is_ours(diagnostic, said.get(module, ()), shift):
                continue
            found.append(self._finding(diagnostic, module, shift))
        found.sort(key=lambda x: (x.location.path, x.location.line, x.location.column, x.code))
        return found

    def _shift(self, module: Module, cell: int) -> int | None:
        """What to add to a line of a cell to make it one of the module's text."""
        if not cell:
            return 0
        text = self._texts.text(module)
        first = text.line_of(cell, 1) if text is not None else None
        return None if first is None else first - 1

    def _is_ours(
        self, diagnostic: Diagnostic, said: Sequence[tuple[str, int, int]] | tuple[()], shift: int
    ) -> bool:
        """Whether one of our rules says it already, or would if it were not turned off."""
        codes = LOOP_CODES.get(diagnostic.code, ())
        if codes and self._off.issuperset(codes):
            return True
        first, last = diagnostic.line + shift, diagnostic.end_line + shift
        return any(code in codes and start <= last and first <= end for code, start, end in said)

    def _finding(self, diagnostic: Diagnostic, module: Module, shift: int) -> Finding:
        line, end_line = diagnostic.line + shift, diagnostic.end_line + shift
        function = _innermost(module, line)
        source = self._texts.lines(module)
        text = source[line - 1] if 0 < line <= len(source) else ""
        start = len(text[: diagnostic.column - 1].encode("utf-8", "surrogatepass"))
        statement = self._statements.normalised(function, Place(line, start, end_line, start))
        path = module.path
        if diagnostic.cell and path.endswith(files.NOTEBOOK_SUFFIX):
            path = f"{path}:cell {diagnostic.cell}"
        step = Step(path, diagnostic.line, diagnostic.column, function.qualname, "seen in its text")
        name = fingerprint(diagnostic.code, module.name, function.facts.qualname, statement)
        end = diagnostic.end_column - 1 if end_line == line else None
        callee = text[diagnostic.column - 1 : end].strip()
        message = diagnostic.message
        return Finding(
            code=diagnostic.code,
            name=diagnostic.name,
            severity=Severity.MONITOR if module.is_test else Severity.MEDIUM,
            confidence=Confidence.HIGH,
            category=Category.EVENT_LOOP_BLOCKING,
            location=Location(
                path, diagnostic.line, diagnostic.column, diagnostic.end_line, diagnostic.end_column
            ),
            function=function.qualname,
            callee=callee if len(callee) <= _LONGEST else "",
            context="loop",
            phase=Phase.TEST if module.is_test else Phase.SERVING,
            chain=(step,),
            exposures=(Exposure(path, step.line, step.column, function.qualname, name, (step,)),),
            impact="ruff saw this in the text of the coroutine function; where it is called was not looked at.",
            fix_complexity="low",
            cost=COST,
            gil="mixed",
            message=message,
            verify=(f"`ruff rule {diagnostic.code}` tells what is wrong with it",),
            advice=f"see `ruff rule {diagnostic.code}`",
            tradeoffs=(),
        )


def _innermost(module: Module, line: int) -> Function:
    """The innermost function around a line of the module's text."""
    return max(
        (
            function
            for function in module.functions
            if function.facts.kind == f.MODULE_BODY
            or (function.facts.kind != f.LAMBDA and function.facts.line <= line <= function.facts.end_line)
        ),
        key=lambda function: (function.facts.kind != f.MODULE_BODY, function.facts.line),
    )
