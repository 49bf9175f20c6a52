"""What the monitor has recorded, read for audits and reports."""

from __future__ import annotations

from functools import cache

from auditor.cli.errors import UsageError
from auditor.model import Stall
from auditor.verdict.evidence import Evidence, Ran


@cache
def read(paths: tuple[str, ...], option: str = "--evidence") -> Evidence:
    """The stalls of all files that the option named and what ran meanwhile; all problems are reported at once."""
    from auditor.runtime import record

    stalls: list[Stall] = []
    ran: list[Ran] = []
    problems = []
    for path in paths:
        try:
            stalls += record.stalls(path)
            ran += (Ran(*found) for found in record.ran(path))
        except OSError as error:
            problems.append(f"{option}: {path} cannot be read ({error.strerror})")
        except ValueError as error:
            problems.append(f"{option}: {error}")
    if problems:
        raise UsageError(*problems)
    return Evidence(tuple(stalls), tuple(ran))
