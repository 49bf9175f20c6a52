"""One audit with all that decides what counts: the baseline, and the revision to compare with."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.cache import inputs
from auditor.cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.config import Config
    from auditor.model import Report
    from auditor.verdict.lexical import Diagnostic

    Diagnose = Callable[[Sequence[str], Config], list[Diagnostic]]


def audited(paths: list[str], config: Config, arguments: argparse.Namespace, *, fixes: bool = True) -> Report:
    """The report, with or without fixes; with ``--update-baseline`` what is gone is removed from the baseline."""
    if arguments.update_baseline and not config.baseline:
        raise UsageError(
            "--update-baseline: there is no baseline; name it with --baseline or in the settings"
        )
    from auditor.audit import full_audit
    from auditor.reporters import progress

    known = None
    if config.baseline:
        from auditor.verdict import baseline

        inputs.uses(config.baseline)
        known = baseline.read(config.baseline)
    diagnose = _diagnose(arguments)
    before = None
    if arguments.since is not None:
        from auditor.cli import revision

        before = revision.exposures(arguments.since, paths, config, diagnose)
    recorded = None
    if getattr(arguments, "evidence", None):
        from auditor.cli import evidence

        recorded = evidence.read(tuple(arguments.evidence))
    with progress.create(sys.stderr, quiet=arguments.quiet) as shown:
        outcome = full_audit(
            paths,
            config,
            shown,
            known=known,
            before=before,
            diagnostics=diagnose(paths, config),
            evidence=recorded,
            fixes=fixes,
        )
    if not arguments.update_baseline or known is None or not outcome.gone:
        return outcome.report
    kept = [entry for at, (_, entry) in enumerate(known.entries) if at not in outcome.gone]
    baseline.write(known.path, kept)
    if not arguments.quiet:
        number = len(outcome.gone)
        what = "entry" if number == 1 else "entries"
        print(f"auditor: {os.path.relpath(known.path)}: {number:,} {what} removed", file=sys.stderr)
    notices = tuple(notice for notice in outcome.report.notices if notice.kind != "stale-baseline")
    return replace(outcome.report, notices=notices)


def _diagnose(arguments: argparse.Namespace) -> Diagnose:
    """What another tool says of the files below some paths, if it is asked for."""
    if not arguments.with_ruff:
        return lambda *_: []
    from auditor.cli import ruff

    return ruff.diagnostics
