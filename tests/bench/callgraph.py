"""Precision and recall of the call graph on the PyCG micro-benchmark.

    python tests/bench/callgraph.py PYCG/micro-benchmark/snippets [--verbose] [--only lambdas/] [--floor 0.97 0.85]

A snippet is a folder with ``callgraph.json``, ``{caller: [callee, ...]}``, in PyCG's names: ``main.func``,
``main.Class.method``, ``main.func.<lambda1>``, ``<builtin>.print``, ``<**PyStr**>.join``, the rest as dotted external
names. Precision and recall count edges over all snippets; a snippet is *sound* when no edge is missed and *complete*
when none is invented (the two figures of the PyCG paper).

The ground truth names methods of builtin types (``{}.items``) in one snippet only and leaves them out in the others,
where the same call occurs. Such an edge says nothing about the resolver, so the main figure ignores edges to methods
of builtin types that the ground truth of that snippet is silent about; ``--strict`` counts them as invented.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from support import ROOT, command_line, percent, table

Graph = dict[str, set[str]]
Edge = tuple[str, str]

PYCG_TYPES = {
    "str": "PyStr",
    "dict": "PyDict",
    "list": "PyList",
    "set": "PySet",
    "tuple": "PyTuple",
    "int": "PyNum",
    "float": "PyNum",
    "bool": "PyBool",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One snippet: its edges sorted into right, missed and invented."""

    name: str
    right: frozenset[Edge]
    missed: frozenset[Edge]
    invented: frozenset[Edge]
    error: str = ""

    @property
    def category(self) -> str:
        return self.name.split("/", 1)[0]


def edges(graph: dict[str, Iterable[str]]) -> set[Edge]:
    return {(caller, callee) for caller, callees in graph.items() for callee in callees}


def to_pycg(name: str, prefix: str) -> str:
    """A dotted name of ours in PyCG's spelling; ``prefix`` is what our module names have in front."""
    if prefix and name.startswith(prefix):
        return name[len(prefix) :]
    head, _, rest = name.partition(".")
    if head != "builtins" or not rest:
        return name
    owner, _, method = rest.partition(".")
    if method and owner in PYCG_TYPES and method not in {"__init__", "__new__"}:
        return f"<**{PYCG_TYPES[owner]}**>.{method}"
    return f"<builtin>.{owner}" if method in {"__init__", "__new__"} else f"<builtin>.{rest}"


def module_prefix(graph: dict[str, list[str]]) -> str:
    """``pkg.`` where our graph calls the entry module ``pkg.main``: a snippet that is a package itself."""
    callers = sorted((name for name in graph if name == "main" or name.endswith(".main")), key=len)
    return callers[0].removesuffix("main") if callers else ""


def is_builtin_method(callee: str) -> bool:
    return callee.startswith("<**") or (callee.startswith("<builtin>.") and callee.count(".") > 1)


def judge(name: str, truth: set[Edge], ours: set[Edge], *, strict: bool) -> Outcome:
    invented = ours - truth
    if not strict:
        invented = {edge for edge in invented if not is_builtin_method(edge[1])}
    return Outcome(name, frozenset(ours & truth), frozenset(truth - ours), frozenset(invented))


def evaluate(
    snippets: Path, call_graph: Callable[[list[str]], dict[str, list[str]]], *, strict: bool, only: str
) -> list[Outcome]:
    outcomes = []
    for truth_file in sorted(snippets.rglob("callgraph.json")):
        folder = truth_file.parent
        name = folder.relative_to(snippets).as_posix()
        if not name.startswith(only):
            continue
        truth = edges(json.loads(truth_file.read_text(encoding="utf-8")))
        try:
            graph = call_graph([str(folder)])
        except Exception as error:  # noqa: BLE001 - a crash on one snippet is a result, not the end
            outcomes.append(Outcome(name, frozenset(), frozenset(truth), frozenset(), repr(error)))
            continue
        prefix = module_prefix(graph)
        ours = {(to_pycg(a, prefix), to_pycg(b, prefix)) for a, b in edges(dict(graph))}
        outcomes.append(judge(name, truth, ours, strict=strict))
    return outcomes


def summary_row(label: str, outcomes: list[Outcome]) -> list[object]:
    right = sum(len(o.right) for o in outcomes)
    missed = sum(len(o.missed) for o in outcomes)
    invented = sum(len(o.invented) for o in outcomes)
    return [
        label,
        len(outcomes),
        right + missed,
        right,
        missed,
        invented,
        percent(right, right + invented),
        percent(right, right + missed),
        sum(not o.missed and not o.error for o in outcomes),
        sum(not o.invented and not o.error for o in outcomes),
    ]


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("snippets", type=Path, help="folder with */*/callgraph.json")
    parser.add_argument("--verbose", action="store_true", help="print missed and invented edges by snippet")
    parser.add_argument(
        "--strict", action="store_true", help="count unlisted methods of builtin types as invented"
    )
    parser.add_argument("--only", default="", metavar="PREFIX", help="only snippets whose path starts so")
    parser.add_argument("--floor", nargs=2, type=float, default=(0.0, 0.0), metavar=("PRECISION", "RECALL"))
    options = parser.parse_args(argv)

    sys.path.insert(0, str(ROOT))
    from auditor.audit import call_graph  # only here: --help works without the package

    outcomes = evaluate(options.snippets.resolve(), call_graph, strict=options.strict, only=options.only)
    if not outcomes:
        parser.error(f"no callgraph.json below {options.snippets}")
    by_category: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_category[outcome.category].append(outcome)
    rows = [summary_row(category, group) for category, group in sorted(by_category.items())]
    rows.append(summary_row("all", outcomes))
    columns = ["category", "snippets", "edges", "right", "missed", "invented", "precision", "recall"]
    print(table([*columns, "sound", "complete"], rows))
    if options.verbose:
        for outcome in outcomes:
            if outcome.error:
                print(f"\n{outcome.name}: crashed: {outcome.error}")
            elif outcome.missed or outcome.invented:
                print(f"\n{outcome.name}")
                print("".join(f"  missed    {a} -> {b}\n" for a, b in sorted(outcome.missed)), end="")
                print("".join(f"  invented  {a} -> {b}\n" for a, b in sorted(outcome.invented)), end="")
    right = sum(len(o.right) for o in outcomes)
    precision = right / max(1, right + sum(len(o.invented) for o in outcomes))
    recall = right / max(1, right + sum(len(o.missed) for o in outcomes))
    crashed = any(o.error for o in outcomes)
    return int(crashed or precision < options.floor[0] or recall < options.floor[1])


if __name__ == "__main__":
    sys.exit(main())
