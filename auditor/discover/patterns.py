"""Patterns of paths as .gitignore writes them, for .gitignore files and for settings.

Paths are relative to the directory of the patterns and use ``/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class _Rule(NamedTuple):
    regex: re.Pattern[str]
    by_name: bool
    """Matched against the last part of a path rather than the whole."""

    directories_only: bool
    negated: bool


class Patterns:
    """An ordered list of patterns; the last one that matches a path decides."""

    __slots__ = ("_rules",)

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = [rule for rule in map(_parse, lines) if rule is not None]
        self._rules.reverse()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def matches(self, path: str, *, is_directory: bool = False) -> bool | None:
        """Whether the path is matched; None where no pattern speaks of it, False where one readmits it."""
        name = path.rpartition("/")[2]
        for rule in self._rules:
            if rule.directories_only and not is_directory:
                continue
            if rule.regex.fullmatch(name if rule.by_name else path):
                return not rule.negated
        return None

    def covers(self, path: str) -> bool:
        """Whether a file is matched, be it by a pattern for one of the directories above it."""
        position = path.find("/")
        while position >= 0:
            if self.matches(path[:position], is_directory=True):
                return True
            position = path.find("/", position + 1)
        return bool(self.matches(path))


def _parse(line: str) -> _Rule | None:
    text = _strip(line)
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    if negated:
        text = text[1:]
    directories_only = text.endswith("/")
    text = text.removesuffix("/")
    anchored = "/" in text
    text = text.removeprefix("/")
    if not text:
        return None
    try:
        regex = re.compile(_translate(text))
    except re.error:  # such as an empty range: git takes it for a pattern that matches nothing
        return None
    return _Rule(regex, not anchored, directories_only, negated)


def _strip(line: str) -> str:
    """Without line end and trailing blanks, of which a backslash keeps one."""
    text = line.rstrip("\r\n")
    bare = text.rstrip(" \t")
    if bare != text and (len(bare) - len(bare.rstrip("\\"))) % 2:
        return bare + text[len(bare)]
    return bare


def _translate(pattern: str) -> str:
    parts: list[str] = []
    position, end = 0, len(pattern)
    while position < end:
        character = pattern[position]
        if pattern.startswith("**/", position) and (position == 0 or pattern[position - 1] == "/"):
            parts.append("(?:[^/]+/)*")
            position += 3
        elif pattern[position:] == "**" and position and pattern[position - 1] == "/":
            parts.append(".+")
            position += 2
        elif character == "*":
            while pattern[position : position + 1] == "*":
                position += 1
            parts.append("[^/]*")
        elif character == "?":
            parts.append("[^/]")
            position += 1
        elif character == "[" and (close := _class_end(pattern, position)):
            parts.append(_class(pattern[position + 1 : close]))
            position = close + 1
        else:
            if character == "\\" and position + 1 < end:
                position += 1
                character = pattern[position]
            parts.append(re.escape(character))
            position += 1
    return "(?s:" + "".join(parts) + ")"


def _class_end(pattern: str, start: int) -> int:
    """Where the bracket that opens at ``start`` closes; 0 where it does not."""
    position = start + 1
    if pattern[position : position + 1] in {"!", "^"}:
        position += 1
    if pattern[position : position + 1] == "]":
        position += 1
    return max(pattern.find("]", position), 0)


def _class(inner: str) -> str:
    negated = inner[:1] in {"!", "^"}
    body = inner[1:] if negated else inner
    body = body.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("&&", "&\\&")
    body = body.replace("~~", "~\\~").replace("||", "|\\|").replace("^", "\\^")
    return f"(?!/)[{'^' if negated else ''}{body}]"
