"""Progress of a run: a bar on a terminal when it takes more than a second, silence everywhere else."""

from __future__ import annotations

import os
from time import monotonic
from types import TracebackType
from typing import Protocol, Self, TextIO

DELAY = 1.0
"""Runs that end sooner show nothing, and never import what draws the bar."""


class Progress(Protocol):
    """What a run tells about itself. Use it as a context manager, so that the bar goes away in the end."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of ``total`` steps; 0 when their number is not known."""

    def advance(self, steps: int = 1) -> None:
        """Finish some steps of the current stage."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Silent:
    """Says nothing."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""

    def advance(self, steps: int = 1) -> None:
        """Finish some steps."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Bar:
    """Draws a bar on ``out`` once the run has taken ``delay`` seconds."""

    def __init__(self, out: TextIO, delay: float = DELAY) -> None:
        self._out = out
        self._due = monotonic() + delay
        self._name = ""
        self._total = 0
        self._done = 0
        self._drawing: _Drawing | None = None

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._name, self._total, self._done = name, total, 0
        if self._drawing:
            self._drawing.stage(name, total)
        else:
            self._draw_when_due()

    def advance(self, steps: int = 1) -> None:
        """Finish some steps."""
        self._done += steps
        if self._drawing:
            self._drawing.advance(steps)
        else:
            self._draw_when_due()

    def _draw_when_due(self) -> None:
        if monotonic() < self._due:
            return
        self._drawing = _Drawing(self._out)
        self._drawing.stage(self._name, self._total)
        self._drawing.advance(self._done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawing:
            self._drawing.close()
            self._drawing = None


class _Drawing:
    """The bar itself; only here is rich imported."""

    def __init__(self, out: TextIO) -> None:
        from rich import progress
        from rich.console import Console

        self._bar = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=30),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            console=Console(file=out),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def stage(self, name: str, total: int) -> None:
        self._bar.reset(self._task, description=name, total=total or None)

    def advance(self, steps: int) -> None:
        self._bar.advance(self._task, steps)

    def close(self) -> None:
        self._bar.stop()


def create(out: TextIO, *, quiet: bool = False) -> Silent | Bar:
    """Return a bar for a terminal that somebody watches, else silence."""
    watched = out.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    return Bar(out) if watched and not quiet else Silent()
