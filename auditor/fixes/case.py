"""What a recipe gets, a place of a finding, and what it gives: the edits that mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from auditor.fixes.imports import Imports
from auditor.index import files as index_files
from auditor.index.source import Problem
from auditor.model import Edit

if TYPE_CHECKING:
    import ast

    from auditor.catalog.values import Api
    from auditor.engine.judge import Hit
    from auditor.engine.parsed import Span
    from auditor.fixes.contained import Contained
    from auditor.fixes.lines import Lines, Position
    from auditor.fixes.site import Site
    from auditor.link.graph import Graph
    from auditor.link.program import Module
    from auditor.link.suspects import Exposed, Hop


@dataclass(slots=True)
class Draft:
    """A fix in the making. ``doubts`` say why it is unsafe; without any it is safe."""

    title: str
    edits: list[Edit] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


class Source:
    """A module whose text is at hand."""

    def __init__(self, module: Module, lines: Lines, tree: ast.Module) -> None:
        self.module = module
        self.lines = lines
        self.imports = Imports(module.path, lines, tree)


def source_of(module: Module, lines: Lines) -> Source | None:
    """The module's text and names; None for what edits cannot be made in."""
    if module.path.endswith(index_files.NOTEBOOK_SUFFIX):
        return None
    tree = index_files.parse(lines.text)
    return None if isinstance(tree, Problem) else Source(module, lines, tree)


class Run(NamedTuple):
    """What all cases of a module share: the program, what is known of its functions, the library that fixes speak."""

    graph: Graph
    dialect: str
    contained: Contained


class Case:
    """One exposure of a finding. ``site`` is the exposure, or the offending node for recipes that mend that.

    ``spans`` are those of all hits of the finding. ``is_handle``: it opens something that is then used on the loop.
    """

    def __init__(
        self,
        hit: Hit,
        exposed: Exposed,
        source: Source,
        site: Site,
        run: Run,
        spans: frozenset[Span] = frozenset(),
        *,
        is_handle: bool = False,
    ) -> None:
        self.hit = hit
        self.exposed = exposed
        self.source = source
        self.site = site
        self.graph = run.graph
        self.dialect = run.dialect
        self.contained = run.contained
        self.spans = spans
        self.is_handle = is_handle and self.is_direct

    @property
    def hop(self) -> Hop:
        """The step at which the exposure stands."""
        return self.exposed.hops[self.exposed.at]

    @property
    def is_direct(self) -> bool:
        """Whether the exposure is the offending call itself."""
        return self.exposed.at == len(self.exposed.hops) - 1

    @property
    def api(self) -> Api | None:
        """What the catalog says of the offending call."""
        return self.hit.suspect.sink.api if self.hit.suspect.sink is not None else None

    @cached_property
    def call(self) -> cst.Call | None:
        """The call at the exposure, if it is one."""
        return self.site.node if isinstance(self.site.node, cst.Call) else None

    def edit(self, start: Position, end: Position, replacement: str) -> Edit:
        return Edit(self.source.module.path, start, end, replacement)

    def spell(self, draft: Draft, dotted: str) -> str | None:
        """How a dotted name of a module is written at the exposure; its import is added to the draft if need be."""
        module, _, rest = dotted.partition(".")
        spelling = self.source.imports.spelling(module, self.site.start()[0])
        if spelling is None:
            return None
        draft.edits += spelling.edits
        return f"{spelling.name}.{rest}" if rest else spelling.name
