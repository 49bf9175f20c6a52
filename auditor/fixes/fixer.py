"""From the hits of a finding to its fixes: the recipe that the rule's file names, at each of its exposures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.engine.parsed import Parsed
from auditor.engine.texts import Recent
from auditor.fixes import threads
from auditor.fixes.case import Case, Run, source_of
from auditor.fixes.contained import Contained
from auditor.fixes.coroutines import Coroutines
from auditor.fixes.editing import ordered
from auditor.fixes.lines import Lines
from auditor.fixes.recipes import RECIPES
from auditor.fixes.site import Site
from auditor.link.edges import RAISE_INTERNAL_ERRORS
from auditor.model import Fix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.engine.judge import Hit
    from auditor.engine.texts import Texts, Unit
    from auditor.fixes.case import Draft, Source
    from auditor.fixes.recipes import Recipe
    from auditor.link.graph import Graph
    from auditor.link.nodes import Place
    from auditor.link.program import Function, Module
    from auditor.link.suspects import Exposed
    from auditor.model import Edit

_OPEN_UNITS: Final = 64
_OPEN_SOURCES: Final = 128
_MOST: Final = 200
"""Fixes of one finding: a helper with more callers is better mended by hand."""


class Fixer:
    """Makes the fixes of one run."""

    def __init__(self, graph: Graph, texts: Texts, dialect: str, *, is_chosen: bool = False) -> None:
        self._graph = graph
        self._texts = texts
        self._dialect = dialect
        self._is_chosen = is_chosen  # by the settings; else a module may have its own
        self._contained = Contained(graph, texts.lines)
        self._coroutines = Coroutines(graph, self._site_alone, texts.lines)
        self._known: dict[tuple[object, ...], Draft | None] = {}
        self.faults: dict[str, str] = {}  # files in whose fixes our own code failed, and how
        self._parsed: Recent[tuple[Module, int, int], Parsed | None] = Recent(_OPEN_UNITS)
        self._sources: Recent[Module, Source | None] = Recent(_OPEN_SOURCES)

    def fixes(
        self, hits: Sequence[Hit], exposed: Sequence[Exposed], *, is_handle: bool = False
    ) -> tuple[Fix, ...]:
        """One fix for each exposure that can be mended, each once.

        ``is_handle``: the finding is about opening something that is then used on the loop as well.
        """
        hit = next((hit for hit in hits if hit.rule.file.fix is not None), None)
        named = hit.rule.file.fix if hit is not None else None
        recipe = RECIPES.get(named.recipe) if named is not None else None
        if hit is None or named is None or recipe is None:
            return ()
        found: dict[tuple[Edit, ...], Fix] = {}
        for at, one in enumerate(exposed[:1] if recipe.at_call else exposed[:_MOST]):
            draft = self._draft(recipe, hits, hit, one, is_handle=is_handle)
            if draft is not None:
                safe = named.safety == "safe" and not draft.doubts
                edits = tuple(ordered(draft.edits))
                reason = "" if safe else "; ".join(dict.fromkeys(draft.doubts))
                mends = None if recipe.at_call else at
                found.setdefault(edits, Fix("safe" if safe else "unsafe", draft.title, edits, reason, mends))
        return tuple(found.values())

    def _draft(
        self, recipe: Recipe, hits: Sequence[Hit], hit: Hit, exposed: Exposed, *, is_handle: bool
    ) -> Draft | None:
        hop = exposed.hops[exposed.at]
        if not recipe.at_call and hop.edge is not None:
            # behind a helper all findings have the same fix
            key = (recipe, hop.function, hop.place.line, hop.place.column, hop.edge.target)
            if key not in self._known:
                self._known[key] = self._made(recipe, hits, hit, exposed, is_handle=is_handle)
            return self._known[key]
        return self._made(recipe, hits, hit, exposed, is_handle=is_handle)

    def _made(
        self, recipe: Recipe, hits: Sequence[Hit], hit: Hit, exposed: Exposed, *, is_handle: bool
    ) -> Draft | None:
        suspect, hop = hit.suspect, exposed.hops[exposed.at]
        if recipe.at_call:
            function, place = suspect.function, suspect.place
        else:
            function, place = hop.function, hop.place
        if recipe.awaits and not function.is_async:
            return None  # no text need be read for that
        if recipe.awaits and hop.edge is not None and threads.needs_this_thread(self._graph, hop):
            return self._coroutines.made(hop.edge.target.function) if hop.edge.how == "call" else None
        source = self._sources.get(function.module, lambda: self._source(function.module))
        site = self._site(function, place, source) if source is not None else None
        if source is None or site is None:
            return None
        spans = frozenset(each.span for each in hits if each.suspect.function is function)
        dialect = self._dialect if self._is_chosen else _dialect_of(function.module, self._dialect)
        run = Run(self._graph, dialect, self._contained)
        case = Case(hit, exposed, source, site, run, spans, is_handle=is_handle)
        try:
            return recipe.make(case)
        except Exception as error:
            if RAISE_INTERNAL_ERRORS:
                raise
            what = f"internal error in the fix of line {place.line}: {type(error).__name__}: {error}"
            self.faults[function.module.path] = f"{what}; please report it"
            return None

    def _source(self, module: Module) -> Source | None:
        return source_of(module, Lines(self._texts.lines(module)))

    def _site_alone(self, function: Function, place: Place) -> Site | None:
        source = self._sources.get(function.module, lambda: self._source(function.module))
        return self._site(function, place, source) if source is not None else None

    def _site(self, function: Function, place: Place, source: Source) -> Site | None:
        unit = self._texts.unit(function, place)
        if unit is None:
            return None
        parsed = self._parsed.get((function.module, unit.start, unit.end), lambda: _parse(unit))
        if parsed is None:
            return None
        node = parsed.node(self._texts.span_of(function.module, place), is_call=place.call >= 0)
        return Site(parsed, source.lines, node) if node is not None else None


def _dialect_of(module: Module, otherwise: str) -> str:
    """The asynchronous library that a module uses: asyncio where it imports that too, else that of the program."""
    imported = {name.partition(".")[0] for level, name in module.facts.imports if not level}
    return next((name for name in ("asyncio", "anyio", "trio") if name in imported), otherwise)


def _parse(unit: Unit) -> Parsed | None:
    try:
        return Parsed(unit)
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError):
        return None
