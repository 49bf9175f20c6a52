"""Round trips through a loop's sockets: how long a peer waits for a pong, that is for any answer at all.

A byte is to be sent from the loop to the loop over a pair of sockets every 50 ms. Servers answer a WebSocket's ping
when the loop finds that its socket can be read, as it does this one. A loop that stands still sends nothing, though
peers do; so a round trip counts from when it should have begun.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

from auditor.runtime.clock import SECOND, Clocks
from auditor.runtime.routes import Routes

EVERY = 0.05


class Pings:
    """Pings one loop while it has open connections. To be used on the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, routes: Routes) -> None:
        self._loop = loop
        self._routes = routes
        self._open: Counter[str] = Counter()
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0

    def begin(self, label: str) -> None:
        """A connection of this route has been opened: note the round trips until its `end`."""
        self._open[label] += 1
        if self._ends is not None:
            return
        self._ends = near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        try:
            self._loop.add_reader(far, self._arrived, far)
        except NotImplementedError:  # the proactor of Windows
            self._close()
            return
        self._due = Clocks.monotonic_ns()
        self._send()

    def end(self, label: str) -> None:
        """A connection has been closed; a ping that is due counts for how long it has been so."""
        self._open[label] -= 1
        if self._open[label] > 0:
            return
        del self._open[label]
        late = Clocks.monotonic_ns() - self._due
        if self._ends is not None and late > 0:
            self._routes.of(label).add_ping(late / SECOND)
        if not self._open:
            self._close()

    def _send(self) -> None:
        if self._ends is not None:
            self._ends[0].send(b".")

    def _arrived(self, far: socket.socket) -> None:
        far.recv(16)  # auditor: ignore[LOOP311] -- it does not block, and there is something to read
        now = Clocks.monotonic_ns()
        for label in self._open:
            self._routes.of(label).add_ping((now - self._due) / SECOND)
        self._due = now + int(EVERY * SECOND)
        self._timer = self._loop.call_later(EVERY, self._send)

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._ends is not None:
            near, far = self._ends
            if not self._loop.is_closed():
                self._loop.remove_reader(far)
            near.close()
            far.close()
        self._ends = self._timer = None
