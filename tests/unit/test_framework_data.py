"""The framework tables against the frameworks themselves.

Every name that a table states must exist in the installed library, and every proof in fixtures/framework_facts runs a
callable through the real library and compares where it ran with what the table says. Libraries that are not
installed are skipped.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import re
import sys
import tomllib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
FILES: Final = sorted((ROOT / "rules" / "frameworks").glob("*.toml"))
DATA: Final[dict[str, dict[str, Any]]] = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in FILES}

sys.path.insert(0, str(ROOT / "fixtures"))

from framework_facts import witness  # noqa: E402  # the directory above is not a package

for _file in sorted((ROOT / "fixtures" / "framework_facts").glob("*_facts.py")):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries' own
            importlib.import_module(f"framework_facts.{_file.stem}")
    except ModuleNotFoundError as missing:  # the library whose facts they are
        if (missing.name or "").startswith("framework_facts"):
            raise

OLDER: Final = (
    "starlette.applications.Starlette.add_event_handler",
    "starlette.applications.Starlette.add_websocket_route",
    "starlette.applications.Starlette.exception_handler",
    "starlette.applications.Starlette.middleware",
    "starlette.applications.Starlette.on_event",
    "starlette.applications.Starlette.route",
    "starlette.applications.Starlette.websocket_route",
    "starlette.routing.Router.add_event_handler",
    "starlette.routing.Router.on_event",
    "starlette.routing.Router.route",
    "starlette.routing.Router.websocket_route",
    "mcp.server.FastMCP",
    "mcp.server.fastmcp",
    "mcp.server.Server.call_tool",
    "mcp.server.Server.get_prompt",
    "mcp.server.Server.list_",
    "mcp.server.Server.read_resource",
)
OLDER_PARAMETERS: Final = {
    (f"starlette.{owner}", parameter)
    for owner in ("applications.Starlette", "routing.Router")
    for parameter in ("on_startup", "on_shutdown")
}
NEWER_PARAMETERS: Final = {("asyncio.run", "loop_factory")}
NEWER: Final = (
    "anyio.abc.TaskGroup.create_task",
    "anyio.to_interpreter",
    "mcp.server.MCPServer",
    "mcp.server.mcpserver",
    "websockets.ServerConnection",
    "websockets.asyncio",
)
ELSEWHERE: Final = ("asyncio.ProactorEventLoop", "asyncio.windows_events")
"""Names that only one of the two versions read, or another platform, has."""
OBJECTS: Final = ("nicegui.app",)
"""Objects that hide a module of their name, which an import by dotted name finds instead."""


# ---------------------------------------------------------------- the tables as such


def test_the_loader_accepts_every_file() -> None:
    from auditor.catalog import load

    assert {source.name for source in load(FILES).sources} == set(DATA)


def test_every_file_is_named_after_its_framework() -> None:
    assert {stem: data["framework"]["name"] for stem, data in DATA.items()} == {stem: stem for stem in DATA}


def _packages_named(value: object) -> set[str]:
    if isinstance(value, dict):
        stated = [item for key, item in value.items() if key not in ("methods", "argument")]
        return {name for item in stated for name in _packages_named(item)}
    if isinstance(value, list):
        return {name for item in value for name in _packages_named(item)}
    return set(re.findall(r"(?<![\w.])([a-zA-Z_]\w*)\.", value)) if isinstance(value, str) else set()


def _reached(stem: str) -> set[str]:
    found = {stem}
    for other in DATA[stem]["framework"].get("needs", ()):
        found |= _reached(other)
    return found


def test_a_file_needs_those_whose_names_it_uses() -> None:
    """Or it would not be understood in a program that imports only its own packages."""
    owners = {
        package: stem for stem, data in DATA.items() for package in data["framework"].get("packages", ())
    }
    missing = {
        (stem, package)
        for stem, data in DATA.items()
        for kind, tables in data.items()
        if kind != "framework"
        for package in _packages_named(tables)
        if package in owners and owners[package] not in _reached(stem)
    }
    assert missing == {("anyio", "pytest")}  # a mark, which is no import


def test_only_what_is_imported_is_read() -> None:
    from auditor.catalog import load

    def read(*imported: str) -> set[str]:
        return {source.name for source in load(FILES, imported=imported).sources}

    always = {"asyncio", "builtins", "threading"}
    assert read() == always
    assert read("fastapi", "no_framework") == {*always, "fastapi", "starlette"}
    assert read("nicegui") == {*always, "nicegui", "fastapi", "starlette"}
    assert read(
        *(package for data in DATA.values() for package in data["framework"].get("packages", ()))
    ) == set(DATA)


def _stated_names() -> Iterator[str]:
    names: dict[str, None] = {}
    synthetic = tuple(
        row["name"] for data in DATA.values() for row in data.get("type", ()) if row.get("synthetic")
    )
    for data in DATA.values():
        for kind in ("runs", "decorates", "serves", "factory", "api"):
            for row in data.get(kind, ()):
                names.update(dict.fromkeys(name.removesuffix(".*") for name in row["names"]))
        for row in data.get("type", ()):
            names.update(dict.fromkeys([row["name"], *row.get("aliases", ()), *row.get("bases", ())]))
        for row in data.get("alias", ()):
            names.update(dict.fromkeys([row["name"], *row["of"]]))
        names.update(dict.fromkeys(row["base"] for row in data.get("hooks", ())))
    return (name for name in names if not name.startswith(synthetic))


def _resolve(name: str) -> object:
    if name.startswith("pytest.mark."):
        pytest.skip("marks are names that plugins look for")
    parts = name.split(".")
    if parts[0] != "builtins":
        pytest.importorskip(parts[0])
    for cut in range(1 if name.startswith(OBJECTS) else len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if isinstance(found, type) and not hasattr(found, part) and part in _annotated(found):
                return None  # an attribute of instances
            found = getattr(found, part)
        return found
    raise AttributeError(name)


def _annotated(cls: type) -> set[str]:
    return {name for base in cls.__mro__ for name in vars(base).get("__annotations__", ())}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(_stated_names()))
def test_the_name_exists(name: str) -> None:
    try:
        _resolve(name)
    except (AttributeError, ImportError):
        if not name.startswith((*OLDER, *NEWER, *ELSEWHERE)):
            raise
        pytest.skip("not in this version or on this platform")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("base", "methods"),
    [(row["base"], row["methods"]) for data in DATA.values() for row in data.get("hooks", ())],
    ids=[row["base"] for data in DATA.values() for row in data.get("hooks", ())],
)
def test_the_framework_knows_the_hooks(base: str, methods: list[str]) -> None:
    """As methods of the base class, or by name in the library's source where it looks them up on the instance."""
    found = _resolve(base)
    assert isinstance(found, type)
    packages = {cls.__module__.partition(".")[0] for cls in found.__mro__} - {"builtins"}
    files = {
        Path(module.__file__)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in packages and (getattr(module, "__file__", None) or "").endswith(".py")
    }
    source = "".join(file.read_text("utf-8") for file in files).lower()
    unknown = [name for name in methods if not hasattr(found, name) and name.rstrip("*") not in source]
    assert not unknown


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "argument", "position"),
    [
        (name, row["callable"]["argument"], row["callable"].get("position"))
        for data in DATA.values()
        for row in data.get("runs", ())
        for name in row["names"]
        if "argument" in row["callable"] and "*" not in name
    ],
)
def test_the_parameter_exists(name: str, argument: str, position: int | None) -> None:
    """By its name, and at its position, self not counted; functions that take keywords of any name pass."""
    if name.startswith((*OLDER, *NEWER, *ELSEWHERE)) or any(
        row.get("synthetic") and name.startswith(row["name"])
        for data in DATA.values()
        for row in data.get("type", ())
    ):
        pytest.skip("not in this version")
    found = _resolve(name)
    owner = _resolve(name.rpartition(".")[0])
    try:
        parameters = list(inspect.signature(found).parameters.values())  # type: ignore[arg-type]
    except (ValueError, TypeError):
        pytest.skip("no signature")
    is_method = isinstance(owner, type) and not isinstance(inspect.getattr_static(owner, name.rpartition(".")[2]), (
        staticmethod, classmethod,
    ))  # fmt: skip
    parameters = parameters[1:] if is_method and not isinstance(found, type) else parameters
    names = [parameter.name for parameter in parameters]
    kinds = {parameter.kind for parameter in parameters}
    if (name, argument) in OLDER_PARAMETERS | NEWER_PARAMETERS:
        pytest.skip("not in this version")
    if argument not in names:
        assert inspect.Parameter.VAR_KEYWORD in kinds
        return
    if position is not None:
        assert names[position] == argument


# ---------------------------------------------------------------- the proofs


def _rows(proof: witness.Proof) -> list[dict[str, Any]]:
    found = []
    for row in (row for data in DATA.values() for row in data.get(proof.kind, ())):
        if proof.kind == "hooks":
            if row["base"] == proof.name and proof.at in row["methods"]:
                found.append(row)
        elif proof.name in row["names"]:
            taken = row.get("callable", {})
            places = {str(taken.get("argument", taken.get("position"))), *row.get("methods", ())}
            places.update(str(test.get("equals", test.get("type"))) for test in row.get("when", ()))
            if not proof.at or proof.at in places:
                found.append(row)
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "proof", witness.PROOFS, ids=[f"{proof.kind}-{proof.name}-{proof.at}" for proof in witness.PROOFS]
)
def test_it_runs_where_the_table_says(proof: witness.Proof) -> None:
    rows = _rows(proof)
    assert rows, "no row states this"
    row = rows[-1]  # the general row stands after those with conditions
    seen = asyncio.run(proof.run()) if inspect.iscoroutinefunction(proof.run) else proof.run()
    thread, loop = proof.caller
    expected = {
        key: (row[key].get("thread", thread), row[key].get("loop", loop))
        for key in seen
        if row.get(key) is not None
    }
    assert seen, "the callable was never called"
    assert seen == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("asyncio_facts.test_a_run_on_a_worker_opens_a_private_loop", {"async": ("worker", "private")}),
        ("threading_facts.done_already", {"sync": ("main", "none")}),
        ("tornado_facts.generator_coroutine", {"sync": ("main", "serving")}),
        ("threading_facts.signal_handler_without_a_loop", {"sync": ("main", "none")}),
        ("threading_facts.signal_handler_on_the_loop", {"sync": ("main", "serving")}),
    ],
)
def test_what_the_comments_add(function: str, expected: dict[str, witness.Seen]) -> None:
    module, _, name = function.partition(".")
    pytest.importorskip(module.removesuffix("_facts"))
    proof = getattr(importlib.import_module(f"framework_facts.{module}"), name)
    assert (asyncio.run(proof()) if inspect.iscoroutinefunction(proof) else proof()) == expected
