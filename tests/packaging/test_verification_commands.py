"""The commands that reports give to verify them do what they are said to do, on a real server."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.audit import audit
from auditor.config import load
from auditor.reporters import Options
from auditor.reporters.document import document

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="py-spy and attach need Linux"),
]
APP = """\
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index():
    time.sleep(0.4)
    return "slow"
"""
TEST = """\
import asyncio
import app


def test_index():
    assert asyncio.run(app.index()) == "slow"
"""
BIN = Path(sys.executable).parent
PATIENCE = 120.0


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "test_app.py").write_text(TEST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("UVICORN_PORT", str(free.getsockname()[1]))
    return tmp_path


def commands() -> dict[str, str]:
    """The commands of a report on the program, by their first words."""
    report = audit(["."], load("."))
    assert [finding.code for finding in report.findings] == ["LOOP301"]
    found = document(report, Options(paths=(".",))).commands
    by_name: dict[str, str] = {}
    for command in found:
        by_name[" ".join(shlex.split(command.text)[:2])] = command.text
    return by_name


def run(command: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **settings,  # type: ignore[call-overload, no-any-return]
    )


@contextlib.contextmanager
def serving(command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program as a server, started by a command; ends with what it started."""
    with log.open("wb") as out:
        process = subprocess.Popen(shlex.split(command), stdout=out, stderr=out, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ask(log: Path) -> None:
    """A request, as soon as the server answers."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{os.environ['UVICORN_PORT']}/", timeout=30
            ) as answer:
                assert answer.read() == b'"slow"'
                return
        except OSError:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)


def test_these_are_the_commands(program: Path) -> None:
    assert list(commands()) == [
        "auditor check",
        "ruff check",
        "auditor explain",
        "auditor monitor",
        "auditor attach",
        "auditor report",
        "py-spy dump",
        "py-spy record",
        "pytest --loop-lag=100ms",
    ]


def test_static_ones(program: Path) -> None:
    given = commands()
    assert "LOOP301" in run(given["auditor check"]).stdout
    assert "ASYNC251" in run(given["ruff check"]).stdout
    assert "time.sleep" in run(given["auditor explain"]).stdout


def test_monitor_and_what_the_report_says_of_it(program: Path) -> None:
    given = commands()
    log = program / "log"
    with serving(given["auditor monitor"], log):
        ask(log)
        ask(log)
    assert "app.py:10" in log.read_text()
    assert run(given["auditor report"]).returncode == 0
    page = (program / "auditor-report.html").read_text()
    assert "Seen at run time:" in page


def test_attach(program: Path) -> None:
    given = commands()
    log = program / "log"
    with serving("python -m uvicorn app:app", log) as server:
        ask(log)
        with serving(
            given["auditor attach"].replace("PID", str(server.pid)), program / "attached"
        ) as attached:
            until = time.monotonic() + PATIENCE
            while "app.py:10" not in (program / "attached").read_text():
                if attached.poll() is not None and "ermission" in (program / "attached").read_text():
                    pytest.skip("processes here may not be looked at")
                assert attached.poll() is None, (program / "attached").read_text()
                assert time.monotonic() < until, (program / "attached").read_text()
                time.sleep(1)
                ask(log)


def test_py_spy(program: Path) -> None:
    given = commands()
    log = program / "log"
    with serving("python -m uvicorn app:app", log) as server:
        ask(log)
        done = run(given["py-spy dump"].replace("PID", str(server.pid)))
        if done.returncode and "ermission" in done.stderr:
            pytest.skip("py-spy may not look at other processes here")
        assert "uvicorn" in done.stdout
        short = (
            given["py-spy record"].replace("PID", str(server.pid)).replace("--duration 30", "--duration 1")
        )
        assert run(short).returncode == 0
    assert "<svg" in (program / "profile.svg").read_text()


def test_pytest(program: Path) -> None:
    done = run(commands()["pytest --loop-lag=100ms"])
    assert done.returncode == 1, done.stdout
    assert "app.py:10" in done.stdout
