"""A progress line on standard error for runs over a second, on terminals only."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self

_DELAY = 1.0
_INTERVAL = 0.1
_WIDTH = 24


class Progress:
    """Called with the stage, how much of it is done and how much there is; clears its line when left."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._next = self._start + _DELAY
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _INTERVAL
        self._shown = True
        filled = _WIDTH * min(done, total) // total if total else 0
        bar = f" [{'#' * filled:{_WIDTH}}] {done:,}/{total:,}" if total else ""
        sys.stderr.write(f"\r\x1b[2K{stage}{bar} {now - self._start:.0f} s")
        sys.stderr.flush()


def wanted(*, quiet: bool) -> bool:
    """Whether somebody is there to watch."""
    return not quiet and sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
