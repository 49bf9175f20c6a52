"""Where it gathers: files and routes, by how long they hold the loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import Finding, Phase, Severity, Step
from auditor.reporters.wording import short_function

TASK = "task on the event loop"
IN_BACKGROUND = frozenset({TASK, "background task"})
"""What call paths say of roots that nobody waits for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file, its worst severity, and the sum of what its calls typically take, in seconds."""

    name: str
    worst: Severity
    findings: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Route(Place):
    """A function that the loop runs (request handler, task, hook), as the first step of call paths names it.

    ``seconds`` is what one pass through all blocking calls below it takes; ``how`` says what runs it.
    """

    path: str
    line: int
    how: str
    phase: Phase


def files(findings: Sequence[Finding]) -> tuple[Place, ...]:
    """The files with findings, those that hold the loop longest first."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.location.path, []).append(finding)
    return tuple(sorted((_place(name, group) for name, group in groups.items()), key=_weight))


def routes(findings: Sequence[Finding]) -> tuple[Route, ...]:
    """The functions that the loop runs and that block it, by how long one pass through them does."""
    groups: dict[tuple[str, str, str, Phase], dict[int, Finding]] = {}
    lines: dict[tuple[str, str, str, Phase], int] = {}
    for number, finding in enumerate(findings):
        for exposure in finding.exposures:
            if not exposure.chain:
                continue
            root, how = root_of(exposure.chain)
            key = (root.path, root.function, how, finding.phase)
            groups.setdefault(key, {})[number] = finding
            lines[key] = min(root.line, lines.get(key, root.line))
    found = []
    for key, group in groups.items():
        path, function, how, phase = key
        place = _place(short_function(function, path), list(group.values()))
        found.append(
            Route(place.name, place.worst, place.findings, place.seconds, path, lines[key], how, phase)
        )
    return tuple(sorted(found, key=_weight))


def root_of(chain: Sequence[Step]) -> tuple[Step, str]:
    """Where a path begins for its reader, and what runs that: the handler, or the task that was scheduled last."""
    for number in range(len(chain) - 2, -1, -1):
        if "schedules `" in chain[number].note:
            return chain[number + 1], TASK
    root = chain[0]
    before, _, _ = root.note.rpartition("; ")
    return root, before or ("" if root.note.startswith("calls ") else root.note)


def _place(name: str, group: Sequence[Finding]) -> Place:
    return Place(
        name,
        max(finding.severity for finding in group),
        len(group),
        math.fsum(finding.cost.typical for finding in group),
    )


def _weight(place: Place) -> tuple[float, int, str]:
    return (-place.seconds, -place.worst, place.name)
