"""Programs before and after their fixes, under the monitor: the stall is gone, and the result is equal.

Each program stands still for half a second where it is broken; only stalls in its own file count, and none that the
machine or its neighbours are to blame for.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Coroutine
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest
from unit.fixing import fixes_in, mended

from auditor.fixes.recipes import RECIPES
from auditor.runtime import LoopLagMonitor
from auditor.runtime.wording import BLAMELESS

pytestmark = pytest.mark.slow


class Program(NamedTuple):
    """``run`` of the source gives ``before`` and, mended, ``after``; ``stops``: before, the loop stands still."""

    source: str
    after: object
    before: object
    stops: bool = True


SLOW = '[sys.executable, "-c", "import time; time.sleep(0.5)"]'
PROGRAMS = {
    "async-twin": Program(
        """\
        import time


        async def run():
            time.sleep(0.5)
            return "slept"
        """,
        "slept",
        "slept",
    ),
    "to-thread": Program(
        f"""\
        import subprocess
        import sys


        def render(name):
            subprocess.run({SLOW}, check=True)
            return name.upper()


        async def run():
            return render("page")
        """,
        "PAGE",
        "PAGE",
    ),
    "to-thread-with": Program(
        """\
        import time


        class Press:
            def __enter__(self):
                time.sleep(0.5)
                return 7

            def __exit__(self, *error):
                pass


        async def run():
            with Press() as pages:
                total = pages + 1
            return total
        """,
        8,
        8,
    ),
    "pass-the-callable": Program(
        """\
        import asyncio
        import time


        def render(name):
            time.sleep(0.5)
            return name.upper


        async def run():
            given = await asyncio.to_thread(render("page"))
            return given if isinstance(given, str) else given()
        """,
        "PAGE",
        "PAGE",
    ),
    "mend-the-await": Program(
        f"""\
        import subprocess
        import sys


        async def run():
            done = await subprocess.run({SLOW}, check=True)
            return done.returncode
        """,
        0,
        TypeError,
    ),
    "leave-the-pool": Program(
        """\
        import time
        from concurrent.futures import ThreadPoolExecutor


        async def run():
            with ThreadPoolExecutor(max_workers=1) as pool:
                return pool.submit(time.sleep, 0.5).result(timeout=0.01)
        """,
        TimeoutError,
        TimeoutError,
    ),
    "running-loop": Program(
        """\
        import asyncio


        async def run():
            return asyncio.get_event_loop().is_running()
        """,
        True,
        True,
        stops=False,
    ),
    "captured-loop": Program(
        """\
        import asyncio


        async def run():
            heard = []

            async def hear(page):
                heard.append(page)

            def work():
                loop = asyncio.get_event_loop()
                asyncio.run_coroutine_threadsafe(hear(1), loop).result(timeout=60)

            await asyncio.to_thread(work)
            return heard
        """,
        [1],
        RuntimeError,
        stops=False,
    ),
    "threadsafe-method": Program(
        """\
        import asyncio


        async def run():
            loop = asyncio.get_running_loop()
            loop.set_debug(True)
            done = loop.create_future()

            def work():
                loop.call_soon(done.set_result, "heard")

            await asyncio.to_thread(work)
            return await done
        """,
        "heard",
        RuntimeError,
        stops=False,
    ),
    "threadsafe-object": Program(
        """\
        import asyncio


        async def run():
            asyncio.get_running_loop().set_debug(True)
            done = asyncio.Event()

            def work():
                done.set()

            waiting = asyncio.create_task(done.wait())
            await asyncio.sleep(0)
            await asyncio.to_thread(work)
            return await waiting
        """,
        True,
        RuntimeError,
        stops=False,
    ),
    "await-the-coroutine": Program(
        """\
        import asyncio


        async def render(name):
            await asyncio.sleep(0)
            return name.upper()


        async def run():
            return await asyncio.to_thread(render, "page") == "PAGE"
        """,
        True,
        False,
        stops=False,
    ),
    "keep-task": Program(
        """\
        import asyncio

        heard = []


        async def hear(page):
            heard.append(page)


        async def run():
            asyncio.create_task(hear(1))
            await asyncio.sleep(0)
            return heard
        """,
        [1],
        [1],
        stops=False,
    ),
}


def load(path: Path, name: str) -> Callable[[], Coroutine[Any, Any, object]]:
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.run  # type: ignore[no-any-return]


def watched(path: Path, name: str) -> tuple[object, int]:
    """What the program gives, or the type of what it raises; and how often it stood still in its own file."""

    async def main() -> tuple[object, LoopLagMonitor]:
        async with LoopLagMonitor(0.2, log=False) as monitor:
            try:
                result: object = await load(path, name)()
            except (TypeError, RuntimeError, TimeoutError) as error:
                result = type(error)
            await asyncio.sleep(0.05)
        return result, monitor

    result, monitor = asyncio.run(main())
    sites = [stall.site.path for stall in monitor.stalls if stall.site and stall.kind not in BLAMELESS]
    return result, sites.count(str(path))


def test_every_recipe_has_a_program() -> None:
    assert {name.removesuffix("-with") for name in PROGRAMS} == set(RECIPES)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_stall_is_gone_and_the_result_equal(name: str, project: Path) -> None:
    program = PROGRAMS[name]
    path = project / "app.py"
    path.write_text(dedent(program.source))
    assert watched(path, "before") == (program.before, int(program.stops))
    assert fixes_in(project)
    fixed = mended(project).after["app.py"].text
    path.write_text(fixed)
    assert watched(path, "after") == (program.after, 0)
