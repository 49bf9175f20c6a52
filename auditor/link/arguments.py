"""The arguments of calls: which parameter gets which expression, and what conditions of the catalog may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.catalog.conditions import ABSENT, UNKNOWN, UNSURE, Selector
from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.values import NOTHING, Values, join_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module


def bound_expressions(
    module: Module, number: int, function: Function, index: int, skip: int
) -> tuple[int, ...] | None:
    """Expressions that the call gives to parameter ``index``; None if it gives none.

    ``skip`` is the number of leading parameters that the callee already has (``self`` of a bound method).
    """
    call = module.facts.calls[number]
    arguments, keywords = call[f.C_ARGS], call[f.C_KEYWORDS]
    params = function.facts.params
    name, kind, _, _ = params[index]
    if kind == f.VARARGS:
        first = index - skip
        extra = arguments[first:] if first >= 0 else ()
        return tuple(extra) or None
    if kind == f.KWARGS:
        named = {p[0] for p in params if p[1] in (f.POSITIONAL, f.KEYWORD_ONLY)}
        extra = tuple(e for k, e in keywords if k is None or k not in named)
        return extra or None
    for keyword, expression in keywords:
        if keyword == name:
            return (expression,)
    if kind == f.POSITIONAL:
        position = index - skip
        exprs = module.facts.exprs
        for i, argument in enumerate(arguments):
            if exprs[argument][0] == f.STARRED:
                if position >= i:
                    return (argument,)
                break
            if i == position:
                return (argument,)
    unpacked = tuple(e for k, e in keywords if k is None)
    return unpacked or None


def may_bind(function: Function, call: tuple[Any, ...]) -> bool:
    """Whether the function has parameters for the keywords of the call; otherwise the call raises TypeError."""
    params = function.facts.params
    if any(kind == f.KWARGS for _, kind, *_ in params):
        return True
    names = {name for name, *_ in params}
    return all(name is None or name in names for name, _ in call[f.C_KEYWORDS])


def bound_values(
    module: Module,
    number: int,
    function: Function,
    index: int,
    skip: int,
    evaluator: Evaluator,
    values: Callable[[int], Values],
) -> Values | None:
    """What the call gives to parameter ``index``, as ``values`` evaluates arguments; None if it gives nothing."""
    given = bound_expressions(module, number, function, index, skip)
    if given is None:
        return None
    name, kind, _, _ = function.facts.params[index]
    # `**mapping` is among the keywords as the mapping itself
    mappings = {e for k, e in module.facts.calls[number][f.C_KEYWORDS] if k is None}
    return join_all(
        [
            evaluator.items(evaluator.concrete(values(e)), name if kind != f.KWARGS else None)
            if e in mappings
            else values(e)
            for e in given
        ]
    )


class CallArguments:
    """What a condition of the catalog may ask about one call of the program."""

    __slots__ = ("_arguments", "_evaluator", "_keywords", "_module", "_skip")

    def __init__(self, evaluator: Evaluator, module: Module, number: int, skip: int = 0) -> None:
        self._evaluator = evaluator
        self._module = module
        call = module.facts.calls[number]
        self._arguments: tuple[int, ...] = call[f.C_ARGS]
        self._keywords: tuple[tuple[str | None, int], ...] = call[f.C_KEYWORDS]
        self._skip = (
            skip  # leading arguments that are the receiver, where a method is called through its class
        )

    def expression(self, selector: Selector) -> int | None:
        """The expression that the selector picks, if it is surely given."""
        if selector.argument is not None:
            for name, expression in self._keywords:
                if name == selector.argument:
                    return expression
        if selector.position is not None:
            position = selector.position + self._skip
            if position < len(self._arguments):
                exprs = self._module.facts.exprs
                if not any(exprs[a][0] == f.STARRED for a in self._arguments[: position + 1]):
                    return self._arguments[position]
        return None

    def expressions(self, selector: Selector) -> list[int]:
        """All expressions that the selector picks, where it is variadic too."""
        if getattr(selector, "variadic", False) and selector.position is not None:
            return list(self._arguments[selector.position + self._skip :])
        found = self.expression(selector)
        if found is not None:
            return [found]
        if selector.position is not None:
            exprs = self._module.facts.exprs
            for i, argument in enumerate(self._arguments):
                if exprs[argument][0] == f.STARRED and i <= selector.position + self._skip:
                    return [argument]
        return []

    def value(self, selector: Selector) -> object:
        """See `auditor.catalog.conditions.Arguments.value`."""
        expression = self.expression(selector)
        if expression is None:
            exprs = self._module.facts.exprs
            if selector.position is not None and any(exprs[a][0] == f.STARRED for a in self._arguments):
                return UNSURE
            if selector.argument is not None and any(k is None for k, _ in self._keywords):
                return UNSURE
            return ABSENT
        return self._literal(expression)

    def _literal(self, position: int) -> object:
        expression = self._module.facts.exprs[position]
        if expression[0] == f.CONST:
            return expression[1]
        if expression[0] in (f.TUPLE, f.LIST):
            items = [self._literal(item) for item in expression[1]]
            return tuple(items) if all(item is not UNKNOWN for item in items) else UNKNOWN
        if expression[0] in (f.UNION, f.BOOLEAN) and not all(
            self._evaluator.values(self._module, one) for one in expression[-1]
        ):
            return UNKNOWN  # `host or ""` is not the literal when nothing is known of `host`
        values = self._evaluator.values(self._module, position)
        if len(values) == 1 and values[0].kind == v.CONSTANT:
            return values[0].a
        return UNKNOWN

    def types(self, selector: Selector) -> Sequence[str]:
        """See `auditor.catalog.conditions.Arguments.types`."""
        expression = self.expression(selector)
        if expression is None:
            return ()
        evaluator = self._evaluator
        names: list[str] = []
        for value in evaluator.concrete(evaluator.values(self._module, expression)):
            if value.kind == v.INSTANCE:
                names.extend(evaluator.hierarchy.external_bases(value.a))
            else:
                name = evaluator.type_name(value)
                if name:
                    names.extend(evaluator.catalog.mro(name))
        return names

    def mentions(self, selector: Selector) -> Sequence[str]:
        """See `auditor.catalog.conditions.Mentioning.mentions`."""
        position = self.expression(selector)
        if position is None:
            return ()
        exprs = self._module.facts.exprs
        pending = [position]
        names: list[str] = []
        while pending:
            expression = exprs[pending[-1]]
            at = pending.pop()
            if expression[0] == f.BINARY and expression[1] == "__or__":
                pending.extend(expression[2:])
                continue
            values = self._evaluator.values(self._module, at)
            names.extend(value.a for value in values if value.kind == v.EXTERNAL)
        return names

    def sources(self, selector: Selector) -> Sequence[str]:
        """See `auditor.catalog.conditions.Sourced.sources`."""
        position = self.expression(selector)
        exprs, calls = self._module.facts.exprs, self._module.facts.calls
        pending = [] if position is None else [position]
        seen = {0}
        names: list[str] = []
        while pending:
            at = pending.pop()
            if at in seen:
                continue
            seen.add(at)
            expression = exprs[at]
            tag = expression[0]
            if tag in (f.AWAIT, f.ITEM, f.ITERATE, f.AITERATE, f.ENTER, f.AENTER, f.STARRED):
                pending.append(expression[1])
            elif tag in (f.UNION, f.PHI):
                pending.extend(expression[1])
            elif tag == f.BINARY:
                pending.extend(expression[2:])
            elif tag == f.CALL:
                callees = self._evaluator.values(self._module, calls[expression[1]][f.C_CALLEE])
                for value in callees:
                    if value.kind == v.EXTERNAL:
                        names.extend(self._inherited(*value.a.rpartition(".")[::2]))
                pending.extend(calls[expression[1]][f.C_ARGS])
            elif tag == f.ATTR:
                for value in self._evaluator.concrete(self._evaluator.values(self._module, expression[1])):
                    owner = self._evaluator.type_name(value)
                    if owner:
                        names.extend(self._inherited(owner, expression[2]))
        return names

    def _inherited(self, owner: str, name: str) -> list[str]:
        """The attribute's canonical name, and those under which bases of its owner have it."""
        return [f"{base}.{name}" for base in self._evaluator.catalog.mro(owner)] if owner else [name]

    def values_of(self, selector: Selector) -> Values:
        """What the selected argument may be."""
        expressions = self.expressions(selector)
        if not expressions:
            return NOTHING
        return join_all([self._evaluator.values(self._module, e) for e in expressions])
