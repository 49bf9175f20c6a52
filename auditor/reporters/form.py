"""The sections that close the audit form, as plain lines for the verbose text report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.model import Report
from auditor.reporters.document import document
from auditor.reporters.document.actions import Action
from auditor.reporters.document.commands import METRICS
from auditor.reporters.document.score import FORMULA
from auditor.reporters.options import Options
from auditor.reporters.wording import cost_range, count, duration, marked

Section = tuple[str, list[str]]


def sections(report: Report, options: Options) -> Iterator[Section]:
    """Yield title and items of each section; items are prose in which backticks enclose code."""
    found = document(report, options)
    score = found.score
    parts = [f"{effect:+.2f}: {what}" for what, effect in score.parts]
    yield (
        "Vibe Score (Async Safety 1-10)",
        [f"{score.value:.1f} ({score.range}): {score.meaning}, {score.like}", score.verdict, *parts, FORMULA],
    )
    hotspots = [
        f"{finding.location.path}:{finding.location.line} | `{finding.callee}` | {cost_range(finding.cost)} | "
        f"{finding.fix_complexity.capitalize()}"
        for finding in found.findings
    ]
    yield (
        "Blocking Hotspots Summary",
        ["Location | Operation | Est. Block Time | Fix Complexity", *hotspots] if hotspots else ["none"],
    )
    yield (
        "Routes, and how long one pass through all their blocking calls takes",
        [
            f"`{route.name}` ({route.path}:{route.line}): {duration(route.seconds)}, {count(route.findings, 'finding')}"
            for route in found.routes
        ],
    )
    yield (
        "Executor Strategy Recommendation",
        [
            " ".join([f"{number}. {advice.question}: {advice.answer}.", *advice.reasons])
            for number, advice in enumerate(found.strategy.answers, 1)
        ],
    )
    yield "Fix Now (Before Load Test)", _items(found.fix_now)
    yield "Fix Soon (Next Iteration)", _items(found.fix_soon)
    yield "Monitor (Add Instrumentation)", [*METRICS, *(_items(found.monitor) if found.monitor else [])]
    yield "Verification Commands", [f"{command.title}:\n{command.text}" for command in found.commands]


def _items(actions: Sequence[Action]) -> list[str]:
    items = []
    for action in actions:
        worst = action.worst
        more = len(action.findings) - 1
        ends = f" (and {count(more, 'more call')} on the same way)" if more else ""
        places = ", ".join(f"{place.path}:{place.line}" for place in action.places)
        items.append(
            f"{worst.severity.name} {worst.code} at {places}: {worst.message}{ends}. Do: {marked(worst.advice)}"
        )
    return items or ["nothing"]
