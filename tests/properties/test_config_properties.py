"""Whatever the settings hold, loading gives a configuration or one-line problems, each with its place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.config import Config, ConfigError, load, setting_names
from auditor.config.load import oldest_python

SCALARS = st.one_of(
    st.booleans(),
    st.integers(-20, 20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["LOOP3", "ALL", "3.12", "py39", "high", "CRITICAL", "trio", "*", "!", "", "src", "ö\n"]),
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.sampled_from("ab*"), SCALARS, max_size=2)
)
TABLES = st.dictionaries(st.sampled_from([*setting_names(), "selct", "x"]), VALUES, max_size=6)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\n", "\\n") + '"'
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dict():
            return "{ " + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + " }"
        case float():
            return f"{value:.6f}"
        case _:
            return str(value)


def outcome(text: str, overrides: dict[str, object] | None = None) -> Config | tuple[str, ...]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name))
        (root / ".git").mkdir()
        (root / "auditor.toml").write_text(text, encoding="utf-8")
        try:
            return load(root, overrides)
        except ConfigError as error:
            return error.problems


@QUICK
@given(TABLES)
def test_any_table(table: dict[str, Any]) -> None:
    text = "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
    found = outcome(text)
    if isinstance(found, Config):
        assert found.settings_file is not None
        return
    assert found
    for problem in found:
        assert "\n" not in problem
        path, line, _ = problem.split(":", 2)
        assert path.endswith("auditor.toml")
        assert 1 <= int(line) <= max(len(table), 1)


@QUICK
@given(TABLES)
def test_any_override(table: dict[str, Any]) -> None:
    found = outcome("", {name: value for name, value in table.items() if name in setting_names()})
    if not isinstance(found, Config):
        assert all(problem.startswith("--") and "\n" not in problem for problem in found)


@QUICK
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    found = outcome(text)
    assert isinstance(found, Config) or all("\n" not in problem for problem in found)


@given(st.text(alphabet="<>=!~^3.10,* |", max_size=20))
def test_any_requirement(text: str) -> None:
    oldest = oldest_python(text)
    assert oldest is None or len(oldest) == 2
