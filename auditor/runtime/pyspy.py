"""Stacks of another process by ``py-spy dump --nonblocking --json``: it need not stop nor give up its lock.

A dump is a process of its own (10 to 100 ms); its output goes to an unnamed file, so that nobody has to wait for it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from typing import Any

from auditor.runtime.clock import SECOND, Clocks

TIMEOUT = 3 * SECOND
"""A dump that takes longer is given up."""


def find() -> str:
    """Path of py-spy: beside this interpreter, or on PATH; empty when there is none."""
    name = "py-spy.exe" if os.name == "nt" else "py-spy"
    for directory in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable or "")):
        path = os.path.join(directory or "", name)
        if directory and os.access(path, os.X_OK):
            return path
    return shutil.which("py-spy") or ""


class Dump:
    """One dump under way. ``asked`` and ``done`` are nanoseconds of the monotonic clock."""

    def __init__(self, command: str, pid: int) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.asked = Clocks.monotonic_ns()
        self.done = 0
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                [command, "dump", "--nonblocking", "--full-filenames", "--json", "--pid", str(pid)],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._errors,
                env={"PATH": os.environ.get("PATH", "")},
            )
        except OSError as error:
            self._process = None
            self._errors.write(str(error).encode())

    def finished(self) -> bool:
        """Whether it has ended, by itself or because it took too long."""
        if self.done:
            return True
        process = self._process
        if process is not None and process.poll() is None:
            if Clocks.monotonic_ns() - self.asked < TIMEOUT:
                return False
            process.kill()
            process.wait()
        self.done = Clocks.monotonic_ns()
        return True

    def threads(self) -> list[dict[str, Any]]:
        """The threads with their frames; empty when the dump has failed, see `error`."""
        if self._process is None or self._process.returncode != 0:
            return []
        self._output.seek(0)
        try:
            threads = json.load(self._output)
        except ValueError:
            return []
        return [thread for thread in threads if isinstance(thread, dict)] if isinstance(threads, list) else []

    def error(self) -> str:
        """What py-spy said went wrong, in one line."""
        self._errors.seek(0)
        lines = self._errors.read(4096).decode(errors="replace").splitlines()
        said = [line.partition("Error: ")[2] or line for line in lines if line.strip()]
        reasons = [line.strip() for line in lines if line.strip().startswith("Reason: ")]
        return (reasons[0].removeprefix("Reason: ") if reasons else said[0] if said else "no output")[:200]

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._output.close()
        self._errors.close()


def refused(command: str, pid: int) -> str:
    """Try one dump: an empty string when it works, otherwise why it does not."""
    dump = Dump(command, pid)
    try:
        while not dump.finished():
            Clocks.sleep(0.005)
        return "" if dump.threads() else dump.error()
    finally:
        dump.close()
