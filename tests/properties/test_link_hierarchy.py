"""The order of bases is Python's own."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.linking import Linked


@st.composite
def hierarchies(draw: st.DrawFn) -> list[tuple[int, ...]]:
    """Bases of each class, among the classes before it."""
    size = draw(st.integers(1, 9))
    return [
        tuple(draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3))) if number else ()
        for number in range(size)
    ]


def python(bases: list[tuple[int, ...]]) -> dict[int, type]:
    """The classes that Python accepts, each with a method that says whose it is."""
    classes: dict[int, type] = {}
    for number, wanted in enumerate(bases):
        if all(base in classes for base in wanted):
            try:
                classes[number] = type(f"C{number}", tuple(classes[base] for base in wanted), {})
            except TypeError:
                continue  # no consistent order: such a program does not even start
    return classes


def source(bases: list[tuple[int, ...]], classes: dict[int, type], defined: set[int]) -> str:
    lines = []
    for number in classes:
        names = ", ".join(f"C{base}" for base in bases[number])
        lines.append(f"class C{number}({names}):")
        body = (
            f"    def m(self): return super().m()\n    def own{number}(self): ..."
            if number in defined
            else "    pass"
        )
        lines.append(body)
    return "\n".join(lines) + "\n"


@settings(max_examples=150, deadline=None)
@given(hierarchies(), st.sets(st.integers(0, 8)))
def test_orders_and_look_ups_agree_with_python(bases: list[tuple[int, ...]], defined: set[int]) -> None:
    classes = python(bases)
    text = source(bases, classes, defined)
    linked = Linked(text)
    namespace: dict[str, type] = {}
    exec(text, namespace)
    hierarchy = linked.evaluator.hierarchy
    for number in classes:
        real = namespace[f"C{number}"]
        mine = linked.class_(f"C{number}")
        order = [x for x in hierarchy.order(mine) if not isinstance(x, str)]
        assert [x.facts.name for x in order] == [x.__name__ for x in real.__mro__[:-1]]
        instance = linked.evaluator.interner.instance(mine, virtual=False)
        found = [linked.text(x) for x in linked.evaluator.members.attribute(instance, "m")]
        owner = next((x.__name__ for x in real.__mro__ if "m" in vars(x)), None)
        assert found == ([f"{owner}.m of a C{number}"] if owner else [])
        below = {x.facts.name for x in hierarchy.descendants(mine)}
        assert below == {f"C{n}" for n in classes if n != number and issubclass(namespace[f"C{n}"], real)}


def test_super_goes_to_a_sibling_that_only_a_subclass_brings_in() -> None:
    linked = Linked("""
        class A:
            def m(self): super().m()
        class B:
            def m(self): ...
        class C(A, B): ...
        def f(): C().m()
    """)
    assert linked.reaches("f") == {"A.m", "B.m"}


def test_super_does_not_depend_on_the_order_of_callers() -> None:
    linked = Linked("""
        class A:
            def m(self): super().m()
        class B:
            def m(self): ...
        class C(A, B): ...
        def first(): A().m()
        def second(): C().m()
    """)
    assert linked.reaches("second") == {"A.m", "B.m"}


@settings(max_examples=100, deadline=None)
@given(hierarchies(), st.sets(st.integers(0, 8)))
def test_super_agrees_with_python(bases: list[tuple[int, ...]], defined: set[int]) -> None:
    classes = python(bases)
    linked = Linked(
        source(bases, classes, defined) + "".join(f"def f{n}():\n    C{n}().m()\n" for n in classes)
    )
    namespace: dict[str, type] = {}
    exec(source(bases, classes, defined), namespace)
    for number in classes:
        expected = {f"{x.__name__}.m" for x in namespace[f"C{number}"].__mro__ if "m" in vars(x)}
        assert linked.reaches(f"f{number}") == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), max_size=3), min_size=1, max_size=7))
def test_hierarchies_that_python_refuses_end_all_the_same(bases: list[list[int]]) -> None:
    text = "".join(
        f"class C{n}({', '.join(f'C{b}' for b in wanted if b < len(bases))}):\n"
        f"    def m(self): return super().m() or self.x.m()\n    x = C{n}()\n"
        for n, wanted in enumerate(bases)
    )
    linked = Linked(text + "async def f():\n    C0().m()\n")
    for class_ in linked.program.classes:
        order = linked.evaluator.hierarchy.order(class_)
        assert order[0] is class_


def test_a_class_is_in_its_order_once() -> None:
    linked = Linked("class A(B): ...\nclass B(A): ...\n")
    for class_ in linked.program.classes:
        order = linked.evaluator.hierarchy.order(class_)
        assert len(set(order)) == len(order)
