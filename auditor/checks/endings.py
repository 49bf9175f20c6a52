"""Family 4: ends of tasks that nobody is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.engine.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_CANCELLATION: Final = frozenset({"CancelledError", "BaseException"})


class EndUntold(Rule):
    """A call that tells the end of the work, on every way out but that of a cancelled task."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm that it is the last that is done, once, and that nothing catches the cancellation."""
        path = [*self.context.ancestors, node]
        awaited = self.context.is_awaited
        if not isinstance(self.context.parent(2 if awaited else 1), cst.Expr):
            return
        start = max((i for i, x in enumerate(path) if isinstance(x, cst.FunctionDef)), default=0)
        own = path[-2] if awaited else None
        if any(isinstance(x, (cst.For, cst.While)) for x in path[start:]):
            return
        if any(
            isinstance(x, cst.Try) and (_catches_cancellation(x) or _calls(x.finalbody, node))
            for x in path[start:]
        ):
            return
        statement = self._try(path, start, node)
        if statement is None or _catches_cancellation(statement) or _calls(statement.finalbody, node):
            return
        if any(x is not own for x in _awaits(statement.body)):
            self.report(node)

    @staticmethod
    def _try(path: list[cst.CSTNode], start: int, node: cst.Call) -> cst.Try | None:
        """The statement whose handler makes the call as well: around it, or before it in the same block."""
        for index in range(len(path) - 1, start, -1):
            outer, inner = path[index - 1], path[index]
            if isinstance(outer, cst.Try) and _calls_when_failed(outer, node):
                if inner is outer.orelse:
                    return outer
                if inner is not outer.body or not isinstance(outer.body, cst.IndentedBlock):
                    return None
                after = outer.body.body[_position(outer.body, path[index + 1]) + 1 :]
                return None if any(next(_awaits(x), None) for x in after) else outer
            if isinstance(outer, cst.IndentedBlock):
                for before in reversed(outer.body[: _position(outer, inner)]):
                    if isinstance(before, cst.Try) and _calls_when_failed(before, node):
                        return before
        return None


def _position(block: cst.IndentedBlock, part: cst.CSTNode) -> int:
    return next(number for number, x in enumerate(block.body) if x is part)


def _names(handler: cst.ExceptHandler) -> set[str]:
    kind = handler.type
    if kind is None:
        return {"BaseException"}
    kinds = [element.value for element in kind.elements] if isinstance(kind, cst.Tuple) else [kind]
    return {
        x.value if isinstance(x, cst.Name) else x.attr.value
        for x in kinds
        if isinstance(x, (cst.Name, cst.Attribute))
    }


def _catches_cancellation(statement: cst.Try) -> bool:
    return any(_CANCELLATION & _names(handler) for handler in statement.handlers)


def _calls_when_failed(statement: cst.Try, node: cst.Call) -> bool:
    return any(
        "Exception" in _names(x) and any(_is_counterpart(node, call) for call in _same(x.body, node))
        for x in statement.handlers
    )


def _calls(where: cst.CSTNode | None, node: cst.Call) -> bool:
    """Whether the same is called there."""
    return next(_same(where, node), None) is not None


def _same(where: cst.CSTNode | None, node: cst.Call) -> Iterator[cst.Call]:
    """Calls of the same."""
    if isinstance(where, cst.Call) and where.func.deep_equals(node.func):
        yield where
    for child in where.children if where is not None else ():
        yield from _same(child, node)


def _is_counterpart(one: cst.Call, other: cst.Call) -> bool:
    """Whether both tell an end: they say the same, or each names a status that the other does not."""
    if one.deep_equals(other):
        return True
    said, otherwise = set(_statuses(one)), set(_statuses(other))
    return bool(said - otherwise and otherwise - said)


def _statuses(node: cst.CSTNode) -> Iterator[str]:
    """Strings and members of enumerations in the arguments, but for keys and for text that is made of pieces."""
    if isinstance(node, cst.Call):
        for argument in node.args:
            yield from _statuses(argument.value)
    elif isinstance(node, cst.SimpleString):
        yield node.value.strip("\"'")
    elif isinstance(node, cst.Attribute):
        if node.attr.value.isupper():
            yield node.attr.value
    elif isinstance(node, cst.DictElement):
        yield from _statuses(node.value)
    elif isinstance(node, (cst.Dict, cst.List, cst.Tuple, cst.StarredDictElement, cst.Element)):
        for child in node.children:
            yield from _statuses(child)


def _awaits(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What is awaited there, but in functions that are defined there."""
    if isinstance(node, (cst.Await, cst.Asynchronous)):
        yield node
    for child in node.children:
        if not isinstance(child, (cst.FunctionDef, cst.Lambda)):
            yield from _awaits(child)
