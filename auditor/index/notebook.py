"""Notebooks: the Python of their code cells as one text, and the way back from its lines to cells.

Cells are numbered from 1, cells without code included, and a place in one is named ``nb.ipynb:cell 3``. IPython's own
syntax (``%magic``, ``!command``, ``name?``) is replaced by blanks; cells in another language and cells that do not
parse are left out, so that they do not cost the others.
"""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from auditor.index import lowering, source
from auditor.index.source import MAX_BYTES, Problem, Source

MAX_NOTEBOOK_BYTES = 50_000_000
"""Outputs, images above all, make notebooks large; they are dropped before anything is parsed."""

_PYTHON_CELL_MAGICS = frozenset({"capture", "prun", "pypy", "python", "python3", "time", "timeit"})
_CELL_MAGIC = re.compile(r"\s*%%(\w*)")
_ESCAPED_LINE = re.compile(r"[ \t]*(?:[%!?]|[/,;]\s*\w)|[ \t]*%{0,2}[\w.*\[\]'\"]+\?{1,2}\s*$")
_ESCAPED_VALUE = re.compile(r"([ \t]*[\w., \t*\[\]'\"()]+?=[ \t]*)([!%][^=\n].*)")
_STATE = re.compile(r"#.*|\"\"\"|'''|\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?|[\[({]|[\])}]|\\.")
_REPORTED = re.compile(r"(?P<path>.+\.ipynb):cell (?P<cell>\d+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Notebook:
    """The code of a notebook: ``cells`` are (number of a cell, the line of ``text`` where it starts).

    ``skipped`` are the cells that could not be analysed, and why.
    """

    data: bytes
    text: str
    cells: tuple[tuple[int, int], ...]
    skipped: tuple[tuple[int, str], ...] = ()

    def locate(self, line: int) -> tuple[int, int]:
        """Return the cell of a line of ``text``, and the line in that cell."""
        index = bisect_right(self.cells, line, key=lambda cell: cell[1]) - 1
        number, first = self.cells[index]
        return number, line - first + 1


def cell_path(path: str, cell: int) -> str:
    """Name a cell, as reports do."""
    return f"{path}:cell {cell}"


def read(path: str) -> Notebook | Problem:
    """Read a notebook."""
    data = source.read_bytes(path, MAX_NOTEBOOK_BYTES)
    return data if isinstance(data, Problem) else decode(data)


def read_reported(path: str) -> Source | Problem:
    """Return the text behind a path from a report: that of a cell as it stands there, or of a whole notebook."""
    match = _REPORTED.fullmatch(path)
    if match is None:
        book = read(path)
        return book if isinstance(book, Problem) else Source(book.data, book.text)
    data = source.read_bytes(match["path"], MAX_NOTEBOOK_BYTES)
    cells = data if isinstance(data, Problem) else _load(data)
    if isinstance(cells, Problem):
        return cells
    return next(
        (Source(b"", text) for number, text in _code_cells(cells) if number == int(match["cell"])),
        Problem("no such cell"),
    )


def decode(data: bytes) -> Notebook | Problem:
    """Return the Python of a notebook's JSON."""
    cells = _load(data)
    if isinstance(cells, Problem):
        return cells
    originals = list(_code_cells(cells))
    if sum(len(text) for _, text in originals) > MAX_BYTES:
        return Problem(f"too much code for one notebook: the limit is {MAX_BYTES / 1_000_000:.1f} MB")
    texts: list[str] = []
    starts: list[tuple[int, int]] = []
    skipped: list[tuple[int, str]] = []
    line = 1
    for number, original in originals:
        text = _python(original)
        if isinstance(text, Problem):
            skipped.append((number, text.reason))
        elif text:
            starts.append((number, line))
            texts.append(text)
            line += text.count("\n")
    return Notebook(data, "".join(texts), tuple(starts), tuple(skipped))


def _load(data: bytes) -> list[Any] | Problem:
    """Return the cells of a notebook in Python."""
    try:
        content = json.loads(data)
    except json.JSONDecodeError as error:
        return Problem(f"not a notebook: no valid JSON at line {error.lineno} column {error.colno}")
    except UnicodeDecodeError:
        return Problem("not a notebook: no valid JSON (not UTF-8)")
    except (RecursionError, ValueError):
        return Problem("not a notebook: JSON nested too deeply, or with numbers too long")
    if not isinstance(content, dict):
        return Problem("not a notebook: JSON without `cells`")
    if "worksheets" in content:
        return Problem("notebook format 3 or older: convert it with `jupyter nbconvert --to notebook`")
    cells = content.get("cells")
    if not isinstance(cells, list):
        return Problem("not a notebook: JSON without `cells`")
    language = _language(content.get("metadata"))
    if language.lower() not in ("", "python", "ipython"):
        return Problem(f"a notebook in another language: {' '.join(language.split())[:40]}")
    return cells


def _language(metadata: object) -> str:
    """Return the language that a notebook says it is in; notebooks that say nothing are Python."""
    if not isinstance(metadata, dict):
        return ""
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        values = metadata.get(section)
        if isinstance(values, dict) and isinstance(values.get(key), str):
            return str(values[key])
    return ""


def _code_cells(cells: list[Any]) -> Iterator[tuple[int, str]]:
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        lines = cell.get("source", "")
        text = "".join(map(str, lines)) if isinstance(lines, list) else str(lines)
        yield number, text.replace("\r\n", "\n").replace("\r", "\n")


def _python(text: str) -> str | Problem:
    """Return the Python of a cell, each line where it was and the last one ended; nothing for other languages."""
    magic = _CELL_MAGIC.match(text)
    if magic and magic.group(1) not in _PYTHON_CELL_MAGICS:
        return ""
    if not text.strip():
        return ""
    text = text if text.endswith("\n") else text + "\n"
    tree = lowering.parse(text)
    if isinstance(tree, ast.Module):
        return text
    text = _without_escapes(text)
    tree = lowering.parse(text)
    return tree if isinstance(tree, Problem) else text


def _without_escapes(text: str) -> str:
    """Replace IPython's own lines by the number 0 and blanks: a block must not lose its only statement."""
    lines: list[str] = []
    depth, quote, continued, escaped = 0, "", False, False
    for line in text.split("\n"):
        if escaped or (depth == 0 and not quote and not continued):
            plain = _blank(line, escaped)
            if plain != line:
                lines.append(plain)
                escaped = line.endswith("\\")
                continue
            escaped = False
        depth, quote = _state_after(line, depth, quote)
        continued = line.endswith("\\") and not quote
        lines.append(line)
    return "\n".join(lines)


def _blank(line: str, escaped: bool) -> str:
    """Return ``line`` without IPython syntax; ``escaped`` when it continues a line of it."""
    if escaped:
        return " " * len(line)
    if _ESCAPED_LINE.match(line):
        indent = len(line) - len(line.lstrip())
        return f"{line[:indent]}0".ljust(len(line))
    value = _ESCAPED_VALUE.fullmatch(line)
    return f"{value.group(1)}[]".ljust(len(line)) if value else line


def _state_after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets and which triple quote are open after ``line``."""
    position = 0
    while True:
        if quote:
            end = line.find(quote, position)
            if end < 0:
                return depth, quote
            position, quote = end + 3, ""
        match = _STATE.search(line, position)
        if match is None:
            return depth, ""
        position = match.end()
        found = match.group()
        if found in ('"""', "'''"):
            quote = found
        elif found in "[({":
            depth += 1
        elif found in "])}":
            depth = max(0, depth - 1)
