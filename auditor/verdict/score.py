"""The async-safety score: one formula, whose parts are printed.

Each finding costs points by severity, less outside the serving phase, and more with the number of its exposures but
ever more slowly; what all cost together wears off towards 1.0, so that the hundredth finding still counts but does
not drown the others. A CRITICAL exposure while serving caps the score at 4.9, a HIGH one at 6.9. Taking a finding away
never lowers it: every part only falls when a finding is added.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from auditor.model import Phase, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import Finding

BEST: Final = 10.0
WORST: Final = 1.0
POINTS: Final = {Severity.CRITICAL: 3.0, Severity.HIGH: 1.5, Severity.MEDIUM: 0.5, Severity.MONITOR: 0.02}
OUTSIDE_SERVING: Final = 0.4
CAPS: Final = {Severity.CRITICAL: 4.9, Severity.HIGH: 6.9}


def points(finding: Finding) -> float:
    """What one finding costs before wearing off."""
    factor = 1.0 if finding.phase == Phase.SERVING else OUTSIDE_SERVING
    return POINTS[finding.severity] * factor * (1.0 + math.log(len(finding.exposures)) / 2)


def score(findings: Iterable[Finding]) -> tuple[float, tuple[tuple[str, float], ...]]:
    """The score, to one decimal, and its parts: (what, effect on the score)."""
    by_severity: dict[Severity, list[float]] = {}
    cap = BEST
    for finding in findings:
        by_severity.setdefault(finding.severity, []).append(points(finding))
        if finding.phase == Phase.SERVING:
            cap = min(cap, CAPS.get(finding.severity, BEST))
    total = math.fsum(sum(values) for values in by_severity.values())
    span = BEST - WORST
    lost = span * (1.0 - math.exp(-total / span))
    parts = []
    for severity in sorted(by_severity, reverse=True):
        values = by_severity[severity]
        share = lost * math.fsum(values) / total if total else 0.0
        parts.append((f"{len(values)} {severity.name}", -round(share, 2)))
    result = BEST - lost
    if cap < result:
        parts.append((f"capped at {cap}", round(cap - result, 2)))
        result = cap
    # rounding down keeps a 10.0 for a program without findings
    return max(WORST, math.floor(result * 10 + 1e-9) / 10), tuple(parts)
