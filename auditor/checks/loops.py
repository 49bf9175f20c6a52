"""Family 1: the wrong event loop."""

from __future__ import annotations

from typing import Final

import libcst as cst

from auditor.engine.rule import Rule
from auditor.index import facts as f
from auditor.model import Phase

_CATCHES: Final = frozenset({"RuntimeError", "Exception", "BaseException"})
_QUIET: Final = frozenset(
    {"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print", "echo"}
)
_RUNS: Final = frozenset({"run_until_complete", "run_forever"})
_WAYS_OUT: Final = frozenset(
    {
        "run", "run_until_complete", "run_sync", "run_coroutine_threadsafe", "call_soon_threadsafe", "new_event_loop",
        "set_event_loop", "get_event_loop", "get_running_loop", "put", "put_nowait", "append", "submit", "start", "set",
    }
)  # fmt: skip
"""Names of calls by which a message may still reach somebody."""


class GetEventLoop(Rule):
    """``asyncio.get_event_loop()`` where a loop is known to run."""

    def visit_Call(self, node: cst.Call) -> None:
        self.report(node)


class NestedEventLoop(Rule):
    """Opening a loop where one runs: the call raises, unless somebody there expects that."""

    def visit_Call(self, node: cst.Call) -> None:
        if not self.context.is_handled and not self.context.is_awaited:
            self.report(node)


class WithoutLoop(Rule):
    """``get_event_loop()`` on the main thread where none was set, and none runs."""

    def visit_Call(self, node: cst.Call) -> None:
        phases = {phase for _, phase in self.context.contexts()}
        # test cases may have a loop set for them
        if not self.context.is_handled and phases - {Phase.IMPORT, Phase.TEST}:
            self.report(node)


class CapturedEarly(Rule):
    """A loop taken while modules are imported, and kept: no loop runs yet, and another one may serve later."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that it is kept: assigned, or the default of a parameter."""
        phases = {phase for _, phase in self.context.contexts()}
        if phases != {Phase.IMPORT} or self.context.is_handled or self._is_run():
            return
        parent = self.context.parent()
        if isinstance(parent, (cst.Assign, cst.AnnAssign, cst.Param, cst.Arg)):
            self.report(node)

    def _is_run(self) -> bool:
        """Whether the module runs a loop itself: that is the one it means."""
        facts = self.context.suspect.function.module.facts
        callees = (facts.exprs[call[f.C_CALLEE]] for call in facts.calls)
        return any(callee[0] == f.ATTR and callee[2] in _RUNS for callee in callees)


class LostWithoutLoop(Rule):
    """What was to be sent is dropped where the question for the loop fails, which it always does on this thread."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the handler gives up: it says so, or not even that, and nobody tries another way."""
        if not self.context.is_handled:
            return
        at = self._try()
        if at is None:
            return
        index, statement = at
        handler = next((h for h in statement.handlers if _catches(h)), None)
        if handler is None or not _gives_up(handler.body) or _has_way_out(handler):
            return
        if _sends(statement.body, node) and not self._goes_on(index):
            self.report(node)

    def _try(self) -> tuple[int, cst.Try] | None:
        """The innermost `try` around the call that catches its failure, and where it stands among the ancestors."""
        ancestors = self.context.ancestors
        for index in range(len(ancestors) - 1, 0, -1):
            found = ancestors[index - 1]
            if isinstance(found, (cst.FunctionDef, cst.Lambda)):
                return None
            if (
                isinstance(found, cst.Try)
                and ancestors[index] is found.body
                and any(map(_catches, found.handlers))
            ):
                return index - 1, found
        return None

    def _goes_on(self, index: int) -> bool:
        """Whether what follows the `try` in its block still has a way to send."""
        block = self.context.ancestors[index - 1] if index else None
        if not isinstance(block, cst.BaseSuite):
            return False
        statements = list(block.body)
        after = statements[statements.index(self.context.ancestors[index]) + 1 :]
        return any(_has_way_out(x) for x in after)


def _catches(handler: cst.ExceptHandler) -> bool:
    kind = handler.type
    if kind is None:
        return True
    kinds = [element.value for element in kind.elements] if isinstance(kind, cst.Tuple) else [kind]
    return any(isinstance(x, cst.Name) and x.value in _CATCHES for x in kinds)


def _gives_up(body: cst.BaseSuite) -> bool:
    """Whether a block does nothing but say something, or return nothing."""
    for statement in body.body:
        if isinstance(statement, cst.If):
            if all(map(_gives_up, _branches(statement))):
                continue
            return False
        if not isinstance(statement, cst.SimpleStatementLine):
            return False
        for small in statement.body:
            if isinstance(small, (cst.Pass, cst.Continue)):
                continue
            if isinstance(small, cst.Return) and (small.value is None or _is_nothing(small.value)):
                continue
            if isinstance(small, cst.Expr) and _is_quiet(small.value):
                continue
            return False
    return True


def _branches(statement: cst.If) -> list[cst.BaseSuite]:
    match statement.orelse:
        case cst.If() as other:
            return [statement.body, *_branches(other)]
        case cst.Else(body=last):
            return [statement.body, last]
    return [statement.body]


def _is_nothing(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Name) and value.value in ("None", "False")


def _is_quiet(value: cst.BaseExpression) -> bool:
    if not isinstance(value, cst.Call):
        return isinstance(value, (cst.SimpleString, cst.Ellipsis))
    return _called(value) in _QUIET


def _called(call: cst.Call) -> str:
    function = call.func
    if isinstance(function, cst.Attribute):
        return function.attr.value
    return function.value if isinstance(function, cst.Name) else ""


class _Calls(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.Call] = []

    def visit_Call(self, node: cst.Call) -> None:
        self.found.append(node)


def _calls(node: cst.CSTNode) -> list[cst.Call]:
    visitor = _Calls()
    node.visit(visitor)
    return visitor.found


def _has_way_out(node: cst.CSTNode) -> bool:
    return any(_called(call) in _WAYS_OUT for call in _calls(node))


_SENDS: Final = frozenset(
    {
        "create_task", "ensure_future", "gather", "run_coroutine_threadsafe", "call_soon", "call_soon_threadsafe",
        "call_later", "run_until_complete", "put_nowait", "set_result",
    }
)  # fmt: skip


def _sends(body: cst.BaseSuite, question: cst.Call) -> bool:
    """Whether the `try` is about more than the question: something is to be run or sent on the loop."""
    return any(_called(call) in _SENDS for call in _calls(body)) or _called(question) in _SENDS
