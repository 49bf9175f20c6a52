"""The audit document: what it derives from findings, and its Markdown."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.reporters_sample import (
    CLEAN,
    CONVERT,
    OPEN_1,
    OPEN_2,
    REPORT,
    SLEEP,
    SOURCES,
    STAT,
    chain_of,
    finding,
)

from auditor.cli.main import main
from auditor.link import wording
from auditor.model import Cost, Edit, Fix, Observation, Phase, Report, Severity, Site, Stall, StallKind
from auditor.reporters import Options, get
from auditor.reporters.document import Document, document
from auditor.reporters.document.code import Sources
from auditor.reporters.document.hotspots import IN_BACKGROUND
from auditor.reporters.document.score import FORMULA
from auditor.reporters.markdown_text import code, fence, prose, table, text
from auditor.runtime import record
from auditor.verdict import score as formula

GOLDENS = Path(__file__).parent / "goldens"
STALL = Stall(
    id="1",
    pid=7,
    loop="loop",
    thread="MainThread",
    start=1.0,
    duration=5.9,
    state="ended",
    kind=StallKind.BLOCKING_WAIT,
    gil="released",
    cpu=0.0,
    queued=0.0,
    collecting=0.0,
    threshold=0.1,
    site=Site("/srv/app/api/upload.py", 2, "upload"),
    route="POST /upload",
)


def built(*findings: Any, **options: Any) -> Document:
    return document(replace(REPORT, findings=findings or REPORT.findings), Options(**options))


def markdown(report: Report = REPORT, **options: Any) -> str:
    out = io.StringIO()
    get("markdown").render(report, out, options=Options(source=SOURCES.get, **options))
    return out.getvalue()


# What is derived ---------------------------------------------------------------------------------------------


def test_the_formula_is_the_one_that_is_used() -> None:
    for severity, points in formula.POINTS.items():
        assert f"{severity.name} {points:g}" in FORMULA
    assert f"times {formula.OUTSIDE_SERVING:g} outside" in FORMULA
    assert f"CRITICAL finding while serving caps the score at {formula.CAPS[Severity.CRITICAL]:g}" in FORMULA
    assert f"a HIGH one at {formula.CAPS[Severity.HIGH]:g}" in FORMULA
    assert len(formula.CAPS) == 2


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (10.0, "Ready for concurrent load"),
        (9.0, "Ready for concurrent load"),
        (8.9, "Minor blocking"),
        (6.9, "Requests will queue"),
        (3.0, "Handlers block"),
        (2.9, "The loop stands still"),
        (1.0, "The loop stands still"),
    ],
)
def test_the_rubric(value: float, meaning: str) -> None:
    assert document(replace(CLEAN, score=value), Options()).score.meaning == meaning


def test_the_verdict_names_what_matters() -> None:
    assert built().score.verdict.startswith(
        "Not ready for concurrent load: 2 CRITICAL and 1 HIGH findings. While"
    )
    assert built(OPEN_1, STAT).score.verdict.startswith(
        "Works, but slower under load than it need be: 1 call of"
    )
    assert built(STAT).score.verdict.endswith("1 short call should be watched.")
    assert document(CLEAN, Options()).score.verdict == "No call that blocks the event loop was found."


def test_findings_on_the_same_way_are_one_action() -> None:
    other = replace(SLEEP, severity=Severity.HIGH, location=replace(SLEEP.location, line=3, end_line=3))
    found = built(other, SLEEP, OPEN_1, STAT)
    (first,) = found.fix_now
    assert first.findings == (SLEEP, other)
    assert [(place.path, place.line) for place in first.places] == [("app/api/upload.py", 2)]
    assert [action.findings for action in found.fix_soon] == [(OPEN_1,)]
    assert [action.findings for action in found.monitor] == [(STAT,)]
    assert found.first == found.fix_now


def test_unlimited_waits_come_first() -> None:
    assert [action.worst for action in built().fix_now] == [CONVERT, SLEEP, finding()]


def test_routes_add_up_what_lies_below_them() -> None:
    chain = chain_of(
        ("app/main.py", 3, "app.main.start", "runs at startup; schedules `work` on the loop"),
        ("app/main.py", 9, "app.main.work", "calls `open`"),
    )
    found = built(
        SLEEP, finding(), replace(OPEN_1, chain=chain, exposures=(replace(OPEN_1.exposures[0], chain=chain),))
    )
    assert [
        (route.name, route.how, route.worst.name, route.findings, route.seconds) for route in found.routes
    ] == [
        ("upload", "FastAPI endpoint, runs on the event loop", "CRITICAL", 1, 6.0),
        ("upload", "FastAPI endpoint, runs on the event loop, calls `store`", "HIGH", 1, 0.2),
        ("work", "task on the event loop", "MEDIUM", 1, 0.1),
    ]
    assert [(place.name, place.findings) for place in found.files] == [
        ("app/api/upload.py", 1),
        ("app/storage.py", 2),
    ]


def test_the_strategy_of_waits() -> None:
    strategy = built(finding(), OPEN_1).strategy
    assert strategy.threads.answer == "30 threads"  # 50 x 0.3 s / 0.5 s
    assert "50 x 0.3 s / 0.5 s = 30." in strategy.threads.reasons[1]
    assert "max_workers=30" in strategy.threads.code
    assert strategy.processes.answer == "none"
    assert strategy.queue.answer == "not warranted"
    endless = built(finding(cost=Cost(0.1, 3.0, float("inf"), "catalogue"))).strategy.threads
    assert endless.answer == "64 threads"
    assert any("without a limit" in reason for reason in endless.reasons)


def test_who_works_in_the_background_is_known_by_the_words_of_call_paths() -> None:
    assert {wording._ROLES["task"], wording._ROLES["background-task"]} == IN_BACKGROUND
    assert wording._HOW["schedule"] == "schedules {} on the loop"
    chain = chain_of(("app/jobs.py", 3, "app.jobs.run", "background task; calls `open`"))
    threads = built(
        replace(OPEN_1, chain=chain, exposures=(replace(OPEN_1.exposures[0], chain=chain),))
    ).strategy
    assert threads.threads.answer == "5 threads"


def test_the_strategy_of_computing() -> None:
    held = built(CONVERT).strategy
    assert held.threads.answer == "none of its own"
    assert held.processes.answer == "cores - 1 processes"
    assert held.queue.answer == "warranted"
    free = built(replace(CONVERT, gil="releases", cost=Cost(0.01, 0.02, 0.1, "measured"))).strategy
    assert free.processes.answer == "none; a thread pool of the number of cores does"
    assert free.queue.answer == "not warranted yet"
    assert built(replace(CONVERT, phase=Phase.STARTUP)).strategy.processes.answer == "none"


def test_stalls_stand_beside_the_finding_that_explains_them() -> None:
    elsewhere = replace(STALL, site=Site("/srv/other/upload.py", 2, "upload"))
    found = built(evidence=(STALL, replace(STALL, id="2", duration=0.5), elsewhere))
    at = found.findings.index(SLEEP)
    seen = found.evidence.seen[at]
    assert (seen.stalls, seen.longest, seen.total, seen.routes) == (2, 5.9, 6.4, ("POST /upload",))
    assert list(found.evidence.seen) == [at]
    assert [one.place for one in found.evidence.others] == ["/srv/other/upload.py:2 in upload"]
    shown = markdown(evidence=(STALL,))
    assert (
        "- Seen at run time: 1 stall, the longest 5.9 s, 5.9 s in all (blocking-wait), on `POST /upload`"
        in shown
    )


def test_what_ran_without_a_stall_is_no_proof() -> None:
    ran = replace(REPORT, findings=(replace(SLEEP, observed=Observation()),))
    said = "Seen at run time: its function ran while stalls were recorded, and none was seen here; that does not prove"
    assert said in markdown(ran)
    out = io.StringIO()
    get("html").render(ran, out, options=Options(source=SOURCES.get))
    assert said in out.getvalue()


def test_ids_are_unique_and_stay() -> None:
    found = built(SLEEP, SLEEP, OPEN_1, OPEN_2)
    assert found.ids == (
        "f-000000000000",
        "f-000000000000-2",
        "f-000000000000-3",
        "f-000000000000-4",
    )


# Fixes as diffs ----------------------------------------------------------------------------------------------


def test_a_fix_is_a_diff_that_applies() -> None:
    assert Sources(Options(source=SOURCES.get)).diff(SLEEP.fixes[0]).split("\n") == [
        "--- a/app/api/upload.py",
        "+++ b/app/api/upload.py",
        "@@ -1,4 +1,4 @@",
        " async def upload(file):",
        "-    time.sleep(6)",
        "+    await asyncio.sleep(6)",
        " ",
        "     r = '文書', convert(",
    ]


def test_several_edits_and_lines() -> None:
    fix = Fix(
        "unsafe",
        "x",
        (Edit("a.py", (1, 1), (1, 1), "import asyncio\n"), Edit("a.py", (2, 2), (3, 2), "X\nY")),
    )
    assert Sources(Options(source=lambda _: "one\ntwo\nthree\nfour")).diff(fix).split("\n")[3:] == [
        "+import asyncio",
        " one",
        "-two",
        "-three",
        "+tX",
        "+Yhree",
        " four",
    ]
    assert Sources(Options(source=lambda _: None)).diff(fix) == ""


# Markdown ----------------------------------------------------------------------------------------------------


def test_golden() -> None:
    path = GOLDENS / "report.markdown"
    shown = markdown(title="app", paths=("app",))
    if os.environ.get("AUDITOR_UPDATE_GOLDENS"):
        path.write_bytes(shown.encode())
    assert shown == path.read_bytes().decode()


HEADINGS = (
    "## Vibe Score (Async Safety 1-10)",
    "## Blocking Hotspots Summary",
    "| Location | Operation | Est. Block Time | Fix Complexity |",
    "## Executor Strategy Recommendation",
    "## Fix Now (Before Load Test)",
    "## Fix Soon (Next Iteration)",
    "## Monitor (Add Instrumentation)",
    "## Verification Commands",
)
FIELDS = (
    "Risk Category:",
    "The Problem:",
    "Blocking Duration Estimate:",
    "How to Verify:",
    "The Fix:",
    "Trade-off Consideration:",
)


def test_it_has_the_form() -> None:
    shown = markdown()
    lines = shown.split("\n")
    assert all(lines.count(heading) == 1 for heading in HEADINGS)
    assert all(shown.count(f"**{field}**") == len(REPORT.findings) for field in (*FIELDS, "Location:"))
    assert (
        len(re.findall(r"^\*\*\\\[SEVERITY: (CRITICAL|HIGH|MEDIUM|MONITOR)\\\]\*\*$", shown, re.MULTILINE))
        == 6
    )
    out = io.StringIO()
    get("full").render(
        REPORT, out, options=Options(verbose=True, terminal=False, source=SOURCES.get, width=120)
    )
    verbose = out.getvalue()
    assert all(f"\n{heading.removeprefix('## ')}:\n" in verbose for heading in HEADINGS if heading[0] == "#")
    assert all(verbose.count(f"\n{field}") == len(REPORT.findings) for field in (*FIELDS, "Location:"))


def test_nothing_found() -> None:
    shown = markdown(CLEAN)
    assert "**10.0 of 10: Ready for concurrent load.** No call that blocks" in shown
    assert "## What to do first" not in shown
    assert "## Findings\n\nNone.\n" in shown


def test_backticks_and_bars_in_code() -> None:
    assert code("a`b``c") == "```a`b``c```"
    assert code("`a") == "`` `a ``"
    assert fence("x\n```\ny", "python")[0] == "````python"
    assert prose("`a|b` or *c*") == "`a|b` or \\*c\\*"
    assert table(["x"], [[code("a|b")], [text("a|b")]]) == ["| x |", "| --- |", "| `a\\|b` |", "| a\\|b |"]
    assert text("1. https://x.y") == "1\\. https\\://x.y"


# The command -------------------------------------------------------------------------------------------------


@pytest.fixture
def program(project: Path) -> Path:
    (project / "app.py").write_text("import time\n\n\nasync def f():\n    time.sleep(6)\n")
    return project


def test_report_writes_what_is_asked_for(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stall = replace(STALL, site=Site(str(program / "app.py"), 5, "f"))
    (program / "stalls.jsonl").write_text(json.dumps(record.to_json(stall)) + "\n")
    assert main(["report", "app.py", "--evidence", "stalls.jsonl", "-o", "audit.md"]) == 0
    assert capsys.readouterr().err == "auditor: audit.md written\n"
    shown = (program / "audit.md").read_text()
    assert shown.startswith("# Async safety audit of `app.py`\n")
    assert "Seen at run time: 1 stall, the longest 5.9 s" in shown
    assert "auditor check app.py\n" in shown
    assert main(["check", "-q", "--evidence", "stalls.jsonl", "-o", "markdown"]) == 1
    assert "Seen at run time: 1 stall" in capsys.readouterr().out


def test_evidence_that_is_none(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (program / "bad.jsonl").write_text("[]\n")
    assert main(["report", "-q", "--evidence", "bad.jsonl", "--evidence", "gone.jsonl", "-o", "x.md"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "auditor: --evidence: bad.jsonl:1: not a line of JSON that 'auditor monitor --record' writes",
        "auditor: --evidence: gone.jsonl cannot be read (No such file or directory)",
    ]
    assert not (program / "x.md").exists()
