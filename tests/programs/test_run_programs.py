"""The labels are true: the programs are run, and the marked calls happen on the loop, and nothing else does."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from functools import cache
from typing import Any

import pytest
from programs.demos import DEMOS, Demo, demo_of
from programs.labels import PROGRAMS, Label, expected, program_names, sources
from programs.tracer import trace

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the programs run in forks")

NAMES = program_names()

OPTIONAL = frozenset({"fast_codec_of_the_vendor"})
"""Modules that a program imports inside `try` and that do not exist."""


@cache
def missing_libraries(program: str) -> list[str]:
    """The libraries that a program imports and that are not installed here."""
    own = {part for file in sources(program) for part in (*file.relative_to(PROGRAMS).parts, file.stem)}
    wanted: set[str] = set()
    for file in sources(program):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                wanted |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                wanted.add(node.module.partition(".")[0])
    wanted -= own | OPTIONAL | set(sys.stdlib_module_names)
    if "UploadFile" in "".join(file.read_text(encoding="utf-8") for file in sources(program)):
        wanted.add("python_multipart")
    if "fastapi" in wanted or "starlette" in wanted:
        wanted.add("httpx")
    return sorted(name for name in wanted if importlib.util.find_spec(name) is None)


@cache
def is_readable(program: str) -> bool:
    """Whether the running interpreter knows the program's grammar."""
    try:
        for file in sources(program):
            ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError:
        return False
    return True


def modules(program: str, roots: tuple[str, ...]) -> list[str]:
    """The importable names of a program's files, seen from its roots."""
    found: set[str] = set()
    for file in sources(program):
        for root in sorted(roots, key=len, reverse=True):
            folder = PROGRAMS / program / root
            if file.is_relative_to(folder):
                parts = file.relative_to(folder).with_suffix("").parts
                found.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
                break
    return sorted(found)


@cache
def answers() -> dict[str, dict[str, Any]]:
    """What happened in all programs that can run here."""
    tasks = []
    for name in NAMES:
        if is_readable(name) and not missing_libraries(name):
            demo = demo_of(name) or Demo("")
            tasks.append(
                {
                    "name": name,
                    "program": str(PROGRAMS / name),
                    "roots": demo.roots,
                    "files": demo.files,
                    "modules": modules(name, demo.roots),
                    "demo": demo.code,
                    "marks": [(label.path, label.line, label.column) for label in expected(name)],
                }
            )
    return trace(tasks)


def answer(program: str) -> dict[str, Any]:
    """What happened in one program; skips the test if it cannot run here."""
    if not is_readable(program):
        pytest.skip(f"its grammar is newer than Python {sys.version_info.major}.{sys.version_info.minor}")
    missing = missing_libraries(program)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    found = answers()[program]
    assert "error" not in found, found["error"]
    return found


@pytest.mark.parametrize("program", NAMES)
def test_program_runs(program: str) -> None:
    answer(program)


@pytest.mark.parametrize("program", [name for name in NAMES if demo_of(name)])
def test_nothing_else_blocks_the_loop(program: str) -> None:
    unexplained = [f"{path}:{line} {name}" for path, line, name in answer(program)["unexplained"]]
    assert not unexplained, "these ran on a loop, and no mark says so"


@pytest.mark.parametrize("program", [name for name in NAMES if name in DEMOS and not name.endswith("_ok")])
def test_marked_calls_run_on_the_loop(program: str) -> None:
    found = answer(program)
    shown = {tuple(mark) for mark in found["on_loop"]}
    entered = {(path, line) for path, line, on_loop in found["functions"] if on_loop}
    demo = demo_of(program)
    assert demo is not None
    unseen = [
        str(label)
        for label in expected(program)
        if (label.path, label.line, label.column) not in shown
        and f"{label.path}:{label.line}" not in demo.hidden
        and not (_is_implicit(program, label) and _enclosing(program, label) in entered)
    ]
    assert not unseen, "marked, but no run of the demo made these calls on a loop"


def test_every_demo_has_a_program() -> None:
    assert set(DEMOS) <= set(NAMES)


def _is_implicit(program: str, label: Label) -> bool:
    """Whether the marked expression is no call: such as a `with` item, which the interpreter enters unseen."""
    tree = ast.parse((PROGRAMS / program / label.path).read_text(encoding="utf-8"))
    return not any(
        isinstance(node, ast.Call) and (node.lineno, node.col_offset + 1) == (label.line, label.column)
        for node in ast.walk(tree)
    )


def _enclosing(program: str, label: Label) -> tuple[str, int]:
    """Path and first line of the function around a label."""
    tree = ast.parse((PROGRAMS / program / label.path).read_text(encoding="utf-8"))
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= label.line <= (node.end_lineno or 0)
    ]
    innermost = max(functions, key=lambda node: node.lineno)
    first = min([innermost.lineno, *(decorator.lineno for decorator in innermost.decorator_list)])
    return label.path, first
