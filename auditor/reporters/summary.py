"""The summary line and the tables that stand below the findings of a text report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from auditor.model import Finding, Report, Severity
from auditor.reporters.cells import escape
from auditor.reporters.options import Selection
from auditor.reporters.wording import count


def severities(findings: Iterable[Finding]) -> str:
    """Return ``2 critical, 6 high``, worst first."""
    totals = Counter(finding.severity for finding in findings)
    return ", ".join(
        f"{totals[level]:,} {level.name.lower()}" for level in reversed(Severity) if totals[level]
    )


def found(report: Report, selection: Selection) -> str:
    """Say how many findings are shown and how many are not, and why."""
    shown = selection.findings
    text = f"{count(len(shown), 'finding')} ({severities(shown)})" if shown else "No findings"
    others = (
        (selection.hidden, "hidden"),
        (report.suppressed, "suppressed"),
        (report.baselined, "baselined"),
        (report.known, "known before"),
    )
    return ", ".join([text, *(f"{number:,} {what}" for number, what in others if number)])


def covered(report: Report) -> str:
    """Say what was looked at, and the score."""
    statistics = report.statistics
    parts = [f"{count(statistics.functions, 'function')} in {count(statistics.files, 'file')}"]
    if report.not_analysed:
        parts.append(f"{count(len(report.not_analysed), 'file')} not analysed")
    parts.append(f"async safety {report.score:.1f} of 10")
    return "; ".join(parts)


def not_analysed(report: Report) -> list[tuple[str, str]]:
    """Return path and reason of each file that could not be analysed, safe to print."""
    return sorted((escape(entry.path), escape(entry.reason)) for entry in report.not_analysed)


def notices(report: Report) -> list[tuple[str, str]]:
    """Return place and text of each notice, safe to print."""
    return [
        (f"{escape(notice.path)}:{notice.line}:{notice.column}", escape(f"{notice.kind}: {notice.message}"))
        for notice in report.notices
    ]


def statistics_table(report: Report, findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """Return the rows of ``--statistics``: what, how many, remark."""
    by_rule: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault((finding.code, finding.name), []).append(finding)
    ordered = sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [(f"{code} {name}", f"{len(members):,}", severities(members)) for (code, name), members in ordered]
    rows += [(f"score: {escape(what)}", f"{effect:+.2f}", "") for what, effect in report.score_parts]
    figures = report.statistics
    parsed, hit = figures.files_parsed, figures.files_with_findings
    rows.append(("files with findings", f"{hit:,}", ""))
    rows.append(
        (
            "files parsed by the rules",
            f"{parsed:,}",
            f"{parsed / hit:.2f} a file with findings" if hit else "",
        )
    )
    rows.append(("suspects", f"{figures.suspects:,}", ""))
    share = f"{figures.resolved_calls / figures.calls:.1%} of {figures.calls:,}" if figures.calls else ""
    rows.append(("resolved calls", f"{figures.resolved_calls:,}", share))
    return rows


def table(rows: list[tuple[str, str, str]]) -> list[str]:
    """Align rows: names to the left, figures to the right."""
    names = max(len(row[0]) for row in rows)
    figures = max(len(row[1]) for row in rows)
    return [f"{name:<{names}}  {figure:>{figures}}  {remark}".rstrip() for name, figure, remark in rows]
