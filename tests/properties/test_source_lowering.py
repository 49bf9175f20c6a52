"""Lowering keeps every line and column, whatever the text, and leaves older grammar alone."""

from __future__ import annotations

import ast
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.index.lowering import lower, parse
from auditor.index.source import Problem

_WORDS = st.sampled_from(
    [
        *"()[]{}:,='\"*\\#_\n!",
        *("'''", '"""', "f'", "t'", 'f"', "rt'''", "{x", "x}", "{f()}", "!r", ":>4", "\n  ", "\\\n", " "),
        *(
            "def f[T](x): pass\n",
            "class A[T]:",
            "type X",
            "except A, B:",
            "try: pass\n",
            "type",
            "\\N{",
            "é",
            "😀",
        ),
    ]
)


@given(st.lists(_WORDS, max_size=60))
@settings(max_examples=400)
def test_every_line_keeps_its_bytes(words: list[str]) -> None:
    text = "".join(words)
    lowered = lower(text, (3, 11))
    if lowered is not None:
        assert [len(line.encode()) for line in lowered.split("\n")] == [
            len(line.encode()) for line in text.split("\n")
        ]
    assert isinstance(parse(text), (ast.Module, Problem))


def _f_string(parts: list[str]) -> str:
    return "f'" + " ".join(f"{{{part}}}" for part in parts) + "'"


_NAMES = st.sampled_from(
    ["a", "b", "f(x)", "g()", "d['k']", 'd["k"]', "(x := 1)", "'s'", '"t"', "[1, 2]", "await_"]
)


@given(
    st.recursive(_NAMES, lambda inner: st.lists(inner, min_size=1, max_size=3).map(_f_string), max_leaves=8)
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_nested_f_strings_keep_their_calls(expression: str) -> None:
    text = f"x = {expression}\n"
    tree = parse(text)
    assert isinstance(tree, ast.Module)
    places = [match.start() for match in re.finditer(r"f\(x\)|g\(\)", text)]
    calls = sorted(node.col_offset for node in ast.walk(tree) if isinstance(node, ast.Call))
    assert calls == places
