"""What calling a function of the program does to the things of who calls it, found once for each function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from auditor.fixes.belongings import OWN, SHARED, WHOLLY, Made

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.link.program import Function

_TURNS: Final = 8


class Effect(NamedTuple):
    """What a function gives to its caller, and whether it keeps anything of what it is given."""

    made: Made
    keeps: bool


UNKNOWN: Final = Effect(Made(SHARED, "given", SHARED, OWN), keeps=True)
_NOTHING: Final = Effect(Made(WHOLLY, "given", WHOLLY, WHOLLY), keeps=False)


class Effects:
    """Answers for one program. ``find`` looks into one function, and may ask for others."""

    def __init__(self, find: Callable[[Function], Effect]) -> None:
        self._find = find
        self._known: dict[Function, Effect] = {}
        self._pending: list[Function] = []
        self._assumed: dict[Function, Effect] = {}
        self._asked: set[Function] = set()  # those whose assumption was made use of

    def of(self, function: Function) -> Effect:
        known = self._known.get(function)
        if known is not None:
            return known
        if function in self._assumed:
            # one that calls itself adds nothing to what it does otherwise; more winding circles are not followed
            if self._pending[-1] is not function:
                return UNKNOWN
            self._asked.add(function)
            return self._assumed[function]
        self._assumed[function] = _NOTHING
        self._pending.append(function)
        found = UNKNOWN
        for _ in range(_TURNS):
            found = self._find(function)
            if function not in self._asked or found == self._assumed[function]:
                break
            self._assumed[function] = found
        else:
            found = UNKNOWN
        self._pending.pop()
        self._asked.discard(function)
        del self._assumed[function]
        self._known[function] = found
        return found
