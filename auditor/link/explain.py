"""Why a place runs where it runs: contexts with witnesses, what its function reaches, what its calls resolve to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v

if TYPE_CHECKING:
    from auditor.link.graph import Graph, State
    from auditor.link.program import Function, Module
    from auditor.link.values import Value

MAX_REACHED = 20


class Explanation:
    """Builds the text for one line of one file."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._lines: list[str] = []

    def text(self, path: str, line: int) -> str:
        """The whole explanation; raises LookupError when the file is not part of the program."""
        module = self._module(path)
        function = self._function(module, line)
        kind = {f.ASYNC_DEF: "coroutine function", f.LAMBDA: "lambda", f.MODULE_BODY: "module", f.CLASS_BODY: "class body"}
        self._say(f"{module.path}:{line} is in {kind.get(function.facts.kind, 'function')} {function.qualname}")
        self._say("")
        self._contexts(function)
        self._calls(module, function, line)
        self._reached(function)
        return "\n".join(self._lines)

    def _say(self, text: str) -> None:
        self._lines.append(text)

    def _module(self, path: str) -> Module:
        wanted = os.path.realpath(path)
        for module in self._graph.evaluator.program.modules:
            if os.path.realpath(module.path) == wanted:
                return module
        raise LookupError(f"{path} is not among the analysed files; give a Python file of the project")

    @staticmethod
    def _function(module: Module, line: int) -> Function:
        best = module.functions[0]
        for function in module.functions[1:]:
            facts = function.facts
            if facts.line <= line <= facts.end_line and facts.line >= best.facts.line:
                best = function
        return best

    # -- contexts ----------------------------------------------------------------------------------------------

    def _contexts(self, function: Function) -> None:
        states = self._graph.by_function.get(function, [])
        if not states:
            self._say("No context reaches it: nothing in the program is known to call it.")
            self._say("")
            return
        best: dict[int, State] = {}
        for state in states:
            known = best.get(state.context)
            if known is None or (state.loss, state.length) < (known.loss, known.length):
                best[state.context] = state
        self._say("It runs")
        for context in sorted(best):
            state = best[context]
            sure = {0: "", 1: " (probably)", 2: " (perhaps)"}[min(state.loss, 2)]
            self._say(f"  {describe(context)}{sure}")
            self._witness(state)
        self._say("")

    def _witness(self, state: State) -> None:
        steps = []
        current = state
        while current.before is not None and current.edge is not None:
            before = current.before.node.function
            steps.append(
                f"      {before.module.path}:{current.edge.place.line} {before.qualname} "
                f"{_HOW.get(current.edge.how, current.edge.how)} {current.node.function.qualname}"
            )
            current = current.before
        root = current.node.function
        self._say(f"      {root.module.path}:{root.facts.line} {root.qualname}: {current.why or 'called'}")
        for step in reversed(steps):
            self._say(step)

    # -- calls -------------------------------------------------------------------------------------------------

    def _calls(self, module: Module, function: Function, line: int) -> None:
        evaluator = self._graph.evaluator
        for number in function.facts.calls:
            call = module.facts.calls[number]
            if not call[f.C_LINE] <= line <= call[f.C_END_LINE]:
                continue
            values = evaluator.values(module, call[f.C_CALLEE])
            name = _expression(module, call[f.C_CALLEE])
            self._say(f"The call of `{name}` in column {call[f.C_COLUMN] + 1}")
            if not values:
                self._say(f"  resolves to nothing: {self._why_unknown(module, call[f.C_CALLEE])}")
            for value in values:
                self._say(f"  resolves to {self._describe(value)}")
            receiver = module.facts.exprs[call[f.C_CALLEE]]
            if receiver[0] == f.ATTR:
                for value in evaluator.concrete(evaluator.values(module, receiver[1])):
                    self._say(f"    since `{_expression(module, receiver[1])}` is {self._describe(value)}")
            self._say("")

    def _why_unknown(self, module: Module, position: int) -> str:
        expression = module.facts.exprs[position]
        if expression[0] == f.ATTR:
            base = self._graph.evaluator.values(module, expression[1])
            if not base:
                return f"the type of `{_expression(module, expression[1])}` is not known"
            return f"`{expression[2]}` is no member that is known of `{_expression(module, expression[1])}`"
        return "nothing that is assigned to it is known"

    def _describe(self, value: Value) -> str:
        kind = value.kind
        if kind == v.FUNCTION:
            return f"function {value.a.qualname} ({value.a.module.path}:{value.a.facts.line})"
        if kind == v.BOUND:
            function = value.a.a
            return f"method {function.qualname} ({function.module.path}:{function.facts.line})"
        if kind == v.CLASS:
            return f"class {value.a.qualname}"
        if kind == v.INSTANCE:
            return f"an instance of {value.a.qualname}{' or a subclass' if value.b else ''}"
        if kind == v.EXTERNAL:
            api = self._graph.edges.api(value.a)
            if api is None:
                return f"{value.a}, of which the catalog says nothing"
            if api.effect == "none":
                return f"{value.a}: harmless, {api.reason}"
            return f"{value.a}: {api.effect} ({api.group}), {api.why}"
        if kind == v.EXTERNAL_INSTANCE:
            return f"an instance of {value.a}"
        if kind == v.PARAMETER:
            return f"whatever is passed as `{value.a.facts.params[value.b][0]}` to {value.a.qualname}"
        if kind == v.CONSTANT:
            return f"the constant {value.a!r}"
        if kind == v.MODULE:
            return f"module {value.a.name}"
        return _KINDS.get(kind, "a value")

    # -- what it reaches ---------------------------------------------------------------------------------------

    def _reached(self, function: Function) -> None:
        """Effects that the function reaches without leaving its thread, nearest first."""
        edges = self._graph.edges
        start = edges.node(function)
        level = [(start, (function.qualname,))]
        seen = {start}
        found: list[str] = []
        while level and len(found) < MAX_REACHED:
            following = []
            for node, path in level:
                body = edges.body(node)
                found.extend(
                    f"  {node.function.module.path}:{sink.place.line} {sink.callee}: {sink.api.effect}"
                    + (f", by {' -> '.join(path[1:])}" if len(path) > 1 else "")
                    for sink in body.sinks
                )
                for edge in body.edges:
                    if edge.target not in seen and edge.transform.change is None and not edge.transform.drives:
                        seen.add(edge.target)
                        following.append((edge.target, (*path, edge.target.function.facts.name)))
            level = following
        if not found:
            self._say("It reaches no call with a known effect.")
            return
        self._say("It reaches, without leaving its thread,")
        self._lines.extend(found[:MAX_REACHED])
        if len(found) > MAX_REACHED:
            self._say(f"  and {len(found) - MAX_REACHED} more")


_HOW = {
    "call": "calls", "property": "reads property", "with": "enters", "iterate": "iterates over", "operator": "uses operator",
    "schedule": "schedules", "register": "registers", "drive": "runs a loop with", "offload": "hands to a worker",
    "thread": "starts a thread with",
}  # fmt: skip
_KINDS = {
    v.COROUTINE: "a coroutine", v.GENERATOR: "a generator", v.MANAGER: "a context manager", v.AWAITABLE: "an awaitable",
    v.CONTAINER: "a container", v.CONTAINER_METHOD: "a method of a container", v.PARTIAL: "a partial",
    v.SUPER: "super()", v.LAZY: "a lazy iterator",
}  # fmt: skip


def describe(context: c.Context) -> str:
    """A context in words."""
    thread, loop, phase = c.thread_of(context), c.loop_of(context), c.phase_of(context)
    where = {
        "main": "on the main thread", "worker": "on a worker thread", "process": "in another process",
        "unknown": "on an unknown thread",
    }[thread.value]  # fmt: skip
    what = {
        "none": "with no loop running", "serving": "on the event loop", "private": "on a private event loop",
        "unknown": "with or without a loop",
    }[loop.value]  # fmt: skip
    when = {
        "import": "at import", "startup": "at startup", "serving": "while serving", "shutdown": "at shutdown",
        "cli": "in a command", "test": "in a test",
    }[phase.value]  # fmt: skip
    return f"{where}, {what}, {when}"


def _expression(module: Module, position: int, depth: int = 0) -> str:
    """An expression of the facts, roughly as it was written."""
    expression = module.facts.exprs[position]
    tag = expression[0]
    if depth > 6:
        return "..."
    if tag == f.GLOBAL:
        return str(expression[1])
    if tag == f.ATTR:
        return f"{_expression(module, expression[1], depth + 1)}.{expression[2]}"
    if tag == f.PARAM:
        return module.functions[expression[1]].facts.params[expression[2]][0]
    if tag == f.CALL:
        return f"{_expression(module, module.facts.calls[expression[1]][f.C_CALLEE], depth + 1)}(...)"
    if tag == f.IMPORTED:
        return str(expression[3])
    if tag in (f.MODULE, f.PACKAGE):
        return str(expression[1])
    if tag == f.FUNCTION:
        return module.functions[expression[1]].facts.name
    if tag == f.CLASS:
        return module.classes[expression[1]].facts.name
    if tag == f.AWAIT:
        return f"await {_expression(module, expression[1], depth + 1)}"
    if tag == f.CONST:
        return repr(expression[1])
    if tag in (f.UNION, f.PHI) and expression[1]:
        return _expression(module, expression[1][0], depth + 1)
    if tag in (f.ENTER, f.AENTER, f.ITERATE, f.AITERATE, f.ITEM, f.ANNOTATED, f.DECORATED):
        return _expression(module, expression[1] if tag not in (f.ANNOTATED, f.DECORATED) else expression[2], depth + 1)
    return "..."


def explain_line(graph: Graph, path: str, line: int) -> str:
    """Explain one line of a file of the program."""
    return Explanation(graph).text(path, line)
