"""Code in colours: pieces of lines with a class each.

One regular expression finds what has a colour. A lexer for all of Python's grammar takes 50 times as long, which
counts, since strings that span lines ask for the whole of each file; the worst that can happen here is a wrong colour.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from typing import Any

from auditor.reporters.cells import pieces as shown_pieces
from auditor.reporters.document.code import CodeLine
from auditor.reporters.machine import plain

Piece = tuple[str, str, bool]
"""Text (escaped), class (``k`` keyword, ``s`` string, ``c`` comment, ``n`` number, ``f`` name), whether at fault."""

_COLOURED = re.compile(
    r"""
    (?P<c>\#[^\n]*)
    |(?P<s>(?<![\w])[bBfFrRtTuU]{0,2}(?:
        \"\"\"(?:[^\\"]|\\.|\"(?!\"\"))*+(?:\"\"\"|\Z)
        |'''(?:[^\\']|\\.|'(?!''))*+(?:'''|\Z)
        |\"(?:[^\\"\n]|\\.)*+(?:\"|$)
        |'(?:[^\\'\n]|\\.)*+(?:'|$)))
    |(?<=def[ ])(?P<f>\w+)|(?<=class[ ])(?P<f2>\w+)|(?P<f3>^[ \t]*@[\w.]+)
    |\b(?P<k>"""
    + "|".join(keyword.kwlist)
    + r""")\b
    |\b(?P<n>\d[\w.]*)
    |\w+
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


class Highlighter:
    """Colours lines of one file after the other; each file is looked through once."""

    def __init__(self) -> None:
        self._lines: Sequence[str] = ()
        self._classes: list[str] = []

    def pieces(self, lines: Sequence[str], line: CodeLine) -> list[Piece]:
        """The pieces of one of ``lines``."""
        if lines is not self._lines:
            self._lines = lines
            self._classes = _classes("\n".join(lines))
        classes = self._classes[line.number - 1][line.indent :] if line.number <= len(self._classes) else ""
        found: list[list[Any]] = []
        for at, char in enumerate(shown_pieces(line.text)):
            kind = classes[at : at + 1] if not line.text[at].isspace() else " "
            kind = kind or " "
            at_fault = line.marked and line.start <= at < line.end
            if (
                found
                and found[-1][2] == at_fault
                and (found[-1][1] == kind or (kind == " " and char.isspace()))
            ):
                found[-1][0] += char
            else:
                found.append([char, kind, at_fault])
        return [(plain(text), kind.strip(), at_fault) for text, kind, at_fault in found]


def _classes(text: str) -> list[str]:
    """For each line the class of each of its characters, a space for none."""
    found = []
    end = 0
    for match in _COLOURED.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        found.append(_filled(text[end : match.start()], " "))
        found.append(_filled(match[0], kind[0]))
        end = match.end()
    found.append(_filled(text[end:], " "))
    return "".join(found).split("\n")


def _filled(text: str, kind: str) -> str:
    return "\n".join([kind * len(line) for line in text.split("\n")]) if "\n" in text else kind * len(text)
