"""The whole audit as Markdown (GitHub's flavour), in the audit form and under its headings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from auditor.model import Finding, Report, Severity, Step
from auditor.reporters.cells import escape
from auditor.reporters.document import Document, covered, document
from auditor.reporters.document.actions import Action
from auditor.reporters.document.code import FIXES_SHOWN, Sources
from auditor.reporters.document.commands import METRICS
from auditor.reporters.document.evidence import Seen
from auditor.reporters.document.score import FORMULA
from auditor.reporters.document.strategy import Advice
from auditor.reporters.machine import plain
from auditor.reporters.markdown_text import code, fence, prose, table, text
from auditor.reporters.observed import RAN
from auditor.reporters.options import DEFAULT, Options
from auditor.reporters.output import write
from auditor.reporters.wording import (
    CATEGORIES,
    PHASES,
    SCALE,
    cost_range,
    count,
    duration,
    marked,
    short_function,
)

_CONTEXT = 2
_HOTSPOTS = 100
_PLACES = 4
_ITEMS = 60


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write the audit document."""
    found = document(report, options)
    lines: list[str] = []
    for line in _document(found, Sources(options)):
        if line or (lines and lines[-1]):
            lines.append(line)
    write(out, "\n".join(lines).rstrip("\n") + "\n")


def _document(found: Document, sources: Sources) -> Iterator[str]:
    yield from _head(found)
    yield from _first(found)
    yield from _score(found)
    yield from _hotspots(found)
    yield from _plan(found)
    yield from _findings(found, sources)
    yield from _strategy(found)
    yield from _commands(found)
    yield from _evidence(found)
    yield from _rest(found)


def _head(found: Document) -> Iterator[str]:
    yield f"# Async safety audit{f' of {code(found.title)}' if found.title else ''}"
    yield ""
    yield f"**{found.score.value:.1f} of 10: {found.score.meaning}.** {prose(found.score.verdict)}"
    yield ""
    totals = {level: sum(one.severity is level for one in found.findings) for level in reversed(Severity)}
    yield from table(
        [level.name for level in totals], [[f"{number:,}" for number in totals.values()]], frozenset(range(4))
    )
    yield ""
    yield SCALE
    yield ""
    yield f"{covered(found)}"
    yield ""


def _first(found: Document) -> Iterator[str]:
    if not found.first:
        return
    yield "## What to do first"
    yield ""
    for number, action in enumerate(found.first, 1):
        yield f"{number}. {_action(action, found)}"
    yield ""


def _action(action: Action, found: Document) -> str:
    worst = action.worst
    places = ", ".join(code(f"{place.path}:{place.line}") for place in action.places[:_PLACES])
    if len(action.places) > _PLACES:
        places += f" and {count(len(action.places) - _PLACES, 'more place')}"
    more = len(action.findings) - 1
    ends = f" (and {count(more, 'more call')} on the same way)" if more else ""
    anchor = found.ids[found.findings.index(worst)]
    advice = prose(marked(worst.advice)).rstrip(".")
    problem = f"{prose(worst.message)}{ends}. Do: {advice}."
    return f"**{worst.severity.name}** [{text(worst.code)}](#{anchor}) at {places}: {problem}"


def _score(found: Document) -> Iterator[str]:
    score = found.score
    yield "## Vibe Score (Async Safety 1-10)"
    yield ""
    yield f"**{score.value:.1f}** ({score.range}: {score.like})."
    yield ""
    if score.parts:
        rows = [
            ["a program without findings", "10.00"],
            *([text(what), f"{effect:+.2f}"] for what, effect in score.parts),
        ]
        rows.append(["**score**, rounded down", f"**{score.value:.1f}**"])
        yield from table(["part", "effect"], rows, frozenset({1}))
        yield ""
    yield FORMULA.replace("*", "\\*")
    yield ""


def _hotspots(found: Document) -> Iterator[str]:
    yield "## Blocking Hotspots Summary"
    yield ""
    if not found.findings:
        yield "None."
        yield ""
        return
    rows = [
        [
            code(f"{finding.location.path}:{finding.location.line}"),
            code(finding.callee),
            _duration(finding),
            finding.fix_complexity.capitalize(),
        ]
        for finding in found.findings[:_HOTSPOTS]
    ]
    yield from table(["Location", "Operation", "Est. Block Time", "Fix Complexity"], rows)
    if len(found.findings) > _HOTSPOTS:
        yield ""
        yield f"The worst {_HOTSPOTS} of {len(found.findings):,}."
    yield ""
    yield "What one pass through all blocking calls below a route takes:"
    yield ""
    rows = [
        [
            f"{code(route.name)} ({code(f'{route.path}:{route.line}')})",
            text(route.how)
            + ("" if route.how and PHASES[route.phase] in route.how else f", {PHASES[route.phase]}"),
            route.worst.name,
            f"{route.findings:,}",
            duration(route.seconds),
        ]
        for route in found.routes[:_ITEMS]
    ]
    yield from table(["Route", "Runs as", "Worst", "Findings", "Blocks for"], rows, frozenset({3, 4}))
    yield ""


def _duration(finding: Finding) -> str:
    return text(cost_range(finding.cost))


def _plan(found: Document) -> Iterator[str]:
    yield from _actions("Fix Now (Before Load Test)", found.fix_now, found)
    yield from _actions("Fix Soon (Next Iteration)", found.fix_soon, found)
    yield "## Monitor (Add Instrumentation)"
    yield ""
    yield "Measure:"
    yield ""
    for metric in METRICS:
        yield f"- {text(metric)}"
    yield ""
    if found.monitor:
        number = sum(len(action.findings) for action in found.monitor)
        yield f"{count(number, 'short call')} to watch:"
        yield ""
        yield from _items(found.monitor, found)


def _actions(title: str, actions: Sequence[Action], found: Document) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if not actions:
        yield "Nothing."
    yield from _items(actions, found)
    yield ""


def _items(actions: Sequence[Action], found: Document) -> Iterator[str]:
    for action in actions[:_ITEMS]:
        yield f"- {_action(action, found)}"
    if len(actions) > _ITEMS:
        yield f"- and {len(actions) - _ITEMS:,} more"
    yield ""


def _findings(found: Document, sources: Sources) -> Iterator[str]:
    yield "## Findings"
    yield ""
    if not found.findings:
        yield "None."
        yield ""
    by_place = sorted(range(len(found.findings)), key=lambda at: found.findings[at].location)
    texts = {
        at: list(_finding(found, at, sources)) for at in by_place
    }  # file by file, so that each is read once
    for at in range(len(found.findings)):
        yield from texts[at]


def _finding(found: Document, at: int, sources: Sources) -> Iterator[str]:
    finding, where = found.findings[at], found.findings[at].location
    lines = f"{where.line}" if where.end_line == where.line else f"{where.line}-{where.end_line}"
    yield f'### <a id="{found.ids[at]}"></a>{at + 1}. {text(finding.code)} {text(finding.name)} in {code(where.path)}'
    yield ""
    yield f"**\\[SEVERITY: {finding.severity.name}\\]**"
    yield ""
    yield f"**Location:** {code(where.path)} : {lines}, in {code(short_function(finding.function, where.path))}"
    yield ""
    yield f"**Risk Category:** {CATEGORIES[finding.category]}"
    yield ""
    shown = sources.around(where, _CONTEXT)
    if shown:
        width = len(str(shown[-1].number))
        body = [
            f"{'>' if line.marked else ' '} {line.number:>{width}} | {plain(escape(line.text))}".rstrip()
            for line in shown
        ]
        yield from fence("\n".join(body), "python")
        yield ""
    yield "**The Problem:**"
    yield ""
    yield f"- {prose(finding.message)}"
    yield f"- How it gets there: {_path(finding.chain)}"
    if len(finding.exposures) > 1:
        places = ", ".join(code(f"{one.path}:{one.line}") for one in finding.exposures[: 2 * _PLACES])
        more = len(finding.exposures) - 2 * _PLACES
        yield f"- Reached from {places}{f' and {more:,} more' if more > 0 else ''}"
    yield ""
    yield "**Blocking Duration Estimate:**"
    yield ""
    yield f"- {_duration(finding)} ({finding.cost.source}), {PHASES[finding.phase]}"
    seen = found.evidence.seen.get(at)
    if seen is not None:
        yield f"- Seen at run time: {_seen(seen)}"
    elif finding.observed is not None:
        yield f"- Seen at run time: {RAN}"
    yield f"- Impact on concurrent requests: {prose(finding.impact)}"
    yield f"- Confidence: {finding.confidence.label.capitalize()}"
    yield ""
    yield from _list("How to Verify", finding.verify)
    yield from _list("The Fix", [marked(finding.advice), f"Complexity: {finding.fix_complexity}"])
    for fix in finding.fixes[:FIXES_SHOWN]:
        diff = sources.diff(fix)
        options = "--fix" if fix.safety == "safe" else "--fix --unsafe-fixes"
        yield f"{text(fix.title)} ({fix.safety}, `auditor check {options}`):"
        yield ""
        if diff:
            yield from fence(plain(diff), "diff")
            yield ""
    if len(finding.fixes) > FIXES_SHOWN:
        yield f"{len(finding.fixes) - FIXES_SHOWN:,} more at other calls, see `auditor check --diff --unsafe-fixes`."
        yield ""
    yield from _list("Trade-off Consideration", finding.tradeoffs)


def _list(title: str, items: Sequence[str]) -> Iterator[str]:
    present = [item for item in items if item]
    if not present:
        return
    yield f"**{title}:**"
    yield ""
    for item in present:
        yield f"- {prose(' '.join(item.split()))}"
    yield ""


def _path(chain: Sequence[Step]) -> str:
    steps = [
        f"{code(short_function(step.function, step.path))} ({code(f'{step.path}:{step.line}')})"
        for step in chain
    ]
    origin, _, _ = chain[0].note.rpartition("; ")
    return (f"{text(origin)}: " if origin else "") + " → ".join(steps)


def _seen(seen: Seen) -> str:
    where = f", on {', '.join(map(code, seen.routes[:_PLACES]))}" if seen.routes else ""
    return (
        f"{count(seen.stalls, 'stall')}, the longest {duration(seen.longest)}, {duration(seen.total)} in all "
        f"({text(', '.join(seen.kinds))}){where}"
    )


def _strategy(found: Document) -> Iterator[str]:
    yield "## Executor Strategy Recommendation"
    yield ""
    if found.strategy.workloads:
        rows = [
            [
                text(load.what),
                f"{load.calls:,}",
                duration(load.typical),
                f"{duration(load.heaviest)} ({code(load.root)})",
            ]
            for load in found.strategy.workloads
        ]
        yield from table(["What the calls do", "Calls", "Longest", "One pass"], rows, frozenset({1, 2}))
        yield ""
    for number, advice in enumerate(found.strategy.answers, 1):
        yield from _advice(number, advice)


def _advice(number: int, advice: Advice) -> Iterator[str]:
    yield f"### {number}. {advice.question}: {advice.answer}"
    yield ""
    for reason in advice.reasons:
        yield f"- {prose(reason)}"
    yield ""
    if advice.code:
        yield from fence(advice.code, "python")
        yield ""


def _commands(found: Document) -> Iterator[str]:
    yield "## Verification Commands"
    yield ""
    body = "\n\n".join(f"# {command.title}\n{command.text}" for command in found.commands)
    body = "\n".join(plain(escape(line)) for line in body.split("\n"))
    yield from fence(body, "bash")
    yield ""


def _evidence(found: Document) -> Iterator[str]:
    if not found.evidence.stalls:
        return
    yield "## Seen at run time"
    yield ""
    explained = sum(seen.stalls for seen in found.evidence.seen.values())
    yield f"{count(found.evidence.stalls, 'stall')}, {explained:,} of them at a place that a finding above names."
    yield ""
    for seen in found.evidence.others[:_ITEMS]:
        yield f"- {code(seen.place) if seen.place else 'at a place that was not seen'}: {_seen(seen)}"
    yield ""


def _rest(found: Document) -> Iterator[str]:
    report = found.report
    entries = [
        (
            "Not analysed",
            [
                f"{code(entry.path)}: {text(entry.reason)}"
                for entry in sorted(report.not_analysed, key=lambda e: (e.path, e.reason))
            ],
        ),
        (
            "To tidy up",
            [
                f"{code(f'{one.path}:{one.line}')}: {text(f'{one.kind}: {one.message}')}"
                for one in report.notices
            ],
        ),
    ]
    for title, items in entries:
        if items:
            yield f"## {title}"
            yield ""
            yield from (f"- {item}" for item in items)
            yield ""
    asides = [
        f"{number:,} {what}"
        for number, what in (
            (found.hidden, "hidden"),
            (report.suppressed, "suppressed"),
            (report.baselined, "baselined"),
            (report.known, "known before"),
        )
        if number
    ]
    if asides:
        yield f"Not shown: {', '.join(asides)}."
        yield ""
