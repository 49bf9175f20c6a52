"""The command line: dispatch, options, exit codes, reports, and the line that every error is."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import auditor
from auditor import cachedir
from auditor.cli import explain, outputs
from auditor.cli.main import COMMANDS, main
from auditor.config import Config
from auditor.model import (
    Category,
    Confidence,
    Cost,
    Exposure,
    Finding,
    Location,
    Phase,
    Report,
    Severity,
    Statistics,
    Step,
)

Capture = pytest.CaptureFixture[str]


def finding(severity: Severity) -> Finding:
    step = Step("app.py", 2, 5, "app.handler", "calls time.sleep")
    return Finding(
        code="LOOP301",
        name="blocking-sleep",
        severity=severity,
        confidence=Confidence.HIGH,
        category=Category.EVENT_LOOP_BLOCKING,
        location=Location("app.py", 2, 5, 2, 18),
        function="app.handler",
        callee="time.sleep",
        context="loop",
        phase=Phase.SERVING,
        chain=(step,),
        exposures=(Exposure("app.py", 2, 5, "app.handler", "f" * 64, (step,)),),
        impact="i",
        fix_complexity="low",
        cost=Cost(1.0, 1.0, 1.0, "catalogue"),
        gil="releases",
        message="m",
        verify=(),
        advice="a",
        tradeoffs=(),
    )


def report(*severities: Severity, score: float = 8.0, files: int = 1) -> Report:
    return Report(
        tool_version=auditor.__version__,
        findings=tuple(map(finding, severities)),
        hidden=0,
        suppressed=0,
        baselined=0,
        score=score,
        score_parts=(),
        not_analysed=(),
        statistics=Statistics(files=files),
    )


class Audit(ModuleType):
    """Stands for `auditor.audit`: answers with a report and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__("auditor.audit")
        self.answer: Report | Exception | type[BaseException] = report()
        self.paths: Sequence[str] = ()
        self.config: Config | None = None

    def audit(self, paths: Sequence[str], config: Config, progress: object = None) -> Report:
        self.paths, self.config = paths, config
        if isinstance(self.answer, Report):
            return self.answer
        raise self.answer

    def full_audit(
        self,
        paths: Sequence[str],
        config: Config,
        progress: object = None,
        *,
        known: object = None,
        before: object = None,
        diagnostics: object = (),
        evidence: object = None,
        fixes: bool = True,
    ) -> SimpleNamespace:
        return SimpleNamespace(report=self.audit(paths, config), present=[], gone=set())

    def explain(self, path: str, line: int, config: Config) -> str:
        return f"{path} at {line}\n"


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Audit:
    stand_in = Audit()
    monkeypatch.setitem(sys.modules, "auditor.audit", stand_in)
    monkeypatch.setattr(auditor, "audit", stand_in, raising=False)
    return stand_in


def test_version(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"auditor {auditor.__version__}\n", "")


def test_help_names_every_command(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)
    assert main([]) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: auditor {command}")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["chekc"], "'chekc' is not a command; did you mean 'check'?"),
        (["src"], "'src' is not a command; did you mean 'auditor check src'?"),
        (
            ["--select"],
            "unknown option --select; options come after a command, as in 'auditor check --select'",
        ),
        (["check", "--bogus"], "unrecognized arguments: --bogus; see 'auditor check --help'"),
        (["check", "--sel", "LOOP301"], "unrecognized arguments: --sel; see 'auditor check --help'"),
        (["check", "-o", "jsn"], "-o jsn: unknown output format 'jsn'; did you mean 'json'?"),
        (["check", "-o", "jsn:x.json"], "-o jsn:x.json: unknown output format 'jsn'; did you mean 'json'?"),
        (["check", "-o", "json", "-o", "full"], "-o full: standard output already takes the json report"),
        (
            ["check", "-o", "x.json", "-o", "full:x.json"],
            "-o full:x.json: x.json already takes the json report",
        ),
        (["check", "-o", "json:src"], "-o: src is a directory; name a file in it"),
        (["check", "-"], "reading standard input needs --stdin-filename, which says what file it is"),
        (["check", "--stdin-filename", "src"], "--stdin-filename: src is a directory; name a file"),
        (["check", "--jobs", "many"], "--jobs: jobs must be 0 (automatic) or more, not 'many'"),
        (
            ["check", "--min-score", "0"],
            "--min-score: min-score = 0 is out of range; give a number from 1 to 10",
        ),
        (
            ["explain", "a.py"],
            "'a.py' is no PATH:LINE; give a line number of 1 or more, as in app/views.py:12",
        ),
        (
            ["explain", "a.py:0"],
            "'a.py:0' is no PATH:LINE; give a line number of 1 or more, as in app/views.py:12",
        ),
        (["config", "nowhere"], "no such file or directory: nowhere"),
        (["rule", "LOOP301", "--all"], "a code and --all exclude each other; give one of them"),
        (["rule", "-o", "xml"], "unknown output format 'xml'; choose text or json"),
    ],
)
def test_usage_errors_are_one_line(
    project: Path, audit: Audit, capsys: Capture, arguments: list[str], error: str
) -> None:
    (project / "src").mkdir()
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"auditor: {error}\n")


def test_all_usage_problems_of_outputs_at_once(project: Path, audit: Audit, capsys: Capture) -> None:
    assert main(["check", "-o", "jsn", "-o", "no/dir/x.json"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "auditor: -o jsn: unknown output format 'jsn'; did you mean 'json'?",
        f"auditor: -o: there is no directory {project}/no/dir; create it first",
    ]


@pytest.mark.parametrize(
    ("severities", "options", "code"),
    [
        ((), [], 0),
        ((Severity.MONITOR,), [], 0),
        ((Severity.MEDIUM,), [], 1),
        ((Severity.MEDIUM,), ["--exit-zero"], 0),
        ((Severity.MEDIUM,), ["--fail-on", "HIGH"], 0),
        ((Severity.MONITOR,), ["--fail-on", "monitor"], 1),
        ((Severity.MEDIUM,), ["--min-severity", "HIGH"], 0),
        ((Severity.HIGH,), ["--min-severity", "HIGH"], 1),
        ((), ["--min-score", "8"], 0),
        ((), ["--min-score", "8.5"], 1),
        ((), ["--min-score", "8.5", "--exit-zero"], 0),
    ],
)
@pytest.mark.parametrize("output", ["full", "concise", "json"])
def test_exit_code_whatever_the_format(
    project: Path,
    audit: Audit,
    severities: tuple[Severity, ...],
    options: list[str],
    code: int,
    output: str,
) -> None:
    audit.answer = report(*severities)
    assert main(["check", "-o", output, *options]) == code


def test_text_shows_medium_and_above_and_json_all(project: Path, audit: Audit, capsys: Capture) -> None:
    audit.answer = report(Severity.MONITOR, Severity.HIGH)
    assert main(["check", "-o", "concise", "-o", "all.json"]) == 1
    assert capsys.readouterr().out.count("LOOP301") == 1
    data = json.loads((project / "all.json").read_text())
    assert [entry["severity"] for entry in data["findings"]] == ["MONITOR", "HIGH"]
    main(["check", "-o", "concise", "--min-severity", "monitor"])
    assert capsys.readouterr().out.count("LOOP301") == 2
    main(["check", "-o", "concise", "--fail-on", "monitor"])
    assert capsys.readouterr().out.count("LOOP301") == 2


def test_options_reach_the_configuration(project: Path, audit: Audit) -> None:
    (project / "a.py").touch()
    options = "--preview --no-cache --jobs 2 --exclude x/,y/ --exclude z --min-confidence high --cache-dir c"
    assert main(["check", *options.split(), "a.py", "."]) == 0
    assert audit.paths == ["a.py", "."]
    assert audit.config == Config(
        root=str(project),
        preview=True,
        cache=False,
        cache_dir=str(project / "c"),
        jobs=2,
        exclude=("x/", "y/", "z"),
        min_confidence=Confidence.HIGH,
        sources=audit.config.sources if audit.config else (),
    )


def test_settings_are_those_of_the_audited_project(project: Path, audit: Audit) -> None:
    for name in ("one", "two"):
        (project / name).mkdir()
    (project / "one" / "auditor.toml").write_text('fail-on = "HIGH"\n')
    main(["check", "one"])
    assert audit.config is not None
    assert audit.config.fail_on is Severity.HIGH
    main(["check", "one", "two"])
    assert audit.config.fail_on is Severity.MEDIUM


def test_standard_input_stands_for_a_file(
    project: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x = 1\n")))
    assert main(["check", "-", "--stdin-filename", "pkg/new.py"]) == 0
    assert audit.paths == ["pkg/new.py"]
    assert audit.config is not None
    assert audit.config.overlay == ((str(project / "pkg" / "new.py"), b"x = 1\n"),)


def test_warnings_go_to_standard_error(project: Path, audit: Audit, capsys: Capture) -> None:
    audit.answer = replace(report(files=0), warnings=("the cache was rebuilt",))
    assert main(["check", "."]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "auditor: warning: the cache was rebuilt",
        "auditor: warning: no Python files found in .",
    ]
    assert main(["check", "--quiet", "."]) == 0
    assert capsys.readouterr().err == ""


def test_explain(project: Path, audit: Audit, capsys: Capture) -> None:
    assert main(["explain", "app/x.py:12"]) == 0
    assert capsys.readouterr().out == "app/x.py at 12\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.py:3", ("a.py", 3)), ("a.py:3:9", ("a.py", 3)), (r"C:\x\a.py:3", (r"C:\x\a.py", 3))],
)
def test_explain_place(text: str, expected: tuple[str, int]) -> None:
    assert explain.place(text) == expected


def test_internal_error(
    project: Path, audit: Audit, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.answer = ValueError("two\nlines")
    assert main(["check"]) == 2
    error = (
        "auditor: internal error: ValueError: two lines; run again with --traceback (or "
        "AUDITOR_TRACEBACK=1) to see where, and please report it\n"
    )
    assert capsys.readouterr() == ("", error)
    assert main(["check", "--traceback"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    monkeypatch.setenv("AUDITOR_TRACEBACK", "1")
    assert main(["check"]) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_interrupt_is_quiet(project: Path, audit: Audit, capsys: Capture) -> None:
    audit.answer = KeyboardInterrupt
    assert main(["check"]) == 130
    assert capsys.readouterr() == ("", "")


def test_config_names_the_source_of_every_value(project: Path, capsys: Capture) -> None:
    (project / "pyproject.toml").write_text(
        '[project]\nrequires-python = ">=3.12"\n[tool.auditor]\nexclude = ["a\\"b", "c"]\nmin-score = 7\n'
        '[tool.auditor.per-file-ignores]\n"t/**" = ["ALL"]\n'
    )
    assert main(["config", "--fail-on", "HIGH"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"# project: {project}", f"# settings: {project}/pyproject.toml"]
    shown = dict(line.split(" = ", 1) for line in lines[2:])
    values = {name: tuple(part.strip() for part in rest.rsplit("  # ", 1)) for name, rest in shown.items()}
    assert values["exclude"] == ('["a\\"b", "c"]', "pyproject.toml:4")
    assert values["per-file-ignores"] == ('{ "t/**" = ["ALL"] }', "pyproject.toml:6")
    assert values["min-score"] == ("7.0", "pyproject.toml:5")
    assert values["target-version"] == ('"3.12"', "requires-python at pyproject.toml:2")
    assert values["fail-on"] == ('"HIGH"', "--fail-on")
    assert values["dialect"] == ('"asyncio"', "default")


def test_clean(project: Path, capsys: Capture) -> None:
    path = project / "cache"
    assert main(["clean", "--cache-dir", "cache"]) == 0
    assert capsys.readouterr().out == f"nothing to remove: {path} does not exist\n"
    assert cachedir.claim(str(path)) is None
    (path / "facts").write_bytes(b"x" * 1_000_000)
    assert main(["clean", "--cache-dir", "cache"]) == 0
    assert capsys.readouterr().out == f"removed {path}: 2 files, 1.0 MB\n"
    assert not path.exists()


def test_clean_removes_nothing_that_is_not_the_cache(project: Path, capsys: Capture) -> None:
    (project / "home").mkdir()
    (project / "home" / "precious").touch()
    assert main(["clean", "--cache-dir", "home"]) == 2
    assert capsys.readouterr().err == (
        f"auditor: {project}/home was not made by auditor (no CACHEDIR.TAG of its own); remove it by hand\n"
    )
    assert (project / "home" / "precious").exists()


def test_a_report_replaces_its_file_as_a_whole(project: Path) -> None:
    target = project / "report.txt"
    target.write_text("old")

    def fails(out: io.TextIOBase) -> None:
        out.write("half")
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        outputs.write(outputs.Output("full", "report.txt"), fails)
    assert target.read_text() == "old"
    outputs.write(outputs.Output("full", "report.txt"), lambda out: print("new é", file=out))
    assert target.read_bytes() == "new é\n".encode()
    assert os.listdir(project) == [".git", "report.txt"] or sorted(os.listdir(project)) == [
        ".git",
        "report.txt",
    ]


def test_a_report_can_go_to_a_link_or_a_device(project: Path) -> None:
    (project / "real.txt").write_text("old")
    (project / "link.txt").symlink_to("real.txt")
    outputs.write(outputs.Output("full", "link.txt"), lambda out: print("new", file=out))
    assert (project / "link.txt").is_symlink()
    assert (project / "real.txt").read_text() == "new\n"
    if os.path.exists(os.devnull):
        outputs.write(outputs.Output("full", os.devnull), lambda out: print("new", file=out))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), [("full", "-")]),
        (("json",), [("json", "-")]),
        (("json:-",), [("json", "-")]),
        (("json:",), [("json", "-")]),
        (("concise", "a.json", "full:b.txt"), [("concise", "-"), ("json", "a.json"), ("full", "b.txt")]),
        (("c.txt",), [("full", "c.txt")]),
        ((r"C:\x.json",), [("json", r"C:\x.json")]),
    ],
)
def test_outputs(project: Path, values: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert list(outputs.parse(values)) == expected


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "auditor", "--help"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_version_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from auditor.cli.main import main; main(['--version'])\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[1].split()
    assert [name for name in loaded if name.startswith("auditor")] == [
        "auditor",
        "auditor.cli",
        "auditor.cli.main",
    ]
    assert not {"argparse", "re", "typing", "pathlib", "dataclasses"} & set(loaded)


def test_configuration_and_discovery_import_nothing_heavy(project: Path) -> None:
    (project / "a.py").touch()
    code = (
        "import sys\n"
        "from auditor.config import load; from auditor.discover import discover\n"
        "import auditor.cli.check\n"
        "assert len(discover(['.'], load('.')).files) == 1\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "asyncio",
        "difflib",
        "importlib.metadata",
        "jinja2",
        "libcst",
        "multiprocessing",
        "rich",
        "subprocess",
    }
    assert not heavy & set(done.stdout.split())
