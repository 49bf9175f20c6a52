"""Helpers that need the loop become coroutine functions where all that call them are coroutines."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from unit.fixing import fixes_in, mended
from unit.test_fix_recipes import fixed

HELPER = """\
import asyncio
import time


def tell(name, count=1):
    \"""Say it once.\"""
    asyncio.get_running_loop().call_soon(print, name)
    time.sleep(count)  # politely
    return [name]


"""
MENDED = (
    HELPER.replace("def tell", "async def tell")
    .replace("    time.sleep", "    await asyncio.sleep")
    .replace("import time\n", "import time\n")
)


def test_a_helper_is_awaited_wherever_it_is_called(project: Path) -> None:
    callers = """\
    async def run(names):
        if tell("a")[0] and tell("b", count=2):
            return [tell(x) for x in names]
        return {
            "a": tell(
                "c",  # the last
            )
        }


    async def other(names):
        print(tell(names))
    """
    expected = """\
    async def run(names):
        if (await tell("a"))[0] and await tell("b", count=2):
            return [await tell(x) for x in names]
        return {
            "a": await tell(
                "c",  # the last
            )
        }


    async def other(names):
        print(await tell(names))
    """
    assert fixed(project, HELPER + dedent(callers)) == MENDED + dedent(expected)


def test_callers_in_other_modules_await_it_too(project: Path) -> None:
    (project / "helpers.py").write_text(HELPER)
    (project / "one.py").write_text("import helpers\n\n\nasync def one():\n    return helpers.tell(1)\n")
    (project / "two.py").write_text("from helpers import tell\n\n\nasync def two():\n    return tell(2)\n")
    after = {path: file.text for path, file in mended(project).after.items()}
    assert after == {
        "helpers.py": MENDED,
        "one.py": "import helpers\n\n\nasync def one():\n    return await helpers.tell(1)\n",
        "two.py": "from helpers import tell\n\n\nasync def two():\n    return await tell(2)\n",
    }


def test_it_is_never_safe(project: Path) -> None:
    (project / "app.py").write_text(HELPER + "async def run():\n    tell(1)\n")
    (fix,) = fixes_in(project)
    assert (fix.title, fix.safety) == ("make `tell` a coroutine function, and await it", "unsafe")


OTHERS = [
    pytest.param("def main():\n    tell(1)", id="called-by-a-plain-function"),
    pytest.param("SAY = tell", id="another-name"),
    pytest.param("async def late(loop):\n    loop.call_later(1, tell, 1)", id="callback"),
    pytest.param("async def sort(names):\n    return sorted(names, key=lambda x: tell(x))", id="lambda"),
    pytest.param("async def lazy(names):\n    return (tell(x) for x in names)", id="generator-expression"),
    pytest.param("def use(thing):\n    return thing.tell(1)", id="a-method-of-that-name"),
    pytest.param("async def more(flag):\n    say = tell if flag else print\n    say(1)", id="one-of-two"),
]


@pytest.mark.parametrize("other", OTHERS)
def test_one_that_is_used_in_another_way_stays_what_it_is(project: Path, other: str) -> None:
    source = f"{HELPER}async def run():\n    tell(1)\n\n\n{other}\n"
    assert "async def tell" not in fixed(project, source)


METHODS = [
    pytest.param("def tell(self):", "await self.tell()", id="method"),
    pytest.param("@staticmethod\n    def tell(self=None):", "", id="decorated"),
    pytest.param("def __call__(self):", "", id="special"),
]


@pytest.mark.parametrize(("header", "awaited"), METHODS)
def test_methods(project: Path, header: str, awaited: str) -> None:
    call = "self()" if "__call__" in header else "self.tell()"
    source = (
        f"import asyncio\nimport time\n\n\nclass Desk:\n    {header}\n        time.sleep(1)\n"
        f"        asyncio.get_running_loop().call_soon(print)\n\n    async def run(self):\n        {call}\n"
    )
    after = fixed(project, source)
    assert after == (
        source.replace("    def tell", "    async def tell")
        .replace("time.sleep", "await asyncio.sleep")
        .replace("        self.tell()", f"        {awaited}")
        if awaited
        else source
    )


def test_a_method_that_another_class_defines_as_well_stays(project: Path) -> None:
    source = """\
        import asyncio
        import time


        class Desk:
            def tell(self):
                time.sleep(1)
                asyncio.get_running_loop().call_soon(print)

            async def run(self):
                self.tell()


        class Other(Desk):
            def tell(self):
                return None
    """
    assert "async def tell" not in fixed(project, source)


def test_one_that_opens_a_loop_where_none_runs_stays(project: Path) -> None:
    source = """\
        import asyncio
        import time


        async def push(batch):
            await asyncio.sleep(0)


        def flush(batch):
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return asyncio.run(push(batch))
            time.sleep(1)


        async def run(batch):
            flush(batch)
    """
    assert "async def flush" not in fixed(project, source)
