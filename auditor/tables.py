"""Reading TOML strictly: where a table or a key stands, and what a misspelt word was meant to be.

The catalog, the rule files and the configuration all promise that every problem is named at once, each as one
line ``path:line: what is wrong; what to do``. `tomllib` gives no lines, so `Positions` scans the text once
more, and only when there is a problem to report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What to do about an unknown word: the nearest known one, or all of them."""
    from difflib import get_close_matches  # only needed when something is wrong

    words = sorted(known)
    nearest = get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(words)}"


def syntax_problem(error: ValueError) -> tuple[int, str]:
    """The line and the message of a `tomllib.TOMLDecodeError`: its text ends in ``(at line 3, column 5)``."""
    message, _, place = str(error).rpartition(" (at line ")
    line, _, _ = place.partition(",")
    if message and line.isdigit():
        return int(line), message
    return 1, message or str(error)


class Positions:
    """The lines of tables and keys in a TOML text.

    A table is named by its header as written (``api``, ``tool.auditor``; ``""`` is the top level) and, for
    arrays of tables, by how many of that name stand before it.
    """

    __slots__ = ("_keys", "_lines", "_regions", "_tables")

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._tables: dict[tuple[str, int], int] = {}
        self._keys: dict[tuple[str, int, str], int] = {}
        self._regions: dict[int, int] = {}
        """First line of a header or key -> the line after its value."""
        self._scan()

    def table(self, name: str, index: int = 0) -> int:
        """The line of the header of the ``index``-th table of that name."""
        return self._tables.get((name, index), 1)

    def key(self, name: str, index: int, key: str, word: str = "") -> int:
        """The line of a key in that table, or the line in its value where ``word`` stands."""
        line = self._keys.get((name, index, key))
        if line is None:
            return self.table(name, index)
        if word:
            for number in range(line, self._regions.get(line, line + 1)):
                if _mentions(self._lines[number - 1], word, after_key=number == line):
                    return number
        return line

    def _scan(self) -> None:
        counts: dict[str, int] = {}
        table, index, last = "", 0, 0
        self._tables["", 0] = 1
        for number, text in _statements(self._lines):
            if last:
                self._regions[last] = number
            last = number
            if text.startswith("["):
                table = text.split("]", 1)[0].strip("[ \t").replace('"', "").replace("'", "")
                index = counts.get(table, 0)
                counts[table] = index + 1
                self._tables[table, index] = number
            else:
                key = text.split("=", 1)[0].strip().strip("\"'")
                self._keys.setdefault((table, index, key), number)
        if last:
            self._regions[last] = len(self._lines) + 1


def _mentions(line: str, word: str, *, after_key: bool) -> bool:
    text = line.partition("=")[2] if after_key else line
    if f'"{word}"' in text or f"'{word}'" in text:
        return True
    return any(part.rstrip().endswith(word) for part in text.split("=")[:-1])


def _statements(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Number and text of every line on which a header or a key starts, not of those inside a longer value."""
    quote, depth = "", 0
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not quote and depth == 0 and text and not text.startswith("#"):
            yield number, text
        if text.startswith("[") and not quote and depth == 0:
            continue  # a header: its brackets are balanced
        quote, depth = _advance(line, quote, depth)


def _advance(line: str, quote: str, depth: int) -> tuple[str, int]:
    """The open multi-line quote and the bracket depth at the end of a line."""
    position = 0
    while position < len(line):
        if quote:
            if quote[0] == '"' and line[position] == "\\":
                position += 2
            elif line.startswith(quote, position):
                position += len(quote)
                quote = ""
            else:
                position += 1
            continue
        character = line[position]
        if character == "#":
            break
        if character in "\"'":
            quote = character * 3 if line.startswith(character * 3, position) else character
            position += len(quote)
            continue
        depth += (character in "[{") - (character in "]}")
        position += 1
    return (quote if len(quote) == 3 else ""), depth
