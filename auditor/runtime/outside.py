"""The parent's side of the sentinel: starts it, answers its questions, passes on what it reports."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from auditor.model import Stall
from auditor.runtime import pyspy, record
from auditor.runtime.board import BoardFile
from auditor.runtime.episode import Taken
from auditor.runtime.frames import library_paths
from auditor.runtime.inside import Inside
from auditor.runtime.sampler import Sampler, to_json
from auditor.runtime.watcher import Settings

logger = logging.getLogger("auditor.runtime")

_PR_SET_PTRACER = 0x59616D61
_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from auditor.runtime.sentinel import main; main()"


class UnavailableError(Exception):
    """No process can be started beside this one; the message says why."""


class Outside:
    """A sentinel process and the thread of this process that listens to it.

    ``emit`` is called on that thread for each stall, ``lost`` when the sentinel ends without having been told to.
    A process takes a tenth of a second to start, on a busy machine some: until it is up, ``interim`` watches.
    """

    def __init__(
        self,
        file: BoardFile,
        sampler: Sampler,
        emit: Callable[[Stall], None],
        lost: Callable[[], None],
        interim: Callable[[Callable[[Stall], None]], Inside],
    ) -> None:
        self._sampler = sampler
        self._emit = emit
        self._lost = lost
        self._stopping = False
        self._told: deque[tuple[str, str]] = deque(maxlen=64)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._unsent = b""
        self._flushed = threading.Condition()
        self._flushes = 0
        self._answered = 0
        self._up = threading.Event()
        self.ready = threading.Event()
        self.refused = ""
        """Why py-spy may not look, once ``ready`` is set; empty when it may."""
        self.problems: list[str] = []
        self._process = _start(file, self._pid)
        assert self._process.stdin is not None
        self._input = self._process.stdin.fileno()
        os.set_blocking(self._input, False)
        _let_trace(self._process.pid)
        self._interim = interim(self._tell)
        self._thread = threading.Thread(target=self._listen, name="auditor-loop-lag", daemon=True)

    @property
    def pid(self) -> int:
        """Process id of the sentinel."""
        return self._process.pid

    def start(self) -> None:
        self._interim.start()
        self._thread.start()

    def _tell(self, stall: Stall) -> None:
        """Report a stall once, though both watchers may have seen it."""
        told = (stall.id, stall.state if stall.state == "ended" else str(stall.duration))
        with self._lock:
            if told in self._told:
                return
            self._told.append(told)
        self._emit(stall)

    def _hand_over(self, since: int, samples: list[tuple[int, Taken]]) -> None:
        """The sentinel is up, and the interim watcher has stopped."""
        self._send(
            {
                "do": "begin",
                "since": since,
                "samples": [(number, to_json(taken)) for number, taken in samples],
            }
        )
        self._up.set()

    def configure(self, settings: Settings, records: list[tuple[str, float]], live: str) -> list[str]:
        """What to watch for, which files to write to and where to send the live status.

        Returns a line for each file that cannot be written.
        """
        self._send(
            {
                "do": "watch",
                "threshold": settings.threshold,
                "ongoing": settings.ongoing,
                "records": records,
                "live": live,
                "py_spy": pyspy.find(),
                "answers": self._thread.native_id or 0,
            }
        )
        return self._interim.configure(settings, records, live)

    def _send(self, message: dict[str, Any]) -> None:
        """Never waits: what does not fit into the pipe, since the sentinel does not read, is dropped."""
        with self._lock:
            data = self._unsent or (json.dumps(message) + "\n").encode()
            try:
                self._unsent = data[os.write(self._input, data) :]
            except BlockingIOError:
                return
            except OSError:
                self._unsent = b""  # it has ended: the listening thread sees that, too

    def _listen(self) -> None:
        output = self._process.stdout
        assert output is not None
        try:
            for line in output:
                try:
                    self._hear(json.loads(line))
                except ValueError:
                    continue
        except (OSError, ValueError):
            pass
        if os.getpid() != self._pid:
            return
        self._process.wait()
        self.ready.set()
        with self._flushed:
            self._flushed.notify_all()
        if not self._stopping:
            self._interim.stop(0.1)
            self._lost()

    def _hear(self, message: dict[str, Any]) -> None:
        if "ask" in message:
            taken, key, running = self._sampler.take(message["slot"])
            self._send(
                {
                    "do": "answer",
                    "number": message["ask"],
                    "taken": to_json(taken),
                    "key": key,
                    "running": running,
                }
            )
        elif "stall" in message:
            stall = record.of_json(message["stall"])
            if stall.state == "ongoing":
                self._send({"do": "heard", "id": stall.id})
            else:
                self._sampler.release()
            self._tell(stall)
        elif "up" in message:
            self._interim.hand_over(self._hand_over)
        elif "flushed" in message:
            with self._flushed:
                self._answered = max(self._answered, message["flushed"])
                self._flushed.notify_all()
        elif "ready" in message:
            self.refused = message["refused"]
            self.ready.set()
            if self.refused:
                logger.warning(
                    "C code is seen only when it is over, at a line that may be the next: %s", self.refused
                )
        elif "problem" in message:
            self.problems.append(message["problem"])

    def flush(self, timeout: float) -> bool:
        """Wait until every stall that has ended has been reported; false when that takes too long."""
        if not self._interim.flush(timeout) or not self._up.is_set():
            return not self._up.is_set()
        with self._flushed:
            self._flushes += 1
            number = self._flushes
            self._send({"do": "flush", "number": number})
            return self._flushed.wait_for(
                lambda: self._answered >= number or not self._thread.is_alive(), timeout
            )

    def stop(self, timeout: float) -> None:
        """Tell the sentinel to end, take its last reports, and leave no process behind."""
        self._stopping = True
        self._interim.stop(timeout)
        if not self._up.is_set():
            self._process.kill()  # it has nothing to report yet
        self._close_input()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        if self._process.stdout is not None and not self._thread.is_alive():
            self._process.stdout.close()

    def _close_input(self) -> None:
        with self._lock:
            self._unsent = b""
            if self._process.stdin is not None:
                try:
                    self._process.stdin.close()
                except OSError:
                    return

    def abandon(self) -> None:
        """In a forked child: the sentinel is the parent's; close this process's ends of its pipes."""
        self._stopping = True
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                try:
                    os.close(end.fileno())
                except (OSError, ValueError):
                    continue
        self._process.returncode = 0  # not ours to wait for


def _start(file: BoardFile, pid: int) -> subprocess.Popen[bytes]:
    interpreter = _interpreter()
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    arguments = {"pid": pid, "board": file.path or file.descriptor, "library": library_paths()}
    try:
        return subprocess.Popen(
            [interpreter, "-I", "-S", "-c", _CODE, home, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=() if file.path else (file.descriptor,),
            start_new_session=True,  # what the terminal sends is not meant for it
        )
    except OSError as error:
        raise UnavailableError(f"no process can be started: {error.strerror or error}") from error


def _interpreter() -> str:
    """A Python to run the sentinel with; where another program embeds Python, the one beside its library."""
    for path in (
        sys.executable,
        os.path.join(sys.prefix, "bin", "python3"),
        os.path.join(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}"),
    ):
        if (
            path
            and os.path.basename(path).lower().startswith(("python", "pypy"))
            and os.access(path, os.X_OK)
        ):
            return path
    raise UnavailableError(f"{sys.executable or 'this program'} is no Python interpreter")


def _let_trace(pid: int) -> None:
    """Where the Yama module restricts tracing to a process's own children, make an exception for the sentinel."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)
    except (AttributeError, OSError):
        return
