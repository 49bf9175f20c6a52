"""Places in TOML texts, and hints for misspelt words."""

from __future__ import annotations

import tomllib

import pytest

from auditor.tables import Positions, did_you_mean, syntax_problem

TEXT = '''\
top = 1  # a comment with [brackets]
[tool.auditor]
select = ["LOOP3",
  # "LOOP4" is not this one
  "LOOP4"]
text = """
[not.a.table]
key = 1
"""
inline = { a = 1, b = "]" }
[[api]]
names = ["x"]
[[api]]
"quoted" = 2
names = [
  'y',
]
'''


def test_places() -> None:
    places = Positions(TEXT)
    assert places.key("", 0, "top") == 1
    assert places.table("tool.auditor") == 2
    assert places.key("tool.auditor", 0, "select") == 3
    assert places.key("tool.auditor", 0, "select", "LOOP3") == 3
    assert places.key("tool.auditor", 0, "text") == 6
    assert places.key("tool.auditor", 0, "inline") == 10
    assert places.key("tool.auditor", 0, "inline", "b") == 10
    assert places.table("api", 1) == 13
    assert places.key("api", 0, "names", "x") == 12
    assert places.key("api", 1, "quoted") == 14
    assert places.key("api", 1, "names", "y") == 16


def test_what_is_not_there_has_the_next_best_place() -> None:
    places = Positions(TEXT)
    assert places.key("api", 1, "missing") == 13
    assert places.key("api", 1, "names", "missing") == 15
    assert places.table("not.a.table") == 1
    assert places.table("api", 9) == 1


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("selct", ["select", "ignore"], "did you mean 'select'?"),
        ("xyz", ["select", "ignore"], "known are ignore, select"),
    ],
)
def test_hints(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint


def test_syntax_problems_have_a_line() -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads("a = 1\nb = \n")
    assert syntax_problem(caught.value) == (2, "Invalid value")
    assert syntax_problem(ValueError("odd")) == (1, "odd")
