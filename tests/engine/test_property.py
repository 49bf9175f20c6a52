"""Whatever happens: no document is lost, none is done twice, and every client learns how each of them ends."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine import hostile
from engine.serving import TERMINAL, Server, eventually, needs_engine

pytestmark = [needs_engine, pytest.mark.slow]

Pdf = Callable[..., bytes]
Start = Callable[..., Server]

STEPS = 16
CLIENTS = 3
MISFORTUNES = {
    "two workers died over this document",
    "given up: the server died 5 times while it was in work",
}


class Watcher(threading.Thread):
    """A client that stays: when its connection breaks it comes again, and asks for what it has known to be open."""

    def __init__(self, address: Callable[[], str]) -> None:
        super().__init__(daemon=True)
        self._address = address
        self._stop_wanted = threading.Event()
        self._socket: Any = None
        self.newest: dict[str, dict[str, Any]] = {}
        self.ends: dict[str, set[tuple[int, str]]] = {}
        self.backwards: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def run(self) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        while not self._stop_wanted.wait(0.05):
            with contextlib.suppress(OSError, WebSocketException):
                address = self._address().replace("http", "ws", 1) + "/live"
                with connect(address, open_timeout=20, max_queue=None) as self._socket:
                    known = [job for job, state in self.newest.items() if state["status"] not in TERMINAL]
                    self._socket.send(json.dumps({"type": "watch", "jobs": known}))
                    fresh: dict[str, dict[str, Any]] = {}
                    for text in self._socket:
                        self._take(json.loads(text), fresh)

    def _take(self, message: dict[str, Any], fresh: dict[str, dict[str, Any]]) -> None:
        if message["type"] == "ping":
            self._socket.send(json.dumps({"type": "pong", "id": message["id"]}))
        for state in message.get("states", ()):
            if state["type"] != "job":
                continue
            job = state["id"]
            before = fresh.get(job)
            if before is not None and _order(state) < _order(before):
                self.backwards.append((before, state))
            fresh[job] = self.newest[job] = state
            if state["status"] in TERMINAL:
                self.ends.setdefault(job, set()).add((state["version"], state["status"]))

    def cut(self) -> None:
        """As a network does it: neither side is told."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.socket.shutdown(2)

    def stop(self) -> None:
        self._stop_wanted.set()
        self.cut()
        self.join(30)


def _order(state: dict[str, Any]) -> tuple[int, int]:
    return state["version"], state["step"]


class Story:
    """One server after the other on the same data, and what has been handed in so far."""

    def __init__(self, start: Start, data: Path, pdf: Pdf, seed: int) -> None:
        self._dice = random.Random(seed)
        self._start = start
        self._data = data
        self._pdf = pdf
        self.server = self._another()
        self.pages: dict[str, int] = {}
        """Of each job's document; 0 where it cannot be read."""
        self.watchers = [Watcher(lambda: self.server.url) for _ in range(CLIENTS)]
        for watcher in self.watchers:
            watcher.start()

    def go_on(self) -> None:
        """Something happens."""
        submit = [self._submit, self._submit, self._submit_a_batch, self._submit_rubbish]
        harm = [self._kill_a_worker, self._kill_the_server, self._stop_the_server, self._cancel, self._cut]
        self._dice.choice([*submit, *harm])()

    def end(self) -> None:
        for watcher in self.watchers:
            watcher.stop()

    def _another(self) -> Server:
        return self._start("--drain-seconds", "0.3", "--chunk-pages", "1", data=self._data)

    def _submit(self) -> None:
        pages = self._dice.randint(1, 3)
        self.pages[self.server.submit(self._pdf(pages=pages))] = pages

    def _submit_rubbish(self) -> None:
        self.pages[self.server.submit(hostile.noise(600, 600)[:2000], "torn.png")] = 0

    def _submit_a_batch(self) -> None:
        documents = [self.server.upload(self._pdf())["id"] for _ in range(3)]
        batch = self.server.http.post("/batches", json={"documents": documents}).raise_for_status().json()
        for job in self.server.http.get(f"/batches/{batch['id']}").json()["jobs"]:
            self.pages[job["id"]] = 1

    def _cancel(self) -> None:
        if self.pages:
            job = self._dice.choice(sorted(self.pages))
            self.server.http.post(f"/jobs/{job}/cancel").raise_for_status()

    def _kill_a_worker(self) -> None:
        workers = self.server.status()["workers"]
        busy = [one for one in workers if one["doing"]]
        if busy or workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._dice.choice(busy or workers)["pid"], signal.SIGKILL)

    def _kill_the_server(self) -> None:
        self.server.kill()
        self.server = self._another()

    def _stop_the_server(self) -> None:
        self.server.terminate()
        self.server = self._another()

    def _cut(self) -> None:
        self._dice.choice(self.watchers).cut()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_everything_ends_once_and_everybody_learns_it(
    start: Start, tmp_path: Path, pdf: Pdf, seed: int
) -> None:
    story = Story(start, tmp_path / "data", pdf, seed)
    try:
        for _ in range(STEPS):
            story.go_on()
        ended = {job: story.server.ended(job, 180) for job in story.pages}
        for job, end in ended.items():
            _check(story, job, end)
        for watcher in story.watchers:

            def knows_all(watcher: Watcher = watcher) -> bool:
                return all(watcher.newest.get(job, {}).get("status") == ended[job]["status"] for job in ended)

            eventually(knows_all, what="the client knows how everything has ended")
    finally:
        story.end()
    for watcher in story.watchers:
        assert watcher.ends == {job: {(end["version"], end["status"])} for job, end in ended.items()}
        assert watcher.backwards == []
    assert not list(story.server.data.rglob(".*.part"))


def _check(story: Story, job: str, end: dict[str, Any]) -> None:
    """How a job ended, and whether it may."""
    match end["status"]:
        case "completed":
            assert [page["page"] for page in story.server.result(job)["pages"]] == [
                *range(1, story.pages[job] + 1)
            ]
        case "failed":
            assert story.pages[job] == 0 or end["reason"] in MISFORTUNES, end
        case "cancelled":
            assert end["reason"] == "cancelled"
        case status:
            raise AssertionError(status)
