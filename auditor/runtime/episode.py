"""One stall in the making: what has been seen of it so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from auditor.model import Frame, GilUse, SampleSource
from auditor.runtime.clock import MILLISECOND
from auditor.runtime.frames import Driver, blamed, in_selector
from auditor.runtime.loops import Key, Late, WatchedLoop
from auditor.runtime.proc import UNKNOWN, Sched

PROMPT = 20 * MILLISECOND
"""A thread that wants the interpreter lock gets it within some switch intervals of 5 ms, unless C code keeps it."""
TRIES = 4
"""A thread that waits for the interpreter lock wakes up every switch interval, and one that waits for the CPU does
not: one that was late and has run less often than this had no CPU, and nobody need have held the lock."""


@dataclass(slots=True)
class Taken:
    """A stack of the loop's thread. ``callback`` names what the loop was running, in-process samples only."""

    at: int
    source: SampleSource
    exact: bool
    frames: tuple[Frame, ...]
    task: str = ""
    coroutines: tuple[Frame, ...] = ()
    callback: int = 0
    owns_gil: bool | None = None
    culprit: str = ""
    culprit_frames: tuple[Frame, ...] = ()
    route: str = ""
    site: Frame | None = None


@dataclass(slots=True)
class Question:
    """A sample asked of the process itself; ``answered`` is when it was taken, or 0.

    ``asking`` and ``loop`` are the clocks of the thread that answers, and of the loop's, when it was asked;
    ``locked`` is how long the answer has had to wait for the interpreter lock.
    """

    asked: int
    asking: Sched = UNKNOWN
    loop: Sched = UNKNOWN
    answered: int = 0
    locked: int = 0
    doubtful: bool = False
    """Whether the answer may have had to wait for the lock at all, so that it may be after the fact."""

    def wait(self, until: int, asking: Sched, loop: Sched) -> None:
        """Note how much of the time up to ``until`` was waiting for the lock, not for the CPU."""
        self.locked = until - self.asked
        self.doubtful = not asking.known or not self.asking.known or asking.slices - self.asking.slices > 1
        if asking.known and self.asking.known:
            if asking.slices - self.asking.slices < TRIES:
                self.locked = 0
            elif loop.known and self.loop.known:
                self.locked = max(0, self.locked - (loop.queued - self.loop.queued))


@dataclass(slots=True)
class Episode:
    """A busy period that may become a stall. Times are nanoseconds of the monotonic clock."""

    number: int
    loop: WatchedLoop
    key: Key
    since: int
    opened: int
    asleep: bool
    sched: Sched
    collected: int
    driver: Driver | None
    late_count: int
    taken: list[Taken] = field(default_factory=list)
    questions: dict[int, Question] = field(default_factory=dict)
    dumps: int = 0
    next_question: int = 0
    next_dump: int = 0
    next_report: int = 0
    stopped: int = 0
    traced: bool = False
    idle: bool = True
    """Whether the thread has only been seen waiting for events, in an episode that began asleep."""
    running: bool = True
    waiting: bool = False
    """Whether its thread has been seen asleep in anything but the wait for events: whoever waits for the CPU is not."""
    elsewhere: bool = False
    """Whether it surely was, from one look to the next."""
    slept: int = 0
    """For how long that surely was, in ns."""
    doubted: int = 0
    """When the latest answer came that had waited for the interpreter lock."""
    latest: Sched = UNKNOWN
    """Its clocks as they were last known."""
    slices: int = -1
    """How often it had got the CPU when it was last seen asleep, or -1."""
    overslept: int = 0
    """How long the watcher itself did not get to run meanwhile."""
    locked: int = 0
    """How long a watcher on a thread waited for the interpreter lock."""
    changed: int = 0
    """When the watcher saw that it was over, or 0."""
    changed_since: int = 0
    late: Late | None = None
    end_sched: Sched | None = None
    end_collected: int = 0
    exited: bool = False

    def best(self) -> Taken | None:
        """The sample to show: an exact one at the place where most exact ones are, preferably one with a task."""
        exact = [taken for taken in self.taken if taken.exact]
        if not exact:
            return self.taken[0] if self.taken else None
        votes = Counter(_place(taken.site) for taken in exact)
        place, _ = votes.most_common(1)[0]
        there = [taken for taken in exact if _place(taken.site) == place]
        return next((taken for taken in there if taken.source == "py-spy"), there[0])

    @property
    def stands(self) -> bool:
        """Whether all samples show the same line: one that goes on was only kept from running now and then."""
        return (
            len({(taken.frames[0].path, taken.frames[0].line) for taken in self.taken if taken.frames}) <= 1
        )

    @property
    def waits_for_events(self) -> bool:
        """Whether all samples show the loop itself, with no callback to run."""
        return bool(self.taken) and all(
            in_selector(taken.frames)
            or (self.driver is not None and self.driver.is_bare(taken.frames) and not self.elsewhere)
            for taken in self.taken
        )

    def add(self, taken: Taken) -> None:
        """Keep the sample; the first and the latest ones when there are many."""
        if self.asleep:
            self.taken.append(taken)  # the loop itself waits: for the lock, or for the CPU
            return
        if self.driver is not None and not self.driver.runs(taken.frames):
            self.running = False
            return
        self.running = True
        taken.site = blamed(taken.frames, self.driver)
        self.taken.append(taken)
        if len(self.taken) > 16:
            del self.taken[8]

    def gil(self, end: int, queued: int) -> GilUse:
        """Whether C code kept the interpreter lock: for much of the time the process could not answer a question.

        ``queued``: for how long the loop's thread had no CPU meanwhile.
        """
        longest = max([*(question.locked for question in self.questions.values()), self.locked], default=0)
        if longest >= max(PROMPT, (end - self.opened - queued) * 2 // 5):
            return "held"
        prompt = any(question.answered and question.locked < PROMPT for question in self.questions.values())
        return "released" if prompt and not self.locked else "unknown"


def _place(frame: Frame | None) -> tuple[str, int] | None:
    return (frame.path, frame.line) if frame else None
