"""Propagation: in which contexts each function runs, and by which path it comes to run there."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import guards as g
from auditor.link import values as v
from auditor.link.edges import Edges
from auditor.link.idle import Leading
from auditor.link.nodes import Edge, Node, Place
from auditor.link.ownership import handled
from auditor.model import Confidence, Loop, Phase, Thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from auditor.catalog.values import ContextChange
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Class, Function
    from auditor.link.values import Environment

_NO_LOOP: Final = frozenset({"builtins", "threading", "click", "typer"})
"""Frameworks of the catalog that run no event loop."""

MAX_LENGTH: Final = 40
"""Calls on a path; a longer one is no witness that anybody would follow."""


ASSUMED: Final = "a coroutine function: it runs on an event loop"
"""Why a coroutine function runs that nothing reaches."""

_CANCEL: Final = "asyncio.Task.cancel"
_NO_ARRIVALS: list[Any] = []


class State:
    """A node in a context, reached by ``edge`` from ``before``; a root has neither.

    ``arrivals`` are all ways in which code on the loop or on a thread is entered here, for the exposures: a state and
    the edge from it in turn, since large programs have hundreds of thousands.
    """

    __slots__ = ("arrivals", "before", "context", "edge", "length", "loss", "node", "why")

    def __init__(
        self,
        node: Node,
        context: c.Context,
        loss: int,
        length: int,
        before: State | None,
        edge: Edge | None,
        why: str,
    ) -> None:
        self.node = node
        self.context = context
        self.loss = loss
        self.length = length
        self.before = before
        self.edge = edge
        self.why = why
        self.arrivals: list[Any] = _NO_ARRIVALS

    @property
    def is_passed(self) -> bool:
        """Whether paths of exposures may pass through it: synchronous code on the loop, or on a thread without one."""
        context = self.context
        return (c.ON_LOOP[context] or c.OFF_LOOP[context]) and self.node.function.facts.kind != f.ASYNC_DEF

    @property
    def is_noted(self) -> bool:
        """Whether all ways into it are kept: on a loop, or on a thread without one."""
        return c.ON_LOOP[self.context] or c.OFF_LOOP[self.context]

    def arrive(self, before: State, edge: Edge) -> None:
        """Remember one more way into it."""
        if self.arrivals is _NO_ARRIVALS:
            self.arrivals = [before, edge]
        else:
            self.arrivals += (before, edge)

    @property
    def confidence(self) -> Confidence:
        return Confidence(2 - min(self.loss, 2))


class Graph:
    """Runs the worklist. ``states`` maps a node and a context, as ``node.id * COUNT + context``, to the best state."""

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        record_all: bool = False,
        whole: bool = True,
        loop_only: Sequence[str] = (),
    ) -> None:
        self.evaluator = evaluator
        self._whole = whole  # or without implicit calls that lead to nothing
        self.edges = Edges(evaluator, record_all=record_all, loop_only=loop_only)
        self.states: dict[int, State] = {}
        self.by_function: dict[Function, list[State]] = {}
        self._off_loop: frozenset[Function] | None = None  # known once the states are forgotten
        # what is certain is taken first in, first out, which is by length; the rest by loss and length
        self._certain: deque[State] = deque()
        self._heap: list[tuple[int, int, int, int, int, State]] = []
        self._sequence = 0
        self.hooked: dict[
            Function, str
        ] = {}  # what a framework calls on subclasses, and the role of it there
        self._servers: dict[Node, bool] = {}
        self._async_modules: dict[int, bool] = {}
        self._placed = frozenset(self.edges.declared.placed())
        self._frameworks = {s.name for s in evaluator.catalog.sources if s.verified} - _NO_LOOP

    # -- propagation -------------------------------------------------------------------------------------------

    def propagate(self) -> None:
        """Reach everything, roots that are certain before those that are assumed."""
        properties = self.evaluator.accessors.names()
        dunders = self.evaluator.hierarchy.dunders(properties)
        operators = f.wanted_operators(dunders)
        for module in self.evaluator.program.modules:
            module.facts.unpack(properties, operators)
        if not self._whole:
            every = Edges(self.evaluator, beside=self.edges)
            self.edges.follow_only(Leading(every).find(properties, dunders))
            self.edges.take_over(every)
        self._certain_roots()
        self._declared_roots()
        self._run()
        self._assumed_coroutines()
        self._assumed_loop_users()
        self._unknown_callers()
        self.evaluator.settle()

    def runs_off_loop(self, function: Function) -> bool:
        """Whether a thread or a process without a loop reaches the function."""
        if self._off_loop is not None:
            return function in self._off_loop
        return any(c.OFF_LOOP[state.context] for state in self.by_function.get(function, ()))

    def forget(self) -> None:
        """Let go of all states and bodies: the suspects hold what their paths need."""
        self._off_loop = frozenset(filter(self.runs_off_loop, self.by_function))
        self.states = {}
        self.by_function = {}
        leading = self.edges.leading
        self.edges = Edges(self.evaluator, record_all=self.edges.record_all, beside=self.edges)
        if leading is not None:
            self.edges.follow_only(leading)

    def _push(
        self,
        node: Node,
        context: c.Context,
        loss: int,
        length: int,
        before: State | None,
        edge: Edge | None,
        why: str,
    ) -> None:
        state = State(node, context, loss, length, before, edge, why)
        if not loss:
            self._certain.append(state)
            return
        self._sequence += 1
        site = edge.place.line if edge is not None else 0
        heapq.heappush(self._heap, (loss, length, node.function.id, site, self._sequence, state))

    def root(
        self, function: Function, context: c.Context, why: str, loss: int = 0, captured: Environment = ()
    ) -> None:
        """Let propagation begin at a function, unless the audited code says itself where it runs."""
        if function not in self._placed:
            self._begin(function, context, why, loss, captured)

    def _begin(
        self, function: Function, context: c.Context, why: str, loss: int = 0, captured: Environment = ()
    ) -> None:
        self._push(self.edges.node(function, captured), context, loss, 0, None, None, why)

    def _run(self) -> None:
        certain, heap = self._certain, self._heap
        states = self.states
        while certain or heap:
            state = certain.popleft() if certain else heapq.heappop(heap)[-1]
            key = state.node.id * c.COUNT + state.context
            known = states.get(key)
            if known is not None:
                if state.edge is not None and state.before is not None and known.is_noted:
                    known.arrive(state.before, state.edge)
                continue
            states[key] = state
            self.by_function.setdefault(state.node.function, []).append(state)
            if state.edge is not None and state.before is not None and state.is_noted:
                state.arrivals = [state.before, state.edge]
            if state.length < MAX_LENGTH:
                self._expand(state)

    def _expand(self, state: State) -> None:
        for edge in self.edges.body(state.node).edges:
            if edge.constraints:
                if not g.allows(edge.constraints, state.context):
                    continue
                before = g.narrow(edge.constraints, state.context)
            else:
                before = state.context
            before = at_line(state.node.function, before, edge.place.line)
            after = edge.transform.apply(before)
            if after is None or edge.target.function in self._placed:
                continue
            if edge.transform.drives:
                after = self._opened(state, edge, after)
            loss = max(state.loss, 2 - edge.confidence)
            known = self.states.get(edge.target.id * c.COUNT + after)
            if known is not None:
                if known.is_noted:
                    known.arrive(state, edge)
                continue
            self._push(edge.target, after, loss, state.length + 1, state, edge, "")

    def _opened(self, state: State, edge: Edge, after: c.Context) -> c.Context:
        """The context of a coroutine that has a loop opened for it, with what is seen of how long that loop lives.

        The loop of a process that serves others is no more private to the one coroutine than that of the main process,
        and what it runs before it serves is its startup.
        """
        thread = c.thread_of(after)
        of_process = thread == Thread.PROCESS and c.loop_of(after) == Loop.PRIVATE
        if not of_process and c.phase_of(after) != Phase.CLI:
            return after
        loop = Loop.SERVING if of_process else c.loop_of(after)
        if self._serves(edge.target):
            return c.context(thread, loop, Phase.SERVING)
        if of_process and any(
            other.transform.drives and other.place.line > edge.place.line and self._serves(other.target)
            for other in self.edges.body(state.node).edges
        ):
            return c.context(thread, loop, Phase.STARTUP)
        return after

    def _serves(self, start: Node) -> bool:
        """Whether the coroutine ends in serving others: it reaches a server, or loops for ever."""
        known = self._servers.get(start)
        if known is not None:
            return known
        seen = {start}
        level = [start]
        answer = False
        for _ in range(5):
            following: list[Node] = []
            for node in level:
                body = self.edges.body(node)
                if node.function.facts.endless and node.function.is_async:
                    answer = True
                if any(self.evaluator.catalog.is_server(dotted) for _, dotted in body.externals):
                    answer = True
                cancelled: set[Node] = set()
                if any(dotted == _CANCEL for _, dotted in body.externals):
                    # tasks that end with what has started them, however long they could go on
                    cancelled = {edge.target for edge in body.edges if edge.how == "schedule"}
                for edge in body.edges:
                    if edge.target in cancelled:
                        continue
                    if edge.target not in seen and len(seen) < 400:
                        seen.add(edge.target)
                        following.append(edge.target)
            level = following
            if answer:
                break
        self._servers[start] = answer
        return answer

    # -- roots -------------------------------------------------------------------------------------------------

    def _certain_roots(self) -> None:
        for module in self.evaluator.program.modules:
            body = module.functions[0]
            if module.name.rpartition(".")[2] == "__main__" and not module.is_test:
                self.root(body, c.CLI, "the module is run")
            else:
                self.root(body, c.SYNC_TEST if module.is_test else c.IMPORT, "the module is imported")
            for function in module.functions:
                facts = function.facts
                if facts.kind == f.CLASS_BODY:
                    self.root(function, c.SYNC_TEST if module.is_test else c.IMPORT, "the module is imported")
                elif module.is_test and facts.name.startswith("test"):
                    context = c.ASYNC_TEST if facts.kind == f.ASYNC_DEF else c.SYNC_TEST
                    self.root(function, context, "a test")
        for class_ in self.evaluator.program.classes:
            self._hooks(class_)

    def _declared_roots(self) -> None:
        for function in self.edges.declared.placed():
            context, why = self.edges.declared.context(function) or (c.SERVING, "")
            self._begin(function, context, why)

    def _hooks(self, class_: Class) -> None:
        hierarchy = self.evaluator.hierarchy
        seen: set[str] = set()
        done: set[str] = set()
        for base in hierarchy.external_bases(class_):
            if base in seen:
                continue
            seen.add(base)
            for hook in self.evaluator.catalog.hooks_for(base):
                for name in _matching(hook.methods, class_):
                    if name in done:
                        continue
                    done.add(name)
                    for value in self.evaluator.members.attribute(
                        self.evaluator.interner.make(v.CLASS, class_), name
                    ):
                        if value.kind != v.FUNCTION:
                            continue
                        # the method, or what its decorators made of it
                        function: Function = value.a
                        change = hook.async_ if function.is_async else hook.sync
                        if change is not None:
                            self.hooked.setdefault(function, hook.role)
                            self.root(
                                function,
                                _absolute(change, test=class_.module.is_test),
                                f"{hook.base} calls `{name}`",
                                captured=value.b or (),
                            )

    def _assumed_coroutines(self) -> None:
        """Every coroutine function runs on some loop: those that nothing reaches are taken to be served."""
        program = self.evaluator.program
        waiting = [x for x in program.functions if x.facts.kind == f.ASYNC_DEF and not self._on_some_loop(x)]
        hidden = {x for x in waiting if self._is_out_of_reach(x)}
        unreached = set(waiting)
        callers: dict[Function, list[Function]] = {}
        called: set[Function] = set()
        for function in program.functions:
            if self._on_some_loop(function):  # nobody waits for it
                continue
            for edge in self.edges.body(self.edges.node(function)).edges:
                if edge.target.function is not function:
                    called.add(edge.target.function)
                    if function.facts.kind == f.DEF and not self._is_reached(function):
                        callers.setdefault(edge.target.function, []).append(function)
                        if edge.transform.drives and edge.target.function in unreached:
                            hidden.add(edge.target.function)
        # what leads to the hidden ones knows how they run: a lifespan is registered, a command gets its own loop
        for function in _leading_to(hidden, callers):
            if function not in called:
                self._call_from_outside(function)
        self._run()
        waiting = [x for x in waiting if not self._on_some_loop(x)]
        for function in waiting:
            if function not in called:
                self._assume(function)
        self._run()
        for function in waiting:
            if not self._on_some_loop(function):
                self._assume(function)
                self._run()

    def _assume(self, function: Function) -> None:
        context = c.ASYNC_TEST if function.module.is_test else c.SERVING
        # coroutines of something that is no event loop are rare, and live in modules that import none
        loss = 0 if self._uses_event_loops(function) else 1
        self.root(function, context, ASSUMED, loss)

    def _uses_event_loops(self, function: Function) -> bool:
        known = self._async_modules.get(function.module.index)
        if known is None:
            known = self._async_modules[function.module.index] = any(
                name.partition(".")[0] in self._frameworks
                for level, name in function.module.facts.imports
                if not level
            )
        return known

    def _on_some_loop(self, function: Function) -> bool:
        """Whether something runs it on a loop; tests say nothing of who else calls what they test.

        What is registered as a test or as a fixture is nothing else.
        """
        in_test = function.module.is_test
        return any(
            c.HAS_LOOP[s.context]
            and (
                in_test
                or c.phase_of(s.context) != Phase.TEST
                or (s.edge is not None and s.edge.how == "register")
            )
            for s in self.by_function.get(function, ())
        )

    def _is_reached(self, function: Function) -> bool:
        """Whether something else than tests gets to it."""
        in_test = function.module.is_test
        return any(in_test or c.phase_of(s.context) != Phase.TEST for s in self.by_function.get(function, ()))

    def _assumed_loop_users(self) -> None:
        """A synchronous function that asks for the running loop, with no known caller, is taken to be on one."""
        for function in self.evaluator.program.functions:
            if function.facts.kind != f.DEF or function in self.by_function or function.module.is_test:
                continue
            node = self.edges.node(function)
            body = self.edges.body(node)
            for number, dotted in body.externals:
                if dotted != "asyncio.get_running_loop":
                    continue
                region = function.module.facts.calls[number][f.C_REGION]
                if not handled(function, region):
                    self.root(function, c.SERVING, "it asks for the running event loop", loss=1)
                    break
        self._run()

    def _unknown_callers(self) -> None:
        """Functions that nothing reaches may still register, schedule and start things."""
        for function in self.evaluator.program.functions:
            if function in self.by_function or function.facts.kind not in (f.DEF, f.LAMBDA):
                continue
            if function.facts.kind == f.LAMBDA:
                continue
            self._call_from_outside(function)
        self._run()

    def _call_from_outside(self, function: Function) -> None:
        self.root(function, c.SYNC_TEST if function.module.is_test else c.UNKNOWN, "called from outside")

    def _is_out_of_reach(self, function: Function) -> bool:
        """Whether no other program can await the coroutine function: it is a local one, or its name means a wrapper."""
        parent = function.parent
        if parent is not None and parent.facts.kind in (f.DEF, f.ASYNC_DEF):
            return True
        return bool(function.facts.decorators) and self.evaluator.wrappers.hides(function)


def _leading_to(
    targets: Iterable[Function], callers: Mapping[Function, Sequence[Function]]
) -> list[Function]:
    """All that call the targets, directly or not, in the order of the program."""
    found: set[Function] = set()
    waiting = list(targets)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in found:
                found.add(caller)
                waiting.append(caller)
    return sorted(found, key=lambda function: function.id)


def at_line(function: Function, context: c.Context, line: int) -> c.Context:
    """The context at a line of the function: what follows the `yield` of a lifespan is shutdown."""
    if (
        function.facts.last_yield
        and line > function.facts.last_yield
        and c.phase_of(context) == Phase.STARTUP
    ):
        return c.context(c.thread_of(context), c.loop_of(context), Phase.SHUTDOWN)
    return context


def _matching(patterns: tuple[str, ...], class_: Class) -> list[str]:
    names = class_.facts.attributes
    found: list[str] = []
    for pattern in patterns:
        if pattern.endswith("*"):
            found.extend(name for name in names if name.startswith(pattern[:-1]))
        elif pattern in names:
            found.append(pattern)
    return found


def _absolute(change: ContextChange, *, test: bool) -> c.Context:
    serving = c.SERVING
    phase = change.phase if change.phase is not None else Phase.TEST if test else Phase.SERVING
    thread = change.thread if change.thread is not None else c.thread_of(serving)
    loop = change.loop if change.loop is not None else c.loop_of(serving)
    return c.context(thread, loop, phase)


__all__ = ["Edge", "Graph", "Node", "Place", "State"]
