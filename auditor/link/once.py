"""What is done once: behind a test for something that is there from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.link.exposures import Hop
    from auditor.link.program import Function

_SAME: Final = frozenset({"is", "=="})
_OTHER: Final = frozenset({"is not", "!="})


def is_once(hop: Hop) -> bool:
    """Whether the hop stands behind `if self._ready is None`, or `if not ready`, of a name that it leads to be set."""
    if hop.place.call < 0:
        return False
    facts = hop.function.module.facts
    missing = set(_missing(facts, facts.calls[hop.place.call][f.C_REGION]))
    if not missing:
        return False
    setters = [hop.function]
    if hop.edge is not None:
        setters.append(hop.edge.target.function)
    return any(_sets(function, name) for function in setters for name in missing)


def _missing(facts: f.FileFacts, region: int) -> Iterator[tuple[int, str]]:
    """Attributes and variables of the file that are false or None in the region, as (tag, name)."""
    exprs = facts.exprs
    while region:
        kind, region, data, positive = facts.regions[region]
        pending = [(data, bool(positive))] if kind == f.IF else []
        while pending:
            position, holds = pending.pop()
            expression = exprs[position]
            tag = expression[0]
            if tag == f.NOT:
                pending.append((expression[1], not holds))
            elif tag == f.BOOLEAN and (expression[1] == "and") == holds:
                pending.extend((part, holds) for part in expression[2])
            elif tag == f.COMPARE and exprs[expression[3]][:2] == (f.CONST, None):
                if expression[1] in (_SAME if holds else _OTHER):
                    pending.append((expression[2], False))
            elif tag == f.ATTR and not holds:
                yield tag, expression[2]
            elif tag == f.GLOBAL and not holds:
                yield tag, expression[1]


def _sets(function: Function, name: tuple[int, str]) -> bool:
    tag, text = name
    if tag == f.GLOBAL:
        return text in function.module.facts.globals
    return any(record[1] == text for record in function.facts.writes)
