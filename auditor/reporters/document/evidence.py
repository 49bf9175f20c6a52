"""What was seen at run time, beside what was found: stalls by the finding that explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model import Finding, Frame, Stall


@dataclass(frozen=True, slots=True)
class Seen:
    """Stalls of one place: how many, the longest and all of them in seconds, their kinds, tasks and routes."""

    stalls: int
    longest: float
    total: float
    kinds: tuple[str, ...]
    routes: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """``seen`` maps the place of a finding (position in the document) to its stalls; ``others`` have no finding."""

    stalls: int
    seen: dict[int, Seen]
    others: tuple[Seen, ...]


def evidence(findings: Sequence[Finding], stalls: Sequence[Stall]) -> Evidence:
    """Assign each stall to the finding at the innermost frame of the program that has one."""
    by_file: dict[str, list[tuple[int, Finding]]] = {}
    for number, finding in enumerate(findings):
        by_file.setdefault(_name(finding.location.path), []).append((number, finding))
    matched: dict[int, list[Stall]] = {}
    others: dict[str, list[Stall]] = {}
    for stall in stalls:
        found = _finding_of(stall, by_file)
        if found is not None:
            matched.setdefault(found, []).append(stall)
        else:
            others.setdefault(_place(stall), []).append(stall)
    seen = {number: _seen(group, _place(group[0])) for number, group in sorted(matched.items())}
    rest = [_seen(group, place) for place, group in others.items()]
    return Evidence(len(stalls), seen, tuple(sorted(rest, key=lambda one: (-one.total, one.place))))


def _finding_of(stall: Stall, by_file: dict[str, list[tuple[int, Finding]]]) -> int | None:
    frames = list(stall.frames)
    if stall.site is not None:
        frames.append(Frame(stall.site.path, stall.site.line, stall.site.function, project=True))
    for frame in frames:
        here = [
            (number, finding)
            for number, finding in by_file.get(_name(frame.path), ())
            if _same_file(frame.path, finding.location.path)
        ]
        at_line = [
            (number, finding)
            for number, finding in here
            if finding.location.line <= frame.line <= finding.location.end_line
        ]
        if at_line:
            return _worst(at_line)
    return None


def _worst(found: list[tuple[int, Finding]]) -> int:
    return max(found, key=lambda one: (one[1].severity, one[1].cost.typical, -one[0]))[0]


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _same_file(one: str, other: str) -> bool:
    """Whether two paths may be the same file, seen from different directories."""
    first, second = (path.replace("\\", "/").removeprefix("./") for path in (one, other))
    return first == second or first.endswith("/" + second) or second.endswith("/" + first)


def _place(stall: Stall) -> str:
    if stall.site is None:
        return ""
    return f"{stall.site.path}:{stall.site.line} in {stall.site.function}"


def _seen(group: Sequence[Stall], place: str) -> Seen:
    durations = [stall.duration for stall in group]
    return Seen(
        len(group),
        max(durations),
        sum(durations),
        tuple(sorted({str(stall.kind) for stall in group})),
        tuple(sorted({stall.route for stall in group if stall.route})),
        place,
    )
