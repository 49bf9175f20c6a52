"""A cache that is damaged, foreign, full, shared or half written: one warning at most, and a right result."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditor.cache import sealed
from auditor.cache.store import Cache
from auditor.cli.main import main

Capture = pytest.CaptureFixture[str]

APP = "import time\n\nfrom helper import slow\n\n\nasync def f():\n    time.sleep(1)\n    slow()\n"
HELPER = "import time\n\n\ndef slow():\n    time.sleep(2)\n"
COMMAND = [sys.executable, "-m", "auditor", "check", "-o", "concise"]


@pytest.fixture
def cache(project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the working directory, and a place for its cache."""
    (project / "app.py").write_text(APP)
    (project / "helper.py").write_text(HELPER)
    place = tmp_path_factory.mktemp("trouble") / "cache"
    monkeypatch.setenv("AUDITOR_CACHE_DIR", str(place))
    return place


def check(capsys: Capture, *options: str) -> tuple[str, list[str]]:
    """What a run prints, and its warnings; what it prints must be right."""
    capsys.readouterr()
    assert main(["check", "-o", "concise", *options]) == 1
    printed = capsys.readouterr()
    assert printed.out.count("LOOP301") == 2
    assert printed.out.endswith("2 functions in 2 files; async safety 6.9 of 10\n")
    return printed.out, printed.err.splitlines()


def entries(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG")


def mutated(content: bytes, source: random.Random) -> bytes:
    at = source.randrange(len(content))
    return source.choice(
        [
            content[:at],
            content + b"\0",
            b"",
            content[:at] + bytes([content[at] ^ (1 << source.randrange(8))]) + content[at + 1 :],
            content[:at] + source.randbytes(20) + content[at + 20 :] + b"!",
            source.randbytes(len(content)),
            sealed.MARK + source.randbytes(at),
        ]
    )


def test_sealed_values_are_never_loaded_when_changed(tmp_path: Path) -> None:
    source = random.Random(1)
    path = str(tmp_path / "entry")
    value = ([1, 2.5, None, "a", b"b", ("x", True)], {"key": [10**30, "\ud800"]})
    sealed.save(path, value)
    assert sealed.load(path) == value
    content = Path(path).read_bytes()
    for _ in range(2000):
        Path(path).write_bytes(mutated(content, source))
        with pytest.raises(sealed.DamagedError):
            sealed.load(path)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_entries_are_made_anew(cache: Path, capsys: Capture, seed: int) -> None:
    source = random.Random(seed)
    first, warnings = check(capsys)
    assert warnings == []
    paths = entries(cache)
    assert [path.parent.name for path in paths].count("results") == 1
    damaged = source.sample(paths, source.randint(1, len(paths)))
    for path in damaged:
        path.write_bytes(mutated(path.read_bytes(), source))
    again, warnings = check(capsys)
    assert again == first
    shown = [f"auditor: warning: {path} in the cache is damaged, and made anew" for path in damaged]
    if any(path.parent.name == "results" for path in damaged):
        assert len(warnings) == 1
        assert warnings[0] in shown
    else:
        assert warnings == []  # the result was all that it took
    assert check(capsys) == (first, [])


def test_entries_that_are_no_files(cache: Path, capsys: Capture) -> None:
    check(capsys)
    for path in entries(cache):
        path.unlink()
        path.mkdir()
    _, warnings = check(capsys)
    assert len(warnings) == 1
    assert warnings[0].endswith("'auditor clean' removes the cache")


def test_links_are_not_followed(cache: Path, capsys: Capture, tmp_path: Path) -> None:
    check(capsys)
    for path in entries(cache):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    _, warnings = check(capsys)
    assert len(warnings) == 1


def test_foreign_files(cache: Path, capsys: Capture) -> None:
    cache.mkdir()
    (cache / "precious").touch()
    _, warnings = check(capsys)
    assert warnings == [
        (
            f"auditor: warning: cache directory {cache} holds files that are not auditor's; "
            "name another with --cache-dir"
        )
    ]
    assert os.listdir(cache) == ["precious"]
    assert check(capsys, "-q")[1] == []
    assert check(capsys, "--no-cache")[1] == []


@pytest.mark.skipif(os.name != "posix", reason="owners and modes")
def test_others_may_write(cache: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    check(capsys)
    cache.chmod(0o777)
    _, warnings = check(capsys)
    assert warnings == [
        f"auditor: warning: cache directory {cache} can be written by others; run 'chmod go-w' on it"
    ]
    cache.chmod(0o700)
    assert check(capsys)[1] == []
    monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    _, warnings = check(capsys)
    assert warnings == [
        f"auditor: warning: cache directory {cache} belongs to another user; name another with --cache-dir"
    ]


def test_no_place_for_a_directory(cache: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.touch()
    for place in (cache, cache / "below"):
        monkeypatch.setenv("AUDITOR_CACHE_DIR", str(place))
        _, warnings = check(capsys)
        assert len(warnings) == 1
        assert warnings[0].startswith(f"auditor: warning: cache directory {place} cannot be used (")


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_cache_that_is_only_read(cache: Path, capsys: Capture) -> None:
    first, _ = check(capsys)
    for path in (cache, *cache.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    assert check(capsys) == (first, [])
    assert len(check(capsys, "--statistics")[1]) == 1
    for path in (cache, *cache.rglob("*")):
        path.chmod(0o700)


def test_a_full_disk(cache: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sealed, "_write", full)
    _, warnings = check(capsys)
    assert warnings == [
        (
            f"auditor: warning: cache directory {cache} cannot be written (No space left on device), "
            "so that nothing is kept; name another with --cache-dir, or give --no-cache"
        )
    ]
    assert entries(cache) == []


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
def test_files_may_not_grow(cache: Path) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stdout.count("LOOP301") == 2
    (warning,) = done.stderr.splitlines()
    assert warning.startswith(f"auditor: warning: cache directory {cache} cannot be ")
    assert entries(cache) == []


def test_no_home_directory(cache: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUDITOR_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where nobody says whose home it is
    before = sorted(os.listdir())
    _, warnings = check(capsys)
    assert warnings == [
        (
            "auditor: warning: there is no home directory for the cache; "
            "name a place with --cache-dir, or give --no-cache"
        )
    ]
    assert check(capsys, "--no-cache")[1] == []
    assert sorted(os.listdir()) == before
    assert main(["clean"]) == 0
    assert "there is no home directory" in capsys.readouterr().out


def test_clean_removes_it_all(cache: Path, capsys: Capture) -> None:
    check(capsys)
    assert main(["clean"]) == 0
    assert not cache.exists()
    assert check(capsys)[1] == []


def test_old_results_go(cache: Path, tmp_path: Path) -> None:
    place = Cache(str(cache))
    for number in range(30):
        assert place.save(f"results/{number}", number)
        os.utime(cache / "results" / str(number), (number, number))
    (cache / "results" / "1.abc.tmp").touch()
    os.utime(cache / "results" / "1.abc.tmp", (5, 5))
    place.prune("results", 10)
    assert sorted(map(int, os.listdir(cache / "results"))) == list(range(20, 30))
    size = (cache / "results" / "29").stat().st_size
    place.prune("results", 10, most=3.5 * size)
    assert sorted(map(int, os.listdir(cache / "results"))) == [27, 28, 29]


def test_several_runs_at_once(cache: Path) -> None:
    (Path.cwd() / "more").mkdir()
    for number in range(40):
        Path("more", f"m{number}.py").write_text(HELPER)
    for _ in range(2):
        runs = [
            subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        printed = [(*run.communicate(), run.returncode) for run in runs]
        assert len(set(printed)) == 1
        out, complaints, code = printed[0]
        assert (out.count("LOOP301"), complaints, code) == (2, "", 1)


def killed(command: list[str], after: float, *, said: str = "") -> None:
    """Start a command and kill it some seconds later."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if said:
        assert process.stdout is not None
        process.stdout.readline()
    time.sleep(after)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("moments", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_runs(cache: Path, moments: int) -> None:
    source = random.Random(moments)
    start = time.monotonic()
    right = subprocess.run([*COMMAND, "--no-cache"], capture_output=True, text=True, check=False)
    took = time.monotonic() - start
    assert right.stdout.count("LOOP301") == 2
    for _ in range(moments):
        shutil.rmtree(cache, ignore_errors=True)
        killed(COMMAND, source.uniform(0, took * 1.1))
        again = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
        assert (again.stdout, again.stderr) == (right.stdout, "")


WRITER = """
import sys
from auditor.cache.store import Cache
cache = Cache(sys.argv[1])
number = 0
while True:
    number += 1
    assert cache.save("results/one", [number] * 20_000), cache.problem
    cache.save("facts/a/b/two", {bytes([number % 256]) * 20: b"x" * 100_000})
    if number == 1:
        print("begun", flush=True)
"""


@pytest.mark.parametrize("moments", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_writers(cache: Path, moments: int) -> None:
    source = random.Random(moments)
    for _ in range(moments):
        killed([sys.executable, "-c", WRITER, str(cache)], source.uniform(0, 0.02), said="begun")
        place = Cache(str(cache))
        one, two = place.load("results/one"), place.load("facts/a/b/two")
        assert place.problem == ""
        assert one == [one[0]] * 20_000
        assert list(two.values()) == [b"x" * 100_000]
