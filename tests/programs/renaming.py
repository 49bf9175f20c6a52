"""Gives everything in a program another name, files and directories included, and leaves every column where it was.

Names are turned by 13 letters. Left alone are names that libraries have as well, as members or parameters: which of the
two is meant cannot be seen from a name.
"""

from __future__ import annotations

import ast
import builtins
import codecs
import importlib
import inspect
import io
import keyword
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

LIBRARIES = (
    "anyio",
    "anyio.from_thread",
    "anyio.to_thread",
    "asyncio",
    "concurrent.futures",
    "contextlib",
    "dataclasses",
    "fastapi",
    "functools",
    "hashlib",
    "json",
    "logging",
    "multiprocessing",
    "multiprocessing.connection",
    "pathlib",
    "sqlite3",
    "threading",
    "time",
    "uvicorn",
)


def turned(name: str) -> str:
    return codecs.encode(name, "rot13")


def rename(source: Path, target: Path) -> dict[str, str]:
    """Write the program at ``source`` to ``target`` under other names; returns new paths by old ones."""
    files = {file: file.read_text(encoding="utf-8") for file in sorted(source.rglob("*.py"))}
    names = {name for file, text in files.items() for name in _defined(text)}
    names |= {part for file in files for part in file.relative_to(source).with_suffix("").parts}
    taken = _library_names() | set(dir(builtins)) | set(keyword.kwlist) | set(keyword.softkwlist)
    taken |= {name for text in files.values() for name in _imported_from_outside(text, names)}
    own = {name for name in names if not (name.startswith("__") or name in taken or turned(name) in taken)}
    moved = {}
    for file, text in files.items():
        old = file.relative_to(source)
        parts = [turned(part) if part in own else part for part in old.with_suffix("").parts]
        new = Path(*parts).with_suffix(".py")
        moved[old.as_posix()] = new.as_posix()
        (target / new).parent.mkdir(parents=True, exist_ok=True)
        renamed = _renamed(text, own)
        compile(renamed, str(new), "exec", dont_inherit=True)
        (target / new).write_text(renamed, encoding="utf-8")
    return moved


def _renamed(text: str, own: set[str]) -> str:
    lines = text.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string in own:
            new = turned(token.string)
        elif (
            token.type == tokenize.STRING
            and "f" in token.string[: token.string.index(token.string[-1])].lower()
        ):
            # Before Python 3.12 an f-string is one token.
            new = re.sub(r"{[^{}]*}", lambda part: _in_expression(part[0], own), token.string)
        else:
            continue
        (row, start), (last, end) = token.start, token.end
        assert row == last, "a name in a string of several lines"
        lines[row - 1] = lines[row - 1][:start] + new + lines[row - 1][end:]
    return "".join(lines)


def _in_expression(text: str, own: set[str]) -> str:
    return re.sub(r"\b[^\W\d]\w*\b", lambda word: turned(word[0]) if word[0] in own else word[0], text)


def _defined(text: str) -> set[str]:
    """Every name that a file gives to something."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.alias) and node.asname:
            found.add(node.asname)
    return found


def _imported_from_outside(text: str, own: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] not in own:
            found |= {alias.name for alias in node.names} | set(node.module.split("."))
    return found


@cache
def _library_names() -> set[str]:
    """Members and parameters of what the libraries offer."""
    found: set[str] = set()
    for library in LIBRARIES:
        module = importlib.import_module(library)
        for name in dir(module):
            member = getattr(module, name)
            found |= {name, *_parameters(member)}
            if inspect.isclass(member):
                for inner in dir(member):
                    found |= {inner, *_parameters(getattr(member, inner, None))}
    return found


def _parameters(thing: Any) -> set[str]:
    try:
        return set(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return set()
