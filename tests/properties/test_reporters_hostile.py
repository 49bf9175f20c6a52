"""Names and sources may hold anything: the terminal obeys none of it, and underlines stay where they belong."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console
from unit.page import Page
from unit.reporters_sample import REPORT, chain_of, exposures_of, finding

from auditor.model import Aside, Location, NotAnalysed, Notice, Report, Severity
from auditor.reporters import FORMATS, Options, get, terminal
from auditor.reporters.cells import cut, escape, pieces, width, wrap
from auditor.reporters.frames import excerpt

_CHARS = "a b/.()\t\n\r\x00\x1b[31m]8;;\x07\x9b\u202e\u2066\u200b\u2028\ufe0f文🙂é\u0301\udcff`"
NASTY = st.text(st.sampled_from(_CHARS) | st.characters(), max_size=60)
GOOD = frozenset("\n")


def _safe(text: str) -> None:
    for char in text:
        assert char in GOOD or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"), (
            repr(char)
        )


def _report(path: str, function: str, message: str) -> Report:
    where = Location(path, 1, 2, 1, 6)
    chain = chain_of((path, 1, function, message), (path, 1, function, message))
    one = finding(
        location=where,
        function=function,
        message=message,
        advice=message,
        chain=chain,
        exposures=exposures_of(chain, chain[:1]),
    )
    two = replace(one, severity=Severity.MEDIUM, chain=chain * 5)
    aside = (Aside(one, "suppressed", message, path, 3), Aside(two, "baselined"))
    notices = (Notice(path, 1, 1, "unused-suppression", message),)
    return replace(
        REPORT,
        findings=(one, two, two),
        not_analysed=(NotAnalysed(path, message),),
        asides=aside,
        notices=notices,
    )


def _json(text: str, report: Report) -> None:
    json.loads(text.encode("ascii"))


def _jsonl(text: str, report: Report) -> None:
    records = [json.loads(line) for line in text.encode("ascii").split(b"\n")[:-1]]
    assert [record["type"] for record in records].count("finding") == len(report.findings)


def _sarif(text: str, report: Report) -> None:
    (run,) = json.loads(text.encode("ascii"))["runs"]
    for result in run["results"]:
        assert not re.search(r"(?<!\\)(?:\\\\)*\[", result["message"]["text"])
        reference = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert not re.search(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]", reference)
        assert not re.search(r"%(?![0-9A-F]{2})", reference)


def _github(text: str, report: Report) -> None:
    *commands, last = text.removesuffix("\n").split("\n")
    assert len(commands) == len(report.findings)
    assert not last.startswith("::")
    for line, reported in zip(commands, report.findings, strict=True):
        head, properties, data = re.fullmatch(r"(::\w+) (.*?)::(.*)", line).groups()  # type: ignore[union-attr]
        assert head in {"::error", "::warning", "::notice"}
        assert properties.startswith("file=")
        assert set(re.findall(r"%(.{2})", data + properties)) <= {"25", "0D", "0A", "3A", "2C"}
        assert reported.code in properties


def _gitlab(text: str, report: Report) -> None:
    issues = json.loads(text.encode("ascii"))
    prints = [issue["fingerprint"] for issue in issues]
    assert len(set(prints)) == len(prints) == sum(len(finding.exposures) for finding in report.findings)


def _junit(text: str, report: Report) -> None:
    cases = list(ET.fromstring(text.encode("ascii")).iter("testcase"))
    assert len(cases) == len(report.findings) + len(report.asides) + len(report.not_analysed)


def _github_summary(text: str, report: Report) -> None:
    assert text.isascii()
    rows = [line for line in text.split("\n") if line.startswith("| ") and "---" not in line]
    assert len(rows) == 1 + len(report.findings)
    assert all(row.count("|") == 5 for row in rows)
    assert not set(re.sub(r"&#\d+;", "", "".join(rows[1:]))) & set("`<>*_[]@!\\")


MARKDOWN = MarkdownIt("commonmark").enable("table")


def _markdown(text: str, report: Report) -> None:
    findings = 0
    for token in MARKDOWN.parse(text):
        assert token.type != "html_block"
        for inline in token.children or ():
            assert inline.type != "image"
            if inline.type == "link_open":
                assert re.fullmatch(r"#f-[a-z0-9-]+", str(inline.attrs["href"]))
            if inline.type == "html_inline":
                assert re.fullmatch(r'<a id="f-[a-z0-9-]+">|</a>', inline.content)
                findings += inline.content != "</a>"
    assert findings == len(report.findings)


def _html(text: str, report: Report) -> None:
    page = Page(text)
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert page.tags.count("details") - page.folds == len(report.findings)
    assert len(set(page.ids)) == len(page.ids)
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert all(link.startswith(("#", "data:image/svg+xml,")) for link in page.links)


CHECKS = {
    "json": _json,
    "jsonl": _jsonl,
    "sarif": _sarif,
    "code-scanning": _sarif,
    "github": _github,
    "github-summary": _github_summary,
    "github-comment": _github_summary,
    "markdown": _markdown,
    "html": _html,
    "gitlab": _gitlab,
    "junit": _junit,
}
"""What holds of a format's output whatever the report holds."""


@settings(deadline=None)  # SARIF reads the rule files
@example("\ud800", "f", "m", "x", 80, False)
@given(NASTY, NASTY, NASTY, NASTY, st.integers(40, 120), st.booleans())
def test_text_is_safe_and_json_is_valid(
    path: str, function: str, message: str, line: str, columns: int, verbose: bool
) -> None:
    report = _report(path, function, message)
    for name in FORMATS:
        out = io.StringIO()
        options = Options(source=lambda _: line, width=columns, terminal=False, verbose=verbose)
        get(name).render(report, out, options=options)
        _safe(out.getvalue())
        if name in CHECKS:
            CHECKS[name](out.getvalue(), report)
        if name == "concise":
            assert out.getvalue().count("\n") == 6
    out = io.StringIO()
    terminal.paint(report, Console(file=out, width=columns, color_system=None), options)
    _safe(out.getvalue())


@given(NASTY, NASTY, st.integers(40, 120))
def test_no_line_is_wider_than_the_terminal(message: str, line: str, columns: int) -> None:
    out = io.StringIO()
    get("full").render(
        _report("a.py", "a." + message[:20], message),
        out,
        options=Options(source=lambda _: line, width=columns),
    )
    assert all(width(printed) <= columns for printed in out.getvalue().split("\n"))


def _cells(text: str, start: int, end: int) -> str:
    """The part of ``text`` in the cells from ``start`` to ``end``."""
    used, part = 0, ""
    for char in text:
        if start <= used < end:
            part += char
        used += width(char)
    return part


@given(
    NASTY.map(lambda text: text.replace("\n", "")),
    st.integers(0, 60),
    st.integers(1, 60),
    st.integers(24, 60),
)
def test_the_underline_is_under_the_span(line: str, start: int, length: int, limit: int) -> None:
    shown = excerpt(line, start, start + length, limit, "...")
    assert width(shown.text) <= limit
    assert shown.offset + shown.length <= limit
    if start >= len(line):
        assert shown.length == 0
        return
    span = "".join(pieces(line)[start : start + length])
    marked = _cells(shown.text, shown.offset, shown.offset + shown.length)
    marks = [char for char in line if unicodedata.combining(char)]
    if not marks and span.strip():
        assert span.startswith(marked.rstrip()) or marked.rstrip() == ""


@given(NASTY, st.integers(2, 40))
def test_wrap_keeps_every_word(text: str, limit: int) -> None:
    shown = escape(text)
    lines = wrap(shown, limit)
    assert all(width(line) <= limit for line in lines)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
    assert width(cut(shown, limit, "")) <= limit
