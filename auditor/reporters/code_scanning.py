"""SARIF for GitHub code scanning, which would show what is suppressed and takes no more than 25,000 results."""

from __future__ import annotations

from typing import TextIO

from auditor.model import Report
from auditor.reporters import sarif
from auditor.reporters.options import DEFAULT, Options

MOST_RESULTS = 25_000
"""GitHub refuses files with more results in a run."""


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write ``report`` without what was set aside."""
    sarif.write(report, out, options, (), MOST_RESULTS)
