"""``--with-ruff``: runs the ruff that is installed for its ASYNC rules, which look at one function at a time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auditor.cli.errors import UsageError
from auditor.verdict.lexical import Diagnostic

if TYPE_CHECKING:
    from auditor.config import Config

_SELECT = (
    "check",
    "--select=ASYNC",
    "--no-fix",
    "--no-cache",
    "--exit-zero",
    "--quiet",
    "--output-format=json",
)


def diagnostics(paths: Sequence[str], config: Config) -> list[Diagnostic]:
    """What ruff says of the files below ``paths``; what it ignores (its settings, ``# noqa``) is not among it."""
    command = _command()
    unsaved = dict(config.overlay)
    existing = [path for path in paths if os.path.lexists(path)]
    found = _run([*command, *_SELECT, "--", *existing], None) if existing else []
    kept = [one for one in found if one.path not in unsaved]
    for path, content in unsaved.items():
        kept += _run([*command, *_SELECT, "--stdin-filename", path, "-"], content)
    return kept


def _command() -> list[str]:
    beside = shutil.which("ruff", path=os.path.dirname(sys.executable))
    found = beside or shutil.which("ruff")
    if found is None:
        raise UsageError("--with-ruff: ruff is not installed; pip install 'loop-auditor[ruff]'")
    return [found]


def _run(command: list[str], given: bytes | None) -> list[Diagnostic]:
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=False)
    except OSError as error:
        raise UsageError(f"--with-ruff: {command[0]} cannot be run ({error.strerror})") from error
    if done.returncode != 0:
        what = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
        raise UsageError(f"--with-ruff: ruff fails: {what or f'exit code {done.returncode}'}")
    try:
        records: list[dict[str, Any]] = json.loads(done.stdout or b"[]")
        return [_diagnostic(record) for record in records if str(record.get("code")).startswith("ASYNC")]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "--with-ruff: the output of this ruff cannot be read; install ruff 0.9 or newer"
        ) from error


def _diagnostic(record: dict[str, Any]) -> Diagnostic:
    start, end = record["location"], record["end_location"]
    return Diagnostic(
        code=record["code"],
        name=record.get("name") or record["url"].rpartition("/")[2],
        message=record["message"],
        path=os.path.abspath(record["filename"]),
        cell=record.get("cell") or 0,
        line=start["row"],
        column=start["column"],
        end_line=end["row"],
        end_column=end["column"],
    )
