"""The HTML page: self-contained, whole without a script, small; tests/browser looks at it in a browser."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from html import unescape

import pytest
from unit.page import Page
from unit.reporters_sample import CLEAN, CONVERT, OPEN_1, REPORT, SLEEP, SOURCES, STAT, finding
from unit.test_reporters_document import FIELDS, STALL

from auditor.model import Location, Report, Step
from auditor.reporters import Options, get
from auditor.reporters.document.code import Sources
from auditor.reporters.page import charts
from auditor.reporters.page.highlight import Highlighter
from auditor.reporters.wording import marked


def render(report: Report = REPORT, **options: object) -> str:
    out = io.StringIO()
    values = {"source": SOURCES.get, "title": "app", "paths": ("app",)} | options
    get("html").render(report, out, options=Options(**values))  # type: ignore[arg-type]
    return out.getvalue()


def many(number: int) -> Report:
    """Findings of many places, with texts as long as those of real ones."""
    found = []
    for at in range(number):
        base = (SLEEP, CONVERT, finding(), OPEN_1, STAT)[at % 5]
        path = f"src/service/component_{at % 40}/module_{at % 40}.py"
        name = f"service.component_{at % 40}.module_{at % 40}.Handler.method_{at}"
        place = f"{path}:{at + 1}"
        chain = tuple(
            Step(path, at + 1, 9, f"{name}_{step}", f"request handler; calls `method_{at}_{step + 1}`")
            for step in range(4)
        )
        verify = (
            f"put `time.perf_counter()` around the call at {place} and log what it takes under load",
            f"run `py-spy dump --pid PID` while requests hang: `{name}` shows on the loop's thread",
            "run the program with PYTHONASYNCIODEBUG=1: asyncio logs every callback that takes longer than 100 ms",
        )
        impact = "For about 100 ms every other request, WebSocket heartbeat and timer of this process waits."
        exposure = replace(base.exposures[0], fingerprint=f"{at:064d}"[::-1], chain=chain)
        found.append(
            replace(
                base,
                location=Location(path, at + 1, 9, at + 1, 40),
                function=name,
                chain=chain,
                exposures=(exposure,),
                verify=verify,
                impact=impact,
                tradeoffs=(
                    "a thread helps: the call releases the GIL while it waits",
                    "a thread cannot be cancelled: after a timeout the call runs on, and takes a place in the pool",
                ),
            )
        )
    return replace(REPORT, findings=tuple(found))


def test_nothing_comes_from_elsewhere() -> None:
    text = render()
    page = Page(text)
    assert all(link.startswith(("#", "data:image/svg+xml,")) for link in page.links)
    assert not re.search(r"@import|url\(", text)
    assert set(re.findall(r"https?://[^\"'%\s)]*", text)) == {"http://www.w3.org/2000/svg"}
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]


def test_the_policy_allows_what_the_page_has_and_nothing_else() -> None:
    text = render()
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])  # type: ignore[index]
    for kind in ("style", "script"):
        (body,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")


def test_every_link_leads_somewhere() -> None:
    for report in (REPORT, CLEAN, many(300)):
        page = Page(render(report))
        assert len(set(page.ids)) == len(page.ids)
        if report.findings:
            assert {link[1:] for link in page.links if link[0] == "#"} <= set(page.ids)


def test_it_has_the_form() -> None:
    text = render()
    for field in ("Location:", *FIELDS):
        assert text.count(f"<dt>{field.removesuffix(':')}</dt>") == len(REPORT.findings)
    for heading in (
        "Vibe Score (Async Safety 1-10)",
        "Blocking Hotspots Summary",
        "Executor Strategy Recommendation",
        "Fix Now (Before Load Test)",
        "Fix Soon (Next Iteration)",
        "Monitor (Add Instrumentation)",
        "Verification Commands",
        "What to do first",
        "Not analysed",
    ):
        assert len(re.findall(rf"<h[23][^>]*>{re.escape(heading)}</h[23]>", text)) == 1


def test_all_is_said_without_a_script() -> None:
    text = " ".join(Page(render()).text.split())
    for one in REPORT.findings:
        for said in (one.message, one.impact, *one.verify, marked(one.advice), *one.tradeoffs):
            assert " ".join(said.replace("`", "").split()) in text
        for step in one.chain:
            assert f"{step.path}:{step.line}" in text


def test_hostile_names_stay_text() -> None:
    path = "</script><script>alert(1)</script>\x1b[31m\u202e.py"
    where = Location(path, 1, 1, 1, 5)
    one = finding(
        location=where, function="<img src=x onerror=alert(1)>", message="</title></style>&amp;`<b>`"
    )
    page = Page(render(replace(REPORT, findings=(one,)), title=path, source=lambda _: path))
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert "</script><script>alert(1)</script>\\x1b[31m\\u202e.py" in page.text
    assert "<img src=x onerror=alert(1)>" in page.text


def test_frames_are_coloured_and_unindented() -> None:
    source = 'def f():\n    """One\n    two"""\n    if x:\n        time.sleep(1)  # wait\n\n\ny = 1\n'
    sources = Sources(Options(source=lambda _: source))
    shown = sources.around(Location("a.py", 5, 9, 5, 22), 2)
    assert [(line.number, line.text, line.marked) for line in shown] == [
        (3, 'two"""', False),
        (4, "if x:", False),
        (5, "    time.sleep(1)  # wait", True),
    ]
    highlighter = Highlighter()
    lines = sources.lines("a.py")
    assert [highlighter.pieces(lines, line) for line in shown] == [
        [('two"""', "s", False)],
        [("if ", "k", False), ("x:", "", False)],
        [
            ("    ", "", False),
            ("time.sleep(", "", True),
            ("1", "n", True),
            (")", "", True),
            ("  ", "", False),
            ("# wait", "c", False),
        ],
    ]


def test_a_chart_has_its_table() -> None:
    found = REPORT.findings
    chart = charts.ranges(found, [f"f-{at}" for at in range(len(found))])
    assert [bar.label for bar in chart.bars][:2] == ["time.sleep", "docling.DocumentConverter.convert"]
    assert chart.rows[1] == (
        "docling.DocumentConverter.convert",
        "app/api/upload.py:4",
        "5 s",
        "30 s",
        "no limit",
    )
    places = {label: place for place, label, _ in chart.ticks}
    assert places["100 ms"] - places["10 ms"] == pytest.approx(places["10 ms"] - places["1 ms"], abs=0.2)
    assert [label for _, label, limit in chart.ticks if limit] == ["100 ms", "500 ms"]
    assert all(bar.x <= bar.mark <= bar.x + bar.width + 2 for bar in chart.bars)


def test_stalls_and_fixes_stand_in_the_finding() -> None:
    page = Page(render(evidence=(STALL,)))
    assert (
        "Seen at run time: 1 stall, the longest 5.9 s, 5.9 s in all (blocking-wait), on POST /upload"
        in page.text
    )
    assert "-    time.sleep(6)\n+    await asyncio.sleep(6)\n" in page.text
    assert "seen-at" not in page.text


def test_a_thousand_findings_are_less_than_two_megabytes() -> None:
    report = many(1000)
    line = "    response = self.session.post(self.endpoint, json=payload)\n"
    text = render(report, source=lambda _: line * 1000)
    assert text.count('<details class="f ') == 1000
    assert len(text.encode()) < 2_000_000
    notes = {int(number) for number in re.findall(r'href="#n(\d+)"', text)}
    assert notes
    assert all(f'<li id="n{number}">' in text for number in notes)


def test_identical_reports_give_identical_bytes() -> None:
    assert render() == render()
