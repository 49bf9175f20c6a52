"""Which findings a run keeps: thresholds and ignores of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.config import Config
    from auditor.model import Finding


def selected(findings: Iterable[Finding], config: Config) -> list[Finding]:
    """Leave out what is below ``min-confidence``, and what ``per-file-ignores`` covers."""
    import os

    from auditor.config import matches
    from auditor.discover import Patterns

    ignores = [(Patterns((pattern,)), codes) for pattern, codes in config.per_file_ignores]
    kept = []
    for finding in findings:
        if finding.confidence < config.min_confidence:
            continue
        relative = os.path.relpath(finding.location.path, config.root).replace(os.sep, "/") if ignores else ""
        if any(
            patterns.matches(relative) and any(matches(code, finding.code) for code in codes)
            for patterns, codes in ignores
        ):
            continue
        kept.append(finding)
    return kept
