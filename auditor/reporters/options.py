"""What a reporter may be told, and the choice of findings that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auditor.model import Finding, Report, Severity, Stall

Reader = Callable[[str], str | None]
"""Returns the text of a reported path, or None when it cannot be had."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to render.

    ``None`` leaves a choice to the output: its width, whether it is a terminal, whether it has colours. ``source``
    reads the files that code frames quote; without it they are read from disk. ``prefix`` is the working directory's
    path below the top of the repository, from where machines name files; what is below ``fail_on`` fails no run.
    ``title`` names what was audited, and ``paths`` are what the command was given. ``evidence`` holds stalls that were
    seen at run time.
    """

    min_severity: Severity = Severity.MONITOR
    verbose: bool = False
    statistics: bool = False
    timings: bool = False
    terminal: bool | None = None
    color: bool | None = None
    width: int | None = None
    source: Reader | None = None
    prefix: str = ""
    fail_on: Severity = Severity.MEDIUM
    title: str = ""
    paths: tuple[str, ...] = ()
    evidence: tuple[Stall, ...] = ()


DEFAULT = Options()


@dataclass(frozen=True, slots=True)
class Selection:
    """The findings to show, by place, and how many are hidden in all."""

    findings: tuple[Finding, ...]
    hidden: int


def by_place(finding: Finding) -> tuple[str, int, int, str]:
    """The order of machine formats."""
    where = finding.location
    return where.path, where.line, where.column, finding.code


def by_weight(finding: Finding) -> tuple[int, str, int, int, str]:
    """The order of text for people: worst first, then by place."""
    return (-finding.severity, *by_place(finding))


def select(report: Report, options: Options) -> Selection:
    """Apply ``min_severity``; what it leaves out counts as hidden."""
    shown = [finding for finding in report.findings if finding.severity >= options.min_severity]
    hidden = report.hidden + len(report.findings) - len(shown)
    return Selection(tuple(sorted(shown, key=by_place)), hidden)
