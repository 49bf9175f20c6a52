"""What holds of functions and names whichever bodies are built: effects, what tells variants of functions apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import CallArguments, bound_expressions

if TYPE_CHECKING:
    from auditor.catalog.values import Api, Runs
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

_NONE: frozenset[int] = frozenset()
_CALLED = [-1]
_SINGLE_DISPATCH = frozenset({"functools.singledispatch", "functools.singledispatchmethod"})
_FORWARDING = frozenset({"functools.partial", "builtins.map", "builtins.filter"})
_TAKING = frozenset({"get", "pop", "popleft", "items", "values", "copy"})
"""Methods of containers that give what is in them."""
_CARRIERS = frozenset(
    {
        f.PARAM, f.STARRED, f.ITEM, f.ITERATE, f.AWAIT, f.UNION, f.PHI, f.LIST, f.TUPLE, f.ANNOTATED, f.BOOLEAN, f.CALL,
    }
)  # fmt: skip


class Traits:
    """Answers for one program, each found once."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self._apis: dict[str, Api | None] = {}
        self._runs: dict[str, tuple[Runs, ...]] = {}
        self._attribute_names: frozenset[str] | None = None
        self._uses: dict[Module, dict[tuple[int, int], list[int]]] = {}
        self._sensitive: dict[Function, bool] = {}
        self._offloads: dict[Function, frozenset[int]] = {}
        self._implementations: dict[Function, list[Function]] = {}
        self._telling: dict[Function, tuple[tuple[int, ...], frozenset[int]]] = {}

    def api(self, dotted: str) -> Api | None:
        try:
            return self._apis[dotted]
        except KeyError:
            found = self._apis[dotted] = self.evaluator.catalog.api(dotted)
            return found

    def runs(self, dotted: str) -> tuple[Runs, ...]:
        known = self._runs.get(dotted)
        if known is None:
            found = self.evaluator.catalog.runs(dotted)
            known = self._runs[dotted] = tuple(
                x for x in found if not x.unless or not self._mentions(x.unless)
            )
        return known

    def _mentions(self, names: tuple[str, ...]) -> bool:
        """Whether the program has an attribute of one of these names."""
        known = self._attribute_names
        if known is None:
            known = self._attribute_names = frozenset(
                [
                    expression[2]
                    for module in self.evaluator.program.modules
                    for expression in module.facts.exprs
                    if expression[0] == f.ATTR
                ]
            )
        return not known.isdisjoint(names)

    def implementations(self, function: Function) -> list[Function]:
        """Functions registered with one that ``functools.singledispatch`` decorates."""
        known = self._implementations.get(function)
        if known is None:
            known = self._implementations[function] = []
            values = [self.evaluator.values(function.module, d) for d in function.facts.decorators]
            if any(x.kind == v.EXTERNAL and x.a in _SINGLE_DISPATCH for found in values for x in found):
                known.extend(self._registered(function))
        return known

    def _registered(self, function: Function) -> list[Function]:
        found: list[Function] = []
        for module in self.evaluator.program.modules:
            exprs = module.facts.exprs
            for call in module.facts.calls:
                if not call[f.C_FLAGS] & f.IS_DECORATOR:
                    continue
                callee = exprs[call[f.C_CALLEE]]
                if callee[0] == f.CALL:
                    callee = exprs[module.facts.calls[callee[1]][f.C_CALLEE]]
                if callee[0] != f.ATTR or callee[2] != "register":
                    continue
                if any(
                    x.kind == v.FUNCTION and x.a is function for x in self.evaluator.values(module, callee[1])
                ):
                    given = self.evaluator.values(module, call[f.C_ARGS][0])
                    found.extend(x.a for x in given if x.kind == v.FUNCTION)
        return found

    def uses(self, module: Module) -> dict[tuple[int, int], list[int]]:
        """Where parameters of the file, as (function, index), may be called: numbers of the calls that they are passed
        to, or -1 for a parameter that is called itself.
        """
        known = self._uses.get(module)
        if known is None:
            known = self._uses[module] = {}
            exprs = module.facts.exprs
            for number, call in enumerate(module.facts.calls):
                callee = call[f.C_CALLEE]
                if exprs[callee][0] in _CARRIERS:
                    for parameter in _parameters_in(module.facts, [callee]):
                        known.setdefault(parameter, []).append(-1)
                given = [e for e in call[f.C_ARGS] if exprs[e][0] in _CARRIERS]
                if call[f.C_KEYWORDS]:
                    given += [e for _, e in call[f.C_KEYWORDS] if exprs[e][0] in _CARRIERS]
                if given:
                    for parameter in _parameters_in(module.facts, given):
                        known.setdefault(parameter, []).append(number)
            for function in module.facts.functions:
                for record in function.iterations:
                    expression = exprs[record[0]]
                    if expression[0] == f.PARAM:
                        known.setdefault((expression[1], expression[2]), []).append(-1)
            for key, numbers in known.items():
                if -1 in numbers:
                    known[key] = _CALLED
        return known

    def telling(self, function: Function) -> tuple[tuple[int, ...], frozenset[int]]:
        """Parameters that tell variants of the function apart: those that may hold callables, and tested flags."""
        known = self._telling.get(function)
        if known is None:
            flags = self.evaluator.results.choices.tested_parameters(function)
            callables, is_final = self._solved(("tells", function), self._callables, function)
            known = (callables, flags)
            if is_final:
                self._telling[function] = known
        return known

    def _solved(self, key: Any, compute: Any, function: Function) -> tuple[Any, bool]:
        """The answer for a function that may lead to itself, and whether it can be kept: see `fixpoint`.

        What is known of a function while those that it leads to are looked at is no answer to be kept for any of them.
        """
        solver = self.evaluator.solver
        found = solver.solve(key, compute, function, None)
        is_final = key in solver.done
        if is_final:
            del solver.done[key]
        return found, is_final

    def _callables(self, function: Function, _: object) -> tuple[int, ...]:
        """Parameters that may be called, by the function or by whom it passes them to."""
        uses = self.uses(function.module)
        # a list, not a generator: nothing of C may stand between the frames of this recursion
        return tuple([i for i in range(len(function.facts.params)) if self._may_be_called(function, i, uses)])

    def _may_be_called(self, function: Function, index: int, uses: dict[tuple[int, int], list[int]]) -> bool:
        numbers = uses.get((function.number, index))
        if not numbers:
            return False
        if numbers is _CALLED:
            return True
        module = function.module
        evaluator = self.evaluator
        for number in numbers:
            for value in evaluator.values(module, module.facts.calls[number][f.C_CALLEE]):
                kind = value.kind
                if kind == v.EXTERNAL:
                    if self.runs(value.a) or value.a in _FORWARDING:
                        return True
                elif kind == v.FUNCTION:
                    if self.telling(value.a)[0] or value.b:
                        return True
                elif kind == v.BOUND:
                    if self.telling(value.a.a)[0]:
                        return True
                elif kind in (v.CLASS, v.INSTANCE, v.PARTIAL, v.WRAPPER, v.PARAMETER, v.SUPER):
                    return True
        return False

    def depends_on_receiver(self, function: Function) -> bool:
        """Whether what ``self`` exactly is decides what the method reaches: it uses what subclasses change."""
        known = self._sensitive.get(function)
        if known is None:
            found, is_final = self._solved(("varies", function), self._variations, function)
            known = bool(found)
            if is_final:
                self._sensitive[function] = known
        return known

    def _variations(self, function: Function, _: object) -> tuple[bool, ...]:
        return (True,) if self._uses_overridden(function) else ()

    def _uses_overridden(self, function: Function) -> bool:
        class_ = function.class_
        if class_ is None:
            return False
        hierarchy = self.evaluator.hierarchy
        module = function.module
        exprs = module.facts.exprs
        bodies = [function]
        names: dict[str, None] = {}
        while bodies:
            body = bodies.pop()
            bodies.extend(x for x in module.functions[body.number + 1 :] if x.parent is body)
            positions = [module.facts.calls[n][f.C_CALLEE] for n in body.facts.calls]
            positions.extend(record[0] for record in body.facts.reads)
            for position in positions:
                expression = exprs[position]
                if expression[0] != f.ATTR:
                    if expression == (f.GLOBAL, "super") and hierarchy.super_varies(class_):
                        return True
                    continue
                base = exprs[expression[1]]
                if base[0] == f.PARAM and base[1] == function.number and base[2] == 0:
                    names[expression[2]] = None
        for name in names:
            if hierarchy.is_overridden(class_, name):
                return True
        receiver = self.evaluator.interner.instance(class_, virtual=False)
        for name in names:
            for method in self.evaluator.members.methods(receiver, name):
                if method.kind == v.BOUND and self.depends_on_receiver(method.a.a):
                    return True
        return False

    def offloads(self, function: Function) -> frozenset[int]:
        """Parameters whose value the function hands to an offloader, itself or through others of its kind."""
        known = self._offloads.get(function)
        if known is None:
            found, is_final = self._solved(("offloads", function), self._offloaded, function)
            known = frozenset(found) or _NONE
            if is_final:
                self._offloads[function] = known
        return known

    def _offloaded(self, function: Function, _: object) -> tuple[int, ...]:
        module = function.module
        evaluator = self.evaluator
        exprs = module.facts.exprs
        found: set[int] = set()
        for number in function.facts.calls:
            call = module.facts.calls[number]
            given = (*call[f.C_ARGS], *[e for _, e in call[f.C_KEYWORDS]])
            if not any(exprs[e][0] == f.PARAM and exprs[e][1] == function.number for e in given):
                continue
            for value in evaluator.values(module, call[f.C_CALLEE]):
                if value.kind == v.EXTERNAL:
                    arguments = CallArguments(evaluator, module, number)
                    for entry in self.runs(value.a):
                        if entry.kind in ("offload", "thread") and entry.matches(arguments):
                            found.update(
                                exprs[e][2]
                                for e in arguments.expressions(entry.callable)
                                if exprs[e][0] == f.PARAM and exprs[e][1] == function.number
                            )
                elif value.kind in (v.FUNCTION, v.BOUND):
                    target: Function = value.a if value.kind == v.FUNCTION else value.a.a
                    skip = 0 if value.kind == v.FUNCTION else 1
                    for index in self.offloads(target):
                        for e in bound_expressions(module, number, target, index, skip) or ():
                            if exprs[e][0] == f.PARAM and exprs[e][1] == function.number:
                                found.add(exprs[e][2])
        return tuple(sorted(found))


def _parameters_in(facts: f.FileFacts, positions: list[int]) -> set[tuple[int, int]]:
    """Parameters that the expressions are, or are made of without a call but those that take containers apart."""
    exprs = facts.exprs
    found = set()
    loops: set[int] = set()
    while positions:
        position = positions.pop()
        expression = exprs[position]
        tag = expression[0]
        if tag == f.PARAM:
            found.add((expression[1], expression[2]))
        elif tag in (f.STARRED, f.ITEM, f.ITERATE, f.AWAIT):
            positions.append(expression[1])
        elif tag in (f.UNION, f.LIST, f.TUPLE):
            positions.extend(expression[1])
        elif tag == f.ANNOTATED:
            positions.append(expression[2])
        elif tag == f.CALL:
            callee = exprs[facts.calls[expression[1]][f.C_CALLEE]]
            if callee[0] == f.ATTR and callee[2] in _TAKING:
                positions.append(callee[1])
        elif tag == f.BOOLEAN:
            positions.extend(expression[2])
        elif tag == f.PHI and position not in loops:
            loops.add(position)
            positions.extend(expression[1])
    return found
