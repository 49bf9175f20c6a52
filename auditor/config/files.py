"""Finding the settings: ``auditor.toml``, or ``[tool.auditor]`` of ``pyproject.toml``, in or above a directory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from auditor.cache import inputs
from auditor.digests import digest
from auditor.tables import Positions, syntax_problem

OWN_FILE = "auditor.toml"
PROJECT_FILE = "pyproject.toml"
PROJECT_MARKS = (PROJECT_FILE, "setup.py", "setup.cfg")
"""Files that make a directory a project."""


@dataclass(slots=True)
class TomlFile:
    """A file that has been read: its data, and the lines of its keys."""

    path: str
    display: str
    text: str
    data: dict[str, Any]
    _positions: Positions | None = None

    def line(self, table: str, key: str, *, entry: str = "", word: str = "") -> int:
        """The line of a key, of an entry of its table, or of a word in its value."""
        if self._positions is None:
            self._positions = Positions(self.text)
        positions = self._positions
        inner = f"{table}.{key}" if table else key
        if positions.table(inner) > 1:  # a table of its own
            return positions.key(inner, 0, entry, word)
        return positions.key(table, 0, key, word or entry)


@dataclass(slots=True)
class Found:
    """Where the project is and what it says; ``table`` names the settings' table in ``file``."""

    root: str
    file: TomlFile | None = None
    table: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    project: TomlFile | None = None
    """The project's ``pyproject.toml``, which may say which Python it requires."""


def find(start: str, problems: list[str]) -> Found:
    """Look in ``start`` and upwards, not beyond the repository, for settings; else for a project."""
    nearest: Found | None = None
    for directory in _upwards(start):
        entries = [
            name for name in (OWN_FILE, *PROJECT_MARKS) if inputs.is_file(os.path.join(directory, name))
        ]
        project = _read(directory, PROJECT_FILE, problems) if PROJECT_FILE in entries else None
        tool = _tool_table(project, problems)
        if OWN_FILE in entries:
            own = _read(directory, OWN_FILE, problems)
            if tool is not None:
                assert project is not None
                problems.append(
                    f"{project.display}:{project.line('tool.auditor', '')}: settings stand here and in "
                    f"{OWN_FILE} beside it; keep one"
                )
            return Found(directory, own, "", own.data if own else {}, project)
        if tool is not None:
            return Found(directory, project, "tool.auditor", tool, project)
        if entries and nearest is None:
            nearest = Found(directory, project=project)
        if inputs.exists(os.path.join(directory, ".git")):
            return nearest or Found(directory)
    return nearest or Found(start)


def required_python(project: TomlFile | None) -> tuple[str, str] | None:
    """What ``requires-python`` (or poetry's ``python``) says, and where."""
    if project is None:
        return None
    for table, key in (("project", "requires-python"), ("tool.poetry.dependencies", "python")):
        value: Any = project.data
        for part in table.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        text = value.get(key) if isinstance(value, dict) else None
        if isinstance(text, str):
            return text, f"{key} at {project.display}:{project.line(table, key)}"
    return None


def _upwards(start: str) -> list[str]:
    found = [start]
    while (parent := os.path.dirname(found[-1])) != found[-1]:
        found.append(parent)
    return found


def _tool_table(project: TomlFile | None, problems: list[str]) -> dict[str, Any] | None:
    tool = project.data.get("tool") if project else None
    if project is None or not isinstance(tool, dict) or "auditor" not in tool:
        return None
    table = tool["auditor"]
    if isinstance(table, dict):
        return table
    problems.append(f"{project.display}:{project.line('tool', 'auditor')}: [tool.auditor] must be a table")
    return {}


def _read(directory: str, name: str, problems: list[str]) -> TomlFile | None:
    import tomllib

    path = os.path.join(directory, name)
    display = display_path(path)
    try:
        with open(path, "rb") as file:
            raw = file.read()
        inputs.read(path, digest(raw))
    except OSError as error:
        problems.append(f"{display}: cannot be read ({error.strerror}); mend its permissions")
        return None
    try:
        text = raw.decode("utf-8-sig")
        return TomlFile(path, display, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        problem = f"{display}: is not UTF-8 at byte {error.start}; save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        line, message = syntax_problem(error)
        problem = f"{display}:{line}: is not valid TOML: {message}"
    except RecursionError:
        problem = f"{display}: is nested too deeply to be read"
    if name == OWN_FILE or b"auditor" in raw:  # else it is no business of ours: a template, say
        problems.append(problem)
    return None


def display_path(path: str) -> str:
    """A path as messages show it: relative to the working directory where it lies below."""
    here = os.path.join(os.getcwd(), "")
    return (path.removeprefix(here) if path.startswith(here) else path).replace(os.sep, "/")
