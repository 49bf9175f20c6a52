"""From confirmed suspects to findings: one for each statement and set of exposures, with everything a report says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.model import Category, Confidence, Cost, Exposure, Finding, FixComplexity, Location, Phase, Severity, Step
from auditor.verdict import severity as scale
from auditor.verdict import words
from auditor.verdict.fingerprint import fingerprint
from auditor.verdict.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.engine.judge import Hit
    from auditor.engine.texts import Texts
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module
    from auditor.link.suspects import Exposed, Hop, Suspect

_UNKNOWN_COST: Final = Cost(0.001, 0.1, 10.0, "assumed")
_FOLDED_GROUPS: Final = frozenset({"file"})
_HOW: Final = {
    "call": "calls",
    "property": "reads a property:",
    "with": "enters",
    "iterate": "iterates over",
    "operator": "applies an operator:",
    "schedule": "schedules",
    "register": "registers",
    "drive": "runs",
    "offload": "hands over",
    "thread": "starts a thread with",
}


class Builder:
    """Makes findings of the hits of one run."""

    def __init__(self, evaluator: Evaluator, texts: Texts, dialect: str) -> None:
        self._evaluator = evaluator
        self._texts = texts
        self._statements = Statements(texts)
        self._dialect = dialect

    def build(self, hits: Sequence[Hit]) -> list[Finding]:
        """The findings, ordered by path, line, column and code."""
        kept = self._without_folded(self._without_early_results(hits))
        groups: dict[tuple[object, ...], list[Hit]] = {}
        for hit in kept:
            spots = frozenset(
                (e.hops[e.at].function.id, e.hops[e.at].place.line, e.hops[e.at].place.column)
                if e.at < len(e.hops) - 1
                else (hit.suspect.function.id, -1, -1)
                for e in hit.suspect.exposed
            )
            key = (hit.suspect.function.module.index, hit.statement, spots)
            groups.setdefault(key, []).append(hit)
        findings = [self._finding(group) for group in groups.values()]
        findings.sort(key=lambda x: (x.location.path, x.location.line, x.location.column, x.code))
        return findings

    # -- folding -----------------------------------------------------------------------------------------------

    def _without_early_results(self, hits: Sequence[Hit]) -> list[Hit]:
        """A call whose result is handed over is one finding there: not another one for each thing that it reaches."""
        early = {
            (hit.suspect.function.id, hit.suspect.handed_over.argument_call)
            for hit in hits
            if hit.suspect.handed_over is not None
        }
        if not early:
            return list(hits)
        kept = []
        for hit in hits:
            if hit.suspect.handed_over is None:
                hit.suspect.exposed = [
                    e
                    for e in hit.suspect.exposed
                    if not any((h.function.id, h.place.call) in early for h in e.hops[:-1])
                ]
                if not hit.suspect.exposed:
                    continue
            kept.append(hit)
        return kept

    def _without_folded(self, hits: Sequence[Hit]) -> list[Hit]:
        """Leave out calls on a handle that is opened by another hit of the same function: the opening stands for them."""
        opened = {
            (hit.suspect.function.id, hit.suspect.place.call)
            for hit in hits
            if hit.suspect.group in _FOLDED_GROUPS and hit.suspect.place.call >= 0
        }
        return [hit for hit in hits if not self._is_folded(hit, opened)]

    def _is_folded(self, hit: Hit, opened: set[tuple[int, int]]) -> bool:
        suspect = hit.suspect
        if suspect.group not in _FOLDED_GROUPS:
            return False
        module = suspect.function.module
        if suspect.place.call >= 0:
            receiver = module.facts.exprs[module.facts.calls[suspect.place.call][f.C_CALLEE]]
            start = receiver[1] if receiver[0] == f.ATTR else 0
        else:
            start = self._operand(suspect)
        pending, seen = [start], set()
        while pending:
            position = pending.pop()
            if not position or position in seen:
                continue
            seen.add(position)
            expression = module.facts.exprs[position]
            tag = expression[0]
            if tag == f.CALL:
                if expression[1] != suspect.place.call and (suspect.function.id, expression[1]) in opened:
                    return True
                callee = module.facts.exprs[module.facts.calls[expression[1]][f.C_CALLEE]]
                if callee[0] == f.ATTR:
                    pending.append(callee[1])
            elif tag in (f.ENTER, f.ITERATE, f.ITEM, f.ATTR):
                pending.append(expression[1])
            elif tag in (f.UNION, f.PHI):
                pending.extend(expression[1])
            elif tag == f.ANNOTATED:
                pending.append(expression[2])
        return False

    @staticmethod
    def _operand(suspect: Suspect) -> int:
        place = suspect.place
        facts = suspect.function.facts
        for record in (*facts.iterations, *facts.withs):
            if (record[2], record[3], record[5]) == (place.line, place.column, place.end_column):
                return record[0]
        return 0

    # -- one finding -------------------------------------------------------------------------------------------

    def _finding(self, group: list[Hit]) -> Finding:
        group.sort(key=lambda h: (h.rule.file.precedence, h.span))
        first = group[0]
        suspect = first.suspect
        rule = first.rule.file
        costly = max(group, key=lambda h: self._cost(h)[0].typical)
        cost, bounded = self._cost(costly)
        bounded = bounded and all(self._cost(h)[1] for h in group)
        in_loop = self._in_loop(suspect)
        exposed = sorted(suspect.exposed, key=lambda e: (e.rank(), self._spot(e)))
        best = exposed[0]
        phase = c.phase_of(best.context)
        if rule.severity is not None:
            severity = rule.severity
        else:
            severity = max(self._severity(h, best, in_loop=in_loop) for h in group)
        api = costly.suspect.sink.api if costly.suspect.sink is not None else None
        path, line = self._locate(suspect.function.module, first.span[0])
        end_line = self._locate(suspect.function.module, first.span[2])[1]
        callee = _shown(first.callee)
        function = suspect.function.qualname
        gil = api.gil if api is not None else "switches"
        message = rule.message.format(
            callee=callee,
            duration=words.duration(cost, bounded=bounded),
            function=function,
            instead=words.advice(api.instead, self._dialect) if api is not None else "",
        )
        return Finding(
            code=rule.id,
            name=rule.name,
            severity=severity,
            confidence=best.confidence,
            category=self._category(group, best, api.category if api is not None else Category.EVENT_LOOP_BLOCKING),
            location=Location(path, line, first.span[1], end_line, first.span[3]),
            function=function,
            callee=callee,
            context="loop",
            phase=phase,
            chain=self._chain(best, callee, rule.id),
            exposures=tuple(self._exposure(e, callee, rule.id) for e in sorted(exposed, key=self._spot)),
            impact=words.impact(cost, phase, len(exposed), bounded=bounded, in_loop=in_loop),
            fix_complexity=_complexity(suspect),
            cost=cost,
            gil=gil,
            message=message,
            verify=words.verification(callee, function, path, line),
            advice=words.advice(api.instead, self._dialect) if api is not None else _advice_for(rule.id),
            tradeoffs=words.tradeoffs(gil, thread_safe=api.thread_safe if api is not None else True),
            also=tuple(sorted({h.rule.file.id for h in group} - {rule.id})),
        )

    def _cost(self, hit: Hit) -> tuple[Cost, bool]:
        sink = hit.suspect.sink
        if sink is None:
            return self._handed_over_cost(hit)
        arguments = sink.arguments or NO_ARGUMENTS
        return sink.api.cost_for(arguments), sink.api.is_bounded(arguments)

    def _handed_over_cost(self, hit: Hit) -> tuple[Cost, bool]:
        """The cost of the call whose result is handed over, where the catalog knows it."""
        handed_over = hit.suspect.handed_over
        if handed_over is not None:
            module = hit.suspect.function.module
            callee = module.facts.calls[handed_over.argument_call][f.C_CALLEE]
            for value in self._evaluator.values(module, callee):
                if value.kind == v.EXTERNAL:
                    api = self._evaluator.catalog.api(value.a)
                    if api is not None and api.effect == "blocks":
                        return api.cost_for(), api.is_bounded()
        return _UNKNOWN_COST, True

    def _severity(self, hit: Hit, best: Exposed, *, in_loop: bool) -> Severity:
        cost, bounded = self._cost(hit)
        base = scale.of_cost(cost, bounded=bounded)
        return scale.in_place(base, phase=c.phase_of(best.context), in_loop=in_loop, roles=best.roles)

    @staticmethod
    def _category(group: list[Hit], best: Exposed, category: Category) -> Category:
        return Category.WEBSOCKET if "websocket" in best.roles else category

    @staticmethod
    def _in_loop(suspect: Suspect) -> bool:
        if suspect.place.call >= 0:
            call = suspect.function.module.facts.calls[suspect.place.call]
            return bool(call[f.C_FLAGS] & f.IN_LOOP)
        region = suspect.sink.region if suspect.sink is not None else 0
        regions = suspect.function.module.facts.regions
        while region:
            if regions[region][0] == f.LOOP:
                return True
            region = regions[region][1]
        return False

    # -- paths -------------------------------------------------------------------------------------------------

    def _spot(self, exposed: Exposed) -> tuple[str, int, int]:
        hop = exposed.hops[exposed.at]
        return (hop.function.module.path, hop.place.line, hop.place.column)

    def _locate(self, module: Module, line: int) -> tuple[str, int]:
        text = self._texts.text(module)
        return text.locate(line) if text is not None else (module.path, line)

    def _place(self, hop: Hop) -> tuple[str, int, int]:
        module = hop.function.module
        path, line = self._locate(module, hop.place.line)
        return path, line, self._texts.column(module, hop.place.line, hop.place.column)

    def _chain(self, exposed: Exposed, callee: str, code: str) -> tuple[Step, ...]:
        steps = []
        for index, hop in enumerate(exposed.hops):
            path, line, column = self._place(hop)
            if hop.edge is None:
                note = f"`{callee}` runs here"
            else:
                note = f"{_HOW.get(hop.edge.how, 'calls')} `{_short(hop.edge.target.function)}`"
            if index == 0 and exposed.why:
                note = f"{_why(exposed.why)}; {note}"
            steps.append(Step(path, line, column, hop.function.qualname, note))
        return tuple(steps)

    def _exposure(self, exposed: Exposed, callee: str, code: str) -> Exposure:
        hop = exposed.hops[exposed.at]
        path, line, column = self._place(hop)
        statement = self._statements.normalised(hop.function, hop.place)
        name = hop.function.qualname
        return Exposure(
            path, line, column, name, fingerprint(code, hop.function.module.path, name, statement),
            self._chain(exposed, callee, code),
        )  # fmt: skip


def _shown(dotted: str) -> str:
    return dotted.removeprefix("builtins.")


def _short(function: Function) -> str:
    return function.facts.qualname or function.module.name


def _why(why: str) -> str:
    return _ROLES.get(why, why)


_ROLES: Final = {
    "endpoint": "request handler",
    "websocket": "WebSocket handler",
    "middleware": "middleware: every request passes it",
    "startup": "runs at startup",
    "shutdown": "runs at shutdown",
    "dependency": "dependency of request handlers",
    "background-task": "background task",
    "callback": "callback on the event loop",
    "task": "task on the event loop",
    "registered": "registered with the framework",
}


def _complexity(suspect: Suspect) -> FixComplexity:
    direct = all(e.at == len(e.hops) - 1 for e in suspect.exposed)
    if direct and suspect.place.call >= 0:
        return "low"
    return "medium" if len(suspect.exposed) <= 3 else "high"


def _advice_for(code: str) -> str:
    return "hand over the function and its arguments: to_thread(f, x), not to_thread(f(x))"


__all__ = ["Builder", "Confidence", "Phase"]
