"""``--watch``: audits again whenever a source, the settings or another file that matters changes.

Every audit is a process of its own, so that nothing piles up. Files are looked at, not subscribed to: that works
everywhere, on network drives too, and needs no library.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence

from auditor.cli import settings
from auditor.cli.errors import UsageError
from auditor.cli.main import OK
from auditor.config import Config
from auditor.config.files import OWN_FILE, PROJECT_FILE

LEAST_PAUSE = 0.4
"""Seconds between two looks; more where a look takes long, so that at most a tenth of a core is busy with it."""

Snapshot = dict[str, tuple[int, int]]
"""Modification time (ns) and size of every file that matters."""


def run(arguments: argparse.Namespace) -> int:
    """Audit until interrupted; the exit code is that of the last audit."""
    if arguments.stdin_filename is not None:
        raise UsageError("--watch and --stdin-filename exclude each other; standard input comes only once")
    paths = [os.curdir] if arguments.focus or not arguments.paths else arguments.paths
    command = [sys.executable, "-m", "auditor", "check"]
    command += [option for option in arguments.given if option != "--watch"]
    code = OK
    try:
        while True:
            before = snapshot(paths, arguments)
            if sys.stdout.isatty():
                print("\x1b[2J\x1b[H", end="", flush=True)
            code = subprocess.run(command, check=False).returncode
            if not arguments.quiet:
                print(f"auditor: watching {len(before):,} files; Ctrl-C ends it", file=sys.stderr, flush=True)
            while snapshot_after_pause(paths, arguments) == before:
                pass
    except KeyboardInterrupt:
        return code


def snapshot_after_pause(paths: Sequence[str], arguments: argparse.Namespace) -> Snapshot:
    """Look again, after a pause that depends on how long a look takes."""
    time.sleep(LEAST_PAUSE)
    start = time.process_time()
    found = snapshot(paths, arguments)
    time.sleep(min(10 * (time.process_time() - start), 5.0))
    return found


def snapshot(paths: Sequence[str], arguments: argparse.Namespace) -> Snapshot:
    """The state of all files that an audit would read; of the settings alone where these cannot be read."""
    from auditor.config import ConfigError
    from auditor.discover import MissingPathError, discover

    found: Snapshot = {}
    try:
        config = settings.configuration(arguments, paths)
        files = [entry.path_abs for entry in discover(paths, config).files]
        files += _others(config)
    except (ConfigError, MissingPathError):
        files = [*(os.path.join(os.getcwd(), name) for name in (OWN_FILE, PROJECT_FILE)), *paths]
    for path in files:
        try:
            status = os.stat(path)
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _others(config: Config) -> list[str]:
    places = [os.path.join(config.root, name) for name in (OWN_FILE, PROJECT_FILE)]
    return [path for path in (*places, config.settings_file, config.baseline, *config.models) if path]
