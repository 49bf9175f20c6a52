"""What the system tells of a loop's thread each time that a watcher looks at it in an episode."""

from __future__ import annotations

from typing import Literal

from auditor.runtime import proc
from auditor.runtime.episode import Episode


def look(pid: int, episode: Episode, elapsed: int) -> Literal["asleep", "stopped", "other"]:
    """Note in the episode what its thread does, ``elapsed`` ns after the look before."""
    state = proc.state(pid, episode.loop.native_id)
    clocks = proc.sched(pid, episode.loop.native_id)
    if clocks.known:
        episode.latest = clocks
    if state in {"S", "D"}:
        rests = waits_for_events(pid, episode)
        episode.waiting = episode.waiting or not rests
        if clocks.known and clocks.slices == episode.slices:  # it has not run since the last look
            episode.slept += elapsed
            episode.elsewhere = episode.elsewhere or not rests
        episode.slices = clocks.slices
        return "asleep"
    episode.slices = -1
    if state in {"T", "t"}:
        episode.stopped += elapsed
        episode.traced = episode.traced or state == "t"
        return "stopped"
    return "other"


def waits_for_events(pid: int, episode: Episode) -> bool:
    """Whether the loop's thread waits in the system as the loop does that has nothing to do."""
    call, backend = proc.call(pid, episode.loop.native_id), episode.loop.backend
    if call is None:
        return episode.asleep
    if backend < 0:  # its selector is no descriptor
        return call.name in {"poll", "select"}
    return call.name != "other" and call.descriptor == backend


def sched(pid: int, episode: Episode) -> proc.Sched:
    """The clocks of the loop's thread; as last seen, when the thread has ended with its loop."""
    clocks = proc.sched(pid, episode.loop.native_id)
    return clocks if clocks.known else episode.latest
