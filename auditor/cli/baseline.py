"""Write the baseline: the exposures that are known, and do not count until they are mended."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace

from auditor.cli import settings
from auditor.cli.main import OK

DEFAULT_FILE = "auditor-baseline.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="file or directory")
    parser.add_argument(
        "--accept-new",
        action="store_true",
        help="take exposures up that an existing baseline does not hold; without it a baseline only shrinks",
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress, no advice")
    settings.add_arguments(parser)
    settings.add_run_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write it, and say what changed."""
    paths = arguments.paths or [os.curdir]
    config = settings.configuration(arguments, paths)
    is_configured = bool(config.baseline)
    if not is_configured:
        config = replace(config, baseline=os.path.join(config.root, DEFAULT_FILE))
    from auditor.audit import full_audit
    from auditor.reporters import progress
    from auditor.verdict import baseline

    path = config.baseline
    exists = os.path.lexists(path)
    known = baseline.Baseline(path)
    if exists:
        try:
            known = baseline.read(path)
        except baseline.BaselineError:
            if not arguments.accept_new:
                raise
    with progress.create(sys.stderr, quiet=arguments.quiet) as shown:
        outcome = full_audit(paths, config, shown, known=known, fixes=False)
    matched, _ = baseline.match([entry for _, entry in known.entries], outcome.present)
    new = [entry for at, entry in enumerate(outcome.present) if at not in matched]
    kept = [entry for at, (_, entry) in enumerate(known.entries) if at not in outcome.gone]
    added = new if arguments.accept_new or not exists else []
    baseline.write(path, [*kept, *added])
    print(_summary(os.path.relpath(path), len(kept) + len(added), len(added), len(outcome.gone)))
    if arguments.quiet:
        return OK
    if new and not added:
        print(f"auditor: {len(new):,} new ones left out; --accept-new takes them up", file=sys.stderr)
    if not is_configured:
        shown_path = os.path.relpath(path, config.root).replace(os.sep, "/")
        print(f'auditor: now put `baseline = "{shown_path}"` into the settings', file=sys.stderr)
    return OK


def _summary(path: str, total: int, added: int, removed: int) -> str:
    return f"{path}: {total:,} exposures, {added:,} added, {removed:,} removed"
