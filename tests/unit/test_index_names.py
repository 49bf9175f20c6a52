"""What names stand for: assignments followed through branches, loops, exceptions and scopes."""

from __future__ import annotations

from unit.index_reading import Indexed, probes


def known(source: str) -> str:
    """What the argument of the one ``probe`` in the source stands for."""
    (found,) = probes(source)
    return found


# -- straight lines ------------------------------------------------------------------------------------------------


def test_a_name_stands_for_what_was_assigned_last() -> None:
    assert probes("""
        def f(a):
            x = a
            probe(x)
            x = make()
            probe(x)
    """) == ["a@f", "make()"]


def test_assignments_through_other_names() -> None:
    assert probes("""
        def f(a):
            b = c = a.first
            d = b
            probe(d.second)
            probe(c)
    """) == ["a@f.first.second", "a@f.first"]


def test_unpacking_takes_items_by_position() -> None:
    assert probes("""
        def f():
            (p, q), r = pair()
            probe(p)
            probe(r)
            a, *b, c = many()
            probe(a)
            probe(b)
            probe(c)
            m, n = first(), second()
            probe(m)
            probe(n)
    """) == [
        "pair()[0][0]", "pair()[1]", "many()[0]", "list of each many()", "many()[-1]", "first()", "second()",
    ]  # fmt: skip


def test_a_swap_uses_the_old_values() -> None:
    assert probes("""
        def f(a, b):
            a, b = b, a
            probe(a)
            probe(b)
    """) == ["b@f", "a@f"]


def test_augmented_assignment_keeps_the_old_value_as_a_possibility() -> None:
    indexed = Indexed("""
        def f(x, y):
            x += y
            probe(x)
    """)
    assert indexed.probes() == ["x@f | y@f"]
    assert [(indexed.text(b), k, indexed.text(v)) for b, k, v in indexed.facts.mutations] == [
        ("x@f", None, "each y@f")
    ]


def test_deleting_a_name_forgets_nothing_and_binds_it_locally() -> None:
    assert (
        known("""
        def f(x):
            del x.a, x["b"]
            probe(x)
    """)
        == "x@f"
    )


def test_a_name_that_is_only_deleted_is_local() -> None:
    assert (
        known("""
        x = 1
        def f():
            del x
            probe(x)
    """)
        == "?"
    )


def test_a_local_name_that_is_not_yet_bound_is_not_the_global_one() -> None:
    assert (
        known("""
        x = 1
        def f():
            probe(x)
            x = 2
    """)
        == "?"
    )


def test_walrus_binds_in_the_body_around_it() -> None:
    assert probes("""
        def f(a):
            if (n := a()) and probe(n):
                pass
            probe(n)
    """) == ["a@f()", "a@f()"]


def test_walrus_in_a_comprehension_binds_outside_of_it() -> None:
    assert (
        known("""
        def f(a):
            found = [m := y for y in a]
            probe(m)
    """)
        == "each a@f"
    )


def test_annotated_names_keep_value_and_annotation() -> None:
    assert probes("""
        def f(a):
            x: Type = a
            probe(x)
            y: "pkg.Type | None"
            probe(y)
            z: Type = None
            probe(z)
    """) == ["a@f: Type", "?: None | pkg.Type", "None: Type"]


# -- branches ------------------------------------------------------------------------------------------------------


def test_both_branches_reach_the_end() -> None:
    assert (
        known("""
        def f(a):
            if a:
                x = one()
            else:
                x = two()
            probe(x)
    """)
        == "one() | two()"
    )


def test_a_branch_that_does_not_assign_keeps_the_value_before() -> None:
    assert (
        known("""
        def f(a):
            x = zero()
            if a:
                x = one()
            elif a.b:
                x = two()
            probe(x)
    """)
        == "one() | two() | zero()"
    )


def test_a_branch_that_leaves_does_not_reach_the_end() -> None:
    for leaving in ("return x", "raise Error(x)"):
        assert (
            known(f"""
            def f(a):
                x = zero()
                if a:
                    x = one()
                    {leaving}
                probe(x)
        """)
            == "zero()"
        )


def test_a_branch_sees_its_own_assignment_only() -> None:
    assert probes("""
        def f(a):
            x = zero()
            if a:
                x = one()
                probe(x)
            else:
                probe(x)
    """) == ["one()", "zero()"]


def test_the_type_checking_branch_is_not_what_runs() -> None:
    assert probes("""
        if TYPE_CHECKING:
            from a import Thing
        else:
            Thing = None
        def f():
            probe(Thing)
    """) == ["Thing"]
    assert Indexed("""
        if typing.TYPE_CHECKING:
            from a import Thing
        else:
            Thing = None
    """).globals() == {"Thing": ["None"]}


def test_both_ways_to_import_reach_the_name() -> None:
    indexed = Indexed("""
        try:
            import fast as impl
        except ImportError:
            impl = None
    """)
    assert indexed.globals() == {"impl": ["module fast", "None"]}


def test_match_joins_its_cases() -> None:
    assert (
        known("""
        def f(a):
            match a:
                case [1, 2]:
                    x = one()
                case {"k": 3}:
                    x = two()
                case _:
                    x = three()
            probe(x)
    """)
        == "one() | three() | two()"
    )


def test_captures_of_a_match_hide_names_of_before() -> None:
    assert probes("""
        def f(a):
            x = rest = other = old()
            match a:
                case [x, *rest]:
                    probe(x)
                    probe(rest)
                case {"k": 1, **other}:
                    probe(other)
    """) == ["a@f[0]", "?", "?"]


def test_a_class_pattern_says_what_it_captures() -> None:
    assert (
        known("""
        def f(a):
            match a:
                case Upload() as upload:
                    probe(upload)
    """)
        != "?"
    )


def test_an_irrefutable_case_leaves_no_way_around() -> None:
    assert (
        known("""
        def f(a):
            x = zero()
            match a:
                case 1:
                    x = one()
                case _:
                    x = two()
            probe(x)
    """)
        == "one() | two()"
    )


# -- loops ---------------------------------------------------------------------------------------------------------


def test_a_loop_sees_what_its_earlier_turns_assigned() -> None:
    first, element, after = probes("""
        def f(a):
            x = zero()
            for i in a:
                probe(x)
                probe(i)
                x = step(x)
            probe(x)
    """)
    assert first == "cycle(step(~) | zero())"
    assert element == "each a@f"
    assert after == "step(cycle(zero() | ~)) | zero()"


def test_a_while_loop_sees_what_its_earlier_turns_assigned() -> None:
    assert (
        known("""
        def f(a):
            x = zero()
            while a:
                probe(x)
                x = one()
    """)
        == "cycle(one() | zero())"
    )


def test_values_of_turns_that_end_early_survive_the_loop() -> None:
    assert (
        known("""
        def f(a):
            x = zero()
            while a:
                x = one()
                if x:
                    continue
                x = two()
                break
            probe(x)
    """)
        == "one() | two() | zero()"
    )


def test_the_loop_variable_keeps_its_last_element() -> None:
    assert (
        known("""
        def f(a):
            for x in a:
                pass
            probe(x)
    """)
        == "each a@f"
    )


def test_the_else_of_a_loop_without_break_is_what_follows() -> None:
    assert (
        known("""
        def f(a):
            for x in a:
                x = one()
            else:
                x = two()
            probe(x)
    """)
        == "two()"
    )


def test_the_else_of_a_loop_does_not_hide_what_break_left() -> None:
    assert (
        known("""
        def f(backends):
            for chosen in backends:
                if chosen.ready:
                    break
            else:
                chosen = fallback()
            probe(chosen)
    """)
        == "each backends@f | fallback()"
    )


def test_nested_loops_close_over_both() -> None:
    (text,) = probes("""
        def f(a):
            x = zero()
            for i in a:
                for j in i:
                    x = step(x)
            probe(x)
    """)
    assert "zero()" in text
    assert "step(" in text


def test_elements_of_asynchronous_loops() -> None:
    assert probes("""
        async def f(a):
            async for x, y in a:
                probe(y)
            probe([z async for z in a])
    """) == ["async each a@f[1]", "list of async each a@f"]


# -- exceptions ----------------------------------------------------------------------------------------------------


def test_a_handler_may_see_any_value_of_the_try_body() -> None:
    assert probes("""
        def f():
            x = zero()
            try:
                x = one()
                x = two()
            except ValueError as error:
                probe(x)
                probe(error)
    """) == ["one() | two() | zero()", "?"]


def test_a_handler_that_falls_through_joins_the_end() -> None:
    assert (
        known("""
        def f():
            try:
                x = one()
            except ValueError:
                x = None
            probe(x)
    """)
        == "None | one()"
    )


def test_a_handler_that_leaves_does_not() -> None:
    for leaving in ("raise", "return", "return x"):
        assert (
            known(f"""
            def f():
                x = zero()
                try:
                    x = one()
                except ValueError:
                    x = two()
                    {leaving}
                probe(x)
        """)
            == "one()"
        )


def test_else_sees_the_whole_body_and_the_end_sees_else() -> None:
    assert probes("""
        def f():
            try:
                x = one()
            except ValueError:
                x = three()
            else:
                probe(x)
                x = two()
            probe(x)
    """) == ["one()", "three() | two()"]


def test_finally_runs_after_all_ways_that_reach_the_end() -> None:
    assert probes("""
        def f():
            try:
                x = one()
            except ValueError:
                x = two()
            finally:
                probe(x)
                x = three()
            probe(x)
    """) == ["one() | two()", "three()"]


def test_finally_runs_after_the_ways_that_leave_as_well() -> None:
    assert (
        known("""
        def f():
            x = zero()
            try:
                x = one()
            except ValueError:
                x = two()
                raise
            finally:
                probe(x)
    """)
        == "one() | two() | zero()"
    )


def test_exception_groups_are_like_other_handlers() -> None:
    assert (
        known("""
        def f():
            try:
                x = one()
            except* ValueError:
                x = two()
            probe(x)
    """)
        == "one() | two()"
    )


# -- with ----------------------------------------------------------------------------------------------------------


def test_with_binds_what_entering_gives() -> None:
    assert probes("""
        def f(a):
            with a as x, x.inner() as (y, z):
                probe(x)
                probe(z)
            probe(y)
    """) == ["enter a@f", "enter enter a@f.inner()[1]", "enter enter a@f.inner()[0]"]


def test_asynchronous_with() -> None:
    assert (
        known("""
        async def f(a):
            async with a as x:
                probe(x)
    """)
        == "async enter a@f"
    )


# -- functions within functions ------------------------------------------------------------------------------------


def test_a_nested_function_sees_every_value_of_the_name_around_it() -> None:
    assert probes("""
        def f(a):
            x = one()
            def g():
                probe(x)
                probe(a)
            x = two()
            return g
    """) == ["one() | two()", "a@f"]


def test_a_nested_function_sees_functions_that_are_defined_later() -> None:
    assert probes("""
        def f():
            def g():
                probe(h)
            def h():
                probe(g)
    """) == ["def f.h", "def f.g"]


def test_bodies_are_indexed_after_the_body_around_them() -> None:
    indexed = Indexed("""
        def f():
            first()
            def g():
                third()
            second()
        zeroth()
    """)
    order = [indexed.text(call[0]) for call in indexed.facts.calls]
    assert order == ["zeroth", "first", "second", "third"]


def test_a_lambda_sees_the_value_of_now() -> None:
    assert probes("""
        def f(a):
            x = one()
            g = lambda b, c=x: probe(x) or probe(b) or probe(c)
            x = two()
            return g
    """) == ["one()", "b@f.<lambda1>", "c@f.<lambda1>"]


def test_a_function_refers_to_itself() -> None:
    assert (
        known("""
        def outer():
            def again(n):
                probe(again)
    """)
        == "def outer.again"
    )


def test_a_function_is_unknown_before_its_definition() -> None:
    assert probes("""
        def f():
            probe(g)
            def g(): ...
            probe(g)
    """) == ["?", "def f.g"]


def test_lambdas_are_numbered_within_their_function() -> None:
    assert [x.qualname for x in Indexed("""
        first = lambda: (lambda: 1)
        def f(a=lambda: 2):
            return lambda: 3, lambda: 4
    """).facts.functions if x.name == "<lambda>"] == [
        "<lambda1>", "<lambda1>.<lambda1>", "<lambda2>", "f.<lambda1>", "f.<lambda2>",
    ]  # fmt: skip


# -- global and nonlocal -------------------------------------------------------------------------------------------


def test_global_assignments_belong_to_the_module() -> None:
    indexed = Indexed("""
        client = None
        def connect():
            global client
            client = make()
            probe(client)
        def use():
            probe(client)
    """)
    assert indexed.probes() == ["client", "client"]
    assert sorted(indexed.globals()["client"]) == ["None", "make()"]


def test_global_in_a_nested_function_passes_by_the_function_between() -> None:
    indexed = Indexed("""
        def f():
            x = local()
            def g():
                global x
                x = made()
                probe(x)
            def h():
                probe(x)
    """)
    assert indexed.probes() == ["x", "local()"]
    assert indexed.globals()["x"] == ["made()"]


def test_nonlocal_assignments_reach_the_functions_beside() -> None:
    assert probes("""
        def f():
            x = one()
            def g():
                nonlocal x
                x = two()
                probe(x)
            def h():
                probe(x)
    """) == ["cycle(one() | two())", "one() | two()"]


def test_nonlocal_assignments_reach_the_function_that_owns_the_name() -> None:
    assert (
        known("""
        def f():
            x = None
            def connect():
                nonlocal x
                x = make()
            connect()
            probe(x)
    """)
        == "cycle(None | make())"
    )


# -- classes -------------------------------------------------------------------------------------------------------


def test_methods_do_not_see_names_of_their_class() -> None:
    assert probes("""
        x = one()
        class C:
            probe(x)
            x = two()
            probe(x)
            def m(self):
                probe(x)
                probe(self.x)
    """) == ["x", "two()", "x", "self@C.m.x"]


def test_functions_in_a_class_see_the_function_around_it() -> None:
    assert probes("""
        def f(a):
            class C:
                probe(a)
                def m(self):
                    probe(a)
                    probe(C)
    """) == ["a@f", "a@f", "class f.C"]


def test_class_attributes_and_annotations() -> None:
    indexed = Indexed("""
        class C:
            a: int
            b: "pkg.B" = make()
            c = d = one()
            c = two()
            def m(self): ...
            class Inner: ...
            if flag:
                e = three()
            for f in names: ...
    """)
    assert indexed.attributes("C") == {
        "b": ["make()"], "c": ["one()", "two()"], "d": ["one()"], "m": ["def C.m"], "Inner": ["class C.Inner"],
        "e": ["three()"], "f": ["each names"],
    }  # fmt: skip
    notes = indexed.class_("C").annotations
    assert {name: indexed.text(note) for name, note in notes.items()} == {"a": "int", "b": "pkg.B"}


def test_attributes_stored_through_the_first_parameter() -> None:
    indexed = Indexed("""
        class C:
            def __init__(this, other):
                this.a = one()
                this.a = two()
                this.b: int = three()
                alias = this
                alias.c = four()
                other.d = five()
                this.e, this.f = pair()
                with other as this.g: ...
                for this.h in other: ...
                def inner():
                    this.i = six()
            @classmethod
            def make(cls):
                cls.j = seven()
            @staticmethod
            def free(thing):
                thing.k = eight()
        def outside(thing):
            thing.l = nine()
    """)
    assert indexed.stores("C") == {
        "a": ["one()", "two()"], "b": ["three(): int"], "c": ["four()"], "e": ["pair()[0]"], "f": ["pair()[1]"],
        "g": ["enter other@C.__init__"], "h": ["each other@C.__init__"], "i": ["six()"], "j": ["seven()"],
    }  # fmt: skip
    elsewhere = [(indexed.text(b), n, indexed.text(v)) for b, n, v in indexed.facts.stores]
    assert sorted(elsewhere) == [
        ("other@C.__init__", "d", "five()"), ("thing@C.free", "k", "eight()"), ("thing@outside", "l", "nine()"),
    ]  # fmt: skip


def test_private_names_are_mangled_with_the_innermost_class() -> None:
    assert probes("""
        class _Outer:
            def m(self):
                probe(self.__a)
                probe(self.__b__)
                probe(self._c)
            class __Inner:
                def m(self):
                    probe(self.__a)
        class __:
            def m(self):
                probe(self.__a)
        def f(x):
            probe(x.__a)
    """) == [
        "self@_Outer.m._Outer__a", "self@_Outer.m.__b__", "self@_Outer.m._c", "self@_Outer.__Inner.m._Inner__a",
        "self@__.m.__a", "x@f.__a",
    ]  # fmt: skip


def test_private_methods_and_attributes_meet_under_one_name() -> None:
    indexed = Indexed("""
        class C:
            __table = make()
            def __init__(self):
                self.__x = one()
            def __help(self): ...
            def m(self):
                probe(self.__help)
    """)
    assert indexed.probes() == ["self@C.m._C__help"]
    assert set(indexed.attributes("C")) == {"_C__table", "__init__", "_C__help", "m"}
    assert set(indexed.stores("C")) == {"_C__x"}


def test_private_names_are_read_in_the_class_body() -> None:
    assert (
        known("""
        class C:
            __table = make()
            probe(__table)
    """)
        == "make()"
    )


# -- comprehensions ------------------------------------------------------------------------------------------------


def test_comprehensions_have_a_scope_of_their_own() -> None:
    assert probes("""
        def f(a):
            y = one()
            probe([y for y in a])
            probe(y)
            probe({k: v for k, (v, _) in a.items()})
            probe({z for inner in a for z in inner})
            probe(q for q in a)
    """) == [
        "list of each a@f", "one()", "dict of each a@f.items()[1][0]", "set of each each a@f", "generator of each a@f",
    ]  # fmt: skip


def test_calls_in_comprehensions_belong_to_the_function_around() -> None:
    indexed = Indexed("""
        def f(a):
            return [work(x) for x in source() if wanted(x)]
    """)
    assert {indexed.owner(indexed.call(n)) for n in ("work", "source", "wanted")} == {"f"}
    assert "in loop" in indexed.flags("work")
    assert "in loop" in indexed.flags("wanted")
    assert "in loop" not in indexed.flags("source")


def test_a_comprehension_in_a_class_body_sees_the_module() -> None:
    assert (
        known("""
        class C:
            x = one()
            y = [probe(z) for z in x]
    """)
        == "each one()"
    )


# -- imports -------------------------------------------------------------------------------------------------------


def test_imports_bind_modules_and_names() -> None:
    indexed = Indexed("""
        import a.b
        import c.d as e
        from f.g import h as i, j
        from . import k
        from ..l import m
        from .n import *
        from o import *
        def f():
            import p.q as r
            probe(r)
            from .s import t
            probe(t)
    """)
    assert indexed.globals() == {
        "a": ["package a"], "e": ["module c.d"], "i": ["from f.g import h"], "j": ["from f.g import j"],
        "k": ["from . import k"], "m": ["from ..l import m"], "f": ["def f"],
    }  # fmt: skip
    assert indexed.probes() == ["module p.q", "from .s import t"]
    assert indexed.facts.stars == [(1, "n"), (0, "o")]
    assert (1, "s") in indexed.facts.imports
    assert (0, "p.q") in indexed.facts.imports


def test_exports_are_known_where_they_are_spelt_out() -> None:
    assert Indexed('__all__ = ["a", "b"]').facts.exports == ("a", "b")
    assert Indexed('__all__: tuple[str, ...] = ("a",)\n__all__ += ["b"]').facts.exports == ("a", "b")
    assert Indexed('__all__ = ["a"]\n__all__ = ["b"]').facts.exports == ("b",)
    assert Indexed("x = 1").facts.exports is None
    assert Indexed("__all__ = other.__all__").facts.exports is None
    assert Indexed('__all__ = ["a", name]').facts.exports is None
    assert Indexed("__all__ = []").facts.exports == ()


def test_exports_that_grow_by_method_are_not_known_wrongly() -> None:
    for growing in ('__all__.append("b")', '__all__.extend(["b"])', "__all__.extend(other.__all__)"):
        assert Indexed(f'__all__ = ["a"]\n{growing}').facts.exports in (None, ("a", "b"))


# -- type aliases --------------------------------------------------------------------------------------------------


def test_type_aliases_of_all_forms() -> None:
    found = Indexed("""
        from typing import TypeAlias
        A = dict[str, Thing]
        B: TypeAlias = "list[Thing]"
        type C = Thing | None
        type D[T] = list[T]
    """).globals()
    # the statement is lowered to an assignment where the interpreter does not know it
    assert found.pop("C") in (["None | Thing"], ["(Thing __or__ None)"])
    assert found == {
        "TypeAlias": ["from typing import TypeAlias"], "A": ["dict[str, Thing]"], "B": ["list[Thing]"],
        "D": ["list[T]"],
    }  # fmt: skip
