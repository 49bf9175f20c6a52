"""Where things stand: calls and their flags, regions, units, parameters, decorators, implicit calls."""

from __future__ import annotations

import pytest
from unit.index_reading import Indexed, probes

from auditor.index import facts as f

# -- expressions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1", "1"),
        ("-1", "-1"),
        ("True", "True"),
        ("None", "None"),
        ("1.5", "1.5"),
        ("'x'", "'x'"),
        ("b'x'", "<bytes>"),
        ("1j", "<complex>"),
        ("...", "?"),
        ("'" + "x" * 201 + "'", "<str>"),
        ("f'{g()}'", "<str>"),
        ("[a, *b]", "[a, * b]"),
        ("(a, 1)", "(a, 1)"),
        ("{a, 1}", "{a, 1}"),
        ("{'k': a, 1: b, **c, d: e}", "{'k': a, 1: b, *: * c, *: e}"),
        ("a.b.c", "a.b.c"),
        ("a(1, k=b, *c, **d)", "a(1, * c, k=b, **d)"),
        ("a['k']", "a['k']"),
        ("a[0]", "a[0]"),
        ("a[-2]", "a[-2]"),
        ("a or b", "(a or b)"),
        ("a and b or c", "((a and b) or c)"),
        ("not a", "not a"),
        ("-a", "<int>"),
        ("a if b else c", "a | c"),
        ("a + b", "(a __add__ b)"),
        ("a @ b", "(a __matmul__ b)"),
        ("a / 'x'", "(a __truediv__ 'x')"),
        ("a == b", "(a == b)"),
        ("a is not None", "(a is not None)"),
        ("a not in b", "(a not in b)"),
        ("a < b", "(a < b)"),
        ("a < b < c", "<bool>"),
        ("lambda: 1", "def f.<lambda1>"),
        ("(x := a)", "a"),
        ("[y for y in a]", "list of each a"),
        ("{y: z for y, z in a}", "dict of each a[1]"),
    ],
)
def test_what_each_expression_stands_for(expression: str, text: str) -> None:
    assert probes(f"def f():\n    probe({expression})\n") == [text]


def test_awaits_and_yields() -> None:
    assert probes("""
        async def f(a):
            probe(await a())
            probe((await a()).b)
            sent = yield a
            probe(sent)
        def g(a):
            result = yield from a
            probe(result)
    """) == ["await a@f()", "await a@f().b", "?", "returned by a@g"]


def test_a_long_key_is_no_key() -> None:
    body = "    probe(a[key])\n    k = 'x'\n    probe(a[k])\n    probe(a[1:2])\n    probe(a[k:])"
    assert probes(f"def f(a):\n{body}") == [
        "a@f[*]", "a@f['x']", "a@f[1:2:]", "a@f[:]",
    ]  # fmt: skip


def test_equal_constants_of_different_types_stay_apart() -> None:
    assert probes("probe(1)\nprobe(True)\nprobe(1.0)\nprobe(0)\nprobe(False)\nprobe('1')") == [
        "1", "True", "1.0", "0", "False", "'1'",
    ]  # fmt: skip


# -- calls ---------------------------------------------------------------------------------------------------------


def test_calls_are_recorded_in_the_order_of_evaluation_with_their_spans() -> None:
    indexed = Indexed("""
        def f():
            outer(
                inner(1), key=other(),
            ).method()
    """)
    spans = [(indexed.text(c[f.C_CALLEE]), *c[f.C_LINE : f.C_END_COLUMN + 1]) for c in indexed.facts.calls]
    assert spans == [
        ("inner", 3, 8, 3, 16),
        ("other", 3, 22, 3, 29),
        ("outer", 2, 4, 4, 5),
        ("outer(inner(1), key=other()).method", 2, 4, 4, 14),
    ]


def test_columns_count_bytes() -> None:
    indexed = Indexed('x = "\N{SNOWMAN}", call()')
    assert indexed.call("call")[f.C_COLUMN] == 11


def test_awaited_marks_the_awaited_call_only() -> None:
    indexed = Indexed("""
        async def f():
            await direct(argument())
            await attribute().of
            later = plain()
            await later
            await (grouped())
            await first().second()
            bare()
            yield held()
    """)
    assert "awaited" in indexed.flags("direct")
    assert "awaited" in indexed.flags("grouped")
    assert "awaited" in indexed.flags("first().second")
    for name in ("argument", "attribute", "plain", "first", "bare", "held"):
        assert "awaited" not in indexed.flags(name), name


def test_awaiting_a_conditional_does_not_await_its_test() -> None:
    indexed = Indexed("async def f():\n    await (one() if test() else two())\n    await (a() or b())\n")
    assert "awaited" in indexed.flags("one")
    assert "awaited" in indexed.flags("two")
    assert "awaited" not in indexed.flags("test")


def test_statements_that_are_calls() -> None:
    indexed = Indexed("""
        statement(argument())
        value = assigned()
        if tested(): ...
    """)
    assert "statement" in indexed.flags("statement")
    assert "statement" not in indexed.flags("argument") | indexed.flags("assigned") | indexed.flags("tested")


def test_what_is_in_a_loop() -> None:
    indexed = Indexed("""
        def f(a):
            before()
            for x in source():
                inside()
                def g():
                    deferred()
                lambda: also_deferred()
            else:
                otherwise()
            while test():
                again()
            [comprehended() for y in origin()]
            after()
        async def h(a):
            async for z in a:
                asynchronous()
    """)
    looping = {"inside", "test", "again", "comprehended", "asynchronous"}
    names = [indexed.text(call[0]) for call in indexed.facts.calls]
    assert {n for n in names if "in loop" in indexed.flags(n)} == looping


def test_calls_belong_to_the_function_whose_code_makes_them() -> None:
    indexed = Indexed("""
        module()
        def f(a=default()):
            body()
            def g() -> annotation():
                inner()
            return lambda x=lambda_default(): lambda_body()
        class C(base()):
            class_body()
            @decorator()
            def m(self):
                method()
    """)
    owners = {indexed.text(call[0]): indexed.owner(call) for call in indexed.facts.calls if call[0]}
    assert owners == {
        "module": "", "default": "", "body": "f", "annotation": "f", "inner": "f.g", "lambda_default": "f",
        "lambda_body": "f.<lambda1>", "base": "", "class_body": "C", "decorator": "C", "decorator()": "C",
        "method": "C.m",
    }  # fmt: skip


# -- regions -------------------------------------------------------------------------------------------------------


def test_branches_are_regions() -> None:
    indexed = Indexed("""
        def f(a, b):
            if a:
                one()
            elif b:
                two()
            else:
                three()
            four()
            x = five() if a else six()
    """)
    assert indexed.regions("one") == ["if a@f"]
    assert indexed.regions("two") == ["unless a@f", "if b@f"]
    assert indexed.regions("three") == ["unless a@f", "unless b@f"]
    assert indexed.regions("four") == []
    assert indexed.regions("five") == ["if a@f"]
    assert indexed.regions("six") == ["unless a@f"]


def test_what_follows_an_early_exit_runs_under_the_opposite() -> None:
    indexed = Indexed("""
        def f(a, b, c):
            if not a:
                return
            one()
            if b:
                two()
            else:
                raise Error
            three()
            for x in c:
                if x:
                    continue
                four()
                if x.y:
                    break
                five()
            six()
            assert c
            seven()
    """)
    assert indexed.regions("one") == ["unless not a@f"]
    assert indexed.regions("two") == ["unless not a@f", "if b@f"]
    assert indexed.regions("three") == ["unless not a@f", "if b@f"]
    assert indexed.regions("four") == ["unless not a@f", "if b@f", "loop", "unless each c@f"]
    assert indexed.regions("five") == [
        "unless not a@f",
        "if b@f",
        "loop",
        "unless each c@f",
        "unless each c@f.y",
    ]
    assert indexed.regions("six") == ["unless not a@f", "if b@f"]
    assert indexed.regions("seven") == ["unless not a@f", "if b@f", "if c@f"]


def test_an_early_exit_ends_with_its_block() -> None:
    indexed = Indexed("""
        def f(a, b):
            if a:
                if b:
                    return
                one()
            two()
    """)
    assert indexed.regions("one") == ["if a@f", "unless b@f"]
    assert indexed.regions("two") == []


def test_exceptions_are_regions() -> None:
    indexed = Indexed("""
        def f():
            try:
                one()
            except (ValueError, errors.Custom):
                two()
            except:
                three()
            else:
                four()
            finally:
                five()
            six()
    """)
    names = "ValueError, Custom, "
    assert indexed.regions("one") == [f"try {names}".strip()]
    assert indexed.regions("two") == ["except ValueError, Custom"]
    assert indexed.regions("three") == ["except"]
    assert indexed.regions("four") == [f"else {names}".strip()]
    assert indexed.regions("five") == ["finally"]
    assert indexed.regions("six") == []
    for name in ("two", "three", "four"):
        assert indexed.questioned(name) == ["one"]


def test_what_follows_a_try_whose_handlers_leave_runs_only_on_success() -> None:
    indexed = Indexed("""
        def f():
            try:
                one()
            except RuntimeError:
                return two()
            three()
    """)
    assert indexed.regions("three") == ["else RuntimeError"]
    assert indexed.questioned("three") == ["one"]


def test_with_and_loops_are_regions() -> None:
    indexed = Indexed("""
        async def f(a):
            with a as b, b.c:
                one()
            async with a:
                two()
            while a:
                three()
    """)
    assert indexed.regions("one") == ["with a@f", "with enter a@f.c"]
    assert indexed.regions("two") == ["async with a@f"]
    assert indexed.regions("three") == ["loop", "if a@f"]


def test_nested_bodies_begin_outside_of_all_regions() -> None:
    indexed = Indexed("""
        def f(a):
            if a:
                def g():
                    inner()
                lambda: deferred()
    """)
    assert indexed.regions("inner") == []
    assert indexed.regions("deferred") == []


def test_short_circuits_are_regions() -> None:
    indexed = Indexed("def f(a):\n    a and one()\n    a or two()\n    [three() for x in a if x]\n")
    assert indexed.regions("one") == ["if a@f"]
    assert indexed.regions("two") == ["unless a@f"]


# -- dead code -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "return one()",
        "raise one()",
        "if a: return one()\n    else: raise Error",
        "try: return one()\n    finally: two()",
        "try: raise Error\n    except Error: return one()",
    ],
)
def test_nothing_follows_what_always_leaves(body: str) -> None:
    indexed = Indexed(f"def f(a):\n    {body}\n    dead()\n")
    assert indexed.calls("dead") == []
    assert len(indexed.calls("one")) == 1


@pytest.mark.parametrize(
    "body",
    [
        "if a: return one()",
        "while a: return one()",
        "for x in a: return one()",
        "with a: raise one()",
        "with a: return one()",
        "try: return one()\n    except Error: pass",
        "match a:\n        case 1: return one()",
    ],
)
def test_something_follows_what_may_not_leave(body: str) -> None:
    indexed = Indexed(f"def f(a):\n    {body}\n    alive()\n")
    assert len(indexed.calls("alive")) == 1


def test_nothing_follows_an_endless_loop() -> None:
    assert Indexed("def f(a):\n    while True:\n        one()\n    dead()\n").calls("dead") == []


# -- definitions ---------------------------------------------------------------------------------------------------


def test_kinds_of_functions() -> None:
    indexed = Indexed("""
        def plain(): ...
        async def asynchronous(): ...
        def generator():
            yield 1
        async def asynchronous_generator():
            yield 1
        def delegating():
            yield from other()
        def outer():
            def inner():
                yield 1
        def comprehending():
            return (x for x in y)
        class C:
            def m(self): ...
    """)
    kinds = {x.qualname: (x.kind, x.is_generator) for x in indexed.facts.functions}
    assert kinds == {
        "": (f.MODULE_BODY, False), "plain": (f.DEF, False), "asynchronous": (f.ASYNC_DEF, False),
        "generator": (f.DEF, True), "asynchronous_generator": (f.ASYNC_DEF, True), "delegating": (f.DEF, True),
        "outer": (f.DEF, False), "outer.inner": (f.DEF, True), "comprehending": (f.DEF, False),
        "C": (f.CLASS_BODY, False), "C.m": (f.DEF, False),
    }  # fmt: skip


def test_parameters_of_all_kinds() -> None:
    indexed = Indexed("""
        def f(a, b: int = 1, /, c: "pkg.T" = g(), *d: int, e, f: list[T] = None, **h: Any): ...
        async def g(*, only): ...
    """)
    assert indexed.parameters("f") == [
        "a", "b: int = 1", "c: pkg.T = g()", "*d: int", "e", "f: list[T] = None", "**h: Any",
    ]  # fmt: skip
    assert indexed.parameters("g") == ["only"]


def test_returns_keep_their_branch() -> None:
    indexed = Indexed("""
        def f(a):
            if a:
                return one()
            if a.b:
                return
            return two()
    """)
    assert [(indexed.text(e), indexed.region_texts(r)) for e, r in indexed.function("f").returns] == [
        ("one()", ["if a@f"]), ("two()", ["unless a@f", "unless a@f.b"]),
    ]  # fmt: skip


def test_what_follows_an_elif_that_leaves_runs_under_the_opposite_of_both() -> None:
    indexed = Indexed("""
        def f(a):
            if a:
                return
            elif a.b:
                return
            one()
    """)
    assert indexed.regions("one") == ["unless a@f", "unless a@f.b"]


def test_roles_come_from_decorators_that_the_index_understands() -> None:
    indexed = Indexed("""
        class C:
            @property
            def a(self): ...
            @a.setter
            def b(self, value): ...
            @functools.cached_property
            def c(self): ...
            @staticmethod
            def d(): ...
            @classmethod
            @abc.abstractmethod
            def e(cls): ...
            @contextlib.contextmanager
            def g(self): ...
            @custom
            def h(self): ...
    """)
    roles = {x.name: x.roles for x in indexed.facts.functions if x.kind == f.DEF}
    assert roles == {
        "a": ("property",), "b": ("setter",), "c": ("cached_property",), "d": ("staticmethod",),
        "e": ("classmethod", "abstractmethod"), "g": ("contextmanager",), "h": (),
    }  # fmt: skip


def test_other_decorators_are_calls_from_the_inside_out() -> None:
    indexed = Indexed("""
        @outer
        @app.get("/x")
        async def f(): ...
        @register(name="C")
        class C: ...
    """)
    assert indexed.globals()["f"] == ["decorated decorated def f by app.get('/x') by outer"]
    assert indexed.globals()["C"] == ["decorated class C by register(name='C')"]
    assert indexed.flags("outer") == {"decorator"}
    assert indexed.flags("app.get('/x')") == {"decorator"}
    assert indexed.flags("app.get") == set()
    assert indexed.text(indexed.call("outer")[f.C_ARGS][0]) == "decorated def f by app.get('/x')"


def test_classes_keep_bases_and_keywords() -> None:
    indexed = Indexed("""
        class C(Base, pkg.Generic[T], mixin(), metaclass=Meta, key="x"): ...
        def f():
            class D(C): ...
    """)
    facts = indexed.class_("C")
    assert [indexed.text(b) for b in facts.bases] == ["Base", "pkg.Generic[T]", "mixin()"]
    assert [(name, indexed.text(value)) for name, value in facts.keywords] == [
        ("metaclass", "Meta"),
        ("key", "'x'"),
    ]
    assert [indexed.text(b) for b in indexed.class_("f.D").bases] == ["C"]


# -- units ---------------------------------------------------------------------------------------------------------


def test_a_unit_is_the_outermost_definition_with_its_decorators() -> None:
    indexed = Indexed("""
        first(
        )
        @decorator
        def f():
            def g():
                return lambda: one()
        class C:
            x = two()
            @decorator
            async def m(self):
                three()
        quiet = 1
    """)
    assert indexed.function("f").unit == indexed.function("f.g").unit == (3, 6)
    assert indexed.function("C.m").unit == (9, 11)
    assert (1, 2) in indexed.facts.units
    assert (8, 8) in indexed.facts.units
    assert not any(first <= 12 <= last for first, last in indexed.facts.units if (first, last) != (7, 11))
    covered = [*indexed.facts.units, *(x.unit for x in indexed.facts.functions)]
    assert all(
        any(first <= call[f.C_LINE] and call[f.C_END_LINE] <= last for first, last in covered)
        for call in indexed.facts.calls
    )


# -- implicit calls ------------------------------------------------------------------------------------------------


def test_operators_that_may_run_code_of_the_project() -> None:
    indexed = Indexed("""
        async def f(a, b):
            a + b
            a["k"]
            a["k"] = b
            del a["k"]
            b in a
            await a
            1 + 2
            "x" in "xyz"
            a["i"]["j"]
    """)
    found = [(name, indexed.text(operand)) for name, operand, *_ in indexed.function("f").operators]
    assert found == [
        ("__add__", "a@f"), ("__getitem__", "a@f"), ("__setitem__", "a@f"), ("__delitem__", "a@f"),
        ("__contains__", "a@f"), ("__await__", "a@f"), ("__getitem__", "a@f"), ("__getitem__", "a@f['i']"),
    ]  # fmt: skip


def test_comparisons_run_methods() -> None:
    indexed = Indexed("""
        def f(a, b):
            a == b
            a < b
            a is b
            a == "x"
    """)
    assert [(name, indexed.text(operand)) for name, operand, *_ in indexed.function("f").operators][:2] == [
        ("__eq__", "a@f"), ("__lt__", "a@f"),
    ]  # fmt: skip


def test_iterations_and_withs_say_what_they_drive() -> None:
    indexed = Indexed("""
        async def f(a, b):
            for x in a: ...
            async for x in b: ...
            [y for y in a.c]
            [y async for y in b.c]
            with a: ...
            async with b: ...
        def g(a):
            yield from a
    """)
    assert [(indexed.text(e), is_async) for e, is_async, *_ in indexed.function("f").iterations] == [
        ("a@f", False), ("b@f", True), ("a@f.c", False), ("b@f.c", True),
    ]  # fmt: skip
    assert [(indexed.text(e), is_async) for e, is_async, *_ in indexed.function("f").withs] == [
        ("a@f", False),
        ("b@f", True),
    ]
    assert [indexed.text(e) for e, *_ in indexed.function("g").iterations] == ["a@g"]


def test_unpacking_iterates() -> None:
    indexed = Indexed("def f(a):\n    x, y = a\n    g(*a)\n    return [*a]\n")
    assert [indexed.text(e) for e, *_ in indexed.function("f").iterations] == ["a@f"] * 3


def test_attribute_reads_and_writes() -> None:
    indexed = Indexed("""
        def f(a):
            a.read
            a.called()
            a.written = 1
            a.first.second = 2
    """)
    function = indexed.function("f")
    assert [indexed.text(e) for e, *_ in function.reads] == ["a@f.read", "a@f.first"]
    assert [(indexed.text(b), n) for b, n, *_ in function.writes] == [
        ("a@f", "written"),
        ("a@f.first", "second"),
    ]


def test_what_containers_are_given_later() -> None:
    indexed = Indexed("""
        table = {}
        table["k"] = one
        table[name] = two
        def f(self):
            self.x["i"] = three
    """)
    assert [(indexed.text(b), k, indexed.text(v)) for b, k, v in indexed.facts.mutations] == [
        ("{}", "k", "one"), ("{}", None, "two"), ("self@f.x", "i", "three"),
    ]  # fmt: skip


# -- invariants ----------------------------------------------------------------------------------------------------


def test_facts_are_the_same_every_time_and_marshal() -> None:
    import marshal
    from pathlib import Path

    source = Path(f.__file__).parent.joinpath("statements.py").read_text(encoding="utf-8")
    first, second = Indexed(source).facts, Indexed(source).facts
    assert first.exprs == second.exprs
    assert first.calls == second.calls
    assert first.regions == second.regions
    assert marshal.loads(marshal.dumps((first.exprs, first.calls, first.regions))) is not None
