"""What may happen to a worker, with real processes: the document has luck or not, the others never notice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine import hostile
from engine.serving import TERMINAL, Server, eventually, needs_engine

pytestmark = needs_engine

Pdf = Callable[..., bytes]
Start = Callable[..., Server]


def busy_worker(server: Server, not_this: int = 0) -> int:
    """The process that has pages in work."""

    def found() -> int | None:
        pids = [worker["pid"] for worker in server.status()["workers"] if worker["doing"] == "pages"]
        return next((pid for pid in pids if pid != not_this), None)

    pid: int = eventually(found, what="a worker has pages in work")
    return pid


def deaths(server: Server) -> dict[str, int]:
    with closing(sqlite3.connect(server.data / "engine.sqlite")) as connection:
        return dict(connection.execute("SELECT id, deaths FROM jobs"))


def test_the_document_of_a_killed_worker_gets_a_second_chance(start: Start, pdf: Pdf) -> None:
    server = start("--dpi", "150")
    jobs = [server.submit(pdf(pages=3)) for _ in range(4)]
    os.kill(busy_worker(server), signal.SIGKILL)
    assert [server.ended(job)["status"] for job in jobs] == ["completed"] * 4
    assert sorted(deaths(server).values()) == [0, 0, 0, 1]
    assert server.status()["workers_replaced"] >= 1


def test_a_document_that_costs_two_workers_has_failed_and_the_others_have_not(start: Start, pdf: Pdf) -> None:
    server = start("--workers", "1", "--dpi", "200")
    victim = server.submit(pdf(pages=6))
    other = server.submit(pdf())
    first = busy_worker(server)
    os.kill(first, signal.SIGKILL)
    os.kill(busy_worker(server, not_this=first), signal.SIGKILL)
    ended = server.ended(victim)
    assert (ended["status"], ended["reason"]) == ("failed", "two workers died over this document")
    assert server.ended(other)["status"] == "completed"
    # Its owner may insist: what was saved counts, and so do no old deaths.
    server.http.post(f"/jobs/{victim}/retry").raise_for_status()
    assert server.ended(victim)["status"] == "completed"


def test_who_comes_after_a_death_sees_the_document_go_on(start: Start, pdf: Pdf) -> None:
    server = start("--workers", "1", "--dpi", "200")
    job = server.submit(pdf(pages=6))
    os.kill(busy_worker(server), signal.SIGKILL)
    eventually(lambda: deaths(server)[job] == 1, what="the death is stored")
    told: list[dict[str, Any]] = []
    with server.live() as socket:
        while not told or told[-1]["status"] not in TERMINAL:
            message = json.loads(socket.recv(timeout=60))
            told += [state for state in message.get("states", ()) if state["id"] == job]
    orders = [(state["version"], state["step"]) for state in told]
    assert len(orders) > 2
    assert orders == sorted(orders)
    assert {state["status"] for state in told[:-1]} == {"running"}


def test_an_idle_worker_that_dies_is_replaced(start: Start, pdf: Pdf) -> None:
    server = start("--workers", "1")
    (worker,) = eventually(lambda: server.status()["workers"])
    os.kill(worker["pid"], signal.SIGKILL)
    assert server.ended(server.submit(pdf()))["status"] == "completed"


def test_only_the_endless_page_fails(start: Start) -> None:
    server = start("--dpi", "150", "--page-seconds", "6", "--chunk-pages", "3")
    job = server.submit(hostile.pdf_with_endless_page(3, endless=1))
    ended = server.ended(job, 120)
    assert ended["status"] == "partial"
    assert ended["reason"] == "1 of 3 pages failed; page 2: took longer than 6 s"
    pages = server.result(job)["pages"]
    assert pages[1] == {"page": 2, "failed": "took longer than 6 s"}
    assert [page["ocr"]["text"].strip() for page in pages if "ocr" in page] == ["HARBOUR 1", "HARBOUR 3"]
    assert server.status()["workers_replaced"] == 1


def test_a_lost_device_gets_a_new_process_and_the_batch_goes_on(
    start: Start, pdf: Pdf, tmp_path: Path
) -> None:
    drill = tmp_path / "drill"
    server = start("--workers", "1", "--dpi", "150", env={"ENGINE_DEVICE_DRILL": str(drill)})
    documents = [server.upload(pdf())["id"] for _ in range(4)]
    drill.touch()
    batch = server.http.post("/batches", json={"documents": documents}).json()["id"]
    eventually(lambda: server.http.get(f"/batches/{batch}").json()["ended"] == 4, what="the batch ends")
    assert server.http.get(f"/batches/{batch}").json()["counts"] == {"completed": 4}
    assert not drill.exists()
    assert server.status()["workers_replaced"] == 1
    assert set(deaths(server).values()) == {0}


def test_workers_are_replaced_after_their_share(start: Start, pdf: Pdf) -> None:
    server = start("--workers", "1", "--worker-tasks", "2")
    for _ in range(3):
        assert server.ended(server.submit(pdf()))["status"] == "completed"
    eventually(lambda: server.status()["workers_replaced"] >= 2, what="workers are replaced")


def test_a_page_that_needs_too_much_memory_fails(start: Start, pdf: Pdf) -> None:
    server = start("--worker-memory", str(750 * 1024 * 1024), "--dpi", "150")
    job = server.submit(hostile.png(7000, 7000, rows=7000), "large.png")
    ended = server.ended(job)
    assert ended["status"] == "failed"
    assert ended["reason"] in {
        "needs more memory than a worker may have",
        "two workers died over this document",  # native code that gets no memory ends the process
    }
    assert server.ended(server.submit(pdf()))["status"] == "completed"


def test_a_damaged_picture_fails_with_a_reason(start: Start) -> None:
    server = start()
    job = server.submit(hostile.noise(600, 600)[:2000], "torn.png")
    ended = server.ended(job)
    assert ended["status"] == "failed"
    assert ended["reason"].startswith("the image is damaged: ")


@pytest.mark.parametrize("name", ["render", "ocr"])
def test_a_damaged_checkpoint_costs_its_page_only(start: Start, pdf: Pdf, name: str) -> None:
    """Whole files only come to be by rename, so this takes a broken disk; it must not take the server with it."""
    server = start("--workers", "1")
    document = server.upload(pdf(pages=2))["id"]
    page = server.data / "work" / document / "page-0001"
    page.mkdir(parents=True)
    (page / f"{name}.{'png' if name == 'render' else 'json'}").write_bytes(b"")
    job = server.http.post("/jobs", json={"document": document}).json()["id"]
    ended = server.ended(job)
    assert ended["status"] in {"partial", "failed"}
    assert ended["reason"]
