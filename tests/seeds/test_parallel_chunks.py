"""Seed 002: chunks are looked through side by side, each with a timeout."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seeds.chunk_work import fragile, slow
from seeds.serving import PATIENCE, SEEDS, Gate, until

CHUNKS = ["he said it behind my back", "you hedge your bets", "nothing to see here"]
LONG = 300.0


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def in_thread(function: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Run it beside the test; what it returned or raised is in the list."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def wait_until(condition: Callable[[], object]) -> None:
    asyncio.run(until(condition))


# ---------------------------------------------------------------- broken


def test_broken_loses_every_result_with_the_errors_of_the_report(caplog: pytest.LogCaptureFixture) -> None:
    from parallel_chunks.broken.parallel_processor import ParallelProcessor
    from parallel_chunks.untouched.expression_batch import ExpressionBatchProcessor

    found = ExpressionBatchProcessor(ParallelProcessor()).analyze_expression_chunks(CHUNKS, LONG)
    assert found == [[], [], []]
    assert "Expression 1 validated: 'behind my back'" in caplog.text, "the work was done"
    errors = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert errors == [
        *(f"Task chunk_{number} failed: no running event loop" for number in range(3)),
        *["Chunk analysis failed: no running event loop"] * 3,
        "No expressions found after analysis",
    ]


def test_broken_does_the_work_to_its_end_without_the_timeout() -> None:
    from parallel_chunks.broken.parallel_processor import ParallelProcessor

    gate = Gate()
    thread, results = in_thread(
        lambda: ParallelProcessor()._execute_task(gate.pass_through, (1,), {}, timeout=0.01)
    )
    assert gate.entered.acquire(timeout=PATIENCE)
    thread.join(0.1)
    assert thread.is_alive(), "ten times the timeout, and it is still waited for"
    gate.open()
    thread.join(PATIENCE)
    assert gate.done == [1]
    assert [str(one) for one in results] == ["no running event loop"]


# ---------------------------------------------------------------- as fixed


def test_as_fixed_finds_what_there_is() -> None:
    from parallel_chunks.as_fixed.impatient import ImpatientProcessor
    from parallel_chunks.as_fixed.parallel_processor import ParallelProcessor
    from parallel_chunks.as_fixed.thread_timeout import ThreadTimeoutProcessor
    from parallel_chunks.untouched.expression_batch import ExpressionBatchProcessor

    for kind in (ParallelProcessor, ThreadTimeoutProcessor, ImpatientProcessor):
        found = ExpressionBatchProcessor(kind()).analyze_expression_chunks(CHUNKS, LONG)
        assert found == [["behind my back"], ["hedge your bets"], []]


def test_as_fixed_delivers_the_timeout_when_the_work_is_done(caplog: pytest.LogCaptureFixture) -> None:
    from parallel_chunks.as_fixed.parallel_processor import ParallelProcessor

    gate = Gate()
    thread, results = in_thread(
        lambda: ParallelProcessor()._execute_task(gate.pass_through, (1,), {}, timeout=0.01)
    )
    wait_until(lambda: "Task timed out after 0.01s" in caplog.text)
    thread.join(0.1)
    assert thread.is_alive(), "it has timed out, and whoever asked does not know"
    gate.open()
    thread.join(PATIENCE)
    assert isinstance(results[0], TimeoutError)
    assert gate.done == [1]


def test_as_fixed_option_2_leaves_a_thread_for_every_timeout() -> None:
    from parallel_chunks.as_fixed.thread_timeout import ThreadTimeoutProcessor
    from parallel_chunks.untouched.tasks import Task

    gate = Gate()
    before = set(threading.enumerate())
    tasks = [Task(str(number), gate.pass_through, (number,), timeout=0.01) for number in range(5)]
    results = ThreadTimeoutProcessor().process_batch(tasks)
    assert [type(one.error) for one in results] == [TimeoutError] * 5
    left = set(threading.enumerate()) - before
    assert len(left) == 5
    gate.open()
    for thread in left:
        thread.join(PATIENCE)
        assert not thread.is_alive()


LEAVING = """
import sys, time
from pathlib import Path
from parallel_chunks.as_fixed.impatient import ImpatientProcessor

def work():
    while not Path(sys.argv[1]).exists():
        time.sleep(0.01)

try:
    ImpatientProcessor()._execute_task(work, (), {}, 0.01)
except TimeoutError:
    print("timed out, and all is done", flush=True)
"""


def test_as_fixed_without_the_join_the_wait_comes_when_the_interpreter_exits(tmp_path: Path) -> None:
    gate = tmp_path / "go"
    with subprocess.Popen(
        [sys.executable, "-c", LEAVING, str(gate)],
        env={**os.environ, "PYTHONPATH": str(SEEDS), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "timed out, and all is done\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.2)
        finally:
            gate.touch()
        assert process.wait(PATIENCE) == 0


def test_as_fixed_failure_looks_like_no_results() -> None:
    from parallel_chunks.as_fixed.parallel_processor import ParallelProcessor
    from parallel_chunks.untouched.expression_batch import ExpressionBatchProcessor

    def refuse(chunk: str) -> list[str]:
        if "bets" in chunk:
            raise ConnectionError("the model does not answer")
        return []

    found = ExpressionBatchProcessor(ParallelProcessor(), refuse).analyze_expression_chunks(CHUNKS, LONG)
    assert found == [[], [], []]


# ---------------------------------------------------------------- right


def analysed(chunks: list[str], find: Any, timeout: float = LONG, **more: Any) -> tuple[Any, list[str]]:
    """The report, and the statuses in the order they were told."""
    from delivery.hub import Hub
    from parallel_chunks.right.analysis import analyse

    statuses: list[str] = []

    class Told(Hub):
        def publish(self, topic: str, state: dict[str, Any]) -> None:
            statuses.append(state["status"])
            super().publish(topic, state)

    return asyncio.run(analyse("b", chunks, Told(), find, timeout, **more)), statuses


def test_right_finds_what_there_is() -> None:
    from parallel_chunks.shared.expressions import find_expressions

    report, statuses = analysed(CHUNKS, find_expressions)
    assert report.found == {"chunk_0": ["behind my back"], "chunk_1": ["hedge your bets"], "chunk_2": []}
    assert report.missing == {}
    assert statuses == ["running"] * 4 + ["completed"]


def test_right_without_chunks_comes_to_an_end() -> None:
    report, statuses = analysed([], slow)
    assert (report.found, statuses) == ({}, ["running", "completed"])


def test_right_ends_what_takes_too_long_and_only_that() -> None:
    from parallel_chunks.right.processor import ParallelProcessor
    from parallel_chunks.right.worker import Task

    outcomes: list[Any] = []
    tasks = [Task("endless", slow, ("for ever",), 0.3)]
    tasks += [Task(str(number), slow, (str(number),), LONG) for number in range(6)]
    ParallelProcessor(2).process(tasks, outcomes.append)
    statuses = {one.task_id: one.status for one in outcomes}
    assert len(outcomes) == 7
    assert statuses.pop("endless") == "timed out"
    assert set(statuses.values()) == {"completed"}


def test_right_tells_failure_from_no_results() -> None:
    report, statuses = analysed(["fine", "raise", "die", "odd", "fine too"], fragile)
    assert report.found == {"chunk_0": ["fine"], "chunk_4": ["fine too"]}
    assert sorted(report.missing) == ["chunk_1", "chunk_2", "chunk_3"]
    assert "the model does not answer" in report.missing["chunk_1"]
    assert report.missing["chunk_2"] == "failed: its process died"
    assert statuses == ["running"] * 6 + ["failed"]


def test_right_under_load_each_task_has_one_outcome() -> None:
    from parallel_chunks.right.processor import ParallelProcessor
    from parallel_chunks.right.worker import Task

    outcomes: list[Any] = []
    tasks = [Task(str(number), slow, (str(number),), LONG) for number in range(500)]
    ParallelProcessor(2).process(tasks, outcomes.append)
    assert Counter(one.task_id for one in outcomes) == Counter(task.task_id for task in tasks)
    assert all(one.value == [one.task_id] for one in outcomes)


def test_right_what_cannot_be_sent_fails_alone() -> None:
    from parallel_chunks.right.processor import ParallelProcessor
    from parallel_chunks.right.worker import Task

    outcomes: list[Any] = []
    tasks = [Task("lambda", lambda chunk: [chunk], ("a",), LONG), Task("fine", slow, ("b",), LONG)]
    ParallelProcessor(1).process(tasks, outcomes.append)
    assert [(one.task_id, one.status) for one in outcomes] == [("lambda", "failed"), ("fine", "completed")]


def test_right_cancelled_ends_the_processes_and_tells_the_end() -> None:
    import multiprocessing

    from delivery.hub import Hub
    from parallel_chunks.right.analysis import analyse

    async def main() -> None:
        hub = Hub()
        work = asyncio.create_task(analyse("b", ["for ever"] * 5, hub, slow, LONG))
        await until(multiprocessing.active_children)
        work.cancel()
        await asyncio.sleep(0)
        work.cancel()  # twice: the second one while it ends the processes
        with pytest.raises(asyncio.CancelledError):
            await work
        newest = hub.newest("b")
        assert newest is not None
        assert newest["status"] == "cancelled"
        assert sorted(newest["missing"]) == [f"chunk_{number}" for number in range(5)]
        assert not multiprocessing.active_children()

    asyncio.run(main())


def test_right_holds_no_loop_up_and_stops_with_it() -> None:
    """A loop that is closed around it: all outcomes are told to nobody, and the process comes to its end."""
    import multiprocessing

    from delivery.hub import Hub
    from parallel_chunks.right.analysis import analyse

    hub = Hub()

    async def main() -> None:
        task = asyncio.create_task(analyse("b", ["for ever"], hub, slow, LONG))
        await until(multiprocessing.active_children)
        assert not task.done()

    asyncio.run(main())  # cancels what still runs
    newest = hub.newest("b")
    assert newest is not None
    assert newest["status"] == "cancelled"
    assert not multiprocessing.active_children()
