"""Imports that run in functions, of packages that take long to import, unless the program has imported them already."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import guards as g
from auditor.link.nodes import Place, Sink
from auditor.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from auditor.catalog.values import Api
    from auditor.link.edges import Edges
    from auditor.link.narrowing import BodyValues
    from auditor.link.program import Module, Program

GROUP: Final = "heavy-import"
"""Catalog group of packages; their names are those of modules, which cannot be called."""

_BRINGS: Final = {
    "pandas": ("numpy",),
    "scipy": ("numpy",),
    "sklearn": ("numpy", "scipy"),
    "matplotlib": ("numpy",),
    "sentence_transformers": ("torch", "transformers", "sklearn", "scipy", "numpy"),
    "torchvision": ("torch", "numpy"),
    "torchaudio": ("torch",),
    "easyocr": ("torch", "torchvision", "scipy", "numpy"),
    "whisper": ("torch", "numpy", "numba"),
    "ultralytics": ("torch", "numpy"),
    "docling": ("torch", "transformers", "pandas", "numpy"),
    "litellm": ("openai",),
    "spacy": ("numpy",),
    "librosa": ("numpy", "scipy"),
}
"""Packages that import other large ones when they are imported themselves."""


class Imports:
    """Answers for one program."""

    def __init__(self, program: Program, edges: Edges) -> None:
        self._program = program
        self._edges = edges
        self._imported: dict[Module, set[Module]] = {}  # by a module, whenever
        self._importing: dict[Module, set[Module]] = {}
        self._own: dict[Module, set[str]] = {}
        self._loaded: dict[Module, set[str]] = {}

    def cost(self, module: Module, dotted: str) -> tuple[str, Api] | None:
        """The package that a function of the module loads by importing ``dotted``, and what the catalog says of that.

        None where it is none of the catalog's, or there already.
        """
        name = dotted
        while name:
            api = self._edges.api(name)
            if api is not None and api.group == GROUP:
                return None if _package(dotted) in self._there(module) else (name, api)
            name = name.rpartition(".")[0]
        return None

    def _there(self, module: Module) -> set[str]:
        """Packages that are loaded by the time that functions of the module run.

        Whoever imports the module, directly or not, may have imported anything else before: a script that serves.
        """
        known = self._loaded.get(module)
        if known is None:
            self._relate()
            importers = _closure([module], self._importing)
            known = set[str]()
            for other in _closure(importers, self._imported):
                known |= self._packages_of(other)
            for name in tuple(known):
                known.update(_BRINGS.get(name, ()))
            self._loaded[module] = known
        return known

    def _relate(self) -> None:
        """Find out which modules of the program import which."""
        if self._imported:
            return
        for module in self._program.modules:
            names = {module.absolute(level, name) for level, name in module.facts.imports}
            for expression in module.facts.exprs:
                if expression[0] == f.IMPORTED:
                    names.add(f"{module.absolute(expression[1], expression[2])}.{expression[3]}")
            found = self._imported[module] = set()
            for name in names:
                while name:
                    target = self._program.find_module(name, module.root)
                    if target is not None and target is not module:
                        found.add(target)
                        self._importing.setdefault(target, set()).add(module)
                    name = name.rpartition(".")[0]

    def _packages_of(self, module: Module) -> set[str]:
        """Packages outside the program that are imported together with the module."""
        known = self._own.get(module)
        if known is None:
            known = self._own[module] = set()
            for name in self._at_import(module):
                if self._program.find_module(name, module.root) is None:
                    # `llama_index.llms.openai` and `langchain_openai` are named after what they import
                    known |= {_package(name), *name.replace("_", ".").split(".")}
        return known

    def _at_import(self, module: Module) -> set[str]:
        """What is imported together with the module, perhaps under a condition that holds then."""
        every = Counter(name for level, name in module.facts.imports if not level)
        perhaps: set[str] = set()
        for function in module.functions:
            for name, statement, *_, region in function.facts.imports:
                every[statement] -= 1
                if function.facts.kind <= f.CLASS_BODY and g.DEAD not in self._edges.guards.of(
                    module, region
                ):
                    perhaps.add(name)
        return perhaps | {name for name, times in every.items() if times > 0}


def _closure(start: Iterable[Module], steps: Mapping[Module, set[Module]]) -> set[Module]:
    """All modules that some steps lead to; tests are no part of the program that serves."""
    found = set(start)
    pending = list(found)
    while pending:
        for following in steps.get(pending.pop(), ()):
            if following not in found and not following.is_test:
                found.add(following)
                pending.append(following)
    return found


def _package(dotted: str) -> str:
    return dotted.partition(".")[0]


def late(body: BodyValues) -> None:
    """Note what the function imports when it runs."""
    noted: set[str] = set()
    for dotted, _, line, column, end, region in body.function.facts.imports:
        found = body.edges.imports.cost(body.module, dotted)
        if found is None or found[0] in noted:
            continue
        noted.add(found[0])
        constraints = body.constraints_at(region)
        if constraints is not None:
            name, api = found
            place = Place(line, column, line, end)
            body.result.sinks.append(Sink(place, name, api, None, constraints, Confidence.HIGH, region))
