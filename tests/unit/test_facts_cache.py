"""Facts of files: packed and unpacked, kept by content, and made by other processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from array import array
from pathlib import Path

import pytest

from auditor.cache import shards as cached
from auditor.cache.store import Cache
from auditor.cli.main import main
from auditor.digests import digest
from auditor.index import facts as f
from auditor.index import files, packing, reading
from auditor.index.files import Indexed
from auditor.index.reading import Wanted
from auditor.index.workers import Workers

PATIENCE = 60


def plain(value: object) -> object:
    """Facts as values that can be compared."""
    if isinstance(value, (f.FileFacts, f.FunctionFacts, f.ClassFacts)):
        return [plain(getattr(value, name)) for name in type(value).__slots__]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return [(plain(key), plain(item)) for key, item in value.items()]
    return (type(value), list(value)) if isinstance(value, array) else (type(value), value)


def test_packing_loses_nothing(repository_root: Path) -> None:
    sources = [*(repository_root / "fixtures").rglob("*.py"), *(repository_root / "auditor").rglob("*.py")]
    for path in sorted(sources):
        indexed = files.learn(str(path), path.read_bytes())
        again = packing.unpack(packing.pack(indexed))
        assert plain(again.facts) == plain(indexed.facts), path
        assert again[1:] == indexed[1:]


@pytest.mark.parametrize(
    "text", ["x = (", "x = 1j, b'x', ..., 10**99, '\\ud800', None\ny = x[1:2]\nf(**x)\n"]
)
def test_packing_of_odd_files(text: str) -> None:
    indexed = files.learn("a.py", text.encode())
    again = packing.unpack(packing.pack(indexed))
    assert (plain(again.facts), again.reason) == (plain(indexed.facts), indexed.reason)


def test_notebooks_keep_what_was_left_out(repository_root: Path) -> None:
    cells = [
        {"cell_type": "code", "source": "x = ("},
        {"cell_type": "code", "source": "import time\n"},
    ]
    import json

    content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    indexed = files.learn("a.ipynb", content)
    assert [cell for cell, _ in indexed.skipped] == [1]
    assert packing.unpack(packing.pack(indexed)).skipped == indexed.skipped


@pytest.fixture
def shards(tmp_path: Path) -> cached.Shards:
    return cached.Shards(Cache(str(tmp_path / "cache")), "/project")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A hundred small files, in several chunks."""
    (tmp_path / "tree").mkdir()
    for number in range(100):
        (tmp_path / "tree" / f"m{number:03}.py").write_text(f"def f{number}():\n    return {number}\n")
    return tmp_path / "tree"


def wanted(tree: Path) -> list[Wanted]:
    return [Wanted(str(path)) for path in sorted(tree.glob("*.py"))]


class Learning:
    """Counts the files that are parsed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        whole = files.learn

        def learn(path: str, content: bytes) -> Indexed:
            self.paths.append(os.path.basename(path))
            return whole(path, content)

        monkeypatch.setattr(files, "learn", learn)

    def since(self) -> list[str]:
        paths, self.paths = self.paths, []
        return paths


def names(learned: list[reading.Learned]) -> list[str]:
    return [x.indexed.facts.functions[1].name for x in learned if x.indexed.facts is not None]


def test_only_what_has_changed_is_parsed(
    tree: Path, shards: cached.Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = Learning(monkeypatch)
    first = list(reading.read(wanted(tree), shards, 1))
    assert len(learning.since()) == 100
    again = list(reading.read(wanted(tree), shards, 1))
    assert learning.since() == []
    assert [x.content for x in again] == [x.content for x in first]
    assert names(again) == [f"f{number}" for number in range(100)]
    (tree / "m007.py").write_text("def g():\n    pass\n")
    (tree / "m0070.py").write_text("def h():\n    pass\n")
    (tree / "m050.py").unlink()
    assert names(list(reading.read(wanted(tree), shards, 1)))[7:9] == ["g", "h"]
    assert learning.since() == ["m007.py", "m0070.py"]
    (tree / "m007.py").write_text("def f7():\n    return 7\n")
    (tree / "m0070.py").unlink()
    assert names(list(reading.read(wanted(tree), shards, 1)))[6:9] == ["f6", "f7", "f8"]
    assert learning.since() == []  # what was there a moment ago is there still


def test_unsaved_text_is_not_kept(tree: Path, shards: cached.Shards, monkeypatch: pytest.MonkeyPatch) -> None:
    list(reading.read(wanted(tree), shards, 1))
    learning = Learning(monkeypatch)
    files_wanted = wanted(tree)
    files_wanted[3] = Wanted(files_wanted[3].path, b"def unsaved():\n    pass\n")
    for _ in range(2):
        assert names(list(reading.read(files_wanted, shards, 1)))[3] == "unsaved"
        assert learning.since() == ["m003.py"]
    list(reading.read(wanted(tree), shards, 1))
    assert learning.since() == []


def test_a_file_that_cannot_be_read(tree: Path, shards: cached.Shards) -> None:
    (tree / "m001.py").unlink()
    (tree / "m001.py").mkdir()
    for jobs in (1, 2):
        learned = list(reading.read(wanted(tree), shards, jobs))
        assert learned[1] == (b"", Indexed(None, "not a regular file but a directory"))
        assert len(names(learned)) == 99


def test_notebooks_and_sources_of_the_same_content(tree: Path, shards: cached.Shards) -> None:
    (tree / "n.py").write_text("{}")
    (tree / "n.ipynb").write_text("{}")
    for _ in range(2):
        first, second = reading.read([Wanted(str(tree / "n.py")), Wanted(str(tree / "n.ipynb"))], shards, 1)
        assert first.indexed.facts is not None
        assert second.indexed.reason.startswith("not a notebook")


@pytest.mark.parametrize("jobs", [2, 3])
def test_other_processes_learn_the_same(tree: Path, shards: cached.Shards, jobs: int) -> None:
    here = list(reading.read(wanted(tree), None, 1))
    there = list(reading.read(wanted(tree), shards, jobs))
    kept = list(reading.read(wanted(tree), shards, 1))
    assert [x.content for x in here] == [x.content for x in there] == [x.content for x in kept]
    assert here[0].content == digest((tree / "m000.py").read_bytes())
    for one, two, three in zip(here, there, kept, strict=True):
        assert plain(one.indexed.facts) == plain(two.indexed.facts) == plain(three.indexed.facts)


def test_a_worker_that_dies_is_replaced_by_the_caller(tree: Path) -> None:
    chunks = [[str(path)] for path in sorted(tree.glob("*.py"))]
    with Workers(2) as workers:
        workers.start(chunks)
        results = [workers.result()]
        for process in workers._processes:
            process.kill()
            process.wait()
        results += [workers.result() for _ in chunks[1:]]
    assert results[0] is not None
    assert results[-1] is None


def test_no_worker_can_be_started(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tree / "no python"))
    assert len(names(list(reading.read(wanted(tree), None, 2)))) == 100


def test_a_reader_that_gives_up_leaves_no_process(tree: Path) -> None:
    learned = reading.read(wanted(tree), None, 2)
    next(learned)
    learned.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(project: Path, number: int) -> None:
    text = "def f(x):\n" + "    y = [x.a(b).c for b in x if b.d()]\n" * 400
    for at in range(300):
        (project / f"m{at}.py").write_text(text)
    command = [sys.executable, "-m", "auditor", "check", "-j2", "--no-cache"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True
    )
    children = f"/proc/{process.pid}/task/{process.pid}/children"
    deadline = time.monotonic() + PATIENCE
    workers: list[str] = []
    while len(workers) < 2 and process.poll() is None and time.monotonic() < deadline:
        if os.path.exists(children):
            workers = Path(children).read_text().split()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.kill()
    _, complaints = process.communicate(timeout=PATIENCE)
    assert complaints == ""
    assert process.returncode in ((130,) if number == signal.SIGINT else (-signal.SIGKILL,))
    while any(_runs(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [worker for worker in workers if _runs(worker)]


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_findings_are_the_same_from_the_cache_and_from_workers(
    repository_root: Path, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 4)
    shutil.copytree(repository_root / "fixtures" / "programs" / "document_upload", project / "program")
    printed = []
    for options in (["--no-cache", "-j1"], ["-j2"], ["-q"], ["--no-cache", "-j2"]):
        main(["check", "-o", "json", *options])
        printed.append(capsys.readouterr().out)
    assert len(set(printed)) == 1
    assert "LOOP" in printed[0]
