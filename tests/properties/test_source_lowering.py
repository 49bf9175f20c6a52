"""Lowering keeps every line and column, whatever the text, and leaves older grammar alone."""

from __future__ import annotations

import ast
import re

import hypothesmith
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


@given(hypothesmith.from_grammar())
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_programs_of_the_running_grammar_are_left_alone_or_keep_their_calls(text: str) -> None:
    tree = parse(text)
    assert isinstance(tree, (ast.Module, Problem))
    lowered = lower(text, (3, 11))
    if lowered is not None and isinstance(tree, ast.Module):
        assert _calls(ast.parse(lowered)) == _calls(tree)


def _calls(tree: ast.AST) -> list[tuple[int, int]]:
    return sorted((node.lineno, node.col_offset) for node in ast.walk(tree) if isinstance(node, ast.Call))


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
