"""The loaded catalog: what is known about a dotted name, in a few dictionary look-ups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from auditor.catalog.conditions import Arguments
from auditor.catalog.values import Api, Decorates, ExternalType, Factory, Hooks, Runs, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Value = TypeVar("Value")

MAX_RENAMES: Final = 16
"""How many aliases one name may pass through; the loader refuses catalogs that need more."""

_OBJECT_MEMBERS: Final = frozenset(dir(object))


@dataclass(slots=True)
class Tables:
    """All entries by canonical name."""

    aliases: dict[str, str] = field(default_factory=dict)
    apis: dict[str, Api] = field(default_factory=dict)
    types: dict[str, ExternalType] = field(default_factory=dict)
    factories: dict[str, tuple[Factory, ...]] = field(default_factory=dict)
    runs: dict[str, tuple[Runs, ...]] = field(default_factory=dict)
    decorates: dict[str, tuple[Decorates, ...]] = field(default_factory=dict)
    hooks: dict[str, tuple[Hooks, ...]] = field(default_factory=dict)
    serves: dict[str, bool] = field(default_factory=dict)
    concurrent: dict[str, str] = field(default_factory=dict)
    lazy: dict[str, bool] = field(default_factory=dict)
    unlocked: dict[str, bool] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)


class Catalog:
    """Models of APIs, external types and frameworks. Every look-up takes any alias of a name.

    A look-up of a method, ``pkg.Type.method``, tries the exact name, then ``pkg.Type.*`` (never for a name
    that starts with an underscore, nor for one that a closed type does not have), then the bases of the type.
    """

    __slots__ = ("_canonical", "_members", "_mros", "_tables", "apis", "groups", "sources")

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._canonical: dict[str, str] = {}
        self._mros: dict[str, tuple[str, ...]] = {}
        self._members: dict[str, set[str]] | None = None
        self.sources = tuple(tables.sources)
        self.apis: tuple[Api, ...] = tuple({id(api): api for api in tables.apis.values()}.values())
        self.groups = frozenset(api.group for api in self.apis if api.group)

    # names

    def canonical(self, dotted: str) -> str:
        """The name under which the catalog knows ``dotted``; any leading part of it may be an alias."""
        known = self._canonical.get(dotted)
        if known is None:
            known = self._canonical[dotted] = rename(dotted, self._tables.aliases)
        return known

    def names(self) -> Iterable[str]:
        """Every canonical name that an ``[[api]]`` entry states, wildcards included."""
        return self._tables.apis.keys()

    # what calling does

    def api(self, dotted: str) -> Api | None:
        """The effect of calling ``dotted``, or None if nothing is stated about it."""
        return self._find(self._tables.apis, dotted)

    def factory(self, dotted: str) -> tuple[Factory, ...]:
        """The result types that calling ``dotted`` may have; the first whose conditions hold is right."""
        return self._find(self._tables.factories, dotted) or ()

    def runs(self, dotted: str) -> tuple[Runs, ...]:
        """How ``dotted`` runs what is handed to it, all entries; `runs_in_call` chooses among them."""
        return self._find(self._tables.runs, dotted) or ()

    def assigned(self) -> frozenset[str]:
        """Names of attributes, without their types, to which callables are assigned that something then runs."""
        return frozenset(
            dotted.rpartition(".")[2]
            for dotted, entries in self._tables.runs.items()
            if any(entry.callable.assigned for entry in entries)
        )

    def runs_in_call(self, dotted: str, arguments: Arguments) -> tuple[Runs, ...]:
        """The entries in force for a call: for each thing handed over, the first whose conditions hold."""
        chosen: dict[object, Runs] = {}
        for runs in self.runs(dotted):
            if runs.matches(arguments):
                chosen.setdefault((runs.callable, runs.methods), runs)
        return tuple(chosen.values())

    def decorates(self, dotted: str) -> tuple[Decorates, ...]:
        """What the decorator ``dotted`` does with its function."""
        return self._find(self._tables.decorates, dotted) or ()

    def hooks_for(self, base: str) -> tuple[Hooks, ...]:
        """The methods that a framework calls on subclasses of ``base``, those of its own bases included."""
        return tuple(hook for name in self.mro(base) for hook in self._tables.hooks.get(name, ()))

    def is_server(self, dotted: str) -> bool:
        """Whether reaching ``dotted`` makes the program a server."""
        return self._find(self._tables.serves, dotted) is not None

    def is_thread_safe(self, api: Api, dotted: str) -> bool | None:
        """Whether several threads may call ``dotted``, whose entry is ``api``, at once; None where nobody has said."""
        if api.thread_safe is not None:
            return api.thread_safe
        return True if self.is_concurrent(dotted) else None

    def is_concurrent(self, dotted: str) -> bool:
        """Whether some file says that several threads may call ``dotted`` at once."""
        return self._find(self._tables.concurrent, dotted) == ""

    def is_concurrent_on_own(self, dotted: str) -> str:
        """How far its arguments must be the caller's own for that: "itself" or "wholly"; else empty."""
        return self._find(self._tables.concurrent, dotted) or ""

    def is_lazy(self, dotted: str) -> bool:
        """Whether what ``dotted`` gives does its work only when it is iterated over."""
        return self._find(self._tables.lazy, dotted) is not None

    def is_unlocked(self, dotted: str) -> bool:
        """Whether entering ``dotted``, or what calling it gives, keeps nobody else out."""
        return self._find(self._tables.unlocked, dotted) is not None

    # types

    def type(self, dotted: str) -> ExternalType | None:
        """The external class of that name."""
        return self._tables.types.get(self.canonical(dotted))

    def types(self) -> Iterable[ExternalType]:
        """Every external class that is known."""
        return self._tables.types.values()

    def mro(self, dotted: str) -> tuple[str, ...]:
        """The canonical name of a type and of its bases in resolution order; just the name if unknown."""
        name = self.canonical(dotted)
        known = self._mros.get(name)
        if known is None:
            known = self._mros[name] = self._linearise(name, ())
        return known

    def is_subtype(self, dotted: str, base: str) -> bool:
        """Whether the type ``dotted`` is known to be ``base`` or to derive from it."""
        return self.canonical(base) in self.mro(dotted)

    def method_type(self, type_name: str, method: str) -> str | None:
        """The type that the method returns (after awaiting it, if it is asynchronous)."""
        for known in self._known_types(type_name):
            result = known.returns.get(method)
            if result is not None:
                return self.canonical(type_name) if result == "Self" else result
        return None

    def gives_itself(self, dotted: str) -> bool:
        """Whether the method gives an instance of the class that it is called on, which may be a subclass."""
        owner, _, method = dotted.rpartition(".")
        return bool(owner) and any(known.returns.get(method) == "Self" for known in self._known_types(owner))

    def attribute_type(self, type_name: str, attribute: str) -> str | None:
        """The type of an attribute or property."""
        for known in self._known_types(type_name):
            result = known.attributes.get(attribute)
            if result is not None:
                return self.canonical(type_name) if result == "Self" else result
        return None

    def element_type(self, type_name: str) -> str | None:
        """The type of what iterating over an instance yields."""
        for known in self._known_types(type_name):
            if known.element:
                return self.canonical(type_name) if known.element == "Self" else known.element
        return None

    def has_member(self, type_name: str, name: str) -> bool | None:
        """Whether the type has a method or attribute of that name; None where the catalog cannot tell.

        False only for closed types all of whose bases are known and closed too.
        """
        if name in _OBJECT_MEMBERS:
            return True
        members = self._all_members()
        closed = True
        for owner in self.mro(type_name):
            if name in members.get(owner, ()):
                return True
            known = self._tables.types.get(owner)
            closed = closed and known is not None and known.closed
        return False if closed else None

    # how

    def _find(self, table: Mapping[str, Value], dotted: str) -> Value | None:
        dotted = self.canonical(dotted)
        found = table.get(dotted)
        if found is not None:
            return found
        owner, _, method = dotted.rpartition(".")
        if not owner:
            return None
        for name in self.mro(owner):
            found = table.get(f"{name}.{method}")
            if found is not None:
                return found
            found = table.get(f"{name}.*")
            if (
                found is not None
                and not method.startswith("_")
                and self.has_member(name, method) is not False
            ):
                return found
        return None

    def _known_types(self, type_name: str) -> list[ExternalType]:
        outer = type_name.partition("[")[0]
        return [known for name in self.mro(outer) if (known := self._tables.types.get(name)) is not None]

    def _linearise(self, name: str, below: tuple[str, ...]) -> tuple[str, ...]:
        """C3, as Python does it; where the stated bases have no such order, depth first."""
        known = self._tables.types.get(name)
        if known is None or not known.bases or name in below:
            return (name,)
        orders = [list(self._linearise(base, (*below, name))) for base in known.bases]
        sequences = [*orders, list(known.bases)]
        merged = [name]
        while any(sequences):
            sequences = [sequence for sequence in sequences if sequence]
            head = _next_head(sequences)
            merged.append(head)
            sequences = [[item for item in sequence if item != head] for sequence in sequences]
        return tuple(dict.fromkeys(merged))

    def _all_members(self) -> dict[str, set[str]]:
        """Type -> the names stated about it anywhere; made when first asked for."""
        if self._members is None:
            members: dict[str, set[str]] = {}
            for known in self._tables.types.values():
                members[known.name] = {*known.methods, *known.returns, *known.attributes}
            for table in (
                self._tables.apis,
                self._tables.factories,
                self._tables.runs,
                self._tables.decorates,
                self._tables.serves,
            ):
                for dotted in table:
                    owner, _, method = dotted.rpartition(".")
                    if owner in members and method != "*":
                        members[owner].add(method)
            self._members = members
        return self._members


def rename(dotted: str, aliases: Mapping[str, str]) -> str:
    """Replace the longest leading part of ``dotted`` that is an alias, until none is."""
    for _ in range(MAX_RENAMES):
        renamed = rename_once(dotted, aliases)
        if renamed == dotted:
            break
        dotted = renamed
    return dotted


def rename_once(dotted: str, aliases: Mapping[str, str]) -> str:
    """Replace the longest leading part of ``dotted`` that is an alias."""
    head = dotted
    while head not in aliases:
        cut = head.rfind(".")
        if cut < 0:
            return dotted
        head = head[:cut]
    return aliases[head] + dotted[len(head) :]


def _next_head(sequences: Sequence[Sequence[str]]) -> str:
    for sequence in sequences:
        if not any(sequence[0] in other[1:] for other in sequences):
            return sequence[0]
    return sequences[0][0]
