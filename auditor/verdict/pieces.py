"""Whether data goes through an open file piece by piece, with a turn for the event loop after each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.verdict.turns import loops_around, suspends

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from auditor.index.facts import FileFacts
    from auditor.link.program import Function

_MOVES_NOTHING: Final = frozenset(
    {"close", "fileno", "flush", "isatty", "readable", "seek", "seekable", "tell", "truncate", "writable"}
)
_READS: Final = frozenset({"peek", "read", "read1", "readline"})
_PIECE: Final = 65_536
"""Bytes: what asyncio's own streams read at most at a time by default (asyncio.streams._DEFAULT_LIMIT)."""

_SAME_HANDLE: Final = frozenset({f.ENTER, f.AENTER, f.AWAIT})
_DISPLAYS: Final = frozenset({f.LIST, f.TUPLE, f.SET})


def in_pieces(function: Function, call: int, opened_by: Iterable[int] = ()) -> bool:
    """Whether a call on a handle is one of many: it stands in a loop that awaits in each round, and in which the handle
    is not opened.
    """
    facts = function.module.facts
    inner = {loop for number in opened_by for loop in loops_around(facts, facts.calls[number][f.C_REGION])}
    return any(
        loop not in inner and suspends(facts, loop, function.facts)
        for loop in loops_around(facts, facts.calls[call][f.C_REGION])
    )


def opened_for_pieces(function: Function, call: int, judged: Collection[int] = ()) -> bool:
    """Whether all that is done with what a call opens moves little at a time: nothing, a sized read, a piece in a loop
    that awaits, or what an awaited call, or one of those ``judged`` by themselves, does with it.

    False as soon as the handle goes where that cannot be seen.
    """
    facts = function.module.facts
    handles = _same(facts, call)
    if _escapes(facts, handles):
        return False
    for owner in function.module.functions:
        for number in owner.facts.calls:
            if number not in judged and not _moves_little(owner, number, call, handles):
                return False
        for iterated in owner.facts.iterations:
            if iterated[0] in handles and not any(
                suspends(facts, loop, owner.facts) for loop in loops_around(facts, iterated[6])
            ):
                return False
    return True


def _same(facts: FileFacts, call: int) -> set[int]:
    """The expressions that may be what the call opens."""
    found = {position for position, one in enumerate(facts.exprs) if one[0] == f.CALL and one[1] == call}
    size = 0
    while size != len(found):
        size = len(found)
        for position, expression in enumerate(facts.exprs):
            tag = expression[0]
            if tag in _SAME_HANDLE:
                inner: Iterable[int] = (expression[1],)
            elif tag in (f.UNION, f.PHI):
                inner = expression[1]
            elif tag in (f.ANNOTATED, f.BOOLEAN):
                inner = expression[2] if tag == f.BOOLEAN else (expression[2],)
            else:
                continue
            if not found.isdisjoint(inner):
                found.add(position)
    return found


def _escapes(facts: FileFacts, handles: set[int]) -> bool:
    """Whether the handle is kept, given back or put into something."""
    kept: list[Any] = [value for bound in facts.globals.values() for value in bound]
    kept += [value for _, _, value in (*facts.mutations, *facts.stores)]
    for class_ in facts.classes:
        kept += [value for stored in class_.stores.values() for value in stored]
    for function in facts.functions:
        kept += [value for value, _ in function.returns]
        kept += [value for value, _ in function.yields]
        kept += [one[2] for one in function.writes]
    for expression in facts.exprs:
        if expression[0] in _DISPLAYS:
            kept += expression[1]
        elif expression[0] == f.DICT:
            kept += [value for _, value in expression[1]]
    return not handles.isdisjoint(kept)


def _moves_little(function: Function, number: int, opening: int, handles: set[int]) -> bool:
    facts = function.module.facts
    call = facts.calls[number]
    given = {*call[f.C_ARGS], *(value for _, value in call[f.C_KEYWORDS])}
    if not handles.isdisjoint(given) and not call[f.C_FLAGS] & f.AWAITED:
        return False
    callee = facts.exprs[call[f.C_CALLEE]]
    if callee[0] != f.ATTR or callee[1] not in handles or callee[2] in _MOVES_NOTHING:
        return True
    if in_pieces(function, number, (opening,)):
        return True
    if call[f.C_FLAGS] & f.IN_LOOP:
        return False
    if callee[2] == "write":
        return _is_encoded(facts, call[f.C_ARGS])
    return callee[2] in _READS and _is_small(facts, call[f.C_ARGS])


def _is_encoded(facts: FileFacts, arguments: tuple[int, ...]) -> bool:
    """Whether what is written is text, of which there is little, as in files that are opened for it."""
    if not arguments:
        return False
    written = facts.exprs[arguments[0]]
    if written[0] != f.CALL:
        return False
    making = facts.calls[written[1]]
    maker = facts.exprs[making[f.C_CALLEE]]
    # `str.encode` takes names of an encoding and of a treatment of errors; encoders of images or sound take data
    given = (*making[f.C_ARGS], *(value for _, value in making[f.C_KEYWORDS]))
    return bool(
        maker[0] == f.ATTR
        and maker[2] == "encode"
        and all(facts.exprs[one][0] == f.CONST and type(facts.exprs[one][1]) is str for one in given)
    )


def _is_small(facts: FileFacts, arguments: tuple[int, ...]) -> bool:
    if not arguments:
        return False
    size = facts.exprs[arguments[0]]
    return size[0] == f.CONST and type(size[1]) is int and 0 <= size[1] <= _PIECE
