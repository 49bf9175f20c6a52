"""Attributes that are assigned from outside: ``other.name = value``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.link import values as v
from auditor.link.values import join_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Module
    from auditor.link.values import Value, Values


class Assignments:
    """Finds assignments by the name of their attribute."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._hierarchy = evaluator.hierarchy
        self._table: dict[str, list[tuple[Module, int, int]]] | None = None

    def named(self, name: str) -> Callable[[Value], Values] | None:
        """A look-up for ``other.name = value`` outside the class, or None if no file has one."""
        table = self._table
        if table is None:
            table = self._table = {}
            for module in self._evaluator.program.modules:
                for base, attribute, value in module.facts.stores:
                    table.setdefault(attribute, []).append((module, base, value))
        sites = table.get(name)
        if not sites or len(sites) > 40:
            return None

        def look_up(target: Value) -> Values:
            return self._evaluator.solver.solve(("s", target, name), self._assigned_to, target, sites)

        return look_up

    def _assigned_to(self, target: Value, sites: list[tuple[Module, int, int]]) -> Values:
        evaluator = self._evaluator
        results: list[Values] = []
        for module, base, value in sites:
            for candidate in evaluator.concrete(evaluator.values(module, base)):
                stored = None
                if candidate is target or (
                    candidate.kind == target.kind == v.INSTANCE
                    and (candidate.a is target.a or candidate.a in self._hierarchy.order(target.a))
                ):
                    stored = evaluator.concrete(evaluator.values(module, value))
                elif (
                    candidate.kind == v.CLASS
                    and target.kind == v.INSTANCE
                    and candidate.a in self._hierarchy.order(target.a)
                ):
                    given = evaluator.concrete(evaluator.values(module, value))
                    stored = join_all([evaluator.members.bind_to(x, target) for x in given])
                if stored is not None:
                    results.append(stored)
                    break
        return tuple(x for x in join_all(results) if not (x.kind == v.CONSTANT and x.a is None))
