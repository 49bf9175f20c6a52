"""Whatever is edited: a run with the cache prints the same bytes as one without."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.cli.main import main

HELPER = "import time\n\n\ndef {name}(seconds=1):\n    time.sleep(seconds)\n\n\nasync def a_{name}():\n    {name}(2)\n"
OVERRIDE = "\n\nclass {name}(Base):\n    def run(self):\n        import time\n\n        time.sleep(3)\n"

Edit = Callable[["Editing"], None]


class Editing:
    """A program, its edits, and how they are undone."""

    def __init__(self, top: Path, seed: int) -> None:
        self.top = top
        self.source = random.Random(seed)
        self.made = 0
        self.originals = {path: path.read_bytes() for path in self.sources()}

    def sources(self) -> list[Path]:
        return sorted(self.top.rglob("*.py"))

    def one(self) -> Path:
        return self.source.choice(self.sources())

    def name(self) -> str:
        self.made += 1
        return f"made_{self.made}"

    def substitute(self, pattern: str, replacement: str) -> None:
        """Change one place of a file that has such places."""
        places = [
            (path, match)
            for path in self.sources()
            for match in re.finditer(pattern, path.read_text(), re.MULTILINE)
        ]
        if places:
            path, match = self.source.choice(places)
            text = path.read_text()
            path.write_text(text[: match.start()] + match.expand(replacement) + text[match.end() :])


def new_module(editing: Editing) -> None:
    name = editing.name()
    folder = editing.source.choice([path.parent for path in editing.sources()])
    (folder / f"{name}.py").write_text(HELPER.format(name=name))
    user = editing.one()
    user.write_text(
        f"{user.read_text()}\n\nasync def uses_{name}():\n    from .{name} import {name}\n\n    {name}()\n"
    )


def new_package(editing: Editing) -> None:
    name = editing.name()
    folder = editing.one().parent / name
    folder.mkdir()
    (folder / "__init__.py").write_text(f"from .inner import *\n\n__all__ = ['{name}']\n")
    (folder / "inner.py").write_text(HELPER.format(name=name))


def append(editing: Editing) -> None:
    path = editing.one()
    path.write_text(path.read_text() + "\n\n" + HELPER.format(name=editing.name()))


def override(editing: Editing) -> None:
    path = editing.one()
    text = path.read_text()
    classes = re.findall(r"^class (\w+)", text, re.MULTILINE)
    if classes:
        base = editing.source.choice(classes)
        path.write_text(text + OVERRIDE.format(name=f"C{editing.name()}").replace("Base", base))


def remove(editing: Editing) -> None:
    if len(editing.sources()) > 10:
        editing.one().unlink()


def rename(editing: Editing) -> None:
    path = editing.one()
    path.rename(path.with_name(f"{editing.name()}.py"))


def move_package(editing: Editing) -> None:
    folder = editing.one().parent
    if folder != editing.top:
        folder.rename(folder.with_name(editing.name()))


def restore(editing: Editing) -> None:
    path = editing.source.choice(sorted(editing.originals))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(editing.originals[path])


def touch(editing: Editing) -> None:
    os.utime(editing.one())


def break_syntax(editing: Editing) -> None:
    path = editing.one()
    path.write_text(path.read_text() + "\ndef (:\n")


def set_back(editing: Editing) -> None:
    """Another content of the same length and time."""
    path = editing.one()
    status = path.stat()
    path.write_text(path.read_text().replace("self", "selF", 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


EDITS: list[Edit] = [
    *(
        new_module,
        new_package,
        append,
        override,
        remove,
        rename,
        move_package,
        restore,
        restore,
        touch,
        break_syntax,
    ),
    set_back,
    lambda editing: editing.substitute(r"^( *)async def (\w+)", r"\1def \2"),
    lambda editing: editing.substitute(r"^( *)def (\w+)", r"\1async def \2"),
    lambda editing: editing.substitute(r"^( *def \w+)\(self", r"\1(self, extra=None"),
    lambda editing: editing.substitute(r"def (\w+)", rf"def \1_{editing.name()}"),
    lambda editing: editing.substitute(r"await ", r""),
    lambda editing: editing.substitute(r"^from (\S+) import (\w+)", r"from \1 import \2 as _\2"),
    lambda editing: editing.substitute(r"\A", r"__all__ = ['nothing']\n"),
]


@pytest.mark.parametrize("edits", [8, pytest.param(120, marks=pytest.mark.slow)])
def test_edits(repository_root: Path, project: Path, capsys: pytest.CaptureFixture[str], edits: int) -> None:
    shutil.copytree(repository_root / "fixtures" / "programs" / "document_upload", project / "program")
    editing = Editing(project / "program", edits)

    def printed(*options: str) -> str:
        code = main(["check", "-o", "json", *options])
        return f"{code} {capsys.readouterr()}"

    first = printed()
    seen = {first}
    for _ in range(edits):
        for _ in range(editing.source.randint(1, 3)):
            editing.source.choice(EDITS)(editing)
        fresh = printed("--no-cache")
        assert printed() == fresh
        seen.add(fresh)
    assert len(seen) > edits / 3
