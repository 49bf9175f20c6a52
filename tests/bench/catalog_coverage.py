"""Compare the catalog with a list of names that tools flag as blocking.

    python tests/bench/catalog_coverage.py NAMES

NAMES holds one dotted name a line, with anything after a tab ignored; ``#`` starts a comment, and a ``*`` at the end
stands for any suffix. Every name must have an entry, of whatever effect: an entry that blocks, or one that says why
not. Ends with 1 and the list of the names that have none.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from auditor import catalog
from auditor.catalog import Catalog

RULES = Path(__file__).resolve().parents[2] / "rules"


def names(text: str) -> list[str]:
    """The dotted names of a list."""
    found = []
    for line in text.splitlines():
        name = line.partition("\t")[0].strip()
        if name and not name.startswith("#"):
            found.append(name)
    return found


def effect_of(name: str, known: Catalog) -> str:
    """What the catalog says of a name, or of any name that its ``*`` stands for; empty if nothing."""
    if not name.endswith("*"):
        entry = known.api(name)
        return entry.effect if entry is not None else ""
    start = known.canonical(name.removesuffix("*").removesuffix("."))
    effects = {
        entry.effect
        for other in known.names()
        if other.startswith(start) and (entry := known.api(other)) is not None
    }
    # what a factory makes: `boto3.client.*` are the methods of its result
    for factory in known.factory(start):
        effects |= {
            e.effect
            for other in known.names()
            if other.startswith(f"{factory.returns}.") and (e := known.api(other))
        }
    return next((effect for effect in ("blocks", *sorted(effects)) if effect in effects), "")


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the catalog with a list of blocking names.")
    parser.add_argument("names", type=Path, help="a file with one dotted name a line")
    options = parser.parse_args()
    known = catalog.load(
        [*sorted((RULES / "catalog").glob("*.toml")), *sorted((RULES / "frameworks").glob("*.toml"))]
    )
    listed = names(options.names.read_text(encoding="utf-8"))
    effects = {name: effect_of(name, known) for name in listed}
    missing = [name for name, effect in effects.items() if not effect]
    for effect, count in sorted(Counter(effects.values()).items()):
        print(f"{effect or 'no entry':10} {count}")
    print(*missing, sep="\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
