"""The metrics as the real clients of Prometheus and OpenTelemetry read them."""

from __future__ import annotations

import asyncio
import time

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from auditor.runtime import LoopLagMonitor
from auditor.runtime.metrics import BOUNDS, opentelemetry, prometheus


def test_prometheus_and_opentelemetry_read_the_same() -> None:
    registry, reader = CollectorRegistry(), InMemoryMetricReader()
    provider = MeterProvider([reader])

    async def main() -> tuple[str, str]:
        async with LoopLagMonitor(0.1, log=False) as monitor:
            prometheus(monitor, registry)
            opentelemetry(monitor, provider.get_meter("test"))
            await asyncio.sleep(0.2)
            time.sleep(0.6)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(monitor.flush, 60)
            return generate_latest(registry).decode(), read()

    def read() -> str:
        data = reader.get_metrics_data()
        assert data is not None
        found = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            for point in metric.data.data_points:
                found[metric.name, tuple(sorted((point.attributes or {}).items()))] = point
        return found  # type: ignore[return-value]

    text, found = asyncio.run(main())
    provider.shutdown()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    stalls = {
        (sample.labels["kind"], sample.labels["site"]): sample.value
        for sample in families["event_loop_stalls"].samples
        if sample.labels["kind"] == "blocking-wait"
    }
    (((_, site), count),) = stalls.items()
    assert site.endswith("test_metrics.py:" + str(main.__code__.co_firstlineno + 5))
    assert count == 1
    thread = (("loop", "asyncio"), ("thread", "MainThread"))
    observed = {name: point for (name, attributes), point in found.items() if attributes == thread}
    assert observed["event_loop.lag"].count > 0
    assert tuple(observed["event_loop.lag"].explicit_bounds) == BOUNDS
    assert observed["event_loop.lag"].max >= 0.5
    assert observed["event_loop.busy"].value > 0.3
    assert found["event_loop.stalls", (("kind", "blocking-wait"), ("site", site))].value == 1
    buckets = [
        sample for sample in families["event_loop_lag_seconds"].samples if sample.name.endswith("_bucket")
    ]
    assert [sample.labels["le"] for sample in buckets] == [*map(str, BOUNDS), "+Inf"]
    assert buckets[-1].value > buckets[8].value
