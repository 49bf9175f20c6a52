"""What the benchmark scripts share: running a command with its costs, and reading the JSON report.

The scripts run as plain files (``python tests/bench/speed_cold.py ...``), need no network, and take checkouts that
somebody else has fetched as arguments. The command under test is ``$AUDITOR`` if set, else the ``auditor`` beside the
running interpreter, else this checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

Finding = dict[str, Any]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """One finished command.

    CPU seconds are user and system time of the process and all its children. The peak is that of the process alone, as
    it was last sampled: what the system reports at its end would include this script's own memory at the fork.
    """

    exit_code: int
    cpu: float
    wall: float
    peak_mib: float
    stdout: bytes
    stderr: str


@dataclass(frozen=True, slots=True)
class Memory:
    """High-water marks of resident memory, in MiB, of a process and of the largest of its descendants."""

    parent: float
    child: float


@dataclass(frozen=True, slots=True)
class Audit:
    """One run of ``auditor check -o json``; ``report`` is None when it did not print one."""

    report: Json | None
    measured: Measured

    @property
    def findings(self) -> list[Finding]:
        return list(self.report["findings"]) if self.report else []

    @property
    def problem(self) -> str | None:
        """Why this run must count as an internal error, in one line, or None."""
        if "Traceback (most recent call last)" in self.measured.stderr:
            return self.measured.stderr.rstrip().rsplit("\n", 1)[-1]
        if self.measured.exit_code not in (0, 1):
            return f"exit code {self.measured.exit_code}: {self.measured.stderr.strip()[-300:]}"
        if self.report is None:
            return "printed no JSON report"
        return None


def auditor_command() -> list[str]:
    """The command under test."""
    if named := os.environ.get("AUDITOR"):
        return shlex.split(named)
    beside = Path(sys.executable).parent / "auditor"
    if beside.exists():
        return [str(beside)]
    return [sys.executable, "-P", "-m", "auditor"]


def ruff_command() -> list[str]:
    """The ruff to compare with: ``$RUFF``, the one beside the interpreter, or the one on PATH."""
    if named := os.environ.get("RUFF"):
        return shlex.split(named)
    beside = Path(sys.executable).parent / "ruff"
    found = str(beside) if beside.exists() else shutil.which("ruff")
    if found is None:
        raise SystemExit("ruff is not installed: pip install ruff, or set RUFF")
    return [found]


def _environment() -> dict[str, str]:
    known = os.environ.get("PYTHONPATH")
    path = f"{known}{os.pathsep}{ROOT}" if known else str(ROOT)
    return {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}


def _watch(
    process: subprocess.Popen[bytes], timeout: float, peak: list[float], ended: threading.Event
) -> None:
    """Sample the memory of a process until it ends; kill it when its time is up."""
    deadline = time.monotonic() + timeout
    while not ended.wait(0.05):
        peak[0] = max(peak[0], _high_water(process.pid))
        if time.monotonic() > deadline:
            process.kill()
            return


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, Any]:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


def run(command: Sequence[str], cwd: Path | None = None, timeout: float = 3600.0) -> Measured:
    """Run a command to its end and measure it; one that exceeds ``timeout`` is killed (exit code -9)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   env=_environment())  # fmt: skip
        peak = [0.0]
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process, timeout, peak, ended), daemon=True)
        watcher.start()
        code, usage = _wait(process)
        ended.set()
        wall = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        return Measured(
            exit_code=code,
            cpu=usage.ru_utime + usage.ru_stime,
            wall=wall,
            peak_mib=peak[0],
            stdout=out.read(),
            stderr=err.read().decode("utf-8", "replace"),
        )


def run_for_memory(command: Sequence[str], cwd: Path | None = None) -> Memory:
    """Run a command and sample the high-water marks of its processes.

    Linux only; pages that processes share after a fork count in each of them.
    """
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=_environment())  # fmt: skip
    peaks: dict[int, float] = {}
    while process.poll() is None:
        for pid in _family(process.pid):
            peaks[pid] = max(peaks.get(pid, 0.0), _high_water(pid))
        time.sleep(0.02)
    return Memory(
        parent=peaks.pop(process.pid, 0.0),
        child=max(peaks.values(), default=0.0),
    )


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = "".join(p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:
        return
    for child in children.split():
        yield from _family(int(child))


def _high_water(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def audit(target: Path, *options: str, paths: Sequence[str] = (".",), timeout: float = 3600.0) -> Audit:
    """Run ``auditor check -o json`` inside ``target`` without its cache."""
    command = [*auditor_command(), "check", "--no-cache", "-o", "json", *options, *paths]
    measured = run(command, cwd=target, timeout=timeout)
    return Audit(parse_report(measured.stdout), measured)


def parse_report(text: bytes) -> Json | None:
    """The JSON report, or None if this is none."""
    try:
        report = json.loads(text)
    except ValueError:
        return None
    return report if isinstance(report, dict) and "findings" in report else None


def read_or_audit(target: Path, reports: Path | None, *options: str) -> Json:
    """The stored report of a target (``REPORTS/<name>.json``), else a fresh one, which is stored there.

    A run that fails is named on standard error and counts as one without findings.
    """
    stored = reports / f"{target.name}.json" if reports else None
    if stored and stored.exists():
        loaded = parse_report(stored.read_bytes())
        if loaded is not None:
            return loaded
    result = audit(target, *options)
    if result.report is None:
        print(f"{target}: {result.problem}", file=sys.stderr)
        return {"summary": {}, "findings": [], "not_analysed": []}
    if stored:
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(result.measured.stdout)
    return result.report


def command_line(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring as it is written."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A plain text table: first column left, the others right."""
    cells = [list(header), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def percent(part: int, whole: int) -> str:
    """``part`` of ``whole`` in percent with one decimal; a dash when there is nothing to divide."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
