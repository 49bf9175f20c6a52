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
