"""Why a place runs where it runs: contexts with witnesses, what its calls resolve to and why, and what it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link import wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.link.graph import Graph, State
    from auditor.link.nodes import Node
    from auditor.link.program import Function, Module
    from auditor.link.values import Value

    Locate = Callable[[Module, int], tuple[str, int]]
    """From a line of a module to the path and line that are shown."""

MAX_REACHED: Final = 20
MAX_DEPTH: Final = 6
_SURE: Final = ("", " (probably)", " (perhaps)")
_KINDS: Final = {
    f.MODULE_BODY: "module",
    f.CLASS_BODY: "class body",
    f.DEF: "function",
    f.ASYNC_DEF: "coroutine function",
    f.LAMBDA: "lambda",
}
_VALUES: Final = {
    v.COROUTINE: "a coroutine",
    v.GENERATOR: "a generator",
    v.MANAGER: "a context manager",
    v.AWAITABLE: "an awaitable",
    v.CONTAINER: "a container",
    v.CONTAINER_METHOD: "a method of a container",
    v.PARTIAL: "a partial",
    v.SUPER: "super()",
    v.LAZY: "a lazy iterator",
}


class Explanation:
    """Builds the lines for one line of one module."""

    def __init__(self, graph: Graph, locate: Locate) -> None:
        self._graph = graph
        self._locate = locate
        self._lines: list[str] = []

    def text(self, module: Module, line: int) -> str:
        """The whole explanation."""
        function = _function(module, line)
        kind = "async generator" if function.is_async and function.facts.is_generator else ""
        kind = kind or ("generator" if function.facts.is_generator else _KINDS[function.facts.kind])
        self._say(f"{self._place(module, line)} is in {kind} {function.qualname}")
        self._say()
        self._contexts(function)
        self._calls(module, function, line)
        self._reached(function)
        self._elsewhere(function)
        return "\n".join(self._lines)

    def _say(self, text: str = "") -> None:
        self._lines.append(text)

    def _place(self, module: Module, line: int) -> str:
        path, shown = self._locate(module, line)
        return f"{path}:{shown}"

    # -- contexts ----------------------------------------------------------------------------------------------

    def _contexts(self, function: Function) -> None:
        best: dict[int, State] = {}
        for state in self._graph.by_function.get(function, ()):
            known = best.get(state.context)
            if known is None or (state.loss, state.length) < (known.loss, known.length):
                best[state.context] = state
        if not best:
            self._say("Nothing in the program is known to run it.")
        for context in sorted(best):
            state = best[context]
            self._say(f"It runs {wording.context(context)}{_SURE[min(state.loss, 2)]}:")
            self._witness(state)
        self._say()

    def _witness(self, state: State) -> None:
        steps = []
        current = state
        while current.before is not None and current.edge is not None:
            steps.append((current.before.node.function, current.edge, current.node.function))
            current = current.before
        start = current.node.function
        why = wording.root(current.why) or "called"
        self._step(start, start.facts.line, why)
        for before, edge, target in reversed(steps):
            how = wording.step(edge.how, target)
            role = f", {wording.root(edge.role)}" if edge.role else ""
            self._step(before, edge.place.line, f"{how}{role}")

    def _step(self, function: Function, line: int, what: str) -> None:
        self._say(f"  {self._place(function.module, line)}  {wording.short_name(function)}  {what}")

    # -- calls -------------------------------------------------------------------------------------------------

    def _calls(self, module: Module, function: Function, line: int) -> None:
        evaluator = self._graph.evaluator
        for number in function.facts.calls:
            call = module.facts.calls[number]
            if not call[f.C_LINE] <= line <= call[f.C_END_LINE] or call[f.C_FLAGS] & f.IS_DECORATOR:
                continue
            callee = call[f.C_CALLEE]
            self._say(f"The call of `{_expression(module, callee)}`")
            values = evaluator.values(module, callee)
            if not values:
                self._say(f"  is not resolved: {self._why_unknown(module, callee)}")
            for value in values:
                self._say(f"  resolves to {self._describe(value)}")
            receiver = module.facts.exprs[callee]
            if receiver[0] == f.ATTR:
                for value in evaluator.concrete(evaluator.values(module, receiver[1])):
                    if value.kind in (v.MODULE, v.EXTERNAL):
                        continue  # the name says so itself
                    self._say(f"    since `{_expression(module, receiver[1])}` is {self._describe(value)}")
            self._say()

    def _why_unknown(self, module: Module, position: int) -> str:
        expression = module.facts.exprs[position]
        if expression[0] != f.ATTR:
            return "nothing is known of what it is bound to"
        base = _expression(module, expression[1])
        if not self._graph.evaluator.values(module, expression[1]):
            return f"the type of `{base}` is not known"
        return f"`{base}` has no member `{expression[2]}` that is known"

    def _describe(self, value: Value) -> str:
        kind = value.kind
        if kind in (v.FUNCTION, v.BOUND):
            function: Function = value.a if kind == v.FUNCTION else value.a.a
            what = "function" if kind == v.FUNCTION else "method"
            return f"{what} {function.qualname} ({self._place(function.module, function.facts.line)})"
        if kind == v.CLASS:
            return f"class {value.a.qualname} ({self._place(value.a.module, value.a.facts.line)})"
        if kind == v.INSTANCE:
            return f"an instance of {value.a.qualname}{' or of a subclass' if value.b else ''}"
        if kind == v.EXTERNAL:
            return self._describe_external(value.a)
        if kind == v.EXTERNAL_INSTANCE:
            return f"an instance of {value.a}"
        if kind == v.PARAMETER:
            return f"whatever is passed as `{value.a.facts.params[value.b][0]}` to {value.a.qualname}"
        if kind == v.CONSTANT:
            return f"the constant {value.a!r}"
        if kind == v.MODULE:
            return f"module {value.a.name}"
        return _VALUES.get(kind, "a value")

    def _describe_external(self, dotted: str) -> str:
        api = self._graph.edges.api(dotted)
        if api is None:
            return f"{dotted}, of which the catalog says nothing"
        if api.effect == "none":
            return f"{dotted}, which is harmless: {api.reason}"
        return (
            f"{dotted}, which {api.why}" if api.effect == "blocks" else f"{dotted} ({api.effect}): {api.why}"
        )

    # -- what it reaches ---------------------------------------------------------------------------------------

    def _reached(self, function: Function) -> None:
        """Effects that the function reaches without leaving its thread, nearest first."""
        edges = self._graph.edges
        start = edges.node(function)
        level: list[tuple[Node, tuple[str, ...]]] = [(start, ())]
        seen = {start}
        found: dict[str, None] = {}
        while level:
            following = []
            for node, path in level:
                body = edges.body(node)
                by = f", by {' -> '.join(path)}" if path else ""
                for sink in body.sinks:
                    place = self._place(node.function.module, sink.place.line)
                    found.setdefault(f"  {sink.callee}  {place}{by}")
                for edge in body.edges:
                    stays = edge.transform.change is None and not edge.transform.drives
                    if stays and edge.target not in seen:
                        seen.add(edge.target)
                        following.append((edge.target, (*path, wording.short_name(edge.target.function))))
            level = following
        self._list("It reaches, in the same thread:", list(found))
        if not found:
            self._say("It reaches no call with a known effect.")

    def _elsewhere(self, function: Function) -> None:
        """What the function sends to other threads, or has run later."""
        edges = self._graph.edges
        found: dict[str, None] = {}
        for edge in edges.body(edges.node(function)).edges:
            if edge.transform.change is not None or edge.transform.drives:
                place = self._place(function.module, edge.place.line)
                found.setdefault(f"  {wording.step(edge.how, edge.target.function)}  {place}")
        self._list("It also", list(found))

    def _list(self, title: str, lines: list[str]) -> None:
        if lines:
            self._say(title)
            self._lines.extend(lines[:MAX_REACHED])
            if len(lines) > MAX_REACHED:
                self._say(f"  and {len(lines) - MAX_REACHED} more")


def _function(module: Module, line: int) -> Function:
    """The innermost function around a line, its decorators included."""
    best = module.functions[0]
    for function in module.functions[1:]:
        facts = function.facts
        first = min(facts.line, facts.unit[0]) if facts.parent == 0 and facts.kind != f.LAMBDA else facts.line
        if first <= line <= facts.end_line and facts.line >= best.facts.line:
            best = function
    return best


def _expression(module: Module, position: int, depth: int = 0) -> str:
    """An expression of the facts, roughly as it was written."""
    expression = module.facts.exprs[position]
    tag = expression[0]
    if depth > MAX_DEPTH:
        return "..."

    def inner(part: int) -> str:
        return _expression(module, part, depth + 1)

    if tag == f.ATTR:
        return f"{inner(expression[1])}.{expression[2]}"
    if tag == f.CALL:
        return f"{inner(module.facts.calls[expression[1]][f.C_CALLEE])}(...)"
    if tag == f.AWAIT:
        return f"await {inner(expression[1])}"
    if tag in (f.UNION, f.PHI) and expression[1]:
        return inner(expression[1][0])
    if tag in (f.ENTER, f.AENTER, f.ITERATE, f.AITERATE, f.ITEM):
        return inner(expression[1])
    if tag in (f.ANNOTATED, f.DECORATED):
        return inner(expression[2])
    return _name(module, expression)


def _name(module: Module, expression: tuple[object, ...]) -> str:
    """What a simple expression is called in the source."""
    tag, *rest = expression
    first: object = rest[0] if rest else None
    if tag in (f.GLOBAL, f.MODULE, f.PACKAGE):
        return str(first)
    if tag == f.CONST:
        return repr(first)
    if tag == f.IMPORTED:
        return str(rest[2])
    if isinstance(first, int):
        if tag == f.PARAM and isinstance(rest[1], int):
            return module.functions[first].facts.params[rest[1]][0]
        if tag == f.FUNCTION:
            return module.functions[first].facts.name
        if tag == f.CLASS:
            return module.classes[first].facts.name
    return "..."


def explain_line(graph: Graph, module: Module, line: int, locate: Locate) -> str:
    """Explain one line of a module of the program."""
    return Explanation(graph, locate).text(module, line)
