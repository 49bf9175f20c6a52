"""Who calls, hands over and schedules whom; where functions run, by which path, and what that exposes."""

from __future__ import annotations

import pytest
from unit.linking import Linked, context_text

from auditor.link import contexts as c
from auditor.link.suspects import Suspect
from auditor.model import Loop, Phase, Thread

# -- implicit calls ------------------------------------------------------------------------------------------------


def test_implicit_calls() -> None:
    linked = Linked("""
        def work(): ...
        class C:
            @property
            def p(self): work()
            @p.setter
            def p(self, value): work()
            def __enter__(self): work()
            def __exit__(self, *a): work()
            def __iter__(self):
                work()
                return self
            def __next__(self): work()
            def __getitem__(self, k): work()
            def __setitem__(self, k, v): work()
            def __delitem__(self, k): work()
            def __contains__(self, k): work()
            def __add__(self, other): work()
            def __radd__(self, other): work()
            def __call__(self): work()
            def __eq__(self, other): work()
        def read(c: C): c.p
        def write(c: C): c.p = 1
        def manage(c: C):
            with c: ...
        def iterate(c: C):
            for x in c: ...
        def comprehend(c: C): [x for x in c]
        def get(c: C): c[0]
        def put(c: C): c[0] = 1
        def drop(c: C): del c[0]
        def has(c: C): 1 in c
        def plus(c: C): c + 1
        def reflected(c: C): unknown + c
        def call(c: C): c()
        def equal(c: C): c == 1
    """)
    expected = {
        "read": {"p"}, "write": {"p"}, "manage": {"__enter__", "__exit__"}, "iterate": {"__iter__", "__next__"},
        "comprehend": {"__iter__", "__next__"}, "get": {"__getitem__"}, "put": {"__setitem__"}, "drop": {"__delitem__"},
        "has": {"__contains__"}, "plus": {"__add__"}, "reflected": {"__radd__"}, "call": {"__call__"}, "equal": {"__eq__"},  # noqa: E501
    }  # fmt: skip
    assert {name: linked.calls(name) for name in expected} == {
        name: {f"C.{method}" for method in methods} for name, methods in expected.items()
    }


def test_operators_whose_work_is_done_by_others() -> None:
    linked = Linked("""
        class Lazy:
            @property
            def data(self): return open("x").read()
            def __getitem__(self, k): return self.data[k]
        async def f(lazy: Lazy): return lazy["a"]
    """)
    assert linked.reaches("f") == {"Lazy.__getitem__", "Lazy.data"}


def test_construction_runs_all_its_parts() -> None:
    linked = Linked("""
        class Base:
            def __init__(self): ...
        class C(Base):
            def __new__(cls): return object.__new__(cls)
        class D(C):
            def __post_init__(self): ...
        class Meta(type):
            def __call__(cls): ...
        class E(metaclass=Meta): ...
        def f(): C()
        def g(): D()
        def h(): E()
    """)
    assert linked.calls("f") == {"C.__new__", "Base.__init__"}
    assert linked.calls("g") == {"C.__new__", "Base.__init__", "D.__post_init__"}
    assert linked.calls("h") == {"Meta.__call__"}


def test_generators_run_where_they_are_iterated() -> None:
    linked = Linked("""
        def inner():
            yield work()
        def gen():
            yield from inner()
        def make(): return gen()
        def use():
            for x in make(): ...
        def listed(): list(make())
        def expression(): return (x for x in gen())
        def work(): ...
    """)
    assert linked.calls("make") == set()
    assert linked.calls("use") == {"make", "gen"}
    assert linked.reaches("use") == {"make", "gen", "inner", "work"}


def test_coroutines_run_where_a_loop_does() -> None:
    linked = Linked("""
        import asyncio
        async def work(): helper()
        def helper(): ...
        def make(): return work()
        async def main():
            await make()
        asyncio.run(main())
    """)
    assert linked.contexts("work") == linked.contexts("helper") == {"main serving cli"}
    assert linked.contexts("make") == {"main serving cli"}


# -- functions as values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reached"),
    [
        ("apply(target)", {"apply", "target"}),
        ("apply(f=target)", {"apply", "target"}),
        ("apply(lambda: target())", {"apply", "target"}),
        ("apply(functools.partial(target))", {"apply", "target"}),
        ("apply(C().m)", {"apply", "C.m"}),
        ("apply(C)", {"apply", "C.__init__"}),
        ("apply(Callable())", {"apply", "Callable.__call__"}),
        ("twice(target)", {"twice", "apply", "target"}),
        ("star(target)", {"star", "apply", "target"}),
        ("keywords(f=target)", {"keywords", "apply", "target"}),
        ("apply(**{'f': target})", {"apply", "target"}),
        ("apply(*[target])", {"apply", "target"}),
        ("closure(target)()", {"closure", "target"}),
        ("x = closure(target)\n    x()", {"closure", "target"}),
        ("method(C())", {"method", "C.m"}),
        ("each([target, other])", {"each", "target", "other"}),
        ("each((target,))", {"each", "target"}),
        ("list(map(target, []))", {"target"}),
        ("sorted([], key=target)", {"target"}),
        ("functools.reduce(target, [])", {"target"}),
        ("[target][0]()", {"target"}),
        ("{'k': target}['k']()", {"target"}),
        ("(target if unknown else other)()", {"target", "other"}),
        ("(lambda g: g())(target)", {"target"}),
        ("kept = Keeper(target)\n    kept.run()", {"Keeper.__init__", "Keeper.run", "target"}),
        ("getattr(C(), 'm')()", {"C.m"}),
        ("C.m(C())", {"C.m"}),
        ("type(C())()", {"C.__init__"}),
        ("(x := target)()", {"target"}),
        ("default()", {"default", "target"}),
    ],
)
def test_functions_that_are_passed_are_called(body: str, reached: set[str]) -> None:
    linked = Linked(f"""
import functools
def target(*a): ...
def other(*a): ...
class C:
    def __init__(self): ...
    def m(self): ...
class Callable:
    def __call__(self): ...
class Keeper:
    def __init__(self, f): self.f = f
    def run(self): self.f()
def apply(f): f()
def twice(g): apply(g)
def star(*a): apply(*a)
def keywords(**k): apply(**k)
def closure(f):
    def inner(): f()
    return inner
def method(x): x.m()
def each(fs):
    for f in fs: f()
def default(f=target): f()
def main():
    {body}
""")
    assert {x for x in linked.reaches("main") if "<lambda" not in x and ".inner" not in x} - {
        "C.__init__"
    } == reached - {"C.__init__"}


def test_variants_of_a_higher_order_function_are_told_apart() -> None:
    linked = Linked("""
        import asyncio, time
        def apply(f): f()
        def slow(): time.sleep(1)
        def quick(): ...
        async def main(): apply(quick)
        def worker(): apply(slow)
        async def start(): await asyncio.to_thread(worker)
    """)
    assert linked.contexts("slow") == {"worker none serving"}
    assert linked.blocks() == set()


def test_awaited_calls_reach_only_what_can_be_awaited() -> None:
    linked = Linked("""
        class Sync:
            def get(self): ...
        class Async:
            async def get(self): ...
        async def f(client: Sync | Async): await client.get()
        async def g(client: Sync | Async): client.get()
    """)
    assert linked.calls("f") == {"Async.get"}
    assert "Sync.get" in linked.calls("g")


# -- contexts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "contexts"),
    [
        ("helper()", {"main serving serving"}),
        ("await asyncio.to_thread(helper)", {"worker none serving"}),
        ("await loop.run_in_executor(None, helper)", {"worker none serving"}),
        ("await loop.run_in_executor(ProcessPoolExecutor(), helper)", {"process none serving"}),
        ("ThreadPoolExecutor().submit(helper)", {"worker none serving"}),
        ("threading.Thread(target=helper).start()", {"worker none serving"}),
        ("loop.call_soon(helper)", {"main serving serving"}),
        ("loop.call_later(1, helper)", {"main serving serving"}),
        ("loop.call_soon_threadsafe(helper)", {"main serving serving"}),
        ("asyncio.create_task(asynchronous())", {"main serving serving"}),
        ("await asyncio.gather(asynchronous(), asynchronous())", {"main serving serving"}),
        ("await asyncio.wait_for(asynchronous(), 1)", {"main serving serving"}),
        ("await asyncio.to_thread(functools.partial(helper, 1))", {"worker none serving"}),
        ("await asyncio.to_thread(lambda: helper())", {"worker none serving"}),
        ("await asyncio.to_thread(helper())", {"main serving serving"}),
        ("await offload(helper)", {"worker none serving"}),
        ("await in_thread(helper)()", {"worker none serving"}),
        ("await decorated()", {"worker none serving"}),
        ("threading.Thread(target=lambda: asyncio.run(asynchronous())).start()", {"worker private serving"}),
        ("threading.Thread(target=private).start()", {"worker private serving"}),
        ("asynchronous()", {"main serving serving"}),
    ],
)
def test_where_a_helper_runs(statement: str, contexts: set[str]) -> None:
    linked = Linked(f"""
import asyncio, functools, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
def helper(*a): ...
async def asynchronous(): helper()
def private(): asyncio.run(asynchronous())
async def offload(f): return await asyncio.to_thread(f)
def in_thread(f):
    async def run(*a): return await asyncio.to_thread(f, *a)
    return run
@in_thread
def decorated(): helper()
async def main():
    loop = asyncio.get_running_loop()
    {statement}
""")
    # what no caller reaches is taken to be served: `private`, which nothing else calls, and coroutines that nobody runs
    found = {context_text(s.context) for s in linked.states("helper") if _begins_in(s, "main")}
    assert found == contexts


def _begins_in(state, name: str) -> bool:
    while state.before is not None:
        state = state.before
    return state.node.function.facts.name == name


@pytest.mark.parametrize(
    ("driver", "phase"),
    [
        ("async def run(): helper()\nasyncio.run(run())", "main serving cli"),
        ("async def run(): helper()\nif __name__ == '__main__':\n    asyncio.run(run())", "main serving cli"),
        (
            "async def run(): helper()\ndef cli(): asyncio.run(run())\nif __name__ == '__main__': cli()",
            "main serving cli",
        ),
        (
            "async def run():\n    helper()\n    server = await asyncio.start_server(x)\n"  # noqa: ISC004 - one source
            "    await server.serve_forever()\nasyncio.run(run())",
            "main serving serving",
        ),
        ("async def run(): helper()", "main serving serving"),
        ("helper()", "main none import"),
        ("if __name__ == '__main__':\n    helper()", "main none cli"),
    ],
)
def test_phases_of_programs(driver: str, phase: str) -> None:
    assert Linked(f"import asyncio\ndef helper(): ...\n{driver}\n").contexts("helper") == {phase}


def test_an_endless_loop_serves() -> None:
    assert Linked("""
        import asyncio
        def helper(): ...
        async def run():
            while True:
                helper()
                await asyncio.sleep(1)
        asyncio.run(run())
    """).contexts("helper") == {"main serving serving"}  # fmt: skip


def test_tests_run_in_the_test_phase() -> None:
    linked = Linked({
        "app.py": "def helper(): ...\n",
        "tests/test_app.py": """
            from app import helper
            async def test_a(): helper()
            def test_b(): helper()
        """,
    })  # fmt: skip
    assert linked.contexts("tests.test_app.test_a") == {"main serving test"}
    assert linked.contexts("tests.test_app.test_b") == {"main none test"}


# -- guards --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guard", "on_loop"),
    [
        ("if True:\n        blocking()", True),
        ("if False:\n        blocking()", False),
        ("if TYPE_CHECKING:\n        blocking()", False),
        ("if not TYPE_CHECKING:\n        blocking()", True),
        ("if loop.is_running():\n        blocking()", True),
        ("if not loop.is_running():\n        blocking()", False),
        ("if loop.is_running():\n        return\n    blocking()", False),
        ("if loop.is_running():\n        ...\n    else:\n        blocking()", False),
        ("try:\n        asyncio.get_running_loop()\n    except RuntimeError:\n        blocking()", False),
        (
            "try:\n        asyncio.get_running_loop()\n    except RuntimeError:\n        pass\n    else:\n        blocking()",  # noqa: E501
            True,
        ),
        (
            "try:\n        asyncio.get_running_loop()\n    except RuntimeError:\n        return\n    blocking()",
            True,
        ),
        (
            "try:\n        asyncio.get_running_loop()\n    except RuntimeError:\n        return blocking()",
            False,
        ),
        ("try:\n        asyncio.get_running_loop()\n    except ValueError:\n        blocking()", True),
        ("if threading.current_thread() is threading.main_thread():\n        blocking()", True),
        ("if threading.current_thread() is not threading.main_thread():\n        blocking()", False),
        ("if asyncio._get_running_loop() is None:\n        blocking()", False),
        ("if asyncio._get_running_loop() is not None:\n        blocking()", True),
    ],
)
def test_guards(guard: str, on_loop: bool) -> None:
    linked = Linked(f"""
import asyncio, threading, time
from typing import TYPE_CHECKING
def blocking(): time.sleep(1)
def sync(loop):
    {guard}
async def main(): sync(unknown)
""")
    assert ("main serving serving" in linked.contexts("blocking")) is on_loop
    assert linked.blocks() == ({"blocking"} if on_loop else set())


def test_guards_in_a_short_circuit() -> None:
    assert Linked("""
        import time
        def sync(loop):
            loop.is_running() or time.sleep(1)
        async def main(): sync(unknown)
    """).blocks() == set()  # fmt: skip


def test_guards_in_an_elif() -> None:
    assert Linked("""
        import time
        def sync(loop, x):
            if x:
                return
            elif loop.is_running():
                return
            time.sleep(1)
        async def main(): sync(unknown, unknown)
    """).blocks() == set()  # fmt: skip


def test_coroutine_function_tests_pick_the_callee() -> None:
    linked = Linked("""
        import inspect
        def sync(): ...
        async def asynchronous(): ...
        async def dispatch(f):
            if inspect.iscoroutinefunction(f):
                await f()
            else:
                f()
        async def main():
            await dispatch(asynchronous)
    """)
    assert linked.reaches("main") == {"dispatch", "asynchronous"}


# -- the transforms ------------------------------------------------------------------------------------------------


def number(thread: str, loop: str, phase: str) -> c.Context:
    return c.context(Thread(thread), Loop(loop), Phase(phase))


def test_numbers_of_contexts() -> None:
    seen = set()
    for thread in Thread:
        for loop in Loop:
            for phase in Phase:
                value = c.context(thread, loop, phase)
                assert (c.thread_of(value), c.loop_of(value), c.phase_of(value)) == (thread, loop, phase)
                seen.add(value)
    assert seen == set(c.ALL)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("main", "none", "import"), ("main", "serving", "cli")),
        (("main", "none", "cli"), ("main", "serving", "cli")),
        (("unknown", "unknown", "serving"), ("main", "serving", "cli")),
        (("worker", "none", "serving"), ("worker", "private", "serving")),
        (("process", "none", "serving"), ("process", "private", "serving")),
        (("main", "serving", "serving"), None),
        (("worker", "private", "serving"), None),
    ],
)
def test_driving_a_loop(before: tuple[str, str, str], after: tuple[str, str, str] | None) -> None:
    assert c.Transform(drives=True).apply(number(*before)) == (None if after is None else number(*after))


def test_a_coroutine_does_not_run_without_a_loop() -> None:
    for context in c.ALL:
        assert (c.COROUTINE.apply(context) is None) == (c.loop_of(context) in (Loop.NONE, Loop.UNKNOWN))
        assert c.PLAIN.apply(context) == context


def test_what_runs_on_the_loop() -> None:
    for context in c.ALL:
        loop, thread = c.loop_of(context), c.thread_of(context)
        assert c.HAS_LOOP[context] == (loop in (Loop.SERVING, Loop.PRIVATE))
        # the loop that another process serves with is one that others wait for, a loop for one coroutine is not
        is_main = loop == Loop.PRIVATE and thread == Thread.MAIN
        assert c.ON_LOOP[context] == (loop == Loop.SERVING or is_main)


def test_a_composed_transform_is_one_after_the_other() -> None:
    opens = c.Transform(drives=True)
    composed = c.Composed(opens, c.COROUTINE)
    for context in c.ALL:
        between = opens.apply(context)
        assert composed.apply(context) == (None if between is None else c.COROUTINE.apply(between))


# -- witnesses and exposures ---------------------------------------------------------------------------------------


def path(suspect: Suspect, which: int = 0) -> list[str]:
    return [hop.function.qualname.removeprefix("app.") for hop in suspect.exposed[which].hops]


def test_the_witness_leads_from_the_root_to_the_sink() -> None:
    linked = Linked("""
        import time
        async def main(): await inner()
        async def inner(): first()
        def first(): second()
        def second(): time.sleep(1)
    """)
    (suspect,) = linked.suspects
    assert path(suspect) == ["main", "inner", "first", "second"]
    exposed = suspect.exposed[0]
    assert exposed.hops[exposed.at].function.facts.name == "inner"
    assert exposed.hops[exposed.at].place.line == 4
    assert suspect.place.line == 6


def test_every_entry_into_synchronous_code_is_an_exposure() -> None:
    linked = Linked("""
        import time
        async def one(): helper()
        async def two():
            helper()
            helper()
        async def three(): other()
        def other(): helper()
        def helper(): time.sleep(1)
    """)
    (suspect,) = linked.suspects
    entries = {(e.hops[e.at].function.facts.name, e.hops[e.at].place.line) for e in suspect.exposed}
    assert entries == {("one", 3), ("two", 5), ("two", 6), ("three", 7)}


def test_a_direct_call_is_its_own_exposure() -> None:
    (suspect,) = Linked("import time\nasync def f(): time.sleep(1)\n").suspects
    (exposed,) = suspect.exposed
    assert [hop.function.facts.name for hop in exposed.hops] == ["f"]
    assert exposed.at == 0


def test_recursion_has_exposures_that_end() -> None:
    (suspect,) = Linked("""
        import time
        async def main(): a(3)
        def a(n): b(n)
        def b(n):
            a(n - 1)
            time.sleep(1)
    """).suspects
    entries = {e.hops[e.at].function.facts.name for e in suspect.exposed}
    assert entries == {"main"}


def test_only_what_reaches_the_loop_is_exposed() -> None:
    linked = Linked("""
        import asyncio, time
        def helper(): time.sleep(1)
        def nobody(): helper()
        async def main(): await asyncio.to_thread(helper)
    """)
    assert linked.findings() == []


def test_results_that_are_handed_over_instead_of_functions() -> None:
    linked = Linked("""
        import asyncio, time
        def read(): time.sleep(1)
        def make(): return lambda: 1
        async def main():
            await asyncio.to_thread(read())
            await asyncio.to_thread(make())
            await asyncio.to_thread(read)
    """)
    assert [(s.place.line, s.callee) for s in linked.suspects if s.handed_over is not None] == [
        (6, "asyncio.to_thread")
    ]


def test_futures_that_are_done() -> None:
    linked = Linked("""
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor()
        async def direct(): pool.submit(print).result()
        async def tested():
            future = pool.submit(print)
            if future.done():
                return future.result()
        async def negated():
            future = pool.submit(print)
            if not future.done():
                return None
            return future.result()
    """)
    assert linked.blocks() == {"direct"}


@pytest.mark.parametrize(("mention", "is_worker"), [("loop_start", True), ("loop_read", False)])
def test_callbacks_that_are_assigned_run_on_the_thread_of_the_library(mention: str, is_worker: bool) -> None:
    linked = Linked(f"""
        from paho.mqtt.client import Client
        def received(client, userdata, message): ...
        def start():
            client = Client()
            client.on_message = received
            client.{mention}()
        """)
    states = linked.graph.by_function.get(linked.function("app.received"), [])
    assert any(c.thread_of(state.context) == Thread.WORKER for state in states) == is_worker


def test_a_queue_without_a_limit_is_never_full() -> None:
    linked = Linked("""
import queue

ENDLESS = queue.Queue()
ZERO = queue.Queue(maxsize=0)
SHORT = queue.Queue(10)

async def main(size, given: queue.Queue):
    ENDLESS.put(1)
    ZERO.put(1)
    SHORT.put(1)
    queue.LifoQueue(size).put(1)
    given.put(1)
    ENDLESS.get()
""")
    assert linked.findings() == [
        "app.py:11 queue.Queue.put",
        "app.py:12 queue.LifoQueue.put",
        "app.py:13 queue.Queue.put",
        "app.py:14 queue.UnlimitedQueue.get",
    ]
