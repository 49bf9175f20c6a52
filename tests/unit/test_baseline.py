"""Baselines: written, read, matched, shrunk; and what the command line does with them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from auditor.cli.main import main
from auditor.verdict import baseline
from auditor.verdict.baseline import BaselineError, Entry, match

Capture = pytest.CaptureFixture[str]

HELPER = "import time\n\n\ndef wait():\n    time.sleep(3)\n"
APP = "from helper import wait\n\n\nasync def first():\n    wait()\n"
SECOND = "\n\nasync def second():\n    wait()\n"
FILE = "auditor-baseline.jsonl"


@pytest.fixture
def program(project: Path) -> Path:
    (project / "helper.py").write_text(HELPER)
    (project / "app.py").write_text(APP)
    return project


def check(*options: str) -> int:
    return main(["check", "--no-cache", "-q", "-o", "json:out.json", *options])


def found(project: Path) -> list[str]:
    report = json.loads((project / "out.json").read_text())
    return [exposure["function"] for finding in report["findings"] for exposure in finding["exposures"]]


def entry(name: str, sink: str = "", function: str = "f") -> Entry:
    return Entry("a.py", function, "LOOP301", sink, name)


# The file ----------------------------------------------------------------------------------------------------


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = str(tmp_path / FILE)
    entries = [
        entry("b"),
        entry("a", '\x1b \u2028 "x"'),
        entry("a", '\x1b \u2028 "x"'),
        entry("c", function="a"),
    ]
    baseline.write(path, entries)
    assert [one for _, one in baseline.read(path).entries] == sorted(entries)
    text = Path(path).read_bytes()
    baseline.write(path, reversed(entries))
    assert Path(path).read_bytes() == text
    assert text.isascii()
    assert text.count(b"\n") == 5
    assert list(tmp_path.iterdir()) == [Path(path)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no baseline"),
        ("[]\n", "is no baseline"),
        ("\n\n", "is no baseline"),
        ('{"auditor-baseline": 2, "fingerprints": "1"}\n', "another version"),
        ('{"auditor-baseline": 1, "fingerprints": "0"}\n', "another version"),
        ('{"auditor-baseline": 1, "fingerprints": "1"}\nx\n', ":2: is no line of a baseline"),
        ('{"auditor-baseline": 1, "fingerprints": "1"}\n\n{"rule": 1}\n', ":3: is no line of a baseline"),
        ('{"auditor-baseline": 1, "fingerprints": "1"}\n<<<<<<< HEAD\n', ":2: a merge conflict"),
        ("\udcff", "is not UTF-8"),
        (None, "no baseline"),
    ],
)
def test_what_is_none_is_one_line(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / FILE
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BaselineError) as caught:
        baseline.read(str(path))
    assert problem in caught.value.problems[0]
    assert len(caught.value.problems) == 1
    assert "\n" not in caught.value.problems[0]


def test_matching_is_by_multiset_and_sink_first() -> None:
    known = [entry("a", "x"), entry("a", "y"), entry("b")]
    assert match(known, [entry("a", "y"), entry("c")]) == ({0}, {0, 2})
    assert match(known, [entry("a", "z"), entry("a", "y"), entry("a", "x")]) == ({1, 2}, {2})
    assert match(known, [entry("a", "z"), entry("a", "z"), entry("a", "z")]) == ({0, 1}, {2})
    assert match([], [entry("a")]) == (set(), set())


def test_two_branches_merge(program: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True
        )

    (program / ".git").rmdir()
    for name in "abcdefgh":
        (program / f"{name}.py").write_text(f"import time\n\n\nasync def {name}():\n    time.sleep(1)\n")
    git("init", "-q", "-b", "main")
    assert main(["baseline", "-q"]) == 0
    git("add", "-A")
    git("commit", "-qm", "base")
    git("checkout", "-qb", "other")
    (program / "b.py").unlink()
    assert check("--baseline", FILE, "--update-baseline") == 0
    git("commit", "-qam", "b is mended")
    git("checkout", "-q", "main")
    (program / "g.py").unlink()
    assert check("--baseline", FILE, "--update-baseline") == 0
    git("commit", "-qam", "g is mended")
    git("merge", "-q", "other", "-m", "merged")
    assert check("--baseline", FILE) == 0
    functions = [one.function for _, one in baseline.read(FILE).entries]
    assert functions == ["a.a", "app.first", "c.c", "d.d", "e.e", "f.f", "h.h"]


# The commands ------------------------------------------------------------------------------------------------


def test_only_what_is_new_counts(program: Path, capsys: Capture) -> None:
    assert check() == 1
    assert main(["baseline"]) == 0
    output = capsys.readouterr()
    assert output.out == f"{FILE}: 1 exposures, 1 added, 0 removed\n"
    assert output.err == f'auditor: now put `baseline = "{FILE}"` into the settings\n'
    assert check("--baseline", FILE) == 0
    (program / "app.py").write_text(APP + SECOND)
    assert check("--baseline", FILE) == 1
    assert found(program) == ["app.second"]
    report = json.loads((program / "out.json").read_text())
    assert report["summary"]["baselined"] == 1
    assert report["findings"][0]["chain"][0]["function"] == "app.second"
    assert report["summary"]["score"] < 7.0, "what is in the baseline counts for the score"


def test_the_setting(program: Path) -> None:
    (program / "auditor.toml").write_text('baseline = "quality/known.jsonl"\n')
    assert check() == 2
    (program / "quality").mkdir()
    assert main(["baseline", "-q"]) == 0
    assert [one.path for _, one in baseline.read("quality/known.jsonl").entries] == ["../app.py"]
    assert check() == 0


def test_a_baseline_only_shrinks_unless_told(program: Path, capsys: Capture) -> None:
    assert main(["baseline", "-q"]) == 0
    (program / "app.py").write_text(APP.replace("first", "renamed") + SECOND)
    assert check("--baseline", FILE) == 1
    notices = json.loads((program / "out.json").read_text())["notices"]
    assert [(one["kind"], one["path"], one["line"]) for one in notices] == [("stale-baseline", FILE, 2)]
    capsys.readouterr()
    assert main(["baseline"]) == 0
    output = capsys.readouterr()
    assert output.out == f"{FILE}: 0 exposures, 0 added, 1 removed\n"
    assert "2 new ones left out; --accept-new takes them up" in output.err
    assert check("--baseline", FILE, "--update-baseline") == 1
    assert main(["baseline", "--accept-new", "-q"]) == 0
    assert capsys.readouterr().out == f"{FILE}: 2 exposures, 2 added, 0 removed\n"
    assert check("--baseline", FILE) == 0


def test_update_removes_only_what_is_surely_gone(program: Path, capsys: Capture) -> None:
    (program / "sub").mkdir()
    (program / "sub" / "more.py").write_text(
        "import requests\n\n\nasync def more():\n    requests.get('x')\n"
    )
    (program / "sub" / "open.py").write_text("async def opens():\n    open('x')\n")
    assert main(["baseline", "-q"]) == 0
    before = (program / FILE).read_bytes()
    # a rule that is off, files elsewhere, single files, a file that cannot be read
    assert check("--baseline", FILE, "--update-baseline", "--ignore", "LOOP302") == 0
    assert check("--baseline", FILE, "--update-baseline", "sub") == 0
    assert check("--baseline", FILE, "--update-baseline", "helper.py", "app.py") == 0
    assert check("--baseline", FILE, "--update-baseline", "--min-confidence", "high") == 0
    (program / "app.py").write_text("def (\n")
    assert check("--baseline", FILE, "--update-baseline") == 0
    assert (program / FILE).read_bytes() == before
    (program / "app.py").unlink()
    (program / "sub" / "more.py").write_text("")
    capsys.readouterr()
    assert main(["check", "--no-cache", "-o", "concise", "--baseline", FILE, "--update-baseline"]) == 0
    output = capsys.readouterr()
    assert f"auditor: {FILE}: 2 entries removed" in output.err
    assert "stale" not in output.out
    assert [one.function for _, one in baseline.read(FILE).entries] == ["sub.open.opens"]


def test_wrong_use(program: Path, capsys: Capture) -> None:
    assert check("--update-baseline") == 2
    assert "there is no baseline" in capsys.readouterr().err
    assert check("--baseline", "nowhere.jsonl") == 2
    assert "`auditor baseline` makes one" in capsys.readouterr().err
    assert check("--baseline", ".") == 2
    assert "is a directory" in capsys.readouterr().err
    (program / FILE).write_text('{"auditor-baseline": 7}\n')
    assert main(["baseline", "-q"]) == 2
    assert main(["baseline", "-q", "--accept-new"]) == 0
    assert check("--baseline", FILE) == 0


def test_what_is_suppressed_is_not_in_it(program: Path) -> None:
    (program / "app.py").write_text(
        APP.replace("    wait()", "    wait()  # auditor: ignore[LOOP301] -- rare") + SECOND
    )
    assert main(["baseline", "-q"]) == 0
    assert [one.function for _, one in baseline.read(FILE).entries] == ["app.second"]
