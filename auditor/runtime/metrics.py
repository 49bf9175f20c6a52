"""Metrics of a monitor for Prometheus and OpenTelemetry; both read what the monitor holds anyway, when they are asked.

::

    prometheus(monitor)                     # into prometheus_client's default registry
    opentelemetry(monitor)                  # by the global meter provider

| Prometheus | OpenTelemetry | |
| --- | --- | --- |
| ``event_loop_lag_seconds`` (histogram) | ``event_loop.lag`` (histogram, s) | how late the loop gets to what is due |
| ``event_loop_stalls_total{kind,site}`` | ``event_loop.stalls`` | stalls of at least the threshold |
| ``event_loop_stall_seconds_total{kind,site}`` | ``event_loop.stall.time`` | their durations, added up |
| ``event_loop_busy_seconds_total`` | ``event_loop.busy`` | its rate is the loop's utilisation |
| ``event_loop_ready_callbacks`` | ``event_loop.ready`` | callbacks that wait for their turn |
| ``event_loop_route_...{route}`` | ``event_loop.route....`` | see `auditor.runtime.routes.RouteStats` |

Lag, busy time and ready callbacks have the labels ``loop`` (asyncio, uvloop) and ``thread``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.runtime.board import BUCKETS

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation
    from prometheus_client.registry import CollectorRegistry

    from auditor.runtime.monitor import LoopLagMonitor

BOUNDS = tuple(bound / 1000 for bound in BUCKETS)
"""Upper bounds of the lag histogram in seconds."""
ROUTE_FIGURES = (
    ("requests", "served", "Requests and WebSocket connections served."),
    ("queue_seconds", "waited", "How long they waited for the loop when they arrived."),
    ("lag_seconds", "lag", "How long the loop was away while they were served."),
    ("pings", "pings", "Round trips through the loop while WebSockets were open."),
    ("ping_seconds", "ping", "How long those took."),
    ("stalls", "stalls", "Stalls while the route's own code ran."),
    ("stall_seconds", "stalled", "How long those took."),
)
"""Name, attribute of `RouteStats`, description."""


class LoopFigures(NamedTuple):
    """Of all loops of one kind on threads of one name; seconds, and counts by bucket."""

    loop: str
    thread: str
    lag: tuple[int, ...]
    lag_sum: float
    busy: float
    ready: int


def loop_figures(monitor: LoopLagMonitor) -> list[LoopFigures]:
    """What the loops of the process have done while they were watched."""
    found: dict[tuple[str, str], LoopFigures] = {}
    for state in monitor.loops():
        key = (state["loop"], state["thread"])
        old = found.get(key) or LoopFigures(*key, (0,) * (len(BOUNDS) + 1), 0.0, 0.0, 0)
        found[key] = LoopFigures(
            *key,
            tuple(one + other for one, other in zip(old.lag, state["histogram"], strict=True)),
            old.lag_sum + state["lag_sum"],
            old.busy + max(0.0, state["at"] - state["since"] - state["idle"]),
            old.ready + max(0, state["ready"]),
        )
    return list(found.values())


# ------------------------------------------------------------ Prometheus


def prometheus(monitor: LoopLagMonitor, registry: CollectorRegistry | None = None) -> PrometheusMetrics:
    """Have a registry of prometheus_client (default: the global one) collect the monitor's metrics."""
    from prometheus_client import REGISTRY

    metrics = PrometheusMetrics(monitor)
    (registry or REGISTRY).register(metrics)
    return metrics


class PrometheusMetrics:
    """A collector in the sense of prometheus_client."""

    def __init__(self, monitor: LoopLagMonitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Any]:
        """The metrics as they are now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        labels = ["loop", "thread"]
        lag = HistogramMetricFamily(
            "event_loop_lag_seconds", "How late event loops get to what is due.", labels=labels
        )
        busy = CounterMetricFamily(
            "event_loop_busy_seconds", "Time not spent waiting for events.", labels=labels
        )
        ready = GaugeMetricFamily(
            "event_loop_ready_callbacks", "Callbacks that wait for their turn.", labels=labels
        )
        for found in loop_figures(self._monitor):
            names, total, buckets = [found.loop, found.thread], 0, []
            for bound, count in zip([*map(str, BOUNDS), "+Inf"], found.lag, strict=True):
                total += count
                buckets.append((bound, total))
            lag.add_metric(names, buckets, found.lag_sum)
            busy.add_metric(names, found.busy)
            ready.add_metric(names, found.ready)
        yield from (lag, busy, ready)
        sites = ["kind", "site"]
        stalls = CounterMetricFamily("event_loop_stalls", "Event loops that stood still.", labels=sites)
        seconds = CounterMetricFamily("event_loop_stall_seconds", "For how long they did.", labels=sites)
        for kind, site, count, duration in self._monitor.tally.by_site():
            stalls.add_metric([kind, site], count)
            seconds.add_metric([kind, site], duration)
        yield from (stalls, seconds)
        routes = self._monitor.routes.all()
        for name, attribute, description in ROUTE_FIGURES:
            family = CounterMetricFamily(f"event_loop_route_{name}", description, labels=["route"])
            for route, stats in routes.items():
                family.add_metric([route], getattr(stats, attribute))
            yield family


def renderer(monitor: LoopLagMonitor) -> Callable[[], tuple[bytes, str]]:
    """A function that returns the default registry's metrics and, if they are not in it, those of the monitor.

    With the text comes its content type. Raises ImportError, with the command that helps, without prometheus_client.
    """
    try:
        from prometheus_client import REGISTRY, CollectorRegistry, exposition
    except ImportError:
        raise ImportError("metrics need prometheus-client: pip install 'loop-auditor[monitor]'") from None
    own = CollectorRegistry()
    prometheus(monitor, own)

    def render() -> tuple[bytes, str]:
        text = exposition.generate_latest(REGISTRY)
        if b"event_loop_lag_seconds" not in text:
            text += exposition.generate_latest(own)
        return text, exposition.CONTENT_TYPE_LATEST

    return render


# ------------------------------------------------------------ OpenTelemetry


def opentelemetry(monitor: LoopLagMonitor, meter: Meter | None = None) -> None:
    """Have a meter (default: one of the global provider) observe the monitor's metrics whenever it exports.

    Lags are recorded with the upper bound of their bucket of `BOUNDS` (the last one with twice its lower bound).
    """
    from opentelemetry import metrics

    meter = meter or metrics.get_meter("auditor.runtime")
    lag = meter.create_histogram(
        "event_loop.lag",
        unit="s",
        description="How late event loops get to what is due.",
        explicit_bucket_boundaries_advisory=list(BOUNDS),
    )
    seen: dict[tuple[str, str], tuple[int, ...]] = {}

    def observe(value: Callable[[LoopFigures], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            for found in loop_figures(monitor):
                yield metrics.Observation(value(found), {"loop": found.loop, "thread": found.thread})

        return callback

    def busy(options: CallbackOptions) -> Iterable[Observation]:
        for found in loop_figures(monitor):
            names = (found.loop, found.thread)
            before = seen.get(names, (0,) * len(found.lag))
            seen[names] = found.lag
            for bound, now, then in zip((*BOUNDS, 2 * BOUNDS[-1]), found.lag, before, strict=True):
                for _ in range(max(0, now - then)):
                    lag.record(bound, {"loop": found.loop, "thread": found.thread})
        return observe(lambda found: found.busy)(options)

    def stalls(column: int) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            for row in monitor.tally.by_site():
                yield metrics.Observation(row[column], {"kind": row[0], "site": row[1]})  # type: ignore[arg-type]

        return callback

    def routes(attribute: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            for route, stats in monitor.routes.all().items():
                yield metrics.Observation(getattr(stats, attribute), {"route": route})

        return callback

    counter = meter.create_observable_counter
    counter("event_loop.busy", [busy], unit="s", description="Time not spent waiting for events.")
    counter("event_loop.stalls", [stalls(2)], description="Event loops that stood still.")
    counter("event_loop.stall.time", [stalls(3)], unit="s", description="For how long they did.")
    meter.create_observable_gauge(
        "event_loop.ready",
        [observe(lambda found: found.ready)],
        description="Callbacks that wait for their turn.",
    )
    for name, attribute, description in ROUTE_FIGURES:
        unit = "s" if name.endswith("seconds") else "1"
        counter(f"event_loop.route.{name}", [routes(attribute)], unit=unit, description=description)
