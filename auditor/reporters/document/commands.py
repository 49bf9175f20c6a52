"""Commands that show on a running program whether the findings are right, and mended."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import Finding

APP = "app:app"
"""Stands for the program's own application, as in ``uvicorn app:app``."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a command is for, and its text for a POSIX shell."""

    title: str
    text: str


def commands(paths: Sequence[str], findings: Sequence[Finding]) -> tuple[Command, ...]:
    """The commands for an audit of ``paths``."""
    given = " ".join(shlex.quote(path) for path in paths) or "."
    worst = findings[0] if findings else None
    found = [
        Command("Audit again after each change", f"auditor check {given}"),
        Command(
            "Lexical checks of the same kind, in the editor and in CI", f"ruff check --select ASYNC {given}"
        ),
    ]
    if worst is not None:
        place = shlex.quote(f"{worst.location.path}:{worst.location.line}")
        found.append(
            Command("Why the worst finding runs on the loop, and what it reaches", f"auditor explain {place}")
        )
    found += [
        Command(
            "Every stall over 100 ms with the line that causes it, on the server's own loop (a monitor with "
            "a loop of its own would time one that has nothing on it)",
            f"auditor monitor --record stalls.jsonl -- python -m uvicorn {APP}",
        ),
        Command("The same on a server that runs already (PID is its process)", "auditor attach PID"),
        Command("The same stalls beside these findings", f"auditor report {given} --evidence stalls.jsonl"),
        Command("What a server that hangs right now is doing (PID is its process)", "py-spy dump --pid PID"),
        Command(
            "Where the time goes under load, as a flame graph",
            "py-spy record --idle --output profile.svg --duration 30 --pid PID",
        ),
        Command("No test may stop its loop for more than 100 ms", "pytest --loop-lag=100ms"),
    ]
    return tuple(found)


METRICS = (
    "event loop lag: how much later than planned a timer runs; alert on the 99th percentile above 100 ms",
    "request queue depth: requests that are accepted and wait for the loop",
    "WebSocket ping/pong latency, and disconnects for missed heartbeats",
    "processing time of each pipeline stage",
    "threads and processes of the pools that are busy, and the jobs that wait for one",
)
"""What to measure; the first ones are those of the audit form."""
