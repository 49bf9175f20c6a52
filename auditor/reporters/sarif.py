"""SARIF 2.1.0: a result for each exposure, its call path as a code flow, with what was set aside as suppressed.

The fingerprint of a result is that of the baseline; ``primaryLocationLineHash`` is what GitHub tells results apart by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from auditor.model import Aside, Edit, Fix, Location, NotAnalysed, Notice, Report, Severity, Step
from auditor.reporters.machine import Exposed, Occurrences, place, plain, sentence, uri
from auditor.reporters.options import DEFAULT, Options, select
from auditor.reporters.sarif_rules import at_hand, descriptor

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "auditorExposure/v1"
_ROOT = "%SRCROOT%"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.MONITOR: "note",
}
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_BRACKETS = re.compile(r"([\[\]\\])")


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write ``report`` with all that was set aside."""
    write(report, out, options, report.asides)


def write(
    report: Report, out: TextIO, options: Options, asides: Sequence[Aside], limit: int | None = None
) -> None:
    """Write ``report`` with some of what was set aside, at most ``limit`` results, the worst ones."""
    occurrences = Occurrences()
    kept = [(one, None) for one in occurrences.of(select(report, options).findings)]
    left = [aside for aside in asides if aside.finding.severity >= options.min_severity]
    put_aside = [(one, aside) for aside in left for one in occurrences.of([aside.finding])]
    chosen: list[tuple[Exposed, Aside | None]] = [*kept, *put_aside]
    if limit is not None and len(chosen) > limit:
        chosen = sorted(chosen, key=lambda pair: -pair[0].finding.severity)[:limit]
    codes = sorted({(one.finding.code, one.finding.name) for one, _ in chosen})
    rules = at_hand() if codes else {}
    index = {code: at for at, (code, _) in enumerate(codes)}
    writer = _Writer(options.prefix)
    notifications = writer.notifications(report.not_analysed, report.notices)
    run = {
        "tool": {
            "driver": {
                "name": "auditor",
                "semanticVersion": report.tool_version,
                "version": report.tool_version,
                "informationUri": "https://pypi.org/project/loop-auditor/",
                "rules": [descriptor(code, name, rules.get(code)) for code, name in codes],
            }
        },
        "automationDetails": {"id": "auditor/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The top of the repository that was audited."}}
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "properties": {"asyncSafetyScore": report.score},
    }
    members = [f"{_dump(name)}: {_dump(value)}" for name, value in run.items()]
    results = [_dump(writer.result(one, aside, index[one.finding.code])) for one, aside in chosen]
    members.append('"results": [' + ",".join(f"\n   {result}" for result in results) + "]")
    head = f'"$schema": {_dump(SCHEMA)},\n "version": "2.1.0"'
    out.write(f'{{{head},\n "runs": [{{\n  ' + ",\n  ".join(members) + "}]}\n")


def _dump(value: object) -> str:
    return json.dumps(value, allow_nan=False)


class _Writer:
    """Makes the objects of a log. ``prefix`` is the working directory, below the top of the repository."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def result(self, one: Exposed, aside: Aside | None, rule: int) -> dict[str, Any]:
        """One exposure."""
        finding, exposure = one.finding, one.exposure
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "ruleIndex": rule,
            "level": _LEVELS[finding.severity],
            "message": _message(one.message),
            "locations": [self._sink(finding.location, finding.function)],
            "partialFingerprints": {
                "primaryLocationLineHash": f"{exposure.fingerprint}:{one.occurrence}",
                FINGERPRINT: exposure.fingerprint,
            },
            "codeFlows": [{"threadFlows": [{"locations": self._flow(exposure.chain)}]}],
            "suppressions": self._suppressions(aside),
            "properties": {
                "severity": finding.severity.name,
                "confidence": finding.confidence.label,
                "phase": finding.phase.value,
                "exposure": plain(exposure.function),
            },
        }
        if (exposure.path, exposure.line) != (finding.location.path, finding.location.line):
            where = self._step(Step(exposure.path, exposure.line, exposure.column, exposure.function, ""))
            result["relatedLocations"] = [{"id": 1, **where, "message": {"text": "Reached from here."}}]
        own = finding.exposures.index(exposure)
        fixes = [
            self._fix(fix)
            for fix in finding.fixes
            if fix.exposure in (None, own) and not any(_in_cell(edit) for edit in fix.edits)
        ]
        if fixes:
            result["fixes"] = fixes
        if aside is not None and aside.kind != "suppressed":
            result["baselineState"] = "unchanged"
        return result

    def notifications(
        self, not_analysed: Iterable[NotAnalysed], notices: Iterable[Notice]
    ) -> list[dict[str, Any]]:
        """Files that could not be analysed, and what somebody should tidy up."""
        found: list[dict[str, Any]] = [
            {
                "level": "warning",
                "message": _message(sentence(f"Not analysed: {entry.reason}")),
                "locations": [{"physicalLocation": {"artifactLocation": self._artifact(entry.path)}}],
            }
            for entry in sorted(not_analysed, key=lambda entry: (entry.path, entry.reason))
        ]
        found += [
            {
                "level": "note",
                "message": _message(sentence(f"{notice.kind}: {notice.message}")),
                "locations": [
                    {"physicalLocation": self._physical(notice.path, (notice.line, notice.column), None)}
                ],
            }
            for notice in notices
        ]
        return found

    def _artifact(self, path: str) -> dict[str, Any]:
        file = place(path, self._prefix).file
        reference = uri(file)
        inside = not reference.startswith(("file:", "../"))
        return {"uri": reference, "uriBaseId": _ROOT} if inside else {"uri": reference}

    def _physical(self, path: str, start: tuple[int, int], end: tuple[int, int] | None) -> dict[str, Any]:
        region = {"startLine": max(1, start[0]), "startColumn": max(1, start[1])}
        if end is not None:
            region |= {"endLine": max(1, end[0]), "endColumn": max(1, end[1])}
        if place(path, "").cell:
            region = {"startLine": 1}  # of a notebook's text nobody knows the lines
        return {"artifactLocation": self._artifact(path), "region": region}

    def _sink(self, where: Location, function: str) -> dict[str, Any]:
        physical = self._physical(where.path, (where.line, where.column), (where.end_line, where.end_column))
        return {"physicalLocation": physical, "logicalLocations": _logical(function)}

    def _step(self, step: Step) -> dict[str, Any]:
        physical = self._physical(step.path, (step.line, step.column), None)
        return {"physicalLocation": physical, "logicalLocations": _logical(step.function)}

    def _flow(self, chain: Sequence[Step]) -> list[dict[str, Any]]:
        return [
            {
                "location": {
                    **self._step(step),
                    "message": _message(
                        sentence(f"{step.function}: {step.note}" if step.note else step.function)
                    ),
                },
                "nestingLevel": depth,
            }
            for depth, step in enumerate(chain)
        ]

    def _suppressions(self, aside: Aside | None) -> list[dict[str, Any]]:
        if aside is None:
            return []
        if aside.kind != "suppressed":
            why = "It stands in the baseline." if aside.kind == "baselined" else "It was there before."
            return [{"kind": "external", "status": "accepted", "justification": why}]
        suppression: dict[str, Any] = {"kind": "inSource", "status": "accepted"}
        if aside.reason:
            suppression["justification"] = plain(aside.reason)
        if aside.path:
            suppression["location"] = {"physicalLocation": self._physical(aside.path, (aside.line, 1), None)}
        return [suppression]

    def _fix(self, fix: Fix) -> dict[str, Any]:
        by_file: dict[str, list[Edit]] = {}
        for edit in fix.edits:
            by_file.setdefault(edit.path, []).append(edit)
        return {
            "description": {
                "text": sentence(f"{fix.title} ({fix.safety}{f': {fix.reason}' if fix.reason else ''})")
            },
            "artifactChanges": [
                {
                    "artifactLocation": self._artifact(path),
                    "replacements": [
                        {
                            "deletedRegion": self._physical(path, edit.start, edit.end)["region"],
                            "insertedContent": {"text": plain(edit.replacement)},
                        }
                        for edit in edits
                    ],
                }
                for path, edits in by_file.items()
            ],
        }


def _in_cell(edit: Edit) -> bool:
    return bool(place(edit.path, "").cell)


def _logical(function: str) -> list[dict[str, str]]:
    return [{"fullyQualifiedName": plain(function) or "?", "kind": "function"}]


def _message(text: str) -> dict[str, str]:
    """A message; what would be a link or a placeholder in it is no such thing."""
    return {"text": _PLACEHOLDER.sub(r"{{\1}}", _BRACKETS.sub(r"\\\1", text))}
