"""Newer grammar is rewritten in place; every call keeps its line and column."""

from __future__ import annotations

import ast
import sys
import time

import pytest

from auditor.index.lowering import lower, parse
from auditor.index.source import Problem

OLDEST = (3, 11)

LOWERED = [
    ("def f[T: int, *Ts, **P](x: T): ...\n", "def f(                  x: T): ...\n"),
    ("class A[T](B): ...\n", "class A(   B): ...\n"),
    ("class A[T]: pass\n", "class A( ): pass\n"),
    ("async def f[T = g()](x): pass\n", "async def f(         x): pass\n"),
    ("def f[\n  T, # c\n\n  U = int\n](x): pass\n", "def f(\n        \n\n         \n  x): pass\n"),
    ("class A[\n T\n]:\n  pass\n", "class A(\n  \n):\n  pass\n"),
    ("type X = int\n", "type;X = int\n"),
    ("type X[T] = list[T]\n", "type;X    = list[T]\n"),
    ("type X[\n T\n] = int\n", "type;X[\n 0\n] = int\n"),
    ("if a: type Y = int; type Z = str\n", "if a: type;Y = int; type;Z = str\n"),
    ("try: pass\nexcept A, B:\n    pass\n", "try: pass\nexcept A| B:\n    pass\n"),
    ("try: pass\nexcept* A, B, C.d:\n    pass\n", "try: pass\nexcept* A| B| C.d:\n    pass\n"),
    (
        "try: pass\nexcept (A, B), f(x, y)[1, 2],:\n    pass\n",
        "try: pass\nexcept (A, B)| f(x, y)[1, 2] :\n    pass\n",
    ),
    ("f'{f'{x()}'}'\n", "(  f'{x()}' )\n"),
    ("f'{x()\n}'\n", "(  x()\n )\n"),
    ("f'{\"\\n\".join(x)!r:>{w()}}'\n", '(  "\\n".join(x)    ,w()  )\n'),
    ("f'''{x() # why\n}'''\n", "(    x() # why\n   )\n"),
    ("x = f'{1+2 = # why\n}'\n", "x = (  1+2        \n )\n"),
    ("f\"{d[\"a\"]}\" 'b' f'{e()}'\n", '(  d["a"]         ,e() )\n'),
    ("f'{x:{y:{z()}}}'\n", "(  x ,y ,z()   )\n"),
    ("f'{{}} {x!s:{{}}}{\"\\\\\"}'\n", '(       x   ,{}  ,"\\\\" )\n'),
    ("f'\\N{EM DASH} {a} {'b'}'\n", "(              a  ,'b' )\n"),
    ("rf'\\{a} {'b'}'\n", "(    a  ,'b' )\n"),
    (
        "f'{a!=b} {a<=b} {(lambda: 1)()} {(x:=1)} {'c'}'\n",
        "(  a!=b  ,a<=b  ,(lambda: 1)()  ,(x:=1)  ,'c' )\n",
    ),
    ("f'{x:%H:%M}{'a'}'\n", "(  x       ,'a' )\n"),
    ("f'{a['b']=}'\n", "(  a['b']  )\n"),
    ("f'{x()!s  }'\n", "(  x()     )\n"),
    ("t'{x} y'\n", "(  x   )\n"),
    ("t''\n", "( )\n"),
    ("Tr'{x}'\n", "(   x )\n"),
    ("x = (t'a' # c\n t'{x()}')\n", "x = ((       \n    x() ))\n"),
    ("t'{f'{x}'}'\n", "(  f'{x}' )\n"),
    ("def f[T](é: 'é') -> t'{é()}': pass\n", "def f(   é: 'é') -> (  é() ): pass\n"),
    ("def f[é](x): pass\n", "def f(    x): pass\n"),
]


@pytest.mark.parametrize(("text", "expected"), LOWERED)
def test_newer_grammar_is_lowered_in_place(text: str, expected: str) -> None:
    lowered = lower(text, OLDEST)
    assert lowered == expected
    assert [len(line.encode()) for line in lowered.split("\n")] == [
        len(line.encode()) for line in text.split("\n")
    ]
    ast.parse(lowered)
    assert isinstance(parse(text), ast.Module)


@pytest.mark.parametrize(
    "text",
    [
        "type(x)\ntype = 3\ntype == 4\ntype\n",
        "print(type if a else b, type in c, type is None)\n",
        "f'{a} {b!r:>{w}}' f\"{d['x']}\" rf'\\d{x}'\n",
        "try: pass\nexcept (A, B): pass\nexcept A as e: pass\nexcept: pass\n",
        "x = 'def f[T](x)' # type X = int\n",
        "match type:\n  case 1: pass\n",
        "'''t'{x}' except A, B:'''\n",
        "a[x](y)\n",
        "class A: pass\n",
        "",
    ],
)
def test_older_grammar_is_left_alone(text: str) -> None:
    ast.parse(text)
    assert lower(text, OLDEST) is None


def test_grammar_that_the_interpreter_knows_is_left_alone() -> None:
    assert lower("def f[T](x): pass\n", (3, 13)) is None
    assert lower("def f[T = int](x): pass\n", (3, 12)) is not None
    assert lower("f'{f'{x}'}'\n", (3, 12)) is None
    assert lower("t'{x}'\n", (3, 13)) is not None
    assert lower("t'{x}'\ntry: pass\nexcept A, B: pass\n", (3, 14)) is None


@pytest.mark.parametrize(
    "text",
    [
        "f'{x",
        "f'{x'",
        "f'{x!'",
        "'abc",
        "'''abc",
        "def f[T(x): pass",
        "except A, (B",
        "f'\\N{",
        "type X[",
        "\ud800",
        "f'{'" * 5_000,
        "f'{x:" + "{x:" * 5_000,
        "except (" * 20_000,
        "def f[" * 20_000,
        "t'{" + "[" * 100_000,
        "class A[" + "'" * 9_999,
        "x = " + "f'{(" * 30 + "1" + ")}'" * 30,
    ],
)
def test_nonsense_ends_quickly(text: str) -> None:
    started = time.process_time()
    lower(text, OLDEST)
    assert isinstance(parse(text), (ast.Module, Problem))
    assert time.process_time() - started < 2


def test_the_reason_is_that_of_the_real_mistake() -> None:
    problem = parse("type X = int\ndef f[T](x):\n    return (\n")
    assert isinstance(problem, Problem)
    assert problem.reason == "syntax error at line 3: '(' was never closed"
    problem = parse("try:\n    pass\nexcept E, e:\n    print 'x'\n")
    assert isinstance(problem, Problem)
    assert problem.reason == "Python 2 syntax: print statement at line 4"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="needs an interpreter that knows the grammar")
@pytest.mark.parametrize(("text", "expected"), LOWERED)
def test_calls_stand_where_the_newer_parser_sees_them(text: str, expected: str) -> None:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        pytest.skip("newer still")
    calls = _calls(tree) - {(1, 16)}  # the default of a type parameter goes
    assert _calls(ast.parse(expected)) == calls


def _calls(tree: ast.AST) -> set[tuple[int, int]]:
    return {(node.lineno, node.col_offset) for node in ast.walk(tree) if isinstance(node, ast.Call)}
