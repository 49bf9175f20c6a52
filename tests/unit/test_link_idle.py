"""Properties and operators that lead to nothing are not followed, and nothing is lost by that."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.linking import Linked, roomy

from auditor.catalog import load
from auditor.link.edges import Edges
from auditor.link.evaluate import Evaluator
from auditor.link.idle import Leading
from auditor.link.program import Function
from auditor.link.suspects import Suspect

STORE = """
    import time

    class Store:
        @property
        def size(self):
            return self.count()

        @property
        def text(self):
            return self.read()

        @property
        def summary(self):
            return self.text

        @text.setter
        def text(self, value):
            self.value = value

        def count(self):
            return len(self.items)

        def read(self):
            return open("x").read()

        def __len__(self):
            return self.count()

        def __getitem__(self, key):
            return self.summary

        def __eq__(self, other):
            return self.count() == other.count()

    class Slow:
        def __get__(self, owner, kind=None):
            time.sleep(1)

    class Quick:
        def __get__(self, owner, kind=None):
            return make()

    def make():
        return 1

    class Owner:
        slow = Slow()
        quick = Quick()

    async def main():
        store = Store()
        store.size, store.summary, store[0], store == store, len(store)
        owner = Owner()
        owner.slow, owner.quick
"""


def test_names_that_lead_to_an_effect() -> None:
    linked = Linked(STORE, whole=False)
    assert linked.graph.edges.leading == {"__getitem__", "slow", "summary", "text"}


MODELS = """
[area]
name = "kept"
description = "mappings on disk"

[costs]
page = { low = 0.001, typical = 0.1, high = 1.0, source = "assumed", note = "one page of the file" }

[[api]]
names = ["shelve.Shelf.__getitem__"]
effect = "blocks"
category = "file-io"
group = "file"
cost = "page"
gil = "releases"
why = "reads from disk in the calling thread"
instead = { asyncio = "asyncio.to_thread" }
"""


@pytest.mark.parametrize(("base", "expected"), [("shelve.Shelf", {"__getitem__"}), ("dict", set())])
def test_an_operation_inherited_with_its_effect_from_outside(
    base: str, expected: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "kept.toml"
    path.write_text(MODELS)
    linked = Linked(
        f"""
        import shelve

        class Kept({base}):
            pass

        class Plain:
            def __getitem__(self, key):
                return self.make(key)

            def make(self, key):
                return key
        """
    )
    evaluator = Evaluator(linked.program, load([path]))
    with roomy():
        assert Leading(Edges(evaluator)).find((), {"__getitem__", "__eq__"}) == expected


def test_what_leads_to_an_effect_has_the_contexts_that_it_has_with_all_calls() -> None:
    every, without_idle = Linked(STORE), Linked(STORE, whole=False)
    pairs = zip(every.program.functions, without_idle.program.functions, strict=True)
    differing = {x.facts.name for x, y in pairs if contexts(every, x) != contexts(without_idle, y)}
    # these lead to nothing, so nobody asks where they run
    assert differing == {"size", "__len__", "__eq__", "count", "__get__", "make"}
    assert [where(x) for x in without_idle.suspects] == [where(x) for x in every.suspects]
    assert [where(x) for x in every.suspects] == [
        ("app.Store.read", 25),
        ("app.Store.read", 25),
        ("app.Slow.__get__", 38),
    ]


def contexts(linked: Linked, function: Function) -> set[int]:
    return {state.context for state in linked.graph.by_function.get(function, ())}


def where(suspect: Suspect) -> tuple[str, int]:
    return suspect.function.qualname, suspect.place.line
