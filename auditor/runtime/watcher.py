"""Watches the loops of one process and turns busy periods that last too long into `Stall` values.

It is driven from outside by ``step``, a few hundred times a second at most, and runs as well in a process of its own
(the sentinel, ``auditor attach``) as on a thread of the watched process (where py-spy may not look).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from auditor.model import Stall, StallKind, StallState
from auditor.runtime import onlook, proc
from auditor.runtime.classify import classify
from auditor.runtime.clock import MILLISECOND, SECOND, Clocks
from auditor.runtime.dumps import Dumps, taken_of
from auditor.runtime.episode import PROMPT, TRIES, Episode, Question, Taken
from auditor.runtime.frames import Driver, Sources
from auditor.runtime.loops import Look, WatchedLoop
from auditor.runtime.outcome import Outcome, stall_of, times_of

GRACE = 60 * MILLISECOND
"""How long the end of a stall may take to become known: the next beat, an answer, a dump under way."""
DUMP_GRACE = 300 * MILLISECOND
FIRST_ANSWER = SECOND
"""How long the report of an endless stall waits for the process to answer what it does."""
FIRST_SAMPLE = 5 * SECOND
"""How long it waits for py-spy, which on a busy machine needs some time to start."""
MOST_QUESTIONS = 12
LEAST_PAUSE, MOST_PAUSE = 0.002, 0.05
"""Seconds between two looks while no loop stands still."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds. ``ongoing``: how long a stall lasts when it is reported for the first time without having ended."""

    threshold: float = 0.1
    ongoing: float = 5.0

    @property
    def poll(self) -> float:
        """How often to look at a loop that stands still: a fifth of the threshold, from 2 to 20 ms."""
        return min(0.02, max(0.002, self.threshold / 5))


class Loops(Protocol):
    """The loops of a process, and the time it has spent collecting garbage."""

    def __call__(self) -> list[Any]: ...

    def collected(self, now: int) -> int: ...


Ask = Callable[[int, WatchedLoop], None]
"""Asks the process for a sample of a loop under a number; the answer comes by `Watcher.answer`, sooner or later."""


class Watcher:
    """The episodes under way, and how they begin, are sampled, end and are reported."""

    def __init__(
        self,
        pid: int,
        settings: Settings,
        loops: Loops,
        emit: Callable[[Stall], None],
        *,
        ask: Ask | None = None,
        dumps: Dumps | None = None,
        inside: bool = False,
        since: int = 0,
    ) -> None:
        self.pid = pid
        self.settings = settings
        self.dismissed = 0
        """Busy periods that turned out to be none."""
        self._loops = loops
        self._emit = emit
        self._ask = ask
        self._dumps = dumps
        self._sources = Sources()
        self._open: dict[int, Episode] = {}
        self._closing: list[Episode] = []
        self._numbers = itertools.count(1)
        self._late: dict[tuple[int, int], tuple[int, int]] = {}
        self._last_step = 0
        self._elapsed = 0
        self.looked = 0
        """When the last finished step began."""
        self._first_step = 0
        self._pause = 0
        self._soonest = 0
        """In how many ns from the last look some loop can have been busy for long enough to be suspected."""
        self._since = since or Clocks.monotonic_ns()
        self._inside = inside
        self.retired = False
        """Whether somebody else has taken over, so that only what has ended before is still to be reported."""
        self._handed: list[tuple[int, Taken]] = []
        self.answers = 0
        """Native id of the thread that answers questions, or 0."""
        self._switches = 0
        self._late_step = False
        """Whether this step may come late for want of the interpreter lock, so that what it sees is after the fact."""
        self._waited = False
        """Whether it surely does."""

    # ------------------------------------------------------------ one step

    def step(self, now: int) -> None:
        """Look at all loops, go on with what is under way."""
        self._elapsed = now - (self._last_step or now)
        overslept = self._elapsed - self._pause if self._last_step else 0
        self._last_step = now
        self._first_step = self._first_step or now
        switches = proc.own_switches() if self._inside else 0
        tries = switches - self._switches if switches >= 0 else TRIES
        self._late_step = self._inside and overslept > PROMPT and tries > 1
        self._waited = self._late_step and tries >= TRIES
        suspicious = int(self.settings.threshold * SECOND / 2)
        loops = self._loops()
        self._soonest = suspicious
        for loop in loops:
            look = loop.look(now)
            if look is not None:
                self._soonest = min(self._soonest, suspicious - look.stale)
            episode = self._open.get(loop.number)
            if episode is not None and (look is None or look.key != episode.key):
                self._end(episode, now, look)
                episode = None
            if episode is None and look is not None and look.stale >= suspicious and not self.retired:
                episode = self._begin(loop, look, now)
            if episode is not None:
                if overslept > 5 * MILLISECOND:
                    self._lost_time(episode, overslept)
                self._go_on(episode, now)
            self._note_late(loop, now)
        gone = self._open.keys() - {loop.number for loop in loops}
        for number in gone:
            self._end(self._open[number], now, None)
        self._take_dump()
        for episode in [episode for episode in self._closing if self._settled(episode, now)]:
            self._closing.remove(episode)
            self._finish(episode, now)
        self._switches = proc.own_switches() if self._inside else 0
        self.looked = now

    def pause(self, most: float = MOST_PAUSE) -> float:
        """Seconds until the next step should come: while nothing is under way, when something can be at the soonest."""
        dumping = self._dumps is not None and self._dumps.under_way
        seconds = self.settings.poll
        if self._closing or dumping:
            seconds = min(seconds, 0.005)
        elif not self._open:
            seconds = max(LEAST_PAUSE, self._soonest / SECOND)
        seconds = min(seconds, most)
        self._pause = int(seconds * SECOND)
        return seconds

    @property
    def busy(self) -> bool:
        """Whether something is under way, so that a report may follow."""
        return bool(self._open or self._closing)

    @property
    def settled(self) -> bool:
        """Whether every stall that has ended has been reported."""
        return not self._closing

    def process_exited(self, now: int) -> None:
        """The process is gone: what was under way is all that will ever be known."""
        for episode in [*self._open.values(), *self._closing]:
            if not episode.changed:
                episode.exited = True
                episode.changed = episode.changed_since = now
            self._finish(episode, now)
        self._open.clear()
        self._closing.clear()

    def _lost_time(self, episode: Episode, overslept: int) -> None:
        """The watcher did not run: on a thread for want of the interpreter lock, otherwise for want of the CPU."""
        if self._waited:
            episode.locked += overslept
        else:
            episode.overslept += overslept

    def retire(self, now: int) -> tuple[int, list[tuple[int, Taken]]]:
        """Begin nothing any more; returns since when another watcher is to go on, and the samples to go on with."""
        self.retired = True
        samples = [
            (episode.loop.number, taken) for episode in self._open.values() for taken in episode.taken[-2:]
        ]
        self._open.clear()
        return now, samples

    def take_over(self, since: int, samples: list[tuple[int, Taken]]) -> None:
        """Report what ends from this time on, with these samples of what has begun before."""
        self._since = since
        self._handed = samples

    def without_dumps(self) -> None:
        """Go on with what the process can tell of itself."""
        self._dumps = None

    # ------------------------------------------------------------ an episode

    def _begin(self, loop: WatchedLoop, look: Look, now: int) -> Episode:
        late = loop.late()
        number = next(self._numbers)
        episode = Episode(
            number=number,
            loop=loop,
            key=look.key,
            since=look.since,
            opened=now,
            asleep=look.asleep,
            sched=proc.UNKNOWN,
            collected=self._loops.collected(look.since),
            driver=Driver.of_note(loop.note()),
            late_count=late.number,
            next_report=look.since + int(self.settings.ongoing * SECOND),
        )
        self._open[loop.number] = episode
        if self._inside and not look.asleep:
            self._question(episode, now)  # first of all: whatever reads a file gives the lock away again
        episode.sched = proc.sched(self.pid, loop.native_id)
        return episode

    def _go_on(self, episode: Episode, now: int) -> None:
        if onlook.look(self.pid, episode, self._elapsed) == "stopped":
            return
        if episode.asleep and onlook.waits_for_events(self.pid, episode):
            return
        episode.idle = False
        if now >= episode.next_question and self._ask is not None and len(episode.questions) < MOST_QUESTIONS:
            self._question(episode, now)
        if now >= episode.next_dump and self._dumps is not None and self._dumps.start(now):
            episode.dumps += 1
            seen = any(question.answered for question in episode.questions.values())
            wait = 4.0 * episode.dumps if seen or episode.dumps > 3 else self.settings.threshold
            episode.next_dump = now + int(wait * SECOND)
            episode.traced = episode.traced or proc.traced(self.pid)
        if now >= episode.next_report and episode.running and self._has_looked(episode, now):
            self._report(episode, now, "ongoing")
            episode.next_report = now + 3 * (now - episode.since)

    def _has_looked(self, episode: Episode, now: int) -> bool:
        """Whether enough is known of a stall that lasts to report it."""
        if any(
            not question.answered and now - question.asked < FIRST_ANSWER
            for question in episode.questions.values()
        ):
            return False
        patience = FIRST_SAMPLE if self._dumps is not None else FIRST_ANSWER
        return bool(episode.taken) or now - episode.opened > patience

    def _question(self, episode: Episode, now: int) -> None:
        """Ask the process for a sample, unless it still owes two."""
        count = len(episode.questions)
        gap = self.settings.threshold / 4 * 2 ** max(0, count - 4)
        episode.next_question = now + int(gap * SECOND)
        owed = sum(not question.answered for question in episode.questions.values())
        if owed < 2 and self._ask is not None:
            number = episode.number * 64 + count
            episode.questions[number] = question = Question(now)
            if not self._inside:
                question.asking, question.loop = self._clocks(episode)
            self._ask(number, episode.loop)

    def _clocks(self, episode: Episode) -> tuple[proc.Sched, proc.Sched]:
        """Of the thread that answers questions, and of the loop's."""
        return proc.sched(self.pid, self.answers), proc.sched(self.pid, episode.loop.native_id)

    def _end(self, episode: Episode, now: int, look: Look | None) -> None:
        self._open.pop(episode.loop.number, None)
        episode.changed = now
        episode.changed_since = now
        if look is not None and look.key[1] == 0 and episode.key[1] == 0:
            episode.changed_since = look.since
        elif look is not None and look.key[1] == 1 and look.key[2] > episode.since:
            episode.changed_since = look.key[2]
        late = episode.loop.late()
        if late.number != episode.late_count and late.end > episode.since and look is None:
            episode.late = late
        episode.end_sched = onlook.sched(self.pid, episode)
        episode.end_collected = self._loops.collected(now)
        self._closing.append(episode)

    def _note_late(self, loop: WatchedLoop, now: int) -> None:
        """Learn from a late beat when the stall ended, or that there was one that has not been seen."""
        late = loop.late()
        known, reported = self._late.get((loop.number, loop.generation), (0, 0))
        if late.number == known or late.end < self._since:
            return
        if self.retired and not any(episode.loop is loop for episode in self._closing):
            return
        self._late[loop.number, loop.generation] = (late.number, reported)
        if len(self._late) > 512:
            del self._late[next(iter(self._late))]
        for episode in self._closing:
            if episode.loop is loop and late.end > episode.since and late.start < episode.changed:
                episode.late = episode.late or late
                return
        if loop.number in self._open and late.end > self._open[loop.number].since:
            return
        if late.end - late.start >= self.settings.threshold * SECOND and reported < late.start:
            self._unseen(loop, late.start, late.end, now)

    def _unseen(self, loop: WatchedLoop, start: int, end: int, now: int) -> None:
        """A stall that was over before it was looked at, since the watcher itself had to wait."""
        key = (0, 2, start)
        episode = self._begin(loop, Look(key, start, end - start), now)
        del self._open[loop.number]
        episode.idle = False
        self._lost_time(episode, max(end - max(start, self._first_step), 0))
        episode.changed = episode.changed_since = end
        episode.late = loop.late()
        episode.end_sched, episode.end_collected = episode.sched, self._loops.collected(now)
        if self._ask is not None and not self._dumps:
            number = episode.number * 64
            episode.questions[number] = Question(start)
            episode.key = ()  # whatever is on the stack now is after the fact
            self._closing.append(episode)
            self._ask(number, loop)
        else:
            self._closing.append(episode)

    def _settled(self, episode: Episode, now: int) -> bool:
        """Whether all that can still become known about the end is known."""
        waited = now - episode.changed
        if self._dumps is not None and self._dumps.concerns(episode.opened, episode.changed):
            return waited > DUMP_GRACE
        if episode.loop.beats and episode.late is None:
            return waited > GRACE
        unanswered = any(not question.answered for question in episode.questions.values())
        return not unanswered or waited > GRACE

    # ------------------------------------------------------------ samples

    def answer(self, number: int, taken: Taken, key: tuple[int, ...], running: bool) -> None:
        """A sample that the process has taken of itself; ``key`` is the busy period in which it did."""
        for episode in [*self._open.values(), *self._closing]:
            question = episode.questions.get(number)
            if question is None:
                continue
            question.answered = taken.at
            if not self._inside and taken.at - question.asked >= PROMPT:
                question.wait(taken.at, *self._clocks(episode))
            if key != episode.key and episode.key:
                return
            if question.doubtful:
                episode.doubted = taken.at
            # one that was asked for just before the lock came free is as late as those that had waited for it
            is_late = question.doubtful or taken.at - episode.doubted < PROMPT
            taken.exact = bool(episode.key) and not is_late and not self._late_step
            if running:
                episode.add(taken)
            else:
                episode.running = False
            return

    def _take_dump(self) -> None:
        if self._dumps is None:
            return
        dump = self._dumps.take()
        if dump is None:
            return
        for episode in [*self._open.values(), *self._closing]:
            if not episode.opened <= dump.asked or (episode.changed and episode.changed < dump.asked):
                continue
            taken = taken_of(dump, episode.loop, self._dumps.project)
            if taken is not None:
                taken.exact = not episode.changed or episode.changed > dump.done - 5 * MILLISECOND
                if taken.exact or not episode.taken:
                    episode.add(taken)

    # ------------------------------------------------------------ the report

    def _finish(self, episode: Episode, now: int) -> None:
        if episode.asleep and episode.idle and not episode.stopped and not self._was_queued(episode):
            self.dismissed += 1
            return
        if not episode.running and not episode.taken and not episode.exited:
            self.dismissed += 1
            return
        self._report(episode, now, "process-exited" if episode.exited else "ended")

    def _was_queued(self, episode: Episode) -> bool:
        end = episode.end_sched
        queued = end.queued - episode.sched.queued if end else 0
        return max(queued, episode.overslept) > self.settings.threshold * SECOND / 2

    def _bounds(self, episode: Episode, now: int) -> tuple[int, int]:
        """Start and end, as exactly as the loop has told."""
        if not episode.changed:
            return episode.since, now
        late, start, end = episode.late, episode.since, episode.changed_since
        if late is not None:
            if episode.key[1:2] == (2,) or not episode.key:
                return late.start, late.end
            if start < late.end < end or episode.changed_since == episode.changed:
                end = late.end
        return start, end

    def _report(self, episode: Episode, now: int, state: StallState) -> None:
        start, end = self._bounds(episode, now)
        for number, taken in self._handed:
            if number == episode.loop.number and start <= taken.at <= end and taken not in episode.taken:
                episode.add(taken)
        duration = (end - start) / SECOND
        if duration < self.settings.threshold:
            self.dismissed += 1
            return
        known, _ = self._late.get((episode.loop.number, episode.loop.generation), (0, 0))
        self._late[episode.loop.number, episode.loop.generation] = (known, end)
        sched = episode.end_sched or onlook.sched(self.pid, episode)
        collected = episode.end_collected if episode.changed else self._loops.collected(now)
        times = times_of(episode, duration, episode.changed or now, sched, collected)
        for question in episode.questions.values():
            if not question.answered and end - question.asked >= PROMPT:
                question.wait(end, *self._clocks(episode))
        gil = episode.gil(end, int(times.queued * SECOND))
        kind = classify(episode, times, gil, self.settings.threshold)
        if kind is StallKind.BLOCKING_WAIT and gil == "released" and episode.waits_for_events:
            self.dismissed += 1  # nothing kept it from going on: it was woken late
            return
        outcome = Outcome(start, times, state, kind, gil)
        self._emit(stall_of(episode, outcome, self.pid, self.settings.threshold, self._sources))
