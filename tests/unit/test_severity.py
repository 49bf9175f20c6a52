"""How bad a finding is where it stands: its phase, loops that give the event loop no turn, roles, small costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.cli.main import main
from auditor.model import Phase, Severity
from auditor.verdict import severity as scale

MIDDLE, HIGHER = Severity.MEDIUM, Severity.HIGH
Severities = Callable[[str], list[tuple[int, str, str]]]


@pytest.fixture
def severities(project: Path, capsys: pytest.CaptureFixture[str]) -> Severities:
    def audited(body: str) -> list[tuple[int, str, str]]:
        (project / "app.py").write_text(body, encoding="utf-8")
        main(["check", "-o", "json", "--no-cache", "app.py"])
        report = json.loads(capsys.readouterr().out)
        return [(one["line"], one["code"], one["severity"]) for one in report["findings"]]

    return audited


HEAD = "import asyncio\nimport time\n\n\nasync def poll(items):\n"


@pytest.mark.parametrize(
    ("body", "line", "severity"),
    [
        pytest.param("    time.sleep(0.5)\n", 6, "MEDIUM", id="once"),
        pytest.param("    for _ in items:\n        time.sleep(0.5)\n", 7, "HIGH", id="rounds add up"),
        pytest.param("    while items:\n        time.sleep(0.5)\n", 7, "HIGH", id="a while loop too"),
        pytest.param("    return [time.sleep(0.5) for _ in items]\n", 6, "HIGH", id="a comprehension too"),
        pytest.param(
            "    for _ in items:\n        time.sleep(0.5)\n        await asyncio.sleep(1)\n",
            7,
            "MEDIUM",
            id="an await in each round gives the loop a turn",
        ),
        pytest.param(
            "    async for _ in items:\n        time.sleep(0.5)\n", 7, "MEDIUM", id="so does async for"
        ),
        pytest.param(
            "    for item in items:\n        async with item:\n            time.sleep(0.5)\n",
            8,
            "MEDIUM",
            id="and async with",
        ),
        pytest.param(
            "    await asyncio.sleep(1)\n    for _ in items:\n        time.sleep(0.5)\n",
            8,
            "HIGH",
            id="an await beside the loop does not",
        ),
        pytest.param(
            "    for item in items:\n        for _ in item:\n            time.sleep(0.5)\n"
            "        await asyncio.sleep(1)\n",
            8,
            "HIGH",
            id="nor one in the loop around it",
        ),
        pytest.param(
            "    for item in items:\n        time.sleep(0.5)\n\n        async def later():\n            await item\n",
            7,
            "HIGH",
            id="nor one in a function that is made there",
        ),
    ],
)
def test_rounds_of_a_loop(severities: Severities, body: str, line: int, severity: str) -> None:
    assert severities(HEAD + body) == [(line, "LOOP301", severity)]


STARTUP = """\
import time
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app):
    for _ in range(3):
        time.sleep(2)
    yield


app = FastAPI(lifespan=lifespan)
"""


def test_startup_is_a_step_down_and_repetition_no_step_up(severities: Severities) -> None:
    assert severities(STARTUP) == [(10, "LOOP301", "MEDIUM")]
    assert severities(STARTUP.replace("time.sleep(2)", "time.sleep(0.5)")) == [(10, "LOOP301", "MONITOR")]


def test_what_only_tests_reach_is_monitor(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tests").mkdir()
    (project / "tests" / "test_app.py").write_text(
        "import time\n\n\nasync def test_waits():\n    for _ in range(3):\n        time.sleep(30)\n",
        encoding="utf-8",
    )
    main(["check", "-o", "json", "--no-cache", "."])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["line"], finding["severity"]) == (6, "MONITOR")


SOCKET = """\
from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws")
async def feed(socket: WebSocket, path: str):
    await socket.accept()
    with open(path, MODE) as file:
        await socket.send_bytes(file.read())
"""


@pytest.mark.parametrize(("mode", "severity"), [('"rb"', "HIGH"), ('"r"', "MEDIUM")])
def test_files_on_a_websocket(severities: Severities, mode: str, severity: str) -> None:
    found = severities(SOCKET.replace("MODE", mode))
    assert [(line, code) for line, code, _ in found if line == 9] == [(9, "LOOP303")]
    assert next(level for line, _, level in found if line == 9) == severity


@pytest.mark.parametrize(
    ("phase", "in_loop", "roles", "expected"),
    [
        (Phase.SERVING, False, (), MIDDLE),
        (Phase.SERVING, True, (), HIGHER),
        (Phase.SERVING, False, ("websocket",), HIGHER),
        (Phase.SERVING, True, ("middleware",), Severity.CRITICAL),
        (Phase.STARTUP, True, ("websocket",), Severity.MONITOR),
        (Phase.SHUTDOWN, False, (), Severity.MONITOR),
        (Phase.CLI, True, (), Severity.MONITOR),
        (Phase.TEST, True, ("websocket",), Severity.MONITOR),
    ],
)
def test_steps(phase: Phase, in_loop: bool, roles: tuple[str, ...], expected: Severity) -> None:
    placed = scale.in_place(MIDDLE, 0.5, phase=phase, in_loop=in_loop, roles=frozenset(roles))
    assert placed is expected


@pytest.mark.parametrize(("typical", "expected"), [(0.0009, Severity.MONITOR), (0.001, MIDDLE)])
def test_what_takes_microseconds_is_no_worse_where_it_is_repeated(typical: float, expected: Severity) -> None:
    placed = scale.in_place(Severity.MONITOR, typical, phase=Phase.SERVING, in_loop=True, roles=frozenset())
    assert placed is expected
