"""Programs before and after their fixes, run: results stay equal, and the loop is free meanwhile.

Whether the loop is free is seen without a clock: a callback that was scheduled before the coroutine began has run
when it ends, or it has not.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from unit.fixing import fixes_in, mended

PROGRAMS = {
    "twin": (
        """\
        import time


        async def run(folder):
            time.sleep(0.01)
            return "slept"
        """,
        "slept",
    ),
    "direct": (
        """\
        import subprocess
        import sys


        async def run(folder):
            return subprocess.run([sys.executable, "-c", "print(7)"], capture_output=True, text=True).stdout.strip()
        """,
        "7",
    ),
    "helper": (
        """\
        import time


        def wait(seconds, *, name):
            time.sleep(seconds)
            return name.upper()


        async def run(folder):
            return f"{wait(0.01, name='a')}!"
        """,
        "A!",
    ),
    "with-and-counts": (
        """\
        async def run(folder):
            lines = 0
            with open(folder / "a.txt", "w") as target:
                for line in ("a", "b"):
                    lines += target.write(line)
            with open(folder / "a.txt") as source:
                text = source.read()
            return lines, text
        """,
        (2, "ab"),
    ),
    "returns-in-with": (
        """\
        async def run(folder):
            (folder / "b.txt").write_text("b")
            try:
                with open(folder / "b.txt") as source:
                    return source.read()
            finally:
                (folder / "b.txt").unlink()
        """,
        "b",
    ),
    "comprehension": (
        """\
        from pathlib import Path


        async def run(folder: Path):
            (folder / "c.txt").write_text("c")
            return [path.read_text() for path in sorted(folder.glob("*.txt"))], sum(1 for path in folder.iterdir())
        """,
        (["c"], 1),
    ),
    "chain": (
        """\
        from pathlib import Path


        async def run(folder):
            return Path(folder, "..").resolve().is_dir()
        """,
        True,
    ),
    "failure": (
        """\
        import os


        async def run(folder):
            try:
                os.stat(folder / "none")
            except FileNotFoundError as error:
                return type(error).__name__
        """,
        "FileNotFoundError",
    ),
}


def load(source: str) -> Callable[[Path], Any]:
    namespace: dict[str, Any] = {}
    exec(compile(source, "app.py", "exec"), namespace)
    return namespace["run"]  # type: ignore[no-any-return]


def outcome(run: Callable[[Path], Any], folder: Path) -> tuple[object, bool]:
    """What the coroutine function gives, and whether the loop had time for others before it was done."""
    seen: list[int] = []

    async def main() -> tuple[object, bool]:
        asyncio.get_running_loop().call_soon(seen.append, 1)
        result = await run(folder)
        return result, bool(seen)

    return asyncio.run(main())


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_result_is_the_same_and_the_loop_is_free(name: str, project: Path) -> None:
    source, expected = PROGRAMS[name]
    (project / "app.py").write_text(dedent(source))
    fixed = mended(project).after["app.py"].text
    (project / "app.py").unlink()
    (project / "before").mkdir()
    (project / "after").mkdir()
    assert outcome(load(dedent(source)), project / "before") == (expected, False)
    assert outcome(load(fixed), project / "after") == (expected, True)


def test_a_time_limit_fires_although_the_pool_is_busy(project: Path) -> None:
    (project / "app.py").write_text(
        dedent("""\
            from concurrent.futures import ThreadPoolExecutor


            def run(work):
                with ThreadPoolExecutor(max_workers=1) as pool:
                    return pool.submit(work).result(timeout=0.01)
        """)
    )
    (fix,) = fixes_in(project)
    assert (fix.safety, fix.title) == ("unsafe", "let the time limit fire, without waiting for the pool")
    run = load(mended(project).after["app.py"].text)
    release = threading.Event()
    try:
        with pytest.raises(TimeoutError):
            run(release.wait)  # type: ignore[arg-type]  # before the fix this would wait for the release
    finally:
        release.set()


def test_what_a_thread_says_reaches_the_loop(project: Path) -> None:
    (project / "app.py").write_text(
        dedent("""\
            import asyncio


            async def run(pages):
                heard = asyncio.Queue()

                async def send(page):
                    await heard.put(page)

                def work():
                    for page in pages:
                        loop = asyncio.get_event_loop()
                        asyncio.run_coroutine_threadsafe(send(page), loop).result(timeout=60)

                await asyncio.to_thread(work)
                return [heard.get_nowait() for _ in pages]
        """)
    )
    run = load(mended(project).after["app.py"].text)
    assert asyncio.run(run([1, 2])) == [1, 2]  # type: ignore[arg-type]


def test_a_kept_task_leaves_when_it_is_done(project: Path) -> None:
    (project / "app.py").write_text(
        dedent("""\
            import asyncio


            async def index(found):
                found.append(1)


            async def run(found):
                asyncio.create_task(index(found))
        """)
    )
    (fix,) = fixes_in(project)
    assert fix.safety == "safe"
    namespace: dict[str, Any] = {}
    exec(compile(mended(project).after["app.py"].text, "app.py", "exec"), namespace)

    async def main() -> tuple[int, int]:
        found: list[int] = []
        await namespace["run"](found)
        kept = len(namespace["background_tasks"])
        await asyncio.gather(*namespace["background_tasks"])
        await asyncio.sleep(0)  # callbacks of what is done
        assert not namespace["background_tasks"]
        return kept, len(found)

    assert asyncio.run(main()) == (1, 1)
