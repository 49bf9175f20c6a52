"""Loops that compute for long: by a number of rounds that the code states, or one that nothing in the code limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.arguments import bound_expressions
from auditor.link.nodes import Place, Sink
from auditor.model import Confidence, Cost

if TYPE_CHECKING:
    from auditor.link.narrowing import BodyValues
    from auditor.link.program import Function, Module

_COUNTED: Final = "auditor.counted_loop.__next__"
_SENT: Final = "auditor.loop_over_upload.__next__"
_PIXELS: Final = "auditor.loop_over_pixels.__next__"
"""The catalog's names for such loops; the last part makes reports show the loop as it is written."""

_MANY: Final = 500_000
"""Rounds from which on a loop is felt: they take 15 ms if they do nothing, and 50 ms or more if they compute."""
_NUMBER_LIMIT: Final = 1 << 62
_FROM_CLIENTS: Final = frozenset(
    {
        "starlette.requests.Request.body", "starlette.datastructures.UploadFile.read", "fastapi.UploadFile.read",
        "aiohttp.web.Request.read", "aiohttp.web.Request.text", "aiohttp.BodyPartReader.read",
        "aiohttp.BodyPartReader.text", "quart.Request.get_data", "litestar.datastructures.UploadFile.read",
        "litestar.Request.body",
    }
)  # fmt: skip
"""Calls whose result is as long as a client likes."""
_BODIES: Final = frozenset({"tornado.httputil.HTTPServerRequest", "sanic.request.Request"})
"""Types whose attribute `body` is."""
_SAME_LENGTH: Final = frozenset(
    {
        "decode", "splitlines", "split", "strip", "rstrip", "lstrip", "lower", "upper", "replace", "readlines", "read",
        "getvalue", "partition", "expandtabs",
    }
)  # fmt: skip
"""Methods whose result grows with what they belong to."""
_WRAPPING: Final = frozenset(
    {
        "io.StringIO", "io.BytesIO", "io.TextIOWrapper", "csv.reader", "csv.DictReader", "builtins.enumerate",
        "builtins.reversed", "builtins.iter", "builtins.list", "builtins.tuple", "builtins.sorted", "builtins.str",
        "builtins.bytes", "builtins.bytearray", "builtins.memoryview", "codecs.iterdecode", "codecs.decode",
        "builtins.zip", "builtins.filter", "builtins.map", "io.open",
    }
)  # fmt: skip
"""Functions whose result grows with their first argument, or with the second for those that take a function first."""
_FUNCTION_FIRST: Final = frozenset({"builtins.filter", "builtins.map"})
_COUNTING: Final = frozenset(
    {"builtins.enumerate", "builtins.reversed", "builtins.iter", "builtins.list", "builtins.tuple"}
)
_SIDES: Final = frozenset({"width", "height"})
_DEEPEST: Final = 12
_AS_LONG: Final = frozenset({f.AWAIT, f.ATTR, f.UNION, f.PHI, f.ANNOTATED, f.PARAM, f.CALL})
"""Expressions that may stand for what a client has sent."""
_OPERATIONS: Final = {"__add__", "__sub__", "__mul__", "__pow__", "__floordiv__"}


class Rounds:
    """The loops of one body."""

    def __init__(self, body: BodyValues) -> None:
        self._body = body
        self._module = body.module
        self._exprs: list[Any] = body.module.facts.exprs

    def note(self) -> None:
        """Add a sink for each loop that computes for long; that nothing in it is awaited is for the rule to see."""
        done: set[int] = set()  # loops within those that are noted
        for record in self._body.function.facts.iterations:
            iterable, is_async, *span, region = record
            if is_async:
                continue
            around = self._around(region)
            if any(x in done for x in around):
                continue
            found = self._of(iterable, around)
            if found is None:
                continue
            constraints = self._body.constraints_at(region)
            api = self._body.edges.api(found[0])
            if constraints is None or api is None:
                continue
            done.add(iterable)
            if found[1]:
                api = replace(api, cost=_counted(found[1]))
            self._body.result.sinks.append(
                Sink(Place(*span), found[0], api, None, constraints, Confidence.HIGH, region)
            )

    def _around(self, region: int) -> list[int]:
        """What the loops around a region iterate, from the inside out."""
        facts = self._module.facts
        around = (facts.regions[one] for one in facts.outwards(region))
        return [data for kind, _, data, _ in around if kind == f.LOOP and data]

    def _of(self, iterable: int, around: list[int]) -> tuple[str, int] | None:
        """Which kind of long loop it is, and for a counted one how many rounds it takes with those around it."""
        if self._is_sent(self._body.function, self._module, iterable, _DEEPEST):
            return _SENT, 0
        rounds = self._rounds(iterable)
        if rounds:
            for outer in around:
                rounds *= self._rounds(outer) or 1
            return (_COUNTED, rounds) if rounds >= _MANY else None
        if around and self._is_side(iterable) and self._is_side(around[0]):
            return _PIXELS, 0
        return None

    # -- numbers -----------------------------------------------------------------------------------------------

    def _rounds(self, position: int) -> int:
        """How often a loop over the expression goes round, as far as the code states it; 0 where it does not."""
        expression = self._exprs[position]
        if expression[0] != f.CALL:
            return 0
        call = self._module.facts.calls[expression[1]]
        name = self._callee(self._module, expression[1])
        arguments = call[f.C_ARGS]
        if name in _COUNTING and arguments:
            return self._rounds(arguments[0])
        if name != "builtins.range" or not 1 <= len(arguments) <= 3:
            return 0
        numbers = [self._number(x, _DEEPEST) for x in arguments]
        known = [x for x in numbers if x is not None]
        if len(known) < len(numbers) or 0 in known[2:]:
            return 0
        return len(range(*known)) if all(abs(x) < _NUMBER_LIMIT for x in known) else 0

    def _number(self, position: int, depth: int) -> int | None:
        """The whole number that an expression surely is."""
        expression = self._exprs[position]
        if expression[0] == f.BINARY and expression[1] in _OPERATIONS and depth:
            left = self._number(expression[2], depth - 1)
            right = self._number(expression[3], depth - 1)
            return None if left is None or right is None else _calculated(expression[1], left, right)
        values = self._body.evaluator.concrete(self._body.values(position))
        if len(values) == 1 and values[0].kind == v.CONSTANT and values[0].a.__class__ is int:
            return values[0].a
        return None

    # -- what clients send -------------------------------------------------------------------------------------

    def _is_sent(self, function: Function, module: Module, position: int, depth: int) -> bool:
        """Whether the expression is as long as what a client has sent, and taken apart piece by piece."""
        if not depth or not position:
            return False
        exprs = module.facts.exprs
        expression = exprs[position]
        tag = expression[0]
        if tag == f.AWAIT:
            inner = exprs[expression[1]]
            return inner[0] == f.CALL and self._callee(module, inner[1]) in _FROM_CLIENTS
        if tag == f.ATTR and expression[2] == "body":
            return any(
                x.kind == v.EXTERNAL_INSTANCE and x.a in _BODIES
                for x in self._body.evaluator.concrete(self._body.evaluator.values(module, expression[1]))
            )
        if tag in (f.UNION, f.PHI):
            return any(self._is_sent(function, module, x, depth - 1) for x in expression[1])
        if tag == f.ANNOTATED:
            return self._is_sent(function, module, expression[2], depth - 1)
        if tag == f.PARAM:
            return self._is_given(module.functions[expression[1]], expression[2], depth)
        if tag != f.CALL:
            return False
        call = module.facts.calls[expression[1]]
        callee = exprs[call[f.C_CALLEE]]
        if callee[0] == f.ATTR and callee[2] in _SAME_LENGTH:
            if callee[2] == "split" and len(call[f.C_ARGS]) > 1:
                return False  # no more pieces than it says
            return self._is_sent(function, module, callee[1], depth - 1)
        name = self._callee(module, expression[1])
        if name in _WRAPPING:
            at = 1 if name in _FUNCTION_FIRST else 0
            given = call[f.C_ARGS][at : at + 1]
            return bool(given) and self._is_sent(function, module, given[0], depth - 1)
        return False

    def _is_given(self, function: Function, index: int, depth: int) -> bool:
        """Whether some caller gives such a thing to the parameter."""
        known = self._body.edges.sent
        key = (function, index, depth)
        answer = known.get(key)
        if answer is None:
            answer = known[key] = self._is_given_by_some(function, index, depth)
        return answer

    def _is_given_by_some(self, function: Function, index: int, depth: int) -> bool:
        if depth <= 2:
            return False
        evaluator = self._body.evaluator
        skip = 1 if function.is_method else 0
        for module, number in evaluator.call_sites.of(function):
            exprs = module.facts.exprs
            call = module.facts.calls[number]
            every = bound_expressions(module, number, function, index, skip) or ()
            perhaps = [x for x in every if exprs[x][0] in _AS_LONG]
            if not perhaps:
                continue
            callees = evaluator.values(module, call[f.C_CALLEE])
            if not any(_function(x) is function for x in callees):
                continue
            caller = module.functions[call[f.C_FUNCTION]]
            if any(self._is_sent(caller, module, x, depth - 2) for x in perhaps):
                return True
        return False

    # -- pictures ----------------------------------------------------------------------------------------------

    def _is_side(self, position: int) -> bool:
        """Whether the loop is over one side of a picture: ``range(picture.height)``, ``range(array.shape[0])``."""
        expression = self._exprs[position]
        if expression[0] != f.CALL or self._callee(self._module, expression[1]) != "builtins.range":
            return False
        arguments = self._module.facts.calls[expression[1]][f.C_ARGS]
        if not arguments:
            return False
        side = self._exprs[arguments[0] if len(arguments) == 1 else arguments[1]]
        if side[0] == f.ATTR:
            return side[2] in _SIDES and self._is_picture(side[1])
        if side[0] != f.ITEM:
            return False
        both = self._exprs[side[1]]
        if both[0] != f.ATTR:
            return False
        if both[2] == "shape":
            # arrays and tensors: nothing of the program itself
            return not self._body.evaluator.concrete(self._body.values(both[1]))
        return both[2] == "size" and self._is_picture(both[1])

    def _is_picture(self, position: int) -> bool:
        found = self._body.evaluator.concrete(self._body.values(position))
        return any(x.kind == v.EXTERNAL_INSTANCE and x.a == "PIL.Image.Image" for x in found)

    def _callee(self, module: Module, number: int) -> str:
        for value in self._body.evaluator.values(module, module.facts.calls[number][f.C_CALLEE]):
            if value.kind == v.EXTERNAL:
                return self._body.evaluator.canonical(value.a)
        return ""


def _function(value: v.Value) -> Function | None:
    if value.kind == v.BOUND:
        value = value.a
    return value.a if value.kind == v.FUNCTION else None


def _calculated(operation: str, left: int, right: int) -> int | None:
    if operation == "__pow__":
        return left**right if 0 <= right <= 64 and abs(left) <= 1024 else None
    if operation == "__floordiv__":
        return left // right if right else None
    if operation == "__mul__":
        return left * right if max(abs(left), abs(right)) < _NUMBER_LIMIT else None
    return left + right if operation == "__add__" else left - right


def _counted(rounds: int) -> Cost:
    """Measured (Linux, Python 3.11): a round takes 30 ns if it does nothing, 100 ns with an addition or a call."""
    return Cost(rounds * 3e-8, rounds * 1e-7, rounds * 1e-5, "measured", f"{rounds:,} rounds")
