"""Whatever the bytes, reading and parsing end in a value."""

from __future__ import annotations

import ast
import warnings

from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.index.source import Problem, column, decode, parse

_COOKIES = st.sampled_from(
    [
        b"",
        b"# coding: latin-1\n",
        b"# coding: utf-7\n",
        b"# coding: unicode_escape\n",
        b"# coding: cp037\n",
        b"\xef\xbb\xbf",
        b"#coding:utf-16\n",
        b"# coding: hex\n",
        b"# coding: undefined\n",
        b"# coding: base64\n",
        b"# coding: mbcs\n",
    ]
)
_WORDS = st.sampled_from(
    [
        *(
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            ":",
            ",",
            "=",
            "'",
            '"',
            "*",
            "\\",
            "#",
            "_",
            "\n",
            "0",
            "'''",
            "f'",
            "\n\t",
        ),
        *(
            "def",
            "f",
            "x",
            "lambda",
            "async",
            "await",
            "with",
            "as",
            "type",
            "T",
            "except",
            "print",
            "1e",
            "0x",
        ),
        *("if", "else", "for", "in", "match", "case", "return", "class"),
    ]
)


@given(_COOKIES, st.binary(max_size=200))
@example(b"# coding: utf-7\n", b"'+2AA-'")
def test_any_bytes_become_text_or_a_problem(cookie: bytes, data: bytes) -> None:
    text = decode(cookie + data)
    if isinstance(text, str):
        assert "\r" not in text
        text = parse(text)  # type: ignore[assignment]
    assert isinstance(text, (ast.Module, Problem))
    if isinstance(text, Problem):
        assert text.reason
        assert "\n" not in text.reason


@given(st.lists(_WORDS | st.text(max_size=3), max_size=40))
@settings(max_examples=300)
def test_any_text_becomes_a_tree_or_a_problem(words: list[str]) -> None:
    text = " ".join(words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected: str | None = ast.dump(ast.parse(text))
        except (SyntaxError, ValueError):
            expected = None
    outcome = parse(text)
    assert isinstance(outcome, Problem) if expected is None else ast.dump(outcome) == expected  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.data())
def test_column_is_the_number_of_code_points_before(line: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(line)))
    assert column(line, len(line[:index].encode())) == index + 1
