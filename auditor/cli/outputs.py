"""Where reports go: ``-o [FORMAT:]DEST``, any number of times."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TextIO

from auditor.cli.errors import UsageError
from auditor.reporters import FORMATS
from auditor.tables import did_you_mean

STDOUT = "-"
DEFAULT_FORMAT = "full"
_BY_SUFFIX = {"htm": "html", "md": "markdown", "txt": "full", "xml": "junit"}


class Output(NamedTuple):
    """One report to write; ``destination`` is a path, or ``-`` for standard output."""

    format: str
    destination: str


def parse(values: Sequence[str]) -> tuple[Output, ...]:
    """The outputs asked for, every problem with them reported at once."""
    problems: list[str] = []
    outputs: dict[str, Output] = {}
    for value in values or (DEFAULT_FORMAT,):
        try:
            output = _parse_one(value)
            _check_destination(output.destination)
        except UsageError as error:
            problems += error.problems
            continue
        where = output.destination if output.destination == STDOUT else os.path.abspath(output.destination)
        if where in outputs:
            target = "standard output" if where == STDOUT else output.destination
            problems.append(f"-o {value}: {target} already takes the {outputs[where].format} report")
        outputs[where] = output
    if problems:
        raise UsageError(*problems)
    return tuple(outputs.values())


def _parse_one(value: str) -> Output:
    if value in FORMATS:
        return Output(value, STDOUT)
    name, colon, destination = value.partition(":")
    if colon and name in FORMATS:
        return Output(name, destination or STDOUT)
    suffix = os.path.splitext(value)[1].removeprefix(".").lower()
    guessed = suffix if suffix in FORMATS else _BY_SUFFIX.get(suffix)
    if guessed is not None and not (colon and name.isalpha() and len(name) > 1):
        return Output(guessed, value)
    raise UsageError(f"-o {value}: unknown output format {name!r}; {did_you_mean(name, FORMATS)}")


def _check_destination(destination: str) -> None:
    if destination == STDOUT:
        return
    directory = os.path.dirname(os.path.abspath(destination))
    if os.path.isdir(destination):
        raise UsageError(f"-o: {destination} is a directory; name a file in it")
    if not os.path.isdir(directory):
        raise UsageError(f"-o: there is no directory {directory}; create it first")


def write(output: Output, render: Callable[[TextIO], None]) -> None:
    """Render to the destination; a file changes as a whole or not at all."""
    if output.destination == STDOUT:
        render(sys.stdout)
        sys.stdout.flush()
        return
    try:
        with _replacing(os.path.realpath(output.destination)) as file:
            render(file)
    except OSError as error:
        raise UsageError(
            f"-o: {output.destination} cannot be written ({error.strerror}); name another file"
        ) from error


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[TextIO]:
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        with open(path, "w", encoding="utf-8", newline="\n") as file:  # a pipe or a device
            yield file
        return
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
