"""auditor on the seeds: every marked line is found and no other, in each version and under other names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from programs.marks import compare, marks_in
from programs.renaming import rename
from seeds.serving import SEEDS

NAMES = sorted(
    entry.name for entry in SEEDS.iterdir() if (entry / "right").is_dir() and entry.name != "__pycache__"
)
VERSIONS = ("broken", "as_fixed", "right")


def copy(seed: str, version: str, target: Path) -> Path:
    """One version as a program of its own, with what it shares with others."""
    parts = ["shared", version, *(["untouched"] if version != "right" else [])]
    for part in parts:
        if (SEEDS / seed / part).is_dir():
            shutil.copytree(
                SEEDS / seed / part, target / seed / part, ignore=shutil.ignore_patterns("__pycache__")
            )
    shutil.copy(SEEDS / seed / "__init__.py", target / seed)
    if version == "right":
        shutil.copytree(SEEDS / "delivery", target / "delivery", ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seed", NAMES)
def test_seed_is_reported_exactly(seed: str, version: str, project: Path) -> None:
    verdict = compare(copy(seed, version, project))
    if verdict.complaint():
        pytest.fail(verdict.complaint(), pytrace=False)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seed", NAMES)
def test_seed_is_reported_exactly_under_other_names(
    seed: str, version: str, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    moved = rename(copy(seed, version, tmp_path_factory.mktemp("original")), project)
    assert all(new != old for old, new in moved.items())
    verdict = compare(project)
    if verdict.complaint():
        pytest.fail(verdict.complaint(), pytrace=False)


@pytest.mark.parametrize("seed", NAMES)
def test_faulty_versions_are_marked_and_the_right_one_is_not(seed: str) -> None:
    for version in VERSIONS:
        assert bool(marks_in(SEEDS / seed / version)) == (version != "right"), version
    assert not marks_in(SEEDS / seed / "shared")
