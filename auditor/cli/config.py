"""Print the configuration in force for PATH (default: the working directory) and where each value comes from."""

from __future__ import annotations

import argparse
import os
from enum import IntEnum

from auditor.cli import settings
from auditor.cli.errors import UsageError
from auditor.cli.main import OK
from auditor.config import Config, setting_names
from auditor.model import Confidence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("path", nargs="?", default=os.curdir, metavar="PATH", help="file or directory")
    settings.add_arguments(parser)
    settings.add_run_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line a setting."""
    if not os.path.exists(arguments.path):
        raise UsageError(f"no such file or directory: {arguments.path}")
    for line in lines(settings.configuration(arguments, [arguments.path])):
        print(line)
    return OK


def lines(config: Config) -> list[str]:
    """``name = value  # where from`` for every setting, after the project's directory and file."""
    sources = dict(config.sources)
    shown = [(name, _show(getattr(config, name.replace("-", "_")))) for name in setting_names()]
    width = min(max(len(f"{name} = {value}") for name, value in shown), 48)
    heading = [f"# project: {config.root}", f"# settings: {config.settings_file or 'no file; defaults hold'}"]
    return heading + [
        f"{f'{name} = {value}':{width}}  # {sources.get(name, 'default')}" for name, value in shown
    ]


def _show(value: object) -> str:
    """The value as the settings file would write it."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case Confidence():
            return f'"{value.label}"'
        case IntEnum():
            return f'"{value.name}"'
        case str():
            return _quote(value)
        case (int() as major, int() as minor):
            return f'"{major}.{minor}"'
        case tuple() if value and all(isinstance(item, tuple) for item in value):
            return "{ " + ", ".join(f"{_quote(key)} = {_show(entry)}" for key, entry in value) + " }"
        case tuple():
            return "[" + ", ".join(_show(item) for item in value) + "]"
        case _:
            return str(value)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
