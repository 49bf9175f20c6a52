"""A loop that waits for events has nothing to do: when it is woken late, no line of code is to blame."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from auditor.model import Frame, Stall, StallKind
from auditor.runtime.board import Board, Cell, Head, Mode, State
from auditor.runtime.clock import MILLISECOND, SECOND
from auditor.runtime.episode import Taken
from auditor.runtime.frames import Driver, Project, in_selector
from auditor.runtime.loops import BoardLoops
from auditor.runtime.probe import Probe
from auditor.runtime.sampler import Sampler
from auditor.runtime.watcher import Settings, Watcher

THRESHOLD = 0.1
AT_REST = (
    Frame("/usr/lib/python3.11/selectors.py", 468, "select", project=False),
    Frame("/usr/lib/python3.11/asyncio/base_events.py", 1884, "_run_once", project=False),
    Frame("/usr/lib/python3.11/asyncio/base_events.py", 607, "run_forever", project=False),
)
DRIVER = ["/usr/lib/python3.11/asyncio/base_events.py", "_run_once", 1922, 1]


def watched(frames: tuple[Frame, ...], culprit: str = "") -> list[Stall]:
    """What is said of a loop that was to wake up 10 s before it did, and of which all samples are like this.

    Its thread is the one that runs this, which is never seen asleep: as if it had just been woken each time.
    """
    board, file = Board.create()
    file.close()
    cells, start = board.slots[0].cells, time.monotonic_ns()
    board.slots[0].write_note({"loop": "asyncio", "thread": "it", "driver": DRIVER})
    cells[Cell.STATE], cells[Cell.MODE], cells[Cell.GENERATION] = State.RUNNING, Mode.STAMPED, 1
    cells[Cell.NATIVE_ID], cells[Cell.IDENT] = threading.get_native_id(), threading.get_ident()
    cells[Cell.TURN], cells[Cell.ENTERED] = start, start + 1
    cells[Cell.DUE] = start + 25 * MILLISECOND
    board.head[Head.SLOTS_USED] = 1
    found: list[Stall] = []
    now = start

    def answer(number: int, loop: Any) -> None:
        look = loop.look(now)
        taken = Taken(now, "in-process", exact=True, frames=frames, culprit=culprit, culprit_frames=frames)
        watcher.answer(number, taken, look.key, running=True)

    watcher = Watcher(os.getpid(), Settings(THRESHOLD, 60.0), BoardLoops(board), found.append, ask=answer)
    while now < start + 10 * SECOND:
        watcher.step(now)
        now += int(watcher.pause() * SECOND)
    cells[Cell.TURN] = cells[Cell.BEAT] = now
    cells[Cell.DUE] = now + 25 * MILLISECOND
    watcher.step(now)
    cells[Cell.ENTERED] = now + 1
    now += SECOND // 2
    cells[Cell.DUE] = now + SECOND
    watcher.step(now)
    return found


def test_a_loop_that_was_woken_late_is_no_stall() -> None:
    assert watched(AT_REST) == []


def test_a_thread_that_kept_the_lock_from_it_is_its_stall() -> None:
    (stall,) = watched(AT_REST, culprit="the worker")
    assert (stall.kind, stall.culprit) == (StallKind.C_CALL, "the worker")


def loop_of(kind: str) -> asyncio.AbstractEventLoop:
    if kind == "uvloop":
        return pytest.importorskip("uvloop").new_event_loop()  # type: ignore[no-any-return]
    return asyncio.new_event_loop()


@pytest.fixture(params=["asyncio", "uvloop"])
def resting(request: pytest.FixtureRequest) -> Any:
    """A loop that runs on a thread and has been watched for some beats, a sampler of it, and what drives it."""
    board, file = Board.create()
    file.close()
    sampler, loop = Sampler(board, Project.of_this_process()), loop_of(request.param)
    cells = board.slots[0].cells

    async def watch() -> None:
        probe = Probe(loop, board.head, board.slots[0], THRESHOLD)
        probe.begin()
        while cells[Cell.BEATS] < 2:
            await asyncio.sleep(0.01)
        probe.rest()  # from now on nothing wakes it

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(watch(), loop).result(60)
    sampler.know(0, loop)
    driver = Driver.of_note(board.slots[0].read_note())
    assert driver is not None
    yield loop, driver, lambda: sampler.take(0)[0].frames
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


def test_a_loop_at_rest_waits_for_events(resting: Any) -> None:
    _, driver, stack = resting
    until = time.monotonic() + 60
    while not (in_selector(stack()) or driver.is_bare(stack())):
        assert time.monotonic() < until, stack()
        time.sleep(0.01)


@pytest.mark.parametrize("work", ["select", "communicate"])
def test_whatever_waits_for_events_in_a_callback_is_not_the_loop(resting: Any, work: str) -> None:
    loop, driver, stack = resting
    begun, (read, write) = threading.Event(), os.pipe()

    def wait() -> None:
        begun.set()
        if work == "select":
            select.select([read], [], [])
            os.close(read)
        else:
            script = "import sys; sys.stdin.read()"
            with subprocess.Popen(
                [sys.executable, "-c", script], stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process:
                os.close(read)
                process.communicate()

    loop.call_soon_threadsafe(wait)
    assert begun.wait(60)
    innermost, until = "select" if work == "communicate" else "wait", time.monotonic() + 60
    seen = ""
    while seen != innermost:
        frames = stack()
        assert not in_selector(frames), frames
        assert not driver.is_bare(frames), frames
        seen = frames[0].function.rpartition(".")[2]
        assert time.monotonic() < until, seen
    os.close(write)
