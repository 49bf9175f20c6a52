"""Audit files and directories (default: the working directory)."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from auditor.cli import fix, gate, outputs, settings
from auditor.cli.errors import UsageError
from auditor.cli.focus import Focus
from auditor.cli.main import FINDINGS, OK
from auditor.cli.outputs import Output
from auditor.model import Report, Severity, Stall
from auditor.reporters import FORMATS, get, shows_fixes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.config import Config
    from auditor.reporters import Options

STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="file or directory; - reads standard input")
    parser.add_argument(
        "--output-format",
        "-o",
        dest="outputs",
        metavar="[FORMAT:]DEST",
        action="append",
        default=[],
        help=f"a format ({', '.join(FORMATS)}), a file whose suffix tells the format, or both; repeatable",
    )
    parser.add_argument(
        "--verbose", "-v", action="store_true", help="say all there is to say about a finding"
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress, no warnings")
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever is found")
    parser.add_argument("--statistics", action="store_true", help="add counts by rule and of the analysis")
    parser.add_argument("--timings", action="store_true", help="say on standard error where the time went")
    parser.add_argument(
        "--stdin-filename",
        metavar="FILE",
        help="take the contents of FILE from standard input; audits PATHs, or FILE alone when none is given",
    )
    parser.add_argument(
        "--focus",
        action="store_true",
        help="audit the working directory, and show only findings that have to do with PATHs, at any step",
    )
    parser.add_argument(
        "--since",
        metavar="REV",
        help="only what is new since this branch left REV (a branch, tag or commit of git)",
    )
    parser.add_argument(
        "--update-baseline",
        action="store_true",
        help="remove from the baseline what is gone; it never grows by this (see `auditor baseline`)",
    )
    add_evidence(parser)
    parser.add_argument("--watch", action="store_true", help="audit again whenever a file changes")
    parser.add_argument(
        "--with-ruff",
        action="store_true",
        help="add what the installed ruff's ASYNC rules say and no rule here does",
    )
    fix.add_arguments(parser)
    settings.add_arguments(parser)
    settings.add_run_arguments(parser)


def add_evidence(parser: argparse.ArgumentParser) -> None:
    """Declare where stalls come from."""
    parser.add_argument(
        "--evidence",
        metavar="FILE",
        action="append",
        default=[],
        help="stalls that the monitor has recorded: confirms findings, and lists what has none; repeatable",
    )


def run(arguments: argparse.Namespace) -> int:
    """Audit, write the reports, and say by the exit code whether anything was found."""
    kept = getattr(arguments, "kept", None)
    if kept is None or not _may_be_kept(arguments):
        return _run(arguments).code
    recording = kept.record()
    with recording:
        outcome = _run(arguments)
    if all(text is not None for _, text in outcome.written):
        kept.keep(recording, outcome.written, outcome.complaints, outcome.code)
    if kept.cache.problem and not outcome.told and not arguments.quiet:
        _complain([kept.cache.problem])
    return outcome.code


class _Outcome(NamedTuple):
    """What a run came to. ``complaints`` is what it wrote to standard error; ``told``: of the cache, too."""

    code: int
    written: list[tuple[str, str | None]]
    complaints: str
    told: bool


def _may_be_kept(arguments: argparse.Namespace) -> bool:
    """Whether the run writes its reports and changes nothing else, and reads what can be compared later."""
    return not (
        arguments.fix
        or arguments.diff
        or arguments.watch
        or arguments.update_baseline
        or arguments.with_ruff
        or arguments.evidence
        or arguments.timings
        or arguments.stdin_filename is not None
        or STDIN in arguments.paths
    )


def _complain(warnings: list[str]) -> str:
    text = "".join(f"auditor: warning: {warning}\n" for warning in warnings)
    sys.stderr.write(text)
    return text


def _run(arguments: argparse.Namespace) -> _Outcome:
    destinations = outputs.parse(arguments.outputs)
    fix.check(arguments)
    if arguments.watch:
        from auditor.cli import watch

        return _Outcome(watch.run(arguments), [], "", told=False)
    paths, overlay = _inputs(arguments)
    focus = None
    if arguments.focus:
        focus, paths = Focus(paths, [path for path, _ in overlay]), [os.curdir]
    config = settings.configuration(arguments, paths, overlay)
    fixes = arguments.fix or arguments.diff or any(shows_fixes(x.format) for x in destinations)

    def audited(config: Config) -> Report:
        report = gate.audited(paths, config, arguments, fixes=fixes)
        return focus.on(report) if focus is not None else report

    report = audited(config)
    least = _least_shown(Output(outputs.DEFAULT_FORMAT, outputs.STDOUT), config)
    if arguments.diff:
        fix.show(report, audited, config, least, arguments)
        return _Outcome(_code(report, config, arguments), [], "", told=False)
    if arguments.fix:
        report = fix.carried_out(report, audited, config, least, arguments)
    complaints = ""
    if not arguments.quiet:
        _complain(list(report.warnings))
        complaints = _complain(warnings(report, paths))
    written = write(report, destinations, paths, arguments, config)
    if arguments.timings:
        from auditor.cli import timings

        sys.stderr.write(timings.table(report.statistics))
    return _Outcome(_code(report, config, arguments), written, complaints, told=bool(report.warnings))


def _code(report: Report, config: Config, arguments: argparse.Namespace) -> int:
    return OK if arguments.exit_zero or passes(report, config) else FINDINGS


def passes(report: Report, config: Config) -> bool:
    """Whether nothing in the report is as bad as the configuration forbids."""
    threshold = max(config.fail_on, config.min_severity)
    if any(finding.severity >= threshold for finding in report.findings):
        return False
    return config.min_score is None or report.score >= config.min_score


def _inputs(arguments: argparse.Namespace) -> tuple[list[str], tuple[tuple[str, bytes], ...]]:
    paths = [path for path in arguments.paths if path != STDIN]
    name = arguments.stdin_filename
    if name is None:
        if STDIN in arguments.paths:
            raise UsageError("reading standard input needs --stdin-filename, which says what file it is")
        return paths or [os.curdir], ()
    if os.path.isdir(name):
        raise UsageError(f"--stdin-filename: {name} is a directory; name a file")
    return paths or [name], ((os.path.abspath(name), sys.stdin.buffer.read()),)


def warnings(report: Report, paths: list[str]) -> list[str]:
    """What to say on standard error about what was audited."""
    if report.statistics.files or report.not_analysed:
        return []
    return [f"no Python files found in {', '.join(paths)}"]


def write(
    report: Report,
    destinations: Sequence[Output],
    paths: Sequence[str],
    arguments: argparse.Namespace,
    config: Config,
) -> list[tuple[str, str | None]]:
    """Write the reports that were asked for; ``paths`` are what was audited. Returns where, and the texts."""
    stalls: tuple[Stall, ...] = ()
    if arguments.evidence:
        from auditor.cli import evidence

        stalls = evidence.read(tuple(arguments.evidence)).stalls
    written = []
    for output in destinations:
        options = _options(output, paths, stalls, arguments, config)
        text = outputs.write(output, partial(get(output.format).render, report, options=options))
        written.append((output.destination, text))
    return written


def _options(
    output: Output,
    paths: Sequence[str],
    stalls: tuple[Stall, ...],
    arguments: argparse.Namespace,
    config: Config,
) -> Options:
    from auditor.reporters import Options

    return Options(
        title=", ".join(_named(path) for path in paths),
        paths=tuple(paths),
        evidence=stalls,
        min_severity=_least_shown(output, config),
        verbose=arguments.verbose,
        statistics=arguments.statistics,
        timings=arguments.timings,
        prefix=_prefix(),
        fail_on=max(config.fail_on, config.min_severity),
    )


def _named(path: str) -> str:
    """A path as a title; the working directory goes by its name."""
    return path if os.path.normpath(path) != os.curdir else os.path.basename(os.getcwd()) or path


def _prefix() -> str:
    """The working directory, below the top of its repository."""
    from auditor.discover import git

    here = os.getcwd()
    top = git.repository(here)
    path = os.path.relpath(here, top).replace(os.sep, "/") if top is not None else os.curdir
    return "" if path == os.curdir else path


def _least_shown(output: Output, config: Config) -> Severity:
    """What was asked for; else the format's default, but never hide what fails the run."""
    from auditor.reporters import default_min_severity

    if any(name == "min-severity" for name, _ in config.sources):
        return config.min_severity
    return min(default_min_severity(output.format), config.fail_on)
