"""How bad a finding is: the audit document's scale, and what moves it."""

from __future__ import annotations

import math
from typing import Final

from auditor.model import Cost, Phase, Severity

CRITICAL_SECONDS: Final = 5.0
HIGH_SECONDS: Final = 1.0
MEDIUM_SECONDS: Final = 0.1
FELT_SECONDS: Final = 0.01
"""Below this ten rounds, or ten messages at once, do not make what counts as MEDIUM: four findings that a loop or a
WebSocket had raised from 2 and 5 ms were not worth a change to either of two readers (sixth draw of
tests/bench/precision_projects.toml).
"""

NOTICED_SECONDS: Final = 0.5
"""What takes longer everybody notices, even if it is done once."""

_STEPS_DOWN: Final = {Phase.STARTUP: 1, Phase.IMPORT: 1, Phase.SHUTDOWN: 1, Phase.CLI: 2}
"""Nobody waits for what a command does beside it but whoever waits for the command: of 25 such findings listed in 38
projects none held up a request.
"""

_UNDISTURBED: Final = frozenset({Phase.STARTUP, Phase.IMPORT, Phase.CLI})
"""Where a wait without a limit costs what it usually costs: if the other party is away, nothing else would run."""

_STEPS_UP: Final = frozenset({"middleware", "websocket"})


def of_cost(cost: Cost, phase: Phase = Phase.SERVING) -> Severity:
    """The severity of one call by its typical cost; a wait on another party without a limit is at least HIGH, if others
    wait meanwhile.

    An assumed cost never makes more than MEDIUM by itself.
    """
    if cost.typical > CRITICAL_SECONDS:
        severity = Severity.CRITICAL
    elif cost.typical >= HIGH_SECONDS:
        severity = Severity.HIGH
    elif cost.typical >= MEDIUM_SECONDS:
        severity = Severity.MEDIUM
    else:
        severity = Severity.MONITOR
    if cost.source == "assumed":
        severity = min(severity, Severity.MEDIUM)
    if math.isinf(cost.high) and phase not in _UNDISTURBED:
        severity = max(severity, Severity.HIGH)
    return severity


def in_place(
    severity: Severity, typical: float, *, phase: Phase, many: bool, once: bool = False, roles: frozenset[str]
) -> Severity:
    """The severity where it stands: up in a loop of who knows how many rounds, in middleware and on WebSocket paths,
    down where nobody waits yet, and for what is done once, by whoever comes first.

    ``typical`` are the seconds of one call, or of all where their number is known: what takes little is no worse where
    it is repeated.
    """
    level = int(severity)
    if phase in _STEPS_DOWN:
        level -= _STEPS_DOWN[phase]  # and repeated it takes longer, but nobody's request waits for it
    elif severity > Severity.MONITOR or typical >= FELT_SECONDS:
        level += many + bool(roles & _STEPS_UP) - (once and typical < NOTICED_SECONDS)
    return by_phase(Severity(min(max(level, Severity.MONITOR), Severity.CRITICAL)), phase)


def by_phase(severity: Severity, phase: Phase) -> Severity:
    """What only tests reach is no more than MONITOR: nobody else waits there.

    Of 54 findings read in ten projects (tests/bench/precision_projects.toml, second draw) 15 stood in tests, and none
    of those was worth a change.
    """
    return Severity.MONITOR if phase == Phase.TEST else severity
