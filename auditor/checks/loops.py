"""Family 1: the wrong event loop."""

from __future__ import annotations

from typing import Final

import libcst as cst

from auditor.engine.rule import Rule
from auditor.index import facts as f
from auditor.link.contexts import DOMAIN, MAIN_DOMAIN
from auditor.model import Phase

_CATCHES: Final = frozenset({"RuntimeError", "Exception", "BaseException"})
_QUIET: Final = frozenset(
    {"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print", "echo"}
)
_RUNS: Final = frozenset({"run_until_complete", "run_forever", "set_event_loop"})
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
    """A loop taken while modules are imported, or made and kept, that nobody runs: another one will serve."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that it is kept, in a variable, an attribute or the default of a parameter, and not run."""
        parent = self.context.parent()
        if self.context.is_handled or not isinstance(parent, (cst.Assign, cst.AnnAssign, cst.Param, cst.Arg)):
            return
        if self.context.suspect.misuse is not None:
            if self._is_attribute(parent) and not self._is_run() and self._is_sent_to():
                self.report(node)
        elif self._is_early(parent) and not self._is_run():
            self.report(node)

    def _is_early(self, parent: cst.CSTNode) -> bool:
        """At import; or where an object is made that keeps it, on the main thread before a loop runs."""
        phases = {phase for _, phase in self.context.contexts()}
        if phases == {Phase.IMPORT}:
            return True
        is_before = all(DOMAIN[x.context] == MAIN_DOMAIN for x in self.context.suspect.exposed)
        return is_before and Phase.TEST not in phases and self._is_attribute(parent)

    @staticmethod
    def _is_attribute(parent: cst.CSTNode) -> bool:
        if isinstance(parent, cst.AnnAssign):
            return isinstance(parent.target, cst.Attribute)
        return isinstance(parent, cst.Assign) and isinstance(parent.targets[0].target, cst.Attribute)

    def _is_run(self) -> bool:
        """Whether the module runs a loop itself, or gives one away: that may be the one it means."""
        facts = self.context.suspect.function.module.facts
        if any(expression[0] == f.ATTR and expression[2] in _RUNS for expression in facts.exprs):
            return True
        name = self._kept_as()
        return any(
            facts.exprs[argument][0] == f.ATTR and facts.exprs[argument][2] == name
            for call in facts.calls
            if not _is_send(facts, call)
            for argument in (*call[f.C_ARGS], *(e for _, e in call[f.C_KEYWORDS]))
        )

    def _is_sent_to(self) -> bool:
        """Whether something is to run on the loop that is kept."""
        facts = self.context.suspect.function.module.facts
        exprs, name = facts.exprs, self._kept_as()
        for call in facts.calls:
            callee = exprs[call[f.C_CALLEE]]
            if _is_send(facts, call):
                given = (*call[f.C_ARGS], *(e for _, e in call[f.C_KEYWORDS]))
            elif callee[0] == f.ATTR and callee[2] in _SENDS:
                given = (callee[1],)
            else:
                continue
            if any(exprs[e][0] == f.ATTR and exprs[e][2] == name for e in given):
                return True
        return False

    def _kept_as(self) -> str:
        parent = self.context.parent()
        target = (
            parent.targets[0].target
            if isinstance(parent, cst.Assign)
            else parent.target
            if isinstance(parent, cst.AnnAssign)
            else None
        )
        return target.attr.value if isinstance(target, cst.Attribute) else ""


def _is_send(facts: f.FileFacts, call: tuple) -> bool:  # type: ignore[type-arg]
    callee = facts.exprs[call[f.C_CALLEE]]
    name = callee[2] if callee[0] == f.ATTR else callee[3] if callee[0] == f.IMPORTED else ""
    return name == "run_coroutine_threadsafe"


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
        if _sends(statement.body, node):
            if not self._goes_on(index):
                self.report(node)
        elif self._gives_up_later():
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

    def _gives_up_later(self) -> bool:
        """Whether the answer is kept, and without one the function gives up what it would else send."""
        parent = self.context.parent()
        function = next((x for x in reversed(self.context.ancestors) if isinstance(x, cst.FunctionDef)), None)
        if function is None or not isinstance(parent, cst.Assign):
            return False
        target = parent.targets[0].target
        if not isinstance(target, cst.Name):
            return False
        finder = _GivesUp(target.value)
        function.body.visit(finder)
        return finder.found and _has(function.body, _SENDS)

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


def _has(node: cst.CSTNode, names: frozenset[str]) -> bool:
    return any(_called(call) in names for call in _calls(node))


def _has_way_out(node: cst.CSTNode) -> bool:
    return _has(node, _WAYS_OUT)


class _GivesUp(cst.CSTVisitor):
    """Looks for ``if name is None: return``, or ``if name is not None: send()`` with an ``else``, and words only."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.found = False

    def visit_If(self, node: cst.If) -> None:
        last = node.body.body[-1] if node.body.body else None
        returns = isinstance(last, cst.SimpleStatementLine) and any(
            isinstance(x, cst.Return) for x in last.body
        )
        if returns and self._is_missing(node.test) and _gives_up(node.body):
            self.found = True
        other = node.orelse.body if isinstance(node.orelse, cst.Else) else None
        if other is not None and self._is_there(node.test) and _has(node.body, _SENDS) and _gives_up(other):
            self.found = True

    def _is_missing(self, test: cst.BaseExpression) -> bool:
        if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            return self._is_name(test.expression)
        return self._compares(test, (cst.Is, cst.Equal))

    def _is_there(self, test: cst.BaseExpression) -> bool:
        return self._is_name(test) or self._compares(test, (cst.IsNot, cst.NotEqual))

    def _compares(self, test: cst.BaseExpression, operators: tuple[type[cst.BaseCompOp], ...]) -> bool:
        if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
            return False
        other = test.comparisons[0]
        return (
            self._is_name(test.left)
            and isinstance(other.operator, operators)
            and _is_nothing(other.comparator)
        )

    def _is_name(self, expression: cst.BaseExpression) -> bool:
        return isinstance(expression, cst.Name) and expression.value == self._name


_SENDS: Final = frozenset(
    {
        "create_task", "ensure_future", "gather", "run_coroutine_threadsafe", "call_soon", "call_soon_threadsafe",
        "call_later", "run_until_complete", "put_nowait", "set_result",
    }
)  # fmt: skip


def _sends(body: cst.BaseSuite, question: cst.Call) -> bool:
    """Whether the `try` is about more than the question: something is to be run or sent on the loop."""
    return any(_called(call) in _SENDS for call in _calls(body)) or _called(question) in _SENDS
