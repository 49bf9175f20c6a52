"""Settings file, project metadata and command line, merged and validated in one go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from auditor import resources
from auditor.cache import inputs
from auditor.config.files import Found, find, required_python
from auditor.config.settings import Config
from auditor.config.values import COMMAND_LINE_ONLY, OLDEST, READERS, Reading, built_in_rules
from auditor.tables import did_you_mean


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` names everything wrong with it, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load(start: str | os.PathLike[str], overrides: Mapping[str, object] | None = None) -> Config:
    """Read the settings that hold for ``start`` (a file or directory); ``overrides`` come from the command line.

    Overrides are named and typed as in the settings file, plus ``jobs``, ``cache``, ``cache-dir`` and
    ``overlay``. Raises `ConfigError` with every problem found.
    """
    problems: list[str] = []
    directory = _directory(os.path.abspath(os.fspath(start)))
    found = find(directory, problems)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    _from_project(found, values, sources)
    _from_file(found, values, sources, problems)
    _from_command_line(dict(overrides or {}), values, sources, problems)
    if problems:
        raise ConfigError(problems)
    values.setdefault("cache_dir", resources.cache_dir())
    return Config(
        root=found.root,
        settings_file=found.file.path if found.file else None,
        sources=tuple(sources.items()),
        **values,
    )


def setting_names() -> tuple[str, ...]:
    """The names of all settings, those of the command line last."""
    return (*READERS, *COMMAND_LINE_ONLY)


def _directory(path: str) -> str:
    """``path`` itself or the nearest directory above it that exists."""
    inputs.asks("is-directory", path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
        inputs.asks("is-directory", path)
    return path


def _from_project(found: Found, values: dict[str, Any], sources: dict[str, str]) -> None:
    required = required_python(found.project)
    if required is None:
        return
    oldest = oldest_python(required[0])
    if oldest is not None:
        values["target_version"] = max(oldest, OLDEST)
        sources["target-version"] = required[1]


def oldest_python(specifier: str) -> tuple[int, int] | None:
    """The oldest version that a requirement such as ``>=3.10,<4`` or ``^3.10`` admits, if it names one."""
    found = []
    for alternative in specifier.split(","):
        clause = alternative.strip()
        number = clause.lstrip("<>=!~^ ")
        if clause.startswith(("<", "!")) or not number[:1].isdecimal():
            continue
        major, _, rest = number.partition(".")
        minor = rest.partition(".")[0].rstrip("*")
        if major.isdecimal() and (minor.isdecimal() or not minor):
            found.append((int(major), int(minor or 0)))
    return max(found, default=None)


def _from_file(found: Found, values: dict[str, Any], sources: dict[str, str], problems: list[str]) -> None:
    file = found.file
    if file is None:
        return

    def place_of(key: str) -> Callable[..., str]:
        def place(*, word: str = "", entry: str = "") -> str:
            return f"{file.display}:{file.line(found.table, key, entry=entry, word=word)}"

        return place

    rules = built_in_rules()
    for key, raw in found.settings.items():
        place = place_of(key)
        if key not in READERS:
            where = f"--{key} on the command line" if key in COMMAND_LINE_ONLY else did_you_mean(key, READERS)
            advice = f"give {where} instead" if key in COMMAND_LINE_ONLY else where
            problems.append(f"{place()}: unknown setting {key!r}; {advice}")
            continue
        value = READERS[key](raw, Reading(key, place, found.root, problems, rules))
        if value is not None:
            values[_field(key)] = value
            sources[key] = place()
    _contradictions(values, place_of("ignore"), problems)


def _from_command_line(
    overrides: dict[str, object], values: dict[str, Any], sources: dict[str, str], problems: list[str]
) -> None:
    overlay = overrides.pop("overlay", None)
    if overlay is not None:
        values["overlay"] = overlay
    rules = built_in_rules()
    given: dict[str, Any] = {}
    readers = READERS | COMMAND_LINE_ONLY
    for key, raw in overrides.items():
        option = "--no-cache" if key == "cache" else f"--{key}"

        def place(*, word: str = "", entry: str = "", option: str = option) -> str:
            del word, entry  # an option has one place
            return option

        value = readers[key](raw, Reading(key, place, os.getcwd(), problems, rules))
        if value is not None:
            given[_field(key)] = value
            sources[key] = option
    _contradictions(given, lambda **_: "--ignore", problems)
    _override(values, given)


def _override(values: dict[str, Any], given: dict[str, Any]) -> None:
    """Let the command line win: it replaces every value but ``ignore``, which it adds to."""
    select, ignore = given.get("select"), given.get("ignore")
    if select is not None:
        values["ignore"] = tuple(code for code in values.get("ignore", ()) if code not in select)
    elif ignore is not None and "select" in values:
        values["select"] = tuple(code for code in values["select"] if code not in ignore)
    if ignore is not None:
        given["ignore"] = tuple(dict.fromkeys((*values.get("ignore", ()), *ignore)))
    values.update(given)


def _contradictions(values: dict[str, Any], place: Callable[..., str], problems: list[str]) -> None:
    ignored = values.get("ignore", ())
    problems += [
        f"{place(word=code)}: {code} is both selected and ignored; keep one"
        for code in values.get("select", ())
        if code in ignored
    ]
    if "ALL" in ignored and "ALL" not in values.get("select", ()):
        problems.append(f"{place(word='ALL')}: ignoring ALL leaves no rule; remove it or use select")


def _field(key: str) -> str:
    return key.replace("-", "_")
