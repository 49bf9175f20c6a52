"""The base class of rules: a LibCST visitor that is handed the suspect nodes, and what it may ask about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from auditor.link import contexts as c

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.catalog.values import Api
    from auditor.link.arguments import CallArguments
    from auditor.link.suspects import Suspect
    from auditor.model import Phase, Thread
    from auditor.rulebook import Rule as RuleFile


class Verdict:
    """What a rule says of a suspect: it is at fault at ``node``, for this reason."""

    __slots__ = ("callee", "node")

    def __init__(self, node: cst.CSTNode, callee: str) -> None:
        self.node = node
        self.callee = callee


class RuleContext:
    """What a rule may ask about the node that it is handed; the counterpart of a LibCST metadata provider."""

    __slots__ = ("ancestors", "suspect", "verdict")

    def __init__(self, suspect: Suspect, ancestors: Sequence[cst.CSTNode]) -> None:
        self.suspect = suspect
        self.ancestors = ancestors  # outermost first
        self.verdict: Verdict | None = None

    @property
    def callee(self) -> str:
        """The dotted name that the call resolves to."""
        return self.suspect.callee

    @property
    def api(self) -> Api | None:
        """What the catalog says of it."""
        return self.suspect.sink.api if self.suspect.sink is not None else None

    @property
    def arguments(self) -> CallArguments | None:
        return self.suspect.arguments

    @property
    def is_handled(self) -> bool:
        """Whether the RuntimeError that the call raises for want of a loop is caught in its function."""
        return self.suspect.is_handled

    @property
    def is_in_coroutine(self) -> bool:
        """Whether the function around the node is a coroutine function."""
        return self.suspect.function.is_async

    def contexts(self) -> list[tuple[Thread, Phase]]:
        """Threads and phases in which the function around the node runs on the loop."""
        return [(c.thread_of(e.context), c.phase_of(e.context)) for e in self.suspect.exposed]

    @property
    def never_suspends(self) -> bool:
        """Whether all that leads here are coroutine functions that await nothing, on the loop from end to end.

        Asynchronous generators are none of them: they yield, and a lifespan has no choice but to be one.
        """
        functions = [exposed.hops[exposed.at].function for exposed in self.suspect.exposed]
        return all(
            function.is_async and not function.facts.awaits and not function.facts.is_generator
            for function in functions
        )

    def parent(self, depth: int = 1) -> cst.CSTNode | None:
        """The node ``depth`` levels above."""
        return self.ancestors[-depth] if depth <= len(self.ancestors) else None

    @property
    def is_awaited(self) -> bool:
        return isinstance(self.parent(), cst.Await)


class Rule(cst.CSTVisitor):
    """A rule judges suspects. Subclass it, define the ``visit_`` methods for the node kinds that you judge, and call
    ``report``; each is called only with nodes that the index and the linker hold for suspects of this rule.

    ``file`` is the rule's file: its code, message, groups and severity policy. Third-party rules are found through
    the entry point group ``auditor.rules``.
    """

    def __init__(self, file: RuleFile) -> None:
        super().__init__()
        self.file = file
        self.context: RuleContext

    def judge(self, node: cst.CSTNode, context: RuleContext) -> Verdict | None:
        """Hand a suspect node to the visitor method of its kind."""
        self.context = context
        name = f"visit_{type(node).__name__}"
        own = getattr(type(self), name, None)
        if own is None or own is getattr(cst.CSTVisitor, name, None):
            self.visit_suspect(node)
        else:
            getattr(self, name)(node)
        return context.verdict

    def visit_suspect(self, node: cst.CSTNode) -> None:
        """Judge a node of any other kind: the operand of a ``with``, a ``for`` or an operator."""

    def report(self, node: cst.CSTNode, callee: str = "") -> None:
        """Say that the suspect is at fault."""
        self.context.verdict = Verdict(node, callee or self.context.callee)
