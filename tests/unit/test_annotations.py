"""The decorators for audited code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from auditor import annotations

NAMES = ("blocking", "non_blocking", "runs_in_thread", "runs_on_loop")


@pytest.mark.parametrize("name", NAMES)
def test_identity(name: str) -> None:
    def function() -> None: ...

    assert getattr(annotations, name)(function) is function


def test_nothing_is_imported_and_the_stub_agrees() -> None:
    source = Path(annotations.__file__)
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    stub = ast.parse(source.with_suffix(".pyi").read_text(encoding="utf-8"))
    for module in (tree, stub):
        functions = [node.name for node in module.body if isinstance(node, ast.FunctionDef)]
        assert sorted(functions) == list(NAMES)
