"""Every benchmark for which the data are at hand, one after the other.

    python tests/bench/run.py [--data DIR] [--quick]

DIR (or ``$AUDITOR_BENCH_DATA``) holds checkouts that somebody has fetched; each part whose data are missing is named
and left out:

    homeassistant/   the 2024.3.3 release from PyPI, unpacked          speed, growth, memory
    pycg/            PyCG with its micro-benchmark                     accuracy of the call graph
    ruff/            ruff's source                                     blocking calls that its fixtures mark
    flake8-async/    flake8-async's source                             the same
    projects/*/      real projects                                     robustness, comparison with ruff
    corpus.jsonl, corpus-trees/   labelled bugs and their trees        recall
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support import command_line

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark: its script, what it needs below the data folder, its arguments."""

    title: str
    script: str
    needs: tuple[Path, ...]
    arguments: tuple[str, ...]
    quick: bool = True


def parts(data: Path) -> list[Part]:
    snippets = data / "pycg" / "micro-benchmark" / "snippets"
    homeassistant = data / "homeassistant"
    projects = sorted(path for path in (data / "projects").glob("*") if path.is_dir())
    names = tuple(str(path) for path in projects)
    others = ("--ruff", str(data / "ruff"), "--flake8-async", str(data / "flake8-async"))
    corpus = (data / "corpus.jsonl", data / "corpus-trees")
    needs = tuple(projects) or (data / "projects",)
    return [
        Part("call graph", "callgraph.py", (snippets,), (str(snippets), "--floor", "0.97", "0.85")),
        Part("fixtures of others", "fixtures_of_others.py", (data / "ruff", data / "flake8-async"), others),
        Part("cold speed", "speed_cold.py", (homeassistant,), (str(homeassistant), "--limit", "14")),
        Part("growth", "speed_cold.py", (homeassistant,),
             (str(homeassistant), "--runs", "1", "--growth", "10", "30", "100"), quick=False),
        Part("speed beside its marks", "speed_table.py", (homeassistant,), (str(homeassistant),), quick=False),
        Part("warm speed", "speed_warm.py", (homeassistant,), (str(homeassistant),)),
        Part("corpus", "corpus_recall.py", corpus, tuple(map(str, corpus)), quick=False),
        Part("robustness", "robustness.py", needs, names, quick=False),
        Part("standard library", "robustness.py", (), ("--interpreter", sys.executable), quick=False),
        Part("beside ruff", "versus_ruff.py", needs, names, quick=False),
    ]  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("AUDITOR_BENCH_DATA", "bench-data")))
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    options = parser.parse_args(argv)
    failed = []
    for part in parts(options.data.resolve()):
        missing = [str(path) for path in part.needs if not path.exists()]
        if missing or (options.quick and not part.quick):
            print(f"== {part.title}: left out" + (f", no {missing[0]}" if missing else ""), flush=True)
            continue
        print(f"== {part.title}", flush=True)
        if subprocess.run([sys.executable, str(HERE / part.script), *part.arguments], check=False).returncode:
            failed.append(part.title)
        print(flush=True)
    if failed:
        print(f"below its mark: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
