"""Family 3: sockets, which block unless they are told not to."""

from __future__ import annotations

from typing import Final

import libcst as cst

from auditor.checks.blocking import BlockingCall

_SOCKET: Final = "socket.socket."
_MAKERS: Final = ("setblocking", "settimeout")


class SocketCall(BlockingCall):
    """An operation of a socket, unless the function around it makes that socket non-blocking."""

    def visit_Call(self, node: cst.Call) -> None:
        """Confirm the call: the socket it belongs to is not told to return at once, in the same function."""
        if (
            self.context.callee.startswith(_SOCKET)
            and isinstance(node.func, cst.Attribute)
            and self._is_made_non_blocking(node.func.value)
        ):
            return
        super().visit_Call(node)

    def _is_made_non_blocking(self, receiver: cst.BaseExpression) -> bool:
        outer = next((x for x in self.context.ancestors if isinstance(x, cst.FunctionDef)), None)
        if outer is None:
            return False
        finder = _NonBlocking(receiver)
        outer.visit(finder)
        return finder.found


class _NonBlocking(cst.CSTVisitor):
    """Looks for ``receiver.setblocking(False)`` and ``receiver.settimeout(0)``."""

    def __init__(self, receiver: cst.BaseExpression) -> None:
        super().__init__()
        self._receiver = receiver
        self.found = False

    def visit_Call(self, node: cst.Call) -> None:
        function = node.func
        if (
            isinstance(function, cst.Attribute)
            and function.attr.value in _MAKERS
            and len(node.args) == 1
            and _is_nothing(node.args[0].value)
            and function.value.deep_equals(self._receiver)
        ):
            self.found = True


def _is_nothing(value: cst.BaseExpression) -> bool:
    if isinstance(value, cst.Name):
        return value.value == "False"
    return isinstance(value, (cst.Integer, cst.Float)) and float(value.evaluated_value) == 0
