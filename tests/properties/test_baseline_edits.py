"""A baseline survives edits that move code: nothing unrelated turns up, and every new exposure does.

The project is aiohttp as it is installed. Edits heap up: each round makes ten more of them (insertions, deletions,
other formatting, other names for neighbours), audits with the baseline of the beginning, then plants a new exposure,
often a new handler that calls a helper whose sink is in the baseline.
"""

from __future__ import annotations

import ast
import importlib.util
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditor import audit, config
from auditor.model import Finding
from auditor.verdict import baseline
from auditor.verdict.baseline import Entry

EDITS_A_ROUND = 10


class Project:
    """The sources, and edits that concern no exposure."""

    def __init__(self, root: Path, choice: random.Random) -> None:
        self.root = root
        self.choice = choice
        self.number = 0
        self.files = sorted(root.rglob("*.py"))
        self.made: list[tuple[Path, str]] = []
        self.log: list[str] = []

    def entries(self) -> list[Entry]:
        return audit.full_audit(["."], config.load(str(self.root)), known=baseline.Baseline("")).present

    def new(self, known: list[Entry]) -> list[Finding]:
        numbered = tuple(enumerate(known, 2))
        outcome = audit.full_audit(
            ["."], config.load(str(self.root)), known=baseline.Baseline(str(self.root / "b"), numbered)
        )
        assert outcome.report.not_analysed == (), self.log
        return list(outcome.report.findings)

    def edit(self, related: str) -> None:
        """One edit; ``related`` is a text of all that names exposures and the statements that they are."""
        make = self.choice.choice(
            [
                self.insert_above,
                self.insert_within,
                self.delete,
                self.reformat,
                self.rename,
                self.insert_comment,
            ]
        )
        before = len(self.log)
        while len(self.log) == before:
            make(related)
            make = self.choice.choice([self.insert_above, self.insert_within, self.reformat])

    # -- edits ---------------------------------------------------------------------------------------------------

    def any_file(self) -> tuple[Path, str, ast.Module]:
        path = self.choice.choice(self.files)
        text = path.read_text()
        return path, text, ast.parse(text)

    def write(self, path: Path, text: str, what: str) -> None:
        ast.parse(text)
        path.write_text(text)
        self.log.append(f"{what} {path.name}")

    def insert_lines(self, path: Path, text: str, line: int, lines: list[str], what: str) -> None:
        """Put lines before a line (from 1)."""
        all_lines = text.split("\n")
        self.write(path, "\n".join([*all_lines[: line - 1], *lines, *all_lines[line - 1 :]]), what)

    def insert_above(self, related: str) -> None:
        path, text, tree = self.any_file()
        places = [n for n in tree.body if not isinstance(n, ast.ImportFrom) or n.module != "__future__"]
        if len(places) < 2:
            return
        at = first_line(self.choice.choice(places[1:]))
        self.number += 1
        body = self.choice.choice(
            [
                [f"INSERTED_{self.number} = {self.number}"],
                [f"def inserted_{self.number}(value):", "    return [value, str(value)]", "", ""],
                [f"class Inserted{self.number}:", "    def run(self):", "        return self", "", ""],
                [f"async def inserted_{self.number}(value):", "    return await value", "", ""],
                ["import math", ""],
            ]
        )
        self.insert_lines(path, text, at, body, "insert above")
        self.made.append((path, "\n".join(body) + "\n"))

    def insert_within(self, related: str) -> None:
        path, text, tree = self.any_file()
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        blocks = [f.body for f in functions if len(f.body) > 1 and f.body[0].lineno > f.lineno]
        if not blocks:
            return
        statement = self.choice.choice(self.choice.choice(blocks)[1:])
        self.number += 1
        indent = " " * statement.col_offset
        if text.split("\n")[first_line(statement) - 1][: statement.col_offset].strip():
            return  # behind another statement
        self.insert_lines(
            path,
            text,
            first_line(statement),
            [f"{indent}inserted_{self.number} = {self.number}"],
            "insert within",
        )

    def insert_comment(self, related: str) -> None:
        path, text, tree = self.any_file()
        nodes = [n for n in ast.walk(tree) if isinstance(n, ast.stmt)]
        if not nodes:
            return
        at = first_line(self.choice.choice(nodes))
        before = text.split("\n")[at - 2] if at > 1 else ""
        if before.endswith("\\"):
            return
        self.insert_lines(path, text, at, ["# a comment", "", "# and another"], "comment")

    def delete(self, related: str) -> None:
        """Something inserted earlier, or a function of the project that nothing names."""
        if self.made and self.choice.random() < 0.5:
            path, body = self.made.pop(self.choice.randrange(len(self.made)))
            text = path.read_text()
            if text.count(body) == 1:
                self.write(path, text.replace(body, ""), "delete inserted")
            return
        everything = "\n".join(file.read_text() for file in self.files)
        path, text, tree = self.any_file()
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef)
                and len(re.findall(rf"\b{node.name}\b", everything)) == 1
                and not re.search(rf"\b{node.name}\b", related)
            ):
                lines = text.split("\n")
                del lines[first_line(node) - 1 : node.end_lineno]
                self.write(path, "\n".join(lines), f"delete {node.name}")
                return

    def reformat(self, related: str) -> None:
        path, text, _ = self.any_file()
        if self.choice.random() < 0.3:
            self.write(path, ast.unparse(ast.parse(text)) + "\n", "unparse")
            return
        quotes = self.choice.choice(["single", "double"])
        width = self.choice.choice([60, 79, 88, 120, 160])
        command = [
            *(sys.executable, "-m", "ruff", "format", "--isolated", "-q", "--stdin-filename", path.name),
            *("--config", f"format.quote-style='{quotes}'", "--config", f"line-length={width}"),
            *("--config", f"indent-width={self.choice.choice([2, 4, 8])}", "-"),
        ]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        self.write(path, done.stdout, f"format {width} {quotes}")

    def rename(self, related: str) -> None:
        """Another name for a function or class that no exposure's statement names, wherever it is used."""
        everything = "\n".join(file.read_text() for file in self.files)
        _, _, tree = self.any_file()
        names = [
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and len(node.name) > 5
            and not node.name.startswith("__")
            and len(re.findall(rf"(?:def|class)\s+{node.name}\b", everything)) == 1
            and not re.search(rf"\b{node.name}\b", related)
            and not re.search(
                rf"['\"]{node.name}['\"]|import {node.name}\b(?! *[,)\n])|{node.name}=", everything
            )
        ]
        # a method's name may be that of an outer class's method, which is what makes it run
        names = [name for name in names if name.startswith("_") or f"class {name}" in everything]
        if not names:
            return
        name = self.choice.choice(names)
        self.number += 1
        for file in self.files:
            text = file.read_text()
            changed = re.sub(rf"\b{name}\b", f"{name}{self.number}", text)
            if changed != text:
                ast.parse(changed)
                file.write_text(changed)
        self.log.append(f"rename {name}")

    # -- new exposures -------------------------------------------------------------------------------------------

    def plant(self, helpers: list[tuple[str, str]]) -> tuple[Path, str, str]:
        """A new exposure at the end of a file: the file, its text before, the name of the function."""
        self.number += 1
        name = f"planted_{self.number}"
        path = self.choice.choice([file for file in self.files if file.stem != "__init__"])
        text = path.read_text()
        kind = self.choice.choice(["sleep", "twice", "helper", "helper", "method"])
        if kind == "helper" and helpers:
            module, function = self.choice.choice(helpers)
            body = f"\n\nasync def {name}(*args):\n    from {module} import {function}\n\n"
            body += f"    return {function}(*args)\n"
        elif kind == "method":
            body = f"\n\nclass P{name}:\n    async def {name}(self):\n        import time\n\n        time.sleep(2)\n"
        else:
            body = f"\n\nasync def {name}():\n    import time\n\n    time.sleep(1)\n"
        path.write_text(text.rstrip("\n") + "\n" + body)
        return path, text, name


def first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])


def helpers_of(entries: list[Entry], findings: list[Finding], root: Path) -> list[tuple[str, str]]:
    """Functions of modules, not coroutines, that lead to a sink of the baseline: module and name."""
    found = set()
    for finding in findings:
        for exposure in finding.exposures:
            at = [step.function for step in exposure.chain].index(exposure.function)
            for step in exposure.chain[at + 1 :]:
                module, _, name = step.function.rpartition(".")
                path = root / (module.replace(".", "/") + ".py")
                if path.is_file() and re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE):
                    found.add((module, name))
    return sorted(found)


def statement_texts(findings: list[Finding], root: Path) -> str:
    """All that names an exposure: function, module, statement (generously: the lines around)."""
    parts = []
    for finding in findings:
        for exposure in finding.exposures:
            lines = (root / exposure.path).read_text().split("\n")
            parts += [exposure.function, *lines[max(0, exposure.line - 12) : exposure.line + 12]]
            parts += [step.function for step in exposure.chain]
    return "\n".join(parts)


def run(project: Path, edits: int, seed: int) -> None:
    installed = importlib.util.find_spec("aiohttp")
    if installed is None or installed.origin is None:
        pytest.skip("aiohttp is not installed")
    shutil.copytree(
        Path(installed.origin).parent,
        project / "aiohttp",
        ignore=shutil.ignore_patterns("*.so", "*.pyc", "*.pyx"),
    )
    tree = Project(project, random.Random(seed))
    known = tree.entries()
    findings = list(audit.audit(["."], config.load(str(project))).findings)
    assert len(known) >= 20
    related = statement_texts(findings, project)
    helpers = helpers_of(known, findings, project)
    assert helpers, "there are helpers to call"
    done = 0
    while done < edits:
        for _ in range(EDITS_A_ROUND):
            tree.edit(related)
            done += 1
        new = tree.new(known)
        assert new == [], (tree.log[-EDITS_A_ROUND:], [(f.code, f.location, f.function) for f in new])
        path, text, name = tree.plant(helpers)
        planted = tree.new(known)
        functions = {e.function.rpartition(".")[2] for finding in planted for e in finding.exposures}
        assert functions == {name}, (tree.log[-EDITS_A_ROUND:], path, planted)
        path.write_text(text)


def test_some_edits(project: Path) -> None:
    run(project, 40, seed=7)


@pytest.mark.slow
def test_five_hundred_edits(project: Path) -> None:
    run(project, 500, seed=1)
