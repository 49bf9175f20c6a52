"""Contexts as small ints: which thread, what loop, which phase; and how calls change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.model import Loop, Phase, Thread

if TYPE_CHECKING:
    from auditor.catalog.values import ContextChange

THREADS: Final = tuple(Thread)
LOOPS: Final = tuple(Loop)
PHASES: Final = tuple(Phase)
_LOOP_STEP: Final = len(PHASES)
_THREAD_STEP: Final = len(PHASES) * len(LOOPS)

COUNT: Final = len(THREADS) * _THREAD_STEP
"""How many contexts there are."""
Context = int
"""thread * 24 + loop * 6 + phase, each by its position in the enumeration of `auditor.model`."""


def context(thread: Thread, loop: Loop, phase: Phase) -> Context:
    """The number of a triple."""
    return THREADS.index(thread) * _THREAD_STEP + LOOPS.index(loop) * _LOOP_STEP + PHASES.index(phase)


def thread_of(number: Context) -> Thread:
    return THREADS[number // _THREAD_STEP]


def loop_of(number: Context) -> Loop:
    return LOOPS[number % _THREAD_STEP // _LOOP_STEP]


def phase_of(number: Context) -> Phase:
    return PHASES[number % _LOOP_STEP]


class Transform:
    """How the context of a caller becomes that of what it calls, schedules or hands over.

    ``apply`` gives None where the step does not happen in that context.
    """

    __slots__ = ("_known", "_needs_loop", "_no_loop_only", "change", "drives", "relative", "task")

    def __init__(
        self,
        change: ContextChange | None = None,
        *,
        needs_loop: bool = False,
        drives: bool = False,
        relative: bool = False,
        task: bool = False,
    ) -> None:
        self.change = change
        self._needs_loop = needs_loop  # a coroutine called where no loop runs is made, not run
        self.drives = drives  # opens a loop and runs a coroutine on it
        self.relative = relative  # runs later on the caller's loop
        self.task = task  # outlives its caller
        self._known: dict[Context, Context | None] = {}

    def apply(self, before: Context) -> Context | None:
        """The context afterwards."""
        try:
            return self._known[before]
        except KeyError:
            after = self._known[before] = self._compute(before)
            return after

    def _compute(self, before: Context) -> Context | None:
        thread, loop, phase = thread_of(before), loop_of(before), phase_of(before)
        change = self.change
        if self._needs_loop and loop in (Loop.NONE, Loop.UNKNOWN):
            return None
        if self.drives:
            if loop in (Loop.SERVING, Loop.PRIVATE):
                return None  # refused at run time: a loop is running already
            driver = Thread.MAIN if thread == Thread.UNKNOWN else thread
            private = driver in (Thread.WORKER, Thread.PROCESS)
            # a program that opens its own loop is a command, until it is seen to serve
            opened: Phase = Phase.CLI if phase == Phase.IMPORT or thread == Thread.UNKNOWN else phase
            if change is not None and change.phase is not None:
                opened = change.phase
            return context(driver, Loop.PRIVATE if private else Loop.SERVING, opened)
        if change is None:
            return before
        new_thread = change.thread if change.thread is not None else thread
        new_loop = change.loop if change.loop is not None else loop
        new_phase = change.phase if change.phase is not None and phase != Phase.TEST else phase
        if self.relative and change.thread is None:
            if loop == Loop.PRIVATE:
                new_loop = Loop.PRIVATE
            if new_thread == Thread.UNKNOWN:
                new_thread = Thread.MAIN
            if new_loop in (Loop.NONE, Loop.UNKNOWN) and change.loop is not None:
                new_loop = change.loop
        if (
            (self.task or self.relative)
            and new_phase in (Phase.IMPORT, Phase.STARTUP)
            and change.phase is None
        ):
            new_phase = Phase.SERVING
        return context(new_thread, new_loop, new_phase)


class Composed(Transform):
    """One transformation after another."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: Transform, second: Transform) -> None:
        super().__init__()
        self._first = first
        self._second = second

    def apply(self, before: Context) -> Context | None:
        between = self._first.apply(before)
        return None if between is None else self._second.apply(between)


ALL: Final = range(len(THREADS) * _THREAD_STEP)
HAS_LOOP: Final = tuple(loop_of(c) in (Loop.SERVING, Loop.PRIVATE) for c in ALL)
"""By context: whether a loop surely runs in this thread, whoever it serves."""

ON_LOOP: Final = tuple(
    loop_of(c) == Loop.SERVING or (loop_of(c) == Loop.PRIVATE and thread_of(c) == Thread.MAIN) for c in ALL
)
"""By context: whether a loop that others wait for runs in this thread meanwhile: blocking here is what users feel.

A private loop on a worker thread, or in another process, serves the one coroutine it was opened for; that of a process
that goes on for ever, or listens, is a serving one.
"""
OFF_LOOP: Final = tuple(
    loop_of(c) == Loop.NONE and thread_of(c) in (Thread.WORKER, Thread.PROCESS) for c in ALL
)
"""Surely on a thread, or in a process, that others started, and no loop runs there."""

ELSEWHERE: Final = 0
LOOP_DOMAIN: Final = 1
THREAD_DOMAIN: Final = 2
MAIN_DOMAIN: Final = 3
DOMAIN: Final = tuple(
    LOOP_DOMAIN
    if ON_LOOP[c]
    else THREAD_DOMAIN
    if OFF_LOOP[c]
    else MAIN_DOMAIN
    if loop_of(c) == Loop.NONE and thread_of(c) == Thread.MAIN
    else ELSEWHERE
    for c in ALL
)
"""What decides which effects are legal: on a serving loop, on a thread without one, on the main thread without one."""

EVERY_DOMAIN: Final = (ELSEWHERE, LOOP_DOMAIN, THREAD_DOMAIN, MAIN_DOMAIN)
IMPORT: Final = context(Thread.MAIN, Loop.NONE, Phase.IMPORT)
CLI: Final = context(Thread.MAIN, Loop.NONE, Phase.CLI)
SYNC_TEST: Final = context(Thread.MAIN, Loop.NONE, Phase.TEST)
ASYNC_TEST: Final = context(Thread.MAIN, Loop.SERVING, Phase.TEST)
SERVING: Final = context(Thread.MAIN, Loop.SERVING, Phase.SERVING)
UNKNOWN: Final = context(Thread.UNKNOWN, Loop.UNKNOWN, Phase.SERVING)
PLAIN: Final = Transform()
COROUTINE: Final = Transform(needs_loop=True)
