"""What the call graph is made of: nodes, the bodies found for them, and the edges and sinks in a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f

if TYPE_CHECKING:
    from auditor.catalog.values import Api
    from auditor.link import contexts as c
    from auditor.link.arguments import CallArguments
    from auditor.link.guards import Constraints
    from auditor.link.misuses import Misuse
    from auditor.link.program import Function, Module
    from auditor.link.values import Environment
    from auditor.model import Confidence

STEPS: Final = frozenset({"call", "property", "with", "iterate", "operator"})
"""What edges say that run their target here and now, in the caller's context."""


class Node:
    """A function together with what the callables among its parameters are."""

    __slots__ = ("environment", "function", "id")

    def __init__(self, function: Function, environment: Environment, identifier: int) -> None:
        self.function = function
        self.environment = environment
        self.id = identifier

    def __repr__(self) -> str:
        return f"{self.function!r}{'*' if self.environment else ''}"


class Place:
    """A span in a function: UTF-8 byte columns from 0. ``call`` is the number of the call, or -1."""

    __slots__ = ("call", "column", "end_column", "end_line", "line")

    def __init__(self, line: int, column: int, end_line: int, end_column: int, call: int = -1) -> None:
        self.line = line
        self.column = column
        self.end_line = end_line
        self.end_column = end_column
        self.call = call


class Edge:
    """One step from a function to another. ``how`` is a short word for the witness: call, offload, schedule ..."""

    __slots__ = ("confidence", "constraints", "how", "place", "role", "target", "transform")

    def __init__(
        self,
        target: Node,
        place: Place,
        transform: c.Transform,
        confidence: Confidence,
        constraints: Constraints,
        how: str,
        role: str = "",
    ) -> None:
        self.target = target
        self.place = place
        self.transform = transform
        self.confidence = confidence
        self.constraints = constraints
        self.how = how
        self.role = role


class Sink:
    """A call, or an operation that implies one, with an effect that the catalog knows."""

    __slots__ = ("api", "arguments", "callee", "confidence", "constraints", "place", "region")

    def __init__(
        self,
        place: Place,
        callee: str,
        api: Api,
        arguments: CallArguments | None,
        constraints: Constraints,
        confidence: Confidence,
        region: int,
    ) -> None:
        self.place = place
        self.callee = callee
        self.api = api
        self.arguments = arguments
        self.constraints = constraints
        self.confidence = confidence
        self.region = region


class HandedOver:
    """A callable position of an offloading API that holds a call: the result is handed over, not the function.

    ``place`` is that of the call within.
    """

    __slots__ = ("argument_call", "constraints", "offloader", "place")

    def __init__(self, module: Module, argument_call: int, offloader: str, constraints: Constraints) -> None:
        self.place = place_of(module, argument_call)
        self.argument_call = argument_call
        self.offloader = offloader
        self.constraints = constraints


class Body:
    """Everything that one node does."""

    __slots__ = ("edges", "externals", "handed_over", "implied", "misuses", "sinks")

    def __init__(self) -> None:
        self.edges: list[Edge] = []
        self.sinks: list[Sink] = []
        self.handed_over: list[HandedOver] = []
        self.misuses: list[Misuse] = []
        self.externals: list[tuple[int, str]] = []  # (call, dotted name)
        # names of properties and of methods behind operators and builtins that have added to it
        self.implied: tuple[str, ...] = ()

    def seal(self) -> None:
        """Let empty lists go: there are tens of thousands of bodies, and most do little."""
        if not self.edges:
            self.edges = _EMPTY
        if not self.sinks:
            self.sinks = _EMPTY
        if not self.handed_over:
            self.handed_over = _EMPTY
        if not self.misuses:
            self.misuses = _EMPTY
        if not self.externals:
            self.externals = _EMPTY


_EMPTY: list[Any] = []
"""Shared by all, and never appended to."""


def place_of(module: Module, number: int) -> Place:
    """Where a call stands."""
    call = module.facts.calls[number]
    return Place(call[f.C_LINE], call[f.C_COLUMN], call[f.C_END_LINE], call[f.C_END_COLUMN], number)
