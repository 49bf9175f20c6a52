"""What became of an episode: the times of it, and the `Stall` that is reported."""

from __future__ import annotations

from typing import NamedTuple

from auditor.model import Frame, GilUse, Stall, StallKind, StallSample, StallState
from auditor.runtime.classify import Times
from auditor.runtime.clock import SECOND, Clocks
from auditor.runtime.episode import Episode
from auditor.runtime.frames import Sources, deepest_project
from auditor.runtime.proc import Sched

NO_TRACE = "no sample was taken in time"
LATE_LINE = "after the fact: the line may be the next one"


class Outcome(NamedTuple):
    """``start`` in ns of the monotonic clock."""

    start: int
    times: Times
    state: StallState
    kind: StallKind
    gil: GilUse


def times_of(episode: Episode, duration: float, end: int, sched: Sched, collected: int) -> Times:
    """How an episode of ``duration`` seconds was spent; the clocks are those at its ``end``, in ns."""
    before = min(duration, (episode.opened - episode.since) / SECOND)
    watched = max(end - episode.opened, 1) / SECOND
    cpu = (sched.ran - episode.sched.ran) / SECOND
    queued = (sched.queued - episode.sched.queued) / SECOND
    slept = episode.slept / SECOND
    if 4 * watched > before:  # before it was watched, most likely the same
        cpu += before * min(cpu / watched, 1.0)
        queued += before * min(queued / watched, 1.0)
        slept += before * min(slept / watched, 1.0)
    if episode.late is not None:
        cpu = episode.late.cpu / SECOND
    if episode.stands:  # Linux 6.12 and newer may count a sleeper as queued
        queued = min(queued, duration - cpu - slept)
    queued = min(queued, duration - cpu)
    collecting = (collected - episode.collected) / SECOND
    return Times(
        duration,
        min(duration, max(cpu, 0.0)),
        min(duration, max(queued, 0.0)),
        min(duration, max(collecting, 0.0)),
    )


def stall_of(episode: Episode, outcome: Outcome, pid: int, threshold: float, sources: Sources) -> Stall:
    """What is told of it; ``threshold`` in seconds."""
    start, times, state, kind, gil = outcome
    best = episode.best()
    frames: tuple[Frame, ...] = best.frames if best else ()
    frame = best.site if best else None
    culprit = ""
    if kind is StallKind.C_CALL and best is not None and best.culprit:
        culprit, frames = best.culprit, best.culprit_frames
        frame = deepest_project(frames) or (frames[0] if frames else None)
    told = next((taken for taken in reversed(episode.taken) if taken.task or taken.route), None)
    loop_note = episode.loop.note()
    return Stall(
        id=f"{pid}-{episode.loop.number}-{start}",
        pid=pid,
        loop=str(loop_note.get("loop", "")),
        thread=str(loop_note.get("thread", "")),
        start=Clocks.wall() - (Clocks.monotonic_ns() - start) / SECOND,
        duration=times.duration,
        state=state,
        kind=kind,
        gil=gil,
        cpu=times.cpu,
        queued=times.queued,
        collecting=times.collecting,
        threshold=threshold,
        site=sources.site(frame) if frame is not None else None,
        frames=frames,
        task=told.task if told else "",
        coroutines=told.coroutines if told else (),
        culprit=culprit,
        samples=tuple(
            StallSample((taken.at - start) / SECOND, taken.source, taken.exact, _where(taken.site))
            for taken in episode.taken
        ),
        route=told.route if told else "",
        note=NO_TRACE if best is None else "" if best.exact else LATE_LINE,
    )


def _where(frame: Frame | None) -> str:
    return f"{frame.path}:{frame.line} {frame.function}" if frame else ""
