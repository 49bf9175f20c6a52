"""The ASGI middleware under a real uvicorn, with real HTTP and WebSocket clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families

from auditor.runtime import LoopLagMonitor
from auditor.runtime.asgi import LoopLagMiddleware, loop_lag_lifespan

APP = """
import asyncio, os, time
from fastapi import FastAPI, Request, WebSocket
from starlette.responses import PlainTextResponse
from auditor.runtime.asgi import LoopLagMiddleware

app = FastAPI()
app.add_middleware(
    LoopLagMiddleware, threshold="100ms", record="stalls.jsonl", server_timing=True, metrics_path="/metrics",
    exclude=["/health"],
)

@app.get("/slow/{number}")
async def slow(number: int):
    time.sleep(0.6)  # here
    return number

@app.get("/child")
async def child():
    async def work():
        time.sleep(0.6)  # in a task of the request
    await asyncio.create_task(work())

@app.get("/health")
@app.get("/fast")
async def fast(request: Request):
    return "fast"

@app.websocket("/chat/{room}")
async def chat(socket: WebSocket, room: str):
    await socket.accept()
    async for text in socket.iter_text():
        if text == "block":
            time.sleep(0.6)  # on a message
        await socket.send_text(text)
"""


@pytest.fixture(params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A uvicorn that serves APP; yields its address."""
    (tmp_path / "app.py").write_text(APP)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--loop", request.param]
    log = (tmp_path / "log").open("wb")
    with log, subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log) as process:
        until = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
        process.terminate()
        assert process.wait(60) in {0, -15}
    assert "Traceback" not in (tmp_path / "log").read_text()


def figures(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """The samples of a Prometheus page by name and label values."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def polled(address: str, name: tuple[str, tuple[str, ...]], least: float) -> dict[Any, float]:
    """The metrics, as soon as one has come to a value: stalls are reported a moment after they end."""
    until = time.monotonic() + 60
    while True:
        found = figures(httpx.get(f"http://{address}/metrics", timeout=60).text)
        if found.get(name, 0.0) >= least:
            return found
        assert time.monotonic() < until, (name, found)
        time.sleep(0.1)


def test_stalls_are_told_by_route_and_those_who_wait_are_told(server: str, tmp_path: Path) -> None:
    async def together() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=f"http://{server}", timeout=60) as client:
            await client.get("/fast")
            return await asyncio.gather(client.get("/slow/7"), *(client.get("/fast") for _ in range(4)))

    slow, *fast = asyncio.run(together())
    timing = dict(part.split(";dur=") for part in slow.headers["server-timing"].split(", "))
    assert set(timing) == {"queue", "lag"}
    assert float(timing["lag"]) > 500  # the handler's own stall, of which no beat has told yet
    assert all("queue;dur=" in answer.headers["server-timing"] for answer in fast)
    httpx.get(f"http://{server}/child", timeout=60)
    httpx.get(f"http://{server}/missing", timeout=60)
    httpx.get(f"http://{server}/health", timeout=60)
    found = polled(server, ("event_loop_route_stalls_total", ("GET /slow/{number}",)), 1)
    assert found["event_loop_route_stall_seconds_total", ("GET /slow/{number}",)] > 0.3
    assert found["event_loop_route_requests_total", ("GET /fast",)] == 5
    assert found["event_loop_route_requests_total", ("GET (other)",)] == 1
    routes = {labels[0] for name, labels in found if name == "event_loop_route_requests_total"}
    assert routes == {"GET /slow/{number}", "GET /fast", "GET /child", "GET (other)"}
    sites = {labels for name, labels in found if name == "event_loop_stalls_total"}
    line = APP.splitlines().index("    time.sleep(0.6)  # here") + 1
    assert ("blocking-wait", f"app.py:{line}") in sites
    lag = sum(value for (name, _), value in found.items() if name == "event_loop_lag_seconds_count")
    assert lag > 0

    from auditor.runtime import record

    until = time.monotonic() + 60
    while time.monotonic() < until:
        stalls = {
            stall.site.line: stall for stall in record.stalls(str(tmp_path / "stalls.jsonl")) if stall.site
        }
        if line in stalls:
            break
        time.sleep(0.1)
    assert stalls[line].route == "GET /slow/{number}"


def test_a_websocket_s_pings_wait_as_long_as_its_peers(server: str) -> None:
    async def talk() -> float:
        async with (
            websockets.connect(f"ws://{server}/chat/1", open_timeout=60, ping_timeout=60) as one,
            websockets.connect(f"ws://{server}/chat/2", open_timeout=60, ping_timeout=60) as other,
        ):
            await one.send("hello")
            assert await one.recv() == "hello"
            await one.send("block")
            sent = time.monotonic()
            await (await other.ping())
            waited = time.monotonic() - sent
            assert await one.recv() == "block"
            return waited

    route = ("WEBSOCKET /chat/{room}",)
    assert asyncio.run(talk()) < 60
    found = polled(server, ("event_loop_route_requests_total", route), 2)
    assert found["event_loop_route_pings_total", route] >= 1
    assert found["event_loop_route_ping_seconds_total", route] > 0.3
    polled(server, ("event_loop_route_stalls_total", route), 1)


def test_without_lifespan_the_first_request_starts_it_and_a_monitor_of_ones_own_stays_ones_own() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def main() -> None:
        own = LoopLagMonitor(log=False)
        first, second = LoopLagMiddleware(app, log=False), LoopLagMiddleware(app, monitor=own)
        own.start()
        for middleware in (first, second):
            transport = httpx.ASGITransport(app=middleware)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                assert (await client.get("/")).status_code == 204
                assert middleware.monitor.started
        assert set(first.monitor.routes.all()) == {"GET (other)"}
        await first.monitor.aclose()
        assert own.started
        await own.aclose()

    asyncio.run(main())
    with pytest.raises(ValueError, match="give a monitor or its options"):
        LoopLagMiddleware(app, monitor=LoopLagMonitor(log=False), threshold=0.1)


def test_the_lifespan_hook_goes_around_ones_own() -> None:
    said = []

    @contextlib.asynccontextmanager
    async def inner(app: object) -> AsyncIterator[dict[str, str]]:
        said.append("begin")
        yield {"mine": "too"}
        said.append("end")

    async def main() -> None:
        async with loop_lag_lifespan(inner, log=False)(None) as state:
            assert state["mine"] == "too"
            assert state["loop_lag"].started
        assert not state["loop_lag"].started

    asyncio.run(main())
    assert said == ["begin", "end"]
