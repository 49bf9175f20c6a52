"""Whether an ``await`` may be put into a coroutine: others run meanwhile, and see and change what it is working on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes.bindings import locals_of, names_in
from auditor.fixes.walking import walk
from auditor.index import facts as f
from auditor.link import values as v

if TYPE_CHECKING:
    from auditor.engine.parsed import Parsed
    from auditor.fixes.case import Case
    from auditor.fixes.site import Site

_OPEN: Final = 64
"""Functions whose state is kept in mind."""
_CLEANUP: Final = frozenset({"__aexit__", "__aclose__", "aclose", "__del__"})
_CHANGES: Final = frozenset(
    {
        "append", "appendleft", "add", "extend", "extendleft", "insert", "update", "setdefault", "pop", "popleft",
        "popitem", "remove", "discard", "clear", "sort", "reverse", "put_nowait", "set", "write", "push",
    }
)  # fmt: skip
"""Methods whose names say that they change what they belong to."""


def doubts(case: Case, site: Site | None = None) -> list[str]:
    """Why a suspension at the site may change what the program does."""
    site = site or case.site
    found = []
    for around, part in site.within():
        if isinstance(around, cst.Try) and around.finalbody is part:
            found.append("it stands in `finally`, where a cancellation would cut the cleanup short")
        elif isinstance(around, cst.With) and around.body is part:
            held = [item.item for item in around.items if not _is_unlocked(case, site, item.item)]
            if held:
                names = ", ".join(f"`{_code(item)}`" for item in held)
                found.append(f"others run while it waits inside {names}")
    function = site.function
    if function is None:
        return found
    if function.name.value in _CLEANUP:
        found.append(
            f"it stands in `{function.name.value}`, where a cancellation would cut the cleanup short"
        )
    if case.hop.function.facts.is_generator and any(isinstance(x, cst.Try) for x, _ in site.within()):
        found.append("it stands in an asynchronous generator, whose cleanup may run it")
    shared = _read_before_and_written_after(site, function)
    if shared:
        own = case.contained.own_names(case.hop.function, case.hop.place)
        shared = [name for name in shared if name not in own]
    if shared:
        names = ", ".join(f"`{name}`" for name in shared[:3])
        found.append(f"{names} may be changed by others between being read and being written")
    return found


def _is_unlocked(case: Case, site: Site, manager: cst.BaseExpression) -> bool:
    """Whether all that a `with` may enter there is known to keep nobody out."""
    line, column = site.start(manager)
    place = line, len(site.lines.lines[line - 1][: column - 1].encode())
    function = case.hop.function
    evaluator = case.graph.evaluator
    facts = function.module.facts
    position = next((x[0] for x in function.facts.withs if (x[2], x[3]) == place), -1)
    if position < 0:
        return False

    def are_unlocked(expression: int, kind: int) -> bool:
        values = evaluator.values(function.module, expression)
        return bool(values) and all(x.kind == kind and evaluator.catalog.is_unlocked(x.a) for x in values)

    made_by = facts.exprs[position]
    return are_unlocked(position, v.EXTERNAL_INSTANCE) or (
        made_by[0] == f.CALL and are_unlocked(facts.calls[made_by[1]][f.C_CALLEE], v.EXTERNAL)
    )


def _code(node: cst.CSTNode) -> str:
    return " ".join(cst.Module([]).code_for_node(node).split())


def _read_before_and_written_after(site: Site, function: cst.FunctionDef) -> list[str]:
    """State beyond the function that is read before the site and written after it, or in one loop with it."""
    uses = _uses(site.parsed, function)
    here = site.start()
    loops = [
        site.span(x) for x, part in site.within() if isinstance(x, (cst.For, cst.While)) and part is x.body
    ]
    found = []
    for name, reads in uses.reads.items():
        writes = uses.writes.get(name, [])
        straight = min(reads) < here and any(at > here for at in writes)
        again = any(
            any(loop[:2] <= at <= loop[2:] for at in reads)
            and any(loop[:2] <= at <= loop[2:] for at in writes)
            for loop in loops
        )
        if straight or again:
            found.append(name)
    return sorted(found)


@lru_cache(maxsize=_OPEN)
def _uses(parsed: Parsed, function: cst.FunctionDef) -> _Uses:
    """What a function does with state, found once for all its calls."""
    uses = _Uses(parsed, function)
    walk(function.body, uses)
    return uses


class _Uses:
    """Where a function reads and writes what others can reach: attributes, globals, what closures share.

    A write counts where its statement ends, since that is when it happens.
    """

    def __init__(self, parsed: Parsed, function: cst.FunctionDef) -> None:
        self._parsed = parsed
        shared = _Shared(function)
        self._own = locals_of(function)
        self._alone = self._own - shared.names
        self.reads: dict[str, list[tuple[int, int]]] = {}
        self.writes: dict[str, list[tuple[int, int]]] = {}

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        # what it does, it may do at any time: where it stands is as good a guess as any
        self._inner(node.body, locals_of(node))
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        self._inner(node.body, names_in(node.params).bound)
        return False

    def _inner(self, body: cst.CSTNode, names: set[str]) -> None:
        """A scope within, whose own names are other ones than those around it."""
        around = self._own, self._alone
        self._own, self._alone = self._own | names, self._alone | names
        walk(body, self)
        self._own, self._alone = around

    def _name(self, node: cst.CSTNode) -> str:
        """``self.x`` of ``self.x.y[z]``; a name of the function's own is nobody else's."""
        while isinstance(node, (cst.Subscript, cst.Call)):
            node = node.value if isinstance(node, cst.Subscript) else node.func
        if isinstance(node, cst.Name):
            return "" if node.value in self._alone else node.value
        names: list[str] = []
        while isinstance(node, cst.Attribute):
            names.append(node.attr.value)
            node = node.value
        if not isinstance(node, cst.Name):
            return ""
        return f"{node.value}.{names[-1]}"

    def _read(self, node: cst.CSTNode, name: str) -> None:
        if name:
            self.reads.setdefault(name, []).append(self._parsed.span(node)[:2])

    def _written(
        self, target: cst.CSTNode, statement: cst.CSTNode, *, read: bool = False, changes: bool = False
    ) -> None:
        """``changes``: not the name is bound anew, but what it stands for becomes another."""
        if isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._written(element.value, statement)
            return
        if isinstance(target, cst.Name) and target.value in self._own and not changes:
            return
        name = self._name(target)
        if name:
            self.writes.setdefault(name, []).append(self._parsed.span(statement)[2:])
            if read:
                self._read(target, name)

    def visit_Assign(self, node: cst.Assign) -> bool:
        for target in node.targets:
            self._written(target.target, node)
        return True

    def visit_AnnAssign(self, node: cst.AnnAssign) -> bool:
        if node.value is not None:
            self._written(node.target, node)
        return True

    def visit_AugAssign(self, node: cst.AugAssign) -> bool:
        self._written(node.target, node, read=True)
        return True

    def visit_Del(self, node: cst.Del) -> bool:
        self._written(node.target, node)
        return True

    def visit_Call(self, node: cst.Call) -> bool:
        function = node.func
        if isinstance(function, cst.Attribute) and function.attr.value in _CHANGES:
            self._written(function.value, node, changes=True)
        return True

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        name = self._name(node)
        self._read(node, name)
        return not name

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        # a plain target is written only; `self.table[key] = x` does not ask what the table holds
        return not isinstance(node.target, (cst.Name, cst.Attribute))

    def visit_Name(self, node: cst.Name) -> None:
        self._read(node, self._name(node))


class _Shared:
    """Names of a function that may stand for what others hold too: parameters, and what is no object of its own."""

    def __init__(self, function: cst.FunctionDef) -> None:
        self.names = names_in(function.params).bound
        walk(function.body, self)

    def _bind(self, target: cst.CSTNode, value: cst.CSTNode | None) -> None:
        if isinstance(value, (cst.Name, cst.Attribute, cst.Subscript)):
            self.names |= names_in(cst.AssignTarget(target)).bound  # type: ignore[arg-type]

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._bind(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind(node.target, node.value)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._bind(node.target, node.value)

    def visit_For(self, node: cst.For) -> None:
        self._bind(node.target, cst.Name("element"))
