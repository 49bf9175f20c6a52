"""A short report in Markdown for a comment on a pull request, which holds at most 65,536 characters."""

from __future__ import annotations

from typing import TextIO

from auditor.model import Report
from auditor.reporters.github_summary import short
from auditor.reporters.options import DEFAULT, Options

MOST_BYTES = 60_000


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write what the summary of a step says, as far as there is room."""
    out.write(short(report, options, MOST_BYTES))
