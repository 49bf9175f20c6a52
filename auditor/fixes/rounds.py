"""Carrying out fixes: those of one audit that go together, then those of another audit of what has become of the files.

Nothing is written: files are changed in memory, and whoever asked for it writes them in the end.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final

from auditor.fixes import files
from auditor.fixes.editing import compatible
from auditor.index.source import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from auditor.fixes.files import SourceFile
    from auditor.model import Edit, Finding, Fix, Report

    Overlay = tuple[tuple[str, bytes], ...]

_MOST_ROUNDS: Final = 10


class Mended:
    """What fixes make of the files of a program. ``problems`` are lines about fixes that could not be carried out."""

    def __init__(self) -> None:
        self.before: dict[str, SourceFile] = {}
        self.after: dict[str, SourceFile] = {}
        self.done: Counter[str] = Counter()
        self.problems: dict[str, None] = {}

    @property
    def overlay(self) -> Overlay:
        """The changed files as settings take unsaved ones: absolute path and content."""
        return tuple((os.path.abspath(path), file.data) for path, file in sorted(self.after.items()))

    def carry_out(self, fixes: Sequence[Fix]) -> bool:
        """Make the fixes that go together; whether anything has changed."""
        chosen = []
        for fix in compatible(fixes):
            problems = [problem for edit in fix.edits if (problem := self._open(edit.path))]
            if problems:
                self.problems.update(dict.fromkeys(problems))
            else:
                chosen.append(fix)
        now = {**self.before, **self.after}
        changed = _edited(now, chosen)
        if not all(file.is_sound_after(now[path]) for path, file in changed.items()):
            chosen = self._sound(now, chosen)
            changed = _edited(now, chosen)
        self.after.update(changed)
        self.done.update(fix.title for fix in chosen)
        return bool(changed)

    def _open(self, path: str) -> str:
        """Read a file when it is first needed; why it cannot be changed, if so."""
        if path not in self.before:
            file = files.read(path)
            if isinstance(file, Problem):
                return f"{path}: not fixed: {file.reason}"
            self.before[path] = file
        return ""

    def _sound(self, now: dict[str, SourceFile], fixes: Iterable[Fix]) -> list[Fix]:
        """The fixes without those that leave a file in a state that Python does not take."""
        kept: list[Fix] = []
        for fix in fixes:
            if _is_sound(now, [*kept, fix]):
                kept.append(fix)
                continue
            if kept and _is_sound(now, [fix]):
                continue  # what two of them count on is there for one: the other is found anew in the next round
            first = fix.edits[0]
            where = f"{first.path}:{first.start[0]}"
            self.problems[f"{where}: not fixed: `{fix.title}` would break the file; please report it"] = None
        return kept


def _is_sound(now: dict[str, SourceFile], fixes: Sequence[Fix]) -> bool:
    """Whether Python takes all that the last of the fixes changes, where all of them are made."""
    changed = _edited(now, fixes)
    return all(changed[edit.path].is_sound_after(now[edit.path]) for edit in fixes[-1].edits)


def _edited(now: dict[str, SourceFile], fixes: Iterable[Fix]) -> dict[str, SourceFile]:
    edits: dict[str, list[Edit]] = {}
    for fix in fixes:
        for edit in fix.edits:
            edits.setdefault(edit.path, []).append(edit)
    return {path: now[path].edited(every) for path, every in edits.items()}


def wanted(findings: Iterable[Finding], *, unsafe: bool) -> list[Fix]:
    """The fixes of findings, each once, safe ones first; the unsafe ones only if asked for.

    What one finding holds for safe and another for unsafe is unsafe.
    """
    found: dict[tuple[Edit, ...], Fix] = {}
    for finding in findings:
        for fix in finding.fixes:
            if fix.edits not in found or fix.safety == "unsafe":
                found[fix.edits] = fix
    allowed = [fix for fix in found.values() if unsafe or fix.safety == "safe"]
    return sorted(allowed, key=lambda fix: fix.safety != "safe")


def mend(
    report: Report, fixes_of: Callable[[Report], Sequence[Fix]], audit: Callable[[Overlay], Report]
) -> tuple[Mended, Report]:
    """Carry out the fixes of a report, audit what has become of the files, and so on until there is nothing to do.

    ``fixes_of`` says which fixes are meant, ``audit`` audits the program with some files changed. Returns the last
    report as well.
    """
    mended = Mended()
    for _ in range(_MOST_ROUNDS):
        fixes = fixes_of(report)
        if not fixes or not mended.carry_out(fixes):
            break
        report = audit(mended.overlay)
    return mended, report
