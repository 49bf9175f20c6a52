"""Options that change the configuration, for the commands that audit."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from auditor.cli.parsing import comma_separated
from auditor.config import Config, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what overrides the settings file."""
    group = parser.add_argument_group("settings (each overrides the settings file)")
    group.add_argument(
        "--select", metavar="CODE,...", action="append", help="rules to use: codes, prefixes, names, ALL"
    )
    group.add_argument("--ignore", metavar="CODE,...", action="append", help="rules to leave out")
    group.add_argument(
        "--preview", action=argparse.BooleanOptionalAction, default=None, help="use preview rules too"
    )
    group.add_argument(
        "--min-severity", metavar="LEVEL", help="report nothing below MONITOR, MEDIUM, HIGH or CRITICAL"
    )
    group.add_argument("--min-confidence", metavar="LEVEL", help="report nothing below low, medium or high")
    group.add_argument(
        "--exclude", metavar="PATTERN,...", action="append", help="files and directories to skip"
    )
    group.add_argument(
        "--fail-on", metavar="LEVEL", help="least severity that makes the exit code 1 (default: MEDIUM)"
    )
    group.add_argument("--min-score", metavar="N", help="make it 1 below this score as well (1 to 10)")
    group.add_argument("--baseline", metavar="FILE", help="known exposures, which do not count")
    group.add_argument(
        "--respect-noqa",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="honour comments such as `# noqa: ASYNC251`",
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what concerns this run and this machine only."""
    group = parser.add_argument_group("running")
    group.add_argument(
        "--jobs", "-j", metavar="N", help="processes to use (0, the default, decides by itself)"
    )
    group.add_argument(
        "--no-cache", dest="cache", action="store_false", default=None, help="do not use the cache"
    )
    group.add_argument("--cache-dir", metavar="DIR", help="where the cache lies")


def configuration(
    arguments: argparse.Namespace, paths: Sequence[str], overlay: tuple[tuple[str, bytes], ...] = ()
) -> Config:
    """The configuration that holds for ``paths``, with the options given."""
    overrides: dict[str, object] = {}
    for option in ("select", "ignore", "exclude"):
        given = getattr(arguments, option, None)
        if given is not None:
            overrides[option] = [word for value in given for word in comma_separated(value)]
    for option in (
        "preview",
        "min_severity",
        "min_confidence",
        "fail_on",
        "baseline",
        "respect_noqa",
        "cache",
        "cache_dir",
    ):
        given = getattr(arguments, option, None)
        if given is not None:
            overrides[option.replace("_", "-")] = given
    for option in ("min_score", "jobs"):
        given = getattr(arguments, option, None)
        if given is not None:
            overrides[option.replace("_", "-")] = _number(given)
    if overlay:
        overrides["overlay"] = overlay
    return load(_common_directory(paths), overrides)


def _number(text: str) -> int | float | str:
    """The number, or the text itself, which the configuration then refuses in its own words."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _common_directory(paths: Sequence[str]) -> str:
    try:
        return os.path.commonpath([os.path.abspath(path) for path in paths])
    except ValueError:  # no path, or several drives
        return os.path.abspath(paths[0] if paths else os.curdir)
