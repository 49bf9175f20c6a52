"""Scopes of a file: which names a body binds, and what each name may stand for."""

from __future__ import annotations

import ast

_SIMPLE = frozenset({ast.Expr, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Pass, ast.Raise})
_BLOCKS = ("body", "orelse", "finalbody")


class Scope:
    """The names of one module, class or function body while it is being indexed.

    ``names`` are all names bound anywhere in the body, as Python's own scoping wants it; ``values`` maps a name to
    every expression bound to it (filled in order, complete once the body has been walked).
    """

    __slots__ = (
        "class_name",
        "function",
        "global_names",
        "is_class",
        "names",
        "nonlocal_names",
        "parent",
        "rebound",
        "shared",
        "values",
    )

    def __init__(self, function: int, parent: Scope | None, *, is_class: bool, class_name: str) -> None:
        self.function = function
        self.parent = parent
        self.is_class = is_class
        self.class_name = class_name
        self.names: set[str] = set()
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()
        self.values: dict[str, list[int]] = {}
        # names that functions within bind, and the one expression that stands for each of them
        self.rebound: set[str] = set()
        self.shared: dict[str, int] = {}


def bound_names(body: list[ast.stmt], scope: Scope) -> None:  # noqa: C901 - one case for each statement; a table of functions is slower
    """Add every name that ``body`` binds to ``scope``, nested blocks included, nested scopes not."""
    names = scope.names
    within = (
        scope.parent is not None and not scope.is_class
    )  # `nonlocal` never means names of modules and classes
    pending = [body]
    while pending:
        for node in pending.pop():
            kind = node.__class__
            if kind is ast.Expr or kind is ast.Return:
                continue
            if kind is ast.Assign:
                for target in node.targets:  # type: ignore[attr-defined]
                    _target_names(target, names)
            elif kind is ast.If or kind is ast.While:
                pending.append(node.body)  # type: ignore[attr-defined]
                if node.orelse:  # type: ignore[attr-defined]
                    pending.append(node.orelse)  # type: ignore[attr-defined]
            elif kind is ast.FunctionDef or kind is ast.ClassDef or kind is ast.AsyncFunctionDef:
                names.add(node.name)  # type: ignore[attr-defined]
                if within:
                    _rebound_names(node, scope.rebound)
            elif kind is ast.AnnAssign or kind is ast.AugAssign:
                _target_names(node.target, names)  # type: ignore[attr-defined]
            elif kind is ast.For or kind is ast.AsyncFor:
                _target_names(node.target, names)  # type: ignore[attr-defined]
                pending.append(node.body)  # type: ignore[attr-defined]
                if node.orelse:  # type: ignore[attr-defined]
                    pending.append(node.orelse)  # type: ignore[attr-defined]
            elif kind is ast.With or kind is ast.AsyncWith:
                for item in node.items:  # type: ignore[attr-defined]
                    if item.optional_vars is not None:
                        _target_names(item.optional_vars, names)
                pending.append(node.body)  # type: ignore[attr-defined]
            elif kind is ast.Try or kind.__name__ == "TryStar":
                pending.append(node.body)  # type: ignore[attr-defined]
                pending.append(node.orelse)  # type: ignore[attr-defined]
                pending.append(node.finalbody)  # type: ignore[attr-defined]
                for handler in node.handlers:  # type: ignore[attr-defined]
                    if handler.name:
                        names.add(handler.name)
                    pending.append(handler.body)
            elif kind is ast.Import or kind is ast.ImportFrom:
                for alias in node.names:  # type: ignore[attr-defined]
                    names.add(alias.asname or alias.name.partition(".")[0])
            elif kind is ast.Delete:
                for target in node.targets:  # type: ignore[attr-defined]
                    _target_names(target, names)
            elif kind is ast.Global:
                scope.global_names.update(node.names)  # type: ignore[attr-defined]
            elif kind is ast.Nonlocal:
                scope.nonlocal_names.update(node.names)  # type: ignore[attr-defined]
            elif kind is ast.Match:
                for case in node.cases:  # type: ignore[attr-defined]
                    names.update(pattern_names(case.pattern))
                    pending.append(case.body)
    names -= scope.global_names
    names -= scope.nonlocal_names


def _rebound_names(definition: ast.stmt, names: set[str]) -> None:
    """Add what ``nonlocal`` statements anywhere in the definition name; only statements are looked at."""
    pending: list[list[ast.stmt]] = [definition.body]  # type: ignore[attr-defined]
    while pending:
        for node in pending.pop():
            kind = node.__class__
            if kind in _SIMPLE:
                continue
            if kind is ast.Nonlocal:
                names.update(node.names)  # type: ignore[attr-defined]
            else:
                for field in _BLOCKS:
                    inner = getattr(node, field, None)
                    if inner:
                        pending.append(inner)
                holders = (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))
                pending.extend(holder.body for holder in holders)


def _target_names(target: ast.expr, names: set[str]) -> None:
    kind = target.__class__
    if kind is ast.Name:
        names.add(target.id)  # type: ignore[attr-defined]
    elif kind is ast.Tuple or kind is ast.List:
        for element in target.elts:  # type: ignore[attr-defined]
            _target_names(element, names)
    elif kind is ast.Starred:
        _target_names(target.value, names)  # type: ignore[attr-defined]


def pattern_names(pattern: ast.pattern) -> set[str]:
    """The names that a match pattern captures."""
    names = set()
    for node in ast.walk(pattern):
        if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return names
