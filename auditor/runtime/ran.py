"""Which of the program's functions ran while stalls were recorded, so that an audit can tell what was tried at all.

Python 3.12 and newer tell when a function begins, once, and then no more (``sys.monitoring`` with events that turn
themselves off), which costs a program next to nothing; older ones have nothing of the kind, and there nothing is said.
"""

from __future__ import annotations

import hashlib
import os
import sys
from types import CodeType
from typing import Any

from auditor.runtime.clock import SECOND, Clocks
from auditor.runtime.frames import Project
from auditor.runtime.record import VERSION, Writer

EVERY = 2 * SECOND
MOST = 20_000
"""Functions of one process; further ones are not noted."""


class Ran:
    """Notes functions of the project as they run for the first time, and writes their names to a file of records."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._project = Project.of_this_process()
        self._new: dict[str, set[str]] = {}
        self._digests: dict[str, str] = {}
        self._count = 0
        self._next = 0
        self._tool = -1
        self._pid = os.getpid()

    def start(self) -> bool:
        """Whether this Python can tell, and nobody else uses what it takes."""
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            return False
        for tool in (4, 3):  # the others have names of their own: debugger, coverage, profiler, optimizer
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, "auditor")
                monitoring.register_callback(tool, monitoring.events.PY_START, self._started)
                monitoring.set_events(tool, monitoring.events.PY_START)
                self._tool = tool
                return True
        return False

    def stop(self) -> None:
        """Note nothing more, and write what is left."""
        monitoring: Any = getattr(sys, "monitoring", None)
        if self._tool >= 0:
            monitoring.set_events(self._tool, 0)
            monitoring.free_tool_id(self._tool)
            self._tool = -1
        self._write()

    def _started(self, code: CodeType, _: int) -> Any:
        if self._project.owns(code.co_filename) and self._count < MOST:
            self._count += 1
            self._new.setdefault(code.co_filename, set()).add(code.co_qualname)
            now = Clocks.monotonic_ns()
            if now > self._next:
                self._next = now + EVERY
                self._write()
        return sys.monitoring.DISABLE  # type: ignore[attr-defined, unused-ignore]  # from Python 3.12 on

    def _write(self) -> None:
        new, self._new = self._new, {}
        if os.getpid() != self._pid:
            self._pid = os.getpid()  # a forked child: it writes for itself
        try:
            writer = Writer(self._path)
        except OSError:
            return
        for path, names in new.items():
            digest = self._digest(path)
            if digest:
                found = {
                    "type": "ran",
                    "version": VERSION,
                    "path": path,
                    "sha256": digest,
                    "functions": sorted(names),
                }
                writer.write(found)
        writer.close()

    def _digest(self, path: str) -> str:
        found = self._digests.get(path)
        if found is None:
            try:
                with open(path, "rb") as file:
                    found = hashlib.sha256(file.read()).hexdigest()
            except OSError:
                found = ""
            self._digests[path] = found
        return found
