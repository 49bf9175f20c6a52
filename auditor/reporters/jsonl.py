"""The machine contract as JSON lines: one object a line, each with its ``type``; the summary comes last."""

from __future__ import annotations

import json
from typing import TextIO

from auditor.model import REPORT_VERSION, Report
from auditor.reporters.json import describe, not_analysed, notices, summary
from auditor.reporters.options import DEFAULT, Options, select


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write ``report`` line by line, in ASCII."""
    selection = select(report, options)
    records: list[dict[str, object]] = [
        *({"type": "finding", **describe(finding)} for finding in selection.findings),
        *({"type": "not_analysed", **entry} for entry in not_analysed(report)),
        *({"type": "notice", **entry} for entry in notices(report)),
        {
            "type": "summary",
            "version": REPORT_VERSION,
            "tool": {"name": "auditor", "version": report.tool_version},
            **summary(report, selection),
        },
    ]
    out.writelines(json.dumps(record, allow_nan=False) + "\n" for record in records)
