"""JUnit XML: a test case for each finding. Those that fail the run fail, what was set aside is skipped."""

from __future__ import annotations

from typing import TextIO
from xml.sax.saxutils import escape as escape_xml
from xml.sax.saxutils import quoteattr

from auditor.model import Finding, Report
from auditor.reporters.cells import escape
from auditor.reporters.machine import place, plain, sentence
from auditor.reporters.options import DEFAULT, Options, select


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write one test suite, in ASCII; with nothing to say it holds one test that passes."""
    cases: list[str] = []
    failures = skipped = 0
    for finding in select(report, options).findings:
        fails = finding.severity >= options.fail_on
        failures += fails
        tag = "failure" if fails else "system-out"
        about = f" type={_quoted(finding.code)} message={_quoted(sentence(finding.message))}" if fails else ""
        cases.append(_case(finding, f"<{tag}{about}>{_text(_lines(finding))}</{tag}>", options.prefix))
    for aside in report.asides:
        if aside.finding.severity < options.min_severity:
            continue
        skipped += 1
        why = f"{aside.kind}: {aside.reason}" if aside.reason else aside.kind
        cases.append(_case(aside.finding, f"<skipped message={_quoted(escape(why))}/>", options.prefix))
    for entry in sorted(report.not_analysed, key=lambda entry: (entry.path, entry.reason)):
        skipped += 1
        name = _quoted(escape(entry.path))
        why = _quoted(escape(f"not analysed: {entry.reason}"))
        cases.append(f"<testcase classname={name} name={name} time='0'><skipped message={why}/></testcase>")
    if not cases:
        cases.append("<testcase classname='auditor' name='no findings' time='0'/>")
    counts = f"tests='{len(cases)}' failures='{failures}' errors='0' skipped='{skipped}'"
    body = "".join(f"\n  {case}" for case in cases)
    text = (
        f"<?xml version='1.0' encoding='utf-8'?>\n<testsuites {counts} time='0'>\n"
        f" <testsuite name='auditor' {counts} time='0'>{body}\n </testsuite>\n</testsuites>\n"
    )
    out.write(text.encode("ascii", "xmlcharrefreplace").decode("ascii"))


def _case(finding: Finding, inner: str, prefix: str) -> str:
    where = finding.location
    file, _ = place(where.path, prefix)
    name = _quoted(escape(f"{finding.code} {finding.function}:{where.line}:{where.column}"))
    shown = _quoted(escape(file))
    return f"<testcase classname={shown} name={name} file={shown} line='{where.line}' time='0'>{inner}</testcase>"


def _lines(finding: Finding) -> str:
    where = finding.location
    lines = [
        f"{where.path}:{where.line}:{where.column}: {finding.code} {finding.severity.name} {finding.message}",
        *(f"  {step.path}:{step.line} {step.function}: {step.note}" for step in finding.chain),
        f"  fix: {finding.advice}",
    ]
    return "\n".join(map(escape, lines))


def _quoted(text: str) -> str:
    return quoteattr(plain(text))


def _text(text: str) -> str:
    return escape_xml(plain(text))
