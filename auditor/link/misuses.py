"""Calls at fault by what they are given, or by what becomes of their result, whatever the context.

Each belongs to one of the groups below, which rule files name like groups of the catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.model import Thread

if TYPE_CHECKING:
    from auditor.catalog.values import Runs
    from auditor.link.guards import Constraints
    from auditor.link.narrowing import BodyValues
    from auditor.link.nodes import Place
    from auditor.link.program import Class, Function, Module
    from auditor.link.values import Value, Values

GIVEN_COROUTINE: Final = "given-coroutine-function"
"""An API that runs plain functions elsewhere is given one whose result is a coroutine."""
GIVEN_GENERATOR: Final = "given-generator-function"
"""... or one whose result is a generator, or another lazy iterator."""
GIVEN_LOCAL: Final = "given-local-function"
"""A pool of processes is given a function that cannot be pickled."""
GIVEN_ENDLESS: Final = "given-endless-function"
"""The pool that everybody shares is given a function that never ends."""
DROPPED_COROUTINE: Final = "dropped-coroutine"
"""A coroutine is made by a statement of its own."""
DROPPED_TASK: Final = "dropped-task"
"""A task is started by a statement of its own."""
RETURNED_COROUTINE: Final = "returned-coroutine"
"""The function that a thread runs gives back a coroutine."""
LOOP_MADE: Final = "loop-made"
"""An event loop is made."""
GIVEN_HOLDER: Final = "given-gil-holder"
"""A thread is given a C function that holds the interpreter lock as long as it works."""
POLLED: Final = "polled"
"""A sleep of no length, awaited in a loop."""
SENT_EACH: Final = "sent-each"
"""A message to a client, awaited in a loop over clients."""
POOL_MADE: Final = "pool-made"
"""A pool of threads or processes is made."""
BLOCKING_TASK: Final = "blocking-background-task"
"""A background task is a coroutine function that blocks."""
WAIT_WITHIN_POOL: Final = "wait-within-pool"
"""A wait with a time limit, inside the `with` of the pool whose end waits without one."""

END_UNTOLD: Final = "end-untold"
"""A call tells how a task ended, but nobody makes it when the task is cancelled."""

WAIT_ON_OWN_POOL: Final = "wait-on-own-pool"
"""A worker of a pool waits for what the same pool is to do."""

LOCK_HELD: Final = "lock-held"
"""The loop takes a lock that a worker holds over something slow."""

LOOP_PER_CALL: Final = "loop-per-call"
"""A worker opens a loop of its own for a call, for a coroutine that the serving loop runs as well."""
CROSSING: Final = "crossing-loops"
"""An object that belongs to one loop is waited for on another."""

NEEDLESS: Final = "needless-offload"
"""A framework hands to a thread what does next to nothing."""

GROUPS: Final = frozenset(
    {
        NEEDLESS,
        LOOP_PER_CALL,
        CROSSING,
        LOCK_HELD,
        WAIT_ON_OWN_POOL,
        END_UNTOLD,
        GIVEN_COROUTINE,
        GIVEN_GENERATOR,
        GIVEN_LOCAL,
        GIVEN_ENDLESS,
        DROPPED_COROUTINE,
        DROPPED_TASK,
        RETURNED_COROUTINE,
        LOOP_MADE,
        GIVEN_HOLDER,
        POLLED,
        SENT_EACH,
        POOL_MADE,
        BLOCKING_TASK,
        WAIT_WITHIN_POOL,
    }
)
_TASKS: Final = frozenset(
    {"asyncio.create_task", "asyncio.ensure_future", "asyncio.AbstractEventLoop.create_task"}
)
_COROUTINES: Final = frozenset(
    {
        "asyncio.sleep", "asyncio.wait_for", "asyncio.wait", "asyncio.to_thread", "asyncio.open_connection",
        "asyncio.Queue.put", "asyncio.Queue.get", "asyncio.Queue.join", "asyncio.Event.wait", "asyncio.Lock.acquire",
        "asyncio.Semaphore.acquire", "asyncio.Condition.wait", "asyncio.StreamWriter.drain",
        "asyncio.StreamWriter.wait_closed", "asyncio.StreamReader.read", "asyncio.subprocess.Process.wait",
        "asyncio.subprocess.Process.communicate", "anyio.sleep", "trio.sleep",
    }
)  # fmt: skip
_LOOP_MAKER: Final = "asyncio.new_event_loop"
_WAITS: Final = {
    "concurrent.futures.Future.result": 0,
    "concurrent.futures.Future.exception": 0,
    "concurrent.futures.as_completed": 1,
    "concurrent.futures.wait": 1,
}
"""Waits for futures, and the position of their time limit."""
_POOLS: Final = frozenset({"concurrent.futures.ThreadPoolExecutor", "concurrent.futures.ProcessPoolExecutor"})
_HOLDERS: Final = frozenset(
    {
        "json.dumps", "json.loads", "pickle.dumps", "pickle.loads", "marshal.dumps", "marshal.loads",
        "builtins.sorted", "builtins.sum", "builtins.max", "builtins.min",
    }
)  # fmt: skip
"""Measured for JSON and pickle with 8.6 MB: the loop stalls for all but a few milliseconds of the call."""
_UNPICKLABLE: Final = frozenset(
    {
        "threading.Lock", "threading.RLock", "threading.Condition", "threading.Event", "threading.Semaphore",
        "threading.BoundedSemaphore", "threading.Thread", "queue.Queue", "socket.socket", "sqlite3.Connection",
        "concurrent.futures.ThreadPoolExecutor", "concurrent.futures.ProcessPoolExecutor", "asyncio.AbstractEventLoop",
    }
)  # fmt: skip
"""Types of objects that pickle refuses, and with them each object that keeps one."""
_PICKLING: Final = ("__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")
_SLOWER: Final = frozenset({"indent", "key", "object_hook", "default", "cls"})
"""Arguments that make them run Python code, between whose steps other threads get their turn."""
SENDS: Final = frozenset(
    f"{owner}.{method}"
    for owner, methods in {
        "starlette.websockets.WebSocket": ("send", "send_text", "send_json", "send_bytes"),
        "aiohttp.web.WebSocketResponse": ("send_str", "send_json", "send_bytes"),
        "websockets.asyncio.connection.Connection": ("send",),
        "websockets.asyncio.server.ServerConnection": ("send",),
        "websockets.legacy.protocol.WebSocketCommonProtocol": ("send",),
        "websockets.legacy.server.WebSocketServerProtocol": ("send",),
        "quart.wrappers.Websocket": ("send", "send_json"),
        "asyncio.StreamWriter": ("drain",),
    }.items()
    for method in methods
)
_SLEEPS: Final = frozenset({"asyncio.sleep", "anyio.sleep", "trio.sleep"})
_PARTS: Final = 4
_SHORTEST: Final = 0.01
"""Seconds; a sleep in a loop that is not longer keeps a CPU busy."""
OF_INTEREST: Final = _TASKS | _COROUTINES | SENDS | _POOLS
_DEFS: Final = (f.DEF, f.ASYNC_DEF, f.LAMBDA)


class Misuse:
    """One such call: ``callee`` is what is called, ``what`` the name of what is at fault with it."""

    __slots__ = ("callee", "constraints", "group", "place", "what")

    def __init__(
        self,
        place: Place,
        callee: str,
        group: str,
        what: str,
        constraints: Constraints,
    ) -> None:
        self.place = place
        self.callee = callee
        self.group = group
        self.what = what
        self.constraints = constraints


def given(builder: BodyValues, values: Values, entry: Runs, number: int) -> tuple[str, str] | None:
    """Group and name where all of ``values`` are wrong for what runs them elsewhere, at call ``number``."""
    if not values:
        return None
    groups = {_given(builder, value, entry) for value in values}
    if len(groups) != 1:
        return None
    group = groups.pop()
    if group == GIVEN_HOLDER and _is_slower(builder.module, number):
        return None
    if not group or (group == GIVEN_LOCAL and not _is_surely_process(builder, number)):
        return None
    function = _function(values[0])
    if group == GIVEN_HOLDER:
        return group, _holder(builder, values[0]).removeprefix("builtins.")
    return group, function.facts.qualname if function is not None else ""


def _is_slower(module: Module, number: int) -> bool:
    """Whether a call gives an argument that makes the C function run Python between its steps."""
    return any(name in _SLOWER for name, _ in module.facts.calls[number][f.C_KEYWORDS])


def _given(builder: BodyValues, value: Value, entry: Runs) -> str:
    while value.kind == v.PARTIAL and len(value.a) == 1:
        if value.b is not None and _is_slower(*value.b):
            return ""
        value = value.a[0]
    on_thread = entry.kind == "offload" and entry.sync is not None and entry.sync.thread == Thread.WORKER
    if on_thread and _holder(builder, value):
        return GIVEN_HOLDER
    if value.kind == v.EXTERNAL:
        return ""
    function = _function(value)
    if function is None or function.facts.decorators or "abstractmethod" in function.facts.roles:
        return ""
    facts = function.facts
    if entry.async_ is None and _makes_coroutine(builder, value, function):
        return GIVEN_COROUTINE
    if facts.is_generator and facts.kind == f.DEF:
        return GIVEN_GENERATOR
    if entry.kind == "offload" and entry.sync is not None and entry.sync.thread == Thread.PROCESS:
        local = facts.kind == f.LAMBDA or (
            function.parent is not None and function.parent.facts.kind in _DEFS and value.kind == v.FUNCTION
        )
        return GIVEN_LOCAL if local or _holds_the_unpicklable(builder, value) else ""
    return GIVEN_ENDLESS if entry.shared and facts.endless and facts.kind == f.DEF else ""


def _holder(builder: BodyValues, value: Value) -> str:
    """The C function that holds the interpreter lock, where the value is one, or a lambda around a call of one."""
    while value.kind == v.PARTIAL and len(value.a) == 1:
        value = value.a[0]
    if value.kind == v.EXTERNAL:
        return str(value.a) if value.a in _HOLDERS else ""
    if value.kind != v.FUNCTION or value.a.facts.kind != f.LAMBDA or len(value.a.facts.returns) != 1:
        return ""
    facts = value.a.module.facts
    returned = facts.exprs[value.a.facts.returns[0][0]]
    if returned[0] != f.CALL:
        return ""
    call = facts.calls[returned[1]]
    if any(name in _SLOWER for name, _ in call[f.C_KEYWORDS]):
        return ""
    others = [facts.calls[x] for x in value.a.facts.calls if x != returned[1]]
    if any(_lets_go(builder, value.a.module, x) for x in others):
        return ""
    called = builder.evaluator.values(value.a.module, call[f.C_CALLEE])
    names = {str(x.a) for x in called if x.kind == v.EXTERNAL and x.a in _HOLDERS}
    return min(names) if names and len(called) == len(names) else ""


def _lets_go(builder: BodyValues, module: Module, call: Any) -> bool:
    """Whether a call may be one of Python's, or waits: others get the interpreter lock meanwhile."""
    values = builder.evaluator.values(module, call[f.C_CALLEE])
    if any(x.kind in (v.FUNCTION, v.BOUND) for x in values):
        return True
    apis = [builder.edges.api(x.a) for x in values if x.kind == v.EXTERNAL]
    return any(api is not None and api.effect == "blocks" and api.gil != "holds" for api in apis)


def _holds_the_unpicklable(builder: BodyValues, value: Value) -> bool:
    """Whether it is a method of an object that keeps a lock or the like, and does not say how it is pickled without."""
    if value.kind != v.BOUND or value.b.kind != v.INSTANCE:
        return False
    class_: Class = value.b.a
    if any(class_.facts.attributes.get(name) for name in _PICKLING):
        return False
    kept = [
        builder.evaluator.values(class_.module, position)
        for positions in class_.facts.stores.values()
        for position in positions[:1]
        if len(positions) == 1
    ]
    return any(
        bool(found) and all(x.kind == v.EXTERNAL_INSTANCE and x.a in _UNPICKLABLE for x in found)
        for found in kept
    )


def _is_surely_process(builder: BodyValues, number: int) -> bool:
    """Whether all that the callee may be runs what it is given in another process."""
    callee = builder.module.facts.calls[number][f.C_CALLEE]
    called = builder.evaluator.values(builder.module, callee)
    every = [builder.edges.runs(x.a) for x in called if x.kind == v.EXTERNAL]
    return all(
        any(entry.sync is not None and entry.sync.thread == Thread.PROCESS for entry in entries)
        for entries in every
    )


def _function(value: Value) -> Function | None:
    while value.kind == v.PARTIAL and len(value.a) == 1:
        value = value.a[0]
    if value.kind == v.BOUND:
        value = value.a
    return value.a if value.kind == v.FUNCTION else None


def _makes_coroutine(builder: BodyValues, value: Value, function: Function) -> bool:
    facts = function.facts
    if facts.kind == f.ASYNC_DEF:
        return True
    if facts.is_generator or not any(expression for expression, _ in facts.returns):
        return False
    callee = value.a if value.kind == v.BOUND else value
    returned = builder.evaluator.results.returned(callee)
    return bool(returned) and all(x.kind == v.COROUTINE and x.a is not None for x in returned)


def by_name(dotted: str, *, is_statement: bool, is_awaited: bool, is_returned: bool) -> str:
    """The group of an outside call by what becomes of its result; empty if there is no harm in it."""
    if dotted == _LOOP_MAKER:
        return LOOP_MADE
    if dotted in _POOLS:
        return POOL_MADE
    if is_awaited:
        return ""
    if is_returned and dotted in _COROUTINES:
        return RETURNED_COROUTINE
    if not is_statement:
        return ""
    if dotted in _TASKS:
        return DROPPED_TASK
    return DROPPED_COROUTINE if dotted in _COROUTINES else ""


def in_loop(builder: BodyValues, dotted: str, number: int) -> str:
    """The group of an awaited call in a loop, where that is a fault."""
    call = builder.module.facts.calls[number]
    if not call[f.C_FLAGS] & f.IN_LOOP or not call[f.C_FLAGS] & f.AWAITED:
        return ""
    exprs = builder.module.facts.exprs
    if dotted in _SLEEPS:
        first = exprs[call[f.C_ARGS][0]] if call[f.C_ARGS] else exprs[0]
        short = first[0] == f.CONST and isinstance(first[1], (int, float)) and first[1] <= _SHORTEST
        return POLLED if short else ""
    if dotted in SENDS and exprs[call[f.C_CALLEE]][0] == f.ATTR:
        return SENT_EACH if _is_element(exprs, exprs[call[f.C_CALLEE]][1]) else ""
    return ""


def _is_element(exprs: list[tuple], position: int) -> bool:  # type: ignore[type-arg]
    """Whether the expression is what a loop takes from a collection, or a part of that."""
    for _ in range(_PARTS):
        expression = exprs[position]
        if expression[0] == f.ITERATE:
            return True
        if expression[0] not in (f.ITEM, f.ATTR):
            return False
        position = expression[1]
    return False


def waits_within_pool(builder: BodyValues, dotted: str, number: int) -> str:
    """The pool whose `with` block the wait stands in, where it has a time limit; empty otherwise."""
    position = _WAITS.get(dotted)
    if position is None:
        return ""
    module = builder.module
    call = module.facts.calls[number]
    exprs = module.facts.exprs
    limits = [e for name, e in call[f.C_KEYWORDS] if name == "timeout"] or call[f.C_ARGS][
        position : position + 1
    ]
    if not limits or exprs[limits[0]][:2] == (f.CONST, None):
        return ""
    for region in module.facts.outwards(call[f.C_REGION]):
        kind, _, data, is_async = module.facts.regions[region]
        if kind == f.WITH and not is_async and exprs[data][0] == f.CALL:
            maker = module.facts.calls[exprs[data][1]][f.C_CALLEE]
            for value in builder.evaluator.values(module, maker):
                if value.kind == v.EXTERNAL and builder.evaluator.catalog.canonical(value.a) in _POOLS:
                    return str(builder.evaluator.catalog.canonical(value.a))
    return ""
