"""The stalls and the harmless patterns that the monitor is tried on; each function stalls at the line marked `here`.

Run as a program it goes through those named on the command line (default: all), and prints what happened, and
what the monitor said of it, as JSON: `python stall_kinds.py LOOP ROUNDS [NAME...]`.
"""

from __future__ import annotations

import asyncio
import builtins
import gc
import hashlib
import json
import os
import random
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import requests

SECONDS = float(os.environ.get("STALL_KINDS_SECONDS", "0.3"))
sys.set_int_max_str_digits(0)


class Slow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(SECONDS)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


def sized(work: Callable[[int], object], size: int) -> int:
    """The size for which the work takes about SECONDS of CPU, if it grows in proportion."""
    best = 9.9
    for _ in range(3):
        before = time.thread_time()
        work(size)
        best = min(best, time.thread_time() - before)
    return max(1, int(size * SECONDS / max(best, 1e-6)))


class Kinds:
    """What the stalls need, made beforehand."""

    def prepare(self, names: list[str]) -> None:
        """Make what these need before anybody watches."""
        for name in names:
            for needed in getattr(Kinds, name).__code__.co_names:
                if isinstance(vars(Kinds).get(needed), cached_property):
                    getattr(self, needed)

    def close(self) -> None:
        made = vars(self)
        if "server" in made:
            self.server.shutdown()
            self.server.server_close()
        if "database" in made:
            self.database.close()

    @cached_property
    def server(self) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    @cached_property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    @cached_property
    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(":memory:")

    @cached_property
    def rows(self) -> int:
        return sized(self._count, 20_000)

    @cached_property
    def numbers(self) -> list[int]:
        return list(range(sized(lambda n: json.dumps(list(range(n))), 100_000)))

    @cached_property
    def iterations(self) -> int:
        return sized(lambda n: hashlib.pbkdf2_hmac("sha256", b"password", b"salt", n), 20_000)

    @cached_property
    def spaces(self) -> int:
        return int(10_000 * (SECONDS / self._regex_time(10_000)) ** 0.5)

    @cached_property
    def bytes(self) -> int:
        return sized(lambda n: open("/dev/urandom", "rb").read(n), 4_000_000)

    @cached_property
    def turns(self) -> int:
        return sized(self._loop, 200_000)

    @cached_property
    def matrix(self) -> Any:
        return np.ones((700, 700))

    @cached_property
    def products(self) -> int:
        return sized(self._products, 3)

    @cached_property
    def data(self) -> builtins.bytes:
        data = random.Random(0).randbytes(1_000_000)
        return data * max(1, sized(lambda n: zlib.compress(data * n, 6), 2))

    @cached_property
    def left(self) -> socket.socket:
        left, self.right = socket.socketpair()
        return left

    @cached_property
    def lock(self) -> Any:
        return threading.Lock()

    @cached_property
    def needle(self) -> tuple[int, ...]:
        return (0,) * 5000 + (1,)

    @cached_property
    def haystack(self) -> list[tuple[int, ...]]:
        other = (0,) * 5000 + (2,)
        return [other] * sized(lambda n: self.needle in [other] * n, 500)

    @cached_property
    def floats(self) -> list[float]:
        floats = [random.Random(n).random() for n in range(100_000)]
        floats *= max(1, sized(lambda n: sorted(floats * n), 1))
        random.Random(1).shuffle(floats)
        return floats

    @cached_property
    def huge(self) -> int:
        bits = 200_000
        while (
            spent := self._str_time(bits)
        ) < 0.8 * SECONDS:  # in C quadratic, in Python 3.12 and newer less
            bits = int(bits * min(2.0, (SECONDS / spent) ** 0.6))
        return 1 << bits

    def _count(self, rows: int) -> None:
        self.database.execute(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?) select sum(i) from n",
            [rows],
        ).fetchone()

    def _regex_time(self, spaces: int) -> float:
        before = time.thread_time()
        re.search(r"\s+$", " " * spaces + "x")
        return max(time.thread_time() - before, 1e-4)

    def _str_time(self, bits: int) -> float:
        number = 1 << bits
        before = time.thread_time()
        str(number)
        return max(time.thread_time() - before, 1e-4)

    @staticmethod
    def _loop(turns: int) -> None:
        total = 0
        for number in range(turns):
            total += number

    def _products(self, count: int) -> None:
        for _ in range(count):
            self.matrix @ self.matrix

    # ------------------------------------------------------------ stalls

    async def sleep(self) -> None:
        time.sleep(SECONDS)  # here

    async def http(self) -> None:
        requests.get(self.url, timeout=5)  # here

    async def database_query(self) -> None:
        self.database.execute(  # here
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?) select sum(i) from n",
            [self.rows],
        ).fetchone()

    async def serialization(self) -> None:
        json.dumps(self.numbers)  # here

    async def key_derivation(self) -> None:
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", self.iterations)  # here

    async def regex(self) -> None:
        re.search(r"\s+$", " " * self.spaces + "x")  # here

    async def file_read(self) -> None:
        with open("/dev/urandom", "rb") as file:
            file.read(self.bytes)  # here

    async def child_process(self) -> None:
        subprocess.run(["sleep", str(SECONDS)], check=True)  # here

    async def python_loop(self) -> None:
        total = 0
        for number in range(self.turns):  # here
            total += number  # here

    async def matrix_product(self) -> None:
        for _ in range(self.products):  # here
            self.matrix @ self.matrix  # here

    async def compression(self) -> None:
        zlib.compress(self.data, 6)  # here

    async def socket_receive(self) -> None:
        threading.Timer(SECONDS, self.right.send, [b"x"]).start()
        self.left.recv(1)  # here

    async def held_lock(self) -> None:
        self.lock.acquire()
        threading.Timer(SECONDS, self.lock.release).start()
        with self.lock:  # here
            pass

    async def threadsafe_result(self) -> None:
        waiting = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop())
        try:
            waiting.result(SECONDS)  # here
        except TimeoutError:
            pass

    async def list_search(self) -> None:
        self.needle in self.haystack  # here

    async def sorting(self) -> None:
        sorted(self.floats)  # here

    async def int_to_str(self) -> None:
        f"{self.huge}"  # here

    # ------------------------------------------------------------ harmless

    async def harmless_sleep(self) -> None:
        await asyncio.sleep(SECONDS)

    async def harmless_thread(self) -> None:
        await asyncio.to_thread(time.sleep, SECONDS)

    async def harmless_process(self) -> None:
        process = await asyncio.create_subprocess_exec("sleep", str(SECONDS))
        await process.wait()

    async def harmless_slices(self) -> None:
        for _ in range(100):
            until = time.thread_time() + 0.003
            while time.thread_time() < until:
                pass
            await asyncio.sleep(0)

    async def harmless_tasks(self) -> None:
        async def short() -> None:
            time.sleep(0.001)
            await asyncio.sleep(0.001)

        for _ in range(30):
            await asyncio.gather(*(short() for _ in range(10)))


STALLS = [
    name
    for name, value in vars(Kinds).items()
    if asyncio.iscoroutinefunction(value) and "harmless" not in name
]
HARMLESS = [name for name in vars(Kinds) if name.startswith("harmless_")]


def marked_lines() -> dict[str, set[int]]:
    """The lines of each stall by the name of its function."""
    found: dict[str, set[int]] = {}
    name = ""
    with open(__file__, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if match := re.match(r" +async def (\w+)", line):
                name = match[1]
            if line.rstrip().endswith("# here"):
                found.setdefault(name, set()).add(number)
    return found


async def run(names: list[str], rounds: int, options: dict[str, Any]) -> dict[str, Any]:
    from auditor.runtime import LoopLagMonitor, record

    kinds = Kinds()
    kinds.prepare(names)
    done = []
    gc.collect()
    gc.freeze()
    async with LoopLagMonitor(0.1, log=False, keep=1000, **options) as monitor:
        mode = await asyncio.to_thread(monitor.mode, 100.0)
        for _ in range(rounds):
            for name in names:
                await asyncio.sleep(0.15)
                begin = time.time()
                before = time.perf_counter()
                await getattr(kinds, name)()
                took = time.perf_counter() - before
                done.append({"name": name, "begin": begin, "took": took})
        await asyncio.sleep(0.1)
        await asyncio.to_thread(monitor.flush)
    kinds.close()
    return {"mode": mode, "done": done, "stalls": [record.to_json(stall) for stall in monitor.stalls]}


def main() -> None:
    loop, rounds, *names = sys.argv[1:]
    options = json.loads(os.environ.get("STALL_KINDS_OPTIONS", "{}"))
    names = names or [*STALLS, *HARMLESS]
    if loop == "uvloop":
        import uvloop

        found = uvloop.run(run(names, int(rounds), options))
    else:
        found = asyncio.run(run(names, int(rounds), options))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
