"""`auditor monitor` and `auditor attach` with real programs, servers and terminals."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import textwrap
import time
from pathlib import Path

import httpx
import pytest

from auditor.runtime import pyspy, record
from auditor.runtime.wording import BLAMELESS

AUDITOR = [sys.executable, "-m", "auditor"]

PROGRAM = """
import asyncio, sys, time

async def main():
    await asyncio.sleep(0.3)
    time.sleep(0.6)  # here
    await asyncio.sleep(0.3)

asyncio.run(main())
print("done")
sys.exit(3)
"""
LINE = PROGRAM.splitlines().index("    time.sleep(0.6)  # here") + 1


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path / "program.py"


def monitor(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AUDITOR, "monitor", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def recorded(path: Path) -> list[tuple[int, str]]:
    """Line and function of each stall in a file that code is to blame for."""
    return [
        (stall.site.line, stall.site.function)
        for stall in record.stalls(str(path))
        if stall.site is not None and stall.kind not in BLAMELESS
    ]


def until(condition: object, seconds: float = 120.0) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_program_is_watched_without_a_change_and_keeps_its_output_and_exit_code(program: Path) -> None:
    done = monitor(program.parent, "--record", "stalls.jsonl", "--", sys.executable, "program.py")
    assert (done.returncode, done.stdout) == (3, "done\n")
    assert f"program.py:{LINE} in main (blocking-wait" in done.stderr
    assert "event loops stood still" in done.stderr
    assert recorded(program.parent / "stalls.jsonl") == [(LINE, "main")]


def test_a_terminal_shows_the_live_view_and_the_program_s_output(program: Path) -> None:
    master, slave = pty.openpty()
    command = [*AUDITOR, "monitor", "--", sys.executable, "program.py"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(
        command, cwd=program.parent, stdin=slave, stdout=slave, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                data = os.read(master, 1 << 16)
            except OSError:
                break
            shown += data
            if not data:
                break
        assert process.wait(300) == 3
    os.close(master)
    text = shown.decode(errors="replace")
    assert "event loops, stalls from 100 ms on" in text
    assert "MainThread" in text
    assert "done" in text
    assert f"program.py:{LINE} in main" in text


def test_workers_spawned_and_forked_and_a_sitecustomize_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.customized = True\n")
    (tmp_path / "program.py").write_text(
        textwrap.dedent(
            """
            import asyncio, multiprocessing, os, sys, time

            async def main():
                await asyncio.sleep(0.3)
                time.sleep(0.6)  # here
                await asyncio.sleep(0.3)

            def work():
                asyncio.run(main())

            if __name__ == "__main__":
                assert customized and os.environ["PYTHONPATH"]
                assert not any(path.endswith("inject") for path in sys.path)
                for way in ("spawn", "fork"):
                    process = multiprocessing.get_context(way).Process(target=work)
                    process.start()
                    process.join()
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*AUDITOR, "monitor", "--quiet", "--record", "stalls.jsonl", "--", sys.executable, "program.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert recorded(tmp_path / "stalls.jsonl") == [(6, "main")] * 2
    pids = {
        stall.pid for stall in record.stalls(str(tmp_path / "stalls.jsonl")) if stall.kind not in BLAMELESS
    }
    assert len(pids) == 2


def test_a_server_under_it_stops_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import time\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http': raise RuntimeError\n"
        "    time.sleep(0.6)\n"
        "    await send({'type': 'http.response.start', 'status': 204, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b''})\n"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [
        *AUDITOR,
        "monitor",
        "--record",
        "stalls.jsonl",
        "--",
        sys.executable,
        "-m",
        "uvicorn",
        "app:app",
    ]
    with subprocess.Popen(
        [*command, "--port", str(port)], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as process:

        def answers() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 204
            except httpx.TransportError:
                return False

        until(answers)
        until(lambda: recorded(tmp_path / "stalls.jsonl"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) in {0, 128 + signal.SIGTERM}
    assert set(recorded(tmp_path / "stalls.jsonl")) == {(4, "app")}


INTERRUPTED = """
import signal, time
count = 0
def interrupted(*_):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
while not count:
    time.sleep(0.05)
time.sleep(1)
print(count, flush=True)
"""


@pytest.mark.parametrize("how", ["alone", "group", "terminal"])
def test_an_interrupt_reaches_the_program_once(tmp_path: Path, how: str) -> None:
    (tmp_path / "program.py").write_text(INTERRUPTED)
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*AUDITOR, "monitor", "--plain", "--", sys.executable, "program.py"],
        cwd=tmp_path,
        stdin=slave,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if how == "terminal" else None,  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if how == "terminal":
            os.write(master, b"\x03")
        elif how == "group":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "1\n"
        assert process.wait(60) == 0
    os.close(master)
    os.close(slave)


def test_what_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    for arguments, code, said in (
        ([], 2, "no command; write what is to run after --"),
        (["--threshold", "soon", "--", "true"], 2, "--threshold: 'soon' is no duration"),
        (
            ["--record", "no/such/place", "--", "true"],
            2,
            "--record: no/such/place: No such file or directory",
        ),
        (["--", "./missing"], 127, "./missing: No such file or directory"),
    ):
        done = monitor(tmp_path, *arguments)
        assert done.returncode == code
        assert f"auditor: {said}" in done.stderr.splitlines()[0]
        assert len(done.stderr.splitlines()) == 1
    assert "no event loop was seen" in monitor(tmp_path, "--", "true").stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_process_that_runs_is_watched_from_outside(tmp_path: Path, loop: str) -> None:
    (tmp_path / "program.py").write_text(
        textwrap.dedent(
            """
            import asyncio, sys, threading, time, uvloop
            print("ready", flush=True)

            async def stalls():
                while True:
                    await asyncio.sleep(0.3)
                    time.sleep(0.6)  # here

            async def calm():
                while True:
                    await asyncio.sleep(0.01)

            threading.Thread(target=lambda: asyncio.run(stalls()), name="stalls", daemon=True).start()
            (uvloop.run if sys.argv[1] == "uvloop" else asyncio.run)(stalls() if sys.argv[1] == "uvloop" else calm())
            """
        )
    )
    if pyspy.refused(pyspy.find(), os.getpid()):
        pytest.skip("py-spy may not look at other processes here")
    command = [sys.executable, "program.py", loop]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            done = subprocess.run(
                [*AUDITOR, "attach", str(process.pid), "--seconds", "15", "--record", "stalls.jsonl"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        finally:
            process.kill()
    assert done.returncode == 0, done.stderr
    stalls = [stall for stall in record.stalls(str(tmp_path / "stalls.jsonl")) if stall.kind not in BLAMELESS]
    assert {stall.site.line for stall in stalls if stall.site} == {8}
    expected = {("asyncio", "stalls"), ("uvloop", "MainThread")}
    assert {(stall.loop, stall.thread) for stall in stalls} == (
        expected if loop == "uvloop" else {("asyncio", "stalls")}
    )
    assert "event loops stood still" in done.stderr


def test_what_cannot_be_attached_to_is_one_line() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        for pid, said in (
            (process.pid, "cannot look at process"),
            (4_000_000, "there is no process 4000000"),
        ):
            done = subprocess.run(
                [*AUDITOR, "attach", str(pid)], capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 2
            assert said in done.stderr
            assert len(done.stderr.splitlines()) == 1
        process.kill()
