"""Seed 001: how experiments converge, from AnyIO's worker threads to WebSocket clients."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from typing import Any

import httpx
import pytest
from seeds.serving import (
    MORE_THAN_ANY_BUFFER,
    Gate,
    ended_well,
    listening,
    logged_as_text,
    plain_server,
    serving,
    sleeping,
    until,
)

TIMEOUT = 0.49
"""The half second that every broadcast of as_fixed may take, less what clocks may differ by."""


async def post(address: str, path: str) -> None:
    async with httpx.AsyncClient(timeout=60) as web:
        assert (await web.post(f"http://{address}/experiments/{path}")).is_success


def gated(gate: Gate) -> Any:
    """The solver with a gate before each iteration's report."""
    from experiments.shared.solver import minimise

    def solve(iterations: int, callback: Any) -> float:
        return minimise(iterations, lambda number, energy: callback(gate.pass_through(number), energy))

    return solve


@pytest.fixture(autouse=True)
def _fresh_globals() -> Any:
    from experiments.as_fixed import experiment_service as service
    from experiments.untouched.ws_manager import ws_manager

    with logged_as_text(service.log):
        yield
    service._main_event_loop = None
    ws_manager.clients.clear()


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


# ---------------------------------------------------------------- broken


def test_broken_logs_what_the_report_shows_and_tells_nobody(caplog: pytest.LogCaptureFixture) -> None:
    from experiments.broken.api import create_app
    from experiments.broken.experiment_service import results

    async def main() -> None:
        async with serving(plain_server(create_app())) as address, listening(address) as (client,):
            await post(address, "e?iterations=3")
            await until(lambda: len(warnings_in(caplog)) == 4)
            assert client.states == []

    asyncio.run(main())
    assert results["e"] < 0
    assert warnings_in(caplog) == [
        *(f"No event loop available for WebSocket broadcast (iteration {number})" for number in range(3)),
        (
            "WebSocket completion broadcast failed: "
            "There is no current event loop in thread 'AnyIO worker thread'."
        ),
    ]


# ---------------------------------------------------------------- as fixed


def test_as_fixed_works_when_nothing_is_in_the_way() -> None:
    from experiments.as_fixed.api import create_app

    async def main() -> list[str]:
        async with serving(plain_server(create_app())) as address, listening(address) as (client,):
            await post(address, "e?iterations=3")
            await client.until_ended("experiment", "e")
            return client.of("experiment", "e")

    assert asyncio.run(main()) == ["running"] * 3 + ["completed"]


def test_as_fixed_a_slow_client_holds_the_solver_and_the_end_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from experiments.as_fixed.api import create_app
    from experiments.shared.solver import minimise
    from experiments.untouched.ws_manager import ws_manager

    held: list[float] = []

    def solve(iterations: int, callback: Any) -> float:
        def timed(number: int, energy: float) -> None:
            before = time.monotonic()
            callback(number, energy)
            held.append(time.monotonic() - before)

        return minimise(iterations, timed)

    async def main() -> None:
        async with (
            serving(plain_server(create_app(solve))) as address,
            sleeping(address),
            listening(address) as (client,),
        ):
            await until(lambda: len(ws_manager.clients) == 2)
            await ws_manager.clients[0].send_text(MORE_THAN_ANY_BUFFER)
            await post(address, "e?iterations=2")
            await until(lambda: len(warnings_in(caplog)) == 3)
            assert client.states == [], "the one that reads waits for the one that does not"

    asyncio.run(main())
    assert min(held) >= TIMEOUT
    assert warnings_in(caplog) == [
        "WebSocket broadcast failed: ",
        "WebSocket broadcast failed: ",
        "WebSocket completion broadcast failed: ",
    ], "and the log does not say why"


def test_as_fixed_freezes_the_loop_when_called_on_it(caplog: pytest.LogCaptureFixture) -> None:
    from experiments.as_fixed.api import create_app

    async def main() -> None:
        async with serving(plain_server(create_app())) as address, listening(address) as (client,):
            before = time.monotonic()
            await post(address, "e/reset")
            assert time.monotonic() - before >= TIMEOUT
            await until(lambda: client.of("experiment", "e") == ["running"])

    asyncio.run(main())
    assert warnings_in(caplog) == ["WebSocket broadcast failed: "]


def test_as_fixed_never_forgets_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    from experiments.as_fixed import experiment_service as service
    from experiments.as_fixed.api import create_app

    async def main() -> None:
        async with serving(plain_server(create_app())):
            pass

    asyncio.run(main())
    assert service._main_event_loop is not None
    assert service._main_event_loop.is_closed()
    with pytest.warns(RuntimeWarning, match="broadcast_convergence' was never awaited"):  # noqa: PT031
        service._broadcast_convergence_sync("e", 0, 0.0)
        gc.collect()
    assert warnings_in(caplog) == ["WebSocket broadcast failed: Event loop is closed"]


def test_as_fixed_waits_in_vain_for_a_loop_that_stands_still(caplog: pytest.LogCaptureFixture) -> None:
    from experiments.as_fixed import experiment_service as service

    loop = asyncio.new_event_loop()
    service.set_main_event_loop(loop)
    before = time.monotonic()
    with pytest.warns(RuntimeWarning, match="never awaited"):  # noqa: PT031
        service.execute_experiment("e", 1, lambda iterations, callback: callback(0, 0.0) or 0.0)
        loop.close()
        service._main_event_loop = None
        del loop
        gc.collect()
    assert time.monotonic() - before >= 2 * TIMEOUT
    assert warnings_in(caplog) == [
        "WebSocket broadcast failed: ",
        "WebSocket completion broadcast failed: ",
    ]


# ---------------------------------------------------------------- right


def right(solve: Any) -> tuple[Any, Any, Any]:
    from delivery.hub import Hub
    from experiments.right.api import create_app, server

    hub = Hub(send_seconds=30)
    app = create_app(solve, hub)
    return app, server(app), hub


def test_right_tells_all_in_order_and_then_the_end() -> None:
    gate = Gate()

    async def main() -> None:
        _app, server, _ = right(gated(gate))
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "e?iterations=4")
            for number in range(4):
                gate.steps.release()
                await until(
                    lambda number=number: any(
                        one["status"] != "queued" and one["iteration"] == number for one in client.states
                    )
                )
            await client.until_ended("experiment", "e")
            numbers = [one["iteration"] for one in client.states]
            assert numbers == sorted(numbers)
            assert client.states[-1]["status"] == "completed"
            assert ended_well(client.of("experiment", "e"))

    asyncio.run(main())


def test_right_under_load_beside_a_client_that_does_not_read() -> None:
    from experiments.shared.solver import minimise

    names = [f"e{number}" for number in range(30)]

    async def main() -> None:
        app, server, hub = right(minimise)
        async with serving(server) as address, sleeping(address):
            await until(lambda: len(hub) == 1)
            hub.publish("bulk", {"status": "running", "bulk": MORE_THAN_ANY_BUFFER})
            await until(lambda: not next(iter(hub._clients)).pending)
            # Those who come later are told the newest state only; the sleeper will never be.
            hub.publish("bulk", {"status": "completed"})
            async with listening(address, count=8) as clients:
                await until(lambda: len(hub) == 9)
                await asyncio.gather(*(post(address, f"{name}?iterations=20") for name in names))
                for client in clients:
                    for name in names:
                        await client.until_ended("experiment", name)
                        assert ended_well(client.of("experiment", name))
                        assert client.of("experiment", name)[-1] == "completed"
                assert {one.status for one in app.state.experiments.outcomes.values()} == {"completed"}

    asyncio.run(main())


def test_right_tells_the_end_of_what_fails(caplog: pytest.LogCaptureFixture) -> None:
    def solve(iterations: int, callback: Any) -> float:
        callback(0, -1.0)
        raise ArithmeticError("did not converge")

    async def main() -> None:
        _app, server, _ = right(solve)
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "e?iterations=1")
            await client.until_ended("experiment", "e")
            assert client.of("experiment", "e")[-1] == "failed"
            assert ended_well(client.of("experiment", "e"))

    asyncio.run(main())
    assert "did not converge" in caplog.text


def test_right_cancelled_stops_the_solver_and_then_tells_the_end() -> None:
    gate = Gate()

    async def main() -> None:
        _app, server, _ = right(gated(gate))
        async with serving(server) as address, listening(address) as (client,):
            await post(address, "e?iterations=5")
            await gate.until_entered()
            async with httpx.AsyncClient() as web:
                assert (await web.delete(f"http://{address}/experiments/e")).is_success
            gate.open()
            await client.until_ended("experiment", "e")
            assert client.of("experiment", "e")[-1] == "cancelled"
            assert ended_well(client.of("experiment", "e"))
            assert gate.done == [0]

    asyncio.run(main())


def test_right_tells_the_end_before_the_server_goes() -> None:
    gate = Gate()
    names = [f"e{number}" for number in range(6)]  # more than there are workers: two are still queued

    async def main() -> None:
        _app, server, _ = right(gated(gate))
        async with serving(server) as address, listening(address, count=3) as clients:
            for name in names:
                await post(address, f"{name}?iterations=5")
            await gate.until_entered(4)
            server.should_exit = True
            await until(lambda: all(stop.is_set() for stop in _app.state.experiments._stops.values()))
            gate.open()
            for client in clients:
                for name in names:
                    await client.until_ended("experiment", name)
                    assert client.of("experiment", name)[-1] == "cancelled"
                    assert ended_well(client.of("experiment", name))

    asyncio.run(main())


def test_right_keeps_the_outcome_when_the_loop_has_closed() -> None:
    from delivery.hub import Hub
    from experiments.right.experiments import Experiments

    gate = Gate()
    made: list[Any] = []

    async def main() -> None:
        experiments = Experiments(gated(gate), Hub())
        made.append(experiments)
        experiments.start("e", 2)
        await gate.until_entered()

    asyncio.run(main())  # ends without a word to the experiments, as a crash would
    gate.open()
    made[0]._pool.shutdown(wait=True)
    assert made[0].outcomes["e"].status == "completed"
