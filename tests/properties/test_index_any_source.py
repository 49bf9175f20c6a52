"""Whatever the source, indexing and linking end in a value: generated ones, and real ones with pieces out of place."""

from __future__ import annotations

import ast
import random
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.linking import Linked, roomy

import auditor
from auditor.index import facts as f
from auditor.index import files
from auditor.index.source import Problem

SECONDS = 20.0
PROGRAMS = Path(__file__).resolve().parents[2] / "fixtures" / "programs"


@cache
def real_sources() -> tuple[str, ...]:
    paths = [*sorted(Path(auditor.__file__).parent.rglob("*.py")), *sorted(PROGRAMS.rglob("*.py"))]
    return tuple(x for path in paths if (x := path.read_text(encoding="utf-8")) and len(x) < 20_000)


def link(sources: list[str]) -> Linked:
    """The sources as one program, whose modules import each other by guessable names."""
    start = time.process_time()
    named = {f"m{number}.py": source for number, source in enumerate(sources)}
    named["app.py"] = "".join(f"from m{number} import *\n" for number in range(len(sources)))
    result = Linked(named)
    assert time.process_time() - start < SECONDS
    check(result)
    return result


def check(linked: Linked) -> None:
    """Facts point at facts that are there, and everything that was reached can be explained."""
    for module in linked.program.modules:
        facts = module.facts
        for call in facts.calls:
            assert 0 <= call[f.C_CALLEE] < len(facts.exprs)
            assert 0 <= call[f.C_REGION] < len(facts.regions)
            assert 0 <= call[f.C_FUNCTION] < len(facts.functions)
            assert (call[f.C_LINE], call[f.C_COLUMN]) <= (call[f.C_END_LINE], call[f.C_END_COLUMN])
        for number, (_, parent, _, _) in enumerate(facts.regions):
            assert parent <= number
        for number, function in enumerate(facts.functions):
            assert function.parent < max(number, 1)
            assert all(facts.calls[c][f.C_FUNCTION] == number for c in function.calls)
    for state in linked.graph.states.values():
        assert (state.before is None) == (state.edge is None)


def readable(source: str) -> bool:
    with roomy():
        return not isinstance(files.index(files.Text("x.py", source)), Problem)


# -- real sources, mutated -----------------------------------------------------------------------------------------


class Shuffle(ast.NodeTransformer):
    """Moves expressions, names and statements to where others were, so that the result still parses."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names: list[str] = []
        self.expressions: list[ast.expr] = []

    def apply(self, source: str) -> str:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                self.names.append(node.id)
            if isinstance(
                node,
                ast.Call | ast.Attribute | ast.Lambda | ast.Subscript | ast.IfExp | ast.Dict | ast.ListComp,
            ):
                self.expressions.append(node)
        return ast.unparse(ast.fix_missing_locations(self.visit(tree)))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if self.random.random() < 0.08:
            node.id = self.random.choice(self.names)
        if isinstance(node.ctx, ast.Load) and self.expressions and self.random.random() < 0.03:
            return self.random.choice(self.expressions)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if self.random.random() < 0.05:
            node.attr = self.random.choice(self.names)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        roll = self.random.random()
        if roll < 0.1:
            self.random.shuffle(node.body)
        elif roll < 0.2:
            node.decorator_list.append(ast.Name(self.random.choice(self.names), ast.Load()))
        elif roll < 0.3:
            node.body = [ast.While(ast.Constant(True), node.body, [])]
        elif roll < 0.4:
            node.body = [ast.Try(node.body, [ast.ExceptHandler(None, None, node.body)], [], node.body)]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        if self.random.random() < 0.3:
            node.bases.append(ast.Name(self.random.choice(self.names), ast.Load()))
        return node


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_real_sources_with_pieces_out_of_place(seed: int, count: int) -> None:
    chooser = random.Random(seed)
    mutated = []
    for source in chooser.sample(real_sources(), count):
        try:
            mutated.append(Shuffle(seed).apply(source))
        except (SyntaxError, RecursionError, ValueError):
            continue  # newer grammar than this interpreter's, or a tree that was tied into a knot
    link([source for source in mutated if readable(source)])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_real_sources_with_lines_missing(seed: int) -> None:
    chooser = random.Random(seed)
    lines = chooser.choice(real_sources()).splitlines(keepends=True)
    for _ in range(chooser.randint(1, 5)):
        if lines:
            del lines[chooser.randrange(len(lines))]
    text = "".join(lines)
    if readable(text):
        link([text])


# -- generated sources ---------------------------------------------------------------------------------------------


def test_generated_sources() -> None:
    hypothesmith = pytest.importorskip("hypothesmith")
    options = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}

    @settings(max_examples=30, **options)
    @given(hypothesmith.from_grammar(), st.integers(0, 2**32))
    def from_grammar(source: str, seed: int) -> None:
        link([x for x in (source, random.Random(seed).choice(real_sources())) if readable(x)])

    @settings(max_examples=30, **options)
    @given(hypothesmith.from_node(), st.integers(0, 2**32))
    def from_node(source: str, seed: int) -> None:
        link([x for x in (source, random.Random(seed).choice(real_sources())) if readable(x)])

    from_grammar()
    from_node()
