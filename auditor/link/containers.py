"""What the containers that a file writes down hold: what is in the display, and what the file puts in later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.values import Value, Values, join_all

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Module

_INSERTING = frozenset({"append", "add", "appendleft", "insert", "setdefault", "update", "put", "put_nowait"})


class Containers:
    """Items of lists, tuples, sets, dictionaries and comprehensions."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._mutations: dict[Module, dict[Value, list[tuple[object, int]]]] = {}  # container -> (key, item)
        self._mutating: set[Module] = set()

    def items(self, value: Value, key: object) -> Values:
        """What the container may hold under ``key``, later insertions of the same file included."""
        return self._evaluator.solver.solve(("c", value, key, key.__class__), self._items, value, key)

    def _items(self, value: Value, key: object) -> Values:
        evaluator = self._evaluator
        module, position = value.a, value.b
        expression = module.facts.exprs[position]
        tag = expression[0]
        results: list[Values] = []
        if tag == f.DICT:
            for known, item in expression[1]:
                if known is None:
                    spread = module.facts.exprs[item]
                    if spread[0] == f.STARRED:
                        results.append(
                            evaluator.items(evaluator.concrete(evaluator.values(module, spread[1])), key)
                        )
                    else:
                        results.append(evaluator.values(module, item))
                elif key is None or key == known:
                    results.append(evaluator.values(module, item))
        elif tag == f.COMPREHENSION:
            results.append(evaluator.values(module, expression[2]))
        else:
            items = expression[1]
            exact = key.__class__ is int and not any(module.facts.exprs[i][0] == f.STARRED for i in items)
            if exact and -len(items) <= key < len(items):  # type: ignore[operator]
                results.append(evaluator.values(module, items[key]))
            elif key is None or tag != f.TUPLE or not exact:
                results.extend(evaluator.values(module, i) for i in items)
        for inserted, item in self._insertions(module, value):
            if key is None or inserted is None or inserted == key:
                results.append(evaluator.values(module, item))
        return join_all(results)

    def _insertions(self, module: Module, value: Value) -> list[tuple[object, int]]:
        table = self._mutations.get(module)
        if table is None:
            if module in self._mutating:
                return []
            self._mutating.add(module)
            table = {}
            for base, key, item in self._mutation_sites(module):
                for target in self._evaluator.concrete(self._evaluator.values(module, base)):
                    if target.kind == v.CONTAINER and target.a is module:
                        table.setdefault(target, []).append((key, item))
            self._mutating.discard(module)
            self._mutations[module] = table
        return table.get(value, [])

    def _mutation_sites(self, module: Module) -> list[tuple[int, object, int]]:
        """``x[k] = y``, ``x.append(y)`` and the like, as (container, key, item)."""
        exprs = module.facts.exprs
        sites = list(module.facts.mutations)
        for call in module.facts.calls:
            callee = exprs[call[0]]
            if callee[0] != f.ATTR or callee[2] not in _INSERTING:
                continue
            arguments = call[1]
            name = callee[2]
            if name == "setdefault" and len(arguments) == 2:
                key = exprs[arguments[0]]
                sites.append((callee[1], key[1] if key[0] == f.CONST else None, arguments[1]))
            elif name == "insert" and len(arguments) == 2:
                sites.append((callee[1], None, arguments[1]))
            elif name in ("append", "add", "appendleft", "put_nowait", "put") and arguments:
                sites.append((callee[1], None, arguments[0]))
            elif name == "update" and not arguments:
                sites.extend((callee[1], k, item) for k, item in call[2] if k)
        return sites
