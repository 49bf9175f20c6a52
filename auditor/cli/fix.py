"""``--fix`` and ``--diff``: carry out the fixes of an audit, or show what they would do."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.cli.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from auditor.config import Config
    from auditor.fixes.rounds import Mended, Overlay
    from auditor.model import Fix, Report, Severity

    Audit = Callable[[Config], Report]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("fixes")
    group.add_argument("--fix", action="store_true", help="carry out safe fixes, and report what is left")
    group.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="with --fix or --diff: also those that may change what the program does",
    )
    group.add_argument("--diff", action="store_true", help="change nothing, and print what --fix would do")


def check(arguments: argparse.Namespace) -> None:
    """Refuse options that make no sense together."""
    asked = arguments.fix or arguments.diff
    if arguments.unsafe_fixes and not asked:
        raise UsageError("--unsafe-fixes says which fixes are meant; add --fix or --diff")
    others = {"--stdin-filename": arguments.stdin_filename is not None, "--watch": arguments.watch}
    for option, given in others.items():
        if asked and given:
            raise UsageError(f"--fix and --diff change files as a whole; leave out {option}")
    if arguments.diff and arguments.outputs:
        raise UsageError("--diff prints a diff and no report; leave out --output-format")


def carried_out(
    report: Report, audit: Audit, config: Config, least: Severity, arguments: argparse.Namespace
) -> Report:
    """Change the files; returns the report on what they are now."""
    mended, report = _mend(report, audit, config, least, arguments)
    for path, file in sorted(mended.after.items()):
        try:
            file.write()
        except OSError as error:
            raise UsageError(
                f"--fix: {path} cannot be written ({error.strerror}); make it writable"
            ) from error
    _complain(mended, arguments)
    if mended.done and not arguments.quiet:
        fixes, changed = mended.done.total(), len(mended.after)
        what = f"{fixes:,} {'fix' if fixes == 1 else 'fixes'} in {changed:,} {'file' if changed == 1 else 'files'}"
        print(f"auditor: {what}", file=sys.stderr)
    return report


def show(
    report: Report, audit: Audit, config: Config, least: Severity, arguments: argparse.Namespace
) -> None:
    """Print what would be changed."""
    mended, _ = _mend(report, audit, config, least, arguments)
    for path, file in sorted(mended.after.items()):
        sys.stdout.write(file.diff(mended.before[path]))
    _complain(mended, arguments)


def _mend(
    report: Report, audit: Audit, config: Config, least: Severity, arguments: argparse.Namespace
) -> tuple[Mended, Report]:
    from auditor.fixes import rounds

    def fixes_of(report: Report) -> Sequence[Fix]:
        at_stake = [finding for finding in report.findings if finding.severity >= least]
        return rounds.wanted(at_stake, unsafe=arguments.unsafe_fixes)

    def again(overlay: Overlay) -> Report:
        return audit(replace(config, overlay=overlay))

    return rounds.mend(report, fixes_of, again)


def _complain(mended: Mended, arguments: argparse.Namespace) -> None:
    if not arguments.quiet:
        for problem in mended.problems:
            print(f"auditor: warning: {problem}", file=sys.stderr)
