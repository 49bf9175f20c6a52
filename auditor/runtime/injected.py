"""What `auditor monitor` does inside of the program that it runs: every loop is watched from its first run on."""

from __future__ import annotations

import atexit
import os
from typing import Any

from auditor.runtime import hooks
from auditor.runtime.engine import Subscriber, engine
from auditor.runtime.ran import Ran

_watched_pid = 0


def begin(settings: dict[str, Any]) -> None:
    """Watch loops that begin to run, here and in processes forked from this one; until then nothing is started."""

    def subscribe() -> None:
        global _watched_pid  # noqa: PLW0603 - the state of the process
        if _watched_pid == os.getpid():
            return
        _watched_pid = os.getpid()
        engine.subscribe(
            Subscriber(
                settings["threshold"],
                lambda _: None,
                ongoing=settings["ongoing"],
                record=settings["record"],
                live=settings["live"],
            )
        )

    hooks.put_on(subscribe)
    if settings["record"]:
        ran = Ran(settings["record"])
        if ran.start():
            atexit.register(ran.stop)
