"""Say in which contexts the code at PATH:LINE runs and by which path, and what it reaches."""

from __future__ import annotations

import argparse

from auditor.cli import settings
from auditor.cli.errors import UsageError
from auditor.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("place", metavar="PATH:LINE", help="a line of a file; a column after it is ignored")
    settings.add_run_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation."""
    path, line = place(arguments.place)
    config = settings.configuration(arguments, [path])
    from auditor.audit import explain  # only now: wrong settings should not wait for it

    print(explain(path, line, config).rstrip("\n"))
    return OK


def place(text: str) -> tuple[str, int]:
    """``PATH:LINE`` or ``PATH:LINE:COLUMN``, as reports print it."""
    path, _, last = text.rpartition(":")
    before, _, middle = path.rpartition(":")
    if before and middle.isdecimal() and last.isdecimal():
        path, last = before, middle
    if not path or not last.isdecimal() or int(last) < 1:
        raise UsageError(f"{text!r} is no PATH:LINE; give a line number of 1 or more, as in app/views.py:12")
    return path, int(last)
