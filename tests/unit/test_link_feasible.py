"""Paths that cannot be walked, since the calls on them give what the tests on them do not let through."""

from __future__ import annotations

from unit.linking import Linked

HELPERS = """
import time

async def transfer(data, *, is_sticker=False):
    return await _transfer(data, is_sticker)

async def _transfer(data, is_sticker):
    if is_sticker and data:
        return await convert(data)
    return data

async def convert(data):
    time.sleep(2)
"""


def paths(source: str) -> list[list[str]]:
    """The functions on the way to each blocking call, for each exposure."""
    return [
        [hop.function.facts.name for hop in exposed.hops]
        for suspect in Linked(source).suspects
        for exposed in suspect.exposed
    ]


def test_the_path_that_is_shown_gives_the_flag() -> None:
    callers = """
async def avatar(data):
    await transfer(data)

async def sticker(data):
    await transfer(data, is_sticker=True)
"""
    assert paths(HELPERS + callers) == [["sticker", "transfer", "_transfer", "convert"]]


def test_a_coroutine_function_may_have_other_callers() -> None:
    callers = """
async def avatar(data):
    await transfer(data)
"""
    assert paths(HELPERS + callers) == [["avatar", "transfer", "_transfer", "convert"]]


def test_what_is_unpacked_is_of_the_type_that_was_asked_for() -> None:
    source = """
async def send():
    for part in (open("a", "rb"), ("name", open("b", "rb"))):
        if isinstance(part, tuple):
            name, file = part
        else:
            name, file = part  # iterates over the file
"""
    assert [line for line in Linked(source).findings() if line.endswith("__next__")] == [
        "app.py:7 io.BufferedReader.__next__"
    ]


def test_a_future_of_a_loop_that_was_cancelled_is_done() -> None:
    source = """
import asyncio
from concurrent.futures import ThreadPoolExecutor

async def work(): ...

async def handle(loop, pool: ThreadPoolExecutor):
    cancelled = asyncio.run_coroutine_threadsafe(work(), loop)
    cancelled.cancel()
    try:
        cancelled.result()
    finally:
        cancelled = None
    late = asyncio.run_coroutine_threadsafe(work(), loop)
    late.result()
    late.cancel()
    perhaps = asyncio.run_coroutine_threadsafe(work(), loop)
    if loop.is_closed():
        perhaps.cancel()
    perhaps.result()
    running = pool.submit(print)
    running.cancel()
    running.result()
"""
    assert Linked(source).findings() == [
        "app.py:15 asyncio.ThreadsafeFuture.result",
        "app.py:20 asyncio.ThreadsafeFuture.result",
        "app.py:23 concurrent.futures.Future.result",
    ]
