"""Runs git: no hook or filter of the repository has a say, and nothing heavy is imported for it."""

from __future__ import annotations

import os
import sys


def run(directory: str, arguments: tuple[str, ...]) -> tuple[bytes, str] | None:
    """Output and messages of git; None where it is missing or refuses.

    Variables that a hook's git sets would point it at another index. ``core.fsmonitor`` names a program to run.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(("GIT_CONFIG", "GIT_CEILING"))
    }
    environment["LC_ALL"] = "C"
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", directory, "-c", "core.fsmonitor=false", *arguments]
    if sys.platform == "win32":
        return _run_anywhere(command, environment)
    return _run_posix(command, environment)


def _run_anywhere(command: list[str], environment: dict[str, str]) -> tuple[bytes, str] | None:
    import subprocess

    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout, os.fsdecode(done.stderr)


def _run_posix(command: list[str], environment: dict[str, str]) -> tuple[bytes, str] | None:
    """As above without importing subprocess, which costs as much time as git itself."""
    outputs, errors = os.pipe(), os.pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, outputs[1], 1),
        (os.POSIX_SPAWN_DUP2, errors[1], 2),
    ]
    try:
        process = os.posix_spawnp(command[0], command, environment, file_actions=actions)
    except OSError:
        for descriptor in (*outputs, *errors):
            os.close(descriptor)
        return None
    os.close(outputs[1])
    os.close(errors[1])
    output, messages = _drain(outputs[0], errors[0])
    _, status = os.waitpid(process, 0)
    return (output, os.fsdecode(messages)) if os.waitstatus_to_exitcode(status) == 0 else None


def _drain(*descriptors: int) -> list[bytes]:
    import select

    received: dict[int, list[bytes]] = {descriptor: [] for descriptor in descriptors}
    waiting = list(descriptors)
    while waiting:
        for descriptor in select.select(waiting, (), ())[0]:
            data = os.read(descriptor, 1 << 20)
            if data:
                received[descriptor].append(data)
            else:
                waiting.remove(descriptor)
                os.close(descriptor)
    return [b"".join(received[descriptor]) for descriptor in descriptors]
