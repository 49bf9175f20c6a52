"""The score in words: what it means, and how it comes about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import Finding, Phase, Report, Severity
from auditor.reporters.wording import count

BANDS = (
    (9.0, "9 to 10", "Ready for concurrent load", "what takes long is off the event loop"),
    (7.0, "7 to 8.9", "Minor blocking", "most heavy work is off the event loop"),
    (5.0, "5 to 6.9", "Requests will queue", "several calls hold the event loop"),
    (3.0, "3 to 4.9", "Handlers block", "request handlers hold the loop; WebSockets are at risk"),
    (1.0, "below 3", "The loop stands still", "synchronous code in an asynchronous framework"),
)
"""The rubric of the audit form: least score, range, meaning, what it is like."""

FORMULA = (
    "Each finding costs points by severity (CRITICAL 3, HIGH 1.5, MEDIUM 0.5, MONITOR 0.02), times 0.4 outside the "
    "serving phase, times 1 + ln(exposures) / 2. All points together, p, take 9 x (1 - exp(-p / 9)) off 10: the "
    "hundredth finding still counts, but less. A CRITICAL finding while serving caps the score at 4.9, a HIGH one at "
    "6.9. The result is rounded down; removing a finding never lowers it. What stands in a baseline counts, what is "
    "suppressed with a reason does not."
)


@dataclass(frozen=True, slots=True)
class Score:
    """``parts`` are the steps from 10 to the score: what, and its effect. ``verdict`` is the answer in a sentence."""

    value: float
    range: str
    meaning: str
    like: str
    verdict: str
    parts: tuple[tuple[str, float], ...]


def score(report: Report, findings: Sequence[Finding]) -> Score:
    """Say what the score of a report means."""
    found = next(band for band in BANDS if report.score >= band[0] or band is BANDS[-1])
    _, span, meaning, like = found
    return Score(report.score, span, meaning, like, _verdict(findings), report.score_parts)


def _verdict(findings: Sequence[Finding]) -> str:
    totals = Counter(finding.severity for finding in findings)
    serving = sum(
        finding.severity >= Severity.HIGH and finding.phase == Phase.SERVING for finding in findings
    )
    if totals[Severity.CRITICAL] or totals[Severity.HIGH]:
        named = [
            f"{totals[level]:,} {level.name}" for level in (Severity.CRITICAL, Severity.HIGH) if totals[level]
        ]
        number = totals[Severity.CRITICAL] + totals[Severity.HIGH]
        when = ", mostly outside the serving phase" if not serving else ""
        return (
            f"Not ready for concurrent load: {' and '.join(named)} finding{'s' if number > 1 else ''}{when}. While "
            "such a call holds the event loop, every other request, WebSocket heartbeat and timer of the process waits."
        )
    if totals[Severity.MEDIUM]:
        return (
            f"Works, but slower under load than it need be: {count(totals[Severity.MEDIUM], 'call')} of 0.1 to 1 s "
            "on the event loop, each of which every other request waits for."
        )
    if totals[Severity.MONITOR]:
        return (
            "Nothing here holds the event loop for long; "
            f"{count(totals[Severity.MONITOR], 'short call')} should be watched."
        )
    return "No call that blocks the event loop was found."
