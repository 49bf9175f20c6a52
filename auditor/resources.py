"""The only module that knows where the data lies: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
"""A run that finds its result kept is over before `typing` could be imported."""

if TYPE_CHECKING:
    from pathlib import Path  # not imported to run: an audit that finds its cache fresh does without

_PACKAGE = os.path.dirname(os.path.realpath(__file__))
"""The real directory of the package: an editable install reaches it through a link."""


def rules_dir() -> Path:
    """The directory of the rule files, with ``catalog/`` and ``frameworks/`` below it."""
    from pathlib import Path

    return Path(_data("rules", "_rules"))


def catalog_dir() -> Path:
    """The directory of the built-in catalog files."""
    return rules_dir() / "catalog"


def frameworks_dir() -> Path:
    """The directory of the built-in framework files."""
    return rules_dir() / "frameworks"


def engine_dir() -> Path | None:
    """The directory of the reference engine, or None where it is not shipped."""
    from pathlib import Path

    try:
        return Path(_data(os.path.join("fixtures", "engine"), "_engine"))
    except FileNotFoundError:
        return None


def own_places() -> tuple[str, ...]:
    """The directories that auditor's own sources and data lie in."""
    rules = _data("rules", "_rules")
    return (_PACKAGE,) if rules.startswith(os.path.join(_PACKAGE, "")) else (_PACKAGE, rules)


def rule_files() -> dict[str, str]:
    """Code of every built-in rule to its name, read off the file names alone."""
    rules = {}
    for entry in sorted(os.listdir(_data("rules", "_rules"))):
        code, dash, rest = entry.partition("-")
        if dash and rest.endswith(".md"):
            rules[code] = rest.removesuffix(".md")
    return rules


def cache_dir() -> str:
    """The user's cache directory for auditor; never a place inside what is audited. Empty where there is no home."""
    if explicit := os.environ.get("AUDITOR_CACHE_DIR"):
        return os.path.abspath(explicit)
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        home = ""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or (home and os.path.join(home, "AppData", "Local"))
        return os.path.join(base, "auditor", "Cache") if base else ""
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "auditor") if home else ""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the XDG specification: a relative value is invalid and to be ignored
        base = home and os.path.join(home, ".cache")
    return os.path.join(base, "auditor") if base else ""


def _data(in_checkout: str, in_package: str) -> str:
    for candidate in (
        os.path.join(_PACKAGE, in_package),
        os.path.join(os.path.dirname(_PACKAGE), in_checkout),
    ):
        if os.path.isdir(candidate):
            return candidate
    raise FileNotFoundError(f"{in_checkout} is missing from this installation: reinstall loop-auditor")
