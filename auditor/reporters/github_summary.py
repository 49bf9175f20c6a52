"""A short report in Markdown for the summary of a workflow step, which holds at most 1 MiB."""

from __future__ import annotations

from typing import TextIO

from auditor.model import Finding, Report
from auditor.reporters import summary
from auditor.reporters.cells import escape
from auditor.reporters.machine import plain
from auditor.reporters.options import DEFAULT, Options, by_weight, select
from auditor.reporters.wording import calls_on_path

MOST_BYTES = 900_000
_ACTIVE = frozenset("\\`*_{}[]<>()#+-.!|~@:&/\"'$")


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write the score, the findings (worst first), and what could not be analysed, as far as there is room."""
    selection = select(report, options)
    room = MOST_BYTES
    head = [
        f"## auditor: async safety {report.score:.1f} of 10",
        "",
        f"{_text(summary.found(report, selection))}; {_text(summary.covered(report))}",
        "",
    ]
    findings = sorted(selection.findings, key=by_weight)
    sections = [
        (
            ["| severity | rule | place | problem |", "|---|---|---|---|"],
            [_row(finding) for finding in findings],
        ),
        (
            ["### Not analysed", ""],
            [f"- {_text(p)}: {_text(why)}" for p, why in summary.not_analysed(report)],
        ),
        (["### To tidy up", ""], [f"- {_text(p)}: {_text(what)}" for p, what in summary.notices(report)]),
    ]
    lines = head
    room -= sum(len(line) + 1 for line in head)
    for title, rows in sections:
        if not rows:
            continue
        lines += title
        for number, row in enumerate(rows):
            room -= len(row) + 1
            if room < 0:
                lines += ["", f"... and {len(rows) - number:,} more", ""]
                break
            lines.append(row)
        else:
            lines.append("")
    out.write("\n".join(lines).rstrip("\n") + "\n")


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
