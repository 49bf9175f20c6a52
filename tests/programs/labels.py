"""The labelled programs under fixtures/programs and the marks in their sources.

A mark is a trailing comment on the first line of a finding: ``# expect: LOOP303:12`` or, where the severity is a part
of the label, ``# expect: LOOP303:12 MONITOR``. What is not marked must not be reported.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from auditor.rulebook import expectations

PROGRAMS = Path(__file__).resolve().parents[2] / "fixtures" / "programs"

CODES = (
    "LOOP101", "LOOP102", "LOOP105", "LOOP201", "LOOP202", "LOOP203", "LOOP204", "LOOP205", "LOOP206", "LOOP207",
    "LOOP208", "LOOP301", "LOOP302", "LOOP303", "LOOP304", "LOOP305", "LOOP306", "LOOP307", "LOOP308",
    "LOOP309", "LOOP310", "LOOP311", "LOOP312", "LOOP314", "LOOP315", "LOOP316", "LOOP323", "LOOP401",
)  # fmt: skip
"""The rules that the programs are labelled for. A new rule joins when every program has been read for its fault."""


GUIDE = "guide_"
"""How the names of programs begin that are labelled for every rule, those to come included: see `marks`."""


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


def labels_in(source: str, path: str, certain: bool = False) -> list[Label]:
    """The marks of one source text; in programs each must name its column.

    ``certain``: only those of rules in CODES that name one.
    """
    labels: list[Label] = []
    for mark in expectations(source, path):
        if certain and (mark.column is None or mark.code not in CODES):
            continue
        if mark.column is None:
            raise ValueError(
                f"{path}:{mark.line}: mark {mark.code} names no column; write {mark.code}:COLUMN"
            )
        severity = mark.severity.name if mark.severity is not None else ""
        labels.append(Label(path, mark.line, mark.column, mark.code, severity))
    return labels


def expected(program: str) -> list[Label]:
    """All marks of a program, with paths relative to its directory; of a guide's program those that are certain."""
    root = PROGRAMS / program
    return sorted(
        label
        for file in sources(program)
        for label in labels_in(
            file.read_text(encoding="utf-8"), file.relative_to(root).as_posix(), program.startswith(GUIDE)
        )
    )


def difference(wanted: list[Label], reported: list[Label]) -> tuple[list[Label], list[Label]]:
    """What of ``wanted`` was missed, and what was reported but not wanted, as multisets.

    A label without a severity matches a report of any severity.
    """
    free = Counter(reported)
    missed: list[Label] = []
    for label in sorted(wanted, key=lambda one: not one.severity):
        match = next((seen for seen in free if free[seen] > 0 and _fits(label, seen)), None)
        if match is None:
            missed.append(label)
        else:
            free[match] -= 1
    return sorted(missed), sorted(free.elements())


def _fits(label: Label, seen: Label) -> bool:
    return label.place() == seen.place() and label.severity in {"", seen.severity}
