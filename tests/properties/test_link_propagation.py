"""Propagation reaches exactly what a naive search reaches, by the best path, and always says the same."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.linking import Linked

from auditor.link import contexts as c
from auditor.link import guards as g
from auditor.link.graph import MAX_LENGTH, Graph, State
from auditor.model import Phase

STEPS = ("f{}()", "await a{}()", "asyncio.to_thread(f{})", "asyncio.create_task(a{}())", "loop.call_soon(f{})",
         "threading.Thread(target=f{}).start()", "asyncio.run(a{}())", "[*map(f{}, x)]",
         "if loop.is_running(): f{}()")  # fmt: skip


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Functions f0.. and coroutines a0.. that call, schedule and hand over each other at random."""
    size = draw(st.integers(2, 6))
    lines = ["import asyncio, threading, time", "loop = asyncio.new_event_loop()"]
    for kind in ("f", "a"):
        for number in range(size):
            steps = draw(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, size - 1)), max_size=3))
            lines.append(f"{'async ' if kind == 'a' else ''}def {kind}{number}(*x):")
            lines.append("    pass")
            if draw(st.booleans()):
                lines.append("    time.sleep(1)")
            for step, target in steps:
                text = step.format(target)
                lines.append(f"    {text.removeprefix('await ') if kind == 'f' else text}")
    lines.append("f0()\nasyncio.run(a0())")
    return "\n".join(lines) + "\n"


IMPORTED = "the module is imported"


def search(graph: Graph, why: str = "") -> dict[tuple[int, int], int]:
    """(node, context) -> fewest steps from a root, by breadth-first search over the same steps."""
    roots = [state for state in graph.states.values() if state.edge is None and why in state.why]
    best: dict[tuple[int, int], int] = {}
    waiting = deque((state.node, state.context, 0) for state in roots)
    while waiting:
        node, context, length = waiting.popleft()
        if (node.id, context) in best:
            continue
        best[node.id, context] = length
        if length >= MAX_LENGTH:
            continue
        for edge in graph.edges.body(node).edges:
            for after in follow(graph, context, edge):
                waiting.append((edge.target, after, length + 1))
    return best


def follow(graph: Graph, context: int, edge) -> list[int]:
    """The contexts that an edge may lead to from a context."""
    if not g.allows(edge.constraints, context):
        return []
    after = edge.transform.apply(g.narrow(edge.constraints, context))
    if after is None:
        return []
    # whether the program serves is decided by looking ahead
    if edge.transform.drives and c.phase_of(after) == Phase.CLI and graph._serves(edge.target):
        return [c.context(c.thread_of(after), c.loop_of(after), Phase.SERVING)]
    return [after]


def chain(state: State) -> list[State]:
    found = [state]
    while found[-1].before is not None:
        found.append(found[-1].before)
    return found[::-1]


@settings(max_examples=120, deadline=None)
@given(programs())
def test_everything_that_a_naive_search_reaches_and_nothing_else(source: str) -> None:
    graph = Linked(source).graph
    reached = {(state.node.id, state.context) for state in graph.states.values()}
    assert reached == set(search(graph))


@settings(max_examples=120, deadline=None)
@given(programs())
def test_witnesses_are_real_paths(source: str) -> None:
    graph = Linked(source).graph
    for state in graph.states.values():
        path = chain(state)
        assert path[0].edge is None
        assert path[0].why
        assert len(path) == state.length + 1
        for before, after in itertools.pairwise(path):
            assert after.edge in graph.edges.body(before.node).edges
            assert after.edge is not None
            assert after.edge.target is after.node
            assert after.context in follow(graph, before.context, after.edge)
            assert after.loss == max(before.loss, 2 - after.edge.confidence)


@settings(max_examples=120, deadline=None)
@given(programs())
def test_witnesses_are_the_shortest_of_those_that_are_as_certain(source: str) -> None:
    graph = Linked(source).graph
    # what is assumed comes after what is certain: a longer path from what is certain is the better witness
    lengths = search(graph, IMPORTED)
    for state in graph.states.values():
        if chain(state)[0].why == IMPORTED and not any(other.loss for other in graph.states.values()):
            assert state.length == lengths[state.node.id, state.context]


@settings(max_examples=80, deadline=None)
@given(programs())
def test_exposures_begin_on_the_loop_and_end_at_the_sink(source: str) -> None:
    linked = Linked(source)
    for suspect in linked.suspects:
        assert suspect.exposed
        for exposed in suspect.exposed:
            assert exposed.hops[-1].function is suspect.function
            assert 0 <= exposed.at < len(exposed.hops)
            assert all(hop.edge is None for hop in exposed.hops[-1:])
            for before, after in itertools.pairwise(exposed.hops):
                assert before.edge is not None
                assert before.edge.target.function is after.function
            if suspect.sink is not None:
                assert c.ON_LOOP[exposed.context]


@settings(max_examples=60, deadline=None)
@given(programs())
def test_two_runs_say_the_same(source: str) -> None:
    assert describe(source) == describe(source)


def describe(source: str) -> list[object]:
    linked = Linked(source)
    found: list[object] = [
        [
            s.function.qualname,
            s.place.line,
            s.callee,
            [[e.context, e.why, [h.function.qualname for h in e.hops]] for e in s.exposed],
        ]
        for s in linked.suspects
    ]
    found += [
        [f.qualname, [[s.context, s.length, s.loss] for s in states]]
        for f, states in linked.graph.by_function.items()
    ]
    return found


SAMPLE = """
import asyncio, functools, threading, time
from concurrent.futures import ThreadPoolExecutor
class Base:
    handlers = {"a": len, "b": open}
    def __init__(self, f): self.f = f; self.others = {str, int, f}
    def run(self): return self.f() or self.step()
    def step(self): time.sleep(1)
class One(Base):
    def step(self): open("x").read()
class Two(Base):
    def step(self): self.handlers["b"]("x")
def deco(f):
    @functools.wraps(f)
    def inner(*a, **k): return f(*a, **k)
    return inner
@deco
def helper(x: Base | One | None = None): x.run(); [y() for y in {helper, deco, time.sleep}]
async def main():
    for cls in (One, Two):
        cls(helper).run()
    await asyncio.to_thread(helper, One(main))
    with ThreadPoolExecutor() as pool: pool.submit(helper)
    asyncio.get_running_loop().call_soon(helper)
"""


@pytest.mark.parametrize("seed", ["0", "1", "2", "12345"])
def test_the_order_of_hashes_has_no_say(seed: str) -> None:
    script = (
        "import sys, json; sys.path[:0] = json.loads(sys.argv[1])\n"
        "from properties.test_link_propagation import SAMPLE, describe\n"
        "print(json.dumps(describe(SAMPLE)))"
    )
    tests = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps([tests, *sys.path])],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == json.loads(json.dumps(describe(SAMPLE)))
