"""What a stall is called, from times as a machine may measure them, busy ones included."""

from __future__ import annotations

import pytest

from auditor.model import Frame, StallKind
from auditor.runtime.board import Board
from auditor.runtime.classify import Times, classify
from auditor.runtime.clock import MILLISECOND
from auditor.runtime.episode import Episode, Question, Taken
from auditor.runtime.loops import BoardLoop
from auditor.runtime.outcome import times_of
from auditor.runtime.proc import UNKNOWN, Sched

THRESHOLD = 0.1
MS = MILLISECOND


def episode(*questions: Question, seen: bool = True, waiting: bool = False, overslept: int = 0) -> Episode:
    """A stall of 300 ms, looked at from 50 ms on."""
    board, file = Board.create()
    file.close()
    found = Episode(
        number=1,
        loop=BoardLoop(board.slots[0]),
        key=(1, 0, 0),
        since=0,
        opened=50 * MS,
        asleep=False,
        sched=UNKNOWN,
        collected=0,
        driver=None,
        late_count=0,
        questions=dict(enumerate(questions)),
        waiting=waiting,
        overslept=overslept,
    )
    if seen:
        found.add(Taken(60 * MS, "in-process", exact=True, frames=(Frame("/app.py", 1, "f", project=True),)))
    return found


def kind(found: Episode, *, cpu: float = 0.0, queued: float = 0.0, collecting: float = 0.0) -> StallKind:
    gil = found.gil(300 * MS, int(queued * 1e9))
    return classify(found, Times(0.3, cpu, queued, collecting), gil, THRESHOLD)


def asked(at: int, answered: int, *, slices: int = 0, loop_queued: int = 0, known: bool = True) -> Question:
    """A question, how often its thread got the CPU until the answer, and for how long the loop's thread did not."""
    clocks = Sched(0, 0, 0, known=known)
    question = Question(at * MS, clocks, clocks, answered * MS)
    question.wait(
        (answered or 300) * MS, Sched(0, 0, slices, known=known), Sched(0, loop_queued * MS, 0, known=known)
    )
    return question


PROMPT = asked(55, 56, slices=1)


@pytest.mark.parametrize(
    ("found", "times", "expected"),
    [
        (episode(PROMPT, waiting=True), {"cpu": 0.001}, StallKind.BLOCKING_WAIT),
        (episode(PROMPT), {"cpu": 0.29}, StallKind.PYTHON_CPU),
        (episode(asked(55, 0, slices=40)), {"cpu": 0.29}, StallKind.C_CALL),
        # the thread that answers had no CPU: nobody need have held the lock
        (episode(asked(55, 250, slices=1), waiting=True), {"cpu": 0.001}, StallKind.BLOCKING_WAIT),
        (episode(asked(55, 250, slices=2)), {"cpu": 0.2, "queued": 0.05}, StallKind.PYTHON_CPU),
        # the loop's thread had the lock and no CPU
        (
            episode(asked(55, 150, slices=9, loop_queued=90)),
            {"cpu": 0.2, "queued": 0.09},
            StallKind.PYTHON_CPU,
        ),
        # where the system tells nothing of that, a late answer is all there is to go by
        (episode(asked(55, 0, known=False)), {"cpu": 0.29}, StallKind.C_CALL),
        (episode(PROMPT), {"cpu": 0.05, "queued": 0.24}, StallKind.MACHINE_BUSY),
        (episode(PROMPT, waiting=True), {"cpu": 0.01, "queued": 0.1}, StallKind.BLOCKING_WAIT),
        # the watcher slept too long: was it the whole machine? not if the thread was seen to wait
        (episode(PROMPT, overslept=240 * MS), {"cpu": 0.01}, StallKind.MACHINE_BUSY),
        (episode(PROMPT, overslept=240 * MS, waiting=True), {"cpu": 0.01}, StallKind.BLOCKING_WAIT),
        (episode(PROMPT), {"cpu": 0.29, "collecting": 0.25}, StallKind.GARBAGE_COLLECTION),
        (episode(seen=False), {"cpu": 0.29}, StallKind.UNKNOWN),
    ],
)
def test_the_kind_of_a_stall(found: Episode, times: dict[str, float], expected: StallKind) -> None:
    assert kind(found, **times) is expected


def test_a_thread_that_was_seen_asleep_did_not_queue() -> None:
    """Linux 6.12 and newer may count the whole time that a thread sleeps as time in the queue."""
    found = episode(PROMPT, waiting=True)
    found.slept = 240 * MS
    times = times_of(found, 0.3, 300 * MS, Sched(5 * MS, 295 * MS, 2), 0)
    assert times == Times(0.3, pytest.approx(0.006), pytest.approx(0.006), 0.0)
    assert classify(found, times, "released", THRESHOLD) is StallKind.BLOCKING_WAIT


def test_a_thread_that_goes_on_between_samples_queued_when_the_system_says_so() -> None:
    found = episode(PROMPT, waiting=True)
    found.slept = 240 * MS
    found.add(Taken(90 * MS, "in-process", exact=True, frames=(Frame("/app.py", 2, "f", project=True),)))
    times = times_of(found, 0.3, 300 * MS, Sched(5 * MS, 295 * MS, 2), 0)
    assert times == Times(0.3, pytest.approx(0.006), pytest.approx(0.294), 0.0)
    assert classify(found, times, "released", THRESHOLD) is StallKind.MACHINE_BUSY


def seen_by_py_spy(*lines: int) -> Episode:
    """Samples of a dump at these lines, in none of which the loop's thread had the interpreter lock."""
    found = episode(PROMPT, seen=False)
    for line in lines:
        frames = (Frame("/app.py", line, "f", project=True),)
        found.add(Taken(60 * MS, "py-spy", exact=True, frames=frames, owns_gil=False))
    return found


def test_who_computes_without_the_lock_does_so_in_c_code() -> None:
    assert kind(seen_by_py_spy(1), cpu=0.29) is StallKind.NATIVE_CPU
    assert kind(seen_by_py_spy(1, 2), cpu=0.29) is StallKind.NATIVE_CPU


def test_a_single_moment_without_the_lock_is_not_enough_for_one_who_goes_on() -> None:
    """As imports do, which read files in between."""
    found = seen_by_py_spy(1)
    found.add(Taken(90 * MS, "in-process", exact=True, frames=(Frame("/app.py", 2, "f", project=True),)))
    assert kind(found, cpu=0.29) is StallKind.PYTHON_CPU
