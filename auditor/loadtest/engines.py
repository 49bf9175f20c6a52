"""Starts and stops the reference engines, each as a process with a directory of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from auditor import resources

LIBRARIES = (
    "PIL",
    "aiohttp",
    "cv2",
    "fastapi",
    "httptools",
    "httpx",
    "numpy",
    "pdfplumber",
    "prometheus_client",
    "pypdfium2",
    "reportlab",
    "requests",
    "tesserocr",
    "uvicorn",
    "websockets",
)
MONITOR = (sys.executable, "-m", "auditor", "monitor", "--quiet", "--threshold", "50ms")
EXTRA = "pip install 'loop-auditor[engine]'"
START_SECONDS = 60.0
STOP_SECONDS = 30.0


class Unusable(Exception):  # noqa: N818 - says what is the case
    """Something is missing or does not start; the message is one line that says what to do."""


def require(*libraries: str) -> None:
    """Raises Unusable when one of the libraries is not installed."""
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    if missing:
        raise Unusable(f"bench needs {', '.join(missing)}: {EXTRA}")


def directory() -> Path:
    """Where the engines lie."""
    found = resources.engine_dir()
    if found is None:
        raise Unusable("this installation has no reference engine: reinstall loop-auditor")
    return found


def make_samples(target: Path, count: int, *, lines: int, padding: int = 0) -> list[Path]:
    """PDFs of one page each."""
    command = [sys.executable, "-m", "shared.samples", str(target), "--count", str(count)]
    command += ["--lines", str(lines), "--padding", str(padding)]
    done = subprocess.run(command, cwd=directory(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unusable(f"the sample documents cannot be made: {_last_line(done.stderr)}")
    return sorted(target.glob("*.pdf"))


@contextlib.contextmanager
def running(engine: str, workers: int, record: str = "") -> Iterator[str]:
    """A fresh server; yields its address. It is stopped, and its data removed, at the end.

    With ``record`` the loop monitor watches it, and appends its stalls to the file of that name.
    """
    with (
        tempfile.TemporaryDirectory(prefix=f"auditor-bench-{engine}-") as data,
        Path(data, "server.log").open("w", encoding="utf-8") as log,
    ):
        command = [sys.executable, "-m", engine, "--port", "0", "--workers", str(workers), "--data", data]
        if record:
            command = [*MONITOR, "--record", record, "--", *command]
        server = subprocess.Popen(
            command,
            cwd=directory(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # so that what it has started can be stopped with it
        )
        try:
            yield _address(server, Path(log.name), engine)
        finally:
            _stop(server)


def wait_until_ready(url: str, workers: int) -> None:
    """Until the server answers and, if it has any, all its workers have loaded their models."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            # The address is our own server's.
            with urllib.request.urlopen(f"{url}/status", timeout=5) as answer:
                status = json.load(answer)
            if status["worst_loop_lag_ms"] is None or len(status["workers"]) >= workers:
                return
        time.sleep(0.1)
    raise Unusable(f"{url} was not ready after {START_SECONDS:g} s")


def _address(server: subprocess.Popen[str], log: Path, engine: str) -> str:
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line.startswith("engine: http://"):
        raise Unusable(f"the {engine} engine did not start: {_last_line(log.read_text(encoding='utf-8'))}")
    return line.removeprefix("engine: ").strip()


def _stop(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert server.stdout is not None
    server.stdout.close()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("engine: ") if lines else "it said nothing"
