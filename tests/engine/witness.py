"""Runs the broken engine and records what its lines do: ``python witness.py RECORD broken --data ...``.

For every line of the engine's own files: how often it ran, the longest time that it took in one go, apart for threads
with a running loop and those without, and what it raised. A line that awaits is timed up to where it hands over.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

WRITE_SECONDS = 0.3


class Recorder:
    """A trace function that looks at the files of one directory only."""

    def __init__(self, directory: Path) -> None:
        self._prefix = str(directory) + os.sep
        self.lines: dict[str, dict[str, Any]] = {}

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self._prefix):
            return None
        if event == "call":
            self._entry(frame, frame.f_code.co_firstlineno)["calls"] += 1
        begun = [frame.f_lineno, time.perf_counter()]

        def local(frame: FrameType, event: str, argument: Any) -> Any:
            now = time.perf_counter()
            if event == "exception":
                raised = self._entry(frame, frame.f_lineno)["raised"]
                if argument[0].__name__ not in raised:
                    raised.append(argument[0].__name__)
                return local
            entry = self._entry(frame, begun[0])
            entry["runs"] += 1
            place = "on_loop" if asyncio._get_running_loop() is not None else "off_loop"
            entry[place] = max(entry[place], now - begun[1])
            begun[:] = [frame.f_lineno, time.perf_counter()]
            return local

        return local

    def _entry(self, frame: FrameType, line: int) -> dict[str, Any]:
        key = f"{frame.f_code.co_filename.removeprefix(self._prefix)}:{line}"
        if key not in self.lines:
            self.lines[key] = {"runs": 0, "calls": 0, "on_loop": 0.0, "off_loop": 0.0, "raised": []}
        return self.lines[key]


def keep_writing(recorder: Recorder, target: Path) -> None:
    """The process may be killed at any time."""
    while True:
        time.sleep(WRITE_SECONDS)
        write(recorder, target, ".part")


def write(recorder: Recorder, target: Path, suffix: str) -> None:
    temporary = target.with_suffix(suffix)
    temporary.write_text(json.dumps(dict(recorder.lines)))
    temporary.replace(target)


def main() -> None:
    target, package = Path(sys.argv[1]), sys.argv[2]
    sys.argv[:] = [package, *sys.argv[3:]]
    sys.path.insert(0, os.getcwd())
    recorder = Recorder(Path(os.getcwd(), package))
    threading.Thread(target=keep_writing, args=(recorder, target), daemon=True).start()

    def last_words(*_: Any) -> None:
        """uvicorn stops in an orderly way, puts this handler back, and raises the signal again."""
        sys.settrace(None)
        write(recorder, target, ".last")
        os._exit(0)

    signal.signal(signal.SIGTERM, last_words)
    threading.settrace(recorder.trace)
    sys.settrace(recorder.trace)
    runpy.run_module(package, run_name="__main__")


if __name__ == "__main__":
    main()
