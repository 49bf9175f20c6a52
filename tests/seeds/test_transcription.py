"""Seed 003: batches of recordings, states told from threads, and GPU errors."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import httpx
import pytest
from seeds.serving import SEEDS, ended_well, listening, logged_as_text, plain_server, serving, until

FILES = ["one", "two", "three"]
SPOILT = "CUDA error: an illegal memory access was encountered"


@pytest.fixture(autouse=True)
def _fresh_device(monkeypatch: pytest.MonkeyPatch) -> None:
    from transcription.shared import device

    monkeypatch.setenv("PYTHONPATH", str(SEEDS))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(device, "context", device.Context())


async def post(address: str, batch_id: str, recordings: list[str]) -> None:
    async with httpx.AsyncClient(timeout=60) as web:
        body = {"batch_id": batch_id, "recordings": recordings}
        assert (await web.post(f"http://{address}/batches", json=body)).is_success


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]


# ---------------------------------------------------------------- broken


def broken() -> tuple[Any, Any]:
    from transcription.broken.app import create_app
    from transcription.broken.batch import BatchService
    from transcription.broken.transcriber import TranscriberService
    from transcription.untouched.updates import Updates

    updates = Updates()
    batches = BatchService(TranscriberService(updates.model_state), updates)
    return create_app(batches, updates), batches


def test_broken_fails_with_the_error_of_the_report(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        app, batches = broken()
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", FILES)
            await client.until_ended("batch", "b")
            assert client.of("batch", "b") == ["failed"]
            assert client.of("model", "whisper") == []
            assert batches.texts == {}

    from transcription.broken import batch

    with (  # noqa: PT031
        logged_as_text(batch.log),
        pytest.warns(RuntimeWarning, match="model_state' was never awaited"),
    ):
        asyncio.run(main())
        gc.collect()
    assert errors_in(caplog) == ["Batch b failed: no running event loop"]


# ---------------------------------------------------------------- as fixed


def as_fixed() -> tuple[Any, Any]:
    from transcription.as_fixed.app import create_app
    from transcription.as_fixed.batch import BatchService
    from transcription.as_fixed.transcriber import TranscriberService
    from transcription.untouched.updates import Updates

    updates = Updates()
    batches = BatchService(TranscriberService(updates.model_state), updates)
    return create_app(batches, updates), batches


def test_as_fixed_recovers_from_an_error_that_goes_away() -> None:
    async def main() -> None:
        app, batches = as_fixed()
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", ["one", "much too long", "three"])
            await client.until_ended("batch", "b")
            assert client.of("batch", "b")[-1] == "completed"
            assert batches.texts == {"one": "ONE", "three": "THREE"}
            assert batches.errors == {"much too long": "GPU Error: CUDA error: out of memory"}
            await until(lambda: client.of("model", "whisper").count("loading") == 2)

    asyncio.run(main())


def test_as_fixed_does_not_recover_from_an_error_that_stays(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        app, batches = as_fixed()
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", ["one", "illegal", "three", "four"])
            await client.until_ended("batch", "b")
            assert client.of("batch", "b")[-1] == "completed", "as if all were well"
            assert batches.texts == {"one": "ONE"}
            assert batches.errors == dict.fromkeys(("illegal", "three", "four"), f"GPU Error: {SPOILT}")

    asyncio.run(main())
    assert errors_in(caplog).count(f"Reload failed: {SPOILT}") == 3


def test_as_fixed_a_loop_that_has_closed_raises_in_the_worker() -> None:
    async def make() -> Any:
        return as_fixed()[1]._transcriber

    transcriber = asyncio.run(make())
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        transcriber.transcribe("one")
    assert transcriber.state == "loading", "and it stays like that"


def test_as_fixed_takes_the_wrong_loop_and_every_state_is_lost() -> None:
    """As its own ``main`` makes it: before the loop that serves runs."""
    early = asyncio.new_event_loop()
    asyncio.set_event_loop(early)
    try:
        app, batches = as_fixed()

        async def main() -> None:
            async with serving(plain_server(app)) as address, listening(address) as (client,):
                await post(address, "b", FILES)
                await client.until_ended("batch", "b")
                assert client.of("batch", "b") == ["running"] * 3 + ["completed"]
                assert client.of("model", "whisper") == []

        asyncio.run(main())
        assert batches._transcriber.state == "ready"
    finally:
        asyncio.set_event_loop(None)
        early.close()


def test_as_fixed_tells_no_end_when_cancelled() -> None:
    async def main() -> None:
        app, batches = as_fixed()
        async with serving(plain_server(app)) as address, listening(address) as (client,):
            await post(address, "b", FILES)
            await until(lambda: client.of("batch", "b"))
            batches.cancel("b")
            with pytest.raises(asyncio.CancelledError):
                await batches.tasks["b"]
            await batches._updates.broadcast({"batch": "after", "status": "completed"})
            await client.until_ended("batch", "after")
            assert set(client.of("batch", "b")) == {"running"}

    asyncio.run(main())


# ---------------------------------------------------------------- right


def right(seconds: float = 300.0) -> tuple[Any, Any, Any]:
    from delivery.hub import Hub
    from transcription.right.app import create_app, server

    hub = Hub(send_seconds=30)
    app = create_app(hub, seconds)
    return app, server(app), hub


def test_right_under_load() -> None:
    names = [f"b{number}" for number in range(12)]

    async def main() -> None:
        app, server, _ = right()
        async with serving(server) as address, listening(address, count=5) as clients:
            await asyncio.gather(*(post(address, name, FILES) for name in names))
            for client in clients:
                for name in names:
                    await client.until_ended("batch", name)
                    assert client.of("batch", name)[-1] == "completed"
                    assert ended_well(client.of("batch", name))
            texts = app.state.batches.texts
            assert all(texts[name] == {one: one.upper() for one in FILES} for name in names)

    asyncio.run(main())


def test_right_takes_another_process_after_a_gpu_error() -> None:
    async def main() -> None:
        app, server, _ = right()
        async with serving(server) as address, listening(address) as (client,):
            recordings = ["one", "illegal", "three", "much too long", "damaged", "six"]
            await post(address, "b", recordings)
            await client.until_ended("batch", "b")
            assert client.of("batch", "b")[-1] == "completed"
            assert app.state.batches.texts["b"] == {"one": "ONE", "three": "THREE", "six": "SIX"}
            assert client.states[-1]["errors"] == {
                "illegal": SPOILT,
                "much too long": "CUDA error: out of memory",
                "damaged": "not a recording",
            }

    asyncio.run(main())


def test_right_goes_on_when_its_process_is_killed() -> None:
    async def main() -> None:
        app, server, _ = right()
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "a", ["one"])
            await client.until_ended("batch", "a")
            app.state.batches._transcriber._process.kill()
            await post(address, "b", ["two"])
            await client.until_ended("batch", "b")
            assert client.of("batch", "b")[-1] == "completed"
            assert app.state.batches.texts["b"] == {"two": "TWO"}
            assert app.state.batches.errors["b"] == {}

    asyncio.run(main())


@pytest.mark.slow
def test_right_ends_what_takes_too_long() -> None:
    async def main() -> None:
        app, server, _ = right(seconds=4)
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "b", ["endless", "two"])
            await client.until_ended("batch", "b")
            assert app.state.batches.texts["b"] == {"two": "TWO"}
            assert app.state.batches.errors["b"] == {"endless": "no answer within 4 s"}

    asyncio.run(main())


def test_right_cancelled_ends_the_process_and_tells_the_end() -> None:
    async def main() -> None:
        app, server, _ = right()
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "b", ["endless", "two"])
            await until(lambda: "transcribing" in client.of("model", "whisper"))
            process = app.state.batches._transcriber._process
            async with httpx.AsyncClient() as web:
                assert (await web.delete(f"http://{address}/batches/b")).is_success
            await client.until_ended("batch", "b")
            assert client.of("batch", "b")[-1] == "cancelled"
            assert ended_well(client.of("batch", "b"))
            await process.wait()
            await post(address, "c", ["three"])
            await client.until_ended("batch", "c")
            assert app.state.batches.texts["c"] == {"three": "THREE"}

    asyncio.run(main())


def test_right_tells_the_end_of_a_batch_that_never_began() -> None:
    from delivery.hub import Hub
    from transcription.right.batch import BatchService

    async def main() -> None:
        hub = Hub()
        batches = BatchService(hub)
        batches.start("b", FILES)
        batches.cancel("b")
        await until(lambda: not batches.tasks)
        newest = hub.newest("b")
        assert newest is not None
        assert newest["status"] == "cancelled"

    asyncio.run(main())


def test_right_tells_the_end_before_the_server_goes() -> None:
    async def main() -> None:
        app, server, _ = right()
        async with serving(server) as address, listening(address, count=3) as clients:
            await post(address, "b", ["endless"])
            await post(address, "c", FILES)
            await until(lambda: all("transcribing" in one.of("model", "whisper") for one in clients))
            server.should_exit = True
            for client in clients:
                for name in ("b", "c"):
                    await client.until_ended("batch", name)
                    assert client.of("batch", name)[-1] == "cancelled"
                    assert ended_well(client.of("batch", name))
            await until(lambda: app.state.batches._transcriber._process is None)

    asyncio.run(main())
