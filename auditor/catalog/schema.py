"""The form of a catalog file: which tables there are, which keys they take, and the closed lists of words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from auditor.catalog.values import Effect, Passing, RunKind
from auditor.model import Category, CostSource, Gil, Loop, Phase, Thread


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of one kind of table, with the TOML type of their values."""

    keys: dict[str, type]
    required: tuple[str, ...]


TABLES: Final = {
    "api": Table(
        {
            "names": list,
            "effect": str,
            "group": str,
            "category": str,
            "cost": object,  # a table, or the name of one under [costs]
            "opening": object,  # as cost
            "piecemeal": object,  # as cost
            "gil": str,
            "bounded": bool,
            "harmless": list,
            "needs": list,
            "bound": dict,
            "duration": dict,
            "variants": list,
            "instead": dict,
            "twin": dict,
            "thread_safe": bool,
            "why": str,
            "reason": str,
            "replaces": bool,
        },
        ("names", "effect"),
    ),
    "type": Table(
        {
            "name": str,
            "aliases": list,
            "bases": list,
            "returns": dict,
            "attributes": dict,
            "element": str,
            "closed": bool,
            "synthetic": bool,
            "methods": list,
            "replaces": bool,
        },
        ("name",),
    ),
    "factory": Table({"names": list, "returns": str, "when": list}, ("names", "returns")),
    "alias": Table({"name": str, "of": list}, ("name", "of")),
    "runs": Table(
        {
            "names": list,
            "callable": dict,
            "passes": str,
            "kind": str,
            "sync": dict,
            "async": dict,
            "when": list,
            "crossing": bool,
            "result": str,
            "role": str,
            "methods": list,
            "shared": bool,
            "unless": list,
        },
        ("names", "callable", "kind"),
    ),
    "decorates": Table(
        {
            "names": list,
            "factory": bool,
            "sync": dict,
            "async": dict,
            "role": str,
            "keeps": bool,
            "when": list,
            "kind": str,
        },
        ("names",),
    ),
    "hooks": Table(
        {"base": str, "methods": list, "sync": dict, "async": dict, "role": str}, ("base", "methods")
    ),
    "serves": Table({"names": list}, ("names",)),
    "concurrent": Table({"names": list, "reason": str, "own": str}, ("names", "reason")),
    "lazy": Table({"names": list}, ("names",)),
    "unlocked": Table({"names": list, "reason": str}, ("names", "reason")),
}
"""Arrays of tables."""

HEADERS: Final = {
    "area": Table(
        {"name": str, "description": str, "packages": list, "needs": list}, ("name", "description")
    ),
    "framework": Table(
        {"name": str, "description": str, "verified": str, "packages": list, "needs": list},
        ("name", "description", "verified"),
    ),
}
"""One of them heads each file."""

DEFAULTABLE: Final = ("group", "category", "gil", "bounded", "instead", "thread_safe")
"""Keys of ``[[api]]`` that a file may state once, under ``[defaults]``, for its entries with an effect."""

COST_KEYS: Final = {"low": float, "typical": float, "high": float, "of": str, "source": str, "note": str}
COST_SOURCES: Final[dict[str, CostSource]] = {
    "measured": "measured",
    "cited": "catalogue",
    "assumed": "assumed",
}
"""Word in a file -> word of `auditor.model.Cost`."""

OWN: Final = frozenset({"", "itself", "wholly"})
EFFECTS: Final = frozenset(get_args(Effect))
CATEGORIES: Final = {category.value: category for category in Category}
GILS: Final = frozenset(get_args(Gil))
KINDS: Final = frozenset(get_args(RunKind))
PASSES: Final = frozenset(get_args(Passing))
RESULTS: Final = frozenset({"call", "wrapper"})
DECORATION_KINDS: Final = frozenset({"register", "call"})
DIALECTS: Final = frozenset({"asyncio", "anyio", "trio"})
CONTEXT_WORDS: Final[dict[str, dict[str, Thread | Loop | Phase]]] = {
    "thread": {word.value: word for word in Thread},
    "loop": {word.value: word for word in Loop},
    "phase": {word.value: word for word in Phase},
}
SELECTOR_KEYS: Final = frozenset({"position", "argument"})
CALLABLE_KEYS: Final = SELECTOR_KEYS | {"elements", "variadic", "assigned"}
TEST_KEYS: Final = frozenset({"below", "equals", "starts_with", "given", "given_by", "type", "mentions"})
VARIANT_KEYS: Final = frozenset({"when", "cost", "bounded", "gil"})

TYPE_NAMES: Final = {
    str: "a text",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    float: "a number",
    int: "a whole number",
}
