"""How bad a finding is where it stands: its phase, loops that give the event loop no turn, roles, small costs."""

from __future__ import annotations

import json
import textwrap
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


@pytest.fixture
def amounts(project: Path, capsys: pytest.CaptureFixture[str]) -> Severities:
    """Whether a finding stands for all that is in a file, by its cost."""

    def audited(body: str) -> list[tuple[int, str, str]]:
        (project / "app.py").write_text(body, encoding="utf-8")
        main(["check", "-o", "json", "--no-cache", "app.py"])
        report = json.loads(capsys.readouterr().out)
        return [
            (one["line"], one["code"], "all" if one["cost"]["typical"] >= 0.01 else "little")
            for one in report["findings"]
        ]

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
        pytest.param(
            "    for _ in range(2):\n        time.sleep(0.4)\n",
            7,
            "MEDIUM",
            id="two rounds take twice as long",
        ),
        pytest.param(
            "    for _ in range(3):\n        time.sleep(0.4)\n", 7, "HIGH", id="three take three times"
        ),
        pytest.param(
            "    for _ in (1, 2):\n        time.sleep(0.4)\n", 7, "MEDIUM", id="a display is counted"
        ),
        pytest.param(
            "    for _ in range(2):\n        for _ in (1, 2):\n            time.sleep(0.3)\n",
            8,
            "HIGH",
            id="counts of loops in each other multiply",
        ),
        pytest.param(
            "    for _ in items:\n        for _ in range(2):\n            time.sleep(0.3)\n",
            8,
            "HIGH",
            id="a count within who knows how many rounds says nothing",
        ),
        pytest.param(
            "    for _ in items:\n        for _ in range(2):\n            time.sleep(0.3)\n"
            "        await asyncio.sleep(1)\n",
            8,
            "MEDIUM",
            id="unless the outer loop awaits in each round",
        ),
        pytest.param(
            "    waits = [1, 2]\n    waits.extend(items)\n    for _ in waits:\n        time.sleep(0.4)\n",
            9,
            "HIGH",
            id="a list that grows is not",
        ),
        pytest.param(
            "    for item in items:\n        if item:\n            return {'slept': time.sleep(0.4)}\n",
            8,
            "MEDIUM",
            id="what is returned is called once",
        ),
        pytest.param(
            "    for item in items:\n        if item:\n            time.sleep(0.4)\n            return item\n",
            8,
            "MEDIUM",
            id="so is what stands before a return",
        ),
        pytest.param(
            "    for item in items:\n        if item:\n            return item\n        time.sleep(0.4)\n",
            9,
            "HIGH",
            id="but not what a return passes by",
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
    for _ in app.routes:
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


def test_what_only_examples_reach_is_monitor(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waits = "import time\n\n\nasync def serve():\n    time.sleep(2)\n"
    for name in ("examples/app.py", "shop/examples/__init__.py"):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text(waits, encoding="utf-8")
    (project / "shop" / "__init__.py").write_text("", encoding="utf-8")
    main(["check", "-o", "json", "--no-cache", "."])
    found = json.loads(capsys.readouterr().out)["findings"]
    # `shop.examples` is a part of a package that is installed
    assert [(one["path"], one["severity"]) for one in found] == [
        ("examples/app.py", "MONITOR"),
        ("shop/examples/__init__.py", "HIGH"),
    ]
    main(["check", "-o", "json", "--no-cache", "examples"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(one["path"], one["severity"]) for one in found] == [("examples/app.py", "HIGH")]


COMMAND = """\
import asyncio
import time


async def report():
    await asyncio.sleep(1)


async def main():
    START
    time.sleep(20)


def run():
    asyncio.run(main())


if __name__ == "__main__":
    run()
"""


@pytest.mark.parametrize(
    ("start", "severity"),
    [
        ("await report()", "MONITOR"),
        ("reporting = asyncio.create_task(report())", "MEDIUM"),
        ("await asyncio.gather(report(), report())", "MEDIUM"),
        ("await asyncio.start_server(report, port=8000)", "CRITICAL"),  # it serves
    ],
)
def test_a_command_that_is_alone_on_its_loop(severities: Severities, start: str, severity: str) -> None:
    found = severities(COMMAND.replace("START", start))
    assert [one for one in found if one[0] == 11] == [(11, "LOOP301", severity)]


SOCKET = """\
from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws")
async def feed(socket: WebSocket, path: str):
    await socket.accept()
    with open(path, MODE) as file:
        await socket.send_bytes(file.read())
"""


@pytest.mark.parametrize(("mode", "severity"), [('"rb"', "MEDIUM"), ('"r"', "MONITOR")])
def test_files_on_a_websocket(severities: Severities, mode: str, severity: str) -> None:
    found = severities(SOCKET.replace("MODE", mode))
    assert [(line, code) for line, code, _ in found if line == 9] == [(9, "LOOP303")]
    assert next(level for line, _, level in found if line == 9) == severity


@pytest.mark.parametrize(
    ("phase", "many", "roles", "expected"),
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
def test_steps(phase: Phase, many: bool, roles: tuple[str, ...], expected: Severity) -> None:
    placed = scale.in_place(MIDDLE, 0.5, phase=phase, many=many, roles=frozenset(roles))
    assert placed is expected


@pytest.mark.parametrize(("typical", "expected"), [(0.009, Severity.MONITOR), (0.01, MIDDLE)])
def test_what_takes_little_is_no_worse_where_it_is_repeated(typical: float, expected: Severity) -> None:
    placed = scale.in_place(Severity.MONITOR, typical, phase=Phase.SERVING, many=True, roles=frozenset())
    assert placed is expected


EARLY = """\
import asyncio
import time


async def report():
    await asyncio.sleep(1)


async def main(jobs):
    time.sleep(20)
    for job in jobs:
        time.sleep(30)
        await asyncio.gather(report(), job)
    time.sleep(40)


if __name__ == "__main__":
    asyncio.run(main([]))
"""


def test_a_command_is_alone_until_it_starts_something(severities: Severities) -> None:
    assert severities(EARLY) == [
        (10, "LOOP301", "MONITOR"),
        (12, "LOOP301", "MEDIUM"),
        (14, "LOOP301", "MEDIUM"),
    ]


PIECES = """\
import asyncio
import io
import pickle
import tempfile
import tomllib
import wave
from concurrent.futures import ThreadPoolExecutor


FILES = {"a": open("a", "rb")}


async def handle(path, response, loop):
BODY
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "with open(path, 'wb') as file:\n    file.write(await response.read())",
            [(0, "all")],
            id="whole",
        ),
        pytest.param(
            "with open(path, 'wb') as file:\n    async for piece in response:\n        file.write(piece)",
            [(0, "little"), (2, "little")],
            id="piece by piece",
        ),
        pytest.param(
            "for one in path:\n    with open(one, 'rb') as file:\n        await response.send(file.read())",
            [(1, "all")],
            id="a whole file in each round",
        ),
        pytest.param(
            "with open(path, 'rb') as file:\n    while piece := file.read(8192):\n        response.add(piece)",
            [(0, "all")],
            id="pieces without a turn in between",
        ),
        pytest.param(
            "with open(path, 'rb') as file:\n    while piece := file.read(8192):\n        yield piece",
            [(0, "little"), (1, "little")],
            id="pieces that somebody awaits",
        ),
        pytest.param(
            "with open(path, 'wb') as file:\n    file.write(response.text.encode())",
            [(0, "little")],
            id="encoded text",
        ),
        pytest.param(
            "with open(path, 'wb') as file:\n    file.write(response.encode('utf-8', errors='replace'))",
            [(0, "little")],
            id="text in a named encoding",
        ),
        pytest.param(
            "with open(path, 'wb') as file:\n    file.write(path.encode(response, 'flac'))",
            [(0, "all")],
            id="what an encoder makes of data",
        ),
        pytest.param(
            "with open(path, 'rb') as file:\n    return file.read(16)", [(0, "little")], id="a sized read"
        ),
        pytest.param(
            "with open(path, 'rb') as file:\n    return file.read(1_000_000)",
            [(0, "all")],
            id="a large one",
        ),
        pytest.param("return FILES['a'].read(16)", [(0, "little")], id="a sized read of an open file"),
        pytest.param("return FILES['a'].read(-1)", [(0, "all")], id="all of an open file"),
        pytest.param(
            "with open(path, 'rb') as file:\n    await response.send(file)",
            [(0, "little")],
            id="given to what is awaited",
        ),
        pytest.param(
            "with open(path, 'rb') as file:\n    return tomllib.load(file)",
            [(0, "little")],
            id="a small file of text",
        ),
        pytest.param(
            "with open(path, 'rb') as file:\n    return pickle.load(file)", [(0, "all")], id="objects"
        ),
        pytest.param("response.send(open(path, 'rb'))", [(0, "all")], id="given away"),
        pytest.param("return open(path, 'rb')", [(0, "all")], id="given back"),
        pytest.param("response.file = open(path, 'rb')", [(0, "all")], id="kept"),
        pytest.param("response.files = [open(path, 'rb')]", [(0, "all")], id="kept in a list"),
        pytest.param(
            "with tempfile.NamedTemporaryFile() as file:\n    await response.save(file.name)",
            [(0, "little")],
            id="only made",
        ),
        pytest.param(
            "with io.BytesIO() as file, wave.open(file, 'wb') as sound:\n    sound.writeframes(response)",
            [],
            id="in memory",
        ),
        pytest.param(
            "with wave.open(path, 'wb') as sound:\n    sound.writeframes(response)",
            [(0, "all")],
            id="on disk",
        ),
    ],
)
def test_pieces(amounts: Severities, body: str, expected: list[tuple[int, str]]) -> None:
    found = amounts(PIECES.replace("BODY", textwrap.indent(body, "    ")))
    assert [(line - 14, amount) for line, _, amount in found] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "with ThreadPoolExecutor() as pool:\n    await loop.run_in_executor(pool, path.resolve)",
            [(0, "MONITOR")],
            id="a pool whose work is awaited",
        ),
        pytest.param(
            "with ThreadPoolExecutor() as pool:\n"
            "    await asyncio.wait_for(loop.run_in_executor(pool, path.resolve), 5)",
            [(0, "HIGH")],
            id="a pool that a timeout leaves at work",
        ),
        pytest.param(
            "with ThreadPoolExecutor() as pool:\n    pool.submit(path.resolve)",
            [(0, "HIGH")],
            id="a pool left at work",
        ),
        pytest.param(
            "with ThreadPoolExecutor() as pool:\n"
            "    futures = [pool.submit(one) for one in path]\n"
            "    return [future.result() for future in futures]",
            [(0, "MONITOR"), (2, "CRITICAL")],
            id="a pool whose results are waited for in it",
        ),
        pytest.param(
            "with ThreadPoolExecutor() as pool:\n"
            "    futures = [pool.submit(one) for one in path]\n"
            "return [future.result() for future in futures]",
            [(0, "HIGH"), (2, "CRITICAL")],
            id="a pool whose results are waited for after it",
        ),
    ],
)
def test_pools(severities: Severities, body: str, expected: list[tuple[int, str]]) -> None:
    found = severities(PIECES.replace("BODY", textwrap.indent(body, "    ")))
    assert [(line - 14, severity) for line, _, severity in found] == expected


UPLOADS = """\
from pathlib import Path
from fastapi import FastAPI, Request, UploadFile

app = FastAPI()


@app.post("/")
async def receive(file: UploadFile, request: Request):
BODY
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "with open('x', 'wb') as target:\n    target.write(await file.read())",
            (0, "MEDIUM"),
            id="written",
        ),
        pytest.param("data = await file.read()\nPath('x').write_bytes(data)", (1, "MEDIUM"), id="as a whole"),
        pytest.param("Path('x').write_bytes(await request.body())", (0, "MEDIUM"), id="a body"),
        pytest.param(
            "Path('x').write_bytes(b'begin' + bytes(await request.body()))", (0, "MEDIUM"), id="a part of it"
        ),
        pytest.param(
            "Path('x').write_bytes(file.content_type.encode())", (0, "MONITOR"), id="something else"
        ),
        pytest.param("Path('x').read_bytes()", (0, "MONITOR"), id="our own file"),
    ],
)
def test_what_others_send_is_as_large_as_they_like(
    severities: Severities, body: str, expected: tuple[int, str]
) -> None:
    found = severities(UPLOADS.replace("BODY", textwrap.indent(body, "    ")))
    assert [(line - 9, severity) for line, _, severity in found] == [expected]


LAZY = """\
import time
from fastapi import FastAPI

app = FastAPI()


class Store:
    def __init__(self):
        self.ready = None

    async def get(self):
        if self.ready is None:
            self.ready = self.open()
        return self.ready

    async def refresh(self):
        CALL

    def open(self):
        time.sleep(SECONDS)
        return object()


store = Store()


@app.get("/")
async def first():
    return await store.get(), await store.refresh()
"""


@pytest.mark.parametrize(
    ("seconds", "call", "severity"),
    [
        ("0.2", "pass", "MONITOR"),
        ("0.2", "self.ready = self.open()", "MEDIUM"),
        ("2", "pass", "HIGH"),
    ],
)
def test_what_the_first_request_does_for_all_is_a_step_down_unless_everybody_notices(
    severities: Severities, seconds: str, call: str, severity: str
) -> None:
    body = LAZY.replace("CALL", call).replace("SECONDS", seconds)
    assert severities(body) == [(20, "LOOP301", severity)]
