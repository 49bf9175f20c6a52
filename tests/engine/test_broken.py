"""The broken engine: every mark is a fault that happens, and auditor finds those whose rules exist."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from engine import hostile
from engine.serving import (
    PATIENCE,
    TERMINAL,
    Server,
    engine_directory,
    eventually,
    needs_engine,
    states_until,
)

from auditor import resources
from auditor.cli.main import run
from auditor.rulebook import expectations

Pdf = Callable[..., bytes]
Start = Callable[..., Server]

RAISES = {
    "LOOP101": "RuntimeError",
    "LOOP201": "RuntimeError",
    "LOOP315": "TypeError",
    "LOOP401": "TypeError",
}
"""Faults that show in an exception, whose type the line must have raised."""

OFF_LOOP = {"LOOP202", "LOOP203", "LOOP204", "LOOP208", "LOOP404", "LOOP410"}
"""Faults of a thread without a loop: the line must have run there."""

ELSEWHERE = {"LOOP103", "LOOP104", "LOOP207"}
"""Shown by tests of their own below: nothing of them is to be seen in a single line."""

HOW_LONG = {"LOOP206": 0.4, "LOOP208": 0.0, "LOOP301": 0.9, "LOOP306": 0.0, "LOOP322": 0.005}
"""Seconds that the line must have stood still at least, where it is not just more than nothing."""


@cache
def marks() -> dict[tuple[str, int], set[str]]:
    """Path below ``broken/`` and line to the codes that are expected there."""
    found: dict[tuple[str, int], set[str]] = {}
    directory = engine_directory() / "broken"
    for path in sorted(directory.rglob("*.py")):
        name = path.relative_to(directory).as_posix()
        for mark in expectations(path.read_text(encoding="utf-8"), name):
            found.setdefault((name, mark.line), set()).add(mark.code)
    return found


# ---------------------------------------------------------------- what auditor finds


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    code = run(["check", "-o", "json", "--preview", "--no-cache", *arguments])
    assert code in {0, 1}
    findings: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return findings


def test_auditor_finds_every_marked_line_whose_rule_exists_and_no_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(engine_directory())
    exist = set(resources.rule_files())
    reported: dict[tuple[str, int], set[str]] = {}
    first: dict[tuple[str, int], str] = {}
    for finding in check(capsys, "broken", "shared"):
        package, _, name = finding["path"].partition("/")
        if package == "shared":
            assert finding["severity"] == "MONITOR", finding
            continue
        reported.setdefault((name, finding["line"]), set()).update([finding["code"], *finding["also"]])
        first.setdefault((name, finding["line"]), finding["code"])
    missed = {
        place: codes & exist for place, codes in marks().items() if codes & exist - reported.get(place, set())
    }
    assert missed == {}
    unmarked = {place: code for place, code in first.items() if code not in marks().get(place, set())}
    assert unmarked == {}


@pytest.mark.parametrize("paths", [["fixed"], ["fixed", "shared"]])
def test_auditor_finds_nothing_in_the_fixed_engine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, paths: list[str]
) -> None:
    monkeypatch.chdir(engine_directory())
    assert [one for one in check(capsys, *paths) if one["severity"] != "MONITOR"] == []
    for path in paths:
        for file in (engine_directory() / path).rglob("*.py"):
            assert "auditor:" not in file.read_text(encoding="utf-8")  # no suppressions


def test_the_marks_cover_the_five_seeds() -> None:
    codes = set().union(*marks().values())
    families = {
        "batch progress": {"LOOP101", "LOOP102", "LOOP412"},
        "convergence stream": {"LOOP104", "LOOP206", "LOOP207"},
        "parallel chunks": {"LOOP201", "LOOP205", "LOOP208", "LOOP204"},
        "model reload": {"LOOP103", "LOOP202", "LOOP203"},
        "audit document": {
            *(
                "LOOP301",
                "LOOP302",
                "LOOP303",
                "LOOP304",
                "LOOP305",
                "LOOP308",
                "LOOP309",
                "LOOP310",
                "LOOP314",
            ),
            *(
                "LOOP315",
                "LOOP317",
                "LOOP319",
                "LOOP320",
                "LOOP401",
                "LOOP402",
                "LOOP404",
                "LOOP405",
                "LOOP409",
            ),
            "LOOP411",
        },
    }
    assert {name: wanted - codes for name, wanted in families.items() if wanted - codes} == {}


# ---------------------------------------------------------------- what really happens


@pytest.fixture(scope="module")
def dead_end() -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="module")
def witnessed(
    tmp_path_factory: pytest.TempPathFactory, pdf: Pdf, dead_end: int
) -> tuple[dict[str, dict[str, Any]], str]:
    """Two runs of everything that the service can do: what its lines did, and its log."""
    directory = tmp_path_factory.mktemp("witness")
    record, drill = directory / "lines.json", directory / "drill"
    options = {
        "package": "broken",
        "witness": record,
        "env": {"ENGINE_DEVICE_DRILL": str(drill), "PYTHONUNBUFFERED": "1"},
    }
    quick = ("--workers", "2", "--dpi", "100", "--notify-url", f"http://127.0.0.1:{dead_end}/")
    with closing(Server(directory / "data", *quick, **options)) as server:  # type: ignore[arg-type]
        _use_everything(server, pdf, drill)
        lines = _stopped(server, record)
    # Again, with a job that the last run left: it is taken up by a task that nobody keeps.
    with closing(Server(directory / "data", *quick, **options)) as again:  # type: ignore[arg-type]
        again.ended("left")
        for place, entry in _stopped(again, record).items():
            lines.setdefault(place, entry)
        return lines, again.log()


def _use_everything(server: Server, pdf: Pdf, drill: Path) -> None:
    job = server.submit(pdf(pages=1))
    server.ended(job)
    server.result(job)
    server.ended(server.submit(hostile.noise(300, 200), "scan.png"))
    server.ended(server.submit(pdf(pages=2), "two.pdf"))
    document = server.upload(pdf())["id"]
    server.http.get(f"/documents/{document}").raise_for_status()
    server.status()
    with server.live() as live:
        live.send(json.dumps({"type": "watch", "jobs": [job]}))
        states_until(live, lambda state: state["id"] == job and state["status"] in TERMINAL)
        calibration = server.http.post("/jobs", json={"document": document, "kind": "calibrate"}).json()["id"]
        server.ended(calibration)
    drill.touch()
    documents = [server.upload(pdf(), f"{number}.pdf")["id"] for number in range(6)]
    batch = server.http.post("/batches", json={"documents": documents}).json()["id"]

    def has_ended() -> bool:
        server.http.get("/jobs").raise_for_status()  # waits for the lock that the batch holds
        ended: bool = server.http.get(f"/batches/{batch}").json()["ended"] == len(documents)
        return ended

    eventually(has_ended, what="the batch ends")
    server.http.post(f"/batches/{batch}/cancel").raise_for_status()
    last = server.upload(pdf())["id"]
    _queue_by_hand(server, last, "waiting")
    again = server.http.post("/jobs", json={"document": last}).raise_for_status().json()
    assert again["id"] == "waiting"
    # Left behind for the next start.
    again = server.upload(pdf())["id"]
    _queue_by_hand(server, again)
    checkpoint = server.data / "work" / again / "ocr.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text('{"text": "", "confidence": 0, "lines": []}')


def _queue_by_hand(server: Server, document: str, job: str = "left") -> None:
    with closing(sqlite3.connect(server.data / "engine.sqlite", timeout=20)) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (id, document, kind, status, changed) VALUES (?, ?, 'extract', 'queued', 0)",
            (job, document),
        )


def _stopped(server: Server, record: Path) -> dict[str, dict[str, Any]]:
    """What the lines did, up to the last."""
    server.terminate()
    lines: dict[str, dict[str, Any]] = json.loads(record.read_text())
    return lines


def _happened(code: str, line: dict[str, Any]) -> bool:
    if code in RAISES:
        return RAISES[code] in line["raised"]
    if code == "LOOP205":
        return line["on_loop"] + line["off_loop"] > 0
    if code == "LOOP410":
        return line["calls"] > 0
    if code in OFF_LOOP:
        return line["off_loop"] > 0
    return line["on_loop"] > HOW_LONG.get(code, 0.0)


@needs_engine
@pytest.mark.slow
def test_every_mark_is_a_fault_that_happens(witnessed: tuple[dict[str, dict[str, Any]], str]) -> None:
    lines, _ = witnessed
    nothing = {"runs": 0, "calls": 0, "on_loop": 0.0, "off_loop": 0.0, "raised": []}
    unconfirmed = {
        (name, line, code): lines.get(f"{name}:{line}")
        for (name, line), codes in marks().items()
        for code in codes - ELSEWHERE
        if not _happened(code, lines.get(f"{name}:{line}", nothing))
    }
    assert unconfirmed == {}


@needs_engine
@pytest.mark.slow
def test_messages_of_threads_are_lost(witnessed: tuple[dict[str, dict[str, Any]], str]) -> None:
    _, log = witnessed
    assert "reloading the model" in log
    assert "INFO engine.app: model" not in log  # call_soon on a loop that never runs: LOOP103 and LOOP202
    assert "no progress for batch" in log  # LOOP101
    assert "coroutine 'BatchService._tell' was never awaited" in log  # LOOP204 and LOOP205
    assert "page 1 failed: no running event loop" in log  # LOOP201


@needs_engine
def test_work_goes_on_whose_result_is_thrown_away(start: Start, pdf: Pdf) -> None:
    """LOOP201: the pages have been read, and the result says that there is nothing on them."""
    server = start(package="broken")
    job = server.submit(pdf(pages=2))
    assert server.ended(job)["status"] == "completed"
    assert [page["layout"] for page in server.result(job)["pages"]] == [[], []]


@needs_engine
def test_nobody_learns_that_a_job_was_cancelled(start: Start, pdf: Pdf) -> None:
    """LOOP412: the status is in the database, and no client is told."""
    server = start("--workers", "1", "--dpi", "150", package="broken")
    documents = [server.upload(pdf())["id"] for _ in range(6)]
    with server.live() as live:

        def cancelled() -> str:
            for document in documents:
                job: str = server.http.post("/jobs", json={"document": document}).json()["id"]
            status = server.http.post(f"/jobs/{job}/cancel").json()["status"]
            return job if status == "cancelled" else ""  # else it was too quick

        job = eventually(cancelled, what="a job is cancelled before it ends")
        last = server.submit(pdf())
        states = states_until(live, lambda state: state["id"] == last and state["status"] in TERMINAL)
    assert server.job(job)["status"] == "cancelled"
    told = [state["status"] for state in states if state["id"] == job]
    assert not TERMINAL & set(told)


@needs_engine
def test_a_task_that_nobody_keeps_fails_unseen(start: Start, pdf: Pdf) -> None:
    """LOOP406: the job that was left cannot be begun, and is queued for ever."""
    server = start(package="broken")
    _queue_by_hand(server, server.upload(pdf())["id"])
    with closing(sqlite3.connect(server.data / "engine.sqlite")) as connection, connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    server.terminate()
    again = start(package="broken")
    eventually(
        lambda: "Task exception was never retrieved" in again.log() or again.job("left"), what="it is tried"
    )
    assert again.job("left")["status"] == "queued"
    again.terminate()
    assert "Task exception was never retrieved" in again.log()


@needs_engine
def test_batches_use_up_the_pool_that_everybody_uses(start: Start, pdf: Pdf) -> None:
    """LOOP413: each leaves a thread behind that never ends; the last one finds none, whatever else goes on."""
    server = start(package="broken")
    threads = min(32, (os.cpu_count() or 1) + 4)
    document = server.upload(pdf())["id"]

    def ended(batch: str) -> int:
        count: int = server.http.get(f"/batches/{batch}").json()["ended"]
        return count

    for _ in range(threads - 1):
        batch = server.http.post("/batches", json={"documents": [document]}).json()["id"]
        eventually(lambda batch=batch: ended(batch) == 1, what="the batch ends")
    last = server.http.post("/batches", json={"documents": [document]}).json()["id"]
    for _ in range(10):
        server.upload(pdf())
    assert ended(last) == 0


@needs_engine
def test_a_message_without_a_loop_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    """LOOP104: caught, logged, and gone."""
    from broken import experiment
    from broken.hub import Hub
    from shared.records import Job, Kind, Progress, Status

    hub, job = Hub(), Job("j", "d", Kind.CALIBRATE, Status.RUNNING)
    assert experiment._main_event_loop is None
    with caplog.at_level(logging.WARNING):
        thread = threading.Thread(target=experiment.broadcast_sync, args=(hub, job, Progress(step=1)))
        thread.start()
        thread.join(10)
    assert caplog.messages == ["no event loop for step 1"]
    assert hub.state(job).progress == Progress()


@needs_engine
@pytest.mark.filterwarnings("ignore:coroutine 'Hub.tell' was never awaited:RuntimeWarning")
def test_a_thread_waits_for_ever_for_a_loop_that_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOOP207: run in a child, since there is no way to get rid of such a thread."""
    script = """
import asyncio, os, threading
from broken import experiment
from broken.hub import Hub
from shared.records import Job, Kind, Status
experiment.set_main_event_loop(asyncio.new_event_loop())
job = Job("j", "d", Kind.CALIBRATE, Status.RUNNING)
thread = threading.Thread(target=experiment.finish_sync, args=(Hub(), job), daemon=True)
thread.start()
thread.join(1.5)
print(thread.is_alive(), flush=True)
os._exit(0)
"""
    assert _printed(script) == "True\n"


@needs_engine
def test_the_recommended_timeout_comes_when_the_work_is_done() -> None:
    """LOOP208."""
    script = """
import time
from broken.parallel import limited
begun = time.monotonic()
try:
    limited(time.sleep, (1.0,), 0.05)
except TimeoutError:
    print(time.monotonic() - begun >= 1.0)
"""
    assert _printed(script) == "True\n"


def _printed(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=engine_directory(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


@needs_engine
def test_serialising_in_a_thread_stops_the_loop_all_the_same() -> None:
    """LOOP402: the longest pause of the loop is most of the time that the call takes."""
    value = {"pages": [{"lines": [{"text": "harbour", "box": [1, 2, 3, 4]}] * 60_000} for _ in range(6)]}

    async def measure() -> tuple[float, float]:
        begun = last = time.perf_counter()
        longest = 0.0
        work = asyncio.create_task(asyncio.to_thread(json.dumps, value))
        while not work.done():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest, time.perf_counter() - begun

    longest, whole = asyncio.run(measure())
    assert longest > whole / 2


@needs_engine
def test_one_client_that_does_not_read_stops_the_others() -> None:
    """LOOP411, with real sockets: a broadcast waits for the sluggard and is through when that reads again."""
    asyncio.run(_broadcast_to_a_sluggard("broken", _waits_for_the_sluggard))


@needs_engine
def test_the_fixed_hub_lets_nobody_wait_for_such_a_client() -> None:
    asyncio.run(_broadcast_to_a_sluggard("fixed", _waits_for_nobody))


BALLAST = "x" * 500_000
"""Sixty of these fit into no socket's buffers."""


async def _broadcast_to_a_sluggard(
    package: str, scenario: Callable[[Any, socket.socket, int], Coroutine[Any, Any, None]]
) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket  # noqa: TC002 - nothing of it is there without the extra

    from broken.hub import Hub as BrokenHub
    from fixed.hub import Hub as FixedHub

    hub: Any = BrokenHub() if package == "broken" else FixedHub()

    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        if package == "broken":
            hub.connect(websocket)
            await websocket.receive()
        else:
            client = hub.join()
            with contextlib.suppress(Exception):
                await client.send_all(websocket)
            hub.leave(client)

    app = Starlette(routes=[WebSocketRoute("/live", live)])
    config = uvicorn.Config(
        app, port=0, log_level="critical", ws_per_message_deflate=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - that is all there is to ask
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    sluggard = await asyncio.to_thread(_connected, port)
    try:
        while len(hub) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await scenario(hub, sluggard, port)
    finally:
        sluggard.close()
        server.should_exit = True
        await serving


def _connected(port: int) -> socket.socket:
    """A WebSocket client of which nothing is known but that it reads when it is told to."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(
        b"GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


async def _waits_for_the_sluggard(hub: Any, sluggard: socket.socket, _: int) -> None:
    async def everything() -> None:
        for number in range(60):
            await hub.broadcast({"number": number, "ballast": BALLAST})

    broadcast = asyncio.create_task(everything())
    await asyncio.wait([broadcast], timeout=3)
    assert not broadcast.done()

    def read_all() -> None:
        with contextlib.suppress(OSError):
            while sluggard.recv(1 << 20):
                pass

    reading = asyncio.create_task(asyncio.to_thread(read_all))
    await asyncio.wait_for(broadcast, PATIENCE)
    sluggard.shutdown(socket.SHUT_RDWR)
    await reading


async def _waits_for_nobody(hub: Any, _: socket.socket, port: int) -> None:
    import websockets

    async with websockets.connect(f"ws://127.0.0.1:{port}/live", max_size=None) as other:
        while len(hub) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        async with asyncio.timeout(PATIENCE):
            for number in range(60):
                hub.publish(("job", "x"), (number, 0), {"number": number, "ballast": BALLAST})
                await _heard(other, number)
        assert len(hub) == 2  # the sluggard is there, and has not read a byte


async def _heard(client: Any, number: int) -> None:
    async for text in client:
        if any(state["number"] == number for state in json.loads(text)["states"]):
            return
