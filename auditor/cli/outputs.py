"""Where reports go: ``-o [FORMAT:]DEST``, any number of times."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, TextIO

from auditor.cli import replacing
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


class Captured(io.StringIO):
    """Takes text in place of a stream, whose encoding and kind it has."""

    def __init__(self, encoding: str, *, terminal: bool = False) -> None:
        super().__init__(newline="")
        self._encoding = encoding
        self._terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


def write(output: Output, render: Callable[[TextIO], None]) -> str | None:
    """Render to the destination; a file changes as a whole or not at all. Returns the text, if it was text alone."""
    if output.destination == STDOUT:
        if sys.platform == "win32" and sys.stdout.isatty():
            render(sys.stdout)  # older consoles are not written to, but painted
            sys.stdout.flush()
            return None
        text = _rendered(render, sys.stdout.encoding, terminal=sys.stdout.isatty())
        sys.stdout.write(text)
        sys.stdout.flush()
        return text
    text = _rendered(render, "utf-8")
    path = os.path.realpath(output.destination)
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "w", encoding="utf-8", newline="\n") as file:  # a pipe or a device
                file.write(text)
        else:
            replacing.write(path, text)
    except OSError as error:
        raise UsageError(
            f"-o: {output.destination} cannot be written ({error.strerror}); name another file"
        ) from error
    return text


def _rendered(render: Callable[[TextIO], None], encoding: str, *, terminal: bool = False) -> str:
    out = Captured(encoding, terminal=terminal)
    render(out)
    return out.getvalue()
