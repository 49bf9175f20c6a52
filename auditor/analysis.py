"""A linked program: what an audit, an explanation and a call graph all start from."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from auditor import resources
from auditor.cache import inputs
from auditor.cache.shards import Shards
from auditor.cache.store import Cache
from auditor.catalog import load as load_catalog
from auditor.catalog.installed import model_files
from auditor.digests import digest
from auditor.discover import discover
from auditor.index import files
from auditor.index.facts import forget_shared
from auditor.index.reading import Tally, Wanted, read
from auditor.index.source import Problem
from auditor.link.evaluate import Evaluator
from auditor.link.graph import Graph
from auditor.link.imported import packages_of
from auditor.link.program import Program
from auditor.model import NotAnalysed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.catalog import Catalog
    from auditor.config import Config
    from auditor.discover import Discovered
    from auditor.index.files import Text
    from auditor.link.program import Module
    from auditor.reporters.progress import Progress

RECURSION_LIMIT: Final = 20_000
"""Resolution follows chains of assignments and calls; Python frames do not use the C stack since 3.11."""


class PlaceError(Exception):
    """There is nothing to explain at a place; ``problems`` holds one line."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problems = (problem,)


class Roomy:
    """Deep recursion allowed and the cyclic collector off: facts live as long as the run, and hold no garbage."""

    def __enter__(self) -> None:
        self._limit = sys.getrecursionlimit()
        self._collecting = gc.isenabled()
        sys.setrecursionlimit(max(self._limit, RECURSION_LIMIT))
        gc.disable()

    def __exit__(self, *_: object) -> None:
        sys.setrecursionlimit(self._limit)
        if self._collecting:
            gc.enable()


class Clock:
    """CPU seconds by stage, those of processes that have ended included, and the seconds that passed."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}
        self.walls: dict[str, float] = {}
        self._last = self._now()

    def lap(self, stage: str) -> None:
        """Everything since the last lap was ``stage``."""
        now = self._now()
        for table, before, after in zip((self.timings, self.walls), self._last, now, strict=True):
            table[stage] = table.get(stage, 0.0) + after - before
        self._last = now

    @staticmethod
    def _now() -> tuple[float, float]:
        used = os.times()
        return time.process_time() + used.children_user + used.children_system, time.monotonic()


class Analysis:
    """The files below some paths, read, indexed, linked and propagated.

    ``whole``: also where properties and operators run that lead to nothing which a rule judges.
    """

    def __init__(
        self, paths: Sequence[str], config: Config, progress: Progress | None = None, *, whole: bool = False
    ) -> None:
        self.clock = Clock()
        self.not_analysed: list[NotAnalysed] = []
        self.warnings: list[str] = []
        self.tally = Tally()
        self._cache: Cache | None = None
        self._sources: dict[Module, Discovered] = {}
        self._digests: dict[Module, bytes] = {}
        self._overlay = dict(config.overlay)
        discovery = discover(paths, config)
        self.not_analysed.extend(discovery.not_analysed)
        self.clock.lap("discover")
        self.program = self._index(discovery.files, config, progress)
        forget_shared()
        self._complain()
        self.clock.lap("index")
        catalog = _catalog(config, self.program)
        self.clock.lap("catalog")
        if progress is not None:
            progress.stage("linking", 0)
        self.evaluator = Evaluator(self.program, catalog)
        self.graph = Graph(self.evaluator, whole=whole, loop_only=config.loop_only_names)
        self.graph.propagate()
        self.not_analysed.extend(
            NotAnalysed(
                function.module.path, f"internal error in {function.qualname}: {fault}; please report it"
            )
            for function, fault in self.graph.edges.faults.items()
        )
        self.clock.lap("link")

    def _index(self, discovered: Sequence[Discovered], config: Config, progress: Progress | None) -> Program:
        program = Program()
        if progress is not None:
            progress.stage("reading", len(discovered))
        wanted = [Wanted(entry.path_abs, self._overlay.get(entry.path_abs)) for entry in discovered]
        learned = read(wanted, self._shards(config), config.jobs, self.tally)
        for entry, file, (content, indexed) in zip(discovered, wanted, learned, strict=True):
            if progress is not None:
                progress.advance()
            if file.unsaved is None:
                inputs.read(entry.path_abs, content)
            if indexed.facts is None:
                self.not_analysed.append(NotAnalysed(entry.path_display, indexed.reason))
                continue
            self.not_analysed.extend(
                NotAnalysed(files.cell_path(entry.path_display, cell), reason)
                for cell, reason in indexed.skipped
            )
            module = program.add(
                entry.path_display,
                entry.module,
                entry.root,
                indexed.facts,
                is_package=entry.is_package,
                loose=entry.loose,
            )
            self._sources[module] = entry
            self._digests[module] = content
        return program

    def _complain(self) -> None:
        """Say what was wrong with the cache."""
        if self._cache is not None and self._cache.problem:
            self.warnings.append(self._cache.problem)

    def _shards(self, config: Config) -> Shards | None:
        """Where the facts of the files are kept, if they may be."""
        if not config.cache:
            return None
        if not config.cache_dir:
            self.warnings.append(
                "there is no home directory for the cache; name a place with --cache-dir, or give --no-cache"
            )
            return None
        self._cache = Cache(config.cache_dir)
        return Shards(self._cache, config.root)

    def text(self, module: Module) -> Text | None:
        """The text of an analysed module, read again; None if it is no longer what was indexed."""
        entry = self._sources[module]
        unsaved = self._overlay.get(entry.path_abs)
        content = unsaved if unsaved is not None else files.content_of(entry.path_abs)
        if isinstance(content, Problem) or digest(content) != self._digests[module]:
            return None
        text = files.decode(entry.path_abs, entry.path_display, content)
        return None if isinstance(text, Problem) else text

    def find(self, path: str, line: int) -> tuple[Module, int]:
        """The module and the line of its text behind a reported place; raises `PlaceError` where there is none."""
        file, cell = files.split_cell_path(path)
        wanted = os.path.realpath(file)
        module = next(
            (m for m, entry in self._sources.items() if os.path.realpath(entry.path_abs) == wanted), None
        )
        if module is None:
            reasons = [entry.reason for entry in self.not_analysed if os.path.realpath(entry.path) == wanted]
            raise PlaceError(
                f"{file} cannot be analysed: {reasons[0] if reasons else 'it is no Python file'}"
            )
        text = self.text(module)
        if text is None:
            raise PlaceError(f"{file} changed while it was being analysed; run again")
        if text.book is None:
            last = max(1, len(text.text.removesuffix("\n").split("\n")))
            if line > last:
                raise PlaceError(
                    f"{path} has {last} {'line' if last == 1 else 'lines'}; give a line up to that"
                )
            return module, line
        if cell is None:
            raise PlaceError(f"{path} is a notebook; name the cell too, as in '{path}:cell 1:{line}'")
        found = text.line_of(cell, line)
        if found is None:
            raise PlaceError(
                f"{path}:{line} is no line of a code cell that can be analysed; see what reports name"
            )
        return module, found

    def locate(self, module: Module, line: int) -> tuple[str, int]:
        """The path and line that are shown for a line of a module."""
        if not module.path.endswith(files.NOTEBOOK_SUFFIX):
            return module.path, line
        text = self.text(module)
        return text.locate(line) if text is not None else (module.path, line)


def _catalog(config: Config, program: Program) -> Catalog:
    """The catalog, without the files about packages that the program does not import."""
    from pathlib import Path

    for path in config.models:
        inputs.uses(path)
    built_in = [*resources.catalog_dir().glob("*.toml"), *resources.frameworks_dir().glob("*.toml")]
    return load_catalog(
        [*sorted(built_in), *model_files(), *map(Path, config.models)], imported=packages_of(program)
    )
