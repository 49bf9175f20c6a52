"""What clients may do, or stop doing: it concerns nobody else, and nothing of it stays."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine.serving import PATIENCE, TERMINAL, Server, eventually, needs_engine, states_until

pytestmark = needs_engine

Pdf = Callable[..., bytes]
Start = Callable[..., Server]


def reset(connection: socket.socket) -> None:
    """Close so that the other side gets a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def sockets(server: Server) -> int:
    """How many the server process has open."""
    count = 0
    for descriptor in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += os.readlink(descriptor).startswith("socket:")
    return count


def send_for_ever(connection: Any, message: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        connection.send(message)


def resident(server: Server) -> int:
    """Bytes of memory that the server process has in use."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_clients_that_vanish_leave_nothing_behind(start: Start, pdf: Pdf) -> None:
    server = start()
    server.ended(server.submit(pdf()))
    before = sockets(server)
    for turn in range(40):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(
            b"GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        if turn % 2:
            connection.recv(100)  # in the middle of the conversation rather than of the handshake
        reset(connection)
    job = server.submit(pdf())
    assert server.ended(job)["status"] == "completed"
    eventually(lambda: server.status()["clients"] == 0, what="no client is remembered")
    eventually(lambda: sockets(server) <= before, what="no socket is left open")
    assert "Traceback" not in server.log()


def test_a_client_that_does_not_read_is_dropped_and_nobody_else_notices(start: Start, pdf: Pdf) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    server = start()
    memory = resident(server)
    sluggard = socket.socket()
    sluggard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sluggard.connect(("127.0.0.1", server.port))
    url = f"ws://127.0.0.1:{server.port}/live"
    with (
        server.live() as other,
        connect(url, sock=sluggard, max_queue=1, ping_interval=None, close_timeout=1) as slow,
    ):
        message = json.dumps({"type": "ping", "id": 1, "ballast": "x" * 200})
        with pytest.raises((ConnectionClosed, OSError)):
            send_for_ever(slow, message)
        job = server.submit(pdf())
        states = states_until(other, lambda state: state["id"] == job and state["status"] in TERMINAL)
        assert states[-1]["status"] == "completed"
    eventually(lambda: server.status()["clients"] == 0, what="both are gone")
    assert resident(server) - memory < 50_000_000


def test_a_client_that_pauses_gets_the_last_state(start: Start, pdf: Pdf) -> None:
    server = start()
    with server.live() as slow:
        jobs = [server.submit(pdf(pages=2)) for _ in range(3)]
        for job in jobs:
            server.ended(job)
        last: dict[str, str] = {}

        def is_last(state: dict[str, str]) -> bool:
            last[state["id"]] = state["status"]
            return [last.get(job) for job in jobs] == ["completed"] * 3

        states_until(slow, is_last)


def test_uploads_that_break_off_leave_nothing_behind(start: Start, pdf: Pdf) -> None:
    server = start("--upload-seconds", "5")
    content = pdf(padding=1_000_000)
    head = b"PUT /documents?name=a.pdf HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(content)
    for end in (reset, socket.socket.close):
        for size in (0, 1000, 300_000):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(head + content[:size])
            time.sleep(0.05)
            end(connection)
    stalled = socket.create_connection(("127.0.0.1", server.port))
    stalled.sendall(head + content[:300_000])
    stalled.settimeout(60)
    assert stalled.recv(1000).startswith(b"HTTP/1.1 408 ")
    stalled.close()
    eventually(lambda: not list((server.data / "incoming").iterdir()), what="nothing is left")
    assert list((server.data / "documents").iterdir()) == []
    assert server.status()["uploads_waiting"] == 0
    assert server.upload(content)["bytes"] == len(content)
    assert "Traceback" not in server.log()


def test_more_uploads_than_the_queue_holds_are_turned_away(start: Start, pdf: Pdf) -> None:
    server = start("--upload-readers", "1", "--upload-queue", "2", "--upload-seconds", "20")
    content = pdf(padding=1_000_000)
    head = b"PUT /documents?name=a.pdf HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(content)
    waiting = []
    for _ in range(3):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(head + content[:1000])
        waiting.append(connection)
    eventually(lambda: server.status()["uploads_waiting"] == 2, what="one is inside and two wait")
    answer = server.http.put("/documents", params={"name": "b.pdf"}, content=content)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    for connection in waiting:
        connection.sendall(content[1000:])
    for connection in waiting:
        connection.settimeout(60)
        assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")
        connection.close()
    assert server.upload(content)["pages"] == 1
