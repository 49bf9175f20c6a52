"""The monitor in whole programs: what it reports, while it lasts and afterwards, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.model import Stall
from auditor.runtime import LoopLagMonitor
from auditor.runtime.clock import parse_duration, words
from auditor.runtime.sentinel import REFUSED
from auditor.runtime.wording import BLAMELESS

if TYPE_CHECKING:
    from runtime.conftest import Run

PRELUDE = """
import asyncio, json, logging, os, signal, sys, threading, time
from auditor.runtime import LoopLagMonitor, record

def own(stalls):  # tests run beside others
    return [stall for stall in stalls if stall.kind != "machine-busy"]

def show(stalls):
    for stall in own(stalls):
        print(stall.site and stall.site.line, stall.kind.value, stall.state, sep=" ", flush=True)
"""


def own(stalls: tuple[Stall, ...]) -> list[Stall]:
    """Those in this file: tests run beside others, and a busy machine holds up the loop at other places as well."""
    return [
        stall
        for stall in stalls
        if stall.kind not in BLAMELESS and stall.site is not None and stall.site.path == __file__
    ]


def line_of(text: str, source: str) -> int:
    (number,) = [number for number, line in enumerate(source.splitlines(), 1) if line.rstrip().endswith(text)]
    return number


def sentinels(pid: int) -> list[int]:
    """Child processes of a process."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry))
    return found


def gone(pid: int, seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_stall_names_task_coroutines_line_and_text() -> None:
    async def inner() -> None:
        time.sleep(0.6)  # the stall

    async def outer() -> None:
        await inner()

    async def main() -> LoopLagMonitor:
        async with LoopLagMonitor("100ms", log=False) as monitor:
            await asyncio.create_task(outer(), name="the task")
            await asyncio.sleep(0.05)
        return monitor

    stalls = own(asyncio.run(main()).stalls)
    (stall,) = [stall for stall in stalls if stall.site and stall.site.text.endswith("# the stall")]
    assert stall.site is not None
    assert stall.site.text == "time.sleep(0.6)  # the stall"
    assert stall.site.path == __file__
    assert stall.site.function.endswith("inner")
    assert len(stall.site.sha256) == 64
    assert stall.task == "the task"
    assert [frame.function.rpartition(".")[2] for frame in stall.coroutines] == ["outer", "inner"]
    assert (stall.kind, stall.state, stall.loop, stall.pid) == (
        "blocking-wait",
        "ended",
        "asyncio",
        os.getpid(),
    )
    assert abs(time.time() - stall.start) < 60


def test_a_callback_of_a_transport_is_seen(run: Run) -> None:
    source = (
        PRELUDE
        + """
class Server(asyncio.Protocol):
    def data_received(self, data):
        time.sleep(0.6)  # here

async def main():
    async with LoopLagMonitor(0.1, log=False) as monitor:
        await asyncio.to_thread(monitor.mode, 5)
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x")
        await asyncio.sleep(0.8)
        writer.close()
        server.close()
    show(monitor.stalls)

if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""
    )
    for loop in ("asyncio", "uvloop"):
        assert run(source, loop).stdout == f"{line_of('# here', source)} blocking-wait ended\n"


def test_a_deadlock_is_reported_while_it_lasts(run: Run, tmp_path: Path) -> None:
    source = (
        PRELUDE
        + """
async def main():
    lock = threading.Lock()
    lock.acquire()
    def tell(stall):
        show([stall])
        if own([stall]):
            threading.Timer(1.5, os._exit, [7]).start()
    monitor = LoopLagMonitor(0.1, log=False, record="stalls.jsonl", ongoing=0.4, on_stall=tell)
    monitor.start()
    await asyncio.sleep(0.1)
    threading.Timer(120, os._exit, [8]).start()
    lock.acquire()  # here

asyncio.run(main())
"""
    )
    line = line_of("# here", source)
    done = run(source, code=7)
    assert done.stdout.splitlines()[0] == f"{line} blocking-wait ongoing"
    until = time.monotonic() + 60
    while (lines := (tmp_path / "stalls.jsonl").read_text().splitlines()) and '"process-exited"' not in lines[
        -1
    ]:
        assert time.monotonic() < until, lines
        time.sleep(0.05)
    found = [json.loads(line) for line in lines]
    assert {stall["site"]["line"] for stall in found if stall["site"]} == {line}
    assert {stall["id"] for stall in found} == {found[0]["id"]}
    assert found[0]["state"] == "ongoing"
    assert found[-1]["state"] == "process-exited"
    assert found[-1]["duration"] > 1.5


def test_an_endless_call_of_c_code_is_reported_from_outside(tmp_path: Path) -> None:
    source = (
        PRELUDE
        + """
import re
async def main():
    monitor = LoopLagMonitor(0.1, log=False, record="stalls.jsonl", ongoing=0.4)
    monitor.start()
    await asyncio.sleep(0.1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(120)
    re.match(r"(a+)+$", "a" * 60 + "b")  # here

asyncio.run(main())
"""
    )
    line = line_of("# here", source)
    (tmp_path / "script.py").write_text(source)
    with subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.readline().decode()
        process.kill()
    assert f"script.py:{line} in main (" in said
    first = json.loads((tmp_path / "stalls.jsonl").read_text().splitlines()[0])
    assert (first["site"]["line"], first["state"]) == (line, "ongoing")
    assert (first["kind"], first["gil"]) in {("c-call", "held"), ("python-cpu", "unknown")}  # as load allows


def test_another_thread_that_holds_the_lock_is_the_culprit(run: Run) -> None:
    source = (
        PRELUDE
        + """
def worker():
    time.sleep(0.1)
    needle, other = (0,) * 5000 + (1,), (0,) * 5000 + (2,)
    needle in [other] * 60_000  # here

async def main():
    async with LoopLagMonitor(0.1, log=False) as monitor:
        await asyncio.to_thread(monitor.mode, 100)
        threading.Thread(target=worker, name="the worker").start()
        await asyncio.sleep(1.5)
        while any(thread.name == "the worker" for thread in threading.enumerate()):
            await asyncio.sleep(0.1)
    for stall in own(monitor.stalls):
        print(stall.site.line, stall.kind.value, stall.culprit)

asyncio.run(main())
"""
    )
    assert run(source).stdout == f"{line_of('# here', source)} c-call the worker\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_where_ptrace_is_refused_it_says_so_and_finds_stalls(run: Run) -> None:
    source = (
        """
import ctypes
libc = ctypes.CDLL(None)
libc.prctl(24, 19, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_SYS_PTRACE: what root starts from now on has it no more
libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: without it nobody may look
"""
        + PRELUDE
        + """
async def main():
    async with LoopLagMonitor(0.1, log=False) as monitor:
        print(*await asyncio.to_thread(monitor.mode, 100))
        time.sleep(0.6)  # here
        await asyncio.sleep(0.1)
        needle, other = (0,) * 5000 + (1,), (0,) * 5000 + (2,)
        needle in [other] * 15_000
        await asyncio.sleep(0.1)
    for stall in own(monitor.stalls):
        print(stall.site.line, stall.kind.value, stall.note or "exact")

asyncio.run(main())
"""
    )
    done = run(source)
    mode, first, second = done.stdout.splitlines()
    if mode.startswith("sentinel "):
        pytest.skip("py-spy may look all the same here")
    assert mode == f"sentinel-without-py-spy {REFUSED}"
    said = f"C code is seen only when it is over, at a line that may be the next: {REFUSED}"
    assert done.stderr.splitlines()[0] == said
    assert first == f"{line_of('# here', source)} blocking-wait exact"
    # the sample is taken as soon as the lock is free, by chance while the line is still this one
    held = line_of("needle in [other] * 15_000", source)
    assert second == f"{held} c-call exact" or second.endswith(
        " c-call after the fact: the line may be the next one"
    )


def test_what_stalls_at_once_is_seen(run: Run) -> None:
    source = (
        PRELUDE
        + """
async def main():
    async with LoopLagMonitor(0.1, log=False) as monitor:
        time.sleep(0.3)  # here
        await asyncio.sleep(0)
    show(monitor.stalls)

asyncio.run(main())
"""
    )
    assert run(source).stdout == f"{line_of('# here', source)} blocking-wait ended\n"


@pytest.mark.parametrize("selector", ["EpollSelector", "SelectSelector"])
def test_a_loop_that_never_waits_is_watched_whatever_its_selector(run: Run, selector: str) -> None:
    source = (
        PRELUDE
        + f"""
import selectors

async def turn(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(0)

async def main():
    async with LoopLagMonitor(0.1, log=False) as monitor:
        await turn(0.5)
        time.sleep(0.3)  # here
        await turn(0.5)
    show(monitor.stalls)

loop = asyncio.SelectorEventLoop(selectors.{selector}())
loop.run_until_complete(main())
loop.close()
"""
    )
    assert run(source).stdout == f"{line_of('# here', source)} blocking-wait ended\n"


def test_garbage_collection_and_saturation_are_called_so(run: Run) -> None:
    source = (
        PRELUDE
        + """
import gc
def short():
    until = time.thread_time() + 0.004
    while time.thread_time() < until:
        pass

async def main():
    gc.disable()
    kept = [[number] for number in range(3_000_000)]
    async with LoopLagMonitor(0.1, log=False) as monitor:
        await asyncio.sleep(0.1)
        gc.collect()
        await asyncio.sleep(0.1)
        gc.collect(0)
        gc.freeze()
        for _ in range(250):
            asyncio.get_running_loop().call_soon(short)
        await asyncio.sleep(0.5)
    print(*sorted({stall.kind.value for stall in own(monitor.stalls)}))

asyncio.run(main())
"""
    )
    assert run(source).stdout == "garbage-collection saturation\n"


def test_a_stopped_process_and_a_loop_at_rest_are_no_stalls_of_code(run: Run) -> None:
    source = (
        PRELUDE
        + """
import subprocess
async def main():
    await asyncio.sleep(0.1)

async def stopped(signals):
    while signals.poll() is None:
        await asyncio.sleep(0.2)

monitor = LoopLagMonitor(0.1, log=False, all_loops=True)
monitor.start()
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
time.sleep(0.4)
loop.run_until_complete(main())
time.sleep(0.4)
monitor.flush()
show(monitor.stalls)
print("stopped")
shell = f"sleep 0.5; kill -STOP {os.getpid()}; sleep 1.5; kill -CONT {os.getpid()}; sleep 0.3"
loop.run_until_complete(stopped(subprocess.Popen(["sh", "-c", shell])))
loop.close()
monitor.stop()
show(monitor.stalls)
"""
    )
    first, second = run(source).stdout.split("stopped\n")
    assert first == ""
    assert {line.split()[1] for line in second.splitlines()} <= {"stopped"}


def test_loops_on_threads_that_start_later_are_watched(run: Run) -> None:
    source = (
        PRELUDE
        + """
async def main():
    await asyncio.sleep(0.1)
    time.sleep(0.6)  # here
    await asyncio.sleep(0.1)

monitor = LoopLagMonitor(0.1, log=False, all_loops=True)
monitor.start()
threads = [threading.Thread(target=lambda: asyncio.run(main()), name=f"thread {n}") for n in range(3)]
import uvloop
threads.append(threading.Thread(target=lambda: uvloop.run(main()), name="thread 3"))
for thread in threads: thread.start()
for thread in threads: thread.join()
monitor.stop()
for stall in sorted(own(monitor.stalls), key=lambda stall: stall.thread):
    print(stall.site.line, stall.kind.value, stall.loop, stall.thread)
"""
    )
    line = line_of("# here", source)
    expected = [f"{line} blocking-wait asyncio thread {number}" for number in range(3)]
    assert run(source).stdout.splitlines() == [*expected, f"{line} blocking-wait uvloop thread 3"]


def test_a_forked_child_watches_itself_and_leaves_the_parent_alone(run: Run) -> None:
    source = (
        PRELUDE
        + """
async def main(seconds):
    await asyncio.sleep(0.1)
    time.sleep(seconds)  # here
    await asyncio.sleep(0.1)

monitor = LoopLagMonitor(0.1, log=False, all_loops=True)
monitor.start()
asyncio.run(main(0.0))
child = os.fork()
asyncio.run(main(0.6 if child == 0 else 0.0))
monitor.stop()
if child == 0:
    show(monitor.stalls)
    os._exit(0)
os.waitpid(child, 0)
print("parent", len(own(monitor.stalls)))
"""
    )
    assert run(source).stdout.splitlines() == [f"{line_of('# here', source)} blocking-wait ended", "parent 0"]


def test_a_killed_sentinel_is_replaced_and_then_a_thread_takes_over(run: Run) -> None:
    source = (
        PRELUDE
        + """
from auditor.runtime.engine import engine
async def main():
    async with LoopLagMonitor(0.1, log=False) as monitor:
        for _ in range(4):
            await asyncio.to_thread(monitor.mode, 5)
            before = engine.sentinel_pid()
            os.kill(before, signal.SIGKILL)
            while engine.sentinel_pid() == before:
                await asyncio.sleep(0.02)
        print(*monitor.mode())
        await asyncio.sleep(0.05)
        time.sleep(0.6)  # here
        await asyncio.sleep(0.05)
    show(monitor.stalls)

asyncio.run(main())
"""
    )
    assert run(source).stdout.splitlines() == [
        "thread the sentinel process ended too often",
        f"{line_of('# here', source)} blocking-wait ended",
    ]


@pytest.mark.parametrize("how", ["kill", "exit"])
def test_nothing_outlives_the_process(tmp_path: Path, how: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        PRELUDE
        + """
async def main():
    LoopLagMonitor(0.1).start()
    await asyncio.sleep(0.2)
    print("ready", flush=True)
    if sys.argv[1] == "kill":
        await asyncio.sleep(60)

asyncio.run(main())
"""
    )
    process = subprocess.Popen([sys.executable, str(script), how], stdout=subprocess.PIPE)
    assert process.stdout is not None
    children = []
    if how == "kill":
        assert process.stdout.readline() == b"ready\n"
        children = sentinels(process.pid)
        assert len(children) == 1
        process.kill()
    process.wait(60)
    process.stdout.close()
    assert all(gone(child) for child in children)


def test_a_monitor_leaves_no_thread_process_or_descriptor_behind() -> None:
    async def once() -> None:
        async with LoopLagMonitor(0.1, log=False):
            await asyncio.sleep(0.01)

    asyncio.run(once())
    gc.collect()
    before = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), sentinels(os.getpid())
    for _ in range(5):
        asyncio.run(once())
    gc.collect()
    until = time.monotonic() + 60
    while (
        after := (
            len(os.listdir("/proc/self/fd")),
            len(os.listdir("/proc/self/task")),
            sentinels(os.getpid()),
        )
    ) != before and time.monotonic() < until:
        time.sleep(0.02)  # a thread that has ended is still listed for a moment
    assert after == before


def test_a_clock_that_is_mocked_neither_hangs_nor_invents_stalls(run: Run) -> None:
    source = (
        PRELUDE
        + """
from concurrent.futures import ThreadPoolExecutor
from unittest import mock
async def main(seconds):
    real = time.monotonic
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    await asyncio.to_thread(real)  # to start a thread is to wait for the machine
    async with LoopLagMonitor(0.1, log=False) as monitor:
        await asyncio.sleep(0.05)
        with mock.patch("time.monotonic", lambda: real() * 50), mock.patch("time.time", lambda: 0.0):
            await asyncio.sleep(10)
        with mock.patch("time.monotonic", lambda: 1.0):
            for _ in range(100):
                await asyncio.to_thread(real)
        await asyncio.to_thread(monitor.flush)
        show(monitor.stalls)
        time.sleep(seconds)  # here
        await asyncio.sleep(0.05)
        await asyncio.to_thread(monitor.flush)
    show(monitor.stalls)

asyncio.run(main(0.25))
"""
    )
    assert run(source).stdout.splitlines() == [f"{line_of('# here', source)} blocking-wait ended"]


def test_two_monitors_share_one_sentinel_each_with_its_threshold() -> None:
    async def main() -> tuple[int, int, int]:
        async with LoopLagMonitor(0.1, log=False) as low, LoopLagMonitor(2.0, log=False) as high:
            children = len(sentinels(os.getpid()))
            await asyncio.to_thread(low.mode, 5)
            time.sleep(0.5)
            await asyncio.sleep(0.05)
            time.sleep(2.5)
            await asyncio.sleep(0.05)
        return len(own(low.stalls)), len(own(high.stalls)), children

    assert asyncio.run(main()) == (2, 1, 1)


def test_a_monitor_that_is_started_where_no_loop_runs_says_what_to_do() -> None:
    monitor = LoopLagMonitor(0.1, log=False)
    with pytest.raises(RuntimeError, match="from a coroutine, or make it with all_loops=True"):
        monitor.start()
    assert not monitor.started


def test_the_decorator_watches_while_the_function_runs() -> None:
    monitor = LoopLagMonitor(0.1, log=False)

    @monitor
    async def main(value: int) -> int:
        await asyncio.sleep(0.05)
        time.sleep(0.6)
        return value

    assert asyncio.run(main(3)) == 3
    assert [stall.site.text for stall in own(monitor.stalls) if stall.site] == ["time.sleep(0.6)"]


def test_a_selector_is_left_as_it_was() -> None:
    async def main() -> None:
        selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
        before = dict(vars(selector))
        async with LoopLagMonitor(0.1, log=False):
            assert "select" in vars(selector)
        assert vars(selector) == before

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "seconds"), [("100ms", 0.1), ("0.25s", 0.25), ("50", 0.05), (" 2 S ", 2.0), ("1500us", 0.0015)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "fast", "-1ms", "0", "nan", "2h", "1e9"])
def test_what_is_no_duration_is_refused_with_advice(text: str) -> None:
    with pytest.raises(ValueError, match="write 100ms"):
        parse_duration(text)


def test_durations_in_words() -> None:
    assert [words(seconds) for seconds in (0.0004, 0.25, 1.25, 61.2)] == ["0.4 ms", "250 ms", "1.2 s", "61 s"]
