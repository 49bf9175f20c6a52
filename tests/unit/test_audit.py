"""The straight line end to end, through the command line: what is found, said and counted, and how the run ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import auditor
from auditor.cli.main import main

Capture = pytest.CaptureFixture[str]

SLEEPS = "import time\n\n\nasync def handler():\n    time.sleep(2)\n"
READS = "async def reads(p):\n    with open(p) as file:\n        return file.read()\n"
NOTEBOOK: dict[str, Any] = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"language_info": {"name": "python"}},
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Notes"]},
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "source": ["%matplotlib inline\n", "import time"],
        },
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["print 'old'"]},
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "source": ["def helper():\n", "    time.sleep(2)\n", "\n", "async def run():\n", "    helper()"],
        },
    ],
}


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def check(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any], str]:
    code = main(["check", "-o", "json", "--no-cache", *arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def places(report: dict[str, Any]) -> list[str]:
    return [f"{f['path']}:{f['line']}:{f['column']} {f['code']} {f['severity']}" for f in report["findings"]]


def reasons(report: dict[str, Any]) -> list[str]:
    return [f"{entry['path']}: {entry['reason']}" for entry in report["not_analysed"]]


# What is found -----------------------------------------------------------------------------------------------


def test_a_finding_is_complete(project: Path, capsys: Capture) -> None:
    helper = "import requests\n\n\ndef load(url):\n    return requests.get(url)\n"
    app = "import asyncio\nfrom helper import load\n\n\nasync def handler(url):\n    return load(url)\n"
    write(project, {"helper.py": helper, "app.py": app})
    code, report, _ = check(capsys)
    assert code == 1
    (finding,) = report["findings"]
    assert (finding["code"], finding["severity"], finding["confidence"]) == ("LOOP302", "HIGH", "high")
    assert (finding["function"], finding["callee"]) == ("helper.load", "requests.get")
    assert finding["cost"]["high"] is None, "it waits without a limit"
    assert [(s["path"], s["line"], s["function"], s["note"]) for s in finding["chain"]] == [
        ("app.py", 6, "app.handler", "a coroutine function: it runs on an event loop; calls `load`"),
        ("helper.py", 5, "helper.load", "calls `requests.get`"),
    ]
    (exposure,) = finding["exposures"]
    assert (exposure["path"], exposure["line"], exposure["column"]) == ("app.py", 6, 12)
    assert "await asyncio.to_thread(load, ...)" in finding["advice"]
    assert finding["category"] == "external-api"
    assert finding["fix_complexity"] == "medium"
    for key in ("impact", "message", "verify", "tradeoffs"):
        assert finding[key], key


def test_a_result_handed_over_names_the_function_and_the_offloader(project: Path, capsys: Capture) -> None:
    source = (
        "import asyncio\nimport time\n\n\ndef work():\n    time.sleep(3)\n    return 1\n\n\n"
        "async def run():\n    await asyncio.to_thread(work())\n"
    )
    write(project, {"app.py": source})
    _, report, _ = check(capsys)
    assert places(report) == ["app.py:11:29 LOOP401 HIGH"]
    (finding,) = report["findings"]
    assert finding["callee"] == "work"
    assert "`asyncio.to_thread`" in finding["message"]
    assert finding["chain"][-1]["note"].endswith("calls `work`, and hands the result to `asyncio.to_thread`")
    assert finding["cost"]["typical"] == 3.0, "what the function does on the loop is known"
    assert finding["fix_complexity"] == "low"


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ("import asyncio\n", "await asyncio.sleep(...)"),
        ("import trio\n", "await trio.sleep(...)"),
        ("import anyio\n", "await anyio.sleep(...)"),
        ("import anyio, asyncio\n", "await asyncio.sleep(...)"),
    ],
)
def test_advice_in_the_dialect_of_the_project(
    project: Path, capsys: Capture, imports: str, expected: str
) -> None:
    write(project, {"app.py": imports + SLEEPS})
    assert check(capsys)[1]["findings"][0]["advice"] == expected
    write(project, {"auditor.toml": 'dialect = "trio"\n'})
    assert check(capsys)[1]["findings"][0]["advice"] == "await trio.sleep(...)"


def test_notebooks(project: Path, capsys: Capture) -> None:
    write(project, {"notes.ipynb": json.dumps(NOTEBOOK)})
    code, report, _ = check(capsys)
    assert code == 1
    assert places(report) == ["notes.ipynb:cell 4:2:5 LOOP301 HIGH"]
    assert [(s["path"], s["line"]) for s in report["findings"][0]["chain"]] == [
        ("notes.ipynb:cell 4", 5),
        ("notes.ipynb:cell 4", 2),
    ]
    assert reasons(report) == ["notes.ipynb:cell 3: Python 2 syntax: print statement at line 1"]
    assert main(["check", "--no-cache"]) == 1
    assert "  time.sleep(2)" in capsys.readouterr().out, "the frame quotes the cell"


def test_standard_input(project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, {"app.py": "async def handler():\n    pass\n"})

    class Stdin:
        buffer: Any

    def give(content: str) -> None:
        import io

        Stdin.buffer = io.BytesIO(content.encode())
        monkeypatch.setattr(sys, "stdin", Stdin)

    give(SLEEPS)
    code, report, _ = check(capsys, "--stdin-filename", "app.py")
    assert (code, places(report)) == (1, ["app.py:5:5 LOOP301 HIGH"])
    give(SLEEPS)
    assert places(check(capsys, "--stdin-filename", "new.py")[1]) == ["new.py:5:5 LOOP301 HIGH"]
    give("import app\n\n\nasync def f():\n    pass\n" + SLEEPS)
    assert places(check(capsys, "--stdin-filename", "new.py", ".")[1]) == ["new.py:10:5 LOOP301 HIGH"]
    give(json.dumps(NOTEBOOK))
    assert places(check(capsys, "--stdin-filename", "n.ipynb")[1]) == ["n.ipynb:cell 4:2:5 LOOP301 HIGH"]
    give("x = (")
    assert reasons(check(capsys, "--stdin-filename", "new.py")[1]) == [
        "new.py: syntax error at line 1: '(' was never closed"
    ]


# What is chosen ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([], ["LOOP301", "LOOP303"]),
        (["--select", "LOOP301"], ["LOOP301"]),
        (["--select", "LOOP3", "--ignore", "LOOP303"], ["LOOP301"]),
        (["--select", "blocking-sleep"], ["LOOP301"]),
        (["--ignore", "LOOP3"], []),
        (["--min-severity", "HIGH"], ["LOOP301"]),
        (["--min-severity", "CRITICAL"], []),
    ],
)
def test_selection(project: Path, capsys: Capture, options: list[str], codes: list[str]) -> None:
    write(project, {"app.py": SLEEPS + "\n\n" + READS})
    code, report, _ = check(capsys, *options)
    assert [finding["code"] for finding in report["findings"]] == codes
    assert code == bool(codes)


def test_per_file_ignores(project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, {"app.py": SLEEPS, "sub/tool.py": SLEEPS})
    write(project, {"auditor.toml": '[per-file-ignores]\n"sub/**" = ["LOOP3"]\n'})
    assert places(check(capsys)[1]) == ["app.py:5:5 LOOP301 HIGH"]
    monkeypatch.chdir(project / "sub")
    assert places(check(capsys)[1]) == [], "patterns are relative to the settings file"


def test_min_confidence(project: Path, capsys: Capture) -> None:
    source = "import asyncio\nimport time\n\n\ndef f():\n    asyncio.get_running_loop()\n    time.sleep(2)\n"
    write(project, {"app.py": source})
    _, report, _ = check(capsys)
    assert [(f["code"], f["confidence"]) for f in report["findings"]] == [("LOOP301", "medium")]
    code, report, _ = check(capsys, "--min-confidence", "high")
    assert (code, report["findings"]) == (0, [])


def test_statistics_and_timings(project: Path, capsys: Capture) -> None:
    write(project, {"app.py": SLEEPS, "clean.py": "async def f():\n    print(1)\n"})
    _, report, _ = check(capsys, "--statistics", "--timings")
    assert report["summary"]["files"] == 2
    assert report["summary"]["functions"] == 2
    assert report["statistics"]["rules"] == {"LOOP301": 1}
    assert (report["statistics"]["files_parsed"], report["statistics"]["files_with_findings"]) == (1, 1)
    assert set(report["timings"]) == {"catalog", "discover", "index", "link", "suspects", "rules", "verdict"}
    _, report, _ = check(capsys)
    assert "timings" not in report
    assert main(["check", "--no-cache", "--statistics", "--timings"]) == 1
    printed = capsys.readouterr()
    assert "LOOP301 blocking-sleep 1 1 high" in " ".join(printed.out.split())
    stages = [line.split()[0] for line in printed.err.splitlines()]
    assert stages == [
        "stage",
        "discover",
        "index",
        "catalog",
        "link",
        "suspects",
        "rules",
        "verdict",
        "total",
    ]


def test_nothing_to_analyse_is_a_warning(project: Path, capsys: Capture) -> None:
    code, report, err = check(capsys)
    assert (code, report["findings"]) == (0, [])
    assert err == "auditor: warning: no Python files found in .\n"
    assert check(capsys, "--quiet")[2] == ""


# How the run ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["app.py"], 1),
        (["clean.py"], 0),
        (["app.py", "--fail-on", "CRITICAL"], 0),
        (["app.py", "--exit-zero"], 0),
        (["clean.py", "--min-score", "10"], 0),
        (["app.py", "--fail-on", "CRITICAL", "--min-score", "9.9"], 1),
        (["missing.py"], 2),
        (["app.py", "missing.py"], 2),
        (["app.py", "--select", "LOOP999"], 2),
        (["app.py", "--fail-on", "BAD"], 2),
        (["app.py", "--no-such-option"], 2),
        (["app.py", "-o", "yaml"], 2),
    ],
)
def test_exit_codes(project: Path, capsys: Capture, arguments: list[str], code: int) -> None:
    write(project, {"app.py": SLEEPS, "clean.py": "x = 1\n"})
    for output in ("json", "concise", "full"):
        assert main(["check", "--no-cache", "-o", output, *arguments]) == code
        err = capsys.readouterr().err
        assert err.count("\n") == (1 if code == 2 else 0), err


def changing(change: Callable[[Path], None], path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file change after it has been indexed and before it is judged."""
    from auditor.link.suspects import Suspects

    collect = Suspects.collect

    def collected(self: Suspects) -> Any:
        change(path)
        return collect(self)

    monkeypatch.setattr(Suspects, "collect", collected)


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_text("x = 1\n" + SLEEPS)])
def test_files_that_vanish_or_change(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    write(project, {"app.py": SLEEPS, "other.py": SLEEPS})
    changing(change, project / "app.py", monkeypatch)
    _, report, _ = check(capsys)
    assert places(report) == ["other.py:5:5 LOOP301 HIGH"]
    assert reasons(report) == ["app.py: changed while it was being analysed; run again"]


def test_in_a_process_of_its_own(project: Path) -> None:
    """The process ends at once, yet everything has been written."""
    write(project, {f"app{number}.py": SLEEPS for number in range(200)})
    command = [sys.executable, "-m", "auditor", "check", "-o", "concise", "-o", "report.json"]
    environment = os.environ | {"PYTHONPATH": str(Path(auditor.__file__).parents[1])}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (run.returncode, run.stderr) == (1, "")
    assert len(run.stdout.splitlines()) == 201
    assert len(json.loads((project / "report.json").read_text())["findings"]) == 200


@pytest.mark.parametrize("order", [["a.py", "b.py"], ["b.py", "a.py"], ["."], [".", "b.py"]])
def test_same_bytes_whatever_the_order_and_the_hashes(project: Path, order: list[str]) -> None:
    several = "import a, b\n\n\nasync def f(x):\n    a.g(); b.g(); a.h(x)\n"
    write(
        project,
        {
            "a.py": "import time\n\n\ndef g():\n    time.sleep(1)\n\n\ndef h(x):\n    open(x).read(); g()\n",
            "b.py": "from a import g, h\n\n\nasync def k():\n    g(); h(1)\n" + several,
        },
    )
    outputs = set()
    for seed in ("0", "1", "77"):
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(Path(auditor.__file__).parents[1]),
        }
        command = [sys.executable, "-m", "auditor", "check", "-o", "json", "--no-cache"]
        outputs.add(
            subprocess.run([*command, *order], capture_output=True, env=environment, check=False).stdout
        )
        outputs.add(subprocess.run([*command, "."], capture_output=True, env=environment, check=False).stdout)
    assert len(outputs) == 1
    assert len(json.loads(outputs.pop())["findings"]) == 2


# Bad input ---------------------------------------------------------------------------------------------------


def nested(levels: int) -> str:
    return "x = " + "(" * levels + ")" * levels + "\n"


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "binary.py": (bytes(range(256)) * 40 + bytes(2000), "a binary file (many null bytes)"),
    "latin.py": (b"# gr\xfc\xdfe\n", "not UTF-8: byte 0xfc at line 1, and no encoding is declared"),
    "cookie.py": (b"# coding: klingon\nx = 1\n", "unknown encoding 'klingon' declared"),
    "null.py": (b"x = 1\n" * 20 + b"y = '\0'\n", "null byte at line 21"),
    "bom.py": (
        b"\xef\xbb\xbf# coding: latin-1\nx = 1\n",
        "contradictory encoding: a UTF-8 byte order mark, but declared as 'latin-1'",
    ),
    "generated.py": (
        b"x = 1\n" * 3_500_000,
        "too large: 21.0 MB, the limit for one file is 2.0 MB (generated code?)",
    ),
    "deep.py": (nested(10_000).encode(), "syntax error at line 1: too many nested parentheses"),
    "chain.py": (b"x = " + b"1 + " * 20_000 + b"1\n", "nested too deeply"),
    "old.py": (b"print 'hello'\n", "Python 2 syntax: print statement at line 1"),
    "wrong.py": (b"def f(:\n", "syntax error at line 1: invalid syntax"),
    "book.ipynb": (b"{not json", "not a notebook: no valid JSON at line 1 column 2"),
    "list.ipynb": (b"[]", "not a notebook: JSON without `cells`"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_line_and_spares_the_rest(project: Path, capsys: Capture, name: str) -> None:
    content, reason = BAD_FILES[name]
    write(project, {"app.py": SLEEPS, name: content})
    code, report, err = check(capsys)
    assert (code, err) == (1, "")
    assert places(report) == ["app.py:5:5 LOOP301 HIGH"]
    (line,) = reasons(report)
    assert line.startswith(f"{name}: {reason}")


def test_good_files_of_unusual_kinds(project: Path, capsys: Capture) -> None:
    write(
        project,
        {
            "bom.py": b"\xef\xbb\xbf" + SLEEPS.encode(),
            "latin.py": b"# coding: latin-1\n# gr\xfc\xdfe\n" + SLEEPS.encode(),
            "crlf.py": SLEEPS.replace("\n", "\r\n"),
            "new.py": "import time\n\n\nasync def f[T: int](x: T) -> T:\n    time.sleep(2)\n    return t'{x}'\n",
            "empty.py": "",
        },
    )
    _, report, _ = check(capsys)
    assert reasons(report) == []
    assert places(report) == [
        "bom.py:5:5 LOOP301 HIGH",
        "crlf.py:5:5 LOOP301 HIGH",
        "latin.py:7:5 LOOP301 HIGH",
        "new.py:5:5 LOOP301 HIGH",
    ]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may read everything")
def test_an_unreadable_file(project: Path, capsys: Capture) -> None:
    write(project, {"app.py": SLEEPS, "secret.py": SLEEPS})
    (project / "secret.py").chmod(0)
    _, report, _ = check(capsys)
    assert reasons(report) == ["secret.py: cannot be read: permission denied"]
    assert places(report) == ["app.py:5:5 LOOP301 HIGH"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_links_in_a_circle_and_things_that_are_no_files(project: Path, capsys: Capture) -> None:
    write(project, {"app.py": SLEEPS})
    (project / "self").symlink_to(project)
    (project / "loop.py").symlink_to("loop.py")
    os.mkfifo(project / "pipe.py")
    (project / "folder.py").mkdir()
    code, report, _ = check(capsys)
    assert (code, places(report)) == (1, ["app.py:5:5 LOOP301 HIGH"])
    assert [line.partition(": ")[0] for line in reasons(report)] == ["loop.py", "pipe.py"]
    assert all("\n" not in line for line in reasons(report))


BAD_SETTINGS = {
    "syntax": ("select = [\n", 1),
    "misspelt": ('selct = ["LOOP3"]\n', 1),
    "contradiction": ('select = ["LOOP301"]\nignore = ["LOOP301"]\n', 2),
    "type": ("preview = 3\n", 1),
    "unknown rule": ('select = ["LOOP3O1"]\n', 1),
    "no model": ('models = ["nowhere/*.toml"]\n', 1),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings_are_one_line(project: Path, capsys: Capture, name: str) -> None:
    content, line = BAD_SETTINGS[name]
    write(project, {"app.py": SLEEPS, "auditor.toml": content})
    code, report, err = check(capsys)
    assert (code, report) == (2, {})
    assert err.count("\n") == 1
    assert err.startswith(f"auditor: auditor.toml:{line}"), err


def test_all_wrong_settings_at_once(project: Path, capsys: Capture) -> None:
    write(project, {"app.py": SLEEPS, "auditor.toml": 'preview = 3\nselct = 1\nmin-score = "high"\n'})
    code, _, err = check(capsys)
    assert code == 2
    assert [line.split(":")[2] for line in err.splitlines()] == ["1", "2", "3"]


def test_a_broken_model_file_is_one_line(project: Path, capsys: Capture) -> None:
    write(project, {"app.py": SLEEPS, "auditor.toml": 'models = ["my.toml"]\n'})
    write(
        project,
        {"my.toml": '[area]\nname = "x"\ndescription = "y"\n\n[[api]]\nnames = ["a.b"]\nefect = "none"\n'},
    )
    code, _, err = check(capsys)
    assert code == 2
    assert "my.toml:7" in err
    assert "'efect'" in err


def test_a_broken_rule_file_is_one_line(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor import resources

    write(project, {"app.py": SLEEPS, "broken/LOOP900-broken.md": "no front matter\n"})
    monkeypatch.setattr(resources, "rules_dir", lambda: project / "broken")
    code, _, err = check(capsys, "app.py")
    assert code == 2
    assert err.count("\n") == 1
    assert "LOOP900-broken.md:1: no front matter" in err


def test_own_models(project: Path, capsys: Capture) -> None:
    write(
        project,
        {
            "app.py": "import slow\n\n\nasync def f():\n    slow.work()\n",
            "auditor.toml": 'models = ["*.model.toml"]\n',
            "slow.model.toml": (
                '[area]\nname = "slow"\ndescription = "own"\n\n[[api]]\nnames = ["slow.work"]\neffect = "blocks"\n'
                'group = "sleep"\ncategory = "event-loop-blocking"\ngil = "releases"\nwhy = "sleeps"\n'
                'cost = { low = 1.0, typical = 6.0, high = 9.0, source = "measured", note = "by hand" }\n'
            ),
        },
    )
    assert places(check(capsys)[1]) == ["app.py:5:5 LOOP301 CRITICAL"]
