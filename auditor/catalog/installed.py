"""Model files that installed distributions bring, found without importing their code.

A distribution that knows what its functions do names a package in the entry point group ``auditor.models``,
``acme = "acme.auditor_models"``: every ``*.toml`` in that package's directory is read like a file of the ``models``
setting. What does not hold together ends the run: models that somebody installed and that silently do nothing would be
worse.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.cache import inputs
from auditor.catalog.loader import CatalogError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "auditor.models"


def model_files() -> list[Path]:
    """The files, by the names of their entry points; raises `CatalogError` with a line for each that brings none."""
    from importlib.metadata import entry_points

    found: dict[Path, None] = {}
    problems = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        directory = _directory(entry.module)
        if directory is not None:
            inputs.brought(str(directory))
        files = sorted(directory.glob("*.toml")) if directory is not None else []
        if not files:
            what = "there is no such package" if directory is None else f"no *.toml lies in {directory}"
            problems.append(f"{_described(entry)}: {what}; correct or uninstall it")
        found.update(dict.fromkeys(files))
    if problems:
        raise CatalogError(problems)
    return list(found)


def _directory(package: str) -> Path | None:
    """The directory of a package; finding a submodule would import the packages around it, so only the top is asked."""
    from importlib.util import find_spec

    top, *below = package.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    for place in spec.submodule_search_locations or ():
        directory = Path(place, *below)
        if directory.is_dir():
            return directory
    return None


def _described(entry: EntryPoint) -> str:
    source = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
    return f"models {entry.name} ({entry.value}) of {source}"
