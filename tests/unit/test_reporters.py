"""Every format, byte by byte; goldens are rewritten with ``AUDITOR_UPDATE_GOLDENS=1``."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from unit.reporters_sample import CLEAN, REPORT, SLEEP, SOURCES, finding

from auditor.model import Location, Report, Severity
from auditor.reporters import FORMATS, Options, default_min_severity, get, shows_fixes, terminal
from auditor.reporters.frames import SourceLines, excerpt
from auditor.reporters.wording import cost_range, duration, short_function

GOLDENS = Path(__file__).parent / "goldens"
MEDIUM = Options(min_severity=Severity.MEDIUM, source=SOURCES.get, width=80, terminal=False)


def _render(name: str, report: Report = REPORT, options: Options = MEDIUM) -> str:
    out = io.StringIO()
    get(name).render(report, out, options=options)
    return out.getvalue()


def _ansi(report: Report = REPORT, options: Options = MEDIUM, **console: object) -> str:
    out = io.StringIO()
    settings: dict[str, object] = {
        "width": 80,
        "force_terminal": True,
        "color_system": "standard",
        "_environ": {},
    }
    terminal.paint(report, Console(file=out, highlight=False, **settings | console), options)  # type: ignore[arg-type]
    return out.getvalue()


def _check(name: str, text: str) -> None:
    path = GOLDENS / name
    if os.environ.get("AUDITOR_UPDATE_GOLDENS"):
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()


def test_plain_text() -> None:
    _check("full.txt", _render("full"))


def test_plain_text_of_all_eight_fields() -> None:
    _check("full-verbose.txt", _render("full", options=replace(MEDIUM, verbose=True)))


def test_terminal() -> None:
    _check("full.ansi", _ansi())


def test_concise() -> None:
    _check("concise.txt", _render("concise", options=replace(MEDIUM, statistics=True, timings=True)))


def test_json() -> None:
    text = _render("json", options=Options())
    _check("report.json", text)
    assert text.endswith("}\n")


def test_json_has_the_members_of_the_contract_in_their_order() -> None:
    content = json.loads(_render("json", options=Options()))
    assert list(content) == ["version", "tool", "summary", "findings", "not_analysed", "notices"]
    assert list(content["summary"]) == [
        *("files", "functions", "findings", "hidden", "suppressed", "baselined", "known", "score"),
    ]
    first = content["findings"][0]
    assert list(first) == [
        *(
            "code",
            "name",
            "severity",
            "confidence",
            "category",
            "path",
            "line",
            "column",
            "end_line",
            "end_column",
        ),
        *(
            "function",
            "callee",
            "context",
            "phase",
            "chain",
            "exposures",
            "also",
            "impact",
            "fix_complexity",
            "cost",
        ),
        *("gil", "message", "verify", "advice", "tradeoffs", "fixes"),
    ]
    assert list(first["chain"][0]) == ["path", "line", "column", "function", "note"]
    assert list(first["exposures"][0]) == ["path", "line", "column", "function", "fingerprint", "chain"]
    assert list(first["cost"]) == ["low", "typical", "high", "source"]
    assert first["fixes"] == [
        {
            "safety": "safe",
            "title": "Await asyncio.sleep",
            "reason": "",
            "exposure": None,
            "edits": [
                {
                    "path": "app/api/upload.py",
                    "start": [2, 5],
                    "end": [2, 15],
                    "replacement": "await asyncio.sleep",
                }
            ],
        }
    ]
    assert content["summary"]["findings"] == len(content["findings"]) == 6
    assert content["findings"][1]["cost"]["high"] is None


def test_json_has_no_times_unless_asked() -> None:
    assert "timings" not in _render("json", options=Options(statistics=True))
    asked = json.loads(_render("json", options=Options(statistics=True, timings=True)))
    assert asked["timings"] == {"discover": 0.01, "index": 0.5}
    assert asked["statistics"]["rules"] == {"LOOP301": 1, "LOOP302": 1, "LOOP303": 3, "LOOP308": 1}


@pytest.mark.parametrize("name", FORMATS)
def test_the_order_of_findings_does_not_matter(name: str) -> None:
    shuffled = list(REPORT.findings)
    random.Random(1).shuffle(shuffled)
    report = replace(REPORT, findings=tuple(shuffled), not_analysed=REPORT.not_analysed[::-1])
    assert _render(name, report) == _render(name)


@pytest.mark.parametrize("name", FORMATS)
def test_which_formats_show_fixes(name: str) -> None:
    without = replace(REPORT, findings=tuple(replace(x, fixes=()) for x in REPORT.findings))
    verbose = replace(MEDIUM, min_severity=Severity.MONITOR, verbose=True)
    assert (_render(name, without, verbose) != _render(name, REPORT, verbose)) == shows_fixes(name)


@pytest.mark.parametrize("name", ["full", "concise", "json"])
def test_nothing_found(name: str) -> None:
    text = _render(name, CLEAN)
    assert "No findings" in text or json.loads(text)["findings"] == []
    assert text.count("\n") <= 6


def test_hidden_findings_are_counted() -> None:
    assert "5 findings (2 critical, 1 high, 2 medium), 13 hidden, 3 suppressed, 5 baselined" in _render(
        "full"
    )
    everything = _render("full", options=replace(MEDIUM, min_severity=Severity.MONITOR))
    assert "6 findings (2 critical, 1 high, 2 medium, 1 monitor), 12 hidden" in everything
    assert default_min_severity("full") is default_min_severity("concise") is Severity.MEDIUM
    assert default_min_severity("json") is Severity.MONITOR


def test_terminal_and_plain_say_the_same() -> None:
    def words(text: str) -> list[str]:
        for decoration in "╭─│├╰━·[]|=-^>`":
            text = text.replace(decoration, " ")
        return text.replace("…", "...").split()

    wide = replace(MEDIUM, width=120)
    assert words(_ansi(options=wide, width=120, color_system=None)) == words(_render("full", options=wide))


def test_no_color() -> None:
    text = _ansi(no_color=True)
    assert "[CRITICAL] " in text.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[1;7m", "")
    assert not any(f"\x1b[{code}" in text for code in ("3", "9", "1;3", "1;9"))


def test_an_output_without_unicode_gets_ascii() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    get("full").render(REPORT, out, options=replace(MEDIUM, terminal=True))
    out.seek(0)
    assert "^^^^" in out.read()
    for name in FORMATS:
        get(name).render(REPORT, io.TextIOWrapper(io.BytesIO(), encoding="cp1252"), options=MEDIUM)


def test_the_same_fault_many_times_in_a_file_stays_short() -> None:
    many = [
        finding(location=Location("app/storage.py", line, 5, line, 9), function=f"app.storage.f{line % 7}")
        for line in range(1, 400)
    ]
    text = _render("full", replace(REPORT, findings=tuple(many), not_analysed=()))
    assert "the same at 394 more places in this file" in text
    assert text.count("\n") < 30
    assert "399 findings" in text


def test_each_finding_takes_about_a_dozen_lines() -> None:
    for group in _render("full").split("\n\n")[:4]:
        assert 8 <= group.count("\n") + 1 <= 16


def test_a_missing_source_leaves_only_the_frame_out() -> None:
    text = _render("full", options=replace(MEDIUM, source=lambda path: None))
    assert "app/storage.py:41:16" in text
    assert "^" not in text

    def broken(path: str) -> str:
        raise PermissionError(path)

    assert _render("full", options=replace(MEDIUM, source=broken)) == text


def test_sources_are_read_from_disk_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_bytes("# coding: latin-1\r\nx = 'é'; f()\r\n".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    lines = SourceLines()
    assert lines.line("a.py", 2) == "x = 'é'; f()"
    assert lines.line("a.py", 9) is None
    assert lines.line("b.py", 1) is None
    assert lines.line("c.ipynb:cell 2", 1) is None


@pytest.mark.parametrize(
    ("line", "start", "end", "text", "offset", "length"),
    [
        ("    f(x)", 4, 8, "    f(x)", 4, 4),
        ("\tf(x)", 1, 5, "    f(x)", 4, 4),
        ("'文' + f()", 6, 9, "'文' + f()", 7, 3),
        ("'\x1b[31m' + f()", 10, 13, "'\\x1b[31m' + f()", 13, 3),
        ("'\u202e' + f()", 6, 9, "'\\u202e' + f()", 11, 3),
        ("é\u0301\u0301\u0301\u0301 + f()", 8, 11, "é\u0301\u0301\\u0301\\u0301 + f()", 16, 3),
        ("x" * 100 + "f()" + "y" * 100, 100, 103, "..." + "x" * 8 + "f()" + "y" * 23 + "...", 11, 3),
        ("x" * 40 + "f()", 40, 43, "..." + "x" * 31 + "f()", 34, 3),
        ("f(" + "y" * 100 + ")", 0, 103, "f(" + "y" * 32 + "...", 0, 34),
        ("f()", 9, 12, "f()", 0, 0),
        ("", 0, 1, "", 0, 0),
    ],
)
def test_excerpt(line: str, start: int, end: int, text: str, offset: int, length: int) -> None:
    shown = excerpt(line, start, end, 40, "...")
    assert (shown.text, shown.offset, shown.length) == (text, offset, length)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "under 1 ms"),
        (0.001, "1 ms"),
        (0.0254, "25 ms"),
        (0.1, "0.1 s"),
        (1, "1 s"),
        (2.55, "2.5 s"),
        (30, "30 s"),
        (120, "2 min"),
        (3600, "60 min"),
        (86400, "24 h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_cost_range() -> None:
    assert cost_range(SLEEP.cost) == "typically 6 s"
    assert cost_range(finding().cost) == "typically 0.2 s, up to 30 s"
    assert cost_range(replace(SLEEP.cost, high=float("inf"))) == "typically 6 s, waits without limit"


def test_short_function() -> None:
    assert short_function("app.storage.Client.fetch", "src/app/storage.py") == "Client.fetch"
    assert short_function("app.load", "app/__init__.py") == "load"
    assert short_function("other.load", "app/x.py") == "other.load"


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="unknown output format 'yaml': choose one of code-scanning, concise, "
    ):
        get("yaml")


_IMPORTS = """
import io, sys
from unit.reporters_sample import REPORT
from auditor.reporters import Options, get
get(sys.argv[1]).render(REPORT, io.StringIO(), options=Options(source=lambda path: "x = 1"))
heavy = {"rich", "libcst", "asyncio", "jinja2", "multiprocessing", "pygments", "unicodedata"} & set(sys.modules)
print(sorted(heavy))
"""


@pytest.mark.parametrize(("name", "heavy"), [("json", []), ("concise", []), ("full", ["unicodedata"])])
def test_reports_that_are_not_for_a_terminal_import_nothing_heavy(name: str, heavy: list[str]) -> None:
    tests = Path(__file__).parents[1]
    import auditor

    path = os.pathsep.join([str(tests), str(Path(auditor.__file__).parents[1])])
    command = [sys.executable, "-c", _IMPORTS, name]
    run = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert set(eval(run.stdout)) <= set(heavy) | {"unicodedata"}
    assert "rich" not in run.stdout
