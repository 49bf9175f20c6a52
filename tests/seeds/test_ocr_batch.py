"""Seed 000: progress of a batch of pages, from a worker thread to WebSocket clients."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from seeds.serving import Gate, ended_well, listening, plain_server, serving, until

PAGES = ["one", "two", "three", "four", "five"]


def journal_of(directory: Path) -> Any:
    from ocr_batch.untouched.journal import Journal

    return Journal(directory / "batches.jsonl")


async def post(address: str, batch_id: str, pages: list[str]) -> None:
    async with httpx.AsyncClient() as web:
        reply = await web.post(f"http://{address}/batches", json={"batch_id": batch_id, "pages": pages})
        assert reply.status_code == 202


async def delete(address: str, batch_id: str) -> None:
    async with httpx.AsyncClient() as web:
        assert (await web.delete(f"http://{address}/batches/{batch_id}")).status_code == 202


# ---------------------------------------------------------------- broken


def test_broken_fails_at_once_and_tells_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from ocr_batch.broken.app import build

    recognised: list[str] = []

    async def main() -> None:
        app = build(journal_of(tmp_path), recognised.append)  # type: ignore[arg-type]
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", PAGES)
            task = app.state.service.tasks["b"]
            await task
            assert client.states == []

    asyncio.run(main())
    assert recognised == []
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "There is no current event loop in thread" in record.message


# ---------------------------------------------------------------- as fixed


class GatedJournal:
    """The real journal behind a gate: a disk that is slow for once."""

    def __init__(self, journal: Any) -> None:
        self.gate = Gate()
        self._journal = journal

    def record(self, progress: Any) -> None:
        self.gate.pass_through(progress.current)
        self._journal.record(progress)


def test_as_fixed_works_when_nothing_is_in_the_way(tmp_path: Path) -> None:
    from ocr_batch.as_fixed.app import build
    from ocr_batch.shared.pages import recognise

    async def main() -> None:
        app = build(journal_of(tmp_path), recognise)
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", PAGES)
            await client.until_ended("batch_id", "b")
            await until(lambda: len(client.states) == 6)
            assert client.of("batch_id", "b").count("completed") == 1

    asyncio.run(main())


def test_as_fixed_lets_the_end_overtake_the_progress(tmp_path: Path) -> None:
    from ocr_batch.as_fixed.app import build

    journal = GatedJournal(journal_of(tmp_path))

    async def main() -> list[str]:
        app = build(journal, str.upper)  # type: ignore[arg-type]
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", PAGES)
            await client.until_ended("batch_id", "b")
            journal.gate.open()
            await until(lambda: len(client.states) == 6)
            return client.of("batch_id", "b")

    assert asyncio.run(main()) == ["completed"] + ["processing"] * 5


def test_as_fixed_tells_no_end_when_cancelled_and_the_thread_works_on(tmp_path: Path) -> None:
    from ocr_batch.as_fixed.app import build

    gate = Gate()

    async def main() -> None:
        app = build(journal_of(tmp_path), gate.pass_through)
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", PAGES)
            await gate.until_entered()
            await delete(address, "b")
            with pytest.raises(asyncio.CancelledError):
                await app.state.service.tasks["b"]
            gate.open()
            await until(lambda: client.of("batch_id", "b") == ["processing"] * 5)
            assert gate.done == PAGES, "every page was recognised after the batch had been cancelled"

    asyncio.run(main())


# ---------------------------------------------------------------- right


def right(recognise: Any, send_seconds: float = 30.0) -> tuple[Any, Any, Any]:
    from delivery.hub import Hub
    from ocr_batch.right.app import build, server

    hub = Hub(send_seconds)
    app = build(recognise, hub)
    return app, server(app), hub


def test_right_tells_progress_in_order_and_then_the_end() -> None:
    gate = Gate()

    async def main() -> None:
        _app, server, _ = right(gate.pass_through)
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "b", PAGES)
            for number in range(1, 6):
                gate.steps.release()
                await until(lambda number=number: any(one["current"] == number for one in client.states))
            await client.until_ended("batch_id", "b")
            currents = [one["current"] for one in client.states]
            assert currents == sorted(currents)
            assert client.states[-1]["percentage"] == 100
            assert ended_well(client.of("batch_id", "b"))

    asyncio.run(main())


def test_right_under_load() -> None:
    names = [f"b{number}" for number in range(40)]

    async def main() -> None:
        _app, server, hub = right(str.upper)
        async with serving(server) as address, listening(address, count=10) as clients:
            await asyncio.gather(*(post(address, name, PAGES) for name in names))
            for client in clients:
                for name in names:
                    await client.until_ended("batch_id", name)
            await hub.flush()
            for client in clients:
                for name in names:
                    assert ended_well(client.of("batch_id", name))
                    assert client.of("batch_id", name)[-1] == "completed"

    asyncio.run(main())


def test_right_tells_the_end_of_a_batch_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(page: str) -> str:
        if page == "three":
            raise ValueError("unreadable")
        return page

    async def main() -> list[str]:
        _app, server, _ = right(refuse)
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "b", PAGES)
            await client.until_ended("batch_id", "b")
            return client.of("batch_id", "b")

    statuses = asyncio.run(main())
    assert ended_well(statuses)
    assert statuses[-1] == "failed"
    assert "unreadable" in caplog.text


def test_right_cancelled_stops_the_thread_and_then_tells_the_end() -> None:
    gate = Gate()

    async def main() -> None:
        app, server, _ = right(gate.pass_through)
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "b", PAGES)
            await gate.until_entered()
            await delete(address, "b")
            gate.open()
            await client.until_ended("batch_id", "b")
            assert client.of("batch_id", "b")[-1] == "cancelled"
            assert ended_well(client.of("batch_id", "b"))
            assert gate.done == ["one"]
            assert app.state.service.tasks == {}

    asyncio.run(main())


@pytest.mark.parametrize("begun", [False, True])
def test_right_tells_the_end_though_its_task_is_cancelled(begun: bool) -> None:
    gate = Gate()

    async def main() -> None:
        from delivery.hub import Hub
        from ocr_batch.right.batches import Batches

        hub = Hub()
        batches = Batches(gate.pass_through, hub)
        batches.start("b", PAGES)
        task = batches.tasks["b"]
        if begun:
            await gate.until_entered()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()  # and again, while it waits for the thread
        gate.open()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not batches.tasks)
        newest = hub.newest("b")
        assert newest is not None
        assert newest["status"] == "cancelled"
        assert gate.done == (["one"] if begun else [])
        await batches.close()

    asyncio.run(main())


def test_right_tells_the_end_before_the_server_goes() -> None:
    gate = Gate()

    async def main() -> None:
        _app, server, _ = right(gate.pass_through)
        async with serving(server) as address, listening(address, count=3) as clients:
            await post(address, "b", PAGES)
            await gate.until_entered()
            await until(lambda: all(client.states for client in clients))
            server.should_exit = True
            gate.open()
            for client in clients:
                await client.until_ended("batch_id", "b")
                assert ended_well(client.of("batch_id", "b"))
                await until(lambda client=client: client.closed)

    asyncio.run(main())


def test_right_survives_a_loop_that_has_closed() -> None:
    from delivery.mailbox import Mailbox
    from ocr_batch.right.recognition import run_batch

    async def make() -> Any:
        return Mailbox(print)

    mailbox = asyncio.run(make())
    answers: list[bool] = []
    texts = run_batch("b", PAGES, str.upper, lambda one: answers.append(mailbox.post(one)), threading.Event())
    assert texts == [page.upper() for page in PAGES]
    assert answers == [False] * 5
