"""Every blocking call that the fixtures of ruff and of flake8-async mark as an error: do we find it?

    python tests/bench/fixtures_of_others.py --ruff RUFF_CHECKOUT --flake8-async FLAKE8_ASYNC_CHECKOUT [--verbose]

ruff's expectations are the snapshots of its linter, those of flake8-async the marks in its eval files
(``# ASYNC210: 4, ...``, ``# error: 4``). Only the codes count whose subject our rules share (see CODES). Names that
those files use without importing them are imported in their first line, so that a resolver has a chance; no other
character changes and lines stay. A mark is found when a finding of the blocking rules stands on its line, or, where
ours fold the calls on a handle into its ``open``, when that handle's function has the finding on an earlier line.

Deliberate differences are listed in fixtures_of_others_exceptions.toml with their reasons; an exception that is no
longer needed is an error, too.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support import Finding, audit, command_line, percent, table

CODES = {
    "ASYNC210": "http",
    "ASYNC211": "http",
    "ASYNC212": "http",
    "ASYNC220": "subprocess",
    "ASYNC221": "subprocess",
    "ASYNC222": "subprocess",
    "ASYNC230": "file",
    "ASYNC231": "file",
    "ASYNC232": "file",
    "ASYNC240": "file",
    "ASYNC251": "sleep",
}
RULES = re.compile(r"^LOOP30[12356]$")
FOLDING = {"ASYNC232", "ASYNC212"}
EXCEPTIONS = Path(__file__).with_name("fixtures_of_others_exceptions.toml")
RUFF_FIXTURES = "crates/ruff_linter/resources/test/fixtures/flake8_async"
RUFF_SNAPSHOTS = "crates/ruff_linter/src/rules/flake8_async/snapshots"
IMPORTABLE = {"httpx", "io", "os", "requests", "subprocess", "time", "urllib3", "httpx2"}


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One call that a fixture marks as an error."""

    tool: str
    file: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.tool}/{self.file}:{self.line} {self.code}"


def ruff_marks(checkout: Path) -> Iterator[Mark]:
    """From the snapshots: a line with the code, then one with ``--> FILE:LINE:COLUMN``."""
    code = ""
    for snapshot in sorted((checkout / RUFF_SNAPSHOTS).glob("*.snap")):
        for line in snapshot.read_text(encoding="utf-8").splitlines():
            if start := re.match(r"(ASYNC\d+) ", line):
                code = start[1]
            elif (place := re.match(r"\s*--> ([\w.]+):(\d+):\d+$", line)) and code in CODES:
                yield Mark("ruff", place[1], int(place[2]), code)


def flake8_async_marks(checkout: Path) -> Iterator[Mark]:
    for source in sorted((checkout / "tests/eval_files").glob("*.py")):
        own = re.match(r"async\d{3}", source.stem)
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            for found in re.finditer(r"#\s*(error|ASYNC\d{3})\w*:\s*\d", line):
                code = found[1] if found[1] != "error" else own[0].upper() if own else ""
                if code in CODES:
                    yield Mark("flake8-async", source.name, number, code)


def missing_imports(tree: ast.Module) -> list[str]:
    """Import statements for what the file uses as if it had imported it."""
    bound = set(dir(builtins))
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    modules = sorted((used - bound) & IMPORTABLE)
    typing = sorted((used - bound) & {"Any", "Optional"})
    return [f"import {', '.join(modules)}"] * bool(modules) + [
        f"from typing import {', '.join(typing)}"
    ] * bool(typing)


def with_imports(source: str) -> str:
    """The source with the missing imports in front of its first line, all lines where they were."""
    imports = missing_imports(ast.parse(source))
    if not imports:
        return source
    first, _, rest = source.partition("\n")
    separator = "  " if first.lstrip().startswith("#") or not first.strip() else "; "
    return f"{'; '.join(imports)}{separator}{first}\n{rest}"


def functions(source: str) -> list[tuple[int, int]]:
    """First and last line of every function, inner ones after the outer."""
    return [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def innermost(spans: list[tuple[int, int]], line: int) -> tuple[int, int] | None:
    around = [span for span in spans if span[0] <= line <= span[1]]
    return max(around) if around else None


def covers(finding: Finding, line: int) -> bool:
    first = finding["line"]
    last = finding.get("end_line") or first
    return bool(first <= line <= last)


def read_exceptions() -> dict[tuple[str, str, int], str]:
    """(tool, file, line) -> reason."""
    if not EXCEPTIONS.exists():
        return {}
    data = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))
    return {
        (entry["tool"], entry["file"], line): entry["reason"]
        for entry in data.get("exception", ())
        for line in entry["lines"]
    }


def copy_fixtures(marks: list[Mark], source: Path, target: Path) -> None:
    for name in sorted({mark.file for mark in marks}):
        text = (source / name).read_text(encoding="utf-8")
        (target / name).write_text(with_imports(text), encoding="utf-8")


def sort_marks(marks: list[Mark], findings: list[Finding], folder: Path) -> dict[Mark, str]:
    """Mark -> ``found``, ``folded`` or ``missed``."""
    by_file: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if RULES.match(finding["code"]) or any(RULES.match(code) for code in finding.get("also", ())):
            by_file[Path(finding["path"]).name].append(finding)
    outcome = {}
    for mark in marks:
        here = by_file[mark.file]
        outcome[mark] = "missed"
        if any(covers(finding, mark.line) for finding in here):
            outcome[mark] = "found"
        elif mark.code in FOLDING:
            span = innermost(functions((folder / mark.file).read_text(encoding="utf-8")), mark.line)
            if span and any(span[0] <= finding["line"] < mark.line for finding in here):
                outcome[mark] = "folded"
    return outcome


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("--ruff", type=Path, help="checkout of ruff")
    parser.add_argument("--flake8-async", type=Path, help="checkout of flake8-async")
    parser.add_argument("--verbose", action="store_true", help="print the missed source lines")
    options = parser.parse_args(argv)

    sources: list[tuple[Path, list[Mark]]] = []
    if options.ruff:
        sources.append((options.ruff / RUFF_FIXTURES, sorted(set(ruff_marks(options.ruff)))))
    if options.flake8_async:
        marks = sorted(set(flake8_async_marks(options.flake8_async)))
        sources.append((options.flake8_async / "tests/eval_files", marks))
    if not any(marks for _, marks in sources):
        parser.error("no fixtures found: give --ruff and --flake8-async checkouts")

    outcome: dict[Mark, str] = {}
    text: dict[Mark, str] = {}
    for fixtures, marks in sources:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "program"
            folder.mkdir()
            copy_fixtures(marks, fixtures, folder)
            result = audit(folder)
            if result.problem:
                print(f"{fixtures}: {result.problem}", file=sys.stderr)
                return 2
            outcome.update(sort_marks(marks, result.findings, folder))
            for mark in marks:
                lines = (folder / mark.file).read_text(encoding="utf-8").splitlines()
                text[mark] = lines[mark.line - 1].strip()

    exceptions = read_exceptions()
    missed = [mark for mark, how in outcome.items() if how == "missed"]
    excused = [mark for mark in missed if (mark.tool, mark.file, mark.line) in exceptions]
    open_ones = [mark for mark in missed if mark not in excused]
    tools = {mark.tool for mark in outcome}
    needed = {(mark.tool, mark.file, mark.line) for mark in excused}
    stale = [key for key in exceptions if key[0] in tools and key not in needed]

    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for mark, how in outcome.items():
        how = "excused" if mark in excused else how
        for key in ((mark.tool, mark.code), (mark.tool, "all")):
            counts[key][how] += 1
    kinds = ("found", "folded", "excused", "missed")
    rows = [
        [f"{tool} {code}", count.total(), *(count[kind] for kind in kinds),
         percent(count["found"] + count["folded"], count.total())]
        for (tool, code), count in sorted(counts.items())
    ]  # fmt: skip
    print(table(["fixtures", "marks", *kinds, "recall"], rows))
    for mark in sorted(open_ones):
        print(f"missed   {mark}" + (f"   {text[mark]}" if options.verbose else ""))
    if options.verbose:
        for mark in sorted(excused):
            print(f"excused  {mark}   {text[mark]}   [{exceptions[mark.tool, mark.file, mark.line]}]")
    for tool, file, line in stale:
        print(f"stale exception: {tool}/{file}:{line}")
    return int(bool(open_ones or stale))


if __name__ == "__main__":
    sys.exit(main())
