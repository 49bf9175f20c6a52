"""The full text report: rich on a terminal, plain elsewhere."""

from __future__ import annotations

from typing import TextIO

from auditor.model import Report
from auditor.reporters.options import DEFAULT, Options


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write ``report`` with the back end that fits ``out``."""
    terminal = out.isatty() if options.terminal is None else options.terminal
    if terminal:
        from auditor.reporters import terminal as back_end

        back_end.render(report, out, options=options)
        return
    from auditor.reporters import plain

    plain.render(report, out, options=options)
