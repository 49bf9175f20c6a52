"""The pytest plugin: ``pytest --loop-lag`` fails tests during which an event loop stood still, and names the line.

This module is loaded by every run of pytest where auditor is installed, so it imports nothing that pytest has not
imported already; what does the work is imported, and registered, only when the option, the setting, a marker or the
fixture asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from auditor.runtime.pytest_watch import LoopLag, Watch

_OFF = frozenset({"off", "no", "false"})
_WATCH = "auditor-loop-lag-watch"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the settings."""
    group = parser.getgroup("loop-lag", "event loops that stand still (auditor)")
    group.addoption(
        "--loop-lag",
        nargs="?",
        const="",
        metavar="TIME",
        help="fail tests during which an event loop stood still for TIME (--loop-lag=50ms; default 100ms)",
    )
    group.addoption("--loop-lag-report", action="store_true", help="report stalls, but fail no test for them")
    group.addoption("--loop-lag-record", metavar="FILE", help="append each stall to FILE as a line of JSON")
    parser.addini("loop_lag", "watch event loops, as --loop-lag=TIME does", default="")
    parser.addini(
        "loop_lag_report", "report stalls of event loops, but fail no test for them", "bool", default=False
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; begin to watch if asked to."""
    config.addinivalue_line(
        "markers",
        "loop_lag(max): fail the test if an event loop stands still for longer than max ('50ms'); "
        "max=None: allow whatever it does",
    )
    given = config.getoption("loop_lag")
    wanted = config.getini("loop_lag") if given is None else given
    if (given is None and not wanted) or wanted.lower() in _OFF:
        return
    named = "--loop-lag" if wanted and given is not None else "loop_lag of the configuration file"
    _watch(config, wanted or config.getini("loop_lag") or "100ms", every=True, named=named)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Watch for the sake of marked tests; nothing else, if the option was not given."""
    marked = [item for item in items if next(item.iter_markers("loop_lag"), None) is not None]
    if not marked:
        return
    given = config.getoption("loop_lag")
    if given is not None and given.lower() in _OFF:
        return
    watch: Watch = config.pluginmanager.getplugin(_WATCH) or _watch(config, "100ms", every=False)
    watch.expect(marked)


@pytest.fixture
def loop_lag(request: pytest.FixtureRequest) -> LoopLag:
    """The stalls of this test so far: ``loop_lag.stalls``, ``loop_lag.longest`` (seconds), ``loop_lag.allow(max)``."""
    config = request.config
    watch: Watch = config.pluginmanager.getplugin(_WATCH) or _watch(config, "100ms", every=False)
    return watch.of_test(request.node)


def _watch(config: pytest.Config, threshold: str, *, every: bool, named: str = "--loop-lag") -> Watch:
    from auditor.runtime.clock import parse_duration
    from auditor.runtime.pytest_watch import Watch

    try:
        seconds = parse_duration(threshold)
    except ValueError as error:
        advice = "; before a path write --loop-lag=100ms" if named == "--loop-lag" else ""
        raise pytest.UsageError(f"{named}: {error}{advice}") from None
    record = config.getoption("loop_lag_record")
    lenient = config.getoption("loop_lag_report") or config.getini("loop_lag_report")
    watch = Watch(seconds, every=every, fails=not lenient, record=record or "")
    config.pluginmanager.register(watch, _WATCH)
    return watch
