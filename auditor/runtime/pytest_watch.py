"""What the pytest plugin does once it is asked to: watches all loops, and judges tests by what stood still."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from auditor.model import Stall
from auditor.runtime import hooks
from auditor.runtime.clock import parse_duration, words
from auditor.runtime.engine import Subscriber, engine
from auditor.runtime.wording import BLAMELESS, KINDS, place, shown_path

SHOWN = 10
PROPERTY = "loop_lag"
READY = 5.0
"""Seconds that the process beside may take to start before the first test."""
ALLOWED = float("inf")


@dataclass(slots=True)
class LoopLag:
    """The stalls of one test, with the limit in seconds; ``seen`` holds those as well that nobody is to blame for."""

    limit: float
    seen: list[Stall] = field(default_factory=list)

    @property
    def stalls(self) -> tuple[Stall, ...]:
        """Those that have ended so far and are longer than the threshold of the run.

        Without those that no code is to blame for: garbage collection, a machine that ran something else.
        """
        engine.flush()
        return tuple(stall for stall in self.seen if stall.kind not in BLAMELESS)

    @property
    def longest(self) -> float:
        """Seconds of the longest of them, or 0."""
        return max((stall.duration for stall in self.stalls), default=0.0)

    def allow(self, limit: float | str | None) -> None:
        """From now on let the test pass with stalls up to this long; None: with any."""
        self.limit = _limit(limit)


class Watch:
    """Registered when loops are to be watched: on each worker of xdist, and on the controller for the summary."""

    def __init__(self, threshold: float, *, every: bool, fails: bool, record: str) -> None:
        self._threshold = threshold
        self._default = threshold if every else ALLOWED
        self._fails = fails
        self._record = os.path.abspath(record) if record else ""
        self._subscriber: Subscriber | None = None
        self._lowest = threshold
        self._test: LoopLag | None = None
        self._item: pytest.Item | None = None
        self._lates = 0
        self._reported: list[tuple[str, dict[str, Any]]] = []
        self._tests = 0

    # ------------------------------------------------------------ what to watch

    def expect(self, items: Iterable[pytest.Item]) -> None:
        """Watch closely enough for these marked tests."""
        for item in items:
            limit = self._limit_of(item)
            self._lowest = min(self._lowest, max(limit, 0.001))

    def of_test(self, item: pytest.Item) -> LoopLag:
        """The stalls of a test that runs; begins to watch if nobody has."""
        self._start()
        if self._test is None or self._item is not item:
            self._item, self._test = item, LoopLag(self._limit_of(item))
        return self._test

    def _limit_of(self, item: pytest.Item) -> float:
        marker = item.get_closest_marker("loop_lag")
        if marker is None:
            return self._default
        if len(marker.args) + len(marker.kwargs) != 1 or not set(marker.kwargs) <= {"max"}:
            raise pytest.UsageError(f"{item.nodeid}: write @pytest.mark.loop_lag(max='50ms')")
        value = marker.args[0] if marker.args else marker.kwargs["max"]
        try:
            return _limit(value)
        except ValueError as error:
            raise pytest.UsageError(f"{item.nodeid}: loop_lag: {error}") from None

    def _start(self) -> None:
        if self._subscriber is not None:
            return
        self._subscriber = Subscriber(self._lowest, self._hear, record=self._record)
        engine.subscribe(self._subscriber)
        hooks.put_on()
        engine.mode(READY)

    def _hear(self, stall: Stall) -> None:
        if stall.state == "ended" and self._test is not None:
            self._test.seen.append(stall)

    # ------------------------------------------------------------ hooks of pytest

    def pytest_report_header(self) -> str | None:
        if self._default == ALLOWED:
            return None
        return f"loop-lag: event loops that stand still for {words(self._threshold)}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        if self._default == ALLOWED and item.get_closest_marker("loop_lag") is None:
            return (yield)
        self.of_test(item)
        self._lates = engine.lates()
        try:
            return (yield)
        finally:
            self._item = self._test = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        test = self._test
        if test is None or self._item is not item:
            return report
        if engine.lates() != self._lates:
            self._lates = engine.lates()
            engine.flush()
        stalls, test.seen = test.seen, []
        if stalls:
            item.user_properties += [
                (PROPERTY, f"{words(stall.duration)} at {place(stall)} ({stall.kind})") for stall in stalls
            ]
            self._judge(report, stalls, test.limit)
        return report

    def _judge(self, report: pytest.TestReport, stalls: list[Stall], limit: float) -> None:
        guilty = [
            stall
            for stall in stalls
            if self._fails and _of_its_own(stall) > limit and stall.kind not in BLAMELESS
        ]
        shown = [_summary(stall, failed=stall in guilty) for stall in stalls]
        report.loop_lag = shown  # type: ignore[attr-defined]  # travels with the report between processes
        if not guilty or report.failed or report.skipped:
            return
        report.outcome = "failed"
        report.longrepr = explain(guilty, limit)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._tests += 1
        self._reported += [(report.nodeid, found) for found in getattr(report, "loop_lag", ())]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._reported:
            terminalreporter.section("event loops that stood still")
            worst = sorted(self._reported, key=lambda found: -found[1]["duration"])
            for nodeid, found in worst[:SHOWN]:
                mark = "" if found["failed"] else ", allowed" if found["blame"] else ", nobody's fault"
                terminalreporter.line(
                    f"{words(found['duration']):>7}  {found['place']}  [{found['kind']}{mark}]  {nodeid}"
                )
                if found["text"]:
                    terminalreporter.line(f"         {found['text']}")
            if len(worst) > SHOWN:
                terminalreporter.line(f"         and {len(worst) - SHOWN} more")
        mode, why = engine.mode()
        if mode in {"thread", "sentinel-without-py-spy"} and why:
            terminalreporter.line(
                f"loop-lag: watched without py-spy ({why}); calls of C code may be named by the next line"
            )

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        if self._subscriber is not None:
            hooks.take_off()
            engine.unsubscribe(self._subscriber)
            self._subscriber = None


def explain(stalls: list[Stall], limit: float) -> str:
    """Why a test fails, for its report: each stall with the project's frames, innermost last."""
    lines = []
    for stall in sorted(stalls, key=lambda stall: -stall.duration):
        task = f", task {stall.task}" if stall.task else ""
        lines.append(
            f"The event loop stood still for {words(stall.duration)} (allowed: {words(limit)}): "
            f"{KINDS[stall.kind]} [{stall.kind}]{task}"
        )
        project = [frame for frame in reversed(stall.frames) if frame.project]
        if stall.culprit:
            lines.append(f"  on thread {stall.culprit}")
        lines += [f"  {shown_path(frame.path)}:{frame.line} in {frame.function}" for frame in project[-12:]]
        if stall.site is not None and stall.site.text:
            lines.append(f"> {stall.site.text}")
        if stall.note:
            lines.append(f"  {stall.note}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _limit(value: Any) -> float:
    """Seconds of a limit given as words, seconds or None. Raises ValueError for others."""
    if value is None:
        return ALLOWED
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0.001 <= value <= 3600:
        return float(value)
    raise ValueError(f"{value!r} is no duration; write max='50ms' or seconds")


def _of_its_own(stall: Stall) -> float:
    """Seconds of a stall in which neither the machine ran something else nor garbage was collected."""
    return stall.duration - stall.queued - stall.collecting


def _summary(stall: Stall, *, failed: bool) -> dict[str, Any]:
    return {
        "duration": stall.duration,
        "place": place(stall),
        "kind": stall.kind.value,
        "text": stall.site.text if stall.site else "",
        "failed": failed,
        "blame": stall.kind not in BLAMELESS,
    }
