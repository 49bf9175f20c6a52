"""A short report in Markdown for the summary of a workflow step, which holds at most 1 MiB."""

from __future__ import annotations

from typing import TextIO

from auditor.model import Finding, Report
from auditor.reporters import summary
from auditor.reporters.cells import escape
from auditor.reporters.document import document
from auditor.reporters.document.actions import Action
from auditor.reporters.machine import plain
from auditor.reporters.options import DEFAULT, Options, Selection
from auditor.reporters.wording import calls_on_path

MOST_BYTES = 900_000
_ACTIVE = frozenset("\\`*_{}[]<>()#+-.!|~@:&/\"'$")


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write the short form, as far as there is room."""
    out.write(short(report, options, MOST_BYTES))


def short(report: Report, options: Options, room: int) -> str:
    """The score, what to do first, the findings (worst first), and what could not be analysed, in ``room`` bytes.

    Each section is cut by itself, so that one that is long does not swallow those after it.
    """
    found = document(report, options)
    selection = Selection(found.findings, found.hidden)
    head = [
        f"## auditor: async safety {report.score:.1f} of 10",
        "",
        f"**{_text(found.score.meaning)}.** {_text(found.score.verdict)}",
        "",
        f"{_text(summary.found(report, selection))}; {_text(summary.covered(report))}",
        "",
    ]
    sections = [
        (["### What to do first", ""], [f"{n}. {_action(one)}" for n, one in enumerate(found.first, 1)]),
        (
            ["### Findings", "", "| severity | rule | place | problem |", "| --- | --- | --- | --- |"],
            [_row(finding) for finding in found.findings],
        ),
        (
            ["### Not analysed", ""],
            [f"- {_text(p)}: {_text(why)}" for p, why in summary.not_analysed(report)],
        ),
        (["### To tidy up", ""], [f"- {_text(p)}: {_text(what)}" for p, what in summary.notices(report)]),
    ]
    lines = head
    room -= sum(len(line) + 1 for line in head)
    last = [section for section in sections[2:] if section[1]]
    kept_for_last = room // 4 if last else 0
    for title, rows in sections:
        if not rows:
            continue
        if title == sections[2][0] or not kept_for_last:
            kept_for_last = 0
        lines += title
        room -= sum(len(line) + 1 for line in title) + 40
        for number, row in enumerate(rows):
            if room - len(row) - 1 < kept_for_last:
                lines += ["", f"... and {len(rows) - number:,} more", ""]
                break
            room -= len(row) + 1
            lines.append(row)
        else:
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _action(action: Action) -> str:
    worst = action.worst
    places = ", ".join(f"{place.path}:{place.line}" for place in action.places[:3])
    more = f" and {len(action.places) - 3:,} more" if len(action.places) > 3 else ""
    return (
        f"**{worst.severity.name}** {_text(worst.code)} at {_text(places + more)}: {_text(worst.message)}. "
        f"Do: {_text(worst.advice)}"
    )


def _row(finding: Finding) -> str:
    where = finding.location
    calls = calls_on_path(finding)
    via = f", {calls} calls away from {_text(finding.chain[0].function)}" if calls else ""
    return (
        f"| {finding.severity.name} | {_text(finding.code)} {_text(finding.name)} "
        f"| {_text(f'{where.path}:{where.line}')} | {_text(finding.message)} in {_text(finding.function)}{via} |"
    )


def _text(text: str) -> str:
    """Text that Markdown and HTML take as it is; long ones are cut. Nothing but ASCII, so a character is a byte."""
    shown = plain(escape(text))
    if len(shown) > 500:
        shown = shown[:500] + "..."
    return "".join(f"&#{ord(char)};" if char in _ACTIVE or not char.isascii() else char for char in shown)
