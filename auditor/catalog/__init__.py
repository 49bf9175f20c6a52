"""Models of what audited code calls: effects of APIs, types, factories, and what frameworks run where.

They are data, ``rules/catalog/*.toml`` and ``rules/frameworks/*.toml``, and files of the same form from users
and installed libraries. `load` reads them all into one `Catalog`.
"""

from auditor.catalog.conditions import (
    ABSENT,
    NO_ARGUMENTS,
    UNKNOWN,
    UNSURE,
    Arguments,
    CallArguments,
    Condition,
    NoLiteral,
    Selector,
)
from auditor.catalog.loader import CatalogError, load, load_texts
from auditor.catalog.lookup import Catalog
from auditor.catalog.values import (
    Api,
    ContextChange,
    Decorates,
    Effect,
    ExternalType,
    Factory,
    Hooks,
    Runs,
    Source,
    Variant,
    split_type,
)

__all__ = [
    "ABSENT",
    "NO_ARGUMENTS",
    "UNKNOWN",
    "UNSURE",
    "Api",
    "Arguments",
    "CallArguments",
    "Catalog",
    "CatalogError",
    "Condition",
    "ContextChange",
    "Decorates",
    "Effect",
    "ExternalType",
    "Factory",
    "Hooks",
    "NoLiteral",
    "Runs",
    "Selector",
    "Source",
    "Variant",
    "load",
    "load_texts",
    "split_type",
]
