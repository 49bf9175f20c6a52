"""Reporters: one module a format, each with ``render(report, out, *, options)``, loaded when it is asked for.

A reporter renders a finished report and decides nothing: what counts as a finding, how severe it is and whether
it is shown has been settled before.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, TextIO, cast

from auditor.model import Report, Severity
from auditor.reporters.options import Options

__all__ = ["FORMATS", "Options", "Reporter", "default_min_severity", "get", "shows_fixes"]

FORMATS: dict[str, str] = {
    "full": "auditor.reporters.full",
    "concise": "auditor.reporters.concise",
    "json": "auditor.reporters.json",
    "jsonl": "auditor.reporters.jsonl",
    "sarif": "auditor.reporters.sarif",
    "code-scanning": "auditor.reporters.code_scanning",
    "github": "auditor.reporters.github",
    "github-summary": "auditor.reporters.github_summary",
    "github-comment": "auditor.reporters.github_comment",
    "gitlab": "auditor.reporters.gitlab",
    "junit": "auditor.reporters.junit",
    "html": "auditor.reporters.html",
    "markdown": "auditor.reporters.markdown",
}
"""Name of a format, as ``--output-format`` takes it, to the module that renders it."""

_FOR_PEOPLE = frozenset({"full", "concise"})
_WITHOUT_FIXES = frozenset({"concise", "github", "github-summary", "github-comment", "gitlab", "junit"})


class Reporter(Protocol):
    """What a format's module offers."""

    def render(self, report: Report, out: TextIO, *, options: Options = ...) -> None:
        """Write ``report`` to ``out``."""


def get(name: str) -> Reporter:
    """Return the reporter of a format; a ``ValueError`` says which formats there are."""
    try:
        module = FORMATS[name]
    except KeyError:
        known = ", ".join(sorted(FORMATS))
        raise ValueError(f"unknown output format {name!r}: choose one of {known}") from None
    return cast("Reporter", import_module(module))


def shows_fixes(name: str) -> bool:
    """Whether a format says anything of fixes; for the others none need be found."""
    return name not in _WITHOUT_FIXES


def default_min_severity(name: str) -> Severity:
    """Return the least severity that a format shows unless told otherwise: text for people leaves out MONITOR."""
    return Severity.MEDIUM if name in _FOR_PEOPLE else Severity.MONITOR
