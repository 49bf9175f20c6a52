"""Run a program and watch its event loops: `auditor monitor -- python -m uvicorn app:app`.

The program needs no change; processes that it starts are watched as well. Exits as the program does.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from auditor.cli.errors import UsageError

if TYPE_CHECKING:
    from auditor.runtime.view import View

NOT_FOUND = 127
NOT_EXECUTABLE = 126


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_watch_arguments(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run")


def add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that `auditor attach` has as well."""
    parser.add_argument(
        "--threshold", default="100ms", metavar="TIME", help="report what stands still for TIME (100ms)"
    )
    parser.add_argument(
        "--record", default="", metavar="FILE", help="append each stall to FILE as a line of JSON"
    )
    parser.add_argument(
        "--ongoing",
        default="5s",
        metavar="TIME",
        help="report a stall that has not ended after TIME (5s) while it lasts",
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of a live view")
    parser.add_argument("--quiet", "-q", action="store_true", help="only the summary at the end")


def run(arguments: argparse.Namespace) -> int:
    """Run the command to its end."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise UsageError(
            "no command; write what is to run after --, as in 'auditor monitor -- python app.py'"
        )
    settings = watch_settings(arguments)

    from auditor.runtime.hearing import Hearing
    from auditor.runtime.view import View

    view = View(settings["threshold"])
    screen = Screen(view, live=not arguments.plain and not arguments.quiet, quiet=arguments.quiet)
    hearing = Hearing(screen.hear)
    try:
        code = screen.run(command, _environment({**settings, "live": hearing.path}))
    finally:
        hearing.close()
        screen.close()
    return code


def watch_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds and the absolute path of what was given; refuses what makes no sense before anything is started."""
    from auditor.runtime.clock import parse_duration
    from auditor.runtime.record import Writer

    found: dict[str, Any] = {}
    for name in ("threshold", "ongoing"):
        try:
            found[name] = parse_duration(getattr(arguments, name))
        except ValueError as error:
            raise UsageError(f"--{name}: {error}") from None
    found["record"] = os.path.abspath(arguments.record) if arguments.record else ""
    if found["record"]:
        try:
            Writer(found["record"]).close()
        except OSError as error:
            raise UsageError(f"--record: {arguments.record}: {error.strerror}") from None
    return found


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    import auditor

    package = os.path.dirname(os.path.abspath(auditor.__file__))
    inject = os.path.join(package, "runtime", "inject")
    before = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": inject + (os.pathsep + before if before else ""),
        "AUDITOR_MONITOR": json.dumps({**settings, "home": os.path.dirname(package)}),
    }


class Screen:
    """What the program prints, and what is said of its loops, on one terminal.

    A live view needs the terminal for itself, so there the program's output comes through a terminal of its own and
    scrolls above the view. Otherwise the program writes where it would, and stalls are lines on standard error.
    """

    def __init__(self, view: View, *, live: bool, quiet: bool) -> None:
        self.view = view
        self._quiet = quiet
        self._closed = False
        self._lock = threading.Lock()
        self._live: Any = None
        self._console: Any = None
        if live and sys.stderr.isatty() and sys.stdout.isatty():
            from rich.console import Console
            from rich.live import Live

            self._console = Console(stderr=True)
            self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=4)
            self._live.start()

    def _render(self) -> Any:
        with self._lock:
            return self.view.live(time.monotonic())

    def hear(self, message: dict[str, Any]) -> None:
        """Take in a message of a watched process."""
        with self._lock:
            stall = self.view.hear(message, time.monotonic())
        if stall is not None and self._live is None and not self._quiet:
            from auditor.runtime.view import explain

            for line in explain(stall):
                print(f"auditor: {line}", file=sys.stderr, flush=True)

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """Run a program to its end; what the terminal sends goes to it, other signals are passed on.

        Where no terminal sends any, the program has a process group of its own: what is sent to the group of this
        process then reaches it once, and not twice.
        """
        shared = _in_foreground()
        with _Signals(typed=shared) as signals:
            master, slave = self._terminal()
            try:
                process = subprocess.Popen(
                    command, env=environment, stdout=slave, stderr=slave, process_group=None if shared else 0
                )
            except OSError as error:
                self.close(summary=False)
                print(f"auditor: {command[0]}: {error.strerror or error}", file=sys.stderr)
                return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            finally:
                if slave is not None:
                    os.close(slave)
            signals.pass_on_to(process)
            if master is not None:
                self._pass_on(master)
            code = process.wait()
        return code if code >= 0 else 128 - code

    def _terminal(self) -> tuple[int | None, int | None]:
        if self._live is None:
            return None, None
        import fcntl
        import pty
        import termios

        master, slave = pty.openpty()
        size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        return master, slave

    def _pass_on(self, master: int) -> None:
        """What the program prints, line by line, until its last process has closed its terminal."""
        rest = b""
        while True:
            try:
                data = os.read(master, 1 << 16)
            except OSError:  # how Linux says that the other end is closed
                data = b""
            lines, end, after = (rest + data).rpartition(b"\n")
            if end or not data:
                text = (lines + end + (b"" if data else after)).decode(errors="replace")
                if text:
                    from rich.text import Text

                    self._console.print(Text.from_ansi(text.rstrip("\r\n")))
            rest = after
            if not data:
                os.close(master)
                return

    def close(self, *, summary: bool = True) -> None:
        """Say at the end what there was."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if summary and not self._closed:
            for line in self.view.summary():
                print(f"auditor: {line}", file=sys.stderr)
        self._closed = True


def _in_foreground() -> bool:
    """Whether this process is among those to which its terminal sends what is typed."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


class _Signals:
    """Passes on what would end this process to a program, at the latest when it runs.

    What is ``typed`` on a terminal the program has got from there, too, and decides itself what to do.
    """

    def __init__(self, *, typed: bool) -> None:
        self._typed = {signal.SIGINT, signal.SIGQUIT} if typed else set()
        self._early: list[int] = []
        self._before: dict[int, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _: object) -> None:
        if number in self._typed:
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def pass_on_to(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        while self._early:
            process.send_signal(self._early.pop(0))
