"""What was recorded in a program that ran, beside what an audit finds in its source."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio
import time
import requests


def helper(seconds):
    time.sleep(seconds)  # confirmed


def computed():
    total = 0
    end = time.thread_time() + 0.6
    while time.thread_time() < end:  # missed
        total += 1  # missed


def known():
    time.sleep(0.6)  # auditor: ignore[LOOP301] -- on purpose


async def quick():
    time.sleep(0.0001)


async def never(url):
    requests.get(url)


async def main():
    await asyncio.sleep(0.3)
    helper(0.6)
    await asyncio.sleep(0.1)
    computed()
    await asyncio.sleep(0.1)
    known()
    await asyncio.sleep(0.1)
    await quick()


asyncio.run(main())
"""


def lines(mark: str) -> set[int]:
    return {number for number, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith(mark)}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A directory with a program and what `auditor monitor` has recorded of it."""
    (tmp_path / "app.py").write_text(PROGRAM)
    command = ["monitor", "--quiet", "--record", "stalls.jsonl", "--", sys.executable, "app.py"]
    subprocess.run([sys.executable, "-m", "auditor", *command], cwd=tmp_path, check=True, timeout=300)
    return tmp_path


def audited(directory: Path, *options: str) -> dict[str, Any]:
    command = ["check", "app.py", "--evidence", "stalls.jsonl", "-o", "json", "--exit-zero", *options]
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *command],
        cwd=directory,
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def of(found: dict[str, Any], function: str) -> dict[str, Any]:
    (finding,) = [one for one in found["findings"] if one["function"].rpartition(".")[2] == function]
    assert isinstance(finding, dict)
    return finding


def test_findings_are_confirmed_and_stalls_without_one_are_missed_alarms(recorded: Path) -> None:
    found = audited(recorded)
    confirmed = of(found, "helper")
    assert {confirmed["line"]} == lines("# confirmed")
    assert (confirmed["observed"]["stalls"], confirmed["observed"]["kinds"]) == (1, ["blocking-wait"])
    assert confirmed["cost"]["source"] == "observed"
    assert confirmed["cost"]["typical"] == pytest.approx(confirmed["observed"]["longest"], abs=1e-5)
    assert confirmed["cost"]["typical"] > 0.3
    assert "observed" not in of(found, "never")
    missed = {one["aside"]: one for one in found["missed"]}
    assert set(missed) == {"", "suppressed"}
    assert missed[""]["line"] in lines("# missed")
    assert missed[""]["function"] == "computed"
    assert missed[""]["frames"][-1]["function"] == "computed"
    assert [frame["function"] for frame in missed[""]["frames"]][-2:] == ["main", "computed"]
    assert missed["suppressed"]["function"] == "known"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="older ones do not tell what ran")
def test_what_ran_without_a_stall_is_told_from_what_never_ran(recorded: Path) -> None:
    found = audited(recorded, "--min-severity", "MONITOR")
    assert of(found, "quick")["observed"]["stalls"] == 0
    assert "observed" not in of(found, "never")


def test_evidence_outlives_changes_of_the_file_that_do_not_concern_it(recorded: Path) -> None:
    (recorded / "app.py").write_text("# a line more\n\n" + PROGRAM.replace("# confirmed", "# moved"))
    found = audited(recorded)
    assert of(found, "helper")["observed"]["stalls"] == 1
    (recorded / "app.py").write_text(
        PROGRAM.replace("time.sleep(seconds)", "requests.get('http://x', timeout=9)")
    )
    found = audited(recorded)
    assert "observed" not in of(found, "helper")
    assert {one["function"] for one in found["missed"]} >= {"helper", "computed"}


def test_text_says_so_in_words(recorded: Path) -> None:
    command = ["check", "app.py", "--evidence", "stalls.jsonl", "--exit-zero"]
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *command],
        cwd=recorded,
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
        text=True,
    )
    text = " ".join(done.stdout.split())
    assert "confirmed at run time: 1 stall, the longest" in text
    assert "Seen to stall at run time, without a finding:" in text
    assert "in computed" in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", "not a line of JSON that 'auditor monitor --record' writes"),
        ("[1]", "not a line of JSON that 'auditor monitor --record' writes"),
        ('{"stalls": 3}', "not a line of JSON that 'auditor monitor --record' writes"),
        ('{"type": "stall", "version": 1}', "not a stall as auditor records it"),
        ('{"type": "stall", "version": 99}', "not a stall as auditor records it: no stall of version 1"),
    ],
)
def test_a_file_of_something_else_is_one_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    (tmp_path / "stalls.jsonl").write_text(line + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "check", "app.py", "--evidence", "stalls.jsonl"],
        cwd=tmp_path,
        check=False,
        timeout=300,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("auditor: --evidence: stalls.jsonl:1: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
