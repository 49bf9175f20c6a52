"""What the program keeps in objects that are not its own: ``app["db"] = connection``, ``hass.data[DOMAIN] = {}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.values import NOTHING, Values, join, join_all

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Module
    from auditor.link.results import Site
    from auditor.link.values import Value

MANY: Final = 40
"""So many places that put something under one key say nothing about any of them."""

_TAKING: Final = frozenset({"get", "pop", "setdefault"})

_Site = tuple["Module", int, int]
"""(module, holder, item), the last two as positions of expressions."""


class Kept:
    """Finds items by key and by the type of the object that holds them.

    There is one application, one bot, one hub in a program as a rule, so objects of a type are not told apart. Where
    the key is no literal (``DOMAIN``, an ``AppKey``), all that is put under such keys may be meant.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._table: dict[tuple[object, str], list[_Site]] | None = None

    def item(self, holder: Value, key: object) -> Values:
        """What is kept under ``key`` in an external object; ``None`` stands for a key that is no literal."""
        if key.__class__ is int or holder.a.startswith("builtins."):
            return NOTHING
        attribute = holder.a.rpartition(".")[2] if holder.kind == v.EXTERNAL else ""
        sites = self._sites().get((key, attribute), ())
        if not 0 < len(sites) <= MANY:
            return NOTHING
        return self._evaluator.solver.solve(("kept", holder, key), self._found, holder, sites)

    def taken(self, dotted: str, site: Site) -> Values:
        """What ``hub.data.get(key)``, ``pop`` or ``setdefault`` of an external object gives, its default included."""
        owner, _, method = dotted.rpartition(".")
        module, number = site
        arguments = module.facts.calls[number][f.C_ARGS]
        if method not in _TAKING or not arguments:
            return NOTHING
        evaluator = self._evaluator
        first = module.facts.exprs[arguments[0]]
        key = first[1] if first[0] == f.CONST else None
        kept = self.item(evaluator.external(owner), key) or self.item(
            evaluator.interner.external_instance(owner), key
        )
        default = evaluator.values(module, arguments[1]) if len(arguments) > 1 else NOTHING
        return join(kept, tuple(x for x in evaluator.concrete(default) if x.kind != v.CONSTANT))

    def _found(self, holder: Value, sites: list[_Site]) -> Values:
        evaluator = self._evaluator
        found: list[Values] = []
        for module, base, item in sites:
            holders = evaluator.concrete(evaluator.values(module, base))
            if any(x.kind == holder.kind and x.a == holder.a for x in holders):
                found.append(evaluator.concrete(evaluator.values(module, item)))
        return tuple(x for x in join_all(found) if not (x.kind == v.CONSTANT and x.a is None))

    def _sites(self) -> dict[tuple[object, str], list[_Site]]:
        """By key and, for what an attribute holds (`hub.data[...]`), its name: an attribute may be of any type."""
        table = self._table
        if table is None:
            table = self._table = {}
            for module in self._evaluator.program.modules:
                exprs = module.facts.exprs
                for base, key, item in _insertions_of(module):
                    if not item:
                        continue
                    table.setdefault((key, ""), []).append((module, base, item))
                    if exprs[base][0] == f.ATTR:
                        table.setdefault((key, exprs[base][2]), []).append((module, base, item))
        return table


def _insertions_of(module: Module) -> list[tuple[int, object, int]]:
    """``x[k] = y`` and ``x.setdefault(k, y)``: (x, k, y), k being None if it is no literal."""
    facts = module.facts
    exprs = facts.exprs
    found = list(facts.mutations)
    for call in facts.calls:
        callee, arguments = exprs[call[f.C_CALLEE]], call[f.C_ARGS]
        if callee[0] == f.ATTR and callee[2] == "setdefault" and len(arguments) == 2:
            key = exprs[arguments[0]]
            found.append((callee[1], key[1] if key[0] == f.CONST else None, arguments[1]))
    return found
