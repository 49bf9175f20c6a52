"""Hears what watched processes send: a datagram socket in a directory of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from typing import Any


class Hearing:
    """Calls ``hear`` on a thread with each message of `auditor.runtime.live`, until closed."""

    def __init__(self, hear: Callable[[dict[str, Any]], None]) -> None:
        self._hear = hear
        self._directory = tempfile.mkdtemp(prefix="auditor-")
        self.path = os.path.join(self._directory, "live")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._run, name="auditor-hearing", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                data = self._socket.recv(1 << 17)
            except OSError:
                return
            if not data:
                return
            try:
                message = json.loads(data)
            except ValueError:
                continue
            if isinstance(message, dict):
                self._hear(message)

    def close(self) -> None:
        """Take what has been sent already, and leave nothing behind."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.sendto(b"", self.path)
        except OSError:
            pass
        self._thread.join(5)
        self._socket.close()
        shutil.rmtree(self._directory, ignore_errors=True)
