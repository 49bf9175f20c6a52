"""Functions that an API wraps: calling the wrapper runs them as the API does, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import CallArguments
from auditor.link.values import NOTHING, Value, Values, join_all

if TYPE_CHECKING:
    from auditor.catalog.values import Decorates, Runs
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module


class Wrappers:
    """Makes and calls values of kind WRAPPER.

    Those of an API that waits for its function, as ``@offloaded(limit=2)`` does, hold none yet.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._applied: dict[int, dict[int, list[int]]] = {}

    def made_by(self, dotted: str, entries: tuple[Runs, ...], arguments: CallArguments) -> Values:
        """The wrapper that a call of ``dotted`` gives, where the API makes wrappers."""
        for number, entry in enumerate(entries):
            if entry.result == "wrapper" and entry.matches(arguments):
                given = arguments.values_of(entry.callable)
                if given or not arguments.expressions(entry.callable):
                    return self._evaluator.interner.make(v.WRAPPER, given, (dotted, number)).one
        return NOTHING

    def entry(self, wrapper: Value) -> Runs | None:
        """How calling the wrapper runs what it holds; None where it only puts it into a queue, or the like."""
        if wrapper.b is None:
            return None
        dotted, number = wrapper.b
        entry: Runs = self._evaluator.catalog.runs(dotted)[number]
        return entry

    def called(self, wrapper: Value, site: tuple[Module, int] | None) -> Values:
        """What calling the wrapper gives."""
        evaluator = self._evaluator
        entry = self.entry(wrapper)
        if entry is None:
            return NOTHING
        if not wrapper.a:
            if site is None:
                return NOTHING
            arguments = site[0].facts.calls[site[1]][f.C_ARGS]
            given = evaluator.values(site[0], arguments[0]) if arguments else NOTHING
            return evaluator.interner.make(v.WRAPPER, given, wrapper.b).one if given else NOTHING
        results = join_all([evaluator.results.of_value(x, site) for x in wrapper.a])
        results = join_all([x.b if x.kind == v.COROUTINE else x.one for x in results])
        if not results:
            return NOTHING
        waits = entry.kind in ("offload", "schedule") and not entry.crossing
        return evaluator.interner.make(v.AWAITABLE, results).one if waits else results

    def decoration(self, dotted: str, module: Module, factory_call: int | None) -> Decorates | None:
        """The entry in force for the decorator ``dotted``; ``factory_call`` is its own call, if it has one."""
        for entry in self._evaluator.catalog.decorates(dotted):
            if entry.factory is not None and entry.factory != (factory_call is not None):
                continue
            if entry.when and (
                factory_call is None
                or not entry.matches(CallArguments(self._evaluator, module, factory_call))
            ):
                continue
            return entry
        return None

    def replaces(self, module: Module, number: int) -> bool:
        """Whether the decoration leaves a name that does not call the function any more; ``number`` applies it."""
        exprs, calls = module.facts.exprs, module.facts.calls
        callee = calls[number][f.C_CALLEE]
        factory_call = None
        if exprs[callee][0] == f.CALL:
            factory_call = exprs[callee][1]
            callee = calls[factory_call][f.C_CALLEE]
        for value in self._evaluator.values(module, callee):
            if value.kind == v.EXTERNAL:
                entry = self.decoration(value.a, module, factory_call)
                if entry is not None:
                    return not entry.keeps
        return False

    def hides(self, function: Function) -> bool:
        """Whether the name of a decorated function means another function of the program, such as one around it."""
        module = function.module
        made = [
            value
            for number in self._decorations(module).get(function.number, ())
            for value in self._evaluator.results.of_call(module, number)
            if value.kind == v.FUNCTION
        ]
        return bool(made) and all(value.a is not function for value in made)

    def _decorations(self, module: Module) -> dict[int, list[int]]:
        """The calls that apply decorators, by the number of the function that they are applied to."""
        known = self._applied.get(module.index)
        if known is None:
            known = self._applied[module.index] = {}
            exprs = module.facts.exprs
            for number, call in enumerate(module.facts.calls):
                if call[f.C_FLAGS] & f.IS_DECORATOR and call[f.C_ARGS]:
                    inner = exprs[call[f.C_ARGS][0]]
                    while inner[0] == f.DECORATED:
                        inner = exprs[inner[2]]
                    if inner[0] == f.FUNCTION:
                        known.setdefault(inner[1], []).append(number)
        return known
