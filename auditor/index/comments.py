"""Comments that are addressed to auditor, and the code that each of them is about."""

from __future__ import annotations

import ast
import re
from typing import Final

MARK: Final = "auditor:"

Comment = tuple[int, int, str, int, int, int]
"""Line and column (in code points) of its ``#``, what follows ``auditor:``, first and last line of the code that it is
about, and the number of the function whose header that is (-1: none)."""

_ADDRESSED = re.compile(r"#[ \t]*auditor:(.*)", re.DOTALL)
_TOKEN = re.compile(r"#[^\n]*+|\"\"\"|'''|\"|'")
_STRING_END: Final = {
    '"': re.compile(r'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+["\n]', re.DOTALL),
    "'": re.compile(r"[^'\\\n]*+(?:\\.[^'\\\n]*+)*+['\n]", re.DOTALL),
    '"""': re.compile(r'[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"""', re.DOTALL),
    "'''": re.compile(r"[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+'''", re.DOTALL),
}
_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef


def comments(text: str) -> list[tuple[int, int, str]]:
    """Line, column (both from 1, in code points) and text of every comment of a source."""
    found = []
    line, counted, position = 1, 0, 0
    while match := _TOKEN.search(text, position):
        token, start = match[0], match.start()
        position = match.end()
        if token[0] != "#":
            end = _STRING_END[token].match(text, position)
            if end is None:
                break
            position = end.end()
            continue
        line += text.count("\n", counted, start)
        counted = start
        found.append((line, start - text.rfind("\n", 0, start), token))
    return found


def addressed(text: str, tree: ast.Module, functions: dict[tuple[int, int], int]) -> list[Comment]:
    """The comments of a file that begin with ``auditor:``, perhaps after others on the same line.

    ``functions`` gives the number of the function that begins at a line and byte column. A comment behind code is about
    the statement in which it stands (a compound one: its header); one on a line of its own about the statement below.
    """
    if MARK not in text:
        return []
    matched = [
        (line, column + match.start(), match[1].strip())
        for line, column, comment in comments(text)
        if (match := _ADDRESSED.search(comment)) is not None
    ]
    if not matched:
        return []
    lines = text.split("\n")
    headers = _headers(tree, functions)
    found: list[Comment] = []
    for line, column, said in matched:
        about = line
        if _is_alone(lines, line):
            while about < len(lines) and lines[about].lstrip().startswith("#"):
                about += 1
            about += 1
        first = last = about
        function = -1
        is_code = about <= len(lines) and not lines[about - 1].isspace() and lines[about - 1] != ""
        for start, end, number in headers:
            if is_code and start <= about <= end:
                first, last = min(first, start), max(last, end)
                function = max(function, number)
        found.append((line, column, said, first, last, function))
    return found


def _is_alone(lines: list[str], line: int) -> bool:
    return 0 < line <= len(lines) and lines[line - 1].lstrip().startswith("#")


def _headers(tree: ast.Module, functions: dict[tuple[int, int], int]) -> list[tuple[int, int, int]]:
    """First and last line of each statement, of a compound one without its blocks; the function that it defines."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            continue
        first = node.pattern.lineno if isinstance(node, ast.match_case) else _first_line(node)
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        if body:
            inner = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else _first_line(body[0])
            last = max(first, inner - 1, getattr(node, "lineno", first))
        else:
            last = getattr(node, "end_lineno", None) or first
        number = -1
        if isinstance(node, _DEFINITIONS):
            number = functions.get((node.lineno, node.col_offset), -1)
        found.append((first, last, number))
    return found


def _first_line(node: ast.stmt | ast.ExceptHandler) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
