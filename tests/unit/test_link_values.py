"""What expressions may be: classes, attributes, results of calls, containers, annotations."""

from __future__ import annotations

import pytest
from unit.linking import Linked


def known(source: str) -> list[str]:
    return Linked(source).probes()


def one(source: str) -> str:
    (found,) = known(source)
    return found


# -- attributes ----------------------------------------------------------------------------------------------------


def test_attributes_that_methods_assign() -> None:
    assert known("""
        class Engine: ...
        class Base:
            def __init__(self):
                self.base = Engine()
        class Car(Base):
            default = Engine()
            def __init__(self):
                super().__init__()
                self.engine = Engine()
                self.late = None
            def start(self):
                self.late = Engine()
        car = Car()
        probe(car.engine)
        probe(car.base)
        probe(car.late)
        probe(car.default)
        probe(Car.default)
        probe(car.nothing)
    """) == ["a Engine"] * 5 + ["?"]  # fmt: skip


def test_methods_are_bound_and_classes_give_functions() -> None:
    assert known("""
        class C:
            def m(self): ...
            @classmethod
            def k(cls): ...
            @staticmethod
            def s(): ...
            alias = m
        probe(C().m)
        probe(C.m)
        probe(C().k)
        probe(C.k)
        probe(C().s)
        probe(C.s)
        probe(C().alias)
    """) == ["C.m of a C", "C.m", "C.k of class C", "C.k of class C", "C.s", "C.s", "C.m of a C"]  # fmt: skip


def test_properties_give_their_result() -> None:
    assert known("""
        import functools
        class D: ...
        class C:
            @property
            def a(self):
                return D()
            @functools.cached_property
            def b(self) -> "D":
                return unknown()
            @a.setter
            def a(self, value): ...
        probe(C().a)
        probe(C().b)
    """)[1:] == ["a D"]  # fmt: skip


def test_methods_of_self_in_a_base_are_those_of_all_subclasses() -> None:
    assert known("""
        class Base:
            def run(self):
                probe(self.step)
            def step(self): ...
        class One(Base):
            def step(self): ...
        class Two(Base): ...
    """) == ["Base.step of a Base | One.step of a One"]  # fmt: skip


def test_abstract_methods_are_not_called_where_there_are_others() -> None:
    assert known("""
        import abc
        class Base(abc.ABC):
            @abc.abstractmethod
            def step(self): ...
        class One(Base):
            def step(self): ...
        def f(base: Base):
            probe(base.step)
    """) == ["One.step of a One"]  # fmt: skip


def test_super_goes_up_the_order_of_the_receiver() -> None:
    assert known("""
        class A:
            def m(self): ...
        class B(A):
            def m(self):
                probe(super().m)
        class C:
            def m(self): ...
        class D(B, C): ...
        class E:
            @classmethod
            def make(cls): ...
        class F(E):
            @classmethod
            def make(cls):
                probe(super().make)
                probe(super(F, cls).make)
    """)[1:] == ["E.make of class F"] * 2  # fmt: skip
    linked = Linked("""
        class A:
            def m(self): a()
        class B(A):
            def m(self): super().m()
        class C(A):
            def m(self): super().m()
        class D(B, C): ...
        def f(): D().m()
        def g(): B().m()
    """)
    assert linked.reaches("f") == {"B.m", "C.m", "A.m"}
    assert "A.m" in linked.reaches("g")


def test_instances_of_external_bases_have_their_members() -> None:
    assert known("""
        import queue, requests
        class Mine(queue.Queue):
            def own(self):
                probe(self.get)
        class Client(requests.Session): ...
        probe(Client().get)
        probe(Mine().own)
    """) == ["queue.Queue.get", "requests.Session.get", "Mine.own of a Mine"]  # fmt: skip


def test_getattr_hooks_answer_for_missing_attributes() -> None:
    assert one("""
        class Real: ...
        class Proxy:
            def __getattr__(self, name):
                return Real()
        probe(Proxy().anything)
    """) == "a Real"  # fmt: skip


def test_generic_names_are_not_methods_of_plain_data() -> None:
    assert known("""
        probe("x".get)
        probe("x".split)
        probe([].append)
        probe({}.get)
        probe((1).nothing)
    """)[0] == "?"  # fmt: skip


# -- results of calls ----------------------------------------------------------------------------------------------


def test_results_of_functions() -> None:
    assert known("""
        class C: ...
        def make(): return C()
        def declared() -> C: return unknown()
        def either(x):
            if x:
                return C()
            return None
        def through(x): return x
        def default(x=C()): return x
        def deep(x): return through(through(x))
        probe(make())
        probe(declared())
        probe(either(unknown))
        probe(through(C()))
        probe(default())
        probe(deep(C()))
        probe(through(x=make)())
    """) == ["a C", "a C", "None | a C", "a C", "a C", "a C", "a C"]  # fmt: skip


def test_coroutines_generators_and_managers() -> None:
    assert known("""
        import contextlib
        class C: ...
        async def a(): return C()
        def g():
            yield C()
        async def ag():
            yield C()
        @contextlib.contextmanager
        def m():
            yield C()
        @contextlib.asynccontextmanager
        async def am():
            yield C()
        async def main():
            probe(a())
            probe(await a())
            probe(g())
            probe(next(g()))
            for x in g():
                probe(x)
            async for y in ag():
                probe(y)
            with m() as z:
                probe(z)
            async with am() as w:
                probe(w)
            probe([i for i in g()][0])
    """) == [
        "coroutine of a", "a C", "generator of g", "a C", "a C", "a C", "a C", "a C", "a C",
    ]  # fmt: skip


def test_constructors_and_factories_of_classes() -> None:
    assert known("""
        class C:
            @classmethod
            def make(cls): return cls()
            def copy(self): return self
            def __call__(self): return D()
            def __enter__(self): return D()
            def __exit__(self, *a): ...
            def __getitem__(self, key): return D()
            def __iter__(self): yield D()
            def __add__(self, other): return D()
            def __await__(self):
                yield
                return D()
        class D: ...
        class E(C): ...
        async def main():
            probe(C.make())
            probe(E.make())
            probe(E().copy())
            probe(C()())
            with C() as d:
                probe(d)
            probe(C()[0])
            for x in C():
                probe(x)
            probe(C() + 1)
    """) == ["a C", "a E", "a E", "a D", "a D", "a D", "a D", "a D"]  # fmt: skip


def test_partials_and_lambdas() -> None:
    assert known("""
        import functools
        class C: ...
        def make(): return C()
        probe(functools.partial(make)())
        probe((lambda x: x)(C()))
        probe((lambda: C)()())
    """) == ["a C", "a C", "a C"]  # fmt: skip


def test_arguments_that_a_partial_holds() -> None:
    assert one("""
        import functools
        class C: ...
        def make(a, b): return b
        probe(functools.partial(make, 1, C())())
    """) == "a C"  # fmt: skip


def test_arguments_that_a_partial_is_given_later() -> None:
    assert one("""
        import functools
        class C: ...
        def make(a, b): return b
        probe(functools.partial(make, 1)(C()))
    """) == "a C"  # fmt: skip


def test_partials_of_methods_and_of_keywords() -> None:
    assert known("""
        import functools
        class C: ...
        class D:
            def make(self, a, b): return b
        def make(a, b=None, *rest): return b
        probe(functools.partial(D().make, 1)(C()))
        probe(functools.partial(make, b=C())(1))
        probe(functools.partial(make)(1, C(), 2))
    """) == ["a C", "a C", "a C"]  # fmt: skip


@pytest.mark.parametrize(
    "decorator",
    [
        "def d(f):\n    return f",
        "def d(f):\n    def w(*a, **k):\n        return f(*a, **k)\n    return w",
        "import functools\ndef d(f):\n    @functools.wraps(f)\n    def w(*a, **k):\n        return f(*a, **k)\n    return w",  # noqa: E501
        "def e(x):\n    def d(f):\n        def w(*a):\n            return f(*a)\n        return w\n    return d\nd = e(1)",  # noqa: E501
        "class d:\n    def __init__(self, f):\n        self.f = f\n    def __call__(self, *a):\n        return self.f(*a)",  # noqa: E501
        "import functools\nd = functools.lru_cache(maxsize=3)",
        "import functools\nd = functools.cache",
    ],
)
def test_decorators_keep_calling_the_function(decorator: str) -> None:
    linked = Linked(f"{decorator}\n@d\ndef f(x):\n    target()\ndef target(): ...\ndef main():\n    f(1)\n")
    assert "target" in linked.reaches("main")


def test_results_of_external_calls() -> None:
    assert known("""
        import pathlib, sqlite3, subprocess, requests
        probe(pathlib.Path("x") / "y")
        probe(requests.Session())
        probe(subprocess.Popen("x"))
        probe(open("x"))
        probe("a".upper())
        with open("x") as f:
            probe(f)
        for p in pathlib.Path().iterdir():
            probe(p)
    """)[:1] == ["a pathlib.Path"]  # fmt: skip


# -- literal arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("make(True)", "a A"),
        ("make(False)", "a B"),
        ("make(flag=True)", "a A"),
        ("make()", "a B"),
        ("make(unknown)", "a A | a B"),
        ("named('a')", "a A"),
        ("named('b')", "a B"),
        ("named(unknown)", "a A | a B"),
        ("negated(True)", "a B"),
        ("both(True, False)", "a B"),
        ("both(True, True)", "a A"),
        ("none(None)", "a B"),
        ("none()", "a B"),
    ],
)
def test_literal_arguments_pick_the_branch(call: str, result: str) -> None:
    assert one(f"""
        class A: ...
        class B: ...
        def make(flag=False):
            if flag:
                return A()
            return B()
        def named(kind):
            if kind == "a":
                return A()
            return B()
        def negated(flag):
            if not flag:
                return A()
            return B()
        def both(x, y):
            if x and y:
                return A()
            return B()
        def none(x=None):
            return B() if x is None else A()
        probe({call})
    """) == result  # fmt: skip


def test_literal_arguments_pick_the_calls() -> None:
    linked = Linked("""
        def fast(): ...
        def slow(): ...
        def work(wait=False):
            if wait:
                slow()
            else:
                fast()
        def a(): work()
        def b(): work(True)
        def c(x): work(x)
    """)
    assert linked.reaches("a") == {"work", "fast"}
    assert linked.reaches("b") == {"work", "slow"}
    assert linked.reaches("c") == {"work", "fast", "slow"}


# -- containers ----------------------------------------------------------------------------------------------------

CONTAINERS = """
class A: ...
class B: ...
"""


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("x = {'a': A, 'b': B}\nprobe(x['a'])", "class A"),
        ("x = {'a': A, 'b': B}\nprobe(x[k])", "class A | class B"),
        ("x = {'a': A, 'b': B}\nprobe(x.get('b'))", "class B"),
        ("x = {'a': A}\nprobe(x.get(k, B))", "class A | class B"),
        ("x = {'a': A, 'b': B}\nfor k, v in x.items():\n    probe(v)", "class A | class B"),
        ("x = {'a': A, 'b': B}\nfor v in x.values():\n    probe(v)", "class A | class B"),
        ("x = {A: 1}\nfor k in x:\n    probe(k)", "class A"),
        ("x = {}\nx['a'] = A\nprobe(x['a'])", "class A"),
        ("x = {}\nx['a'] = A\nx['b'] = B\nprobe(x['a'])", "class A"),
        ("x = {}\nx.setdefault('a', A)\nprobe(x['a'])", "class A"),
        ("x = {}\nx.update(a=A)\nprobe(x['a'])", "class A"),
        ("x = {}\nx.update({'a': A})\nprobe(x['a'])", "class A"),
        ("x = {**{'a': A}, 'b': B}\nprobe(x['a'])", "class A"),
        ("x = dict(a=A)\nprobe(x['a'])", "class A"),
        ("x = {k: A for k in y}\nprobe(x[1])", "class A"),
        ("x = {'a': A} | {'b': B}\nprobe(x['b'])", "class B"),
        ("x = [A, B]\nprobe(x[0])", "class A"),
        ("x = [A, B]\nprobe(x[-1])", "class B"),
        ("x = [A, B]\nfor y in x:\n    probe(y)", "class A | class B"),
        ("x = []\nx.append(A)\nprobe(x[0])", "class A"),
        ("x = []\nx.insert(0, A)\nprobe(x[0])", "class A"),
        ("x = [A]\nx += [B]\nprobe(x[1])", "class A | class B"),
        ("x = []\nx.extend([A])\nprobe(x[0])", "class A"),
        ("x = [A] + [B]\nprobe(x[k])", "class A | class B"),
        ("x = (A, B)\nprobe(x[1])", "class B"),
        ("x, y = (A, B)\nprobe(y)", "class B"),
        ("x, *y = (A, B)\nprobe(y[0])", "class A | class B"),
        ("for x, y in [(A, B)]:\n    probe(y)", "class B"),
        ("for i, x in enumerate([A]):\n    probe(x)", "class A"),
        ("for x, y in zip([A], [B]):\n    probe(x)", "class A"),
        ("for x in sorted([A]):\n    probe(x)", "class A"),
        ("for x in reversed([A]):\n    probe(x)", "class A"),
        ("probe(next(iter([A])))", "class A"),
        ("probe([A, B][0]())", "a A"),
        ("probe({A}.pop())", "class A"),
        ("probe(list((A,))[0])", "class A"),
        ("probe([x() for x in (A, B)][0])", "a A | a B"),
        ("import collections\nx = collections.deque()\nx.append(A)\nprobe(x.popleft())", "class A"),
        (
            "import collections\nx = collections.defaultdict(list)\nx['a'].append(A)\nprobe(x['a'][0])",
            "class A",
        ),
        ("x = [A]\nprobe(x.copy()[0])", "class A"),
        ("x = [A, B]\nprobe(x[1:][0])", "class B"),
        ("probe(max([A], key=len))", "class A"),
        ("probe((A if k else B))", "class A | class B"),
        ("probe(A or B)", "class A | class B"),
        ("x = (A,) + (B,)\nprobe(x[k])", "class A | class B"),
        ("x = {'a': A}\nx.update(b=B)\nfor k, v in x.items():\n    probe(v())", "a A | a B"),
        ("x = {'a': {'b': A}}\nprobe(x['a']['b'])", "class A"),
        ("x = list()\nx.append(A)\nprobe(x[0])", "class A"),
        ("x = dict([('a', A)])\nprobe(x['a'])", "class A"),
        ("x = dict({'a': A}, b=B)\nprobe(x['a'])", "class A"),
        ("import collections\nx = collections.defaultdict(A)\nprobe(x[k])", "a A"),
        ("x = list((A, B))\nprobe(x[0])", "class A | class B"),
        ("for (i, x), y in zip(enumerate([A]), [B]):\n    probe(x)", "class A"),
        ("for x, y in zip([A], [B]):\n    probe(y)", "class B"),
        ("probe(max(A, B))", "class A | class B"),
        ("x = {A: B}\nfor k, v in x.items():\n    probe(k)", "class A"),
    ],
)
def test_what_containers_hold(code: str, result: str) -> None:
    assert one(CONTAINERS + code) == result


# -- annotations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "expression", "result"),
    [
        ("C", "x", "a C"),
        ("'C'", "x", "a C"),
        ("C | None", "x", "a C"),
        ("None | C", "x", "a C"),
        ("Optional[C]", "x", "a C"),
        ("Optional['C']", "x", "a C"),
        ("Union[C, D]", "x", "a C | a D"),
        ("C | D", "x", "a C | a D"),
        ("'C | D'", "x", "a C | a D"),
        ("Annotated[C, 'meta']", "x", "a C"),
        ("Final[C]", "x", "a C"),
        ("typing.Optional[C]", "x", "a C"),
        ("type[C]", "x()", "a C"),
        ("Type[C]", "x()", "a C"),
        ("list[C]", "x[0]", "a C"),
        ("List['C']", "x[0]", "a C"),
        ("Sequence[C]", "x[0]", "a C"),
        ("dict[str, C]", "x['k']", "a C"),
        ("Mapping[str, C]", "x.get('k')", "a C"),
        ("dict[str, list[C]]", "x['k'][0]", "a C"),
        ("tuple[C, D]", "x[1]", "a D"),
        ("tuple[C, ...]", "x[5]", "a C"),
        ("set[C]", "x.pop()", "a C"),
        ("Iterator[C]", "next(x)", "a C"),
        ("Iterable[C]", "[y for y in x][0]", "a C"),
        ("G[C]", "x", "a G"),
        ("Alias", "x", "a C"),
        ("ListAlias", "x[0]", "a C"),
        ("Outer.Inner", "x", "a Outer.Inner"),
        ("Callable[[], C]", "x()", "a C"),
        ("T", "x", "a C"),
        ("NT", "x", "a C"),
        ("requests.Session", "x.get", "requests.Session.get"),
        ("Any", "x", "?"),
        ("object", "x", "?"),
    ],
)
def test_what_annotations_say(annotation: str, expression: str, result: str) -> None:
    assert one(f"""
        import typing, requests
        from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
        from typing import Annotated, Any, Final, Generic, List, NewType, Optional, Type, TypeVar, Union
        class C: ...
        class D: ...
        T = TypeVar("T", bound=C)
        NT = NewType("NT", C)
        class G(Generic[T]): ...
        class Outer:
            class Inner: ...
        Alias = C
        ListAlias = list[C]
        def f(x: {annotation}):
            probe({expression})
    """) == result  # fmt: skip


@pytest.mark.parametrize(
    "awaitable", ["Awaitable[C]", "Coroutine[Any, Any, C]", "asyncio.Future[C]", "asyncio.Task[C]"]
)
def test_awaitable_annotations(awaitable: str) -> None:
    assert one(f"""
        import asyncio
        from collections.abc import Awaitable, Coroutine
        from typing import Any
        class C: ...
        async def f(x: {awaitable}):
            probe(await x)
    """) == "a C"  # fmt: skip


def test_self_and_type_variables_in_results() -> None:
    assert known("""
        from typing import TypeVar
        T = TypeVar("T")
        class C:
            def again(self: T) -> T: return self
        class D(C): ...
        def same(x: T) -> T: return x
        probe(D().again())
        probe(same(C()))
    """) == ["a D", "a C"]  # fmt: skip


def test_self_as_the_declared_result() -> None:
    assert one("""
        from typing import Self
        class C:
            def me(self) -> Self: return unknown()
        class D(C): ...
        probe(D().me())
    """) == "a D"  # fmt: skip


def test_annotated_attributes() -> None:
    assert known("""
        from dataclasses import dataclass
        class C: ...
        @dataclass
        class Data:
            c: C
            many: list[C]
            maybe: C | None = None
        class Plain:
            c: C
            def __init__(self, d: "C"):
                self.d = d
                self.e: C = unknown()
        def f(data: Data, plain: Plain):
            probe(data.c)
            probe(data.many[0])
            probe(data.maybe)
            probe(plain.c)
            probe(plain.d)
            probe(plain.e)
    """) == ["a C"] * 6  # fmt: skip


# -- parameters ----------------------------------------------------------------------------------------------------


def test_parameters_without_annotation_are_what_calls_give() -> None:
    assert known("""
        class C: ...
        class D: ...
        def f(x, y=None, *args, z=D(), **kw):
            probe(x)
            probe(z)
        f(C())
        f(x=D())
        class K:
            def __init__(self, x):
                probe(x)
        K(C())
    """) == ["a C | a D", "a D", "a C"]  # fmt: skip


def test_isinstance_narrows_the_callee() -> None:
    linked = Linked("""
        class A:
            def run(self): ...
        class B:
            def run(self): ...
        def f(x: A | B):
            if isinstance(x, A):
                x.run()
        def g(x: A | B):
            if isinstance(x, A):
                return
            x.run()
        def h(x: A | B):
            if not isinstance(x, (A,)):
                x.run()
        def i(x: A | B):
            x.run()
    """)
    assert linked.calls("f") == {"A.run"}
    assert linked.calls("g") == {"B.run"}
    assert linked.calls("h") == {"B.run"}
    assert linked.calls("i") == {"A.run", "B.run"}


def test_registries_that_other_files_fill() -> None:
    linked = Linked({
        "registry.py": """
            TABLE = {}
            NAMED: dict = dict()
            class Registry:
                entries = []
        """,
        "first.py": """
            from registry import TABLE, NAMED, Registry
            def one(): ...
            TABLE["one"] = one
            NAMED.update(one=one)
            Registry.entries.append(one)
        """,
        "second.py": """
            import registry
            def two(): ...
            registry.TABLE["two"] = two
            other = {}
            other["two"] = two
        """,
        "use.py": """
            from registry import TABLE, NAMED, Registry
            probe(TABLE["two"])
            probe(TABLE[key])
            probe(NAMED["one"])
            probe(Registry.entries[0])
        """,
    })  # fmt: skip
    assert linked.probes() == ["second.two", "first.one | second.two", "first.one", "first.one"]


def test_a_mixin_reads_what_its_siblings_assign() -> None:
    assert known("""
        class Engine: ...
        class Mixin:
            def go(self):
                probe(self.engine)
        class Base:
            def __init__(self):
                self.engine = Engine()
        class App(Mixin, Base): ...
    """) == ["a Engine"]  # fmt: skip


def test_callables_in_fields_and_static_methods() -> None:
    assert known("""
        from dataclasses import dataclass
        from typing import Callable
        class C: ...
        def make(x=None): return C()
        class Plain:
            make = staticmethod(make)
        @dataclass
        class Step:
            run: Callable
        probe(Plain().make())
        probe(Plain.make(1))
        probe(Step(make).run)
        probe(Step(run=make).run())
    """) == ["a C", "a C", "make", "a C"]  # fmt: skip


def test_subclasses_that_register_themselves() -> None:
    assert known("""
        class Base:
            kinds = []
            def __init_subclass__(cls):
                Base.kinds.append(cls)
        class C(Base): ...
        class D(Base): ...
        probe(Base.kinds[0]())
    """) == ["a C | a D"]  # fmt: skip


def test_items_of_a_dictionary_that_are_given_anew() -> None:
    assert known("""
        def f(): ...
        def g(): ...
        def h(): ...
        def seen_later():
            probe(plain["a"])
        plain = {"a": f, "b": h}
        alias = plain
        plain["a"] = g
        probe(plain["a"])
        probe(plain["b"])
        probe(alias["a"])
        nested = {"a": {"b": f}}
        nested["a"]["b"] = g
        probe(nested["a"]["b"])
        updated = {"a": f}
        updated.update({"a": g, "c": h})
        probe(updated["a"])
        probe(updated["c"])
        spread = {**plain, "b": f}
        probe(spread["b"])
        probe({"b": f, **plain}["b"])
    """) == ["f | g", "g", "h", "f | g", "g", "g", "h", "f", "f | h"]  # fmt: skip


def test_a_branch_gives_an_item_anew_for_itself() -> None:
    assert known("""
        def f(): ...
        def g(): ...
        def choose(flag, fill):
            table = {"a": f}
            if flag:
                table["a"] = g
                probe(table["a"])
            probe(table["a"])
            fill(table)
            for name in flag:
                probe(table["a"])
                table["a"] = g
    """) == ["g", "f | g", "f | g"]  # fmt: skip
