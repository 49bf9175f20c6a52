"""What the branches around a place say about the context in which it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.model import Loop, Phase, Thread

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

# Constraints.
DEAD: Final = 0  # never at run time
LOOP: Final = 1  # a loop runs in this thread
NO_LOOP: Final = 2
MAIN_THREAD: Final = 3
OTHER_THREAD: Final = 4
SCRIPT: Final = 5  # under `if __name__ == "__main__"`
DEBUG: Final = 6  # under a debug flag
THAT_THREAD: Final = 7  # on one certain thread, which is not just any worker
NOT_THAT_THREAD: Final = 8  # on any other

Constraints = frozenset[int]
NO_CONSTRAINTS: Final[Constraints] = frozenset()
_ONLY_ON_LOOP: Final = frozenset(
    {
        "asyncio.get_running_loop",
        "asyncio.current_task",
        "sniffio.current_async_library",
        "anyio.get_current_task",
    }
)
_RAISES_WITHOUT_LOOP: Final = _ONLY_ON_LOOP | {"asyncio.get_event_loop"}
_MAYBE_LOOP: Final = frozenset({"asyncio._get_running_loop"})
_FOR_WANT_OF_LOOP: Final = frozenset({"RuntimeError", "AsyncLibraryNotFoundError", "NoEventLoopError"})
_CATCHES: Final = _FOR_WANT_OF_LOOP | {"Exception", "BaseException", ""}
_THIS_THREAD: Final = frozenset(
    {"threading.get_ident", "threading.get_native_id", "threading.current_thread", "asyncio.events.get_ident"}
)
_IDENTITIES: Final = frozenset({"ident", "native_id", "name"})
_DEEPEST_NAME: Final = 8
_SHORT_BODY: Final = 4  # calls
_SHORT_ANSWER: Final = 12  # calls of a function that answers whether a loop runs
_NEGATION: Final = {
    LOOP: NO_LOOP, NO_LOOP: LOOP,
    MAIN_THREAD: OTHER_THREAD, OTHER_THREAD: MAIN_THREAD,
    THAT_THREAD: NOT_THAT_THREAD, NOT_THAT_THREAD: THAT_THREAD,
}  # fmt: skip


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
    if THAT_THREAD in constraints and c.OFF_LOOP[context]:
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
        self._known: dict[int, list[Constraints | None]] = {}  # of each file, by region
        self._answers: dict[Function, tuple[Constraints, Constraints]] = {}

    def of(self, module: Module, region: int) -> Constraints:
        """What holds in the region."""
        if not region:
            return NO_CONSTRAINTS
        table = self._known.get(module.index)
        if table is None:
            table = self._known[module.index] = [None] * len(module.facts.regions)
        known = table[region]
        if known is None:
            kind, parent, data, data2 = module.facts.regions[region]
            outer = self.of(module, parent)
            found: set[int] = set()
            if kind == f.IF:
                found |= self._of_test(module, data, positive=bool(data2))
            elif kind == f.HANDLER:
                if self._without_loop(module, data, data2):
                    found.add(NO_LOOP)
            elif kind == f.TRY_ELSE and _CATCHES & set(data) and self._asks_for_loop(module, data2):
                found.add(LOOP)
            known = table[region] = outer if found <= outer else outer | found
        return known

    def _without_loop(self, module: Module, handled: tuple[str, ...], span: tuple[int, int]) -> bool:
        """Whether the handler runs for want of a loop: not in a coroutine, nor for any fault of a long body."""
        if not _CATCHES & set(handled) or not self._asks_for_loop(module, span):
            return False
        first, end = span
        if module.functions[module.facts.calls[first][f.C_FUNCTION]].is_async:
            return False
        return bool(_FOR_WANT_OF_LOOP & set(handled)) or end - first <= _SHORT_BODY

    def _asks_for_loop(self, module: Module, span: tuple[int, int]) -> bool:
        """Whether the body of a try is nothing but the question for the running loop, and what builds on it."""
        for number in range(*span):
            callee = module.facts.calls[number][f.C_CALLEE]
            for value in self._evaluator.values(module, callee):
                if value.kind == v.EXTERNAL and value.a in _RAISES_WITHOUT_LOOP:
                    return bool(value.a != "asyncio.get_event_loop")
                if value.kind == v.FUNCTION and self._hands_on_question(value.a):
                    return True
        return False

    def _hands_on_question(self, function: Function) -> bool:
        """Whether the function is little more than ``return asyncio.get_running_loop()``."""
        exprs = function.module.facts.exprs
        return (
            not function.is_async
            and len(function.facts.returns) == 1
            and not function.facts.returns[0][1]
            and self._callee_name(function.module, exprs[function.facts.returns[0][0]]) in _ONLY_ON_LOOP
        )

    # -- functions that answer ---------------------------------------------------------------------------------

    def _answer(self, function: Function) -> tuple[Constraints, Constraints]:
        """What holds where the function has answered with something true, and with something false."""
        known = self._answers.get(function)
        if known is not None:
            return known
        self._answers[function] = (NO_CONSTRAINTS, NO_CONSTRAINTS)  # for recursion
        facts, module = function.facts, function.module
        if function.is_async or facts.is_generator or len(facts.calls) > _SHORT_ANSWER:
            return self._answers[function]
        meanings: dict[bool, Constraints] = {}
        for position, region in facts.returns:
            around = self.of(module, region) | self._asked_before(function, region)
            truth = self._truth(module, position)
            for answer in (True, False):
                if truth is None or truth is answer:
                    here = around | self._of_test(module, position, positive=answer)
                    meanings[answer] = meanings[answer] & here if answer in meanings else here
        none = NO_CONSTRAINTS
        known = self._answers[function] = (meanings.get(True, none), meanings.get(False, none))
        return known

    def _asked_before(self, function: Function, region: int) -> Constraints:
        """A place in a `try` whose body has asked for the running loop, and got it."""
        module = function.module
        for one in module.facts.outwards(region):
            kind, _, handled, _ = module.facts.regions[one]
            if kind == f.TRY and _CATCHES & set(handled):
                for number in function.facts.calls:
                    call = module.facts.calls[number]
                    if call[f.C_REGION] == one and self._asks_for_loop(module, (number, number + 1)):
                        return frozenset({LOOP})
        return NO_CONSTRAINTS

    def _truth(self, module: Module, position: int) -> bool | None:
        """Whether the expression surely is true, or surely is not."""
        expression = module.facts.exprs[position]
        if expression[0] == f.CONST:
            return bool(expression[1])
        return True if self._callee_name(module, expression) in _ONLY_ON_LOOP else None

    # -- tests -------------------------------------------------------------------------------------------------

    def _of_test(self, module: Module, position: int, *, positive: bool) -> set[int]:
        expression = module.facts.exprs[position]
        tag = expression[0]
        if tag == f.NOT:
            return self._of_test(module, expression[1], positive=not positive)
        if tag == f.BOOLEAN:
            # `a and b` holds: both do; `a or b` fails: both do; otherwise one of them, and nobody knows which
            parts = [self._of_test(module, part, positive=positive) for part in expression[2]]
            return set.union(*parts) if (expression[1] == "and") == positive else set.intersection(*parts)
        if tag == f.CALL:
            answer = self._of_answer(module, expression[1], positive=positive)
            if answer is not None:
                return answer
        constraint = self._constraint(module, expression)
        if constraint is None:
            return set()
        if positive:
            return {constraint}
        negated = _NEGATION.get(constraint)
        return {negated} if negated is not None else set()

    def _of_answer(self, module: Module, number: int, *, positive: bool) -> set[int] | None:
        """What the answer of a function of the program means; None where the callee is none, or not known."""
        call = module.facts.calls[number]
        callees = self._evaluator.values(module, call[f.C_CALLEE])
        if not callees:
            return None
        if len(call[f.C_ARGS]) == 1 and all(x.kind == v.EXTERNAL and x.a == "builtins.bool" for x in callees):
            return self._of_test(module, call[f.C_ARGS][0], positive=positive)
        found: set[int] | None = None
        for value in callees:
            function = value.a if value.kind == v.FUNCTION else value.a.a if value.kind == v.BOUND else None
            if function is None:
                return None
            meaning = self._answer(function)[0 if positive else 1]
            found = set(meaning) if found is None else found & meaning
        return found

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
            if callee[0] == f.ATTR and callee[2] == "is_running" and self._is_loop(module, callee[1]):
                return LOOP
            if self._callee_name(module, expression) in _ONLY_ON_LOOP:
                return LOOP
        if tag == f.COMPARE:
            return self._comparison(module, expression)
        if self._is_loop_or_none(module, expression):
            return LOOP
        return None

    def _is_loop(self, module: Module, position: int) -> bool:
        """Whether the expression is an event loop, by its type, or by its name where nothing is known of it."""
        values = self._evaluator.concrete(self._evaluator.values(module, position))
        if values:
            names = [str(x.a) for x in values if x.kind in (v.EXTERNAL_INSTANCE, v.EXTERNAL)]
            return any("loop" in name.lower() for name in names)
        expression = module.facts.exprs[position]
        name = (
            expression[2]
            if expression[0] == f.ATTR
            else expression[1]
            if expression[0] == f.GLOBAL
            else "loop"
        )
        return "loop" in str(name).lower()

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
                if other[0] != f.CONST or other[1] is not None:
                    found = self._of_identity(module, this, other)
                    if found is not None:
                        return found if operator in ("is", "==") else _NEGATION.get(found)
                    continue
                if self._is_loop_or_none(module, this):
                    return NO_LOOP if operator in ("is", "==") else LOOP
                if this[0] == f.CALL and NO_LOOP in (self._of_answer(module, this[1], positive=False) or ()):
                    return NO_LOOP if operator in ("is", "==") else LOOP
        return None

    def _of_identity(self, module: Module, this: tuple, other: tuple) -> int | None:  # type: ignore[type-arg]
        """What it means that ``this`` is ``other``: the running loop some loop, the current thread some thread."""
        if other[0] == f.CONST:
            return None
        if self._asks_which_loop(module, this):
            return LOOP
        exprs = module.facts.exprs
        if this[0] == f.ATTR and this[2] in _IDENTITIES:
            this = exprs[this[1]]
        if self._callee_name(module, this) not in _THIS_THREAD:
            return None
        return LOOP if self._mentions_loop(module, other) else THAT_THREAD

    def _asks_which_loop(self, module: Module, expression: tuple) -> bool:  # type: ignore[type-arg]
        """Whether it is the loop that runs here, or perhaps None."""
        if self._callee_name(module, expression) in _ONLY_ON_LOOP or self._is_loop_or_none(
            module, expression
        ):
            return True
        return expression[0] == f.CALL and LOOP in (
            self._of_answer(module, expression[1], positive=True) or ()
        )

    def _mentions_loop(self, module: Module, expression: tuple) -> bool:  # type: ignore[type-arg]
        """Whether names of the expression speak of a loop: `self._loop_thread_id`, `server.loop.thread.ident`."""
        exprs = module.facts.exprs
        for _ in range(_DEEPEST_NAME):
            tag = expression[0]
            if tag == f.ATTR:
                if "loop" in expression[2].lower():
                    return True
                expression = exprs[expression[1]]
            elif tag == f.CALL:
                expression = exprs[module.facts.calls[expression[1]][f.C_CALLEE]]
            else:
                name = expression[3] if tag == f.IMPORTED else expression[1] if tag == f.GLOBAL else ""
                return isinstance(name, str) and "loop" in name.lower()
        return False

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
