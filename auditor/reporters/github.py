"""Workflow commands that GitHub shows as annotations: ten of each kind, the worst; more are not shown in one step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from auditor.model import Finding, Report, Severity
from auditor.reporters import summary
from auditor.reporters.cells import escape
from auditor.reporters.machine import place, plain, sentence
from auditor.reporters.options import DEFAULT, Options, by_weight, select
from auditor.reporters.output import write

MOST_OF_A_KIND = 10
_KINDS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.MONITOR: "notice",
}


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write the annotations and one summary line."""
    selection = select(report, options)
    by_kind: dict[str, list[Finding]] = {"error": [], "warning": [], "notice": []}
    for finding in sorted(selection.findings, key=by_weight):
        by_kind[_KINDS[finding.severity]].append(finding)
    lines = [line for kind, findings in by_kind.items() for line in _commands(kind, findings, options.prefix)]
    lines.append(f"{summary.found(report, selection)}; {summary.covered(report)}")
    write(out, "".join(f"{line}\n" for line in lines))


def _commands(kind: str, findings: list[Finding], prefix: str) -> Iterator[str]:
    shown = findings if len(findings) <= MOST_OF_A_KIND else findings[: MOST_OF_A_KIND - 1]
    for finding in shown:
        yield _command(kind, finding, prefix)
    if len(shown) < len(findings):
        more = len(findings) - len(shown)
        yield f"::{kind} title=auditor::{_data(f'{more:,} more of this kind; see the full report.')}"


def _command(kind: str, finding: Finding, prefix: str) -> str:
    where = finding.location
    file, cell = place(where.path, prefix)
    properties = {"file": plain(escape(file))}
    if not cell:
        properties |= {"line": str(where.line), "endLine": str(where.end_line)}
        if where.line == where.end_line:
            properties |= {"col": str(where.column), "endColumn": str(where.end_column)}
    properties["title"] = f"{finding.code} {finding.name} ({finding.severity.name})"
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    parts = [sentence(finding.message)]
    if cell:
        parts.append(f"In cell {cell}, line {where.line}.")
    if len(finding.chain) > 1:
        parts.append(
            sentence("Path: " + " -> ".join(f"{s.function} ({s.path}:{s.line})" for s in finding.chain))
        )
    if finding.advice:
        parts.append(sentence(f"Fix: {finding.advice}"))
    return f"::{kind} {said}::{_data(chr(10).join(parts))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
