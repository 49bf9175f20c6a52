"""What makes the beats come round: a timer of the kernel where that works, one of the loop elsewhere."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from auditor.runtime import LoopLagMonitor
from auditor.runtime.board import Cell
from auditor.runtime.engine import engine
from auditor.runtime.pulse import KernelTimer, LoopTimer, of


class Bridge(asyncio.SelectorEventLoop):
    """As loops of GUI toolkits do it: descriptors are watched by other means."""

    def add_reader(self, *arguments: Any) -> None:  # type: ignore[override]
        super().add_reader(*arguments)


def kind_of_pulse(loop: asyncio.AbstractEventLoop) -> type[object]:
    pulse = of(loop, print)
    pulse.drop()
    return type(pulse)


def beats(loop: asyncio.AbstractEventLoop) -> int:
    probe = engine.probe(loop)
    assert probe is not None
    return probe.slot.cells[Cell.BEATS]


def timers() -> int:
    """Open timers of the kernel."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += "timerfd" in os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # that of the listing itself
    return count


async def some_beats(loop: asyncio.AbstractEventLoop) -> None:
    until, before = time.monotonic() + 60, beats(loop)
    while beats(loop) < before + 3:
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("make", "kind"),
    [(asyncio.SelectorEventLoop, KernelTimer), (Bridge, LoopTimer)],
    ids=["asyncio", "bridge"],
)
def test_a_loop_beats_and_is_left_as_it_was(
    make: Callable[[], asyncio.AbstractEventLoop], kind: type[object]
) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        before = len(loop._selector.get_map()), len(loop._scheduled)
        async with LoopLagMonitor(0.1, log=False, outside=False):
            await some_beats(loop)
        assert len(loop._selector.get_map()) == before[0]
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

    loop = make()
    assert kind_of_pulse(loop) is kind
    loop.run_until_complete(main())
    loop.close()


def test_uvloop_beats_by_the_kernel() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        async with LoopLagMonitor(0.1, log=False, outside=False):
            await some_beats(asyncio.get_running_loop())

    loop = uvloop.new_event_loop()
    assert kind_of_pulse(loop) is KernelTimer
    loop.close()
    uvloop.run(main())


def test_who_stops_watching_on_another_thread_leaves_nothing_behind() -> None:
    monitor = LoopLagMonitor(0.1, log=False, outside=False, all_loops=True)
    running, done = threading.Event(), threading.Event()

    async def main() -> None:
        running.set()
        while not done.is_set():
            await asyncio.sleep(0.01)

    before = timers()
    monitor.start()
    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    running.wait(60)
    monitor.stop()
    until = time.monotonic() + 60
    while timers() > before:
        assert time.monotonic() < until
        time.sleep(0.01)
    done.set()
    thread.join()


def test_a_fork_within_a_coroutine_stops_no_beats() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with LoopLagMonitor(0.1, log=False, outside=False):
            await some_beats(loop)
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
            await some_beats(loop)

    asyncio.run(main())


def test_a_clock_that_stands_still_hides_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> LoopLagMonitor:
        async with LoopLagMonitor(0.1, log=False) as monitor:
            monkeypatch.setattr(time, "monotonic", lambda: 1.0)
            time.sleep(0.6)
            for _ in range(100):
                await asyncio.to_thread(int)
            monkeypatch.undo()
        return monitor

    texts = [stall.site.text for stall in asyncio.run(main()).stalls if stall.site]
    assert texts.count("time.sleep(0.6)") == 1
