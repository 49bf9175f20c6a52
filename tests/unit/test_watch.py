"""``--watch``: audits again whenever a file that matters changes, and survives mistakes in between."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cli.main import main

BLOCKING = "import time\n\n\nasync def f():\n    time.sleep({})\n"
PATIENCE = 60


class Watching:
    """A watching process, its output read line by line."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-u", "-m", "auditor", "check", "-o", "concise", "--watch", *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def round(self) -> list[str]:
        """What one audit prints."""
        lines = []
        while "Ctrl-C ends it" not in (line := self._lines.get(timeout=PATIENCE)):
            lines.append(line)
        return lines


@pytest.fixture
def watching(project: Path) -> Iterator[Watching]:
    (project / "a.py").write_text(BLOCKING.format(1))
    one = Watching()
    yield one
    one.close()


@pytest.mark.skipif(os.name == "nt", reason="interrupts are other there")
def test_every_change_is_audited(watching: Watching, project: Path) -> None:
    assert watching.round()[0].startswith("a.py:5:5: LOOP301 HIGH")
    (project / "a.py").write_text(BLOCKING.format(12))
    assert watching.round()[0].startswith("a.py:5:5: LOOP301 CRITICAL")
    (project / "b.py").write_text(BLOCKING.format(1))
    assert [line[:5] for line in watching.round()[:2]] == ["a.py:", "b.py:"]
    (project / "b.py").unlink()
    assert watching.round()[0].startswith("a.py:5:5: LOOP301 CRITICAL")
    (project / "auditor.toml").write_text("ignore = ['LOOP']\nnonsense = 1\n")
    assert any("unknown setting 'nonsense'" in line for line in watching.round())
    (project / "auditor.toml").write_text("ignore = ['LOOP301']\n")
    assert watching.round()[-1].startswith("No findings")
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(PATIENCE) == 0


@pytest.mark.skipif(os.name == "nt", reason="interrupts are other there")
def test_the_exit_code_is_that_of_the_last_audit(watching: Watching) -> None:
    watching.round()
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(PATIENCE) == 1


def test_not_with_standard_input(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--watch", "--stdin-filename", "a.py"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
