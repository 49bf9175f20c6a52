"""What is done once: behind a test for something that is there from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link.branches import tests_around

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.exposures import Hop
    from auditor.link.program import Function, Module

_SAME: Final = frozenset({"is", "=="})
_OTHER: Final = frozenset({"is not", "!="})


def is_once(hop: Hop) -> bool:
    """Whether the hop stands behind `if self._ready is None`, or `if not ready`, of a name that it leads to be set."""
    if hop.place.call < 0:
        return False
    module = hop.function.module
    missing = set(_missing(module, module.facts.calls[hop.place.call][f.C_REGION]))
    if not missing:
        return False
    setters = [hop.function]
    if hop.edge is not None:
        setters.append(hop.edge.target.function)
    return any(_sets(function, name) for function in setters for name in missing)


def _missing(module: Module, region: int) -> Iterator[tuple[int, str]]:
    """Attributes and variables of the file that are false or None in the region, as (tag, name)."""
    exprs = module.facts.exprs
    for test, holds in tests_around(module, region):
        expression, is_missing = test, not holds
        if test[0] == f.COMPARE and exprs[test[3]][:2] == (f.CONST, None):
            expression, is_missing = exprs[test[2]], test[1] in (_SAME if holds else _OTHER)
        if is_missing and expression[0] == f.ATTR:
            yield f.ATTR, expression[2]
        elif is_missing and expression[0] == f.GLOBAL:
            yield f.GLOBAL, expression[1]


def _sets(function: Function, name: tuple[int, str]) -> bool:
    tag, text = name
    if tag == f.GLOBAL:  # one binding is a constant, which no call changes
        return len(function.module.facts.globals.get(text, ())) > 1
    return any(record[1] == text for record in function.facts.writes)
