"""How many exposures can be mended, and why the others cannot.

    python tests/bench/fix_rates.py TREES... [--reports DIR] [--by-tree] [--most 15]

Each of TREES is audited as it is. Every exposure of a finding at MEDIUM and above counts once: it has a safe fix, an
unsafe one (by the first of its reasons, names left out), or none (by rule: one that names no recipe, or whose recipe
has no answer for the place). The mean of the trees' rates stands below, so that a large tree does not drown the others,
and the places at which exposures stand, each once: what runs a hundred things on the loop is one edit. With
--obstacles, what stands against running helpers on threads, by the names in it.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

from support import ROOT, Finding, Json, command_line, percent, read_or_audit, table

from auditor import rulebook

COUNTED = ("MEDIUM", "HIGH", "CRITICAL")
ORDER = ("safe", "unsafe", "none")
NAMED = re.compile(r"`[^`]*`(?:, `[^`]*`)*|(?<=loop goes on): .*")


def outcomes(finding: Finding, recipes: dict[str, str]) -> Iterator[tuple[str, str]]:
    """For each exposure of a finding: safe, unsafe or none, and why."""
    fixes = {fix["exposure"]: fix for fix in finding["fixes"]}
    for number in range(len(finding["exposures"])):
        fix = fixes.get(number, fixes.get(None))
        if fix is None:
            recipe = next((recipes[x] for x in (finding["code"], *finding["also"]) if x in recipes), "")
            yield "none", f"{finding['code']}: {recipe or 'its file names no recipe'}"
        elif fix["safety"] == "safe":
            yield "safe", finding["code"]
        else:
            yield (
                "unsafe",
                NAMED.sub("X", fix["reason"].partition("; ")[0]) or f"{finding['code']}: by its rule",
            )


def by_place(report: Json) -> Counter[str]:
    """Places in the code at which exposures stand, each once: safe where all that is exposed there is mended safely."""
    worst: dict[tuple[str, int, int], str] = {}
    for finding in report["findings"]:
        if finding["severity"] in COUNTED:
            kinds = (kind for kind, _ in outcomes(finding, {}))
            for exposure, kind in zip(finding["exposures"], kinds, strict=True):
                place = exposure["path"], exposure["line"], exposure["column"]
                worst[place] = max(worst.get(place, kind), kind, key=ORDER.index)
    return Counter(worst.values())


def mean(rates: Sequence[Counter[str]], *kinds: str) -> str:
    """The mean of what some trees have of some kinds, in percent."""
    parts = [100 * sum(found[x] for x in kinds) / found.total() for found in rates if found.total()]
    return f"{fmean(parts):.1f} %" if parts else "-"


def obstacle(finding: Finding, number: int) -> str:
    """What the function does that speaks against a thread, without the place."""
    reasons = [fix["reason"] for fix in finding["fixes"] if fix["exposure"] == number]
    found = re.search(r"loop goes on: `[^`]*` (.*?) \([^()]*:\d+\)", reasons[0]) if reasons else None
    return found[1] if found else ""


def row(name: str, found: Counter[str]) -> list[object]:
    every = found.total()
    some = found["safe"] + found["unsafe"]
    return [name, every, percent(found["safe"], every), percent(some, every), percent(found["none"], every)]


def main() -> int:
    parser = command_line(__doc__)
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument(
        "--reports", type=Path, help="where reports are kept, and taken from if they are there"
    )
    parser.add_argument("--by-tree", action="store_true", help="a row for each tree")
    parser.add_argument(
        "--obstacles", action="store_true", help="a table of what helpers do that may not be safe"
    )
    parser.add_argument("--most", type=int, default=15, help="reasons to show of each kind")
    options = parser.parse_args()
    rules = rulebook.load(ROOT / "rules")
    recipes = {rule.id: rule.fix.recipe for rule in rules if rule.fix is not None}
    whole: Counter[str] = Counter()
    why: dict[str, Counter[str]] = {"safe": Counter(), "unsafe": Counter(), "none": Counter()}
    obstacles: Counter[str] = Counter()
    rows = []
    trees: list[Counter[str]] = []
    places: list[Counter[str]] = []
    for tree in options.trees:
        report = read_or_audit(tree, options.reports)
        here: Counter[str] = Counter()
        for finding in report["findings"]:
            if finding["severity"] in COUNTED:
                for kind, reason in outcomes(finding, recipes):
                    here[kind] += 1
                    why[kind][reason] += 1
                obstacles.update(
                    filter(None, (obstacle(finding, at) for at in range(len(finding["exposures"]))))
                )
        whole += here
        trees.append(here)
        places.append(by_place(report))
        rows.append(row(tree.name, here))
    if not options.by_tree:
        rows = []
    all_places = sum(places, Counter[str]())
    below = [row("together", whole), row("together, each place once", all_places)]
    for name, found in (("mean of the trees", trees), ("mean of the trees, each place once", places)):
        below.append([name, "", mean(found, "safe"), mean(found, "safe", "unsafe"), mean(found, "none")])
    print(table(["exposures", "all", "safe", "any fix", "none"], [*rows, *below]))
    for kind, reasons in why.items():
        print()
        shown = [(reason, count) for reason, count in reasons.most_common(options.most)]
        print(table([kind, "exposures"], shown))
    if options.obstacles:
        print()
        print(table(["obstacle", "exposures"], obstacles.most_common(options.most)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
