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
        self._bits: dict[str, int] = {}  # packages that somebody may ask for, each with a bit of its own
        self._loaded: dict[Module, int] | None = None
        self._targets: dict[tuple[str, int], tuple[Module, ...]] = {}
        self._known: dict[str, tuple[str, Api] | None] = {}

    def cost(self, module: Module, dotted: str) -> tuple[str, Api] | None:
        """The package that a function of the module loads by importing ``dotted``, and what the catalog says of that.

        None where it is none of the catalog's, or there already.
        """
        found = self._heavy(dotted)
        return None if found is None or self._is_there(module, _package(dotted)) else found

    def _heavy(self, dotted: str) -> tuple[str, Api] | None:
        try:
            return self._known[dotted]
        except KeyError:
            found = self._known[dotted] = self._find_heavy(dotted)
            return found

    def _find_heavy(self, dotted: str) -> tuple[str, Api] | None:
        name = dotted
        while name:
            api = self._edges.api(name)
            if api is not None and api.group == GROUP:
                return name, api
            name = name.rpartition(".")[0]
        return None

    def _is_there(self, module: Module, package: str) -> bool:
        """Whether the package is loaded by the time that functions of the module run.

        Whoever imports the module, directly or not, may have imported anything else before: a script that serves.
        """
        if self._loaded is None:
            self._loaded = self._find_loaded()
        return bool(self._loaded[module] & self._bits[package])

    def _find_loaded(self) -> dict[Module, int]:
        """Packages, as bits, that are loaded by the time that functions of each module run."""
        modules = self._program.modules
        asked = {x[0] for m in modules for function in m.functions for x in function.facts.imports}
        packages = sorted({_package(x) for x in asked if self._heavy(x) is not None})
        self._bits = {name: 1 << number for number, name in enumerate(packages)}
        imported: dict[Module, set[Module]] = {module: self._imported_by(module) for module in modules}
        self._targets.clear()  # of a large program many megabytes, and nobody asks again
        importing: dict[Module, list[Module]] = {}
        for module, others in imported.items():
            for other in others:
                importing.setdefault(other, []).append(module)
        own = {module: self._packages_of(module) for module in modules}
        return _spread(_spread(own, importing), imported)

    def _imported_by(self, module: Module) -> set[Module]:
        """Modules of the program that the module imports, whenever."""
        names = {module.absolute(level, name) for level, name in module.facts.imports}
        for position in module.facts.imported:
            _, level, name, attribute = module.facts.exprs[position]
            names.add(f"{module.absolute(level, name)}.{attribute}")
        found: set[Module] = set()
        for name in names:
            found.update(self._modules_along(name, module.root))
        found.discard(module)
        return found

    def _modules_along(self, name: str, root: int) -> tuple[Module, ...]:
        """Modules of the program that importing the name runs: its own, and those of the packages around it."""
        known = self._targets.get((name, root))
        if known is None:
            target = self._program.find_module(name, root)
            around = name.rpartition(".")[0]
            known = self._modules_along(around, root) if around else ()
            if target is not None:
                known = (target, *known)
            self._targets[name, root] = known
        return known

    def _packages_of(self, module: Module) -> int:
        """Packages outside the program, as bits, that are imported together with the module."""
        found = 0
        for name in self._at_import(module):
            if self._program.find_module(name, module.root) is None:
                # `llama_index.llms.openai` and `langchain_openai` are named after what they import
                for part in (_package(name), *name.replace("_", ".").split(".")):
                    for package in (part, *_BRINGS.get(part, ())):
                        found |= self._bits.get(package, 0)
        return found

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


def _spread(own: Mapping[Module, int], onto: Mapping[Module, Iterable[Module]]) -> dict[Module, int]:
    """What each module has got: its own, and what others had to give that lead to it by some steps.

    Tests give nothing: they are no part of the program that serves.
    """
    found = dict(own)
    pending = [module for module, bits in own.items() if bits]
    while pending:
        module = pending.pop()
        if module.is_test:
            continue
        bits = found[module]
        for other in onto.get(module, ()):
            if bits & ~found[other]:
                found[other] |= bits
                pending.append(other)
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
