"""``auditor check --fix``, ``--diff``, ``--unsafe-fixes``: what they write, print and answer."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from auditor.cli.main import main

Capture = pytest.CaptureFixture[str]

SLEEPS = """\
import time


async def safe():
    time.sleep(1)


class Job:
    async def unsafe(self):
        before = self.count
        time.sleep(1)
        self.count = before + 1
"""
SAFE = SLEEPS.replace("    time.sleep(1)\n\n\nclass", "    await asyncio.sleep(1)\n\n\nclass").replace(
    "import time", "import asyncio\nimport time"
)
BOTH = SAFE.replace("        time.sleep(1)", "        await asyncio.sleep(1)")
CLEAN = BOTH


def check(*options: str) -> int:
    return main(["check", "--no-cache", *options, "."])


def test_fix_carries_out_safe_fixes_only(project: Path, capsys: Capture) -> None:
    (project / "app.py").write_text(SLEEPS)
    assert check("--fix") == 1
    assert (project / "app.py").read_text() == SAFE
    shown = capsys.readouterr()
    assert "app.py:12" in shown.out
    assert "app.py:6" not in shown.out
    assert "auditor: 1 fix in 1 file" in shown.err


def test_unsafe_fixes_are_carried_out_when_asked_for(project: Path, capsys: Capture) -> None:
    (project / "app.py").write_text(SLEEPS)
    assert check("--fix", "--unsafe-fixes") == 0
    assert (project / "app.py").read_text() == BOTH
    assert "auditor: 2 fixes in 1 file" in capsys.readouterr().err
    assert check("--fix", "--unsafe-fixes") == 0
    assert (project / "app.py").read_text() == BOTH
    assert "fix" not in capsys.readouterr().err


def test_diff_changes_nothing_and_can_be_applied(project: Path, capsys: Capture) -> None:
    (project / "app.py").write_text(SLEEPS)
    assert check("--diff", "--fix", "--unsafe-fixes") == 1
    assert (project / "app.py").read_text() == SLEEPS
    diff = capsys.readouterr().out
    subprocess.run(["git", "init", "-q"], check=True, timeout=60)
    subprocess.run(["git", "apply", "-"], input=diff, text=True, check=True, timeout=60)
    assert (project / "app.py").read_text() == BOTH


def test_diff_of_a_clean_program_is_empty(project: Path, capsys: Capture) -> None:
    (project / "app.py").write_text(CLEAN)
    assert check("--diff", "--unsafe-fixes") == 0
    assert capsys.readouterr().out == ""


def test_exit_zero_holds_for_diffs(project: Path) -> None:
    (project / "app.py").write_text(SLEEPS)
    assert check("--diff", "--exit-zero") == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--unsafe-fixes"], "--unsafe-fixes says which fixes are meant; add --fix or --diff"),
        (["--fix", "--watch"], "--fix and --diff change files as a whole; leave out --watch"),
        (
            ["--diff", "--stdin-filename", "a.py"],
            "--fix and --diff change files as a whole; leave out --stdin-filename",
        ),
        (["--diff", "-o", "json"], "--diff prints a diff and no report; leave out --output-format"),
    ],
)
def test_options_that_make_no_sense_together(
    project: Path, capsys: Capture, options: list[str], complaint: str
) -> None:
    assert check(*options) == 2
    assert capsys.readouterr().err == f"auditor: {complaint}\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n  # the end\t \n\f\n"])
def test_what_is_outside_the_edits_keeps_its_bytes(
    project: Path, newline: str, encoding: str, end: str
) -> None:
    text = (
        "# -*- coding: {} -*-\n# grün\nimport time\n\n\nasync def wait( ):   # ä\n\tx = ( 'ö' ,)\n"
        "\ttime.sleep( 1 )  # nap\t\n\treturn x"
    ).format("latin-1" if encoding == "latin-1" else "utf-8")
    (project / "app.py").write_bytes((text + end).replace("\n", newline).encode(encoding))
    assert check("-q", "--fix") == 0
    expected = text.replace("\ttime.sleep(", "\tawait asyncio.sleep(").replace(
        "import time", "import asyncio\nimport time"
    )
    assert (project / "app.py").read_bytes() == (expected + end).replace("\n", newline).encode(encoding)


@pytest.mark.skipif(os.name == "nt", reason="modes and links")
def test_modes_and_links_stay(project: Path) -> None:
    (project / "real.txt").write_text(SLEEPS)
    (project / "real.txt").chmod(0o750)
    (project / "app.py").symlink_to("real.txt")
    assert check("-q", "--fix", "--unsafe-fixes") == 0
    assert (project / "app.py").is_symlink()
    assert stat.S_IMODE((project / "real.txt").stat().st_mode) == 0o750
    assert (project / "real.txt").read_text() == BOTH
    assert sorted(path.name for path in project.iterdir()) == [".git", "app.py", "real.txt"]


def test_fixes_that_get_into_each_others_way_go_in_rounds(project: Path) -> None:
    (project / "app.py").write_text(
        "import os\n\n\nasync def size(path):\n    return os.stat(os.readlink(os.path.join(os.getcwd(), path)))\n"
    )
    assert check("-q", "--fix", "--unsafe-fixes", "--min-severity", "MONITOR") == 0
    assert (project / "app.py").read_text() == (
        "import asyncio\nimport os\n\n\nasync def size(path):\n"
        "    return await asyncio.to_thread(os.stat, await asyncio.to_thread(os.readlink, "
        "os.path.join(os.getcwd(), path)))\n"
    )


def test_a_helper_with_several_faults_is_mended_once_where_it_is_called(project: Path) -> None:
    (project / "app.py").write_text(
        "import subprocess\nimport time\n\n\ndef build(name):\n    time.sleep(1)\n"
        '    subprocess.run(["make", name], check=True)\n\n\nasync def first():\n    build("a")\n\n\n'
        'async def second():\n    build("b")\n'
    )
    assert check("-q", "--fix", "--unsafe-fixes") == 0
    assert (project / "app.py").read_text() == (
        "import asyncio\nimport subprocess\nimport time\n\n\ndef build(name):\n    time.sleep(1)\n"
        '    subprocess.run(["make", name], check=True)\n\n\nasync def first():\n'
        '    await asyncio.to_thread(build, "a")\n\n\nasync def second():\n    await asyncio.to_thread(build, "b")\n'
    )


def test_fixes_stand_in_the_json_report(project: Path, capsys: Capture) -> None:
    (project / "app.py").write_text(SLEEPS)
    assert check("-o", "json") == 1
    first, second = json.loads(capsys.readouterr().out)["findings"]
    added = {"path": "app.py", "start": [1, 1], "end": [1, 1], "replacement": "import asyncio\n"}
    assert first["fixes"] == [
        {
            "safety": "safe",
            "title": "await `asyncio.sleep`",
            "reason": "",
            "exposure": 0,
            "edits": [
                added,
                {"path": "app.py", "start": [5, 5], "end": [5, 15], "replacement": "await asyncio.sleep"},
            ],
        }
    ]
    assert second["fixes"][0]["safety"] == "unsafe"
    assert second["fixes"][0]["reason"] == (
        "`self.count` may be changed by others between being read and being written"
    )


def test_formats_without_a_place_for_fixes_do_not_make_any(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.fixes.fixer import Fixer

    (project / "app.py").write_text(SLEEPS)
    made: list[int] = []
    fixes = Fixer.fixes
    monkeypatch.setattr(Fixer, "fixes", lambda *a, **k: (made.append(1), fixes(*a, **k))[1])
    assert check("-q", "-o", "concise", "-o", "junit:.git/out") == 1
    assert made == []
    assert check("-q", "-o", "concise", "-o", "sarif:.git/out") == 1
    assert len(made) == 2
