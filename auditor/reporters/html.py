"""The whole audit as one page, in the audit form: no network, nothing that needs a script to be read."""

from __future__ import annotations

import base64
import functools
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TextIO

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup
from markupsafe import escape as html_escape

from auditor.model import Finding, Report, Severity, Step
from auditor.reporters import summary
from auditor.reporters.cells import escape
from auditor.reporters.document import Document, covered, document
from auditor.reporters.document.actions import Action
from auditor.reporters.document.code import FIXES_SHOWN, Sources
from auditor.reporters.document.commands import METRICS
from auditor.reporters.document.evidence import Seen
from auditor.reporters.document.score import BANDS, FORMULA
from auditor.reporters.machine import plain
from auditor.reporters.observed import RAN
from auditor.reporters.options import DEFAULT, Options
from auditor.reporters.output import write
from auditor.reporters.page import charts
from auditor.reporters.page.highlight import Highlighter, Piece
from auditor.reporters.wording import (
    CATEGORIES,
    PHASES,
    SCALE,
    cost_range,
    count,
    duration,
    marked,
    short_function,
    unsaid,
)

_CONTEXT = 2
_MANY = 200
"""With more findings than this, frames show the offending line only: a page should stay below 2 KB a finding."""
_OFTEN = 20
_OTHER_PLACES = 6
_BREAKS = re.compile(r"[.(_](?=\w)")
SHAPES = {"CRITICAL": "◆", "HIGH": "▲", "MEDIUM": "■", "MONITOR": "●"}


@dataclass(frozen=True, slots=True)
class Item:
    """A finding, and all that needs the sources or other parts of the document."""

    id: str
    finding: Finding
    frame: tuple[tuple[int, bool, tuple[Piece, ...]], ...]
    path: tuple[tuple[Step, str], ...]
    diffs: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    seen: Seen | None


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write the page; identical reports give identical bytes."""
    found = document(report, options)
    notes = _notes(found.findings)
    style, script = _part("page.css"), _part("page.js")
    page = _template().render(
        doc=found,
        report=report,
        title=_title(found),
        covered=covered(found),
        scale=SCALE,
        style=Markup(style),  # noqa: S704 - files of ours
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
        items=_items(found, Sources(options)),
        index={name: number for number, name in enumerate(found.ids)},
        charts=[
            [charts.ranges(found.findings, found.ids), charts.routes(found.routes)],
            [charts.severities(found.findings), charts.files(found.files)],
        ],
        notes=notes,
        note_of=lambda finding, text: notes.get(_common(finding, text)) if notes else None,
        chart_width=charts.WIDTH,
        bands=BANDS,
        formula=FORMULA,
        metrics=METRICS,
        severities=[level.name for level in reversed(Severity)],
        totals={level.name: sum(f.severity is level for f in found.findings) for level in Severity},
        shapes=SHAPES,
        rules=sorted({(finding.code, finding.name) for finding in found.findings}),
        categories=CATEGORIES,
        phases=PHASES,
        ran=RAN,
        gauge=_gauge(report.score),
        action_id=lambda action: _id(found, action),
        not_analysed=summary.not_analysed(report),
        notices=summary.notices(report),
        other_places=_OTHER_PLACES,
    )
    write(out, page.rstrip("\n") + "\n")


@functools.cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_part),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "t": _text,
        "prose": _prose,
        "duration": duration,
        "cost": lambda cost: _text(cost_range(cost)),
        "short": short_function,
        "marked": marked,
        "count": count,
    }
    return environment.get_template("page.html")


@functools.cache
def _part(name: str) -> str:
    return (files("auditor.reporters.page") / name).read_text(encoding="utf-8")


def _title(found: Document) -> str:
    name = _text(found.title)
    return f"Async safety audit of {name[:40]}" if name else "Async safety audit"


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere, and no style or script but those of this page has any effect."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _items(found: Document, sources: Sources) -> list[Item]:
    """The items in the order of the document, made file by file, so that each is read and taken apart once."""
    context = _CONTEXT if len(found.findings) <= _MANY else 0
    highlighter = Highlighter()
    items: dict[int, Item] = {}
    for at in sorted(range(len(found.findings)), key=lambda at: found.findings[at].location):
        finding = found.findings[at]
        lines = sources.lines(finding.location.path)
        frame = tuple(
            (line.number, line.marked, tuple(highlighter.pieces(lines, line)))
            for line in sources.around(finding.location, context)
        )
        diffs = tuple(
            (fix.title, fix.safety, tuple(_diff_lines(sources.diff(fix))))
            for fix in finding.fixes[:FIXES_SHOWN]
        )
        items[at] = Item(found.ids[at], finding, frame, _path(finding), diffs, found.evidence.seen.get(at))
    return [items[at] for at in range(len(items))]


def _diff_lines(diff: str) -> Iterator[tuple[str, str]]:
    for line in diff.split("\n") if diff else ():
        head = line.startswith(("---", "+++", "@@"))
        yield (
            ("h" if head else {"+": "i", "-": "d"}.get(line[:1], "")),
            plain(line.rstrip() if line[:1] == " " else line),
        )


def _id(found: Document, action: Action) -> str:
    return found.ids[found.findings.index(action.worst)]


def _gauge(score: float) -> tuple[float, float]:
    """Length of the ring, and of the part of it that is filled."""
    ring = 2 * math.pi * 52
    return round(ring, 2), round(ring * score / 10, 2)


def _text(text: object) -> str:
    return plain(escape(str(text)))


def _prose(text: str, breaks: bool = False) -> Markup:
    """Prose in which backticks enclose code; with ``breaks``, long code may be broken after dots and brackets."""
    parts = [html_escape(_text(part)) for part in " ".join(text.split()).split("`")]
    if len(parts) % 2 == 0:
        return Markup("`").join(parts)
    if breaks:
        parts = [_breakable(part) if number % 2 else part for number, part in enumerate(parts)]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 and part.strip() else part
        for number, part in enumerate(parts)
    )


def _breakable(escaped: Markup) -> Markup:
    return Markup(_BREAKS.sub(r"\g<0><wbr>", str(escaped)))  # noqa: S704 - what is added is markup


def _notes(findings: Sequence[Finding]) -> dict[str, int]:
    """Numbers (from 1) of the texts that a large report says once, because many of its findings would say the same."""
    if len(findings) <= _MANY:
        return {}
    totals = Counter(
        _common(finding, text)
        for finding in findings
        for text in (finding.impact, *finding.verify, *finding.tradeoffs)
    )
    often = sorted(text for text, number in totals.items() if number >= _OFTEN and text)
    return {text: number for number, text in enumerate(often, 1)}


def _common(finding: Finding, text: str) -> str:
    """The text without what is peculiar to the finding."""
    where = finding.location
    for own, general in (
        (f"{where.path}:{where.line}", "`FILE:LINE`"),
        (f"`{finding.function}`", "`FUNCTION`"),
        (f"`{finding.callee}`", "`CALL`"),
    ):
        text = text.replace(own, general)
    return text


def _path(finding: Finding) -> tuple[tuple[Step, str], ...]:
    """The steps, and of their notes what the next step does not say."""
    called = [*(step.function for step in finding.chain[1:]), ""]
    return tuple((step, unsaid(step.note, name)) for step, name in zip(finding.chain, called, strict=True))
