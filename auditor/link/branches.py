"""Which tests surround a place: what is surely true, or surely false, in a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.index import facts as f

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.program import Module

Tested = tuple[tuple[int, bool], ...]
"""Calls by their number, and whether what they give is true."""


def tests_around(module: Module, region: int) -> Iterator[tuple[Any, bool]]:
    """Expressions that are surely true, or surely false, in the region: tests, and parts of tests."""
    for one in module.facts.outwards(region):
        yield from _tests_of(module, one)


def _tests_of(module: Module, region: int) -> Iterator[tuple[Any, bool]]:
    """The tests of this very region."""
    exprs = module.facts.exprs
    kind, _, data, positive = module.facts.regions[region]
    pending = [(exprs[data], bool(positive))] if kind == f.IF else []
    while pending:
        test, holds = pending.pop()
        if test[0] == f.NOT:
            pending.append((exprs[test[1]], not holds))
        elif test[0] == f.BOOLEAN and (test[1] == "and") == holds:
            pending.extend((exprs[p], holds) for p in test[2])
        else:
            yield test, holds


class Branches:
    """Tests that are calls, such as ``isinstance(x, T)``; each region is looked at once."""

    def __init__(self) -> None:
        self._known: dict[Module, list[Tested | None]] = {}

    def calls_tested(self, module: Module, region: int) -> Tested:
        """The calls among the tests around the region, the innermost first."""
        if not region:
            return ()
        table = self._known.get(module)
        if table is None:
            table = self._known[module] = [None] * len(module.facts.regions)
        known = table[region]
        if known is None:
            kind, parent, _, _ = module.facts.regions[region]
            outer = self.calls_tested(module, parent)
            own: Tested = ()
            if kind == f.IF:
                own = tuple(
                    [(test[1], holds) for test, holds in _tests_of(module, region) if test[0] == f.CALL]
                )
            known = table[region] = own + outer if own else outer
        return known
