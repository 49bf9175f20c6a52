"""The bar appears on a watched terminal after a while, and nowhere else."""

from __future__ import annotations

import io
import re
import time

import pytest

from auditor.reporters.progress import Bar, Silent, create


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_only_watched_terminals_get_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(create(_Terminal()), Bar)
    assert isinstance(create(io.StringIO()), Silent)
    assert isinstance(create(_Terminal(), quiet=True), Silent)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(create(_Terminal()), Silent)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("CI", "true")
    assert isinstance(create(_Terminal()), Silent)


def test_a_short_run_shows_nothing() -> None:
    out = _Terminal()
    with Bar(out) as bar:
        bar.stage("index", 100)
        for _ in range(100):
            bar.advance()
    assert out.getvalue() == ""


def test_a_long_run_shows_its_stages_and_cleans_up() -> None:
    out = _Terminal()
    with Bar(out, delay=0.0) as bar:
        bar.stage("index", 4)
        bar.advance(3)
        time.sleep(0.25)
        bar.stage("link", 0)
        bar.advance()
        time.sleep(0.25)
    text = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert "index" in text
    assert "3/4" in text
    assert "link" in text
    assert out.getvalue().rstrip().endswith(("\x1b[2K", "\x1b[?25h")) or "\x1b[2K" in text[-20:]


def test_silence_is_silent() -> None:
    with Silent() as progress:
        progress.stage("index", 3)
        progress.advance()
