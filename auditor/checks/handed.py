"""Families 2 and 4: what is handed to threads, pools and tasks, and what becomes of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.catalog.conditions import NO_ARGUMENTS
from auditor.engine.rule import Rule
from auditor.link import contexts as c
from auditor.model import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.link.exposures import Exposed


class Given(Rule):
    """An API that runs functions elsewhere is given one that is wrong for it; the linker knows which."""

    def visit_Call(self, node: cst.Call) -> None:
        self.report(node)


class Waiting(Rule):
    """A wait that cannot end; the linker knows why."""

    def visit_Call(self, node: cst.Call) -> None:
        self.report(node)

    def visit_suspect(self, node: cst.CSTNode) -> None:
        """The results of ``pool.map`` that a loop waits for."""
        self.report(node)


class Dropped(Rule):
    """A coroutine or a task that a statement makes, and that nobody keeps."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the call is all of its statement, or what the function gives back."""
        if isinstance(self.context.parent(), (cst.Expr, cst.Return)):
            self.report(node)


class UnboundedResult(Rule):
    """A wait for a coroutine of another thread's loop, without a limit."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that it has no limit, and is reached: a function that asks for the running loop raises before."""
        api = self.context.api
        if api is None or api.is_bounded(self.context.arguments or NO_ARGUMENTS):
            return
        function = next((x for x in reversed(self.context.ancestors) if isinstance(x, cst.FunctionDef)), None)
        if function is None or not _asks_for_loop_first(function, [*self.context.ancestors, node]):
            self.report(node)


def _asks_for_loop_first(function: cst.FunctionDef, path: Sequence[cst.CSTNode]) -> bool:
    """Whether a statement that surely comes before asks for the running loop, which raises on a thread without one."""
    inner = path[path.index(function) :]
    for outer, part in itertools.pairwise(inner):
        if isinstance(outer, cst.IndentedBlock):
            for statement in outer.body:
                if statement is part:
                    break
                if isinstance(statement, cst.SimpleStatementLine) and _calls(statement, "get_running_loop"):
                    return True
    return False


def _calls(node: cst.CSTNode, name: str) -> bool:
    """Whether a call of that name stands in the code, and not only in a function that it defines."""
    if isinstance(node, cst.Call):
        callee = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        if isinstance(callee, cst.Name) and callee.value == name:
            return True
    return any(not isinstance(child, _ELSEWHERE) and _calls(child, name) for child in node.children)


class TimeoutThatWaits(Rule):
    """A wait with a limit within the `with` block of its pool."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the block is that of a pool, in the same function as the wait."""
        for ancestor in reversed(self.context.ancestors):
            if isinstance(ancestor, (cst.FunctionDef, cst.Lambda)):
                return
            if isinstance(ancestor, cst.With):
                self.report(node)
                return


class Polling(Rule):
    """A loop that does nothing but sleep for no time until something has happened."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the sleep is all that the loop does, and that its test does not await."""
        loop = next(
            (
                x
                for x in reversed(self.context.ancestors)
                if isinstance(x, (cst.While, cst.For, cst.FunctionDef))
            ),
            None,
        )
        if not isinstance(loop, cst.While) or len(loop.body.body) != 1:
            return
        only = loop.body.body[0]
        is_sleep = (
            isinstance(only, cst.SimpleStatementLine)
            and len(only.body) == 1
            and isinstance(only.body[0], cst.Expr)
            and isinstance(only.body[0].value, cst.Await)
        )
        waits = isinstance(loop.test, cst.Name) and loop.test.value == "True"
        if is_sleep and not waits and not awaits(loop.test):
            self.report(node)


class SentToEach(Rule):
    """A message that is awaited for one client after the other."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that the loop takes the clients one by one, and that nothing limits the wait."""
        for ancestor in reversed(self.context.ancestors):
            if isinstance(ancestor, (cst.FunctionDef, cst.Lambda, cst.While)):
                return
            if isinstance(ancestor, cst.With) and ancestor.asynchronous is not None:
                return  # a limit, or a task group
            if isinstance(ancestor, (cst.For, cst.CompFor)):
                self.report(node)
                return


class PoolPerCall(Rule):
    """A pool that is made for one call, and ends with it."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that it stands in a `with` of a function that is not there for ever."""
        if not isinstance(self.context.parent(), cst.WithItem) or self.context.suspect.function.facts.endless:
            return
        if any(
            c.phase_of(exposed.context) == Phase.SERVING
            and c.DOMAIN[exposed.context] in (c.LOOP_DOMAIN, c.THREAD_DOMAIN)
            and not _has_own_thread(exposed)
            for exposed in self.context.suspect.exposed
        ):
            self.report(node)


def _has_own_thread(exposed: Exposed) -> bool:
    """Whether a thread was started for this work alone: a pool beside it costs no more than the thread does."""
    return _OWN_THREAD in exposed.roles or any(
        hop.edge is not None and hop.edge.how == "thread" for hop in exposed.hops
    )


class LockAcrossAwait(Rule):
    """A lock of threads that is held while the coroutine lets others run."""

    def visit_suspect(self, node: cst.CSTNode) -> None:
        """Confirm that the lock is taken by a plain `with` whose body awaits."""
        item, block = self.context.parent(), self.context.parent(2)
        if not self.context.callee.endswith("__enter__") or not isinstance(item, cst.WithItem):
            return
        if isinstance(block, cst.With) and block.asynchronous is None and awaits(block.body):
            self.report(node)

    def visit_Call(self, node: cst.Call) -> None:
        """``with make_lock():`` is the operand of a `with` as well."""
        self.visit_suspect(node)


_OWN_THREAD: Final = "thread"
"""The role of ``run`` in subclasses of ``threading.Thread`` (rules/frameworks/threading.toml)."""

_ELSEWHERE: Final = (cst.FunctionDef, cst.Lambda)


def awaits(node: cst.CSTNode) -> bool:
    """Whether the code awaits, itself and not only in a function that it defines."""
    if isinstance(node, (cst.Await, cst.Asynchronous)):
        return True
    return any(not isinstance(child, _ELSEWHERE) and awaits(child) for child in node.children)
