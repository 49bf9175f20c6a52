"""What the expressions of one body stand for: under the environment of its node, and within the tests around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.link import awaiting
from auditor.link import guards as g
from auditor.link import values as v
from auditor.link.branches import tests_around
from auditor.link.choices import asks_for_coroutine_function, constant_of
from auditor.link.kinds import instance_test, is_instance
from auditor.link.nodes import Body, Node
from auditor.link.values import NOTHING, Value, Values, join, join_all

if TYPE_CHECKING:
    from auditor.link.edges import Edges
    from auditor.link.guards import Constraints
    from auditor.link.program import Function, Module

_OPEN = frozenset(
    {
        v.PARAMETER, v.FUNCTION, v.BOUND, v.COROUTINE, v.GENERATOR, v.MANAGER, v.AWAITABLE, v.PARTIAL, v.LAZY,
        v.WRAPPER, v.MADE,
    }
)  # fmt: skip
_READY: Final = {
    "result": {("done", True)},
    "exception": {("done", True)},
    "get": {("empty", False), ("qsize", True)},
    "put": {("full", False)},
    "wait": {("is_set", True), ("poll", True)},
    "communicate": {("poll", True)},
    "join": {("is_alive", False)},
    "recv": {("poll", True)},
    "recv_bytes": {("poll", True)},
}
"""Calls that wait, and the tests of the same object after which they do not."""
_OF_FUTURES: Final = frozenset({"result", "exception"})
_MORE_THAN: Final[dict[str, dict[int | None, bool]]] = {
    ">": {0: True},
    ">=": {1: True},
    "<": {1: False},
    "<=": {0: False},
    "!=": {0: True, None: True},
    "==": {0: False, None: False},
    "is": {None: False},
    "is not": {None: True},
}
_COROUTINE_TESTS = frozenset({"iscoroutinefunction", "iscoroutine", "isawaitable", "is_coroutine_function"})


class BodyValues:
    """The values of a node's expressions, its symbolic parameters replaced by what the environment holds.

    It is the base of what builds the body, which is why it holds the body to be filled as well.
    """

    def __init__(self, edges: Edges, node: Node) -> None:
        self.edges = edges
        self.node = node
        self.function = node.function
        self.module = node.function.module
        self.evaluator = edges.evaluator
        self.environment = dict(node.environment)
        self.result = Body()
        self.constants = {
            index: constant[0]
            for (owner, index), values in node.environment
            if owner is node.function and (constant := constant_of(values)) is not None
        }
        self.receiver = self._receiver()
        self.awaited_calls: frozenset[int] = frozenset()
        self._dead: frozenset[int] = frozenset()
        if (node.function, awaiting.AWAITED) in self.environment:
            self.awaited_calls = awaiting.returned_calls(node.function)
            self._dead = awaiting.dead_regions(node.function, self.evaluator, self.values)

    def is_possible(self, region: int) -> bool:
        """Whether this node gets to the region: what its parameters are, and that it is awaited, may say no."""
        if self.constants and not self.evaluator.results.choices.is_possible(
            self.module, region, self.function, self.constants
        ):
            return False
        if self._is_refused(region):
            return False
        return not self._dead or self._dead.isdisjoint(self.module.facts.outwards(region))

    def _is_refused(self, region: int) -> bool:
        """Whether ``iscoroutinefunction(x)`` around the region goes the other way for all that x is."""
        calls = self.module.facts.calls
        for number, holds in self.edges.branches.calls_tested(self.module, region):
            if not asks_for_coroutine_function(self.module, number):
                continue
            found = self.evaluator.concrete(self.values(calls[number][f.C_ARGS][0]))
            answers = {_is_coroutine_function(value) for value in found}
            if answers == {not holds}:
                return True
        return False

    def _receiver(self) -> tuple[int, Value] | None:
        """What ``self`` is in this node, where the environment knows it: (number of the method, value)."""
        if not self.environment:
            return None
        owner: Function | None = self.function
        while owner is not None and not owner.is_method:
            owner = owner.parent
        if owner is None:
            return None
        found = self.environment.get((owner, 0))
        return (owner.number, found[0]) if found and len(found) == 1 else None

    def values(self, position: int) -> Values:
        """What the expression stands for in this node; parameters that the environment leaves open stay symbols."""
        if self.receiver is not None:
            seen = self.seen_by_receiver(position)
            if seen is not None:
                return seen
        values = self.evaluator.values(self.module, position)
        if len(values) > 1 and self.receiver is None:
            values = self.possible_overrides(position, values)
        for value in values:
            if value.kind in _OPEN:
                return self.open_values(values)
        return values

    def possible_overrides(self, position: int, values: Values) -> Values:
        """``self.name`` without the overrides of classes that have another version of this very method."""
        function = self.function
        class_ = function.class_
        expression = self.module.facts.exprs[position]
        if class_ is None or expression[0] != f.ATTR:
            return values
        if self.module.facts.exprs[expression[1]] != (f.PARAM, function.number, 0):
            return values
        hierarchy = self.evaluator.hierarchy
        return tuple(
            x
            for x in values
            if x.kind != v.BOUND
            or x.b.kind != v.INSTANCE
            or x.b.a is class_
            or hierarchy.reaches(x.b.a, function.facts.name, class_)
        )

    def seen_by_receiver(self, position: int) -> Values | None:
        """``self``, ``self.name`` and ``super().name`` with the exact class of ``self``."""
        if self.receiver is None:
            return None
        number, receiver = self.receiver
        exprs = self.module.facts.exprs
        expression = exprs[position]
        if expression[0] == f.PARAM:
            return receiver.one if expression[1] == number and expression[2] == 0 else None
        if expression[0] == f.CALL:
            callee = exprs[self.module.facts.calls[expression[1]][f.C_CALLEE]]
            if callee == (f.GLOBAL, "super"):
                found = self.evaluator.values(self.module, position)
                if len(found) == 1 and found[0].kind == v.SUPER:
                    return self.evaluator.interner.make(v.SUPER, found[0].a, receiver).one
            return None
        if expression[0] == f.ATTR:
            base = self.seen_by_receiver(expression[1])
            if base is not None:
                members = self.evaluator.members
                return join_all([members.attribute(x, expression[2]) for x in self.evaluator.concrete(base)])
        return None

    def open_values(self, values: Values) -> Values:
        values = self.without_foreign(values)
        if self.environment:
            values = self.evaluator.results.replace(values, self._look_up)
        if any(x.kind == v.MADE for x in values):
            made = self.evaluator.concrete(tuple(x for x in values if x.kind == v.MADE))
            values = join(tuple(x for x in values if x.kind != v.MADE), made)
        return values

    def without_foreign(self, values: Values) -> Values:
        """Parameters of other functions got here through the heap: they are whatever anybody passes there."""
        if not any(x.kind == v.PARAMETER and not self.is_around(x.a) for x in values):
            return values
        result: Values = NOTHING
        for value in values:
            if value.kind == v.PARAMETER and not self.is_around(value.a):
                result = join(result, self.evaluator.argument_values(value.a, value.b))
            else:
                result = join(result, value.one)
        return result

    def is_around(self, function: Function) -> bool:
        owner: Function | None = self.function
        while owner is not None:
            if owner is function:
                return True
            owner = owner.parent
        return False

    def _look_up(self, owner: Function, index: int) -> Values | None:
        return self.environment.get((owner, index))

    def values_at(self, module: Module, position: int) -> Values:
        values = self.evaluator.values(module, position)
        return self.open_values(values)

    # -- tests around a place ----------------------------------------------------------------------------------

    def constraints_at(self, region: int) -> Constraints | None:
        """What holds in the region; None where this node never gets to it."""
        constraints = self.edges.guards.of(self.module, region)
        if g.DEAD in constraints:
            return None
        return constraints if self.is_possible(region) else None

    def narrowed(self, position: int, region: int) -> Values:
        """The values of a callee; those of ``x.name`` without the types that ``isinstance`` around it rules out."""
        expression = self.module.facts.exprs[position]
        if not region or expression[0] != f.ATTR:
            return self.values(position)
        if not self.isinstance_tests(expression[1], region):
            return self.values(position)
        receivers = self.evaluator.concrete(self.values(expression[1]))
        kept = self.of_tested_types(receivers, expression[1], region)
        return join_all([self.evaluator.members.attribute(value, expression[2]) for value in kept])

    def of_tested_types(self, values: Values, subject: int, region: int) -> Values:
        """The values of ``subject`` without those that ``isinstance`` around the region rules out."""
        tests = self.isinstance_tests(subject, region) if region else ()
        if not tests:
            return values
        return tuple(
            value
            for value in values
            if all(is_instance(self.evaluator, value, types) in (None, positive) for types, positive in tests)
        )

    def isinstance_tests(self, subject: int, region: int) -> list[tuple[Values, bool]]:
        """Tests of ``subject`` around the region, as (types, whether it is known to be of one of them)."""
        found = []
        for number, holds in self.edges.branches.calls_tested(self.module, region):
            test = instance_test(self.evaluator, self.module, number)
            if test is not None and test[0] == subject:
                found.append((test[1], holds))
        return found

    def guarded_asyncness(self, number: int) -> bool | None:
        """Whether a test around the call says that its callee is a coroutine function (True), or is not (False)."""
        call = self.module.facts.calls[number]
        for tested, holds in self.edges.branches.calls_tested(self.module, call[f.C_REGION]):
            test = self.module.facts.calls[tested]
            if test[f.C_ARGS] and test[f.C_ARGS][0] == call[f.C_CALLEE]:
                for value in self.evaluator.values(self.module, test[f.C_CALLEE]):
                    if value.kind == v.EXTERNAL and value.a.rpartition(".")[2] in _COROUTINE_TESTS:
                        return holds
        return None

    def has_no_wait(self, number: int) -> bool:
        """Whether a test around the call says that it need not wait: ``if future.done(): future.result()``."""
        call = self.module.facts.calls[number]
        exprs = self.module.facts.exprs
        callee = exprs[call[f.C_CALLEE]]
        if callee[0] != f.ATTR or callee[2] not in _READY:
            return False
        tests = _READY[callee[2]]
        for test, holds in tests_around(self.module, call[f.C_REGION]):
            if test[0] == f.COMPARE:
                test, holds = self.compared_with_nothing(test, holds=holds)
            if test[0] != f.CALL:
                continue
            tested = exprs[self.module.facts.calls[test[1]][f.C_CALLEE]]
            if tested[0] == f.ATTR and tested[1] == callee[1] and (tested[2], holds) in tests:
                return True
        return callee[2] in _OF_FUTURES and self.was_cancelled(number, callee[1])

    def was_cancelled(self, number: int, future: int) -> bool:
        """Whether ``future.cancel()`` came before, of one that a loop is to run: unlike what a thread works on it is
        never too late for that, and the future is done at once.
        """
        facts = self.module.facts
        around = {0, *facts.outwards(facts.calls[number][f.C_REGION])}
        if not any(
            call < number
            and facts.exprs[facts.calls[call][f.C_CALLEE]] == (f.ATTR, future, "cancel")
            and facts.calls[call][f.C_REGION] in around
            for call in self.function.facts.calls
        ):
            return False
        values = self.values(future)
        return bool(values) and all(
            x.kind == v.EXTERNAL_INSTANCE and x.a == "asyncio.ThreadsafeFuture" for x in values
        )

    def compared_with_nothing(self, test: Any, *, holds: bool) -> tuple[Any, bool]:
        """``x > 0``, ``x != 0`` and ``x is not None`` as the truth of x; the test itself where it is no such thing."""
        _, operator, left, right = test
        other = self.module.facts.exprs[right]
        if other[0] != f.CONST or other[1] not in (0, 1, None) or operator not in _MORE_THAN:
            return test, holds
        wanted = _MORE_THAN[operator].get(other[1])
        return (self.module.facts.exprs[left], wanted == holds) if wanted is not None else (test, holds)


def _is_coroutine_function(value: Value) -> bool | None:
    """What ``inspect.iscoroutinefunction`` says of the value; None where that is open."""
    if value.kind == v.BOUND:
        value = value.a
    if value.kind == v.FUNCTION:
        return bool(value.a.is_async and not value.a.facts.is_generator)
    return False if value.kind == v.CLASS else None
