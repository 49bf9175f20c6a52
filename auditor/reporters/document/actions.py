"""What to do, in which order: one action for all findings that the same change of the same calls mends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.model import Exposure, Finding, Severity
from auditor.reporters.options import by_weight

When = Literal["now", "soon", "monitor"]

WHEN: dict[Severity, When] = {
    Severity.CRITICAL: "now",
    Severity.HIGH: "now",
    Severity.MEDIUM: "soon",
    Severity.MONITOR: "monitor",
}
"""CRITICAL and HIGH fail under concurrent load, MEDIUM makes it slower, MONITOR is to be watched."""


@dataclass(frozen=True, slots=True)
class Action:
    """Findings that are reached by the same exposures, worst first; ``places`` are where the change is made."""

    findings: tuple[Finding, ...]
    places: tuple[Exposure, ...]

    @property
    def worst(self) -> Finding:
        """The finding that the action is named after."""
        return self.findings[0]

    @property
    def when(self) -> When:
        """How urgent its worst finding is."""
        return WHEN[self.worst.severity]

    @property
    def typical(self) -> float:
        """Seconds that one pass through all of its calls takes."""
        return math.fsum(finding.cost.typical for finding in self.findings)

    @property
    def unlimited(self) -> bool:
        """Whether any of its calls waits without a limit."""
        return any(math.isinf(finding.cost.high) for finding in self.findings)


def actions(findings: Sequence[Finding]) -> list[Action]:
    """The actions that mend all findings, most urgent first."""
    groups: dict[frozenset[tuple[str, int, int]], list[Finding]] = {}
    for finding in findings:
        key = frozenset((one.path, one.line, one.column) for one in finding.exposures)
        groups.setdefault(key, []).append(finding)
    found = []
    for group in groups.values():
        ordered = sorted(
            group, key=lambda finding: (-finding.severity, -finding.cost.typical, by_weight(finding))
        )
        places = sorted(ordered[0].exposures, key=lambda one: (one.path, one.line, one.column))
        found.append(Action(tuple(ordered), tuple(places)))
    return sorted(
        found,
        key=lambda action: (
            -action.worst.severity,
            not action.unlimited,
            -action.typical,
            by_weight(action.worst),
        ),
    )
