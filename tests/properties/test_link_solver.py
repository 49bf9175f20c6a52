"""The solver gives the least fixed point of any monotone system of equations, whatever is asked first."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.link.fixpoint import Solver
from auditor.link.values import LIMIT

ATOMS = 8
"""Kinds of values: so few that their number never cuts a set short."""

assert ATOMS < LIMIT

Edge = tuple[int, tuple[int, ...]]
"""(the node that is read, what each of its atoms is turned into)"""


class System:
    """Equations ``x_i = constants_i joined with f(x_j) for each edge (j, f)``: monotone by construction."""

    def __init__(self, constants: list[frozenset[int]], edges: list[list[Edge]]) -> None:
        self.constants = constants
        self.edges = edges
        self.solver = Solver()
        self.computed = 0

    def ask(self, node: int) -> tuple[Any, ...]:
        return self.solver.solve(node, self._compute, node, None)

    def _compute(self, node: int, _: object) -> tuple[Any, ...]:
        self.computed += 1
        found: dict[int, None] = dict.fromkeys(sorted(self.constants[node]))
        for other, mapping in self.edges[node]:
            for atom in self.ask(other):
                found[mapping[atom]] = None
        return tuple(found)

    def naive(self) -> list[set[int]]:
        values: list[set[int]] = [set() for _ in self.constants]
        changed = True
        while changed:
            changed = False
            for node, constants in enumerate(self.constants):
                new = set(constants)
                for other, mapping in self.edges[node]:
                    new |= {mapping[atom] for atom in values[other]}
                if new != values[node]:
                    values[node] = new
                    changed = True
        return values


IDENTITY = tuple(range(ATOMS))


@st.composite
def systems(draw: st.DrawFn, *, mapped: bool) -> tuple[list[frozenset[int]], list[list[Edge]]]:
    size = draw(st.integers(1, 9))
    nodes = st.integers(0, size - 1)
    atoms = st.integers(0, ATOMS - 1)
    mappings = st.one_of(st.just(IDENTITY), st.tuples(*[atoms] * ATOMS)) if mapped else st.just(IDENTITY)
    constants = [draw(st.frozensets(atoms, max_size=2)) for _ in range(size)]
    edges = [draw(st.lists(st.tuples(nodes, mappings), max_size=4)) for _ in range(size)]
    return constants, edges


def check(system: System, order: list[int]) -> None:
    expected = system.naive()
    for node in order:
        if node < len(expected):
            assert set(system.ask(node)) == expected[node], node
    for node, values in enumerate(expected):
        assert set(system.ask(node)) == values, node
        assert len(system.ask(node)) == len(values), "no repetition"
    assert system.solver.low >= 0


@settings(max_examples=400, deadline=None)
@given(systems(mapped=False), st.lists(st.integers(0, 8), max_size=9))
def test_values_that_flow_along_a_graph(
    equations: tuple[list[frozenset[int]], list[list[Edge]]], order: list[int]
) -> None:
    check(System(*equations), order)


@settings(max_examples=400, deadline=None)
@given(systems(mapped=True), st.lists(st.integers(0, 8), max_size=9))
def test_values_that_change_along_the_way(
    equations: tuple[list[frozenset[int]], list[list[Edge]]], order: list[int]
) -> None:
    check(System(*equations), order)


def test_a_cycle_within_a_cycle_is_complete() -> None:
    # x0 = {0} or x1; x1 = x0 or x2; x2 = x1: all three are {0}
    check(
        System(
            [frozenset({0}), frozenset(), frozenset()],
            [[(1, IDENTITY)], [(0, IDENTITY), (2, IDENTITY)], [(1, IDENTITY)]],
        ),
        [0],
    )


def test_a_cycle_within_a_cycle_is_complete_from_the_inside() -> None:
    check(
        System(
            [frozenset({0}), frozenset(), frozenset()],
            [[(1, IDENTITY)], [(0, IDENTITY), (2, IDENTITY)], [(1, IDENTITY)]],
        ),
        [1],
    )


def test_a_long_cycle_is_computed_a_few_times_only() -> None:
    size = 300
    system = System(
        [frozenset({node % ATOMS}) for node in range(size)],
        [[((node + 1) % size, IDENTITY), ((node * 7 + 3) % size, IDENTITY)] for node in range(size)],
    )
    system.ask(0)
    assert set(system.ask(5)) == set(IDENTITY)
    assert system.computed <= 8 * size


def test_a_ladder_of_cycles_is_computed_in_linear_time() -> None:
    counts = []
    for size in (50, 100, 200):
        # each node reads the two before it and the next: nested cycles all the way
        system = System(
            [frozenset({node % ATOMS}) for node in range(size)],
            [[((node + step) % size, IDENTITY) for step in (-2, -1, 1)] for node in range(size)],
        )
        for node in range(size):
            system.ask(node)
        counts.append(system.computed)
    assert counts[2] <= 5 * counts[0]


def test_a_node_is_computed_once_without_cycles() -> None:
    size = 200
    system = System(
        [frozenset({0}) if node == size - 1 else frozenset() for node in range(size)],
        [[(other, IDENTITY) for other in range(node + 1, min(node + 4, size))] for node in range(size)],
    )
    assert set(system.ask(0)) == {0}
    assert system.computed == size
