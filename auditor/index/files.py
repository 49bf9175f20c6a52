"""From a discovered file to its facts, and back from a line of the indexed text to the line that a report names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from auditor.index import comments, lowering, notebook, source
from auditor.index.source import Problem
from auditor.index.statements import index_tree

if TYPE_CHECKING:
    import ast

    from auditor.index.facts import FileFacts

NOTEBOOK_SUFFIX = ".ipynb"


@dataclass(frozen=True, slots=True)
class Text:
    """The Python of a file. ``book`` is there for a notebook: its text is that of all cells, one after the other."""

    path: str
    text: str
    book: notebook.Notebook | None = None

    def locate(self, line: int) -> tuple[str, int]:
        """The path and line that a report names for a line of ``text``."""
        if self.book is None:
            return self.path, line
        cell, inner = self.book.locate(line)
        return notebook.cell_path(self.path, cell), inner

    def line_of(self, cell: int, line: int) -> int | None:
        """The line of ``text`` that is a line of a cell; None where there is no such cell or line."""
        cells = self.book.cells if self.book is not None else ()
        for index, (number, first) in enumerate(cells):
            if number == cell:
                after = cells[index + 1][1] if index + 1 < len(cells) else self.text.count("\n") + 1
                return first + line - 1 if first + line - 1 < after else None
        return None


class Indexed(NamedTuple):
    """What was learned of a file: its facts, or the reason why there are none.

    ``skipped`` are cells of a notebook that were left out, and why.
    """

    facts: FileFacts | None
    reason: str = ""
    skipped: tuple[tuple[int, str], ...] = ()


def cell_path(path: str, cell: int) -> str:
    """What a report names a cell of the notebook at ``path``."""
    return notebook.cell_path(path, cell)


def split_cell_path(path: str) -> tuple[str, int | None]:
    """The file and, of a path such as ``nb.ipynb:cell 3``, the cell."""
    file, mark, cell = path.rpartition(":cell ")
    if mark and file.endswith(NOTEBOOK_SUFFIX) and cell.isdecimal():
        return file, int(cell)
    return path, None


def content_of(path: str) -> bytes | Problem:
    """What is on disk at ``path``, unless it is too large for a file of its kind."""
    if path.endswith(NOTEBOOK_SUFFIX):
        return source.read_bytes(path, notebook.MAX_NOTEBOOK_BYTES)
    return source.read_bytes(path)


def decode(path: str, shown: str, content: bytes) -> Text | Problem:
    """The Python of the file at ``path``, of which ``content`` is known."""
    if path.endswith(NOTEBOOK_SUFFIX):
        book = notebook.decode(content)
        return book if isinstance(book, Problem) else Text(shown, book.text, book)
    text = source.decode(content)
    return text if isinstance(text, Problem) else Text(shown, text)


def parse(text: str) -> ast.Module | Problem:
    """The tree of a text, in the grammar of this interpreter or lowered to it."""
    return lowering.parse(text)


def index(text: Text) -> FileFacts | Problem:
    """The facts of a text. A program too deep for the walk is a problem of its own file, never of the run."""
    tree = parse(text.text)
    if isinstance(tree, Problem):
        return tree
    try:
        facts = index_tree(tree)
        if comments.MARK in text.text:
            places = {(x.line, x.column): number for number, x in enumerate(facts.functions)}
            facts.comments = comments.addressed(text.text, tree, places)
        return facts
    except RecursionError:
        return Problem("nested too deeply to be analysed; split the expression or the blocks")


def learn(path: str, content: bytes) -> Indexed:
    """All that an audit wants to know of the file at ``path``, of which ``content`` is known."""
    text = decode(path, path, content)
    if isinstance(text, Problem):
        return Indexed(None, text.reason)
    facts = index(text)
    if isinstance(facts, Problem):
        return Indexed(None, facts.reason)
    return Indexed(facts, skipped=text.book.skipped if text.book is not None else ())
