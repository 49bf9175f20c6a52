"""Suppression comments: at sink, exposure, function and file; what is refused, and what is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import audit, config
from auditor.model import Report

HELPERS = """\
import time


def wait():
    time.sleep(3)


def indirect():
    return wait()
"""
APP = """\
from helpers import indirect, wait


async def first():
    wait()


async def second():
    indirect()
"""


def run(project: Path, helpers: str = HELPERS, app: str = APP, **overrides: object) -> Report:
    (project / "helpers.py").write_text(helpers)
    (project / "app.py").write_text(app)
    return audit.audit(["."], config.load(str(project), {"cache": False, **overrides}))


def exposures(report: Report) -> list[tuple[str, int]]:
    return [(e.function, e.line) for finding in report.findings for e in finding.exposures]


def aside(report: Report) -> list[tuple[str, str, int, str]]:
    return [
        (e.function, one.path, one.line, one.reason)
        for one in report.asides
        for e in one.finding.exposures
        if one.kind == "suppressed"
    ]


def notices(report: Report) -> list[tuple[str, int, int, str]]:
    return [(notice.path, notice.line, notice.column, notice.kind) for notice in report.notices]


def test_nothing_suppressed(project: Path) -> None:
    report = run(project)
    assert exposures(report) == [("app.first", 5), ("app.second", 9)]
    assert (report.suppressed, report.asides, report.notices) == (0, (), ())


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("    time.sleep(3)", "    time.sleep(3)  # auditor: ignore[LOOP301] -- a test's pause", 5),
        ("    time.sleep(3)", "    # auditor: ignore[LOOP301] -- a test's pause\n    time.sleep(3)", 5),
        (
            "    time.sleep(3)",
            "    time.sleep(\n        3\n    )  # auditor: ignore[LOOP301] -- a test's pause",
            7,
        ),
        (
            "    time.sleep(3)",
            "    time.sleep(3)  # type: ignore # auditor: ignore[blocking-sleep] -- a test's pause",
            5,
        ),
        ("def wait():", "def wait():  # auditor: ignore[LOOP301] -- a test's pause", 4),
        ("def wait():", "# auditor: ignore[LOOP301, LOOP302] -- a test's pause\ndef wait():", 4),
        ("import time", "import time\n\n# auditor: ignore-file[LOOP301] -- a test's pause", 3),
    ],
)
def test_at_the_sink_all_is_covered(project: Path, old: str, new: str, line: int) -> None:
    report = run(project, helpers=HELPERS.replace(old, new))
    assert report.findings == ()
    assert aside(report) == [
        ("app.first", "helpers.py", line, "a test's pause"),
        ("app.second", "helpers.py", line, "a test's pause"),
    ]
    assert report.suppressed == 2
    assert report.score == 10.0
    assert [kind for *_, kind in notices(report)] == ["unused-suppression"] * ("LOOP302" in new)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("    wait()", "    wait()  # auditor: ignore[LOOP301] -- rare", 5),
        ("    wait()", "    # auditor: ignore[LOOP301] -- rare\n    # and not for long\n    wait()", 5),
        ("async def first():", "async def first():  # auditor: ignore[LOOP301] -- rare", 4),
        ("async def first():", "async def first(\n    # auditor: ignore[LOOP301] -- rare\n):", 5),
    ],
)
def test_at_an_exposure_only_its_path_leaves(project: Path, old: str, new: str, line: int) -> None:
    report = run(project, app=APP.replace(old, new, 1))
    assert [function for function, _ in exposures(report)] == ["app.second"]
    assert aside(report) == [("app.first", "app.py", line, "rare")]
    assert report.findings[0].chain[0].function == "app.second"
    assert "2 calls" not in report.findings[0].impact
    assert report.score < 10.0
    assert notices(report) == []


def test_between_sink_and_exposure_nothing_is_covered(project: Path) -> None:
    helpers = HELPERS.replace("return wait()", "return wait()  # auditor: ignore[LOOP301] -- no")
    report = run(project, helpers=helpers)
    assert len(exposures(report)) == 2
    assert notices(report) == [("helpers.py", 9, 20, "unused-suppression")]


def test_what_is_left_is_judged_by_itself(project: Path) -> None:
    app = (
        "import time\nfrom contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n\n\n"
        "def wait():\n    time.sleep(3)\n\n\n"
        "@asynccontextmanager\nasync def lifespan(app):\n    wait()\n    yield\n\n\n"
        "app = FastAPI(lifespan=lifespan)\n\n\n@app.get('/')\nasync def root():\n    wait(){}\n"
    )
    both = run(project, app=app.format("")).findings[0]
    assert (both.severity.name, both.phase.value) == ("HIGH", "serving")
    rest = run(project, app=app.format("  # auditor: ignore[LOOP301] -- nobody asks")).findings[0]
    assert (rest.severity.name, rest.phase.value) == ("MEDIUM", "startup")


def test_the_other_rule_of_a_statement_stays(project: Path) -> None:
    app = (
        "import time\nimport requests\n\n\nasync def f():\n"
        "    return time.sleep(1), requests.get('http://x', timeout=1)  # auditor: ignore[{}] -- so\n"
    )
    report = run(project, app=app.format("LOOP301"))
    assert [(f.code, f.also) for f in report.findings] == [("LOOP302", ())]
    report = run(project, app=app.format("LOOP302"))
    assert [(f.code, f.also) for f in report.findings] == [("LOOP301", ())]
    report = run(project, app=app.format("LOOP302, LOOP301"))
    assert report.findings == ()
    assert notices(report) == []


@pytest.mark.parametrize(
    ("comment", "kind"),
    [
        ("ignore", "blanket"),
        ("ignore -- why", "blanket"),
        ("ignore[]", "blanket"),
        ("ignore[LOOP301,] -- why", "blanket"),
        ("ignore[ALL] -- why", "blanket"),
        ("ignore[LOOP3] -- why", "blanket"),
        ("ignore-file -- why", "blanket"),
        ("ignore[LOOP999] -- why", "malformed"),
        ("ignore[LOOP301]: why", "malformed"),
        ("ignore[LOOP301 -- why", "malformed"),
        ("ignroe[LOOP301] -- why", "malformed"),
        ("blocking", "malformed"),
        ("", "malformed"),
    ],
)
def test_what_is_not_honoured_is_reported(project: Path, comment: str, kind: str) -> None:
    app = APP.replace("    wait()", f"    wait()  # auditor: {comment}")
    report = run(project, app=app)
    if comment != "ignore[LOOP301,] -- why":
        assert len(exposures(report)) == 2
    assert notices(report) == [("app.py", 5, 13, f"{kind}-suppression")]
    assert "\n" not in report.notices[0].message


def test_without_a_reason_it_counts_for_the_score(project: Path) -> None:
    app = APP.replace("()\n", "()  # auditor: ignore[LOOP301]\n")
    report = run(project, app=app)
    assert report.findings == ()
    assert report.suppressed == 2
    assert report.score == run(project).score < 10
    assert {kind for *_, kind in notices(report)} == {"reasonless-suppression"}


def test_unused_ones(project: Path) -> None:
    app = (
        "from helpers import indirect, wait  # auditor: ignore[LOOP301, LOOP303] -- x\n"
        + APP.split("\n", 1)[1]
    )
    assert notices(run(project, app=app)) == [
        ("app.py", 1, 37, "unused-suppression"),
        ("app.py", 1, 37, "unused-suppression"),
    ]
    # a rule that is off says nothing of its comments
    assert notices(run(project, app=app, ignore=["LOOP303"])) == [("app.py", 1, 37, "unused-suppression")]
    # nor does a run over single files, which may not show who calls
    report = audit.audit(["app.py"], config.load(str(project), {"cache": False}))
    assert report.notices == ()


def test_the_closest_comment_is_the_one_that_is_used(project: Path) -> None:
    helpers = "# auditor: ignore-file[LOOP301] -- far\n" + HELPERS.replace(
        "sleep(3)", "sleep(3)  # auditor: ignore[LOOP301] -- near"
    )
    report = run(project, helpers=helpers)
    assert {reason for *_, reason in aside(report)} == {"near"}
    assert notices(report) == [("helpers.py", 1, 1, "unused-suppression")]


def test_a_suppressed_opening_does_not_bring_up_its_handle(project: Path) -> None:
    comment = "# auditor: ignore[LOOP303] -- tiny"
    app = f"async def f():\n    with open('x') as file:  {comment}\n        return file.read()\n"
    report = run(project, app=app)
    assert report.findings == ()
    assert report.suppressed == 1


def test_noqa_is_honoured_when_asked_for(project: Path) -> None:
    app = APP.replace("    wait()", "    wait()  # noqa: E501, ASYNC251").replace(
        "    indirect()", "    indirect()  # noqa: ASYNC210 # and not 251"
    )
    assert len(exposures(run(project, app=app))) == 2
    report = run(project, app=app, **{"respect-noqa": True})
    assert [function for function, _ in exposures(report)] == ["app.second"]
    assert aside(report) == [("app.first", "app.py", 5, "")]
    blanket = APP.replace("    wait()", "    wait()  # noqa")
    assert len(exposures(run(project, app=blanket, **{"respect-noqa": True}))) == 2


def test_in_a_notebook(project: Path) -> None:
    import json

    function = "async def f():\n    time.sleep(2)  # auditor: ignore[LOOP301] -- a demo\n    x = 1  # auditor: ignore\n"
    common = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [common | {"source": "import time\n"}, common | {"source": function}]
    (project / "n.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    report = audit.audit(["."], config.load(str(project), {"cache": False}))
    assert report.findings == ()
    assert aside(report) == [("n.f", "n.ipynb:cell 2", 2, "a demo")]
    assert notices(report) == [("n.ipynb:cell 2", 3, 12, "blanket-suppression")]
