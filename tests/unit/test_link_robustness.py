"""Programs of unusual shape: each is linked, finds what is there, and never recurses to death."""

from __future__ import annotations

import itertools
import time

import pytest
from unit.linking import Linked

SECONDS = 20.0
"""CPU time after which a program counts as never done; all of these take a small part of it."""


def linked(sources: dict[str, str] | str) -> Linked:
    start = time.process_time()
    result = Linked(sources)
    assert time.process_time() - start < SECONDS
    return result


def lines(*parts: object) -> str:
    return "\n".join(str(part) for part in parts) + "\n"


CHAIN = 5_000
SHAPES = {
    "a chain of calls": lines(
        "import time", *(f"def f{i}(): f{i + 1}()" for i in range(CHAIN)), f"def f{CHAIN}(): time.sleep(1)", "async def r(): f0()"  # noqa: E501
    ),
    "a chain of results": lines(
        "import time", *(f"def f{i}(): return f{i + 1}()" for i in range(CHAIN)), f"def f{CHAIN}(): return time",
        "async def r(): f0().sleep(1)",
    ),
    "a callable passed down": lines(
        "import time", *(f"def f{i}(g): return f{i + 1}(g)" for i in range(2_000)), "def f2000(g): return g(1)",
        "async def r(): f0(time.sleep)",
    ),
    "nested attributes": lines(
        "class C:", "    def __init__(self): self.a = C()", "async def f(x: C):", "    y = x" + ".a" * 90, *["    y = y.a"] * 2_000,  # noqa: E501
        "    y.b()",
    ),
    "mutual recursion": lines(
        "import time", *(f"def f{i}(x): return f{(i + 1) % 2000}(x) or f{(i * 7 + 3) % 2000}(x)" for i in range(2_000)),
        "async def r(): f0(time.sleep)",
    ),
    "a deep hierarchy": lines(
        "import time", "class C0:", "    def m(self): time.sleep(1)",
        *(f"class C{i + 1}(C{i}):\n    def n{i}(self): self.m()" for i in range(300)), "async def r(): C300().n299()",
    ),
    "a chain of super calls": lines(
        "import time", "class C0:", "    def m(self): time.sleep(1)",
        *(f"class C{i + 1}(C{i}):\n    def m(self): return super().m()" for i in range(200)), "async def r(): C30().m()",  # noqa: E501
    ),
    "a wide hierarchy": lines(
        "import time", "class B:", "    def m(self): self.k()", "    def k(self): ...",
        *(f"class C{i}(B):\n    def k(self): time.sleep(1)" for i in range(1_000)), "async def r(b: B): b.m()",
    ),
    "class cycles": lines(
        "class A(B): ...", "class B(C): ...", "class C(A):", "    def m(self): self.x.y()", "class D(D): ...",
        "async def f(a: A, d: D): a.m(); d.m(); A().z; C().m()",
    ),
    "names that are swapped in a loop": lines(
        "def f(a):", *(f"    v{i} = g{i}()" for i in range(300)), "    while a:",
        *(f"        v{i} = v{(i + 1) % 300}" for i in range(300)), *(f"    v{i}()" for i in range(300)),
    ),
    "a walk through a tree": lines(
        "def f(a, b):", "    while a:",
        *(f"        if a == {i}: b = b.x{i}\n        else: a = b" for i in range(200)), "    b()",
    ),
    "decorators that return themselves": lines(
        "def d(f): return d", "def e(f): return e(f)", "def k(f):", "    def w(*a): return k(w)(*a)", "    return w",
        "@d", "@e", "@k", "def f(): ...", "@f", "def f(): ...", "class M:", "    def __call__(self, g): return self",
        "m = M()", "@m", "@m", "def g(): g()", "async def r(): f(); g()(g)",
    ),
    "five hundred decorators": lines(
        "import functools", "def d(f):", "    @functools.wraps(f)", "    def w(*a, **k): return f(*a, **k)", "    return w",  # noqa: E501
        *["@d"] * 500, "def f(): ...", "async def r(): f()",
    ),
    "a table of ten thousand functions": lines(
        *(f"def f{i}(): ..." for i in range(10_000)), "T = {" + ", ".join(f"'{i}': f{i}" for i in range(10_000)) + "}",
        "async def r(k): T[k](); T['5']()",
    ),
    "a table that is filled later": lines(
        "T = {}", *(f"def f{i}(): ...\nT['{i}'] = f{i}" for i in range(10_000)), "async def r(k): T[k]()"
    ),
    "five hundred parameters": lines(
        "import time", "def f(" + ", ".join(f"p{i}" for i in range(500)) + "):", *(f"    p{i}(1)" for i in range(500)),
        "async def r(): f(" + ", ".join(["time.sleep"] * 500) + ")", "async def s(): f(*[time.sleep] * 500)",
    ),
    "ten thousand lines": lines(
        "import time", "async def f(a, y):",
        *(f"    if a.x{i}: y = a.b(y)" if i % 2 else f"    z{i % 50} = a[{i}] + y" for i in range(10_000)), "    time.sleep(1)",  # noqa: E501
    ),
    "many branches": lines("def f(a):", *(f"    if a == {i}: x = g{i}" for i in range(3_000)), "    x()"),
    "many elifs": lines("def f(a):", "    if a: x = g", *(f"    elif a == {i}: x = g{i}" for i in range(2_000)), "    x()"),  # noqa: E501
    "partials of partials": lines(
        "from functools import partial", "def f(*a): a[0]()", "x = f", *["x = partial(x, f)"] * 300, "async def r(): x()"  # noqa: E501
    ),
    "functions that call each other as arguments": lines(
        "def ap(f, g): return f(g)", *(f"def a{i}(g): return ap(g, a{(i + 1) % 400})" for i in range(400)), "async def r():",  # noqa: E501
        *(f"    ap(a{i}, a{i * 3 % 400})" for i in range(400)),
    ),
    "properties of properties": lines(
        "class C:", *(f"    @property\n    def p{i}(self): return self.p{i + 1}" for i in range(1_000)),
        "    @property\n    def p1000(self): return open('x')", "async def r(c: C): c.p0.read()",
    ),
    "attributes of attributes": lines(
        "class C:", "    def __init__(self):", *(f"        self.a{i} = self.a{(i + 1) % 2000}" for i in range(2_000)),
        "async def r(c: C): c.a0.read()",
    ),
    "one name in many classes": lines(
        *(f"class C{i}:\n    def run(self, cb): cb(self)\n    def go(self): self.run(self.run)" for i in range(2_000)),
        "async def r(x): x.run(x)",
    ),
    "lambdas of lambdas": lines("x = " + "lambda: " * 60 + "1", "x" + "()" * 60),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_programs_of_unusual_shape(shape: str) -> None:
    linked(SHAPES[shape])


def test_imports_in_all_kinds_of_circles() -> None:
    linked({
        "a.py": "from b import x as y\nfrom a import q as q\nimport a\nfrom c import *\nasync def f(): y(); q(); a.a.f()\n",  # noqa: E501
        "b.py": "from c import x\n",
        "c.py": "from a import y as x\nfrom b import *\n",
        "pkg/__init__.py": "from . import *\nfrom .m import *\nfrom pkg import pkg\n",
        "pkg/m.py": "from . import *\nfrom .m import z\nfrom pkg import *\nz()\nw()\n",
    })  # fmt: skip


def test_a_chain_of_star_imports_ends_at_the_function() -> None:
    sources = {f"m{i}.py": f"from m{i + 1} import *\n" for i in range(300)}
    sources |= {
        "m300.py": "import time\ndef f(): time.sleep(1)\n",
        "app.py": "from m0 import *\nasync def r(): f()\n",
    }
    assert linked(sources).calls("r") == {"m300.f"}


def test_modules_that_all_import_everything_from_each_other() -> None:
    sources = {f"m{i}.py": "".join(f"from m{j} import *\n" for j in range(40) if j != i) for i in range(40)}
    linked({**sources, "app.py": "from m0 import *\nasync def r(): f(); g(); h()\n"})


def test_deep_chains_find_what_is_at_their_end() -> None:
    assert linked(SHAPES["a deep hierarchy"]).blocks() == {"C0.m"}
    assert linked(SHAPES["a chain of super calls"]).blocks() == {"C0.m"}
    assert linked(SHAPES["five hundred parameters"]).findings()
    assert linked(SHAPES["ten thousand lines"]).findings() == ["app.py:10003 time.sleep"]


# -- growth --------------------------------------------------------------------------------------------------------


def synthetic(size: int) -> dict[str, str]:
    """A program of ``size`` modules with classes, callbacks, decorators and coroutines that use each other."""
    return {
        f"m{i}.py": f"""
import asyncio, functools, time
from m{(i + 1) % size} import Service as Next, helper as next_helper
from m{i * 7 % size} import run as other_run
HANDLERS = {{"a": next_helper, "b": other_run}}
def deco(f):
    @functools.wraps(f)
    def inner(*a, **k): return f(*a, **k)
    return inner
class Base:
    def step(self): time.sleep(1)
    def run(self): return self.step()
class Service(Base):
    def __init__(self, callback=None):
        self.callback, self.next = callback, None
    def step(self):
        if self.callback: self.callback(self)
        return helper(self)
    def connect(self): self.next = Next(next_helper)
@deco
def helper(x): return x
def run(f): return f(1)
async def main(name):
    service = Service(run)
    service.connect()
    service.run()
    HANDLERS[name](service.next.step)
    run(helper)
    await asyncio.to_thread(service.next.run)
"""
        for i in range(size)
    }


def test_work_grows_with_the_program_and_not_faster() -> None:
    """Counted, not timed: nodes that the solver has finished, bodies that were built, states that were reached."""
    counts = []
    for size in (20, 40, 80):
        result = linked(synthetic(size))
        counts.append(
            (len(result.evaluator.solver.done), len(result.graph.edges._bodies), len(result.graph.states))
        )
    for small, large in itertools.pairwise(counts):
        for before, after in zip(small, large, strict=True):
            assert after <= 2.4 * before, counts


# -- recursion -----------------------------------------------------------------------------------------------------


def test_a_function_that_calls_itself_with_a_literal() -> None:
    linked("""
        class C:
            def k(self, x, *, flag):
                if flag:
                    return self.k(x, flag=True)
                return 1
            def go(self, v):
                return (*self.k(v, flag=v), 1)
    """)


def test_a_call_method_that_is_decorated_by_its_own_class() -> None:
    linked("""
        class F: ...
        f = F()
        class F:
            @f
            def __call__(self, g): ...
        f = F()
        f()
    """)


def test_closures_that_are_given_to_each_other() -> None:
    pairs = [f"a{i + 1} = both(a{i}, a{max(i - 1, 0)})" for i in range(40)]
    linked(
        lines(
            "def both(f, g):",
            "    def run():",
            "        return f() or g()",
            "    return run",
            "a0 = both(dict, list)",
            *pairs,
            "async def r():",
            "    a40().get(1)",
        )
    )


def test_text_that_functions_hand_to_each_other_and_go_through() -> None:
    linked(
        """
        def first(text):
            for line in text.splitlines():
                second(line.strip())

        def second(text):
            for part in text.split():
                first(part.strip().lower())
            first(text)
            second(text)
        """
    )
