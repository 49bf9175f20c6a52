"""What a catalog file can state, as frozen values. Names in them are canonical: loading resolves aliases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from auditor.catalog.conditions import NO_ARGUMENTS, UNKNOWN, Arguments, Condition, Selector, seconds
from auditor.model import Category, Cost, Gil, Loop, Phase, Thread

if TYPE_CHECKING:
    from collections.abc import Mapping

Effect = Literal[
    "blocks", "none", "get-loop", "needs-loop", "loop-method", "loop-object", "drives-loop", "opens"
]
RunKind = Literal["offload", "thread", "schedule", "drive", "call", "register", "iterate"]
Passing = Literal["none", "rest", "args-kwargs", "each"]

NO_COST = Cost(0.0, 0.0, 0.0, "assumed")


@dataclass(frozen=True, slots=True)
class Variant:
    """What is different about calls for which all of ``when`` hold; what is None is as for the others."""

    when: tuple[Condition, ...]
    cost: Cost | None = None
    bounded: bool | None = None
    gil: Gil | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """The effect of calling something, or of calling it implicitly (``with``, iteration, a property read)."""

    names: tuple[str, ...]
    effect: Effect
    origin: str
    group: str = ""
    category: Category = Category.EVENT_LOOP_BLOCKING
    cost: Cost = NO_COST
    cost_note: str = ""
    opening: Cost | None = None
    """Of what opens a handle, where ``cost`` stands for all that is done with it: the opening alone."""

    piecemeal: Cost | None = None
    """The cost where data goes through the handle piece by piece, and the event loop gets a turn after each."""

    gil: Gil = "releases"
    bounded: bool = True
    harmless: tuple[Condition, ...] = ()
    needs: tuple[Condition, ...] = ()
    bound: Selector | None = None
    duration: Selector | None = None
    variants: tuple[Variant, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)
    twin: Mapping[str, str] = field(default_factory=dict)
    """By dialect, a coroutine function that takes the same arguments, and does and gives the same."""

    thread_safe: bool | None = None
    """Whether several threads may call it at once; None where nobody has said."""

    why: str = ""
    reason: str = ""

    def applies(self, arguments: Arguments = NO_ARGUMENTS) -> bool:
        """Whether a call with these arguments has the effect: not harmless, and what it needs is there."""
        if self.effect == "none" or any(condition.matches(arguments) for condition in self.harmless):
            return False
        return not self.needs or any(condition.matches(arguments) for condition in self.needs)

    def cost_for(self, arguments: Arguments = NO_ARGUMENTS) -> Cost:
        """The cost of a call with these arguments: a literal duration is it, a literal bound caps it."""
        cost = self.cost
        variant = self.variant(arguments)
        if variant is not None and variant.cost is not None:
            cost = variant.cost
        if self.duration is not None:
            exact = seconds(arguments.value(self.duration))
            if exact is not None:
                cost = Cost(exact, exact, exact, "catalogue")
        if self.bound is not None:
            limit = seconds(arguments.value(self.bound))
            if limit is not None:
                low, typical, high = (min(figure, limit) for figure in (cost.low, cost.typical, cost.high))
                cost = Cost(low, typical, high, cost.source, cost.of if typical < limit else "")
        return cost

    def is_bounded(self, arguments: Arguments = NO_ARGUMENTS) -> bool:
        """Whether such a call surely ends by itself: by nature, or because a limit is given."""
        variant = self.variant(arguments)
        bounded = self.bounded if variant is None or variant.bounded is None else variant.bounded
        if bounded or self.bound is None:
            return bounded
        limit = arguments.value(self.bound)
        return limit is UNKNOWN or seconds(limit) is not None

    def gil_for(self, arguments: Arguments = NO_ARGUMENTS) -> Gil:
        """What such a call does with the interpreter lock."""
        variant = self.variant(arguments)
        return self.gil if variant is None or variant.gil is None else variant.gil

    def variant(self, arguments: Arguments) -> Variant | None:
        """The first variant that describes a call with these arguments."""
        for variant in self.variants:
            if all(condition.matches(arguments) for condition in variant.when):
                return variant
        return None


@dataclass(frozen=True, slots=True)
class ExternalType:
    """A class that audited code uses but does not define.

    Type names in ``returns``, ``attributes`` and ``element`` may say in brackets what iterating them yields:
    ``builtins.list[pathlib.Path]``; `split_type` takes them apart. ``Self`` means the type that was asked.
    """

    name: str
    origin: str
    bases: tuple[str, ...] = ()
    returns: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    element: str = ""
    closed: bool = False
    synthetic: bool = False
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Factory:
    """Functions whose result type is known, where all of ``when`` hold."""

    names: tuple[str, ...]
    returns: str
    origin: str
    when: tuple[Condition, ...] = ()

    def matches(self, arguments: Arguments) -> bool:
        """Whether the call is one of those that this factory describes."""
        return all(condition.matches(arguments) for condition in self.when)


@dataclass(frozen=True, slots=True)
class ContextChange:
    """The context in which something runs; an axis that is None stays as the caller's."""

    thread: Thread | None = None
    loop: Loop | None = None
    phase: Phase | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """An API that runs, schedules or stores a callable, coroutine or generator handed to it.

    ``methods``: what is handed over is a class, or an instance of one, and these methods of it run. ``result``:
    ``call``, the API gives back what the callable does; ``wrapper``, a function that runs the callable when called.
    ``shared``: it runs on a pool of few threads that others count on as well. ``unless``: attributes whose mention in
    the program says that it is not so there.
    """

    names: tuple[str, ...]
    callable: Selector
    kind: RunKind
    origin: str
    passes: Passing = "none"
    sync: ContextChange | None = None
    async_: ContextChange | None = None
    when: tuple[Condition, ...] = ()
    crossing: bool = False
    result: str = ""
    role: str = ""
    methods: tuple[str, ...] = ()
    shared: bool = False
    unless: tuple[str, ...] = ()

    def matches(self, arguments: Arguments) -> bool:
        """Whether the call is one of those that this entry describes: all of ``when`` hold."""
        return all(condition.matches(arguments) for condition in self.when)


@dataclass(frozen=True, slots=True)
class Decorates:
    """Decorators that register or transform the function below them.

    ``factory``: used with a call (True), bare (False), or either (None). ``kind``: ``register``, the framework runs
    the function in the contexts given; ``call``, whoever calls the decorated name does. ``when`` asks about the
    arguments of the decorator's own call.
    """

    names: tuple[str, ...]
    origin: str
    factory: bool | None = None
    sync: ContextChange | None = None
    async_: ContextChange | None = None
    role: str = ""
    keeps: bool = True
    kind: str = "register"
    when: tuple[Condition, ...] = ()

    def matches(self, arguments: Arguments) -> bool:
        """Whether the decorator call is one of those that this entry describes: all of ``when`` hold."""
        return all(condition.matches(arguments) for condition in self.when)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Methods that a framework calls on subclasses of ``base``; a name may end in ``*``."""

    base: str
    methods: tuple[str, ...]
    origin: str
    sync: ContextChange | None = None
    async_: ContextChange | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One data file: an area of the catalog, or a framework with the version whose source was read."""

    path: str
    name: str
    description: str
    verified: str = ""


def split_type(name: str) -> tuple[str, str]:
    """``builtins.list[pathlib.Path]`` -> (``builtins.list``, ``pathlib.Path``); ``""`` without brackets."""
    outer, bracket, inner = name.partition("[")
    return (outer, inner[:-1]) if bracket else (name, "")
