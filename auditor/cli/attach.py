"""Watch the event loops of a process that runs already; it needs no change and no restart. Linux only."""

from __future__ import annotations

import argparse
import signal
from typing import TYPE_CHECKING, Any

from auditor.cli.errors import UsageError
from auditor.cli.main import OK
from auditor.cli.monitor import Screen, add_watch_arguments, watch_settings

if TYPE_CHECKING:
    from auditor.model import Stall


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("pid", type=int, metavar="PID", help="process id")
    add_watch_arguments(parser)
    parser.add_argument("--seconds", type=float, default=0.0, metavar="S", help="end after S seconds")


def run(arguments: argparse.Namespace) -> int:
    """Watch until the process ends, the time is up or somebody interrupts."""
    given = watch_settings(arguments)

    from auditor.runtime import record
    from auditor.runtime.attach import Attached, AttachError
    from auditor.runtime.view import View
    from auditor.runtime.watcher import Settings

    def emit(stall: Stall) -> None:
        screen.hear(records.write(stall))

    def status(message: dict[str, Any]) -> None:
        screen.hear(message)

    records = record.Records()
    records.update([(given["record"], given["threshold"])] if given["record"] else [])
    settings = Settings(given["threshold"], given["ongoing"])
    try:
        attached = Attached(arguments.pid, settings, emit, status)
        attached.find()
    except AttachError as error:
        raise UsageError(str(error)) from None
    screen = Screen(
        View(given["threshold"]), live=not arguments.plain and not arguments.quiet, quiet=arguments.quiet
    )

    def stop(*_: object) -> None:
        attached.stopped = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, stop)
    if arguments.seconds > 0:
        signal.setitimer(signal.ITIMER_REAL, arguments.seconds)
    try:
        attached.run()
    finally:
        screen.close()
        records.update([])
    return OK
