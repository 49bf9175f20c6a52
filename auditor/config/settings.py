"""The configuration as a value, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.model import Confidence, Severity

ALL = "ALL"
"""Selects every rule, third-party ones included."""

DEFAULT_TARGET = (3, 11)
"""The Python version that advice is written for when the project does not say."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the settings file and the command line ask for, validated. Paths are absolute."""

    root: str
    """The directory that patterns are relative to: where the settings file lies, else the project."""

    select: tuple[str, ...] = (ALL,)
    ignore: tuple[str, ...] = ()
    """Codes and prefixes of codes; see `enabled`."""

    preview: bool = False
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    src: tuple[str, ...] = ()
    """Directories that absolute imports start from, besides those found without being told."""

    target_version: tuple[int, int] = DEFAULT_TARGET
    dialect: str = "asyncio"
    models: tuple[str, ...] = ()
    """Catalog files of the user, in the order given; globs are expanded."""

    loop_only_names: tuple[str, ...] = ()
    """Patterns of function names that by convention run on the loop's thread only, such as ``async_*``."""

    min_severity: Severity = Severity.MONITOR
    min_confidence: Confidence = Confidence.LOW
    fail_on: Severity = Severity.MEDIUM
    min_score: float | None = None
    baseline: str = ""
    """The file of exposures that do not count, or nothing."""

    respect_noqa: bool = False
    """Honour ``# noqa: ASYNC251`` and the like, as ruff and flake8-async do."""

    jobs: int = 0
    """Processes to use; 0 leaves it to auditor."""

    cache: bool = True
    cache_dir: str = ""
    """Where the cache lies; never taken from the settings file, which a pull request could change."""

    overlay: tuple[tuple[str, bytes], ...] = ()
    """Contents that stand for what is on disk: an editor's unsaved buffer, by absolute path."""

    settings_file: str | None = None
    sources: tuple[tuple[str, str], ...] = ()
    """Where each value that is no default comes from: ``("select", "pyproject.toml:12")``."""

    def enabled(self, code: str, *, preview: bool = False) -> bool:
        """Whether a rule is on: the longest prefix of its code in ``select`` or ``ignore`` decides.

        A preview rule is on only with ``preview``, or when ``select`` names its very code.
        """
        selected = _longest(self.select, code)
        if selected <= _longest(self.ignore, code):
            return False
        return not preview or self.preview or code in self.select


def _longest(prefixes: tuple[str, ...], code: str) -> int:
    lengths = (0 if prefix == ALL else len(prefix) for prefix in prefixes if matches(prefix, code))
    return max(lengths, default=-1)


def matches(prefix: str, code: str) -> bool:
    """Whether an entry of ``select``, ``ignore`` or ``per-file-ignores`` covers a code."""
    return prefix == ALL or code.startswith(prefix)
