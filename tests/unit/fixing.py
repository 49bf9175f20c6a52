"""Fixes carried out on programs in a directory, as the command line does it."""

from __future__ import annotations

import re
from pathlib import Path

from auditor.audit import full_audit
from auditor.config import load
from auditor.fixes.rounds import Mended, mend, wanted
from auditor.model import Fix, Report

MARK = re.compile(r"  # expect:.*")


def audited(directory: Path, **settings: object) -> Report:
    """The report on the working directory, at the lowest thresholds."""
    overrides = {
        "min-severity": "MONITOR",
        "min-confidence": "low",
        "cache": False,
        "preview": True,
        **settings,
    }
    return full_audit(["."], load(directory, overrides)).report


def fixes_in(directory: Path, **settings: object) -> list[Fix]:
    """All fixes that an audit of the working directory offers, safe ones first."""
    return wanted(audited(directory, **settings).findings, unsafe=True)


def mended(directory: Path, *, unsafe: bool = True, **settings: object) -> Mended:
    """What all fixes make of the working directory, which stays as it is."""
    result, _ = mend(
        audited(directory, **settings),
        lambda report: wanted(report.findings, unsafe=unsafe),
        lambda overlay: audited(directory, **settings, overlay=overlay),
    )
    assert result.problems == {}
    return result


def without_marks(text: str) -> str:
    return MARK.sub("", text)
