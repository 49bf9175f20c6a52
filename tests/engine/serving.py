"""Starts the reference engines as processes of their own, talks to them, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor import resources

MODULES = (
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
MISSING = [name for name in MODULES if importlib.util.find_spec(name) is None]

needs_engine = pytest.mark.skipif(
    bool(MISSING) or sys.platform == "win32",
    reason=f"needs POSIX and the libraries of loop-auditor[engine]; missing: {', '.join(MISSING) or 'none'}",
)

TERMINAL = {"completed", "partial", "failed", "cancelled"}
PATIENCE = 60.0


def engine_directory() -> Path:
    directory = resources.engine_dir()
    assert directory is not None
    return directory


class Server:
    """A running engine; ``data`` outlives it, so that another one can go on."""

    def __init__(
        self,
        data: Path,
        *options: str,
        package: str = "fixed",
        env: dict[str, str] | None = None,
        witness: Path | None = None,
    ) -> None:
        import httpx

        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        self.log_path = data.parent / f"{data.name}.log"
        runner = ["-m"] if witness is None else [str(Path(__file__).with_name("witness.py")), str(witness)]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *runner, package, "--data", str(data), "--port", "0", *options],
                cwd=engine_directory(),
                env={**os.environ, **(env or {}), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("engine: http://"), f"{package} did not start: {self.log()}"
        self.url = line.removeprefix("engine: ").strip()
        self.port = int(self.url.rpartition(":")[2])
        self.http = httpx.Client(base_url=self.url, timeout=60.0)
        eventually(self._is_up, what="the server answers")

    def _is_up(self) -> bool:
        import httpx

        assert self.process.poll() is None, self.log()
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def upload(self, content: bytes, name: str = "a.pdf", *, process: bool = False) -> Any:
        answer = self.http.put(
            "/documents", params={"name": name, "process": str(process).lower()}, content=content
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def submit(self, content: bytes, name: str = "a.pdf") -> str:
        """Upload and process; the job's id."""
        identifier: str = self.upload(content, name, process=True)["job"]["id"]
        return identifier

    def job(self, job: str) -> Any:
        return self.http.get(f"/jobs/{job}").raise_for_status().json()

    def status(self) -> Any:
        return self.http.get("/status").raise_for_status().json()

    def ended(self, job: str, patience: float = PATIENCE) -> Any:
        """The job, once it has reached a terminal status."""
        eventually(lambda: self.job(job)["status"] in TERMINAL, patience, f"job {job} ends")
        return self.job(job)

    def running(self, job: str) -> None:
        eventually(lambda: self.job(job)["status"] == "running", what=f"job {job} runs")

    def result(self, job: str) -> Any:
        return self.http.get(f"/jobs/{job}/result").raise_for_status().json()

    def metric(self, name: str) -> float:
        for line in self.http.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise KeyError(name)

    @contextlib.contextmanager
    def live(self) -> Iterator[Any]:
        from websockets.sync.client import connect

        with connect(f"ws://127.0.0.1:{self.port}/live", open_timeout=60, max_queue=None) as socket:
            yield socket

    def children(self) -> list[int]:
        """The processes that the server has started and that are still there."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                name, _, rest = stat.read_text().rpartition(")")
                state, parent = rest.split()[:2]
                if int(parent) == self.process.pid and state != "Z":
                    found.append(int(name.split()[0]))
        return found

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def terminate(self, patience: float = PATIENCE) -> int:
        """Ask it to stop, as a supervisor does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(patience)
        self.close()
        return code

    def close(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


def eventually(check: Callable[[], Any], patience: float = PATIENCE, what: str = "it holds") -> Any:
    """Ask again and again until the answer is true; returns it."""
    deadline = time.monotonic() + patience
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {patience:g} s: {what}"
        time.sleep(0.05)


def states_until(
    socket: Any, done: Callable[[dict[str, Any]], bool], patience: float = PATIENCE
) -> list[Any]:
    """The states that come over a WebSocket up to the first that is ``done``; pings are answered."""
    deadline = time.monotonic() + patience
    seen = []
    while True:
        message = json.loads(socket.recv(timeout=max(0.1, deadline - time.monotonic())))
        if message["type"] == "ping":
            socket.send(json.dumps({"type": "pong", "id": message["id"]}))
        for state in message.get("states", ()):
            seen.append(state)
            if done(state):
                return seen
