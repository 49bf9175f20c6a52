"""The loop that an object keeps in an attribute, for code on other threads that has only the object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.link import values as v

if TYPE_CHECKING:
    from auditor.fixes.case import Case

_LOOP: Final = "asyncio.AbstractEventLoop"
_WITHOUT_OBJECT: Final = frozenset({"staticmethod", "classmethod"})


def stored_loop(case: Case) -> str | None:
    """``self.loop`` in a method, or in a closure of one, whose class stores nothing but loops under that name."""
    function = case.hit.suspect.function
    hidden: set[str] = set()
    while not function.is_method:
        hidden |= {name for name, *_ in function.facts.params}
        if function.parent is None:
            return None
        function = function.parent
    class_, parameters = function.class_, function.facts.params
    if class_ is None or not parameters or _WITHOUT_OBJECT & set(function.facts.roles):
        return None
    own = parameters[0][0]
    if own in hidden:
        return None
    evaluator = case.graph.evaluator
    for name, stored in class_.facts.stores.items():
        values = [x for position in stored for x in evaluator.values(class_.module, position)]
        kept = [x for x in values if not (x.kind == v.CONSTANT and x.a is None)]
        if kept and all(x.kind == v.EXTERNAL_INSTANCE and evaluator.canonical(x.a) == _LOOP for x in kept):
            return f"{own}.{name}"
    return None
