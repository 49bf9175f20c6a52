"""Notebooks: which code is read, where it stands, and what is said of those that cannot be read."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.index.notebook import Notebook, cell_path, decode, read, read_reported
from auditor.index.source import Problem


def _code(text: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}


def _notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def _decoded(*cells: str) -> Notebook:
    book = decode(_notebook(*map(_code, cells)))
    assert isinstance(book, Notebook)
    return book


MARKDOWN = {"cell_type": "markdown", "metadata": {}, "source": ["# title"]}


def test_cells_are_numbered_like_ruff_numbers_them() -> None:
    book = decode(
        _notebook(
            MARKDOWN,
            _code(["import os\n", "import sys"]),
            {"cell_type": "raw", "source": "x"},
            _code("%%time\nf()\n"),
            _code("%%bash\nls\n"),
            _code(""),
            _code("await g()"),
        )
    )
    assert isinstance(book, Notebook)
    assert book.text == "import os\nimport sys\n0     \nf()\nawait g()\n"
    assert [book.locate(line) for line in range(1, 6)] == [(2, 1), (2, 2), (4, 1), (4, 2), (7, 1)]
    assert cell_path("nb.ipynb", 7) == "nb.ipynb:cell 7"
    ast.parse(book.text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%matplotlib inline", "0                 "),
        ("!ls -l 'it''s", "0            "),
        ("    !ls", "    0  "),
        ("?print", "0     "),
        ("print?", "0     "),
        ("a.b.c??", "0      "),
        ("/f x", "0   "),
        ("x = !ls", "x = []  "[:7]),
        ("a, b = %who", "a, b = []  "),
        ("x = y % z", "x = y % z"),
        ("x != y", "x != y"),
        ("f(x)  # why?", "f(x)  # why?"),
        ("print('what?')", "print('what?')"),
    ],
)
def test_ipython_syntax_becomes_blanks(line: str, expected: str) -> None:
    book = _decoded(f"if 1:\n    g()\n{line}\n%%\n".replace("%%\n", "!\n"))
    assert book.text.split("\n")[2].rstrip() == expected.rstrip()
    assert len(book.text.split("\n")[2]) == len(line)
    assert not book.skipped


def test_what_looks_like_magic_inside_brackets_and_strings_is_kept() -> None:
    text = "!ls\nx = ('%d'\n  % y)\ns = '''\n%time\n!rm\n'''\nz = a \\\n  % b\n!cp a \\\n   b\nf()\n"
    book = _decoded(text)
    expected = "0  \nx = ('%d'\n  % y)\ns = '''\n%time\n!rm\n'''\nz = a \\\n  % b\n0      \n    \nf()\n"
    assert [line.rstrip() for line in book.text.split("\n")] == [
        line.rstrip() for line in expected.split("\n")
    ]


def test_a_broken_cell_does_not_cost_the_others() -> None:
    book = _decoded("a()\n", "def (:\n", "print 'x'\n", "b()\n", "x = '\ud800'\n")
    assert book.text == "a()\nb()\n"
    assert book.skipped == (
        (2, "syntax error at line 1: invalid syntax"),
        (3, "Python 2 syntax: print statement at line 1"),
        (
            5,
            "cannot be parsed: 'utf-8' codec can't encode character '\\ud800' in position 5: surrogates not allowed",
        ),
    )
    assert book.locate(2) == (4, 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{not json", "not a notebook: no valid JSON at line 1 column 2"),
        (b"", "not a notebook: no valid JSON at line 1 column 1"),
        (b"import os\n", "not a notebook: no valid JSON at line 1 column 1"),
        (b"\xff\xff{}", "not a notebook: no valid JSON (not UTF-8)"),
        (b"[" * 100_000, "not a notebook: JSON nested too deeply, or with numbers too long"),
        (b"[]", "not a notebook: JSON without `cells`"),
        (b'{"cells": 3}', "not a notebook: JSON without `cells`"),
        (
            b'{"worksheets": []}',
            "notebook format 3 or older: convert it with `jupyter nbconvert --to notebook`",
        ),
        (_notebook(language_info={"name": "R"}), "a notebook in another language: R"),
        (_notebook(kernelspec={"language": "julia"}), "a notebook in another language: julia"),
        (_notebook(_code("x = 1\n" * 400_000)), "too much code for one notebook: the limit is 2.0 MB"),
    ],
)
def test_each_unreadable_notebook_has_one_reason(data: bytes, reason: str) -> None:
    assert decode(data) == Problem(reason)


def test_odd_but_readable() -> None:
    for data in (_notebook(), _notebook(language_info=3), b'{"cells": [1, {"cell_type": "code"}, null]}'):
        book = decode(data)
        assert isinstance(book, Notebook)
        assert not book.text


def test_reported_paths_lead_back_to_the_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(_notebook(MARKDOWN, _code("%time x\nf()")))
    assert read_reported(f"{path}:cell 2").text == "%time x\nf()"  # type: ignore[union-attr]
    assert read_reported(f"{path}:cell 1") == Problem("no such cell")
    assert read_reported(str(path)).text == "0      \nf()\n"  # type: ignore[union-attr]
    assert read(str(tmp_path)) == Problem("not a regular file but a directory")
    assert read_reported(f"{tmp_path}/b.ipynb:cell 2") == Problem("cannot be read: no such file or directory")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # which is up to whoever wrote the cell
@given(
    st.lists(
        st.sampled_from(["%x", "!", "?", "'", '"""', "(", ")", "\\", "\n", "a = ", "f()", "#", "[", " "])
    )
)
def test_any_cell_becomes_python_or_is_skipped(parts: list[str]) -> None:
    text = "".join(parts)
    book = _decoded("a()", text)
    assert isinstance(ast.parse(book.text), ast.Module)
    if len(book.cells) == 2:
        kept = book.text.split("\n")[1:]
        assert [len(line) for line in kept] == [
            len(line) for line in (text.removesuffix("\n") + "\n").split("\n")
        ]
