"""Remove the cache."""

from __future__ import annotations

import argparse
import os

from auditor import cachedir, resources
from auditor.cli.errors import UsageError
from auditor.cli.main import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--cache-dir", metavar="DIR", help="the cache to remove (default: the user's own)")


def run(arguments: argparse.Namespace) -> int:
    """Remove the cache directory, if it is one of auditor's and the user's own."""
    place = arguments.cache_dir or resources.cache_dir()
    if not place:
        print("nothing to remove: there is no home directory that could hold the cache")
        return OK
    path = os.path.abspath(place)
    if not os.path.lexists(path):
        print(f"nothing to remove: {path} does not exist")
        return OK
    problem = cachedir.refusal(path)
    if problem is not None:
        raise UsageError(problem)
    if not cachedir.is_ours(path):
        raise UsageError(
            f"{path} was not made by auditor (no {cachedir.TAG_FILE} of its own); remove it by hand"
        )
    files, size = _measure(path)
    import shutil

    try:
        shutil.rmtree(path)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be removed ({error.strerror})") from error
    print(f"removed {path}: {files:,} files, {size / 1e6:,.1f} MB")
    return OK


def _measure(path: str) -> tuple[int, int]:
    files = size = 0
    for directory, _, names in os.walk(path):
        for name in names:
            files += 1
            size += os.lstat(os.path.join(directory, name)).st_size
    return files, size
