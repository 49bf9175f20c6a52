"""The labelled programs under fixtures/programs, and the marks in their sources.

A mark is a trailing comment on the first line of a finding: ``# expect: LOOP303:12`` or, with the severity that
matters for the label, ``# expect: LOOP303:12 MONITOR``; several are separated by commas. What is not marked must not
be reported.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parents[2] / "fixtures" / "programs"

_MARK = re.compile(r"(?P<code>LOOP\d{3}):(?P<column>\d+)(?: (?P<severity>MONITOR|MEDIUM|HIGH|CRITICAL))?")


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """An expected (or reported) finding; ``severity`` is empty when the label does not care."""

    path: str
    line: int
    column: int
    code: str
    severity: str = ""

    def __str__(self) -> str:
        severity = f" {self.severity}" if self.severity else ""
        return f"{self.path}:{self.line}:{self.column} {self.code}{severity}"

    def place(self) -> tuple[str, int, int, str]:
        """All but the severity."""
        return self.path, self.line, self.column, self.code


def program_names() -> list[str]:
    """The names of all labelled programs, sorted."""
    return sorted(entry.name for entry in PROGRAMS.iterdir() if entry.is_dir())


def sources(program: str) -> list[Path]:
    """The Python files of a program."""
    return sorted((PROGRAMS / program).rglob("*.py"))


def labels_in(source: str, path: str) -> list[Label]:
    """The marks of one source text. A malformed mark is an error: it would silently expect nothing."""
    labels: list[Label] = []
    for number, comment in _comments(source):
        _, found, marks = comment.partition("# expect:")
        if not found:
            continue
        for mark in marks.split(","):
            match = _MARK.fullmatch(mark.strip())
            if match is None:
                raise ValueError(
                    f"{path}:{number}: mark {mark.strip()!r} is not of the form LOOP303:12 [SEVERITY]"
                )
            severity = match["severity"] or ""
            labels.append(Label(path, number, int(match["column"]), match["code"], severity))
    return labels


def expected(program: str) -> list[Label]:
    """All marks of a program, with paths relative to its directory."""
    root = PROGRAMS / program
    return sorted(
        label
        for file in sources(program)
        for label in labels_in(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix())
    )


def difference(wanted: list[Label], reported: list[Label]) -> tuple[list[Label], list[Label]]:
    """What of ``wanted`` was missed, and what was reported but not wanted, as multisets.

    A label without a severity matches a report of any severity.
    """
    free = Counter(reported)
    missed: list[Label] = []
    for label in sorted(wanted, key=lambda one: not one.severity):
        match = next(
            (
                seen
                for seen in free
                if free[seen] > 0
                and seen.place() == label.place()
                and (not label.severity or seen.severity == label.severity)
            ),
            None,
        )
        if match is None:
            missed.append(label)
        else:
            free[match] -= 1
    return sorted(missed), sorted(free.elements())


def _comments(source: str) -> list[tuple[int, str]]:
    """Line and text of every comment. Grammar that the running interpreter's tokenizer refuses is read by lines."""
    try:
        return [
            (token.start[0], token.string)
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT
        ]
    except (tokenize.TokenError, SyntaxError):
        return [
            (number, line[line.index("#") :])
            for number, line in enumerate(source.splitlines(), 1)
            if "#" in line
        ]
