"""Conditions on the arguments of a call, and the protocol by which the analyser describes those arguments.

Evaluation is pure and errs towards silence about what it cannot know: an unknown value equals nothing, and an
argument that may or may not be there matches no condition at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class NoLiteral(Enum):
    """What stands for an argument that has no literal value."""

    ABSENT = "absent"
    """The call surely does not give it."""
    UNKNOWN = "unknown"
    """The call gives it, its value is not a literal."""
    UNSURE = "unsure"
    """A ``*args`` or ``**kwargs`` may hold it."""


ABSENT: Final = NoLiteral.ABSENT
UNKNOWN: Final = NoLiteral.UNKNOWN
UNSURE: Final = NoLiteral.UNSURE


@dataclass(frozen=True, slots=True)
class Selector:
    """One parameter of an API: by position (``self`` not counted), by name, or by either.

    ``elements``: the argument is a display whose elements are meant; ``variadic``: all positional arguments from
    ``position`` on are meant. ``assigned``: no argument, but what is assigned to the attribute of that name.
    """

    position: int | None = None
    argument: str | None = None
    elements: bool = False
    variadic: bool = False
    assigned: bool = False


class Arguments(Protocol):
    """The arguments of one call, as far as the analyser knows them."""

    def value(self, selector: Selector) -> object:
        """The literal given, or ABSENT, UNKNOWN, UNSURE.

        ``None`` is the literal None; tuples and lists of literals are literals.
        """

    def types(self, selector: Selector) -> Sequence[str]:
        """Canonical names of the type of the argument and of its bases; empty where unknown."""


@runtime_checkable
class Mentioning(Protocol):
    """What a description of arguments has besides, if it can name constants."""

    def mentions(self, selector: Selector) -> Sequence[str]:
        """Canonical names of the constants that the argument is, or is joined from with ``|``: ``os.WNOHANG``."""


@runtime_checkable
class Sourced(Protocol):
    """What a description of arguments has besides, if it can tell where data comes from."""

    def sources(self, selector: Selector) -> Sequence[str]:
        """Canonical names of the calls, awaited or not, and of the attributes that give the argument or parts of it."""


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A plain `Arguments`: what stands in the parentheses. Values that are no literals are UNKNOWN.

    ``positional`` ends before the first ``*args``; ``starred`` and ``double_starred`` say that there is a
    ``*args``, a ``**kwargs``. ``types_of`` and ``mentioned`` are keyed by position or keyword.
    """

    positional: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)
    starred: bool = False
    double_starred: bool = False
    types_of: Mapping[int | str, Sequence[str]] = field(default_factory=dict)
    mentioned: Mapping[int | str, Sequence[str]] = field(default_factory=dict)

    def value(self, selector: Selector) -> object:
        """See `Arguments.value`."""
        if selector.argument is not None and selector.argument in self.keywords:
            return self.keywords[selector.argument]
        if selector.position is not None and selector.position < len(self.positional):
            return self.positional[selector.position]
        if self.starred and selector.position is not None:
            return UNSURE
        if self.double_starred and selector.argument is not None:
            return UNSURE
        return ABSENT

    def types(self, selector: Selector) -> Sequence[str]:
        """See `Arguments.types`."""
        return _selected(self.types_of, selector)

    def mentions(self, selector: Selector) -> Sequence[str]:
        """See `Mentioning.mentions`."""
        return _selected(self.mentioned, selector)


def _selected(known: Mapping[int | str, Sequence[str]], selector: Selector) -> Sequence[str]:
    if selector.argument is not None and selector.argument in known:
        return known[selector.argument]
    if selector.position is not None:
        return known.get(selector.position, ())
    return ()


NO_ARGUMENTS: Final[Arguments] = CallArguments()


@dataclass(frozen=True, slots=True)
class Condition:
    """A test on one argument; exactly one of the seven tests is set.

    ``equals`` is a one-tuple, so that a literal of any value can be told from no test. ``given_by`` names methods and
    attributes that data comes from.
    """

    selector: Selector
    equals: tuple[object] | None = None
    starts_with: tuple[str, ...] = ()
    given: bool | None = None
    type: str = ""
    mentions: str = ""
    given_by: frozenset[str] = frozenset()
    below: float | None = None

    def matches(self, arguments: Arguments) -> bool:
        """Whether the argument is known to pass the test."""
        if self.type:
            return self.type in arguments.types(self.selector)
        if self.mentions:
            return isinstance(arguments, Mentioning) and self.mentions in arguments.mentions(self.selector)
        if self.given_by:
            return isinstance(arguments, Sourced) and not self.given_by.isdisjoint(
                arguments.sources(self.selector)
            )
        value = arguments.value(self.selector)
        if value is UNSURE:
            return False
        if self.given is not None:
            return (value is not ABSENT) == self.given
        if isinstance(value, NoLiteral):
            return False
        if self.below is not None:
            return isinstance(value, (int, float)) and value < self.below
        if self.equals is not None:
            return value == self.equals[0]  # as the callee sees it: 0, 0.0 and False are the same
        return isinstance(value, str) and value.lstrip().startswith(self.starts_with)


def seconds(value: object) -> float | None:
    """A literal duration: a number, or the sum of several (``timeout=(3, 10)``); None for anything else.

    A negative number is no duration: where it is allowed (``Lock.acquire(timeout=-1)``) it means no limit.
    """
    if isinstance(value, (int, float)):
        return float(value) if value >= 0 else None
    if isinstance(value, (tuple, list)) and value:
        parts = [seconds(part) for part in value]
        if None not in parts:
            return sum(part for part in parts if part is not None)
    return None
