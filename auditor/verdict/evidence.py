"""Findings beside stalls that were recorded: what is confirmed, what was missed, what ran without a stall."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.model import Aside, Cost, Finding, Frame, MissedAlarm, Observation, Severity, Stall
from auditor.stalls import Files, Place, match, observation, place_of, same_file, same_function
from auditor.verdict import severity


@dataclass(frozen=True, slots=True)
class Ran:
    """Functions of one file that ran while stalls were recorded, by qualified name; ``sha256`` is the file's."""

    path: str
    sha256: str
    functions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was recorded."""

    stalls: tuple[Stall, ...] = ()
    ran: tuple[Ran, ...] = ()


class Observer:
    """Judges the findings of one audit by what was recorded."""

    def __init__(self, evidence: Evidence, findings: Sequence[Finding], asides: Sequence[Aside]) -> None:
        found = match(findings, evidence.stalls)
        self._explained: Mapping[Place, list[Stall]] = found.explained
        set_aside = match([aside.finding for aside in asides], found.others)
        kinds = {place_of(aside.finding): aside.kind for aside in asides}
        groups: dict[tuple[str, str, int], list[Stall]] = {}
        for place, stalls in set_aside.explained.items():
            for stall in stalls:
                groups.setdefault((kinds[place], *_site(stall)), []).append(stall)
        for stall in set_aside.others:
            groups.setdefault(("", *_site(stall)), []).append(stall)
        missed = [_missed(group, aside) for (aside, _, _), group in groups.items()]
        self.missed = tuple(sorted(missed, key=lambda one: (-one.observed.total, one.path, one.line)))
        self._ran = evidence.ran
        self._files = Files()

    def of(self, finding: Finding) -> Finding:
        """The finding with what was observed of it; a measured duration takes the place of the expected one.

        Evidence raises a severity, and never lowers it: what was short when it was watched may be long another time.
        """
        stalls = self._explained.get(place_of(finding))
        if not stalls:
            return replace(finding, observed=Observation()) if self._has_run(finding) else finding
        durations = [stall.duration for stall in stalls]
        cost = Cost(min(durations), statistics.median(durations), max(durations), "observed")
        level = max(finding.severity, severity.of_cost(cost))
        return replace(finding, observed=observation(stalls), cost=cost, severity=Severity(level))

    def _has_run(self, finding: Finding) -> bool:
        path = finding.location.path
        return any(
            same_file(ran.path, path)
            and ran.sha256 == self._files.digest(path)
            and any(same_function(name, finding.function) for name in ran.functions if name)
            for ran in self._ran
            if os.path.basename(ran.path) == os.path.basename(path)
        )


def _site(stall: Stall) -> tuple[str, int]:
    return (stall.site.path, stall.site.line) if stall.site is not None else ("", 0)


def _missed(stalls: Sequence[Stall], aside: str) -> MissedAlarm:
    best = max(stalls, key=lambda stall: (len(stall.frames) > 0, stall.duration))
    frames = tuple(frame for frame in reversed(best.frames) if frame.project)
    site = best.site
    if site is None:
        return MissedAlarm("", 0, "", "", observation(stalls), frames, aside)
    path, shown = site.path, os.path.relpath(site.path)
    if not shown.startswith(os.pardir):
        path = shown.replace(os.sep, "/")
    frames = tuple(Frame(_shown(frame.path), frame.line, frame.function, frame.project) for frame in frames)
    return MissedAlarm(path, site.line, site.function, site.text, observation(stalls), frames, aside)


def _shown(path: str) -> str:
    shown = os.path.relpath(path)
    return path if shown.startswith(os.pardir) else shown.replace(os.sep, "/")
