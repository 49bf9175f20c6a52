"""The full text report without colours, for pipes, files and logs: ASCII around whatever the program holds."""

from __future__ import annotations

from typing import TextIO

from auditor.model import Report
from auditor.reporters.layout import ASCII, Layout
from auditor.reporters.options import DEFAULT, Options
from auditor.reporters.output import write

WIDTH = 100


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write ``report`` as plain text."""
    for line in Layout(report, options, ASCII, options.width or WIDTH).lines():
        write(out, "".join(text for text, _ in line).rstrip() + "\n")
