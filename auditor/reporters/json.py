"""The stable machine contract. One line a finding, so that reports can be compared and searched by line."""

from __future__ import annotations

import json
import math
from typing import Any, TextIO

from auditor.model import REPORT_VERSION, Edit, Exposure, Finding, Fix, Observation, Report, Step
from auditor.reporters.machine import plain
from auditor.reporters.options import DEFAULT, Options, Selection, select


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write ``report`` as JSON in ASCII; identical reports give identical bytes."""
    selection = select(report, options)
    members = [
        f'"version": {REPORT_VERSION}',
        f'"tool": {_dump({"name": "auditor", "version": report.tool_version})}',
        f'"summary": {_dump(summary(report, selection))}',
        f'"findings": {_array([describe(finding) for finding in selection.findings])}',
        f'"not_analysed": {_array(not_analysed(report))}',
        f'"notices": {_array(notices(report))}',
    ]
    if report.missed:
        members.append(f'"missed": {_array(missed(report))}')
    if options.statistics:
        members.append(f'"statistics": {_dump(_statistics(report))}')
    if options.timings:
        timings = {plain(name): round(float(spent), 6) for name, spent in report.statistics.timings.items()}
        members.append(f'"timings": {_dump(timings)}')
    out.write("{" + ",\n ".join(members) + "}\n")


def _dump(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def _array(values: list[dict[str, Any]]) -> str:
    return "[\n  " + ",\n  ".join(map(_dump, values)) + "\n ]" if values else "[]"


def _texts(texts: tuple[str, ...]) -> list[str]:
    return [plain(text) for text in texts]


def _seconds(value: float) -> float | None:
    """JSON has no infinity; a cost without limit is null."""
    return float(value) if math.isfinite(value) else None


def summary(report: Report, selection: Selection) -> dict[str, int | float]:
    """Counts, and the score."""
    return {
        "files": report.statistics.files,
        "functions": report.statistics.functions,
        "findings": len(selection.findings),
        "hidden": selection.hidden,
        "suppressed": report.suppressed,
        "baselined": report.baselined,
        "known": report.known,
        "score": float(report.score),
    }


def describe(finding: Finding) -> dict[str, Any]:
    """A finding as the contract says."""
    where, cost = finding.location, finding.cost
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.name,
        "confidence": finding.confidence.label,
        "category": finding.category.value,
        "path": plain(where.path),
        "line": where.line,
        "column": where.column,
        "end_line": where.end_line,
        "end_column": where.end_column,
        "function": plain(finding.function),
        "callee": plain(finding.callee),
        "context": plain(finding.context),
        "phase": finding.phase.value,
        "chain": _chain(finding.chain),
        "exposures": [_exposure(exposure) for exposure in finding.exposures],
        "also": list(finding.also),
        "impact": plain(finding.impact),
        "fix_complexity": finding.fix_complexity,
        "cost": {
            "low": _seconds(cost.low),
            "typical": _seconds(cost.typical),
            "high": _seconds(cost.high),
            "source": cost.source,
        },
        "gil": finding.gil,
        "message": plain(finding.message),
        "verify": _texts(finding.verify),
        "advice": plain(finding.advice),
        "tradeoffs": _texts(finding.tradeoffs),
        "fixes": [_fix(fix) for fix in finding.fixes],
        **({"observed": _observed(finding.observed)} if finding.observed is not None else {}),
    }


def _observed(found: Observation) -> dict[str, Any]:
    return {
        "stalls": found.stalls,
        "longest": round(found.longest, 6),
        "total": round(found.total, 6),
        "kinds": list(found.kinds),
        "routes": _texts(found.routes),
    }


def missed(report: Report) -> list[dict[str, Any]]:
    """Places that were seen to stall and have no finding."""
    return [
        {
            "path": plain(one.path),
            "line": one.line,
            "function": plain(one.function),
            "text": plain(one.text),
            "aside": one.aside,
            "observed": _observed(one.observed),
            "frames": [
                {"path": plain(frame.path), "line": frame.line, "function": plain(frame.function)}
                for frame in one.frames
            ],
        }
        for one in report.missed
    ]


def _chain(chain: tuple[Step, ...]) -> list[dict[str, Any]]:
    return [
        {
            "path": plain(step.path),
            "line": step.line,
            "column": step.column,
            "function": plain(step.function),
            "note": plain(step.note),
        }
        for step in chain
    ]


def _exposure(exposure: Exposure) -> dict[str, Any]:
    return {
        "path": plain(exposure.path),
        "line": exposure.line,
        "column": exposure.column,
        "function": plain(exposure.function),
        "fingerprint": exposure.fingerprint,
        "chain": _chain(exposure.chain),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "safety": fix.safety,
        "title": plain(fix.title),
        "reason": plain(fix.reason),
        "exposure": fix.exposure,
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        "path": plain(edit.path),
        "start": list(edit.start),
        "end": list(edit.end),
        "replacement": plain(edit.replacement),
    }


def not_analysed(report: Report) -> list[dict[str, Any]]:
    """The files that could not be analysed, and why."""
    entries = sorted((plain(entry.path), plain(entry.reason)) for entry in report.not_analysed)
    return [{"path": path, "reason": reason} for path, reason in entries]


def notices(report: Report) -> list[dict[str, Any]]:
    """What somebody should tidy up."""
    return [
        {
            "kind": notice.kind,
            "path": plain(notice.path),
            "line": notice.line,
            "column": notice.column,
            "message": plain(notice.message),
        }
        for notice in report.notices
    ]


def _statistics(report: Report) -> dict[str, Any]:
    figures = report.statistics
    rules: dict[str, int] = {}
    for finding in report.findings:
        rules[finding.code] = rules.get(finding.code, 0) + 1
    return {
        "rules": dict(sorted(rules.items())),
        "calls": figures.calls,
        "resolved_calls": figures.resolved_calls,
        "suspects": figures.suspects,
        "files_parsed": figures.files_parsed,
        "files_with_findings": figures.files_with_findings,
        "score_parts": [
            {"what": plain(what), "effect": float(effect)} for what, effect in report.score_parts
        ],
    }
