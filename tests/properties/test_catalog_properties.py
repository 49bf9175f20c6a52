"""The catalog on inputs that nobody thought of: any data is either loaded or refused with lines, and names stay put."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.catalog import CallArguments, Catalog, CatalogError, Condition, Selector, load_texts
from auditor.catalog.schema import CALLABLE_KEYS, COST_KEYS, SELECTOR_KEYS, TABLES, TEST_KEYS

PARTS = st.sampled_from(["a", "b", "Type", "get", "*", "", "é", "1"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map(".".join)
SCALARS = st.one_of(st.booleans(), st.integers(-2, 9), st.floats(), st.text(max_size=3), NAMES)
INNER = st.dictionaries(
    st.sampled_from(
        sorted(CALLABLE_KEYS | SELECTOR_KEYS | TEST_KEYS | COST_KEYS.keys() | {"thread", "asyncio"})
    ),
    st.one_of(SCALARS, st.lists(SCALARS, max_size=2)),
    max_size=4,
)
VALUES = st.one_of(SCALARS, st.lists(st.one_of(NAMES, SCALARS, INNER), max_size=3), INNER)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """Data in the rough shape of a catalog file, most of it wrong."""
    data: dict[str, Any] = {"area": {"name": "a", "description": "b"}}
    for kind in draw(
        st.lists(st.sampled_from([*sorted(TABLES), "defaults", "costs", "unknown"]), max_size=4)
    ):
        keys = sorted(TABLES[kind].keys) if kind in TABLES else ["group", "cost", "x"]
        entry = st.dictionaries(st.sampled_from([*keys, "unknown"]), VALUES, max_size=8)
        data[kind] = draw(st.one_of(st.lists(entry, max_size=3), entry, VALUES))
    return data


def load(data: dict[str, Any]) -> Catalog | None:
    try:
        return load_texts([("f.toml", b"")], parse=lambda _: data)
    except CatalogError as error:
        problems = error.problems
    assert problems
    assert all(line.startswith("f.toml:1: ") and "\n" not in line for line in problems)
    return None


@given(tables())
@settings(max_examples=400, deadline=None)
def test_any_data_is_loaded_or_refused(data: dict[str, Any]) -> None:
    load(data)


FRAGMENTS = st.sampled_from(
    [
        "[area]",
        "[[api]]",
        "names = ",
        '["a.b"',
        "]",
        '"""',
        "'",
        "=",
        "\n",
        "# x",
        "{",
        "}",
        "effect",
        '"blocks"',
        "é",
        "\r\n",
    ]
)


@given(st.lists(FRAGMENTS, max_size=25).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_loaded_or_refused_at_one_of_its_lines(text: str) -> None:
    problems: tuple[str, ...] = ()
    try:
        load_texts([("f.toml", text.encode())])
    except CatalogError as error:
        problems = error.problems
    lines = text.replace("\r\n", "\n").count("\n") + 1
    assert all(1 <= int(problem.split(":")[1]) <= lines for problem in problems)


@given(
    st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=5),
    st.lists(NAMES, max_size=10),
)
@settings(max_examples=400, deadline=None)
def test_renaming_settles(aliases: dict[str, list[str]], names: list[str]) -> None:
    loaded = load({"area": {"name": "a", "description": "b"}, "alias": [
        {"name": name, "of": of} for name, of in aliases.items() if of
    ]})  # fmt: skip
    for name in names if loaded is not None else []:
        assert loaded is not None
        settled = loaded.canonical(name)
        assert loaded.canonical(settled) == settled


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_bases_give_an_order(bases: dict[str, list[str]]) -> None:
    entries = [{"name": name, "bases": list(dict.fromkeys(of))} for name, of in bases.items() if of]
    loaded = load({"area": {"name": "a", "description": "b"}, "type": entries})
    for entry in entries if loaded is not None else []:
        assert loaded is not None
        order = loaded.mro(str(entry["name"]))
        assert order[0] == entry["name"]
        assert len(set(order)) == len(order)
        assert set(entry["bases"]) <= set(order)


@given(SCALARS, st.booleans(), st.booleans())
def test_what_is_not_known_is_never_a_match(literal: object, starred: bool, double_starred: bool) -> None:
    """A condition on a value can hold only where the call gives that value."""
    empty = CallArguments(starred=starred, double_starred=double_starred)
    selector = Selector(0, "x")
    assert not Condition(selector, equals=(literal,)).matches(empty)
    assert not Condition(selector, starts_with=("",)).matches(empty)
    assert not Condition(selector, given=True).matches(empty)
    assert not Condition(selector, type="a.T").matches(empty)
    assert Condition(selector, given=False).matches(empty) == (not starred and not double_starred)
