"""Where functions and classes may be called: calls of the program, found by the last name of their callee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Function, Module

MANY: Final = 300
"""A name that more calls end in says nothing about any of them."""


class CallSites:
    """Calls, as (module, number of the call). That a callee is what its name suggests is for the asker to check."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._by_name: dict[str, list[tuple[Module, int]]] | None = None

    def named(self, name: str) -> list[tuple[Module, int]]:
        """Calls whose callee ends in ``name``; none where they are too many."""
        sites = self._sites(name)
        return sites if len(sites) <= MANY else []

    def of(self, function: Function) -> list[tuple[Module, int]]:
        """Calls whose callee's last name is that of the function, or of its class for a constructor."""
        name = function.facts.name
        if function.parent is not None and function.parent.facts.kind >= f.DEF:
            # a closure is called through what its maker returns: `maker(...)(argument)`
            sites = [*self._sites(name), *self._sites(function.parent.facts.name + "()")]
            return sites if len(sites) <= MANY else []
        if name in ("__init__", "__new__", "__call__", "__post_init__"):
            if function.class_ is None or name == "__call__":
                return []
            sites = list(self._sites(function.class_.facts.name))
            for subclass in self._evaluator.hierarchy.descendants(function.class_):
                sites.extend(self._sites(subclass.facts.name))
            sites.extend(self._sites("__init__"))
            return sites if len(sites) <= MANY else []
        return self.named(name)

    def forget(self) -> None:
        """Let go of the index of names; the next question builds it again."""
        self._by_name = None

    def _sites(self, name: str) -> list[tuple[Module, int]]:
        """Calls, as (module, number), whose callee ends in ``name``; ``name()``: in what a call of it returns."""
        index = self._by_name
        if index is None:
            index = self._by_name = self._index()
        return index.get(name, [])

    def _index(self) -> dict[str, list[tuple[Module, int]]]:
        """All calls by the last name of their callee: for names of the program, and no more than anybody asks for."""
        program = self._evaluator.program
        index: dict[str, list[tuple[Module, int]]] = {x.facts.name: [] for x in program.functions}
        index.update((name + "()", []) for name in list(index))
        index.update((x.facts.name, []) for x in program.classes)
        for module in program.modules:
            exprs = module.facts.exprs
            for number, call in enumerate(module.facts.calls):
                callee = exprs[call[0]]
                tag = callee[0]
                if tag == f.ATTR:
                    last = callee[2]
                elif tag == f.GLOBAL:
                    last = callee[1]
                elif tag == f.IMPORTED:
                    last = callee[3]
                else:
                    last = _last_name(module, callee)
                sites = index.get(last)
                if sites is not None and len(sites) <= MANY:
                    sites.append((module, number))
        return index


def _last_name(module: Module, callee: tuple[Any, ...]) -> str:
    """The name that a callee which is no plain name or attribute goes by, or nothing."""
    exprs = module.facts.exprs
    while callee[0] == f.DECORATED:
        callee = exprs[callee[2]]
    tag = callee[0]
    if tag == f.CLASS:
        class_: Class = module.classes[callee[1]]
        return class_.facts.name
    if tag == f.CALL:
        maker = exprs[module.facts.calls[callee[1]][f.C_CALLEE]]
        if maker[0] in (f.ATTR, f.GLOBAL, f.IMPORTED):
            return f"{maker[-1]}()"
        return f"{module.functions[maker[1]].facts.name}()" if maker[0] == f.FUNCTION else ""
    return module.functions[callee[1]].facts.name if callee[0] == f.FUNCTION else ""
