"""From confirmed suspects to findings: one for each statement and set of exposures, with all that a report says."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.catalog.values import NO_COST
from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.link.exposures import ALONE
from auditor.link.once import is_once
from auditor.link.wording import short_name
from auditor.model import Category, Cost, Finding, FixComplexity, Location, Severity, Thread
from auditor.verdict import severity as scale
from auditor.verdict import words
from auditor.verdict.examples import Examples
from auditor.verdict.folding import FOLDED_GROUPS, Early, Handles, Waits, entered, opened_by
from auditor.verdict.naming import Naming
from auditor.verdict.paths import Paths
from auditor.verdict.pieces import in_pieces, opened_for_pieces
from auditor.verdict.repetition import rounds

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from auditor.catalog.values import Api
    from auditor.engine.judge import Hit
    from auditor.engine.texts import Texts
    from auditor.link.evaluate import Evaluator
    from auditor.link.suspects import Exposed, Suspect
    from auditor.model import Fix, Gil
    from auditor.verdict.folding import Call

    class Fixer(Protocol):
        """What makes fixes of the hits of a finding and some of its exposures."""

        def fixes(
            self, hits: Sequence[Hit], exposed: Sequence[Exposed], *, is_handle: bool
        ) -> tuple[Fix, ...]: ...


_UNKNOWN_COST: Final = Cost(0.001, 0.1, 10.0, "assumed")
_FEW_EXPOSURES: Final = 3


class Builder:
    """Makes findings of the hits of one run."""

    def __init__(self, evaluator: Evaluator, texts: Texts, dialect: str, fixer: Fixer | None = None) -> None:
        self._evaluator = evaluator
        self._paths = Paths(texts)
        self._naming = Naming(evaluator.catalog, texts)
        self._dialect = dialect
        self._fixer = fixer
        self._early = Early(())
        self._handles = Handles(())
        self._waits = Waits(())
        self._pieces: dict[Call, bool] = {}
        self._examples = Examples(evaluator.program.modules)

    def groups(self, hits: Sequence[Hit], codes: Container[str]) -> list[list[Hit]]:
        """The hits that are one finding each: those of one statement with the same exposures; the rule that names the
        finding comes first. Hits of rules that are not among ``codes`` only decide which others belong to them.
        """
        self._early = Early(hits)
        kept = self._early.without_reached(hits)
        self._handles = Handles(kept)
        self._waits = Waits(kept)
        groups: dict[tuple[object, ...], list[Hit]] = {}
        for hit in self._handles.without_used(kept):
            groups.setdefault(_identity(hit), []).append(hit)
        for group in groups.values():
            group.sort(key=lambda hit: (hit.rule.file.precedence, hit.span))
            group.extend(self._handles.others(group))
        groups = {key: kept for key, group in groups.items() if (kept := _shown(group, codes))}
        self._paths.prepare(e for group in groups.values() for e in group[0].suspect.exposed)
        return list(groups.values())

    def exposed(self, group: Sequence[Hit]) -> list[Exposed]:
        """The exposures of a group, by place."""
        return sorted(group[0].suspect.exposed, key=self._paths.spot)

    def finding(self, group: Sequence[Hit], exposed: Sequence[Exposed]) -> Finding:
        """The finding for some hits of a group and some of its exposures, which are those of the finding, in order."""
        first = group[0]
        suspect, rule = first.suspect, first.rule.file
        best = min(exposed, key=lambda e: (e.rank(), self._paths.spot(e)))
        phase = c.phase_of(best.context)
        costly = max(group, key=lambda hit: self._cost(hit).typical)
        cost, api = self._cost(costly), self._api(costly)
        if any(math.isinf(self._cost(hit).high) for hit in group):
            cost = replace(cost, high=math.inf)
        repeated = rounds(suspect)
        in_loop = repeated > 1
        path, line = self._paths.locate(suspect.function.module, first.span[0])
        _, end_line = self._paths.locate(suspect.function.module, first.span[2])
        callee = self._callee(first)
        function = suspect.function.qualname
        advice = self._advice(suspect, exposed, api, best, callee)
        last = _last_step(suspect, callee)
        named = {
            "callee": callee,
            "duration": words.duration(cost),
            "function": function,
            "instead": _instead(suspect, api, self._dialect),
        }
        return Finding(
            code=rule.id,
            name=rule.name,
            severity=self._severity(group, best, exposed, repeated),
            confidence=best.confidence,
            category=_category(best, api),
            location=Location(path, line, first.span[1], end_line, first.span[3]),
            function=function,
            callee=callee,
            context=_where(suspect, best),
            phase=phase,
            chain=self._paths.chain(best, last),
            exposures=tuple(self._paths.exposure(e, rule.id, last) for e in exposed),
            impact=rule.impact.format_map(named)
            or words.impact(
                cost, phase, len(exposed), in_loop=in_loop, alone=rule.blocks and ALONE in best.roles
            ),
            fix_complexity=_complexity(suspect, exposed),
            cost=cost,
            gil=_gil(costly, api),
            message=rule.message.format_map(named),
            verify=tuple(text.format_map(named) for text in rule.verify)
            or words.verification(callee, function, path, line, cost),
            advice=rule.advice.format_map(named) or advice,
            tradeoffs=tuple(text.format_map(named) for text in rule.tradeoffs)
            or words.tradeoffs(advice, api),
            also=tuple(sorted({hit.rule.file.id for hit in group} - {rule.id})),
        )

    def mended(self, finding: Finding, group: Sequence[Hit], exposed: Sequence[Exposed]) -> Finding:
        """The finding with its fixes, where fixes are asked for."""
        if self._fixer is None or not group:
            return finding
        is_handle = any(self._handles.is_used(hit.suspect) for hit in group)
        fixes = self._fixer.fixes(group, exposed, is_handle=is_handle)
        return replace(finding, fixes=fixes) if fixes else finding

    # -- cost and severity -------------------------------------------------------------------------------------

    def _cost(self, hit: Hit) -> Cost:
        """How long the call takes; ``high`` is infinite where it waits on another party without a limit."""
        sink = hit.suspect.sink
        if sink is not None:
            arguments = sink.arguments or NO_ARGUMENTS
            little = self._piecemeal(hit.suspect)
            if little is not None:
                return little
            cost = sink.api.cost_for(arguments)
            if hit.suspect.group in FOLDED_GROUPS:
                used = [self._cost(one) for one in self._handles.used(hit.suspect)]
                cost = max([cost, *used], key=lambda cost: cost.typical)
            return cost if sink.api.is_bounded(arguments) else replace(cost, high=math.inf)
        reached = self._early.reached(hit)
        if reached:
            return max((self._cost(inner) for inner in reached), key=lambda cost: cost.typical)
        api = self._api(hit)
        if api is not None:
            return api.cost_for()
        return _UNKNOWN_COST if hit.rule.file.blocks else NO_COST

    def _piecemeal(self, suspect: Suspect) -> Cost | None:
        """The cost of a call on a file, where it moves one piece of many, or opens the file for such calls."""
        api = suspect.sink.api if suspect.sink is not None else None
        cost = api.opening or api.piecemeal if api is not None else None
        if api is None or cost is None:
            return None
        number = suspect.place.call if suspect.place.call >= 0 else entered(suspect)
        if number < 0:
            return None
        key = (suspect.function.id, number)
        if key not in self._pieces:
            self._pieces[key] = (
                opened_for_pieces(suspect.function, number, self._handles.takers(suspect))
                or self._waits.are_within(suspect.function, number)
                if api.opening is not None
                else in_pieces(suspect.function, number, opened_by(suspect))
            )
        return cost if self._pieces[key] else None

    def _api(self, hit: Hit) -> Api | None:
        """What the catalog says of the call; for one whose result is handed over, of the worst that it reaches."""
        if hit.suspect.sink is not None:
            return hit.suspect.sink.api
        reached = self._early.reached(hit)
        if reached:
            return self._api(max(reached, key=lambda inner: self._cost(inner).typical))
        for value in self._early_callees(hit.suspect):
            if value.kind == v.EXTERNAL:
                api = self._evaluator.catalog.api(value.a)
                if api is not None and api.effect == "blocks":
                    return api
        return None

    def _severity(
        self, group: Sequence[Hit], best: Exposed, exposed: Sequence[Exposed], repeated: float
    ) -> Severity:
        rule = group[0].rule.file
        if self._examples.holds(best.hops[best.at].function.module) or (rule.blocks and ALONE in best.roles):
            return Severity.MONITOR
        fixed = rule.severity
        if fixed is not None:
            return scale.by_phase(fixed, c.phase_of(best.context))
        phase = c.phase_of(best.context)
        costs = [self._cost(hit) for hit in group]
        if not math.isinf(repeated):
            costs = [replace(cost, typical=cost.typical * repeated) for cost in costs]
        return scale.in_place(
            max(scale.of_cost(cost, phase) for cost in costs),
            max(cost.typical for cost in costs),
            phase=phase,
            many=math.isinf(repeated),
            once=all(any(map(is_once, one.hops)) for one in exposed),
            roles=best.roles,
        )

    # -- words -------------------------------------------------------------------------------------------------

    def _early_callees(self, suspect: Suspect) -> v.Values:
        if suspect.handed_over is None:
            return ()
        module = suspect.function.module
        callee = module.facts.calls[suspect.handed_over.argument_call][f.C_CALLEE]
        return self._evaluator.values(module, callee)

    def _callee(self, hit: Hit) -> str:
        """What is called, as the report shows it."""
        for value in self._early_callees(hit.suspect):
            if value.kind == v.EXTERNAL:
                return value.a.removeprefix("builtins.")  # type: ignore[no-any-return]
            function = value.a.a if value.kind == v.BOUND else value.a
            if value.kind in (v.FUNCTION, v.BOUND):
                return short_name(function)
        return self._naming.shown(hit.suspect, hit.callee)

    def _advice(
        self, suspect: Suspect, exposed: Sequence[Exposed], api: Api | None, best: Exposed, callee: str
    ) -> str:
        if suspect.handed_over is not None:
            return words.hand_over(callee, suspect.handed_over.offloader)
        instead = _instead(suspect, api, self._dialect)
        hop = best.hops[best.at]
        implied = suspect.place.call < 0
        if (
            _is_direct(exposed)
            and (implied or self._handles.is_used(suspect))
            and words.means_thread(instead, self._dialect)
        ):
            return words.advice_for_handle(self._dialect)
        if _is_direct(exposed) or hop.edge is None or hop.edge.how != "call":
            return words.advice(instead, callee, self._dialect)
        return words.advice_for_helper(instead, callee, short_name(hop.edge.target.function), self._dialect)


def _shown(group: list[Hit], codes: Container[str]) -> list[Hit]:
    return [hit for hit in group if hit.rule.file.id in codes]


def _identity(hit: Hit) -> tuple[object, ...]:
    """What two hits have in common that are one finding."""
    spots = frozenset(
        (e.hops[e.at].function.id, e.hops[e.at].place.line, e.hops[e.at].place.column)
        if e.at < len(e.hops) - 1
        else (hit.suspect.function.id, -1, -1)
        for e in hit.suspect.exposed
    )
    # what a thread does wrong is another fault than what the loop does at the same place
    off_loop = hit.suspect.domain in (c.THREAD_DOMAIN, c.MAIN_DOMAIN)
    domain = hit.suspect.domain if off_loop else c.LOOP_DOMAIN
    return (hit.suspect.function.module.index, hit.statement, domain, spots)


def _where(suspect: Suspect, best: Exposed) -> str:
    """The one word of a report for the context: loop, thread, process, main or unknown."""
    domain = c.DOMAIN[best.context] if suspect.misuse is not None else suspect.domain
    if domain == c.THREAD_DOMAIN:
        return "process" if c.thread_of(best.context) == Thread.PROCESS else "thread"
    if suspect.misuse is not None and domain == c.ELSEWHERE:
        return "unknown"
    return "main" if domain == c.MAIN_DOMAIN else "loop"


def _gil(hit: Hit, api: Api | None) -> Gil:
    """Whether the call holds the GIL, which may depend on its arguments."""
    if api is None:
        return "mixed"
    sink = hit.suspect.sink
    return api.gil_for(sink.arguments or NO_ARGUMENTS) if sink is not None else api.gil_for()


def _category(best: Exposed, api: Api | None) -> Category:
    if "websocket" in best.roles:
        return Category.WEBSOCKET
    return api.category if api is not None else Category.EVENT_LOOP_BLOCKING


def _instead(suspect: Suspect, api: Api | None, dialect: str) -> str:
    if suspect.handed_over is not None:
        return suspect.handed_over.offloader
    if suspect.misuse is not None:
        return suspect.misuse.what
    return (api.instead.get(dialect) or api.instead.get("asyncio") or "") if api is not None else ""


def _last_step(suspect: Suspect, callee: str) -> str:
    if suspect.handed_over is not None:
        return f"calls `{callee}`, and hands the result to `{suspect.handed_over.offloader}`"
    return f"calls `{callee}`" if suspect.place.call >= 0 else f"runs `{callee}`"


def _is_direct(exposed: Sequence[Exposed]) -> bool:
    """Whether all exposures stand at the call itself."""
    return all(e.at == len(e.hops) - 1 for e in exposed)


def _complexity(suspect: Suspect, exposed: Sequence[Exposed]) -> FixComplexity:
    """Low: one call to replace where it stands. Medium: a helper to offload or rewrite. High: with many callers."""
    if _is_direct(exposed):
        return "low" if suspect.place.call >= 0 else "medium"
    return "medium" if len(exposed) <= _FEW_EXPOSURES else "high"
