"""The pytest plugin in runs of its own: which tests fail, what is said of them, and what it costs when nobody asks."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from textwrap import dedent

import pytest

from auditor.runtime.wording import BLAMELESS

TESTS = """
import asyncio, time
import pytest

def helper():
    time.sleep(0.5)  # the stall

async def work():
    await asyncio.sleep(0.02)
    helper()

@pytest.fixture
def anyio_backend():
    return "asyncio"

def test_plain():
    asyncio.run(work())

def test_harmless():
    time.sleep(0.5)
    asyncio.run(asyncio.sleep(0.5))
    asyncio.run(asyncio.to_thread(time.sleep, 0.5))

@pytest.mark.asyncio
async def test_with_pytest_asyncio():
    await work()

@pytest.mark.anyio
async def test_with_anyio():
    await work()

@pytest.mark.loop_lag(max=None)
def test_allowed():
    asyncio.run(work())

@pytest.mark.loop_lag(max="20ms")
def test_strict():
    async def main():
        await asyncio.sleep(0.03)
        time.sleep(0.5)
        await asyncio.sleep(0.01)
    asyncio.run(main())

def test_fixture(loop_lag):
    loop_lag.allow("100s")
    asyncio.run(work())
    assert loop_lag.longest > 0.1
    assert [stall.site.text for stall in loop_lag.stalls] == ["time.sleep(0.5)  # the stall"]

def test_that_fails_anyway():
    asyncio.run(work())
    assert False, "its own reason"
"""


def blameless(said: str) -> bool:
    """Whether the machine is to blame for a stall: the suite may run beside others."""
    return "(machine-busy)" in said or "(garbage-collection)" in said


GUILTY = {"test_plain", "test_with_pytest_asyncio", "test_with_anyio", "test_strict"}


@pytest.fixture
def run_pytest(tmp_path: Path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")

    def run(source: str, *options: str) -> tuple[str, dict[str, str], ET.Element]:
        (tmp_path / "test_it.py").write_text(dedent(source))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=junit.xml", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        junit = (
            ET.parse(tmp_path / "junit.xml").getroot()
            if (tmp_path / "junit.xml").exists()
            else ET.Element("none")
        )
        outcomes = {}
        for case in junit.iter("testcase"):
            failure = case.find("failure")
            outcomes[case.attrib["name"]] = "passed" if failure is None else failure.text or ""
        return done.stdout + done.stderr, outcomes, junit

    return run


@pytest.mark.parametrize(
    "options",
    [["--loop-lag"], pytest.param(["--loop-lag=100ms", "-n2"], marks=pytest.mark.slow)],
    ids=["alone", "xdist"],
)
def test_tests_whose_loop_stood_still_fail_with_the_line(run_pytest, options: list[str]) -> None:
    output, outcomes, junit = run_pytest(TESTS, *options)
    failed = {name for name, text in outcomes.items() if text != "passed"}
    assert failed == GUILTY | {"test_that_fails_anyway"}, output
    assert "its own reason" in outcomes["test_that_fails_anyway"]
    for name in GUILTY - {"test_strict"}:
        assert "The event loop stood still for" in outcomes[name]
        assert (
            "  test_it.py:10 in work\n  test_it.py:6 in helper\n> time.sleep(0.5)  # the stall"
            in outcomes[name]
        )
    assert "allowed: 20 ms" in outcomes["test_strict"]
    properties = {
        case.attrib["name"]: [found.attrib["value"] for found in case.iter("property")]
        for case in junit.iter("testcase")
    }
    own = {name: [value for value in values if not blameless(value)] for name, values in properties.items()}
    (allowed,) = own["test_allowed"]
    assert allowed.endswith("at test_it.py:6 in helper (blocking-wait)")
    assert not own["test_harmless"]
    summary = output.partition("event loops that stood still")[2].partition("short test summary")[0]
    stalls = sorted(
        line.partition("s  ")[2] for line in summary.splitlines() if "test_it.py:6 in helper" in line
    )
    assert stalls == [
        f"test_it.py:6 in helper  [blocking-wait{allowed}]  test_it.py::{name}"
        for allowed, name in [
            (", allowed", "test_allowed"),
            (", allowed", "test_fixture"),
            ("", "test_plain"),
            ("", "test_that_fails_anyway"),
            ("", "test_with_anyio"),
            ("", "test_with_pytest_asyncio"),
        ]
    ]


def test_reports_without_failing_when_asked_to(run_pytest) -> None:
    output, outcomes, _ = run_pytest(TESTS, "--loop-lag", "--loop-lag-report", "-k", "plain")
    assert outcomes == {"test_plain": "passed"}
    assert "test_it.py:6 in helper" in output


def test_marked_tests_are_watched_without_the_option_and_others_are_not(run_pytest) -> None:
    _, outcomes, _ = run_pytest(TESTS, "-k", "plain or strict")
    assert outcomes["test_plain"] == "passed"
    assert "allowed: 20 ms" in outcomes["test_strict"]


def test_nothing_is_imported_or_started_unless_asked_for(run_pytest) -> None:
    output, outcomes, _ = run_pytest(
        """
        import os, subprocess, sys

        def test_nothing():
            loaded = {name for name in sys.modules if name.startswith("auditor.")}
            assert loaded == {"auditor.runtime", "auditor.runtime.pytest_plugin"}
        """
    )
    assert outcomes == {"test_nothing": "passed"}, output


def test_settings_of_the_project_turn_it_on_and_off_says_no(run_pytest, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nloop_lag = 150ms\nasyncio_default_fixture_loop_scope = function\n"
    )
    _, outcomes, _ = run_pytest(TESTS, "-k", "plain")
    assert "allowed: 150 ms" in outcomes["test_plain"]
    _, outcomes, _ = run_pytest(TESTS, "-k", "plain or strict", "--loop-lag=off")
    assert set(outcomes.values()) == {"passed"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--loop-lag", "test_it.py"], "--loop-lag: 'test_it.py' is no duration"),
        (["--loop-lag=fast"], "before a path write --loop-lag=100ms"),
        (["-o", "loop_lag=fast"], "loop_lag of the configuration file: 'fast' is no duration"),
    ],
)
def test_a_time_that_is_none_is_one_line(run_pytest, options: list[str], said: str) -> None:
    output, outcomes, _ = run_pytest(TESTS, *options)
    assert not outcomes
    assert [line for line in output.splitlines() if said in line and line.startswith("ERROR")]


def test_a_marker_that_makes_no_sense_is_one_line(run_pytest) -> None:
    output, outcomes, _ = run_pytest("import pytest\n@pytest.mark.loop_lag()\ndef test_it(): pass\n")
    assert not outcomes
    assert "write @pytest.mark.loop_lag(max='50ms')" in output


def test_stalls_are_recorded(run_pytest, tmp_path: Path) -> None:
    from auditor.runtime import record

    run_pytest(TESTS, "--loop-lag", "--loop-lag-record=stalls.jsonl", "-k", "plain")
    found = record.stalls(str(tmp_path / "stalls.jsonl"))
    (stall,) = [stall for stall in found if stall.kind not in BLAMELESS]
    assert stall.site is not None
    assert (stall.site.line, stall.site.function) == (6, "helper")
