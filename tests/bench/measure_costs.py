"""Measure what the catalog's costs rest on: file, process and archive calls on the local disk, and who holds the GIL.

    python tests/bench/measure_costs.py            print a table
    python tests/bench/measure_costs.py --write    and put the figures into the notes of rules/catalog/*.toml

Each longer call also runs beside a companion thread that looks at the clock: its longest standstill is the longest
time for which the call held the GIL, what an event loop on another thread would feel. (Python bytecode yields after
5 ms, so about 5 ms says nothing.) The page cache is warm, so reads are a lower bound of what a cold disk takes.
"""

from __future__ import annotations

import argparse
import filecmp
import gzip
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

CATALOG = Path(__file__).resolve().parents[2] / "rules" / "catalog"
MEGABYTE = 1_000_000
MARK = "Measured: "


@dataclass(frozen=True, slots=True)
class Measurement:
    """The median wall time of one call, and for how long at most it let no other thread run."""

    name: str
    seconds: float
    stall: float | None

    def __str__(self) -> str:
        stall = "" if self.stall is None else f" (longest GIL hold {short(self.stall)})"
        return f"{self.name} {short(self.seconds)}{stall}"


def short(seconds: float) -> str:
    """Two significant digits with a unit."""
    rounded = float(f"{seconds:.1e}")
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if rounded >= factor:
            return f"{rounded / factor:.3g} {unit}"
    return f"{rounded / 1e-9:.3g} ns"


class Companion:
    """A thread that only looks at the clock, as an event loop would want to, and keeps its longest standstill."""

    def __init__(self) -> None:
        self._stop = False
        self.longest = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        last = time.perf_counter()
        while not self._stop:
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now

    def __enter__(self) -> Self:
        self._thread.start()
        time.sleep(0.01)
        self.longest = 0.0
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()


def longest_stall(call: Callable[[], object]) -> float:
    """For how long the companion stood still at most; the least of several runs, since other processes disturb it."""
    stalls = []
    for _ in range(5):
        with Companion() as companion:
            call()
            time.sleep(0.002)  # lets a companion that stood still to the very end notice it
            stalls.append(companion.longest)
    return min(stalls)


class Bench:
    """Collects measurements in a directory of its own."""

    def __init__(self, directory: Path, repeat: int) -> None:
        self.directory = directory
        self.repeat = repeat
        self.results: dict[str, Measurement] = {}

    def measure(self, name: str, call: Callable[[], object], *, times: int = 1, gil: bool = True) -> None:
        """Median over repetitions; a short call is repeated ``times`` in each, and not asked about the GIL.

        ``gil`` is False for thousands of short system calls: each would wait 5 ms to get the GIL back.
        """
        call()
        samples = []
        for _ in range(self.repeat):
            start = time.perf_counter()
            for _ in range(times):
                call()
            samples.append((time.perf_counter() - start) / times)
        seconds = statistics.median(samples)
        stall = longest_stall(call) if seconds >= 0.001 and times == 1 and gil else None
        self.results[name] = Measurement(name, seconds, stall)

    def files(self) -> None:
        """Reads, writes and copies by size; what touches names only."""
        for size in (1, 10, 100):
            path = self.directory / f"{size}mb.bin"
            payload = os.urandom(size * MEGABYTE)
            target = self.directory / "copy.bin"
            self.measure(f"write {size} MB", lambda path=path, payload=payload: path.write_bytes(payload))
            self.measure(f"read {size} MB", path.read_bytes)
            self.measure(f"copy {size} MB", lambda path=path, target=target: shutil.copyfile(path, target))
        text = self.directory / "text.txt"
        text.write_text("a line of text that is not very long\n" * 270_000)
        self.measure("read_text 10 MB", text.read_text)
        self.measure("readlines 10 MB", lambda: text.read_text().splitlines(keepends=True))
        same = self.directory / "same.bin"
        shutil.copyfile(self.directory / "10mb.bin", same)

        def compare() -> None:
            filecmp.clear_cache()
            filecmp.cmp(same, self.directory / "10mb.bin", shallow=False)

        self.measure("filecmp 10 MB", compare)
        self.measure("stat", lambda: os.stat(text), times=1000)
        self.measure("exists", text.exists, times=1000)
        self.measure("open and close", lambda: text.open("rb").close(), times=1000)
        self.measure("temporary file", lambda: tempfile.TemporaryFile(dir=self.directory).close(), times=100)

    def directories(self) -> None:
        """Listing, walking, copying and removing a tree of 1,000 files."""
        tree = self.directory / "tree"
        for folder in range(10):
            (tree / str(folder)).mkdir(parents=True)
            for number in range(100):
                (tree / str(folder) / f"{number}.txt").write_bytes(b"x" * 10_000)
        self.measure("listdir 100 names", lambda: os.listdir(tree / "0"), times=100)
        self.measure("glob 100 names", lambda: list((tree / "0").glob("*.txt")), times=20)
        self.measure("walk 1000 files", lambda: list(os.walk(tree)), gil=False)
        self.measure("rglob 1000 files", lambda: list(tree.rglob("*.txt")), gil=False)
        copies = iter(range(10_000))
        self.measure(
            "copytree 1000 files",
            lambda: shutil.copytree(tree, self.directory / f"t{next(copies)}"),
            gil=False,
        )
        made = iter(sorted(self.directory.glob("t[0-9]*")))
        self.measure("rmtree 1000 files", lambda: shutil.rmtree(next(made), ignore_errors=True), gil=False)

    def archives(self) -> None:
        """10 MB through the compressors and archive formats."""
        source = self.directory / "half.bin"
        source.write_bytes((os.urandom(500) + b" " * 500) * 10_000)
        data = source.read_bytes()
        archive = self.directory / "a.zip"

        def pack() -> None:
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
                file.write(source, "half.bin")

        def unpack() -> None:
            with zipfile.ZipFile(archive) as file:
                file.extractall(self.directory / "unzipped")

        def pack_tar() -> None:
            with tarfile.open(self.directory / "a.tar.gz", "w:gz") as file:
                file.add(source, "half.bin")

        def unpack_tar() -> None:
            with tarfile.open(self.directory / "a.tar.gz") as file:
                file.extractall(self.directory / "untarred")

        self.measure("zip 10 MB", pack)
        self.measure("unzip 10 MB", unpack)
        self.measure("tar.gz 10 MB", pack_tar)
        self.measure("untar.gz 10 MB", unpack_tar)
        packed = gzip.compress(data, 6)
        (self.directory / "a.gz").write_bytes(packed)

        def read_gzip() -> None:
            with gzip.open(self.directory / "a.gz") as file:
                file.read()

        self.measure("gzip read 10 MB", read_gzip)

    def processes(self) -> None:
        """A child that does nothing."""
        true = shutil.which("true") or sys.executable
        self.measure("run true", lambda: subprocess.run([true], check=False), times=5)
        self.measure("run true in a shell", lambda: os.system("true"), times=5)
        self.measure("spawn true", self._spawn(true), times=5)
        ended = subprocess.Popen([true])
        ended.wait()
        self.measure("wait for an ended child", ended.wait, times=1000)

    @staticmethod
    def _spawn(program: str) -> Callable[[], object]:
        children: list[subprocess.Popen[bytes]] = []

        def spawn() -> None:
            children.append(subprocess.Popen([program]))
            if len(children) > 20:
                for child in children:
                    child.wait()
                children.clear()

        return spawn

    def locks(self) -> None:
        """A lock that nobody holds."""
        lock = threading.Lock()

        def take() -> None:
            with lock:
                pass

        self.measure("with lock (free)", take, times=10_000)


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory on the disk of the working directory: /tmp may be memory."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".costs-") as name:
        yield Path(name)


def write_notes(results: dict[str, Measurement], machine: str) -> list[str]:
    """Replace what follows ``Measured:`` in each note; the names before each figure say what to put there."""
    changed = []
    for file in sorted(CATALOG.glob("*.toml")):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        for number, line in enumerate(lines):
            before, mark, rest = line.partition(MARK)
            if not mark:
                continue
            note, quote, after = rest.partition('"')
            parts = [part.strip() + " " for part in note.split(";")]
            names = [max((n for n in results if p.startswith(f"{n} ")), key=len, default="") for p in parts]
            if all(names):
                figures = "; ".join(str(results[name]) for name in names)
                lines[number] = f"{before}{mark}{figures} ({machine}){quote}{after}"
        text = "".join(lines)
        if text != file.read_text(encoding="utf-8"):
            file.write_text(text, encoding="utf-8")
            changed.append(file.name)
    return changed


def main() -> None:
    """Measure, print, and with --write record."""
    parser = argparse.ArgumentParser(description="Measure the costs that the catalog states.")
    parser.add_argument("--write", action="store_true", help="put the figures into the notes of the catalog")
    parser.add_argument("--repeat", type=int, default=7, help="samples for each call (default: 7)")
    options = parser.parse_args()
    with scratch() as directory:
        bench = Bench(directory, options.repeat)
        for part in (bench.files, bench.directories, bench.archives, bench.processes, bench.locks):
            part()
    for result in bench.results.values():
        stall = "" if result.stall is None else f"longest GIL hold {short(result.stall):>8}"
        print(f"{result.name:28} {short(result.seconds):>9}   {stall}")
    if options.write:
        machine = f"{platform.system()}, Python {platform.python_version()}, warm page cache"
        print("changed:", ", ".join(write_notes(bench.results, machine)) or "nothing")


if __name__ == "__main__":
    main()
