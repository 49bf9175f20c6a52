"""``auditor explain``: contexts with witnesses, what calls resolve to and why, what is reached; what is no place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.cli.main import main

Capture = pytest.CaptureFixture[str]

APP = """\
import asyncio
import time

from fastapi import FastAPI

app = FastAPI()


class Store:
    def load(self, key: str) -> str:
        time.sleep(1)
        return key


store = Store()


@app.get("/items")
async def items() -> str:
    return store.load("a")


@app.get("/sync")
def sync() -> str:
    return store.load("b")


async def offloads() -> None:
    await asyncio.to_thread(store.load, "c")
    mystery.load()


def pages():
    yield len([1])
"""
MODULE = """
It runs on the main thread, no event loop running, at import:
  app.py:1  app  the module is imported
"""
EXPLAINED = {
    11: """\
app.py:11 is in function app.Store.load

It runs on the main thread, on the event loop, while serving:
  app.py:1  app  the module is imported
  app.py:18  app  registers `items`, request handler
  app.py:20  items  calls `Store.load`
It runs on a worker thread, no event loop running, while serving:
  app.py:1  app  the module is imported
  app.py:23  app  registers `sync`, request handler
  app.py:25  sync  calls `Store.load`

The call of `time.sleep`
  resolves to time.sleep, which stops the calling thread, and with it the loop, for the whole time

It reaches, in the same thread:
  time.sleep  app.py:11
""",
    20: """\
app.py:20 is in coroutine function app.items

It runs on the main thread, on the event loop, while serving:
  app.py:1  app  the module is imported
  app.py:18  app  registers `items`, request handler

The call of `store.load`
  resolves to method app.Store.load (app.py:10)
    since `store` is an instance of app.Store

It reaches, in the same thread:
  time.sleep  app.py:11, by Store.load
""",
    30: """\
app.py:30 is in coroutine function app.offloads

It runs on the main thread, on the event loop, while serving:
  app.py:28  offloads  a coroutine function: it runs on an event loop

The call of `mystery.load`
  is not resolved: the type of `mystery` is not known

It reaches no call with a known effect.
It also
  hands `Store.load` to a worker  app.py:29
""",
    16: f"""\
app.py:16 is in module app
{MODULE}
It reaches no call with a known effect.
It also
  registers `items`  app.py:18
  registers `sync`  app.py:23
""",
    13: f"""\
app.py:13 is in module app
{MODULE}
It reaches no call with a known effect.
It also
  registers `items`  app.py:18
  registers `sync`  app.py:23
""",
    18: """\
app.py:18 is in coroutine function app.items

It runs on the main thread, on the event loop, while serving:
  app.py:1  app  the module is imported
  app.py:18  app  registers `items`, request handler

It reaches, in the same thread:
  time.sleep  app.py:11, by Store.load
""",
    34: """\
app.py:34 is in generator app.pages

It runs on an unknown thread, perhaps on an event loop, while serving:
  app.py:33  pages  called from outside

The call of `len`
  resolves to builtins.len, of which the catalog says nothing

It reaches no call with a known effect.
""",
}


@pytest.mark.parametrize("line", EXPLAINED)
def test_every_kind_of_line(project: Path, capsys: Capture, line: int) -> None:
    (project / "app.py").write_text(APP)
    assert main(["explain", f"app.py:{line}"]) == 0
    assert capsys.readouterr().out == EXPLAINED[line]


def test_the_whole_project_counts_wherever_it_is_asked(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "pyproject.toml").touch()
    (project / "package").mkdir()
    (project / "package" / "helper.py").write_text("def help():\n    open('x')\n")
    (project / "main.py").write_text(
        "import asyncio\nfrom package.helper import help\n\n\nasync def main():\n    help()\n\n\nasyncio.run(main())\n"
    )
    monkeypatch.chdir(project / "package")
    assert main(["explain", "helper.py:2"]) == 0
    assert "  ../main.py:6  main  calls `help`\n" in capsys.readouterr().out


def test_a_file_that_an_audit_leaves_out(project: Path, capsys: Capture) -> None:
    (project / "auditor.toml").write_text('exclude = ["left.py"]\n')
    (project / "left.py").write_text("def f():\n    pass\n")
    assert main(["explain", "left.py:2"]) == 0
    assert capsys.readouterr().out.startswith("left.py:2 is in function left.f\n")


def test_a_file_outside_the_project(
    project: Path, capsys: Capture, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "tool.py"
    elsewhere.write_text("async def f():\n    open('x')\n")
    assert main(["explain", f"{elsewhere}:2"]) == 0
    out = capsys.readouterr().out
    assert "is in coroutine function tool.f\n" in out
    assert "resolves to builtins.open, which " in out


def cell(source: str) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}


def test_a_notebook(project: Path, capsys: Capture) -> None:
    cells = [cell("import time"), cell("def wait():\n    time.sleep(1)\n\nasync def run():\n    wait()")]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    (project / "book.ipynb").write_text(json.dumps(notebook))
    assert main(["explain", "book.ipynb:cell 2:2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("book.ipynb:cell 2:2 is in function book.wait\n")
    assert "  book.ipynb:cell 2:5  run  calls `wait`\n" in out
    assert "  time.sleep  book.ipynb:cell 2:2\n" in out


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("gone.py:3", "no such file or directory: gone.py"),
        ("app.py:99", "app.py has 34 lines; give a line up to that"),
        ("folder:1", "folder is a directory; name a file in it"),
        ("bad.py:1", "bad.py cannot be analysed: syntax error at line 1: '(' was never closed"),
        ("book.ipynb:1", "book.ipynb is a notebook; name the cell too, as in 'book.ipynb:cell 1:1'"),
        ("book.ipynb:cell 7:1", "book.ipynb:cell 7:1 is no line of a code cell that can be analysed"),
        ("book.ipynb:cell 1:9", "book.ipynb:cell 1:9 is no line of a code cell that can be analysed"),
        ("app.py", "'app.py' is no PATH:LINE"),
        ("app.py:0", "'app.py:0' is no PATH:LINE"),
    ],
)
def test_places_that_are_none(project: Path, capsys: Capture, place: str, problem: str) -> None:
    (project / "app.py").write_text(APP)
    (project / "bad.py").write_text("x = (\n")
    (project / "folder").mkdir()
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell("x = 1")]}
    (project / "book.ipynb").write_text(json.dumps(notebook))
    assert main(["explain", place]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"auditor: {problem}")
    assert err.count("\n") == 1
