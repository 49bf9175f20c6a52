"""``--focus``: the whole program is audited, and shown is what has to do with some of its files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from auditor.cache import inputs
from auditor.index.files import split_cell_path
from auditor.model import Finding, Report


class Focus:
    """Files, and directories with all that is in them. Raises `MissingPathError` for those that are not there."""

    def __init__(self, paths: Sequence[str], unsaved: Sequence[str] = ()) -> None:
        from auditor.discover import MissingPathError

        missing = [
            path for path in paths if not os.path.lexists(path) and os.path.abspath(path) not in unsaved
        ]
        if missing:
            raise MissingPathError(missing)
        for path in paths:
            inputs.asks("leads", path)
        self._files = {os.path.realpath(path) for path in paths}
        self._starts = tuple(os.path.join(path, "") for path in self._files if os.path.isdir(path))
        self._known: dict[str, bool] = {}

    def on(self, report: Report) -> Report:
        """The report with the findings, and the files that could not be analysed, that have to do with the files."""
        findings = tuple(finding for finding in report.findings if self._concerns(finding))
        return replace(
            report,
            findings=findings,
            hidden=report.hidden + len(report.findings) - len(findings),
            not_analysed=tuple(entry for entry in report.not_analysed if self._holds(entry.path)),
            notices=tuple(notice for notice in report.notices if self._holds(notice.path)),
        )

    def _concerns(self, finding: Finding) -> bool:
        return self._holds(finding.location.path) or any(
            self._holds(step.path) for exposure in finding.exposures for step in exposure.chain
        )

    def _holds(self, path: str) -> bool:
        known = self._known.get(path)
        if known is None:
            real = os.path.realpath(split_cell_path(path)[0])
            known = self._known[path] = real in self._files or real.startswith(self._starts)
        return known
