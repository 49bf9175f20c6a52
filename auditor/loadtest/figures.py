"""What rounds come to: percentiles per engine, and whether the engines keep what they promise. Times are seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from auditor.loadtest.plan import HEARTBEAT_SLO, REQUEST_SLO, Record, Sample
from auditor.loadtest.rounds import BROKEN, FIXED, IDLE, Round

KINDS = ("heartbeats", "requests", "uploads")


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of latencies."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One engine over all its rounds."""

    engine: str
    rounds: int
    spreads: dict[str, Spread]
    """Of all samples together, by kind; a kind without samples is missing."""
    typical: dict[str, Spread]
    """The median of the rounds' own figures: one round that something else disturbed does not move it."""
    documents_per_second: float
    sent: int
    lost: int
    errors: dict[str, int]
    lateness_p99: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something that was promised, and what was measured."""

    what: str
    measured: str
    kept: bool


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by ``share`` of the values (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(samples: Sequence[Sample]) -> Spread | None:
    """None without samples."""
    if not samples:
        return None
    ordered = sorted(latency for _, latency in samples)
    return Spread(
        len(ordered),
        percentile(ordered, 0.5),
        percentile(ordered, 0.95),
        percentile(ordered, 0.99),
        ordered[-1],
    )


def summarise(rounds: Sequence[Round]) -> list[Summary]:
    """One summary per engine, in the order of their first rounds."""
    return [
        _summary(engine, [one for one in rounds if one.engine == engine])
        for engine in dict.fromkeys(one.engine for one in rounds)
    ]


def _summary(engine: str, rounds: list[Round]) -> Summary:
    total = Record()
    for one in rounds:
        total.add(one.record)
    spreads, typical = {}, {}
    for kind in KINDS:
        together = spread(getattr(total, kind))
        if together is not None:
            spreads[kind] = together
            typical[kind] = _median_spread([spread(getattr(one.record, kind)) for one in rounds])
    seconds = sum(one.load.seconds for one in rounds)
    late = sorted(total.lateness) or [0.0]
    return Summary(
        engine,
        len(rounds),
        spreads,
        typical,
        len(total.documents) / seconds,
        total.sent,
        total.lost,
        total.errors,
        percentile(late, 0.99),
    )


def _median_spread(spreads: list[Spread | None]) -> Spread:
    found = [one for one in spreads if one is not None]
    return Spread(
        round(median(one.count for one in found)),
        median(one.p50 for one in found),
        median(one.p95 for one in found),
        median(one.p99 for one in found),
        median(one.max for one in found),
    )


def limits(summaries: Sequence[Summary]) -> list[Verdict]:
    """The limits of the audit document, for every engine."""
    verdicts = []
    for one in summaries:
        for kind, limit, what in (
            ("heartbeats", HEARTBEAT_SLO, "heartbeat"),
            ("requests", REQUEST_SLO, "request"),
        ):
            if kind in one.spreads:
                p99 = one.typical[kind].p99
                verdicts.append(
                    Verdict(
                        f"{one.engine}: {what} p99 under {1000 * limit:g} ms",
                        f"{_ms(p99)} ms",
                        p99 < limit,
                    )
                )
    return verdicts


def promises(rounds: Sequence[Round], summaries: Sequence[Summary]) -> list[Verdict]:
    """What the fixed engine promises beside the idle and the broken one; nothing unless all three have run."""
    by_name = {one.engine: one for one in summaries}
    if not {IDLE, BROKEN, FIXED} <= by_name.keys():
        return []
    idle, broken, fixed = by_name[IDLE], by_name[BROKEN], by_name[FIXED]
    quiet, calm = idle.typical["heartbeats"], fixed.typical["heartbeats"]
    verdicts = [
        _ratio("heartbeat p99 at most 3 x idle", calm.p99, quiet.p99, 3.0),
        _under("heartbeat p99 at most 50 ms while idle's is under 15", calm.p99, 0.050, quiet.p99 < 0.015),
        _worst(rounds),
        _ratio(
            "request p99 at most 3 x idle", fixed.typical["requests"].p99, idle.typical["requests"].p99, 3.0
        ),
        Verdict("no heartbeat lost", f"{fixed.lost} of {fixed.sent}", fixed.lost == 0),
        Verdict(
            "documents per second at least those of broken",
            f"{fixed.documents_per_second:.2f} to {broken.documents_per_second:.2f}",
            fixed.documents_per_second >= broken.documents_per_second,
        ),
    ]
    if "uploads" in fixed.typical:
        verdicts.insert(4, _under("upload p95 under 500 ms", fixed.typical["uploads"].p95, 0.5, True))
    factor = broken.typical["heartbeats"].p99 / calm.p99
    verdicts.append(Verdict("broken's heartbeat p99 at least 50 x fixed's", f"{factor:.0f} x", factor >= 50))
    return verdicts


def _worst(rounds: Sequence[Round]) -> Verdict:
    """Round by round, since a disturbance of one round says nothing about the others."""
    worst: dict[tuple[str, int], float] = {}
    for one in rounds:
        worst[one.engine, one.number] = max((latency for _, latency in one.record.heartbeats), default=0.0)
    numbers = [number for engine, number in worst if engine == IDLE and worst[engine, number] < 0.035]
    measured = [worst[FIXED, number] for number in numbers if (FIXED, number) in worst]
    what = "heartbeat maximum under 100 ms in rounds where idle's is under 35"
    if not measured:
        return Verdict(what, "no such round", True)
    good = sum(one < 0.1 for one in measured)
    return Verdict(what, f"{good} of {len(measured)} rounds, {_ms(max(measured))} ms", good == len(measured))


def _ratio(what: str, measured: float, base: float, limit: float) -> Verdict:
    return Verdict(
        what,
        f"{_ms(measured)} to {_ms(base)} ms, {measured / base:.2f} x",
        measured <= limit * base,
    )


def _under(what: str, measured: float, limit: float, applies: bool) -> Verdict:
    text = f"{_ms(measured)} ms"
    return Verdict(what, text if applies else f"{text}, does not apply", measured <= limit or not applies)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}" if seconds < 0.1 else f"{1000 * seconds:.0f}"
