"""What each setting accepts. A reader takes the raw value and where it stands, notes problems, returns the value."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from auditor import resources
from auditor.cache import inputs
from auditor.config.settings import ALL
from auditor.model import Confidence, Severity
from auditor.tables import did_you_mean

DIALECTS = ("asyncio", "anyio", "trio")
OLDEST, NEWEST = (3, 8), (3, 15)
"""Target versions that advice can be written for."""

Place = Callable[..., str]
"""Where a setting, or a word in its value, stands: ``place(word=..., entry=...)``."""


class Reading:
    """One value being read: where it stands, and the problems found so far in all of them."""

    __slots__ = ("base", "known_rules", "name", "place", "problems")

    def __init__(
        self, name: str, place: Place, base: str, problems: list[str], known_rules: Mapping[str, str]
    ) -> None:
        self.name = name
        self.place = place
        self.base = base
        self.problems = problems
        self.known_rules = known_rules

    def problem(self, message: str, *, word: str = "", entry: str = "") -> None:
        """Note one problem as ``where: what; what to do``."""
        self.problems.append(f"{self.place(word=word, entry=entry)}: {message}")


def flag(value: object, reading: Reading) -> bool | None:
    """``true`` or ``false``."""
    if isinstance(value, bool):
        return value
    reading.problem(f"{reading.name} must be true or false, not {_kind(value)}")
    return None


def codes(value: object, reading: Reading) -> tuple[str, ...] | None:
    """Codes, prefixes of codes, names of rules, or ``ALL``."""
    words = strings(value, reading, example="LOOP301")
    return None if words is None else _codes(words, reading, "")


def codes_by_pattern(value: object, reading: Reading) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """A table from patterns of paths to codes."""
    if not isinstance(value, Mapping):
        reading.problem(
            f'{reading.name} must be a table such as {{ "tests/**" = ["LOOP303"] }}, not {_kind(value)}'
        )
        return None
    found = []
    for pattern, raw in value.items():
        words = strings(raw, reading, example="LOOP303", entry=pattern)
        if words is None or not _good_pattern(pattern, reading):
            continue
        found.append((pattern, _codes(words, reading, pattern)))
    return tuple(found)


def patterns(value: object, reading: Reading) -> tuple[str, ...] | None:
    """Patterns of paths, as in .gitignore but without negation."""
    words = strings(value, reading, example="migrations/")
    return words and tuple(word for word in words if _good_pattern(word, reading))


def names(value: object, reading: Reading) -> tuple[str, ...] | None:
    """Patterns of function names."""
    words = strings(value, reading, example="async_*")
    for word in words or ():
        if not all(part.isidentifier() for part in word.replace("*", "_").replace("?", "_").split(".")):
            reading.problem(f"{word!r} in {reading.name} is no pattern of a function name", word=word)
    return words


def directories(value: object, reading: Reading) -> tuple[str, ...] | None:
    """Existing directories, made absolute."""
    words = strings(value, reading, example="src")
    if words is None:
        return None
    found = []
    for word in words:
        path = os.path.normpath(os.path.join(reading.base, word))
        inputs.asks("is-directory", path)
        if os.path.isdir(path):
            found.append(path)
        else:
            what = "is not a directory" if os.path.exists(path) else "does not exist"
            reading.problem(
                f"directory {word!r} in {reading.name} {what}; mend or remove the entry", word=word
            )
    return tuple(found)


def files(value: object, reading: Reading) -> tuple[str, ...] | None:
    """Existing files, made absolute; globs are expanded in order of name."""
    words = strings(value, reading, example="models/*.toml")
    if words is None:
        return None
    from glob import glob

    found: dict[str, None] = {}
    for word in words:
        path = os.path.join(reading.base, word)
        inputs.asks("glob", path)
        hits = sorted(hit for hit in glob(path, recursive=True) if os.path.isfile(hit))
        if not hits:
            what = "no file matches" if any(mark in word for mark in "*?[") else "there is no file"
            reading.problem(f"{what} {word!r} in {reading.name}; mend or remove the entry", word=word)
        found.update(dict.fromkeys(map(os.path.normpath, hits)))
    return tuple(found)


def file(value: object, reading: Reading) -> str | None:
    """The path of a file, made absolute; whether it is there shows when it is used."""
    if isinstance(value, str) and value.strip():
        path = os.path.normpath(os.path.join(reading.base, value))
        if not os.path.isdir(path):
            return path
        reading.problem(f"{value!r} in {reading.name} is a directory; name a file", word=value)
        return None
    reading.problem(f"{reading.name} must be the path of a file, not {_kind(value)}")
    return None


def severity(value: object, reading: Reading) -> Severity | None:
    """A severity by name, in any case."""
    word = _choice(value, reading, [level.name for level in Severity], str.upper)
    return None if word is None else Severity[word]


def confidence(value: object, reading: Reading) -> Confidence | None:
    """A confidence by name, in any case."""
    word = _choice(value, reading, [level.label for level in Confidence], str.lower)
    return None if word is None else Confidence[word.upper()]


def dialect(value: object, reading: Reading) -> str | None:
    """The library that advice is written for."""
    return _choice(value, reading, DIALECTS, str.lower)


def score(value: object, reading: Reading) -> float | None:
    """A number from 1 to 10."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        reading.problem(f"{reading.name} must be a number from 1 to 10, not {_kind(value)}")
        return None
    if not 1 <= value <= 10:
        reading.problem(f"{reading.name} = {value:g} is out of range; give a number from 1 to 10")
        return None
    return float(value)


def version(value: object, reading: Reading) -> tuple[int, int] | None:
    """A Python version such as ``3.12`` or ``py312``."""
    if isinstance(value, str):
        word = value.strip().removeprefix("py")
        major, dot, minor = word.partition(".") if "." in word else (word[:1], ".", word[1:])
        if dot and major.isdecimal() and minor.isdecimal():
            found = (int(major), int(minor))
            if OLDEST <= found <= NEWEST:
                return found
            reading.problem(
                f"{reading.name} = {value!r} is out of range; give a version "
                f"from {_dotted(OLDEST)} to {_dotted(NEWEST)}"
            )
            return None
    reading.problem(f'{reading.name} must be a version such as "3.12", not {_show(value)}')
    return None


def count(value: object, reading: Reading) -> int | None:
    """A number of processes."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    reading.problem(f"{reading.name} must be 0 (automatic) or more, not {_show(value)}")
    return None


def directory(value: object, reading: Reading) -> str | None:
    """A directory that need not exist yet."""
    if isinstance(value, str) and value:
        path = os.path.abspath(os.path.join(reading.base, value))
        if not os.path.exists(path) or os.path.isdir(path):
            return path
        reading.problem(f"{value!r} is not a directory")
        return None
    reading.problem(f"{reading.name} must be a directory, not {_show(value)}")
    return None


def strings(value: object, reading: Reading, *, example: str, entry: str = "") -> tuple[str, ...] | None:
    """A list of strings that are not empty; repeated ones are dropped."""
    if isinstance(value, str):
        reading.problem(f"{reading.name} must be a list of strings; write [{_quoted(value)}]", entry=entry)
        return None
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        reading.problem(
            f'{reading.name} must be a list of strings such as ["{example}"], not {_show(value)}', entry=entry
        )
        return None
    if not all(word.strip() for word in value):
        reading.problem(f"{reading.name} holds an empty string; remove it", entry=entry)
    return tuple(dict.fromkeys(word.strip() for word in value if word.strip()))


def _codes(words: Iterable[str], reading: Reading, entry: str) -> tuple[str, ...]:
    known = reading.known_rules
    by_name = {name: code for code, name in known.items()}
    found: dict[str, None] = {}
    for word in words:
        code = by_name.get(word, word.upper() if word.upper() in known else word)
        if code != ALL and known and not (any(one.startswith(code) for one in known) or _third_party(code)):
            advice = did_you_mean(code, known) if code[:1].isupper() else did_you_mean(code, by_name)
            if not advice.startswith("did you mean"):
                advice = "'auditor rule' lists them"
            reading.problem(f"unknown rule {word!r} in {reading.name}; {advice}", word=word, entry=entry)
            continue
        found[code] = None
    return tuple(found)


def _third_party(code: str) -> bool:
    """Whether an installed package brings a rule of that code, which its entry point is named after."""
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    return any(entry.name.startswith(code) for entry in entry_points(group="auditor.rules"))


def _good_pattern(pattern: str, reading: Reading) -> bool:
    if pattern.startswith("!"):
        message = f"{pattern!r} in {reading.name}: patterns cannot be negated; name what to leave out"
        reading.problem(message, word=pattern)
        return False
    return True


def _choice(
    value: object, reading: Reading, known: Iterable[str], normalise: Callable[[str], str]
) -> str | None:
    words = list(known)
    if isinstance(value, str):
        word = normalise(value.strip())
        if word in words:
            return word
        advice = did_you_mean(word, words)
        if not advice.startswith("did"):
            advice = f"choose one of {', '.join(words)}"
        reading.problem(f"{value!r} is unknown; {advice}", word=value)
        return None
    reading.problem(f"{reading.name} must be one of {', '.join(words)}, not {_show(value)}")
    return None


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _quoted(text: str) -> str:
    return '"' + repr(text)[1:-1].replace('"', '\\"') + '"'


def _show(value: object) -> str:
    text = repr(value)
    return text if isinstance(value, str | int | float) and len(text) <= 40 else _kind(value)


def _kind(value: object) -> str:
    kinds: list[tuple[Any, str]] = [
        (bool, "true or false"),
        (str, "a string"),
        (int | float, "a number"),
        (list, "a list"),
        (Mapping, "a table"),
    ]
    return next((word for kind, word in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


READERS: dict[str, Callable[[object, Reading], object]] = {
    "select": codes,
    "ignore": codes,
    "preview": flag,
    "per-file-ignores": codes_by_pattern,
    "exclude": patterns,
    "src": directories,
    "target-version": version,
    "dialect": dialect,
    "models": files,
    "loop-only-names": names,
    "min-severity": severity,
    "min-confidence": confidence,
    "fail-on": severity,
    "min-score": score,
    "baseline": file,
    "respect-noqa": flag,
}
"""Settings that a file may hold; the command line may override each."""

COMMAND_LINE_ONLY: dict[str, Callable[[object, Reading], object]] = {
    "jobs": count,
    "cache": flag,
    "cache-dir": directory,
}
"""Settings of one run or one machine, which a project must not decide."""


def built_in_rules() -> dict[str, str]:
    """Codes of the built-in rules to their names; empty where they cannot be listed."""
    try:
        return resources.rule_files()
    except OSError:
        return {}
