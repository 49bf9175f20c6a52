"""Results that are kept: the same bytes where nothing has changed, and a fresh run where anything that matters has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import audit
from auditor.cache import state
from auditor.cli.main import main
from auditor.reporters import FORMATS

Capture = pytest.CaptureFixture[str]

APP = "import time\n\nfrom helper import slow\n\n\nasync def f():\n    time.sleep(1)\n    slow()\n"
HELPER = "import time\n\n\ndef slow():\n    time.sleep(2)\n"
HEAVY = (
    "libcst",
    "rich",
    "asyncio",
    "jinja2",
    "multiprocessing",
    "argparse",
    "dataclasses",
    "tomllib",
    "typing",
)


class Runs:
    """Runs the command and tells how many audits it took."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        self.audits = 0
        self._capsys = capsys
        whole = audit.full_audit

        def counted(*arguments, **options):
            self.audits += 1
            return whole(*arguments, **options)

        monkeypatch.setattr(audit, "full_audit", counted)

    def __call__(self, *options: str) -> tuple[int, str]:
        """How many audits were made, and what was printed."""
        before = self.audits
        self._capsys.readouterr()
        code = main(["check", "-o", "concise", *options])
        audits = self.audits - before
        printed = self._capsys.readouterr()
        assert printed.err == ""
        fresh = main(["check", "--no-cache", "-o", "concise", *options])
        assert (code, printed.out) == (fresh, self._capsys.readouterr().out)
        return audits, printed.out


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Runs:
    return Runs(monkeypatch, capsys)


@pytest.fixture
def program(project: Path) -> Path:
    (project / "app.py").write_text(APP)
    (project / "helper.py").write_text(HELPER)
    (project / "sub").mkdir()
    (project / "sub" / "other.py").write_text("x = 1\n")
    (project / "pyproject.toml").write_text("[tool.auditor]\n")
    # what has just been written could change within the same tick of the clock; make it old
    os.utime(project / "pyproject.toml", (1e9, 1e9))
    return project


def git(*arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True
    )


@pytest.fixture
def repository(program: Path) -> Path:
    (program / ".git").rmdir()
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "first")
    return program


def test_nothing_changed(program: Path, runs: Runs) -> None:
    audits, first = runs()
    assert audits == 1
    assert first.count("LOOP301") == 2
    assert runs() == (0, first)
    assert runs("--statistics")[0] == 1
    assert runs() == (0, first)


def test_touched_files_are_read_and_found_the_same(program: Path, runs: Runs) -> None:
    first = runs()[1]
    (program / "app.py").write_text(APP)
    os.utime(program / "helper.py")
    (program / "unrelated.txt").touch()
    assert runs() == (0, first)


def _write(name: str, text: str) -> Callable[[Path], object]:
    def change(program: Path) -> None:
        (program / name).parent.mkdir(parents=True, exist_ok=True)
        (program / name).write_text(text)

    return change


def _same_size_and_time(program: Path) -> None:
    path = program / "app.py"
    status = path.stat()
    path.write_text(APP.replace("sleep(1)", "sleep(9)"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replace_by_link(program: Path) -> None:
    (program / "elsewhere").mkdir()
    (program / "elsewhere" / "helper.txt").write_text("def slow():\n    pass\n")
    (program / "helper.py").unlink()
    (program / "helper.py").symlink_to("elsewhere/helper.txt")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": _write("app.py", APP.replace("sleep(1)", "sleep(3)")),
    "same size and time": _same_size_and_time,
    "deleted": lambda program: (program / "helper.py").unlink(),
    "renamed": lambda program: (program / "helper.py").rename(program / "helpers.py"),
    "new file": _write("sub/new.py", APP),
    "new file in a new directory": _write("deep/down/new.py", APP),
    "directory renamed": lambda program: (program / "sub").rename(program / "bus"),
    "package": _write("sub/__init__.py", ""),
    "ignored": _write(".gitignore", "helper.py\n"),
    "ignored below": _write("sub/.gitignore", "*\n"),
    "environment": _write("sub/pyvenv.cfg", ""),
    "settings": _write("pyproject.toml", "[tool.auditor]\nexclude = ['helper.py']\n"),
    "other settings": _write("auditor.toml", "min-severity = 'HIGH'\n"),
    "link": _replace_by_link,
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_noticed(program: Path, runs: Runs, name: str) -> None:
    runs()
    if name == "other settings":
        (program / "pyproject.toml").write_text("")
    CHANGES[name](program)
    assert runs()[0] == 1
    assert runs()[0] in (0, 1)  # settings written this very moment are not trusted yet


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "link"])
def test_changes_are_noticed_where_git_lists(repository: Path, runs: Runs, name: str) -> None:
    first = runs()[1]
    assert runs() == (0, first)
    if name == "other settings":
        (repository / "pyproject.toml").write_text("")
    CHANGES[name](repository)
    assert runs()[0] == (0 if name.startswith("ignored") else 1)  # tracked files are audited all the same


def test_sources_behind_links(program: Path, runs: Runs) -> None:
    _replace_by_link(program)
    first = runs()[1]
    assert runs() == (0, first)
    (program / "elsewhere" / "helper.txt").write_text(HELPER)
    assert runs()[0] == 1


def test_files_named_outright(program: Path, runs: Runs) -> None:
    first = runs("app.py", "helper.py")[1]
    assert runs("app.py", "helper.py") == (0, first)
    (program / "sub" / "other.py").write_text(APP)
    assert runs("app.py", "helper.py") == (0, first)
    (program / "__init__.py").touch()  # now they are parts of a package
    assert runs("app.py", "helper.py")[0] == 1


def test_files_of_settings(program: Path, runs: Runs) -> None:
    model = '[area]\nname = "own"\ndescription = "x"\n'
    (program / "own.toml").write_text(model)
    (program / "pyproject.toml").write_text(
        "[tool.auditor]\nmodels = ['*.toml']\nexclude = ['auditor.toml']\n"
    )
    (program / "pyproject.toml").rename(program / "auditor.toml")
    (program / "auditor.toml").write_text("models = ['o*.toml']\n")
    for name in ("own.toml", "auditor.toml"):
        os.utime(program / name, (1e9, 1e9))
    assert runs()[0] == 1
    (program / "other.toml").write_text(model.replace("own", "other"))
    assert runs()[0] == 1


def test_the_baseline(program: Path, runs: Runs) -> None:
    assert main(["baseline", "-q", "--baseline", "known.jsonl"]) == 0
    runs("--baseline", "known.jsonl")
    lines = (program / "known.jsonl").read_text().splitlines(keepends=True)
    (program / "known.jsonl").write_text(lines[0])
    audits, printed = runs("--baseline", "known.jsonl")
    assert audits == 1
    assert printed.count("LOOP301") == 2


def test_files_that_no_audit_looks_at(repository: Path, runs: Runs) -> None:
    first = runs()[1]
    (repository / "notes.txt").touch()
    (repository / "sub" / "data.json").touch()
    git("add", "notes.txt")
    assert runs() == (0, first)
    (repository / "sub" / "other.py").write_text("x = 2\n")
    assert runs()[0] == 1
    git("add", "-A")
    assert runs()[0] == 0


def test_since_follows_the_branch(repository: Path, runs: Runs) -> None:
    (repository / "app.py").write_text(APP + "\n\nasync def g():\n    time.sleep(4)\n")
    first = runs("--since", "HEAD")[1]
    assert first.count("LOOP301") == 1
    assert runs("--since", "HEAD") == (0, first)
    git("commit", "-qam", "second")
    audits, printed = runs("--since", "HEAD")
    assert audits == 2  # both sides
    assert "No findings" in printed


def test_reports_in_files_are_written_again(program: Path, runs: Runs, capsys: Capture) -> None:
    command = ["check", "--exit-zero", "-o", "html:page.html", "-o", "sarif:out.sarif", "-o", "concise"]
    assert main(command) == 0
    before = [(program / name).read_bytes() for name in ("page.html", "out.sarif")], capsys.readouterr().out
    (program / "page.html").unlink()
    (program / "out.sarif").write_text("old")
    runs_before = runs.audits
    assert main(command) == 0
    after = [(program / name).read_bytes() for name in ("page.html", "out.sarif")], capsys.readouterr().out
    assert before == after
    assert runs.audits == runs_before


def test_an_edit_of_auditor_itself_counts(program: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs()
    from auditor.cache import identity

    monkeypatch.setattr(identity, "program", lambda _: b"edited")
    assert runs()[0] == 1


def test_environment_and_options_count(program: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs()
    monkeypatch.setenv("AUDITOR_RAISE", "")
    assert runs()[0] == 1
    assert runs("--ignore", "LOOP301")[0] == 1
    monkeypatch.chdir(program / "sub")
    assert runs("..")[0] == 1


@pytest.mark.parametrize(
    "options", [["--timings"], ["--diff"], ["--watch=no"], ["--stdin-filename", "app.py"]], ids=lambda x: x[0]
)
def test_what_is_never_kept(program: Path, options: list[str]) -> None:
    results = Path(os.environ["AUDITOR_CACHE_DIR"], "results")
    before = sorted(results.glob("*"))
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "auditor", "check", *options],
            input=b"x = 1\n",
            capture_output=True,
            check=False,
        )
    assert sorted(results.glob("*")) == before


@pytest.mark.parametrize("name", [*FORMATS, "--focus"])
def test_what_a_kept_result_imports(program: Path, name: str) -> None:
    """All formats come out as they did, in a process that has imported next to nothing."""
    options = ["--focus", "app.py"] if name == "--focus" else ["-o", name]
    script = (
        "import sys; from auditor.cli.main import run; code = run(['check', *sys.argv[1:]]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, *options]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout)
    assert first.returncode == 1
    assert "libcst" in first.stderr.split()
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not set(HEAVY) & (set(second.stderr.split()) - set(bare.stdout.split()))


def test_two_directories_do_not_mix(program: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(program / "sub", program / "two")
    (program / "two" / "other.py").write_text(APP)
    monkeypatch.chdir(program / "sub")
    assert "No findings" in runs()[1]
    monkeypatch.chdir(program / "two")
    assert runs()[1].count("LOOP301") == 1


SPY = """
import os, sys
opened = set()

def hook(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, type(None))):
        opened.add((event, os.path.abspath(arguments[0] or ".")))

sys.addaudithook(hook)
from auditor.cli.main import run
code = run(sys.argv[1:])
here = os.path.join(os.getcwd(), "")
print(*sorted(f"{event} {path}" for event, path in opened if path.startswith(here)), sep="\\n", file=sys.stderr)
sys.exit(code)
"""


def test_whatever_a_run_opens_is_compared(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of the program's directory that a run opens, and every directory that it lists, is taken down."""
    cache = program.parent / f"{program.name}-cache"
    monkeypatch.setenv("AUDITOR_CACHE_DIR", str(cache))
    model = '[area]\nname = "own"\ndescription = "x"\n'
    (program / "own.toml").write_text(model)
    (program / "auditor.toml").write_text("models = ['own.toml']\nbaseline = 'known.jsonl'\nsrc = ['sub']\n")
    (program / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (program / ".gitignore").write_text("*.log\n")
    (program / "sub" / "book.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    (program / "elsewhere").mkdir()
    (program / "elsewhere" / "text.txt").write_text("x = 1\n")
    (program / "linked.py").symlink_to("elsewhere/text.txt")
    assert main(["baseline", "-q", "--no-cache", "--baseline", "known.jsonl", "sub"]) == 0
    for path in [*program.rglob("*.toml"), program / "known.jsonl", program / ".gitignore"]:
        os.utime(path, (1e9, 1e9))
    monkeypatch.setattr(state, "TICK", 0)
    taken = []
    whole = state.take
    monkeypatch.setattr(state, "take", lambda recording: taken.append(recording) or whole(recording))
    command = [sys.executable, "-c", SPY, "check", "--no-cache", "-o", "html", "--focus", "."]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert main(["check", "-o", "html", "--focus", "."]) == done.returncode == 1
    (recording,) = taken
    looked = set()
    for line in done.stderr.splitlines():
        event, path = line.split(" ", 1)
        if event == "open":
            looked.add(path)
            assert path in recording.contents or path in recording.late, path
        else:
            assert ("sources", path) in recording.listings, path
    names = {os.path.relpath(path, program) for path in looked}
    assert names >= {
        "app.py",
        "helper.py",
        "own.toml",
        "auditor.toml",
        "known.jsonl",
        ".gitignore",
        "linked.py",
    }
