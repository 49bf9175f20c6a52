"""What may happen to the server and to its disk: nothing that was accepted is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from engine.serving import Server, eventually, needs_engine
from engine.test_faults_workers import busy_worker

pytestmark = needs_engine

STOPPED = -signal.SIGTERM
"""uvicorn stops in an orderly way, and then lets the signal end the process."""

Pdf = Callable[..., bytes]
Start = Callable[..., Server]


def rows(server: Server) -> dict[str, tuple[str, int, int]]:
    """Status, starts and deaths of every job, as they lie on the disk."""
    with closing(sqlite3.connect(server.data / "engine.sqlite")) as connection:
        found = connection.execute("SELECT id, status, starts, deaths FROM jobs").fetchall()
    return {job: (status, starts, deaths) for job, status, starts, deaths in found}


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def checkpoints(server: Server) -> list[Path]:
    return sorted(path for path in (server.data / "work").rglob("page-*/*") if not path.name.startswith("."))


def test_a_killed_server_goes_on_where_it_was(start: Start, pdf: Pdf) -> None:
    server = start("--dpi", "150")
    jobs = [server.submit(pdf(pages=4), f"{number}.pdf") for number in range(4)]
    eventually(lambda: len(checkpoints(server)) >= 12, what="there are checkpoints")
    children = server.children()
    assert len(children) == 3
    server.kill()
    eventually(lambda: all(gone(pid) for pid in children), what="the workers die with the server")
    saved = checkpoints(server)
    ended_before = [job for job, (status, _, _) in rows(server).items() if status == "completed"]
    again = start("--dpi", "150")
    assert [again.ended(job)["status"] for job in jobs] == ["completed"] * 4
    for job in jobs:
        assert [page["page"] for page in again.result(job)["pages"]] == [1, 2, 3, 4]
    assert again.metric("engine_checkpoints_reused_total") == len(saved)
    done = sum(again.metric(f'engine_stage_seconds_count{{stage="{stage}"}}') for stage in ("ocr", "render"))
    assert done <= 2 * 4 * (4 - len(ended_before))  # documents that had ended are not touched
    assert not list(again.data.rglob(".*.part"))


def test_a_server_that_is_told_to_stop_finishes_what_it_can(start: Start, pdf: Pdf) -> None:
    server = start("--drain-seconds", "30")
    job = server.submit(pdf(pages=2))
    server.running(job)
    children = server.children()
    assert server.terminate() == STOPPED
    assert rows(server)[job] == ("completed", 1, 0)
    assert all(gone(pid) for pid in children)


def test_and_puts_back_what_it_cannot(start: Start, pdf: Pdf) -> None:
    server = start("--workers", "1", "--dpi", "200", "--drain-seconds", "0.2")
    running, waiting = server.submit(pdf(pages=8)), server.submit(pdf())
    busy_worker(server)
    children = server.children()
    assert server.terminate() == STOPPED
    assert {rows(server)[job] for job in (running, waiting)} == {("queued", 0, 0)}
    assert all(gone(pid) for pid in children)
    assert "Traceback" not in server.log()
    again = start("--dpi", "200")
    assert [again.ended(job)["status"] for job in (running, waiting)] == ["completed"] * 2


def test_stopping_in_the_middle_of_everything_calls_no_closed_loop(start: Start, pdf: Pdf) -> None:
    server = start("--drain-seconds", "0.1", env={"PYTHONASYNCIODEBUG": "1"})
    with server.live() as one, server.live():
        for _ in range(6):
            server.submit(pdf(pages=2))
        one.recv(timeout=60)
        assert server.terminate() == STOPPED
    for trace in ("Traceback", "loop is closed", "never awaited", "never retrieved"):
        assert trace not in server.log()
    assert {status for status, _, _ in rows(server).values()} <= {"queued", "completed"}


def test_the_death_of_a_worker_is_remembered_across_restarts(start: Start, pdf: Pdf) -> None:
    options = ("--workers", "1", "--dpi", "200")
    server = start(*options)
    job = server.submit(pdf(pages=6))
    first = busy_worker(server)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: rows(server)[job][2] == 1, what="the death is on the disk")
    server.kill()
    again = start(*options)
    os.kill(busy_worker(again), signal.SIGKILL)
    ended = again.ended(job)
    assert (ended["status"], ended["reason"]) == ("failed", "two workers died over this document")


def test_a_document_that_no_server_survives_is_given_up(start: Start, pdf: Pdf) -> None:
    options = ("--workers", "1", "--dpi", "200")
    job = ""
    for _ in range(5):
        server = start(*options)
        job = job or server.submit(pdf(pages=8))
        busy_worker(server)
        server.kill()
    again = start(*options)
    ended = again.job(job)
    assert ended["status"] == "failed"
    assert ended["reason"] == "given up: the server died 5 times while it was in work"


def test_a_locked_database_makes_requests_wait_or_come_again(start: Start, pdf: Pdf) -> None:
    server = start()
    job = server.submit(pdf(pages=2))
    server.running(job)
    with closing(sqlite3.connect(server.data / "engine.sqlite", isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        answer = server.http.put("/documents", params={"name": "b.pdf"}, content=pdf())
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert answer.json()["detail"] == "the database is not available"
        with server.live() as socket:
            socket.send('{"type": "ping", "id": 1}')
            while '"pong"' not in socket.recv(timeout=60):
                pass
        assert server.job(job)["status"] == "running"  # reading is not locked
        time.sleep(1)
        intruder.execute("ROLLBACK")
    assert server.ended(job)["status"] == "completed"
    assert server.upload(pdf())["pages"] == 1
    assert len(list((server.data / "documents").iterdir())) == 2
    assert list((server.data / "incoming").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Leave so many bytes free."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        file.write(bytes(max(0, free - leave)))
    return ballast


def test_a_checkpoint_survives_a_full_disk(small_disk: Path) -> None:
    from shared.checkpoints import load, save

    path = small_disk / "ocr.json"
    save(path, {"text": "old"})
    ballast = fill(small_disk, 20_000)
    with pytest.raises(OSError, match="No space left"):
        save(path, {"text": "new" * 100_000})
    assert load(path) == {"text": "old"}
    assert sorted(os.listdir(small_disk)) == ["ballast", "ocr.json"]
    ballast.unlink()
    save(path, {"text": "new" * 100_000})
    assert load(path) == {"text": "new" * 100_000}


def test_a_full_disk_fails_the_document_and_not_the_server(start: Start, pdf: Pdf, small_disk: Path) -> None:
    server = start(data=small_disk / "data")
    document = server.upload(pdf())["id"]
    ballast = fill(small_disk, 8_000)  # the database has a reserve, the pictures of a page have none
    job = server.http.post("/jobs", json={"document": document}).json()["id"]
    ended = server.ended(job)
    assert (ended["status"], ended["reason"]) == ("failed", "No space left on device")
    assert not list(server.data.rglob(".*.part"))
    answer = server.http.put("/documents", params={"name": "b.pdf"}, content=pdf() + bytes(500_000))
    assert answer.status_code == 507
    assert "No space left" in answer.json()["detail"]
    assert list((server.data / "incoming").iterdir()) == []
    ballast.unlink()
    server.http.post(f"/jobs/{job}/retry").raise_for_status()
    assert server.ended(job)["status"] == "completed"
    assert server.upload(pdf())["pages"] == 1


def test_a_full_database_refuses_what_does_not_fit_and_takes_what_does(small_disk: Path) -> None:
    asyncio.run(_fill_a_database(small_disk))


async def _fill_a_database(small_disk: Path) -> None:
    from fixed.database import Database, Unavailable

    database = Database(small_disk / "test.sqlite", "CREATE TABLE IF NOT EXISTS things (what BLOB);")
    await database.open()
    fill(small_disk, 0)
    with pytest.raises(Unavailable, match="full"):
        await database.write(
            lambda connection: connection.execute("INSERT INTO things VALUES (zeroblob(5000000))"),
            patience=0.5,
        )
    await database.write(
        lambda connection: connection.execute("INSERT INTO things VALUES ('small')"), patience=5
    )
    found = await database.read(lambda connection: connection.execute("SELECT what FROM things").fetchall())
    assert [tuple(row) for row in found] == [("small",)]
    await database.close()
