"""The full text report on a terminal, painted by rich."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from auditor.model import Report
from auditor.reporters.layout import ASCII, UNICODE, Layout, Line
from auditor.reporters.options import DEFAULT, Options
from auditor.reporters.output import encodable

_SEVERITIES = {
    "CRITICAL": "bright_magenta",
    "HIGH": "bright_red",
    "MEDIUM": "yellow",
    "MONITOR": "bright_blue",
}

STYLES = {
    "": "",
    "chrome": "bright_black",
    "dim": "dim",
    "message": "bold",
    "code": "cyan",
    "place": "underline",
    "place.step": "dim",
    "function": "bold",
    "label": "bright_black",
    "summary.good": "bold green",
    "summary.bad": "bold",
    **{f"badge.{name}": f"bold reverse {color}" for name, color in _SEVERITIES.items()},
    **{f"severity.{name}": f"bold {color}" for name, color in _SEVERITIES.items()},
    **{f"underline.{name}": f"bold {color}" for name, color in _SEVERITIES.items()},
}


def render(report: Report, out: TextIO, *, options: Options = DEFAULT) -> None:
    """Write ``report`` in colours where the terminal has any; ``NO_COLOR`` is honoured."""
    console = Console(
        file=out,
        width=options.width,
        force_terminal=True if options.terminal else None,
        no_color=None if options.color is None else not options.color,
        highlight=False,
        emoji=False,
        markup=False,
        soft_wrap=True,
    )
    paint(report, console, options)


def paint(report: Report, console: Console, options: Options) -> None:
    """Print ``report`` on ``console``."""
    glyphs = UNICODE if console.encoding.lower().startswith("utf") and not console.legacy_windows else ASCII
    painter = _Painter(console)
    for line in Layout(report, options, glyphs, console.width).lines():
        console.print(painter.text(line), soft_wrap=True, end="\n")


class _Painter:
    def __init__(self, console: Console) -> None:
        self._syntax = Syntax("", "python", theme="ansi_dark")
        self._colored = console.color_system is not None and not console.no_color
        self._encoding = console.encoding

    def text(self, line: Line) -> Text:
        text = Text(no_wrap=True, overflow="ignore", end="")
        for raw, style in line:
            content = encodable(raw, self._encoding)
            if style == "source":
                text.append_text(self._source(content))
            elif self._colored and style.startswith("badge."):
                text.append(f" {content[1:-1]} ", STYLES[style])  # the colour stands in for the brackets
            else:
                text.append(content, STYLES[style])
        return text

    def _source(self, content: str) -> Text:
        """Colour code; the highlighter must not add, drop or change a character of it."""
        colored = self._syntax.highlight(content)
        colored.rstrip()
        return colored if colored.plain == content else Text(content)
