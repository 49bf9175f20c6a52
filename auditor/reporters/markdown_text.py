"""Writing Markdown (GitHub's flavour) that shows every character of what strangers have written, and obeys none."""

from __future__ import annotations

import re

from auditor.reporters.cells import escape
from auditor.reporters.machine import plain

_ACTIVE = re.compile(r"([\\`*_{}\[\]<>()#+!|~@$&])")
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(:)|\b(www)(\.)")
_TICKS = re.compile(r"`+")
_LIST_MARK = re.compile(r"^(\s*)(?:([-+=])|(\d+)([.)]))")


def text(value: str) -> str:
    """Plain text on one line: nothing in it is markup, a link, a mention or a reference."""
    shown = _ACTIVE.sub(r"\\\1", plain(escape(value)))
    shown = _AUTOLINK.sub(lambda match: f"{match[1] or match[3]}\\{match[2] or match[4]}", shown)
    return _LIST_MARK.sub(
        lambda match: f"{match[1]}\\{match[2]}" if match[2] else f"{match[1]}{match[3]}\\{match[4]}", shown
    )


def code(value: str) -> str:
    """A span of code, with as many backticks around it as its own backticks ask for."""
    shown = plain(escape(value))
    if not shown.strip():
        return "`" + (shown or " ") + "`"
    ticks = "`" * (max(map(len, _TICKS.findall(shown)), default=0) + 1)
    edge = " " if shown[0] == "`" or shown[-1] == "`" or (shown[0] == shown[-1] == " ") else ""
    return f"{ticks}{edge}{shown}{edge}{ticks}"


def prose(value: str) -> str:
    """Prose in which backticks enclose code; an odd backtick is a character."""
    parts = value.split("`")
    if len(parts) % 2 == 0:
        return text(value)
    return "".join(
        code(part) if number % 2 and part.strip() else text(part) for number, part in enumerate(parts)
    )


def cell(markdown: str) -> str:
    """Markdown for the cell of a table: within code, too, a bar ends the cell unless it is escaped."""
    return re.sub(r"(?<!\\)\|", r"\\|", markdown)


def fence(body: str, language: str = "") -> list[str]:
    """A block of code, as lines; its fence is longer than any run of backticks in it."""
    ticks = "`" * max(3, max(map(len, _TICKS.findall(body)), default=0) + 1)
    return [f"{ticks}{language}", *body.split("\n"), ticks]


def table(head: list[str], rows: list[list[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """A table, as lines; the columns at ``right`` (from 0) hold figures."""
    rule = ["---:" if number in right else "---" for number in range(len(head))]
    return [f"| {' | '.join(map(cell, row))} |" for row in (head, rule, *rows)]
