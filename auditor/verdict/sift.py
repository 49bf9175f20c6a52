"""Which exposures are to be shown: those that are not suppressed, not in the baseline and were not there before."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from auditor.index import files
from auditor.model import Aside
from auditor.verdict import baseline
from auditor.verdict.baseline import Entry
from auditor.verdict.select import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.config import Config
    from auditor.engine.judge import Hit
    from auditor.link.suspects import Exposed
    from auditor.model import Finding
    from auditor.verdict.findings import Builder
    from auditor.verdict.suppression import Ignore, Suppressions


@dataclass(slots=True)
class Sifted:
    """``findings`` are to be shown. ``counted`` are those that the score counts: all but what is suppressed with a
    reason, undivided. ``present`` names every exposure that is not suppressed; ``gone`` are the positions of baseline
    entries that none of them matches.
    """

    findings: list[Finding] = field(default_factory=list)
    counted: list[Finding] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    present: list[Entry] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)

    def count(self, kind: str) -> int:
        """How many exposures were set aside in that way."""
        return sum(len(aside.finding.exposures) for aside in self.asides if aside.kind == kind)


class _Live(NamedTuple):
    """Hits and exposures of one finding that no comment suppresses; ``first`` is the number of its first exposure."""

    hits: tuple[Hit, ...]
    exposed: list[Exposed]
    finding: Finding
    first: int


def sift(
    builder: Builder,
    groups: Sequence[Sequence[Hit]],
    suppressions: Suppressions,
    config: Config,
    known: Sequence[Entry] = (),
    before: Sequence[Entry] | None = None,
    others: Sequence[Finding] = (),
) -> Sifted:
    """Build the findings. ``known`` are the baseline's entries, ``before`` what the revision to compare with has.

    ``others`` are findings of other tools, each with one exposure; no comment of ours suppresses them.
    """
    result = Sifted()
    wanted = Wanted(config)
    live: list[_Live] = []
    directory = os.path.dirname(config.baseline) if config.baseline else config.root
    for group in groups:
        split = _split(builder, group, suppressions)
        counted: dict[tuple[Hit, ...], list[Exposed]] = {}
        made: dict[tuple[Hit, ...], Finding] = {}
        for (hits, ignore), exposed in split.items():
            finding = made[hits] = builder.finding(hits, exposed)
            if ignore is None:
                live.append(_Live(hits, exposed, finding, len(result.present)))
                result.present += entries(finding, directory)
            elif wanted(finding):
                result.asides.append(Aside(finding, "suppressed", ignore.reason, ignore.path, ignore.line))
            if ignore is None or not ignore.reason:
                counted.setdefault(hits, []).extend(exposed)
        for hits, exposed in counted.items():
            finding = made[hits]
            if len(finding.exposures) != len(exposed):  # parted by comments
                finding = builder.finding(hits, exposed)
            if wanted(finding):
                result.counted.append(finding)
    for finding in others:
        live.append(_Live((), [], finding, len(result.present)))
        result.present += entries(finding, directory)
        if wanted(finding):
            result.counted.append(finding)
    baselined, result.gone = baseline.match(known, result.present)
    old: set[int] = set()
    if before is not None:
        left = [at for at in range(len(result.present)) if at not in baselined]
        matched, _ = baseline.match(before, result.present)
        old = matched & set(left)
    for one in live:
        _divide(builder, one, baselined, old, result, wanted)
    result.findings.sort(key=_by_place)
    result.asides.sort(key=lambda aside: (*_by_place(aside.finding), aside.kind, aside.path, aside.line))
    return result


def _split(
    builder: Builder, group: Sequence[Hit], suppressions: Suppressions
) -> dict[tuple[tuple[Hit, ...], Ignore | None], list[Exposed]]:
    """Exposures by the hits that concern them and the comment that suppresses these; hits may part ways."""
    found: dict[tuple[tuple[Hit, ...], Ignore | None], list[Exposed]] = {}
    for exposed in builder.exposed(group):
        by_comment: dict[Ignore | None, list[Hit]] = {}
        for hit in group:
            by_comment.setdefault(_covering(suppressions, hit, exposed), []).append(hit)
        for ignore, hits in by_comment.items():
            found.setdefault((tuple(hits), ignore), []).append(exposed)
    return found


def _covering(suppressions: Suppressions, hit: Hit, exposed: Exposed) -> Ignore | None:
    code = hit.rule.file.id
    at_sink = suppressions.covering(code, hit.suspect.function.module, hit.span[0], hit.span[2])
    if at_sink is not None:
        return at_sink
    hop = exposed.hops[exposed.at]
    return suppressions.covering(code, hop.function.module, hop.place.line, hop.place.end_line)


def _divide(
    builder: Builder, one: _Live, baselined: set[int], old: set[int], result: Sifted, wanted: Wanted
) -> None:
    """Part a finding into what is new, what the baseline holds and what was there before."""
    kinds: dict[str, list[Exposed]] = {}
    for offset in range(len(one.finding.exposures)):
        number = one.first + offset
        kind = "baselined" if number in baselined else "known" if number in old else ""
        kinds.setdefault(kind, []).extend(one.exposed[offset : offset + 1])
    for kind, exposed_of_kind in kinds.items():
        whole = len(exposed_of_kind) == len(one.exposed)
        finding = one.finding if whole else builder.finding(one.hits, exposed_of_kind)
        if not wanted(finding):
            continue
        if kind == "baselined":
            result.asides.append(Aside(finding, "baselined"))
        elif kind == "known":
            result.asides.append(Aside(finding, "known"))
        else:
            result.findings.append(builder.mended(finding, one.hits, exposed_of_kind))


def entries(finding: Finding, directory: str) -> list[Entry]:
    """A finding's exposures as a baseline writes them, in the order of the finding."""
    sink = f"{finding.callee} in {finding.function}"
    paths: dict[str, str] = {}
    found = []
    for exposure in finding.exposures:
        path = paths.get(exposure.path)
        if path is None:
            path = paths[exposure.path] = _relative(exposure.path, directory)
        found.append(Entry(path, exposure.function, finding.code, sink, exposure.fingerprint))
    return found


def _relative(path: str, directory: str) -> str:
    file, _ = files.split_cell_path(path)
    try:
        return os.path.relpath(file, directory).replace(os.sep, "/")
    except ValueError:  # another drive
        return file


def _by_place(finding: Finding) -> tuple[str, int, int, str]:
    where = finding.location
    return where.path, where.line, where.column, finding.code
