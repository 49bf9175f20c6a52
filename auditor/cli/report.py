"""Audit, and write the whole document for people: a page (auditor-report.html) unless told otherwise.

What is found does not change the exit code; that is what `auditor check` is for.
"""

from __future__ import annotations

import argparse
import os
import sys

from auditor.cli import check, gate, outputs, settings
from auditor.cli.main import OK

DEFAULT = "html:auditor-report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="file or directory")
    parser.add_argument(
        "--output-format",
        "-o",
        dest="outputs",
        metavar="[FORMAT:]DEST",
        action="append",
        default=[],
        help=f"html, markdown or any format of `check`, and where to write it (default: {DEFAULT}); repeatable",
    )
    check.add_evidence(parser)
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress, no warnings")
    parser.add_argument(
        "--since",
        metavar="REV",
        help="only what is new since this branch left REV (a branch, tag or commit of git)",
    )
    parser.add_argument(
        "--with-ruff",
        action="store_true",
        help="add what the installed ruff's ASYNC rules say and no rule here does",
    )
    parser.set_defaults(update_baseline=False, verbose=True, statistics=False, timings=False)
    settings.add_arguments(parser)
    settings.add_run_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Audit, and write the reports."""
    destinations = outputs.parse(arguments.outputs or [DEFAULT])
    paths = arguments.paths or [os.curdir]
    config = settings.configuration(arguments, paths)
    report = gate.audited(paths, config, arguments)
    if not arguments.quiet:
        for warning in (*report.warnings, *check.warnings(report, paths)):
            print(f"auditor: warning: {warning}", file=sys.stderr)
    check.write(report, destinations, paths, arguments, config)
    if not arguments.quiet:
        for output in destinations:
            if output.destination != outputs.STDOUT:
                print(f"auditor: {output.destination} written", file=sys.stderr)
    return OK
