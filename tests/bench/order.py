"""Whether findings depend on the order in which the linker is asked: they must not, or no part could be asked alone.

    python tests/bench/order.py TREE... [--seeds 2]

Each tree is audited as usual, and once for each seed with everything asked beforehand in a shuffled order. Printed is
the number of findings that differ, with the first of them; the exit code is 1 where any does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from support import command_line, table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from unit.shuffled import asked_before

from auditor.audit import full_audit
from auditor.config import load


def findings(tree: Path) -> list[str]:
    return [
        repr(x) for x in full_audit([os.fspath(tree)], load(os.fspath(tree), {}), fixes=False).report.findings
    ]


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("trees", type=Path, nargs="+", metavar="TREE")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args(argv)
    rows: list[list[object]] = []
    different = 0
    for tree in options.trees:
        usual = findings(tree)
        for seed in range(1, options.seeds + 1):
            with asked_before(seed):
                found = findings(tree)
            unlike = sorted(set(usual).symmetric_difference(found))
            different += len(unlike)
            rows.append([tree.name, seed, len(usual), len(unlike)])
            print(*[x[:300] for x in unlike[:2]], sep="\n", end="\n" if unlike else "", file=sys.stderr)
    print(table(["tree", "seed", "findings", "different"], rows))
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main())
