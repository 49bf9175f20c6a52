"""The interface for programs: `LoopLagMonitor`."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from auditor.model import Stall
from auditor.runtime import hooks, live
from auditor.runtime.clock import parse_duration
from auditor.runtime.engine import Mode, Subscriber, engine
from auditor.runtime.routes import Routes
from auditor.runtime.sinks import Callback, Logging, Tally
from auditor.runtime.wording import BLAMELESS

P = ParamSpec("P")
T = TypeVar("T")


COMING_UP = 10.0
"""Seconds that entering a monitor waits at most for the process beside; on a full machine it may come later."""


class LoopLagMonitor:
    """Reports event loops that stand still, with the line at which they do.

    ::

        async with LoopLagMonitor(threshold=0.1):
            await serve()

        @LoopLagMonitor(threshold="50ms", on_stall=print)
        async def main(): ...

        monitor = LoopLagMonitor(all_loops=True, record="stalls.jsonl")
        monitor.start()          # from now on every loop that starts to run, on any thread
        ...
        monitor.stop()

    A process beside this one samples the stack (with py-spy, if that is installed and the system lets it), so that
    calls of C code are seen and a stall that never ends is reported while it lasts. ``mode`` tells how it watches.

    :param threshold: seconds, or words like ``"100ms"``
    :param on_stall: called with each `Stall`, on a thread of the monitor; first with ``state == "ongoing"`` when it
        lasts longer than ``ongoing`` seconds
    :param log: a logger, or false for none; at most ``per_minute`` lines for one place
    :param record: file that gets each stall as a line of JSON
    :param keep: how many of the latest stalls ``stalls`` holds
    :param all_loops: watch every loop of the process that begins to run after ``start``
    :param outside: false: only from a thread, without another process
    """

    def __init__(  # noqa: PLR0913 - settings, all but one by keyword only
        self,
        threshold: float | str = 0.1,
        *,
        on_stall: Callback | None = None,
        log: logging.Logger | bool = True,
        level: int = logging.WARNING,
        per_minute: int = 10,
        record: str | os.PathLike[str] = "",
        ongoing: float = 5.0,
        keep: int = 100,
        all_loops: bool = False,
        outside: bool = True,
    ) -> None:
        seconds = parse_duration(threshold) if isinstance(threshold, str) else float(threshold)
        if not 0.001 <= seconds <= 3600:
            raise ValueError(f"threshold is {threshold} s; give seconds from 0.001 to 3600")
        self.threshold = seconds
        self._all_loops = all_loops
        self._on_stall = on_stall
        self._logging: Callback | None = None
        if log is not False:
            logger = logging.getLogger("auditor.runtime") if log is True else log
            self._logging = Logging(logger, level, per_minute)
        self._stalls: deque[Stall] = deque(maxlen=keep)
        self._tally = Tally()
        self._routes = Routes()
        self._loops: list[asyncio.AbstractEventLoop] = []
        path = os.path.abspath(record) if record else ""
        self._subscriber = Subscriber(seconds, self._emit, ongoing, path, "", outside)
        self._started = False
        self._pid = 0

    # ------------------------------------------------------------ start and stop

    def start(self) -> None:
        """Begin to watch: all loops from now on, or the one that runs the caller."""
        running = self._subscribe()
        if running is not None:
            self.watch(running)

    def _subscribe(self) -> asyncio.AbstractEventLoop | None:
        """Have all made ready; returns the running loop, which is not watched yet."""
        if self._started and self._pid == os.getpid():
            raise RuntimeError("this monitor has been started already")
        if not self._all_loops and asyncio._get_running_loop() is None:  # noqa: SLF001
            raise RuntimeError(
                "no loop runs here: start the monitor from a coroutine, or make it with all_loops=True"
            )
        self._started, self._pid = True, os.getpid()
        self._loops.clear()
        engine.subscribe(self._subscriber)
        if self._all_loops:
            hooks.put_on(self._resume)
        return asyncio._get_running_loop()  # noqa: SLF001 - the documented function for libraries

    def watch(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Watch a loop; by default, or when called on its thread, the running one, else as soon as it gets to it."""
        running = asyncio._get_running_loop()  # noqa: SLF001
        loop = loop or asyncio.get_running_loop()
        self._loops.append(loop)
        if loop is running:
            engine.hold(loop)
        else:
            loop.call_soon_threadsafe(engine.hold, loop)

    def stop(self) -> None:
        """End, with all reports delivered; waits some 10 ms for the process beside. On a loop rather ``aclose``."""
        if not self._started:
            return
        self._started = False
        if self._pid != os.getpid():
            return  # started in the process that this one was forked from
        if self._all_loops:
            hooks.take_off()
        self._release()
        engine.unsubscribe(self._subscriber)

    async def aclose(self) -> None:
        """As ``stop``, without holding up the loop."""
        if not self._started or self._pid != os.getpid():
            self._started = False
            return
        self._release()
        await asyncio.get_running_loop().run_in_executor(None, self.stop)

    def _release(self) -> None:
        while self._loops:
            engine.release(self._loops.pop())

    def _resume(self) -> None:
        """A loop begins to run in a process that was forked from the one that was watched: watch here as well."""
        if self._pid != os.getpid() and self._started:
            self._pid = os.getpid()
            self._loops.clear()
            engine.subscribe(self._subscriber)

    async def __aenter__(self) -> Self:
        """Watch from here on: the process beside has come up, which takes a few tenths of a second the first time."""
        loop = self._subscribe()
        try:
            if not engine.is_ready:
                await asyncio.get_running_loop().run_in_executor(None, engine.mode, COMING_UP)
            self.watch(loop)  # not before: to start a thread may take long, and is nobody's stall
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __call__(self, function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """As a decorator of coroutine functions: watch the loop while one of its calls runs."""
        users = 0

        @functools.wraps(function)
        async def watched(*args: P.args, **kwargs: P.kwargs) -> T:
            nonlocal users
            users += 1
            if users == 1:
                self.start()
            try:
                return await function(*args, **kwargs)
            finally:
                users -= 1
                if not users:
                    await self.aclose()

        return watched

    # ------------------------------------------------------------ what it has seen

    @property
    def stalls(self) -> tuple[Stall, ...]:
        """The latest stalls that have ended, oldest first."""
        return tuple(self._stalls)

    @property
    def count(self) -> int:
        """How many stalls there were."""
        return self._tally.count

    @property
    def tally(self) -> Tally:
        """Numbers and durations of all stalls, by kind and place."""
        return self._tally

    @property
    def routes(self) -> Routes:
        """What requests have met with, by route; filled by `auditor.runtime.asgi.LoopLagMiddleware`."""
        return self._routes

    @property
    def started(self) -> bool:
        """Whether it watches, in this process."""
        return self._started and self._pid == os.getpid()

    def flush(self, timeout: float = 2.0) -> bool:
        """Wait until stalls that have ended are reported. Not on a loop's thread; there await a worker thread."""
        return engine.flush(timeout)

    def mode(self, timeout: float = 0.0) -> tuple[Mode, str]:
        """How it watches and why not better: ``("sentinel", "")`` is best. Waits until that is known."""
        return engine.mode(timeout)

    def loops(self) -> list[dict[str, Any]]:
        """Counters of each watched loop of the process: lag histogram, time idle, callbacks ready to run."""
        board = engine.board
        return live.loop_states(board) if board is not None else []

    def _emit(self, stall: Stall) -> None:
        if stall.state != "ongoing":
            self._stalls.append(stall)
            self._tally.add(stall)
            if stall.route and stall.kind not in BLAMELESS:
                self._routes.add_stall(stall.route, stall.duration)
        if self._logging is not None:
            self._logging(stall)
        if self._on_stall is not None:
            self._on_stall(stall)
