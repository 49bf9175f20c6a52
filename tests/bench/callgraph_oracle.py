"""The call graph beside that of a type checker, on a real project.

    pyrefly check --report-pysa DIR --report-pysa-format json --summary=none .     (inside the project)
    python tests/bench/callgraph_oracle.py PROJECT DIR [--verbose] [--externals REGEX]

Compared are edges from function to function of the project (direct calls, constructors with an ``__init__`` of the
project, property reads). An edge that pyrefly has and we have not is a call that we could not resolve; virtual calls
are compared by the method that pyrefly names, so that overrides which we add do not count. Edges that only we have are
counted, not judged: pyrefly knows less of unannotated code. ``--externals`` also compares edges to library names that
match, by their last two parts, since both tools may name the module of definition differently.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import ROOT, command_line, percent, table

Edge = tuple[str, str]


@dataclass
class Oracle:
    """What a pysa report says of a project: the names of its functions, and its edges with the lines of the calls."""

    names: dict[tuple[int, str], str] = field(default_factory=dict)
    edges: dict[Edge, int] = field(default_factory=dict)
    externals: dict[Edge, int] = field(default_factory=dict)
    functions: int = 0
    paths: dict[str, str] = field(default_factory=dict)  # function -> path


def read_all(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.json")):
        yield json.loads(path.read_bytes())


def source_of(module: dict[str, Any]) -> str:
    return str(module["source_path"].get("FileSystem", ""))


def name_definitions(module: dict[str, Any], oracle: Oracle) -> None:
    """Dotted names of the functions of a module, as ``module.Class.method`` and ``module.outer.inner``."""
    functions, classes = module["function_definitions"], module["class_definitions"]

    def qualified(entry: dict[str, Any]) -> str:
        parent = entry["parent"]
        if isinstance(parent, str):
            return f"{module['module_name']}.{entry['name']}"
        kind, key = next(iter(parent.items()))
        if kind == "Class":
            outer = classes.get(f"C:{key['class_id']}") or classes.get(str(key["class_id"]))
        else:
            outer = functions.get(f"F:{key['func_def_index']}")
        prefix = qualified(outer) if outer else f"{module['module_name']}.?"
        return f"{prefix}.{entry['name']}"

    for key, entry in functions.items():
        oracle.names[module["module_id"], key] = qualified(entry)
        oracle.paths[qualified(entry)] = source_of(module)
    oracle.names[module["module_id"], "MTL"] = module["module_name"]
    oracle.paths[module["module_name"]] = source_of(module)


def targets_of(site: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("Call", "AttributeAccess"):
        body = site.get(kind)
        if isinstance(body, dict):
            for group in ("call_targets", "init_targets", "property_getters", "property_setters"):
                for entry in body.get(group, ()):
                    yield from entry["target"].values()


def read_oracle(report: Path, project: Path) -> Oracle:
    oracle = Oracle()
    inside: set[int] = set()
    for module in read_all(report / "definitions"):
        if source_of(module).startswith(f"{project}/"):
            inside.add(module["module_id"])
            name_definitions(module, oracle)
            oracle.functions += len(module["function_definitions"])
    for module in read_all(report / "call_graphs"):
        if module["module_id"] not in inside:
            continue
        for caller_id, sites in module["call_graphs"].items():
            caller = oracle.names.get((module["module_id"], caller_id))
            if caller is None:
                continue
            for place, site in sites.items():
                line = int(place.split(":", 1)[0])
                for target in targets_of(site):
                    callee = oracle.names.get((target["module_id"], target["function_id"]))
                    if callee is not None:
                        oracle.edges.setdefault((caller, callee), line)
                    elif target["module_id"] not in inside:
                        name = f"{target['module_name']}.{target['function_name']}"
                        oracle.externals.setdefault((caller, name), line)
    return oracle


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("report", type=Path, help="folder that pyrefly wrote")
    parser.add_argument("--verbose", action="store_true", help="print the edges that only pyrefly has")
    parser.add_argument("--externals", metavar="REGEX", help="compare edges to these library names, too")
    options = parser.parse_args(argv)
    project = options.project.resolve()

    sys.path.insert(0, str(ROOT))
    from auditor.audit import call_graph  # only here: --help works without the package

    oracle = read_oracle(options.report, project)
    graph = {caller: set(callees) for caller, callees in call_graph([str(project)]).items()}
    known = {edge: line for edge, line in oracle.edges.items() if edge[0] in graph}
    right = {edge for edge in known if edge[1] in graph[edge[0]]}
    names = set(oracle.names.values())
    ours = {(a, b) for a, callees in graph.items() if a in names for b in callees if b in names}
    rows: list[list[object]] = [
        ["functions", oracle.functions, sum(name in graph for name in names), ""],
        ["edges inside the project", len(known), len(right), percent(len(right), len(known))],
        ["edges that only we have", "", len(ours - set(oracle.edges)), ""],
    ]
    missed = {edge: known[edge] for edge in known.keys() - right}
    if options.externals:
        wanted = re.compile(options.externals)
        theirs = {e: n for e, n in oracle.externals.items() if wanted.search(e[1]) and e[0] in graph}
        tails = {caller: {tail(callee) for callee in callees} for caller, callees in graph.items()}
        found = {edge for edge in theirs if tail(edge[1]) in tails[edge[0]]}
        rows.append(["edges to libraries", len(theirs), len(found), percent(len(found), len(theirs))])
        missed.update({edge: theirs[edge] for edge in theirs.keys() - found})
    print(table(["", "pyrefly", "ours too", ""], rows))
    if options.verbose:
        print_missed(missed, oracle, project)
    return 0


def tail(name: str) -> str:
    """The last part: `os.path.exists` and `genericpath.exists` are the same function."""
    return name.rpartition(".")[2]


def print_missed(missed: dict[Edge, int], oracle: Oracle, project: Path) -> None:
    """Every missed edge with its source line, the most frequent callees first."""
    counts = Counter(callee for _, callee in missed)
    lines: dict[str, list[str]] = {}
    for (caller, callee), line in sorted(missed.items(), key=lambda item: (-counts[item[0][1]], item[0][1])):
        path = oracle.paths[caller]
        if path not in lines:
            lines[path] = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
        where = Path(path).relative_to(project).as_posix()
        print(f"{caller} -> {callee}\n    {where}:{line}  {lines[path][line - 1].strip()}")


if __name__ == "__main__":
    sys.exit(main())
