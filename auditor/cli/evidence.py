"""Stalls that the monitor has recorded, read for reports."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.cli.errors import UsageError
from auditor.model import Stall


def read(paths: Sequence[str]) -> tuple[Stall, ...]:
    """The stalls of all files, every problem with the files reported at once."""
    from auditor.runtime import record

    found: list[Stall] = []
    problems = []
    for path in paths:
        try:
            found += record.stalls(path)
        except OSError as error:
            problems.append(f"--evidence: {path} cannot be read ({error.strerror})")
        except ValueError as error:
            problems.append(f"--evidence: {error}")
    if problems:
        raise UsageError(*problems)
    return tuple(found)
