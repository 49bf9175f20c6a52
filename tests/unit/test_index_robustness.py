"""Sources of unusual shape: each ends in facts or in a problem of its own file, in time that grows with its size."""

from __future__ import annotations

import time

import pytest
from unit.linking import roomy

from auditor.index import facts as f
from auditor.index import files
from auditor.index.source import Problem

SECONDS = 10.0
"""CPU time after which a source counts as never done; all of these take a small part of it."""


def index(source: str) -> f.FileFacts | Problem:
    start = time.process_time()
    with roomy():
        result = files.index(files.Text("shape.py", source))
    assert time.process_time() - start < SECONDS
    return result


def chain(parts: list[str]) -> str:
    return "\n".join(parts) + "\n"


SHAPES = {
    "functions": chain([f"def f{i}(): f{i + 1}()" for i in range(5_000)]),
    "lines in a function": chain(["def f(a):", *(f"    y = g(y, {i})" for i in range(10_000))]),
    "assignments": chain(["def f(x0):", *(f"    x{i + 1} = x{i}" for i in range(5_000))]),
    "fluent calls": chain(["def f(x):", *("    x = x.m()" for _ in range(2_000))]),
    "attributes": "x" + ".a" * 150 + "\n",
    "keys": "x = {" + ", ".join(f"'k{i}': f{i}" for i in range(10_000)) + "}\n",
    "insertions": chain(["x = {}", *(f"x['k{i}'] = f{i}" for i in range(10_000))]),
    "items given anew": chain(["x = {'a': f}", *(f"x['a'] = f{i}" for i in range(3_000))]),
    "parameters": chain(
        ["def f(" + ", ".join(f"p{i}" for i in range(500)) + "):", *(f"    p{i}()" for i in range(500))]
    ),
    "returns": chain(["def f(a):", *(f"    if a == {i}: return g{i}()" for i in range(3_000))]),
    "decorators": "@d\n" * 2_000 + "def f(): pass\n",
    "classes": chain(["class C0: pass", *(f"class C{i + 1}(C{i}): pass" for i in range(5_000))]),
    "nested functions": chain([" " * i + f"def f{i}(a{i}):" for i in range(90)]) + " " * 90 + "a0()\n",
    "nested lambdas": "x = " + "lambda: " * 80 + "1\n",
    "handlers": chain(
        ["def f(x):", *(f"    try: x = g{i}(x)\n    except E: x = h{i}(x)" for i in range(300))]
    ),
    "swapped names in a loop": chain(
        ["def f(a):", *(f"    v{i} = g()" for i in range(300)), "    while a:"]
        + [f"        v{i} = v{(i + 1) % 300}" for i in range(300)]
    ),
    "nested loops": chain(
        ["def f(a, x, y):"]
        + ["    " * (i + 1) + f"for i{i} in a:\n" + "    " * (i + 2) + "x, y = y(x), x" for i in range(15)]
    ),
    "global names": chain(["def f():", *(f"    global x{i}\n    x{i} = g()" for i in range(2_000))]),
    "operators": "x = " + " + ".join(f"a{i}()" for i in range(900)) + "\n",
    "star imports": chain([f"from m{i} import *" for i in range(3_000)]),
}

BRANCHES = {
    "an if after the other": chain(
        ["def f(a):", *(f"    if a == {i}: x = g{i}" for i in range(800)), "    x()"]
    ),
    "an elif after the other": chain(
        [
            "def f(a):",
            "    if a == 0: x = g",
            *(f"    elif a == {i}: x = g{i}" for i in range(1, 800)),
            "    x()",
        ]
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_large_sources_are_indexed(shape: str) -> None:
    facts = index(SHAPES[shape])
    assert isinstance(facts, f.FileFacts)
    # facts of a source are no larger than a small multiple of it
    assert _size(facts) <= 12 * len(SHAPES[shape])


@pytest.mark.parametrize("shape", BRANCHES)
def test_many_branches_are_indexed(shape: str) -> None:
    facts = index(BRANCHES[shape])
    assert isinstance(facts, f.FileFacts)
    assert _size(facts) <= 12 * len(BRANCHES[shape])


def _size(facts: f.FileFacts) -> int:
    """How many references the facts hold."""
    total = 0
    for expression in facts.exprs:
        for part in expression:
            total += len(part) if isinstance(part, (list, tuple)) else 1
    return total + sum(len(call[f.C_ARGS]) for call in facts.calls)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "\n",
        "#",
        "pass",
        '"""doc"""',
        "from . import *",
        "from .. import x",
        "from ......... import x",
        "import __main__",
        "def f(f=f): f",
        "class f(f): f = f",
        "f = lambda f=f: f",
        "x: x = x",
        "x = x",
        "x[{[]: 1}:]",
        "x[{*[]}:(y := 2), 1:{}:-1]",
        "global x",
        "async def f(): await f",
        "[x for x in x for x in x]",
        "del x, (y, [z])",
        "(x := x)",
        "with x as x: x",
        "for x in x: x",
        "for x.y in z: x.y",
        "for x[y] in z: pass",
        "with a as (b, [*c], d.e, f[g]): pass",
        "try: pass\nexcept (x := E): pass",
        "try: x\nexcept* E as e: e",
        "match x:\n case {'a': [x, *_, {**r}]} | [x, r]: pass",
        "match x:\n case -1 | 1+2j | None | a.b: pass",
        "def f():\n nonlocal_ = 1\n def g():\n  nonlocal nonlocal_\n  nonlocal_ += 1",
        "@(yield_ := 3)\nclass C: pass",
        "class C:\n def __init__(): self.x = 1",
        "class C:\n def m(*self): self.x = 1",
        "class C:\n def m(**self): self.x = 1",
        "class C:\n m = lambda self: self.__x",
        "def f() -> f: return f",
        "def f(x: 'not valid ('): pass",
        "def f(x: '\"\\'nested\\'\"'): pass",
        "x: '\\ud800' = 1",
        "x = '\\ud800'",
        "async def f():\n  async with a, b as c: [d async for d in c if await d]",
        "x = yield_ = [*a, *b]\nprint(*x, **{**c})",
        "f'{x!r:{y}}' f'{f\"{z}\"}'",
        "lambda *a, b=1, **c: (yield)",
        "if x: pass\nelif y: pass\nelse:\n import z",
        "while (x := f()): x\nelse: x",
        "raise X from Y",
        "assert x, y",
        "x[...], x[:], x[::y], x[a, b:c]",
        "type X = X",
        "def f[T: (int, str) = int, *Ts, **P](x: T): ...",
    ],
)
def test_odd_sources_are_indexed(source: str) -> None:
    result = index(source)
    assert isinstance(result, (f.FileFacts, Problem))


@pytest.mark.parametrize(
    "deep", ["(" * 10_000, "x" + ".a" * 50_000, "x = " + "-" * 50_000 + "1", "if x:\n" * 10_000]
)
def test_nesting_beyond_all_reason_is_a_problem_of_the_file(deep: str) -> None:
    assert isinstance(index(deep), Problem)
