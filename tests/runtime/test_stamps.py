"""A stamped selector answers as the stdlib's does, and says when it returned and how long it has waited."""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.runtime import stamps
from auditor.runtime.board import Cell

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")

BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


@pytest.fixture
def cells() -> memoryview:
    return memoryview(bytearray(8 * 64)).cast("q")


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    with selectors.EpollSelector() as made:
        yield made


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([selectors.EVENT_READ, selectors.EVENT_WRITE, BOTH]), st.booleans(), st.booleans()
        ),
        max_size=5,
    ),
    st.sampled_from([0, -1, 0.0004, 0.002]),
)
def test_the_same_answer(sockets: list[tuple[int, bool, bool]], timeout: float) -> None:
    """Of sockets with something to read, with nothing, and with their other end closed."""
    cells = memoryview(bytearray(8 * 64)).cast("q")
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.EpollSelector())
        for number, (events, is_full, is_closed) in enumerate(sockets):
            here, there = socket.socketpair()
            stack.enter_context(here)
            stack.enter_context(there)
            selector.register(here, events, data=number)
            if is_full:
                there.send(b"x")
            if is_closed:
                there.close()
        expected = selector.select(timeout)
        stamped = stamps.of(selector, cells)
        assert stamped.are_free
        stamped.put_on()
        for _ in range(3):
            assert sorted(selector.select(timeout), key=str) == sorted(expected, key=str)
        stamped.take_off()
        assert "select" not in vars(selector)


def test_time_waited_and_the_start_of_the_turn(selector: selectors.BaseSelector, cells: memoryview) -> None:
    stamped = stamps.of(selector, cells)
    stamped.put_on()
    before = time.monotonic_ns()
    assert selector.select(0.05) == []
    after = time.monotonic_ns()
    assert before <= cells[Cell.ENTERED] <= cells[Cell.TURN] <= after
    assert stamped.idle() == cells[Cell.TURN] - cells[Cell.ENTERED] >= 49_000_000
    assert selector.select(0) == []
    assert cells[Cell.TURN] >= after
    assert stamped.idle() < after - before


def test_what_becomes_ready_ends_a_wait_without_limit(
    selector: selectors.BaseSelector, cells: memoryview
) -> None:
    here, there = socket.socketpair()
    with here, there:
        key = selector.register(here, selectors.EVENT_READ)
        stamps.of(selector, cells).put_on()
        for _ in range(3):
            there.send(b"x")
            assert selector.select() == [(key, selectors.EVENT_READ)]
            here.recv(1)
            assert selector.select(0.001) == []
        selector.unregister(here)
        there.send(b"x")
        assert selector.select(0) == []


def test_a_selector_of_another_make_is_wrapped(cells: memoryview) -> None:
    class Own(selectors.EpollSelector):
        asked = 0

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            self.asked += 1
            return super().select(timeout)

    with Own() as own, selectors.SelectSelector() as plain:
        for selector in (own, plain):
            stamped = stamps.of(selector, cells)
            assert not stamped.are_free
            stamped.put_on()
            assert selector.select(0) == []
            assert stamped.turns() == 1
        assert own.asked == 1


def test_what_has_been_wrapped_since_is_left(selector: selectors.EpollSelector, cells: memoryview) -> None:
    stamped = stamps.of(selector, cells)
    stamped.put_on()
    ours = selector.select
    wrapper = lambda timeout=None: ours(timeout)  # noqa: E731
    selector.select = wrapper  # type: ignore[method-assign]
    stamped.take_off()
    assert selector.select is wrapper
    assert not stamps.of(selector, cells).are_free
