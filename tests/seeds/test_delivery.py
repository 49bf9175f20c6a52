"""What all right versions deliver with: every client at its own pace, the end once and last."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from seeds.serving import ended_well, listening, serving, until

BULK = "x" * 262_144


def application(hub: Any) -> Any:
    from delivery.live import live
    from delivery.server import FarewellServer

    app = FastAPI()

    @app.websocket("/live")
    async def watch(socket: WebSocket) -> None:
        await live(hub, socket)

    return FarewellServer(app, hub.flush)


def test_nothing_follows_the_end() -> None:
    from delivery.hub import Hub

    async def main() -> None:
        hub = Hub()
        for status in ("running", "completed", "failed", "running"):
            hub.publish("a", {"status": status})
        assert hub.newest("a") == {"status": "completed"}

    asyncio.run(main())


def test_who_comes_late_learns_the_end() -> None:
    from delivery.hub import Hub

    async def main() -> None:
        hub = Hub()
        hub.publish("a", {"topic": "a", "status": "failed"})
        async with serving(application(hub)) as address, listening(address) as (client,):
            await client.until_ended("topic", "a")
            assert client.of("topic", "a") == ["failed"]

    asyncio.run(main())


def test_states_that_were_not_sent_yet_are_replaced() -> None:
    from delivery.hub import Hub

    async def main() -> list[str]:
        hub, sent, free = Hub(), [], asyncio.Event()

        async def send(text: str) -> None:
            await free.wait()
            sent.append(json.loads(text)["status"])

        attending = asyncio.create_task(hub.attend(send))
        await until(lambda: len(hub))
        for number in range(1000):
            hub.publish("a", {"status": f"step {number}"})
            if number == 0:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        hub.publish("a", {"status": "completed"})
        free.set()
        await hub.flush()
        attending.cancel()
        return sent

    assert asyncio.run(main()) == ["step 0", "completed"]


def test_clients_that_come_and_go_leave_nothing() -> None:
    from delivery.hub import Hub

    async def main() -> None:
        hub = Hub()
        async with serving(application(hub)) as address:
            for _ in range(5):
                async with listening(address, count=4):
                    await until(lambda: len(hub) == 4)
                await until(lambda: len(hub) == 0)

    asyncio.run(main())


@pytest.mark.slow
def test_a_client_that_does_not_read_is_dropped_and_holds_nobody_up() -> None:
    from websockets.asyncio.client import connect

    from delivery.hub import Hub

    async def main() -> None:
        hub = Hub(send_seconds=5)
        async with (
            serving(application(hub)) as address,
            connect(f"ws://{address}/live", max_queue=1, max_size=None) as sleeper,
            listening(address) as (client,),
        ):
            await until(lambda: len(hub) == 2)
            await sleeper.ping()
            for number in range(80):
                state = {"topic": "a", "status": "running", "number": number, "bulk": BULK}
                hub.publish("a", state)
                await until(lambda number=number: client.states and client.states[-1]["number"] == number)
            hub.publish("a", {"topic": "a", "status": "completed"})
            await client.until_ended("topic", "a")
            assert ended_well(client.of("topic", "a"))
            assert Counter(client.of("topic", "a")) == {"running": 80, "completed": 1}
            await until(lambda: len(hub) == 1)
            sleeper.transport.abort()

    asyncio.run(main())
