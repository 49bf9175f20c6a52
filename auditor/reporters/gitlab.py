"""GitLab code quality: an issue for each exposure, each with a fingerprint of its own."""

from __future__ import annotations

import json
from typing import Any, TextIO

from auditor.model import Report, Severity
from auditor.reporters.machine import Exposed, Occurrences, place, plain
from auditor.reporters.options import DEFAULT, Options, select

_SEVERITIES = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.MONITOR: "info",
}


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write the issues, in ASCII."""
    exposed = Occurrences().of(select(report, options).findings)
    issues = [json.dumps(_issue(one, options.prefix)) for one in exposed]
    out.write("[\n" + ",\n".join(issues) + "\n]\n" if issues else "[]\n")


def _issue(one: Exposed, prefix: str) -> dict[str, Any]:
    where = one.finding.location
    file, cell = place(where.path, prefix)
    lines = {"begin": 1} if cell else {"begin": where.line, "end": where.end_line}
    return {
        "type": "issue",
        "description": f"{one.finding.code}: {one.message}",
        "check_name": f"{one.finding.code}/{one.finding.name}",
        "fingerprint": one.unique,
        "severity": _SEVERITIES[one.finding.severity],
        "categories": ["Performance"],
        "location": {"path": plain(file), "lines": lines},
    }
