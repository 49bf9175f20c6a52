"""What Linux tells about the threads of another process. Elsewhere every answer is "unknown"."""

from __future__ import annotations

import os
import platform
import sys
from typing import NamedTuple

if sys.platform == "linux":
    import resource

SECOND = 1_000_000_000

WAITS = {
    "x86_64": {232: "epoll", 281: "epoll", 441: "epoll", 7: "poll", 271: "poll", 23: "select", 270: "select"},
    "aarch64": {22: "epoll", 441: "epoll", 73: "poll", 72: "select"},
}.get(platform.machine(), {})
"""System calls that wait for events, by number: epoll_wait, epoll_pwait(2); poll, ppoll; select, pselect6."""


class Sched(NamedTuple):
    """Nanoseconds that a thread has run, and that it was ready but had to queue, and how often it got the CPU.

    ``known`` is false where the system does not tell.
    """

    ran: int
    queued: int
    slices: int
    known: bool = True


UNKNOWN = Sched(0, 0, 0, known=False)


class Call(NamedTuple):
    """The system call that a thread sleeps in: ``epoll``, ``poll``, ``select``, ``other``, or ``running``."""

    name: str
    descriptor: int


def sched(pid: int, thread: int) -> Sched:
    """From ``/proc/PID/task/TID/schedstat``."""
    try:
        ran, queued, slices = _read(f"/proc/{pid}/task/{thread}/schedstat").split()
        return Sched(int(ran), int(queued), int(slices))
    except (OSError, ValueError):
        return UNKNOWN


def own_switches() -> int:
    """How often this thread has waited for something so far; -1 where the system does not tell."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw if sys.platform == "linux" else -1


def state(pid: int, thread: int) -> str:
    """Of a thread: ``T`` stopped, ``t`` traced, ``Z`` dead, ``R`` running or ready to, ``S`` asleep, ``D`` asleep
    on a disk ...; empty when it is gone or unknown.
    """
    try:
        return _read(f"/proc/{pid}/task/{thread}/stat").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def traced(pid: int) -> bool:
    """Whether a debugger such as gdb is attached."""
    try:
        text = _read(f"/proc/{pid}/status")
    except OSError:
        return False
    return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in text.splitlines())


def is_closed(pid: int) -> bool:
    """Whether the system refuses this process to look into that one, as ptrace would."""
    try:
        os.readlink(f"/proc/{pid}/exe")
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def call(pid: int, thread: int) -> Call | None:
    """What the thread waits in, from ``/proc/PID/task/TID/syscall``; nothing where that may not be read."""
    try:
        words = _read(f"/proc/{pid}/task/{thread}/syscall").split()
        if words[0] == "running":
            return Call("running", -1)
        number = int(words[0])
        return Call(WAITS.get(number, "other"), int(words[1], 16) if number >= 0 else -1)
    except (OSError, IndexError, ValueError):
        return None


def threads(pid: int) -> list[int]:
    """Native ids of the threads of a process."""
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()
