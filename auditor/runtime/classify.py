"""Why a loop stood still, from what was seen of it.

The order asks first what is not the program's doing: would it still have been a stall without the time in which
garbage was collected, or the machine ran something else? Then CPU against waiting, one callback against many.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from auditor.model import GilUse, StallKind
from auditor.runtime.clock import SECOND
from auditor.runtime.episode import Episode
from auditor.runtime.frames import in_debugger

CPU_SHARE = 0.5


class Times(NamedTuple):
    """Seconds of a stall: all of it, on the CPU, ready but queued, collecting garbage."""

    duration: float
    cpu: float
    queued: float
    collecting: float


def classify(episode: Episode, times: Times, gil: GilUse, threshold: float) -> StallKind:
    """The kind of an episode that has lasted at least ``threshold`` seconds."""
    best = episode.best()
    if episode.traced or any(in_debugger(taken.frames) for taken in episode.taken):
        return StallKind.DEBUGGER
    if times.duration - episode.stopped / SECOND < threshold:
        return StallKind.STOPPED
    if times.duration - times.collecting < threshold or times.collecting > times.duration / 2:
        return StallKind.GARBAGE_COLLECTION
    queued = times.queued
    if (
        not episode.waiting
    ):  # the machine itself may not have run: a thread that waits for it looks as one that runs
        queued = max(queued, min(episode.overslept / SECOND, times.duration - times.cpu))
    if queued and times.duration - queued < threshold:
        return StallKind.MACHINE_BUSY
    if _many_callbacks(episode):
        return StallKind.SATURATION
    if best is not None and best.culprit and (gil == "held" or episode.asleep):
        return StallKind.C_CALL
    if times.cpu < CPU_SHARE * (times.duration - queued):
        return StallKind.C_CALL if gil == "held" else _waiting(episode)
    if gil == "held":
        return StallKind.C_CALL
    owned = [taken.owns_gil for taken in episode.taken if taken.owns_gil is not None]
    if (
        owned and not any(owned) and (len(owned) > 1 or episode.stands)
    ):  # one may be a moment that it read a file
        return StallKind.NATIVE_CPU
    return StallKind.PYTHON_CPU if episode.taken else StallKind.UNKNOWN


def _waiting(episode: Episode) -> StallKind:
    return StallKind.BLOCKING_WAIT if episode.taken else StallKind.UNKNOWN


def _many_callbacks(episode: Episode) -> bool:
    """Whether the samples of one turn show different callbacks; for that they need not be exact to the line."""
    callbacks = {taken.callback for taken in episode.taken if taken.callback}
    if len(callbacks) > 2 or (len(callbacks) == 2 and _alternating(episode)):
        return True
    if callbacks or episode.driver is None:
        return False
    roots = {
        (root.path, root.function)
        for taken in episode.taken
        if taken.exact and (root := episode.driver.root(taken.frames)) is not None
    }
    return len(roots) > 2


def _alternating(episode: Episode) -> bool:
    """Two callbacks are many only if neither was there for long."""
    seen = [taken.callback for taken in episode.taken if taken.callback]
    return len(seen) <= 3 and all(one != other for one, other in pairwise(seen))
