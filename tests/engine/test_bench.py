"""`auditor bench` with real load: small rounds, whose figures nobody looks at here."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from engine.serving import MISSING, PATIENCE, Server, engine_directory, eventually, needs_engine


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "auditor", "bench", *options],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.skipif(not MISSING, reason="the engine's libraries are installed")
def test_without_the_extra_it_says_what_to_install() -> None:
    done = bench("--rounds", "1")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("auditor: bench needs ")
    assert line.endswith(": pip install 'loop-auditor[engine]'")


@needs_engine
@pytest.mark.slow
def test_the_engines_side_by_side(tmp_path: Path) -> None:
    target, page = tmp_path / "bench.json", tmp_path / "bench.html"
    options = ["--rounds", "2", "--seconds", "4", "--uploads", "5", "--upload-every", "2", "--documents", "2"]
    done = bench(*options, "--json", str(target), "--html", str(page))
    assert done.returncode in {0, 1}, done.stderr
    assert done.stderr == ""
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]] == ["idle", "broken", "fixed"]
    written = json.loads(target.read_text())
    engines = [one["engine"] for one in written["rounds"]]
    assert engines == ["idle", "broken", "fixed", "broken", "fixed", "idle"]
    for one in written["rounds"]:
        record = one["record"]
        assert record["sent"] == 400
        assert len(record["heartbeats"]) + record["lost"] == 400
        assert len(record["requests"]) == 80
        assert len(record["uploads"]) == 10
        assert record["documents"] == [] or one["engine"] != "idle"
    by_name = {one["engine"]: one for one in written["summaries"]}
    assert by_name["fixed"]["lost"] == 0
    assert by_name["fixed"]["errors"] == {}
    assert len(written["verdicts"]) == 8
    html = page.read_text()
    assert html.count("<figure>") == 6
    assert 'class="stall"' in html  # the monitor has watched the loops
    assert re.search(r"engine/broken/\w+\.py:\d+ in ", html)


@needs_engine
def test_a_service_of_ones_own(server: Server, tmp_path: Path, pdf: Callable[..., bytes]) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf())
    target = tmp_path / "bench.json"
    done = bench(
        *("--url", server.url, "--websocket", "/live", "--get", "/health", "--get", "/jobs"),
        *("--put", "/documents?name=a.pdf", "--file", str(file)),
        *("--rounds", "1", "--seconds", "2", "--uploads", "3", "--upload-every", "1", "--json", str(target)),
    )
    assert done.returncode in {0, 1}, done.stderr
    (one,) = json.loads(target.read_text())["rounds"]
    record = one["record"]
    assert (record["sent"], len(record["heartbeats"]), record["lost"]) == (200, 200, 0)
    assert len(record["requests"]) == 40
    assert len(record["uploads"]) == 6
    assert record["errors"] == {}


@needs_engine
def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    target = tmp_path / "bench.json"
    done = bench(
        *("--url", "http://127.0.0.1:9", "--websocket", "/", "--rounds", "1", "--seconds", "1"),
        *("--uploads", "0", "--json", str(target)),
    )
    assert done.returncode in {0, 1}, done.stderr
    (one,) = json.loads(target.read_text())["rounds"]
    assert one["record"]["lost"] == one["record"]["sent"] == 100
    assert set(one["record"]["errors"]) == {"GET: ClientConnectorError", "WebSocket: ClientConnectorError"}


def test_stalls_that_are_none_are_refused_before_any_load(tmp_path: Path) -> None:
    record = tmp_path / "stalls.jsonl"
    record.write_text('{"type": "stall"}\n')
    done = bench("--url", "http://127.0.0.1:9", "--stalls", str(record))
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"auditor: --stalls: {record}:1: not a stall as auditor records it")


@needs_engine
def test_whoever_stops_it_stops_the_engine_too(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "auditor",
        "bench",
        "--engines",
        "fixed",
        "--html",
        str(tmp_path / "b.html"),
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        engines = eventually(lambda: _descendants(process.pid, "fixed"), what="the engine runs")
        process.terminate()
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in engines), what="the engine is gone")


def _descendants(ancestor: int, package: str) -> list[int]:
    """The processes below that run the package."""
    parents, found = {}, []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(directory.name)] = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            words = (directory / "cmdline").read_bytes().split(b"\0")
            if words[1:3] == [b"-m", package.encode()]:
                found.append(int(directory.name))
    return [pid for pid in found if ancestor in _line(pid, parents)]


def _line(pid: int, parents: dict[int, int]) -> list[int]:
    line = []
    while pid in parents:
        pid = parents[pid]
        line.append(pid)
    return line


@needs_engine
def test_an_engine_without_language_data_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fixed", "--language", "tlh", "--data", str(tmp_path)],
        cwd=engine_directory(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("engine: no Tesseract data for the language 'tlh': pip install tessdata.tlh, or ")
