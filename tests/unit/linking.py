"""Small programs, linked, and what is known of them by the names that their sources use."""

from __future__ import annotations

import gc
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from auditor import resources
from auditor.catalog import Catalog, load
from auditor.index import facts as f
from auditor.index import files
from auditor.index.source import Problem
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.link.evaluate import Evaluator
from auditor.link.graph import Graph, State
from auditor.link.nodes import Edge
from auditor.link.program import Class, Function, Module, Program
from auditor.link.suspects import Suspect, Suspects
from auditor.link.values import Value

DEPTH = 20_000
"""The recursion limit that an audit runs under."""


@cache
def catalog() -> Catalog:
    """The data that ships with auditor."""
    return load(
        [*sorted(resources.catalog_dir().glob("*.toml")), *sorted(resources.frameworks_dir().glob("*.toml"))]
    )


@contextmanager
def roomy() -> Iterator[None]:
    """As deep as an audit may recurse, and without the cyclic collector, as in an audit."""
    limit, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(limit, DEPTH))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


class Linked:
    """A linked program. ``sources`` maps paths to texts; a module is named by its path below its root.

    ``roots`` are folders that imports start from (the longest that fits counts), ``loose`` how many leading
    folders of a path may be left out in imports, ``whole`` whether implicit calls that lead to nothing count.
    """

    def __init__(
        self,
        sources: Mapping[str, str] | str,
        roots: tuple[str, ...] = ("",),
        loose: Mapping[str, int] | None = None,
        *,
        whole: bool = True,
    ) -> None:
        if isinstance(sources, str):
            sources = {"app.py": sources}
        self.program = Program()
        with roomy():
            for path, source in sources.items():
                facts = files.index(files.Text(path, textwrap.dedent(source)))
                assert not isinstance(facts, Problem), f"{path}: {facts.reason}"
                root = max((r for r in roots if path.startswith(r)), key=len)
                parts = path[len(root) :].strip("/").removesuffix(".py").split("/")
                is_package = parts[-1] == "__init__"
                name = ".".join(parts[:-1] if is_package else parts)
                self.program.add(
                    path,
                    name,
                    roots.index(root),
                    facts,
                    is_package=is_package,
                    loose=(loose or {}).get(path, 0),
                )
            self.evaluator = Evaluator(self.program, catalog())
            self.graph = Graph(self.evaluator, whole=whole)
            self.graph.propagate()
            wanted = {
                api.group: frozenset({c.LOOP_DOMAIN})
                for api in self.evaluator.catalog.apis
                if api.effect == "blocks" or api.group == "get-loop"
            }
            self.suspects: list[Suspect] = Suspects(self.graph, wanted).collect()
        # an audit goes on when one function fails; a test does not
        assert not self.graph.edges.faults, self.graph.edges.faults

    # -- look-up -----------------------------------------------------------------------------------------------

    def module(self, name: str) -> Module:
        (found,) = (x for x in self.program.modules if x.name == name)
        return found

    def function(self, name: str) -> Function:
        """A function by its dotted name; the leading ``app.`` may be left out."""
        found = [
            x
            for x in self.program.functions
            if x.facts.kind != f.CLASS_BODY and x.qualname in (name, f"app.{name}")
        ]
        assert len(found) == 1, f"{name}: {[x.qualname for x in self.program.functions]}"
        return found[0]

    def class_(self, name: str) -> Class:
        (found,) = (x for x in self.program.classes if x.qualname in (name, f"app.{name}"))
        return found

    # -- values ------------------------------------------------------------------------------------------------

    def probes(self) -> list[str]:
        """What the argument of each call of ``probe`` may be, in the order of modules and lines; see `text`."""
        found = []
        for module in self.program.modules:
            calls = [
                c for c in module.facts.calls if module.facts.exprs[c[f.C_CALLEE]] == (f.GLOBAL, "probe")
            ]
            for call in sorted(calls, key=lambda c: (c[f.C_LINE], c[f.C_COLUMN])):
                with roomy():
                    values = self.evaluator.concrete(self.evaluator.values(module, call[f.C_ARGS][0]))
                found.append(" | ".join(sorted({self.text(x) for x in values})) or "?")
        return found

    def text(self, value: Value) -> str:
        """A value in words: ``f``, ``class C``, ``a C``, ``pkg.name``, ``a pkg.Type``, ``coroutine of f`` ..."""
        kind = value.kind
        if kind == v.FUNCTION:
            return _short(value.a.qualname)
        if kind == v.BOUND:
            return f"{_short(value.a.a.qualname)} of {self.text(value.b)}"
        if kind == v.CLASS:
            return f"class {_short(value.a.qualname)}"
        if kind == v.INSTANCE:
            return f"a {_short(value.a.qualname)}"
        if kind == v.MODULE:
            return f"module {value.a.name}"
        if kind == v.EXTERNAL:
            return str(value.a)
        if kind == v.EXTERNAL_INSTANCE:
            return f"a {value.a}".replace("builtins.", "")
        if kind == v.CONSTANT:
            return repr(value.a)
        if kind == v.CONTAINER:
            return f"a {self.evaluator.type_name(value).replace('builtins.', '')}"
        if kind in (v.COROUTINE, v.GENERATOR, v.MANAGER):
            word = {v.COROUTINE: "coroutine", v.GENERATOR: "generator", v.MANAGER: "manager"}[kind]
            return f"{word} of {self.text(value.a)}" if value.a is not None else word
        if kind == v.PARAMETER:
            return f"parameter {value.a.facts.params[value.b][0]} of {_short(value.a.qualname)}"
        return repr(value).split()[0].strip("<")

    # -- calls and contexts ------------------------------------------------------------------------------------

    def edges(self, name: str) -> list[Edge]:
        """The steps of all variants of a function."""
        function = self.function(name)
        with roomy():
            self.graph.edges.body(self.graph.edges.node(function))
        nodes = [n for n in self.graph.edges.nodes if n.function is function]
        return [edge for node in nodes for edge in self.graph.edges.body(node).edges]

    def calls(self, name: str) -> set[str]:
        """The functions of the program that a function calls itself, implicitly or not."""
        return {_short(e.target.function.qualname) for e in self.edges(name) if e.how in _CALLS}

    def hands_over(self, name: str) -> set[str]:
        """The functions that it has run by somebody else, as ``how function``."""
        return {
            f"{e.how} {_short(e.target.function.qualname)}" for e in self.edges(name) if e.how not in _CALLS
        }

    def reaches(self, name: str) -> set[str]:
        """Functions that are called, directly or not, from a function in the same context."""
        found: set[str] = set()
        waiting = [self.graph.edges.node(self.function(name))]
        while waiting:
            with roomy():
                body = self.graph.edges.body(waiting.pop())
            for edge in body.edges:
                if edge.how in _CALLS and _short(edge.target.function.qualname) not in found:
                    found.add(_short(edge.target.function.qualname))
                    waiting.append(edge.target)
        return found

    def externals(self, name: str) -> set[str]:
        """Dotted names outside the program that a function calls."""
        function = self.function(name)
        nodes = [n for n in self.graph.edges.nodes if n.function is function] or [
            self.graph.edges.node(function)
        ]
        with roomy():
            return {dotted for node in nodes for _, dotted in self.graph.edges.body(node).externals}

    def contexts(self, name: str) -> set[str]:
        """Where a function runs, as ``thread loop phase``."""
        return {context_text(s.context) for s in self.states(name)}

    def states(self, name: str) -> list[State]:
        return self.graph.by_function.get(self.function(name), [])

    def findings(self) -> list[str]:
        """The suspects whose effect is on the loop, as ``path:line callee``, without those that hand over a result."""
        return [
            f"{s.function.module.path}:{s.place.line} {s.callee}" for s in self.suspects if s.sink is not None
        ]

    def blocks(self) -> set[str]:
        """The names of the functions with a blocking call on the loop."""
        return {
            _short(s.function.qualname)
            for s in self.suspects
            if s.sink is not None and s.sink.api.effect == "blocks"
        }


def _short(qualname: str) -> str:
    return qualname.removeprefix("app.")


def context_text(context: c.Context) -> str:
    """``main serving startup`` and the like."""
    return f"{c.thread_of(context).value} {c.loop_of(context).value} {c.phase_of(context).value}"


_CALLS = frozenset({"call", "property", "with", "iterate", "operator"})
