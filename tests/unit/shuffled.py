"""All that the linker may ask, asked in a shuffled order before it asks by itself: no answer may depend on that."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from auditor.index import facts as f
from auditor.link.graph import Graph


def ask_everything(graph: Graph, seed: int) -> None:
    """Ask for the values of all callees and of what functions return, and what tells variants of functions apart."""
    evaluator, traits = graph.evaluator, graph.edges.traits
    questions: list[Callable[[], object]] = []
    for module in evaluator.program.modules:
        positions = {call[f.C_CALLEE] for call in module.facts.calls}
        positions.update(position for function in module.facts.functions for position, _ in function.returns)
        questions += [
            lambda module=module, at=position: evaluator.values(module, at)  # type: ignore[misc]
            for position in sorted(positions)
        ]
    for function in evaluator.program.functions:
        for trait in (traits.telling, traits.depends_on_receiver, traits.offloads):
            questions.append(lambda trait=trait, function=function: trait(function))  # type: ignore[misc]
    random.Random(seed).shuffle(questions)
    for question in questions:
        question()


@contextmanager
def asked_before(seed: int) -> Iterator[None]:
    """Within, each program is asked everything, in an order of its own, before its contexts are found."""
    propagate = Graph.propagate

    def asking(graph: Graph) -> None:
        ask_everything(graph, seed)
        propagate(graph)

    Graph.propagate = asking  # type: ignore[method-assign]
    try:
        yield
    finally:
        Graph.propagate = propagate  # type: ignore[method-assign]
