"""What rounds of load come to, and what is printed of it; no load is needed for that."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from pathlib import Path

import pytest

from auditor.cli.main import run
from auditor.loadtest import figures, output, page, plots
from auditor.loadtest.plan import Load, Order, Record, Sample, Target
from auditor.loadtest.rounds import Round


def samples(*milliseconds: float) -> list[Sample]:
    return [(at / 10, latency / 1000) for at, latency in enumerate(milliseconds)]


def a_round(
    engine: str, number: int = 0, *, beat: float = 1.0, request: float = 2.0, documents: int = 0
) -> Round:
    record = Record(
        heartbeats=samples(*[beat] * 100),
        requests=samples(*[request] * 20),
        uploads=samples(*[100.0] * 50),
        documents=samples(*[900.0] * documents),
        sent=100,
        lateness=[0.001],
    )
    start = 1000.0 + 100 * len(engine) + 20 * number
    return Round(engine, number, start, Load(), record)


def test_percentiles_are_values_that_occurred() -> None:
    ordered = [float(value) for value in range(1, 101)]
    assert figures.percentile(ordered, 0.5) == 50
    assert figures.percentile(ordered, 0.99) == 99
    assert figures.percentile(ordered, 1.0) == 100
    assert figures.percentile([7.0], 0.01) == 7
    found = figures.spread(samples(4, 1, 3, 2))
    assert found == figures.Spread(4, 0.002, 0.004, 0.004, 0.004)
    assert figures.spread([]) is None


def test_one_disturbed_round_does_not_move_the_typical_figures() -> None:
    rounds = [a_round("fixed", 0), a_round("fixed", 1), a_round("fixed", 2, beat=900.0)]
    (summary,) = figures.summarise(rounds)
    assert summary.typical["heartbeats"].p99 == 0.001
    assert summary.spreads["heartbeats"].p99 == 0.9
    assert (summary.rounds, summary.sent, summary.lost) == (3, 300, 0)


def test_promises_need_all_three_engines_and_name_what_was_measured() -> None:
    rounds = [
        a_round("idle", beat=4.0),
        a_round("broken", beat=1000.0, documents=10),
        a_round("fixed", beat=8.0, documents=20),
    ]
    summaries = figures.summarise(rounds)
    assert figures.promises(rounds[1:], summaries[1:]) == []
    verdicts = figures.promises(rounds, summaries)
    assert [(verdict.what, verdict.measured) for verdict in verdicts] == [
        ("heartbeat p99 at most 3 x idle", "8.0 to 4.0 ms, 2.00 x"),
        ("heartbeat p99 at most 50 ms while idle's is under 15", "8.0 ms"),
        ("heartbeat maximum under 100 ms in rounds where idle's is under 35", "1 of 1 rounds, 8.0 ms"),
        ("request p99 at most 3 x idle", "2.0 to 2.0 ms, 1.00 x"),
        ("upload p95 under 500 ms", "100 ms"),
        ("no heartbeat lost", "0 of 100"),
        ("documents per second at least those of broken", "2.00 to 1.00"),
        ("broken's heartbeat p99 at least 50 x fixed's", "125 x"),
    ]
    assert all(verdict.kept for verdict in verdicts)


def test_promises_that_are_not_kept() -> None:
    rounds = [
        a_round("idle", beat=10.0),
        a_round("broken", beat=500.0, documents=20),
        a_round("fixed", beat=120.0, request=50.0, documents=10),
    ]
    rounds[2].record.lost = 3
    verdicts = figures.promises(rounds, figures.summarise(rounds))
    assert [verdict.kept for verdict in verdicts] == [False, False, False, False, True, False, False, False]


def test_limits_of_a_single_service() -> None:
    summaries = figures.summarise([a_round("http://x", beat=50.0, request=600.0)])
    assert [(verdict.what, verdict.kept) for verdict in figures.limits(summaries)] == [
        ("http://x: heartbeat p99 under 100 ms", True),
        ("http://x: request p99 under 500 ms", False),
    ]


def test_the_table() -> None:
    rounds = [a_round("idle"), a_round("fixed", documents=5)]
    rounds[1].record.errors["GET: 503"] = 2
    out = io.StringIO()
    summaries = figures.summarise(rounds)
    output.write_text(summaries, figures.limits(summaries), out)
    lines = out.getvalue().splitlines()
    assert lines[2].split() == [
        "fixed",
        "1.0",
        "/",
        "1.0",
        "/",
        "1.0",
        "/",
        "1.0",
        "2.0",
        "/",
        "2.0",
        "/",
        "2.0",
        "/",
        "2.0",
        "100",
        "/",
        "100",
        "/",
        "100",
        "/",
        "100",
        "0.50",
        "0",
        "of",
        "100",
        "GET:",
        "503",
        "(2)",
    ]
    assert lines[-1] == "kept    fixed: request p99 under 500 ms: 2.0 ms"


def test_json_holds_the_samples() -> None:
    rounds = [a_round("fixed")]
    out = io.StringIO()
    output.write_json(rounds, figures.summarise(rounds), [], out)
    written = json.loads(out.getvalue())
    assert written["version"] == 1
    assert written["rounds"][0]["record"]["heartbeats"][1] == [0.1, 0.001]
    assert written["summaries"][0]["spreads"]["uploads"]["p95"] == 0.1


def test_orders_survive_the_way_to_the_load_process() -> None:
    target = Target("http://x", requests=("/a", "/b"))
    order = Order(target, Load(seconds=3), 17.5, "upload.pdf", ("a.pdf", "b.pdf"))
    assert Order.from_json(order.as_json()) == order


def written() -> str:
    """A page with everything on it."""
    rounds = [a_round("idle"), a_round("broken <&>", beat=700.0), a_round("fixed")]
    summaries = figures.summarise(rounds)
    out = io.StringIO()
    stalls = [(2001.0, 0.25, "app.py:7 <b>"), (9999.0, 1.0, "another time")]
    page.write_html(rounds, summaries, figures.limits(summaries), stalls, out)
    return out.getvalue()


def test_the_page_needs_neither_scripts_nor_a_network() -> None:
    text = written()
    assert "<script" not in text
    assert not re.search(r"https?://", text)
    assert "broken &lt;&amp;&gt;" in text
    assert "<b>" not in text
    assert text.count('class="stall"') == 3  # over time, once for each kind of latency
    assert "another time" not in text
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in text or f"style-src 'sha256-{digest}'" in text
    assert text.count("<figure>") == 6
    assert "<td>app.py:7 &lt;b&gt;</td><td>1</td><td>250</td><td>250</td>" in text
    assert written() == text


def test_plots_show_the_worst_of_each_moment() -> None:
    plot = plots.over_time("t", {"a": [(1.0, 0.001), (1.001, 0.1), (5.0, 100.0)]}, 10.0, 0.1)
    (line,) = plot.lines
    heights = [float(point.split(",")[1]) for point in line.points.split()]
    assert len(heights) == 2
    assert heights[0] == plot.limits[0].at
    assert heights[1] == plots.TOP


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--engines", "fixd"], "--engines: there is no engine 'fixd'; did you mean 'fixed'?"),
        (["--engines", ","], "--engines: name at least one of idle, broken and fixed"),
        (["--url", "localhost"], "--url: 'localhost' is not an address; write http://HOST:PORT"),
        (["--url", "http://x", "--put", "/up"], "uploads need both --file and one of --put and --post"),
        (["--url", "http://x", "--put", "/up", "--file", "no"], "--file: no: there is no such file"),
        (["--beats", "-1"], "--beats: must not be negative"),
        (["--rounds", "0"], "argument --rounds: must be at least 1; see 'auditor bench --help'"),
        (["--stalls", "none"], "--stalls: none cannot be read (No such file or directory)"),
    ],
)
def test_wrong_usage_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], options: list[str], line: str
) -> None:
    assert run(["bench", *options]) == 2
    assert capsys.readouterr().err.splitlines() == [f"auditor: {line}"]


def test_stalls_that_are_none(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are refused before there is any load."""
    Path("stalls").write_text('{"type": "ran"}\n{"type": "stall", "version": 1}\n')
    assert run(["bench", "--stalls", "stalls"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("auditor: --stalls: stalls:")
