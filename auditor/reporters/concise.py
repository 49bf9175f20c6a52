"""One line a finding, for grep and editors: ``path:line:column: CODE SEVERITY message [in function, via 2 calls]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from auditor.model import Finding, Report
from auditor.reporters import summary
from auditor.reporters.cells import escape
from auditor.reporters.options import DEFAULT, Options, select
from auditor.reporters.output import write
from auditor.reporters.wording import calls_on_path, count


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write the findings by place, the files that were not analysed, and one summary line."""
    write(out, "".join(f"{line}\n" for line in _lines(report, options)))


def _lines(report: Report, options: Options) -> Iterator[str]:
    selection = select(report, options)
    for finding in selection.findings:
        yield _line(finding)
    for path, reason in summary.not_analysed(report):
        yield f"{path}: not analysed: {reason}"
    for place, what in summary.notices(report):
        yield f"{place}: {what}"
    yield f"{summary.found(report, selection)}; {summary.covered(report)}"
    if options.statistics:
        yield from summary.table(summary.statistics_table(report, selection.findings))


def _line(finding: Finding) -> str:
    where = finding.location
    calls = calls_on_path(finding)
    via = f", via {count(calls, 'call')}" if calls else ""
    return (
        f"{escape(where.path)}:{where.line}:{where.column}: {finding.code} {finding.severity.name} "
        f"{escape(finding.message)} [in {escape(finding.function)}{via}]"
    )
