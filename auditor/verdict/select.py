"""Which findings a run keeps: thresholds and ignores of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.config import Config
    from auditor.model import Finding


class Wanted:
    """Whether a finding is to be kept: not below ``min-confidence``, nor covered by ``per-file-ignores``."""

    def __init__(self, config: Config) -> None:
        from auditor.discover import Patterns

        self._config = config
        self._ignores = [(Patterns((pattern,)), codes) for pattern, codes in config.per_file_ignores]

    def __call__(self, finding: Finding) -> bool:
        if finding.confidence < self._config.min_confidence:
            return False
        if not self._ignores:
            return True
        import os

        from auditor.config import matches

        relative = os.path.relpath(finding.location.path, self._config.root).replace(os.sep, "/")
        return not any(
            patterns.matches(relative) and any(matches(code, finding.code) for code in codes)
            for patterns, codes in self._ignores
        )
