"""The setting `loop-only-names`: a convention by which the names of functions say that they belong on the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor import audit, config

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
import threading
import time


def async_refresh(name):
    time.sleep(1)
    return name


def refresh(name):
    time.sleep(1)
    return name


class Poller(threading.Thread):
    def run(self):
        async_refresh("a")
        refresh("b")
"""


def found(project: Path, names: list[str]) -> list[tuple[str, int, int]]:
    (project / "poller.py").write_text(SOURCE, encoding="utf-8")
    settings = config.load(project, {"loop-only-names": names, "cache": False})
    report = audit.audit(["."], settings)
    return sorted((x.code, x.location.line, x.location.column) for x in report.findings)


@pytest.mark.parametrize("names", [["async_*"], ["other", "*_refresh"]])
def test_a_function_of_such_a_name_runs_on_the_loop_and_is_not_for_threads(
    project: Path, names: list[str]
) -> None:
    assert found(project, names) == [("LOOP202", 17, 9), ("LOOP301", 6, 5)]


def test_without_the_convention_it_runs_where_it_is_called(project: Path) -> None:
    assert found(project, []) == []
