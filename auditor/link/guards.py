"""What the branches around a place say about the context in which it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.model import Loop, Phase, Thread

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Module

# Constraints.
DEAD: Final = 0  # never at run time
LOOP: Final = 1  # a loop runs in this thread
NO_LOOP: Final = 2
MAIN_THREAD: Final = 3
OTHER_THREAD: Final = 4
SCRIPT: Final = 5  # under `if __name__ == "__main__"`
DEBUG: Final = 6  # under a debug flag

Constraints = frozenset[int]
NO_CONSTRAINTS: Final[Constraints] = frozenset()
_RAISES_WITHOUT_LOOP: Final = frozenset(
    {"asyncio.get_running_loop", "asyncio.current_task", "asyncio.get_event_loop"}
)
_MAYBE_LOOP: Final = frozenset({"asyncio._get_running_loop"})
_CATCHES: Final = frozenset({"RuntimeError", "Exception", "BaseException", ""})
_SHORT_BODY: Final = 4  # calls
_NEGATION: Final = {LOOP: NO_LOOP, NO_LOOP: LOOP, MAIN_THREAD: OTHER_THREAD, OTHER_THREAD: MAIN_THREAD}


def allows(constraints: Constraints, context: c.Context) -> bool:
    """Whether a place under these constraints is reached in this context."""
    if DEAD in constraints:
        return False
    if LOOP in constraints and c.loop_of(context) == Loop.NONE:
        return False
    if NO_LOOP in constraints and c.HAS_LOOP[context]:
        return False
    if MAIN_THREAD in constraints and c.thread_of(context) in (Thread.WORKER, Thread.PROCESS):
        return False
    return not (OTHER_THREAD in constraints and c.thread_of(context) == Thread.MAIN)


def narrow(constraints: Constraints, context: c.Context) -> c.Context:
    """The context, with what the constraints add to it."""
    if SCRIPT in constraints and c.phase_of(context) == Phase.IMPORT:
        return c.context(c.thread_of(context), c.loop_of(context), Phase.CLI)
    return context


class Guards:
    """Constraints of regions, each found once."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: dict[tuple[int, int], Constraints] = {}

    def of(self, module: Module, region: int) -> Constraints:
        """What holds in the region."""
        if not region:
            return NO_CONSTRAINTS
        key = (module.index, region)
        known = self._known.get(key)
        if known is None:
            kind, parent, data, data2 = module.facts.regions[region]
            found: set[int] = set(self.of(module, parent))
            if kind == f.IF:
                found |= self._of_test(module, data, positive=bool(data2))
            elif kind == f.HANDLER:
                if self._without_loop(module, data, data2):
                    found.add(NO_LOOP)
            elif kind == f.TRY_ELSE and _CATCHES & set(data) and self._asks_for_loop(module, data2):
                found.add(LOOP)
            known = self._known[key] = frozenset(found) if found else NO_CONSTRAINTS
        return known

    def _without_loop(self, module: Module, handled: tuple[str, ...], span: tuple[int, int]) -> bool:
        """Whether the handler runs for want of a loop: not in a coroutine, nor for any fault of a long body."""
        if not _CATCHES & set(handled) or not self._asks_for_loop(module, span):
            return False
        first, end = span
        if module.functions[module.facts.calls[first][f.C_FUNCTION]].is_async:
            return False
        return "RuntimeError" in handled or end - first <= _SHORT_BODY

    def _asks_for_loop(self, module: Module, span: tuple[int, int]) -> bool:
        """Whether the body of a try is nothing but the question for the running loop, and what builds on it."""
        for number in range(*span):
            callee = module.facts.calls[number][f.C_CALLEE]
            for value in self._evaluator.values(module, callee):
                if value.kind == v.EXTERNAL and value.a in _RAISES_WITHOUT_LOOP:
                    return bool(value.a != "asyncio.get_event_loop")
        return False

    def _of_test(self, module: Module, position: int, *, positive: bool) -> set[int]:
        expression = module.facts.exprs[position]
        tag = expression[0]
        if tag == f.NOT:
            return self._of_test(module, expression[1], positive=not positive)
        if tag == f.BOOLEAN:
            # `a and b` holds: both do; `a or b` fails: both do
            if (expression[1] == "and") == positive:
                found: set[int] = set()
                for part in expression[2]:
                    found |= self._of_test(module, part, positive=positive)
                return found
            return set()
        constraint = self._constraint(module, expression)
        if constraint is None:
            return set()
        if positive:
            return {constraint}
        negated = _NEGATION.get(constraint)
        return {negated} if negated is not None else set()

    def _constraint(self, module: Module, expression: tuple) -> int | None:  # type: ignore[type-arg]
        """What the truth of the test means; a constraint whose negation is known may be negated by the caller."""
        exprs = module.facts.exprs
        tag = expression[0]
        if tag == f.GLOBAL and expression[1] == "TYPE_CHECKING":
            return DEAD
        if tag in (f.GLOBAL, f.ATTR, f.IMPORTED):
            name = expression[1] if tag == f.GLOBAL else expression[2] if tag == f.ATTR else expression[3]
            if name == "TYPE_CHECKING":
                return DEAD
            if isinstance(name, str) and name.lower().strip("_").endswith("debug"):
                return DEBUG
        if tag == f.CONST and expression[1] is False:
            return DEAD
        if tag == f.CALL:
            callee = exprs[module.facts.calls[expression[1]][f.C_CALLEE]]
            if callee[0] == f.ATTR and callee[2] == "is_running":
                return LOOP
        if tag == f.COMPARE:
            return self._comparison(module, expression)
        if self._is_loop_or_none(module, expression):
            return LOOP
        return None

    def _comparison(self, module: Module, expression: tuple) -> int | None:  # type: ignore[type-arg]
        exprs = module.facts.exprs
        _, operator, left, right = expression
        sides = (exprs[left], exprs[right])
        if operator == "==" and (f.GLOBAL, "__name__") in sides and (f.CONST, "__main__") in sides:
            return SCRIPT
        if operator in ("is", "is not", "==", "!="):
            names = {self._callee_name(module, side) for side in sides}
            if "threading.main_thread" in names and "threading.current_thread" in names:
                return MAIN_THREAD if operator in ("is", "==") else OTHER_THREAD
            for this, other in (sides, sides[::-1]):
                if other[0] == f.CONST and other[1] is None and self._is_loop_or_none(module, this):
                    return NO_LOOP if operator in ("is", "==") else LOOP
        return None

    def _is_loop_or_none(self, module: Module, expression: tuple) -> bool:  # type: ignore[type-arg]
        """The running loop where there is one, None where there is none."""
        if expression[0] not in (f.UNION, f.PHI):
            return expression[0] == f.CALL and self._callee_name(module, expression) in _MAYBE_LOOP
        parts = [module.facts.exprs[p] for p in expression[1]]
        has_none = any(p[0] == f.CONST and p[1] is None for p in parts)
        asks = any(
            self._callee_name(module, p) in ("asyncio.get_running_loop", "asyncio.current_task")
            for p in parts
        )
        return has_none and asks

    def _callee_name(self, module: Module, expression: tuple) -> str:  # type: ignore[type-arg]
        if expression[0] != f.CALL:
            return ""
        for value in self._evaluator.values(module, module.facts.calls[expression[1]][f.C_CALLEE]):
            if value.kind == v.EXTERNAL:
                return value.a  # type: ignore[no-any-return]
        return ""
