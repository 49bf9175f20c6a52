"""Which recorded stalls a finding explains.

A stall was seen in a stack, a finding names a statement; the file may have changed between, or lie elsewhere by now. In
a file of the same content the line decides, within the same function. Otherwise the function's name and that of what
it calls do.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.model import BLAMELESS, Finding, Frame, Location, Observation, Stall

_SCOPES = re.compile(r"\.?<(?:locals|listcomp|dictcomp|setcomp|genexpr)>")

Place = tuple[Location, str]
"""Where a finding is, and its code: what stays the same when it is judged again."""


@dataclass(slots=True)
class Matches:
    """``explained`` maps places of findings to their stalls; ``others`` have no finding."""

    explained: dict[Place, list[Stall]] = field(default_factory=dict)
    others: list[Stall] = field(default_factory=list)


class Files:
    """Digests and ages of the files as they are now."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def unchanged(self, path: str, frame: Frame, stall: Stall) -> bool:
        """Whether ``path`` holds what ran, as far as that is known."""
        site = stall.site
        if site is not None and site.path == frame.path:
            return not site.sha256 or site.sha256 == self.digest(path)
        try:
            return os.stat(path).st_mtime < stall.start
        except OSError:
            return False

    def digest(self, path: str) -> str:
        """The sha256 of a file's content; empty when it cannot be read."""
        found = self._digests.get(path)
        if found is None:
            try:
                with open(path, "rb") as file:
                    found = hashlib.sha256(file.read()).hexdigest()
            except OSError:
                found = ""
            self._digests[path] = found
        return found


def match(findings: Sequence[Finding], stalls: Sequence[Stall]) -> Matches:
    """Give each stall to the finding at the innermost frame that has one; those without one are told apart.

    A stall that nobody is to blame for is left out.
    """
    by_name: dict[str, list[Finding]] = {}
    for finding in findings:
        by_name.setdefault(_name(finding.location.path), []).append(finding)
    found, files = Matches(), Files()
    for stall in stalls:
        if stall.kind in BLAMELESS:
            continue
        explanation = _explanation(stall, by_name, files)
        if explanation is None:
            found.others.append(stall)
        else:
            found.explained.setdefault(place_of(explanation), []).append(stall)
    return found


def place_of(finding: Finding) -> Place:
    """Names a finding."""
    return finding.location, finding.code


def observation(stalls: Sequence[Stall]) -> Observation:
    """Some stalls in figures."""
    durations = [stall.duration for stall in stalls]
    return Observation(
        len(stalls),
        max(durations),
        sum(durations),
        tuple(sorted({str(stall.kind) for stall in stalls})),
        tuple(sorted({stall.route for stall in stalls if stall.route})),
    )


def same_file(one: str, other: str) -> bool:
    """Whether two paths may be those of one file, seen from different directories or on different machines."""
    first, second = (path.replace("\\", "/").removeprefix("./") for path in (one, other))
    return first == second or first.endswith("/" + second) or second.endswith("/" + first)


def same_function(seen: str, dotted: str) -> bool:
    """Whether a code object's qualified name is that of a function that findings name with its module."""
    plain = _SCOPES.sub("", seen)
    return not plain or plain.startswith("<") or dotted == plain or dotted.endswith("." + plain)


def _explanation(stall: Stall, by_name: Mapping[str, Sequence[Finding]], files: Files) -> Finding | None:
    frames = list(stall.frames)
    if stall.site is not None and not any(
        (frame.path, frame.line) == (stall.site.path, stall.site.line) for frame in frames
    ):
        frames.append(Frame(stall.site.path, stall.site.line, stall.site.function, project=True))
    inner = ""
    for frame in frames:
        here = [
            finding
            for finding in by_name.get(_name(frame.path), ())
            if same_file(frame.path, finding.location.path)
            and same_function(frame.function, finding.function)
        ]
        at_line = [
            finding
            for finding in here
            if finding.location.line <= frame.line <= finding.location.end_line
            and files.unchanged(finding.location.path, frame, stall)
        ]
        if not at_line:
            at_line = [finding for finding in here if _calls(finding, frame, inner, stall)]
        if at_line:
            return max(at_line, key=lambda one: (one.severity, one.cost.typical, -one.location.line))
        inner = frame.function
    return None


def _calls(finding: Finding, frame: Frame, inner: str, stall: Stall) -> bool:
    """Whether the frame was in the finding's call, by its name: in the line's text, or that of the frame within it."""
    callee = finding.callee.rpartition(".")[2]
    if not callee:
        return False
    if inner.rpartition(".")[2] == callee:
        return True
    site = stall.site
    at_site = site is not None and (site.path, site.line) == (frame.path, frame.line)
    return at_site and site is not None and re.search(rf"\b{re.escape(callee)}\s*\(", site.text) is not None


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
