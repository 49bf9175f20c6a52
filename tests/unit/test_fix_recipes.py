"""What recipes make of code: where an `await` may stand, what a moved statement gives back, what stays as it is."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from unit.fixing import fixes_in, mended


def fixed(project: Path, source: str, **settings: object) -> str:
    """The program with all its fixes, which a second run leaves alone."""
    (project / "app.py").write_text(dedent(source))
    after = mended(project, **settings).after
    if not after:
        return dedent(source)
    text = after["app.py"].text
    (project / "app.py").write_text(text)
    assert not mended(project, **settings).after
    return text


THREAD = [
    pytest.param("x = stat(p)", "x = await asyncio.to_thread(stat, p)", id="value"),
    pytest.param("x = stat(p).st_size", "x = (await asyncio.to_thread(stat, p)).st_size", id="attribute"),
    pytest.param("x = (stat(p)).st_size", "x = (await asyncio.to_thread(stat, p)).st_size", id="parentheses"),
    pytest.param("x = stat(p)[0] + 1", "x = (await asyncio.to_thread(stat, p))[0] + 1", id="subscript"),
    pytest.param("x = -stat(p) ** 2", "x = -await asyncio.to_thread(stat, p) ** 2", id="operators"),
    pytest.param("x = not stat(p)", "x = not await asyncio.to_thread(stat, p)", id="not"),
    pytest.param("x = [*stat(p)]", "x = [*await asyncio.to_thread(stat, p)]", id="starred"),
    pytest.param("x = stat( p )", "x = await asyncio.to_thread(stat, p )", id="space"),
    pytest.param("x = stat (p,)", "x = await asyncio.to_thread(stat , p,)", id="space-before-and-comma"),
    pytest.param("x = stat(*p, **q)", "x = await asyncio.to_thread(stat, *p, **q)", id="unpacked"),
    pytest.param(
        "x = [stat(i) for i in p]", "x = await asyncio.to_thread(lambda: [stat(i) for i in p])", id="list"
    ),
    pytest.param(
        "x = sum(stat(i).st_size for i in p)",
        "x = await asyncio.to_thread(lambda: sum(stat(i).st_size for i in p))",
        id="generator-used-up",
    ),
    pytest.param(
        "x = {i: stat(j) for i in p for j in listdir(i)}",
        "x = await asyncio.to_thread(lambda: {i: stat(j) for i in p for j in listdir(i)})",
        id="dict",
    ),
    pytest.param(
        "x = [i.name for i in p.iterdir()]",
        "x = await asyncio.to_thread(lambda: [i.name for i in p.iterdir()])",
        id="lazy-list",
    ),
    pytest.param(
        "x = [await q(stat(i)) for i in p]",
        "x = [await q(await asyncio.to_thread(stat, i)) for i in p]",
        id="awaits-too",
    ),
    pytest.param(
        "x = (i for i in listdir(p))",
        "x = (i for i in await asyncio.to_thread(listdir, p))",
        id="first-iterable",
    ),
    pytest.param('x = f"{stat(p)!r:>9}"', 'x = f"{await asyncio.to_thread(stat, p)!r:>9}"', id="f-string"),
    pytest.param("if stat(p): pass", "if await asyncio.to_thread(stat, p): pass", id="one-line"),
    pytest.param("x = getcwd() or stat(p)", "x = getcwd() or await asyncio.to_thread(stat, p)", id="or"),
    pytest.param(
        "x = sorted(p.glob('*'), key=q)",
        "x = await asyncio.to_thread(lambda: sorted(p.glob('*'), key=q))",
        id="exhausted",
    ),
    pytest.param(
        "for x in p.iterdir(): pass",
        "for x in await asyncio.to_thread(lambda: list(p.iterdir())): pass",
        id="iterated",
    ),
    pytest.param(
        "x = sum(i.stat().st_size for i in p.glob(q))",
        "x = await asyncio.to_thread(lambda: sum(i.stat().st_size for i in p.glob(q)))",
        id="iterated-and-used-up",
    ),
    pytest.param("x = p.rglob(q)", None, id="lazy"),
    pytest.param("x = (stat(i) for i in p)", None, id="generator"),
    pytest.param("x = lambda: stat(p)", None, id="lambda"),
    pytest.param(
        "x = [i for i in (stat(j) for j in p)]",
        "x = await asyncio.to_thread(lambda: [i for i in (stat(j) for j in p)])",
        id="generator-in-list",
    ),
]


@pytest.mark.parametrize(("before", "after"), THREAD)
def test_a_call_goes_to_a_thread_wherever_an_await_may_stand(
    project: Path, before: str, after: str | None
) -> None:
    imports = "import asyncio\nfrom os import getcwd, listdir, stat\nfrom pathlib import Path\n"
    source = f"{imports}\n\nasync def f(p: Path, q):\n    {before}\n    return x\n"
    expected = source if after is None else source.replace(before, after)
    assert fixed(project, source) == expected


def test_arguments_keep_their_lines_and_comments(project: Path) -> None:
    source = """\
        import asyncio
        import requests


        async def ask(url):
            return requests.post(  # the form
                url,  # where
                json={"a": 1},
            ).json()
    """
    assert fixed(project, source) == dedent(source).replace(
        "return requests.post(  # the form\n        url",
        "return (await asyncio.to_thread(\n        requests.post,  # the form\n        url",
    ).replace("    ).json()", "    )).json()")


STATEMENTS = [
    pytest.param(
        """\
        with open(p) as source:
            text = source.read()
        return text
        """,
        """\
        def read_file():
            with open(p) as source:
                text = source.read()
            return text

        text = await asyncio.to_thread(read_file)
        return text
        """,
        id="bound-within",
    ),
    pytest.param(
        """\
        with open(p, mode="ab") as target:
            target.write(q)
            return len(q)
        """,
        """\
        def append_to_file():
            with open(p, mode="ab") as target:
                target.write(q)
                return len(q)

        return await asyncio.to_thread(append_to_file)
        """,
        id="returns",
    ),
    pytest.param(
        """\
        count = 0
        with open(p, "w") as target:
            for line in q:
                count += target.write(line)
        return count
        """,
        """\
        count = 0

        def write_file():
            nonlocal count
            with open(p, "w") as target:
                for line in q:
                    count += target.write(line)

        await asyncio.to_thread(write_file)
        return count
        """,
        id="counts",
    ),
    pytest.param(
        """\
        text = None
        try:
            with open(p) as source:
                text = source.read()
        except OSError:
            return text
        """,
        """\
        text = None
        try:
            def read_file():
                nonlocal text
                with open(p) as source:
                    text = source.read()

            await asyncio.to_thread(read_file)
        except OSError:
            return text
        """,
        id="seen-after-a-failure",
    ),
    pytest.param(
        '''\
        with open(p, "w") as target:
            target.write("""
        kept
            as it is
        """)
        ''',
        '''\
        def write_file():
            with open(p, "w") as target:
                target.write("""
        kept
            as it is
        """)

        await asyncio.to_thread(write_file)
        ''',
        id="strings",
    ),
]
STATEMENTS += [
    pytest.param(
        """\
        with open(p, "w") as target:
            target.write(q)
        with open(q, "w") as target:
            target.write(p)
        """,
        """\
        def write_file():
            with open(p, "w") as target:
                target.write(q)

        await asyncio.to_thread(write_file)

        def write_file_2():
            with open(q, "w") as target:
                target.write(p)

        await asyncio.to_thread(write_file_2)
        """,
        id="two-of-a-kind",
    ),
]
STATEMENTS += [
    pytest.param(
        """\
        source = open(p)
        text = source.read()
        source.close()
        return text
        """,
        """\
        def read_file():
            source = open(p)
            text = source.read()
            source.close()
            return text

        text = await asyncio.to_thread(read_file)
        return text
        """,
        id="opened-and-closed",
    ),
    pytest.param(
        """\
        target = open(p, "w")  # ours
        try:
            target.write(q)
        finally:
            target.close()
        """,
        """\
        def write_file():
            target = open(p, "w")  # ours
            try:
                target.write(q)
            finally:
                target.close()

        await asyncio.to_thread(write_file)
        """,
        id="closed-at-last",
    ),
    pytest.param(
        """\
        database = sqlite3.connect(p)
        cursor = database.cursor()
        cursor.execute(q)
        rows = cursor.fetchall()
        database.close()
        return len(rows)
        """,
        """\
        def with_database():
            database = sqlite3.connect(p)
            cursor = database.cursor()
            cursor.execute(q)
            rows = cursor.fetchall()
            database.close()
            return rows

        rows = await asyncio.to_thread(with_database)
        return len(rows)
        """,
        id="connection-and-cursor",
    ),
]
STATEMENTS += [
    pytest.param(
        "return json.load(open(p))\n",
        "return await asyncio.to_thread(lambda: json.load(open(p)))\n",
        id="handed-to-what-reads-it",
    ),
]
STAYING = [
    pytest.param(
        "with open(p) as source:\n    import base64\n    base64.decode(source, q)\nreturn base64\n",
        id="imports",
    ),
    pytest.param("with open(p) as source:\n    return [await q(line) for line in source]\n", id="awaits"),
    pytest.param("with open(p) as source:\n    yield source.read()\n", id="yields"),
    pytest.param(
        "with open(p) as source:\n    if q:\n        return source.read()\nreturn 1\n", id="may-return"
    ),
    pytest.param(
        "while True:\n    with open(p) as source:\n        if source.read():\n            break\n",
        id="breaks",
    ),
    pytest.param(
        "with open(p) as source:\n    if q:\n        text = source.read()\nreturn text\n", id="may-not-bind"
    ),
    pytest.param("source = open(p)\nawait q(source.read())\n", id="awaits-between"),
    pytest.param("source = open(p)\nif q:\n    return source\nreturn source.read()\n", id="gives-it-away"),
    pytest.param(
        "if p:\n    source = open(p)\nelse:\n    source = q\nreturn source.read()\n", id="opened-or-given"
    ),
    pytest.param("global X\nwith open(p) as source:\n    X = source.read()\n", id="global"),
    pytest.param("with open(p) as source:\n    super().read(source.read())\n", id="super"),
    pytest.param(
        "with open(p) as source:\n    asyncio.get_running_loop().call_soon(q, source.read())\n",
        id="needs-the-loop",
    ),
]


def program(body: str) -> str:
    lines = dedent(body).splitlines(keepends=True)
    # what stands within a string keeps its place: it is written as the test says it
    inside = False
    for number, line in enumerate(lines):
        if not inside and line.strip():
            lines[number] = f"    {line}"
        inside ^= line.count('"""') % 2 == 1
    return f"import asyncio\nimport json\nimport sqlite3\n\n\nasync def f(p, q):\n{''.join(lines)}"


@pytest.mark.parametrize(("before", "after"), STATEMENTS)
def test_a_statement_moves_with_what_it_binds(project: Path, before: str, after: str) -> None:
    assert fixed(project, program(before)) == program(after)


@pytest.mark.parametrize("body", STAYING)
def test_a_statement_that_needs_its_coroutine_stays(project: Path, body: str) -> None:
    source = program(body)
    assert fixed(project, source) == source


def test_a_call_moves_with_the_statement_that_owns_its_object(project: Path) -> None:
    source = """\
        import asyncio
        import sqlite3


        class Store:
            async def names(self):
                with sqlite3.connect(self.path) as database:
                    rows = database.execute("SELECT name FROM book").fetchall()
                return rows
    """
    assert fixed(project, source) == dedent("""\
        import asyncio
        import sqlite3


        class Store:
            async def names(self):
                def with_database():
                    with sqlite3.connect(self.path) as database:
                        rows = database.execute("SELECT name FROM book").fetchall()
                    return rows

                rows = await asyncio.to_thread(with_database)
                return rows
    """)


def test_what_needs_the_loop_stays_on_it(project: Path) -> None:
    source = """\
        import asyncio
        import time


        def tell(queue):
            time.sleep(1)
            queue.put_nowait(1)
            asyncio.get_running_loop().call_soon(print)


        async def run(queue: asyncio.Queue):
            tell(queue)


        TELLERS = {"all": tell}
    """
    assert fixed(project, source) == dedent(source)


def test_what_does_nothing_on_a_thread_stays_on_the_loop(project: Path) -> None:
    source = """\
        import asyncio
        import time


        class Driver:
            def __init__(self):
                time.sleep(1)
                try:
                    asyncio.get_running_loop()
                    self.has_loop = True
                except RuntimeError:
                    self.has_loop = False


        async def run():
            return Driver()
    """
    assert fixed(project, source) == dedent(source)


IMPORTS = [
    pytest.param("import time\n", "import asyncio\nimport time\n", id="sorted"),
    pytest.param(
        "from time import sleep\nimport time\n",
        "import asyncio\nfrom time import sleep\nimport time\n",
        id="mixed",
    ),
    pytest.param(
        "import abc\nimport time\nfrom os import path\n",
        "import abc\nimport asyncio\nimport time\nfrom os import path\n",
        id="between",
    ),
    pytest.param(
        '"""Doc."""\nimport abc\nimport time\n',
        '"""Doc."""\nimport abc\nimport asyncio\nimport time\n',
        id="docstring",
    ),
    pytest.param(
        "from __future__ import annotations\n\nimport time\n",
        "from __future__ import annotations\n\nimport asyncio\nimport time\n",
        id="future",
    ),
    pytest.param("import time\nimport asyncio as aio\n", None, id="renamed"),
    pytest.param(
        "import abc\nimport asyncio.subprocess\nimport time\n",
        "import abc\nimport asyncio.subprocess\nimport time\n",
        id="submodule",
    ),
    pytest.param(
        "import time\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import asyncio\n",
        "import asyncio\nimport time\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import asyncio\n",
        id="for-types-only",
    ),
    pytest.param("import time\nasyncio = print\n", "import time\nasyncio = print\n", id="name-taken"),
]


@pytest.mark.parametrize(("before", "after"), IMPORTS)
def test_the_import_is_added_once_and_sorted_into_place(
    project: Path, before: str, after: str | None
) -> None:
    body = "\n\nasync def f():\n    time.sleep(1)\n    time.sleep(1)\n"
    if before.endswith("asyncio = print\n"):
        assert fixed(project, before + body) == before + body
    else:
        name = "aio" if after is None else "asyncio"
        expected = (after or before) + body.replace("time.sleep", f"await {name}.sleep")
        assert fixed(project, before + body) == expected


DIALECTS = {
    "anyio": "await anyio.to_thread.run_sync(functools.partial(run, ['a'], check=True))",
    "trio": "await trio.to_thread.run_sync(functools.partial(run, ['a'], check=True))",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_dialects_are_written_in_their_own_spelling(project: Path, dialect: str) -> None:
    source = f"""\
        import time
        from subprocess import run

        import {dialect}


        async def f():
            time.sleep(1)
            run(['a'], check=True)
            print(run(['a']))
    """
    assert fixed(project, source) == dedent(f"""\
        import functools
        import time
        from subprocess import run

        import {dialect}


        async def f():
            await {dialect}.sleep(1)
            {DIALECTS[dialect]}
            print(await {dialect}.to_thread.run_sync(run, ['a']))
    """)


def test_a_module_is_mended_in_the_library_that_it_uses(project: Path) -> None:
    (project / "other.py").write_text("import asyncio\n")
    before = "import time\n\nimport anyio\n\n\nasync def f():\n    await anyio.sleep(1)\n    time.sleep(1)\n"
    assert fixed(project, before) == before.replace("    time.sleep", "    await anyio.sleep")
    after = fixed(project, before, dialect="asyncio")
    assert after == "import asyncio\n" + before.replace("    time.sleep", "    await asyncio.sleep")


DOUBTS = [
    pytest.param("time.sleep(1)", "", id="plain"),
    pytest.param("x = self.a\n        time.sleep(x)", "", id="read-only"),
    pytest.param("self.a = 1\n        time.sleep(1)\n        print(self.a)", "", id="written-before"),
    pytest.param(
        "x = self.a\n        time.sleep(1)\n        self.a = x + 1", "`self.a` may be changed", id="race"
    ),
    pytest.param("self.a = f(self.a, time.sleep(1))", "`self.a` may be changed", id="race-in-one-statement"),
    pytest.param(
        "for _ in x:\n            self.a += 1\n            time.sleep(1)",
        "`self.a` may be changed",
        id="loop",
    ),
    pytest.param(
        "if x not in TABLE:\n            time.sleep(1)\n            TABLE[x] = 1",
        "`TABLE` may be changed",
        id="global",
    ),
    pytest.param(
        "if 1 not in x:\n            time.sleep(1)\n            x.add(1)",
        "`x` may be changed",
        id="parameter",
    ),
    pytest.param("y = []\n        n = len(y)\n        time.sleep(1)\n        y.append(n)", "", id="own-list"),
    pytest.param(
        "y = self.a\n        n = len(y)\n        time.sleep(1)\n        y.append(n)",
        "`y` may be changed",
        id="alias",
    ),
    pytest.param(
        "try:\n            f()\n        finally:\n            time.sleep(1)",
        "it stands in `finally`",
        id="finally",
    ),
    pytest.param(
        "async with self.lock:\n            time.sleep(1)",
        "others run while it waits inside `self.lock`",
        id="lock",
    ),
    pytest.param("with open(x) as source:\n            time.sleep(1)", "", id="open-file"),
    pytest.param(
        "async with asyncio.timeout(9), httpx.AsyncClient():\n            time.sleep(1)", "", id="client"
    ),
    pytest.param(
        "with open(x) as source, self.lock:\n            time.sleep(1)",
        "others run while it waits inside `self.lock`",
        id="lock-beside-a-file",
    ),
    pytest.param(
        "with f(x):\n            time.sleep(1)",
        "others run while it waits inside `f(x)`",
        id="unknown-manager",
    ),
    pytest.param(
        "opened = asyncio.Lock() if x else open(x)\n        with opened:\n            time.sleep(1)",
        "others run while it waits inside `opened`",
        id="lock-or-file",
    ),
    pytest.param(
        "def inner(y):\n            n = len(y)\n            y.append(n)\n        inner([])\n        time.sleep(1)\n"
        "        inner([])",
        "",
        id="names-of-a-function-within",
    ),
    pytest.param(
        "n = 0\n        def inner():\n            nonlocal n\n            n += self.a\n"
        "        inner()\n        time.sleep(1)\n"
        "        def later():\n            self.a = n\n        later()",
        "`self.a` may be changed",
        id="state-of-functions-within",
    ),
    pytest.param(
        "y = [*x]\n        for z in y:\n            n = len(y)\n            time.sleep(1)\n            y[0] = n",
        "",
        id="own-copy",
    ),
    pytest.param(
        "y = sorted(x)\n        z = y\n        n = len(z)\n        time.sleep(1)\n        z.append(n)",
        "",
        id="own-alias",
    ),
    pytest.param(
        "y = sorted(x)\n        self.a = y\n        z = y\n        n = len(z)\n        time.sleep(1)\n"
        "        z.append(n)",
        "`z` may be changed",
        id="alias-of-what-was-shown",
    ),
]


@pytest.mark.parametrize(("body", "reason"), DOUBTS)
def test_a_suspension_is_safe_only_where_nobody_can_notice(project: Path, body: str, reason: str) -> None:
    head = (
        "import asyncio\nimport time\n\nimport httpx\n\nTABLE = {}\n\n\n"
        "def f(*x):\n    return x\n\n\nclass C:\n    async def m(self, x):\n"
    )
    (project / "app.py").write_text(f"{head}        {body}\n")
    (fix,) = [x for x in fixes_in(project) if "sleep" in x.title]
    assert fix.safety == ("unsafe" if reason else "safe")
    assert fix.reason.startswith(reason)


HELPERS = [
    pytest.param("return os.stat(path).st_size", True, id="asks-only"),
    pytest.param('with open(path) as source:\n        return json.load(source)["a"]', True, id="own-file"),
    pytest.param("time.sleep(int(path))\n    return inner(path)", True, id="calls-the-like"),
    pytest.param("return Shelf(path).size()", True, id="own-object"),
    pytest.param("return Box(os.stat(path)).value", True, id="own-plain-object"),
    pytest.param("return Odd(os.stat(path)).value", False, id="object-of-a-class-that-is-not-known"),
    pytest.param('with open(path, "w") as target:\n        target.write("x")', False, id="writes"),
    pytest.param("TABLE[path] = os.stat(path)", False, id="changes-a-table"),
    pytest.param("TABLE.update(a=os.stat(path))", False, id="changes-a-table-by-a-call"),
    pytest.param("global LAST\n    LAST = os.stat(path)", False, id="global"),
    pytest.param("path.seen = os.stat(path)", False, id="changes-what-it-is-given"),
    pytest.param("return [os.stat(x) for x in TABLE]", False, id="looks-through-a-table"),
    pytest.param("return unknown(os.stat(path))", False, id="calls-what-is-not-known"),
    pytest.param("return HANDLE.read() + str(os.stat(path))", False, id="a-file-of-others"),
    pytest.param("own = {}\n    own[path] = os.stat(path)\n    return own", True, id="fills-its-own-table"),
    pytest.param(
        "own = TABLE\n    own[path] = os.stat(path)\n    return own",
        False,
        id="fills-a-table-by-another-name",
    ),
    pytest.param(
        "own = []\n    for x in [1, 2]:\n        own.append(os.stat(path))\n    return own",
        True,
        id="own-list",
    ),
    pytest.param("for x in path:\n        os.stat(x)", False, id="looks-through-what-it-is-given"),
    pytest.param("for x in sorted(path):\n        os.stat(x)", True, id="looks-through-a-copy"),
    pytest.param("del TABLE[path]\n    return os.stat(path)", False, id="removes-from-a-table"),
    pytest.param("path += [os.stat('.')]", False, id="extends-what-it-is-given"),
    pytest.param(
        "with open(path) as source:\n        data = json.load(source)\n    data['a']['b'] = 1\n    return data",
        True,
        id="changes-what-it-has-read",
    ),
    pytest.param(
        "own = [TABLE]\n    own[0][path] = os.stat(path)", False, id="changes-what-its-own-list-holds"
    ),
    pytest.param("with LOCK:\n        return os.stat(path)", True, id="takes-a-lock-and-lets-it-go"),
    pytest.param("log.info('%s', os.stat(path))", True, id="logs"),
    pytest.param(
        "if path.startswith('a'):\n        raise ValueError(path)\n    return os.stat(path)",
        True,
        id="raises",
    ),
]


HELPERS += [
    pytest.param(
        "done = subprocess.run(path)\n    return done.stdout.strip()", True, id="asks-its-own-result"
    ),
    pytest.param("return requests.get(path).json()", True, id="chain-on-its-own-response"),
    pytest.param("HANDLE.session.headers.update(os.stat(path))", False, id="object-of-others"),
    pytest.param("return getattr(TABLE, path).update(os.stat(path))", False, id="asked-for-by-name"),
    pytest.param('return os.stat(path.replace("a", "b").split(".")[0])', True, id="text-with-text"),
    pytest.param("return os.stat(path.replace(TABLE))", False, id="replace-of-something"),
    pytest.param("return packed(path, size=os.stat(path))", True, id="its-own-keywords"),
    pytest.param("os.makedirs(path)", True, id="makes-a-directory"),
    pytest.param(
        "global LAST\n    with LOCK:\n        LAST = TABLE[path] = os.stat(path)",
        True,
        id="changes-under-a-lock",
    ),
    pytest.param("with LOCK:\n        TABLE.update(a=os.stat(path))", True, id="calls-under-a-lock"),
    pytest.param(
        "with LOCK:\n        TABLE[path] = unknown(os.stat(path))", False, id="unknown-under-a-lock"
    ),
    pytest.param(
        "with LOCK:\n        TABLE[path] = os.stat(path)\n    TABLE[path] = 2",
        False,
        id="changes-beside-a-lock",
    ),
    pytest.param("with path:\n        TABLE[path] = os.stat(path)", False, id="changes-under-something"),
    pytest.param("global LAST\n    return LAST or os.stat(path)", True, id="reads-a-global"),
]


READ = "with open(path) as source:\n        data = json.load(source)\n    "
HELPERS += [
    pytest.param(
        "if path:\n        raise unknown.Refused(path)\n    return os.stat(path)",
        True,
        id="raises-an-unknown",
    ),
    pytest.param(
        "error = unknown.Refused(path)\n    return os.stat(path), error", False, id="makes-an-unknown"
    ),
    pytest.param("if path:\n        raise HANDLE.fault(os.stat(path))", False, id="raises-what-others-make"),
    pytest.param(
        "os.stat(path)\n    with LOCK:\n        note(path)", True, id="calls-under-a-lock-what-changes"
    ),
    pytest.param("os.stat(path)\n    note(path)", False, id="calls-what-changes"),
    pytest.param("return [os.stat(x) for x in SIZES]", True, id="looks-through-a-tuple"),
    pytest.param("return [os.stat(x.value) for x in Kind]", True, id="looks-through-an-enum"),
    pytest.param("return path.get('name', os.stat('x'))", True, id="asks-by-name"),
    pytest.param("return path.get('http://name', os.stat('x'))", False, id="asks-an-address"),
    pytest.param("return path.get(HANDLE, os.stat('x'))", False, id="asks-by-something"),
    pytest.param(
        "own = {}\n    own['a'] = Shelf(path)\n    for y in list(own.values()):\n        y.path = os.stat('x')",
        True,
        id="changes-objects-in-its-own-table",
    ),
    pytest.param(
        "own = {'a': HANDLE}\n    for y in list(own.values()):\n        y.path = os.stat('x')",
        False,
        id="changes-what-its-own-table-holds",
    ),
    pytest.param(
        "own = {}\n    for x in sorted(path):\n        made = Shelf(x)\n        own[x] = made\n"
        "    for made in own.values():\n"
        "        made.path = unknown(os.stat('x'))",
        False,
        id="calls-an-unknown-beside-its-own-objects",
    ),
    pytest.param(
        "own = sorted([Shelf(path)], key=lambda x: x.path)\n    for x in own:\n        x.path = HANDLE\n"
        "    os.stat('x')",
        True,
        id="keeps-what-others-hold-in-its-own-objects",
    ),
    pytest.param(
        "own = [Shelf(path)]\n    for x in own:\n        x.path = TABLE\n"
        "    for x in own:\n        x.path['a'] = os.stat('x')",
        False,
        id="changes-what-its-own-objects-keep",
    ),
    pytest.param(
        "own = [1]\n    other = lambda own: own.append(os.stat('x'))\n    return other(TABLE)",
        False,
        id="lambda-that-changes",
    ),
    pytest.param("pathlib.Path(path).write_text('x')", False, id="writes-to-a-path-of-its-own"),
    pytest.param(
        "with zipfile.ZipFile(path) as own:\n        return own.read('x')", True, id="reads-its-own-archive"
    ),
    pytest.param(
        "with zipfile.ZipFile(path) as own:\n        own.extractall('x')", False, id="unpacks-its-own-archive"
    ),
    pytest.param("return [x for x in found(path)]", True, id="generator"),
    pytest.param("return [x for x in noted(path)]", False, id="generator-that-changes"),
    pytest.param(
        "own = []\n    for x in sorted(path):\n        own.append(Shelf(x))\n"
        "    for y in own:\n        y.path = y.size()",
        True,
        id="changes-objects-in-its-own-list",
    ),
    pytest.param(
        "own = [Shelf(path)]\n    own.append(HANDLE)\n    for x in own:\n        x.path = os.stat(path)",
        False,
        id="changes-what-was-put-into-its-own-list",
    ),
    pytest.param(
        "own = [Shelf(path)]\n    other = own\n    other.extend(path)\n"
        "    for x in own:\n        x.path = os.stat('x')",
        False,
        id="changes-what-was-put-in-by-another-name",
    ),
    pytest.param(
        READ + "data['t'] = TABLE\n    data['t']['x'] = 1", False, id="puts-a-table-into-what-it-has-read"
    ),
    pytest.param(
        READ + "data = tidied(data)\n    data['a']['x'] = 1", True, id="changes-what-was-made-of-it"
    ),
    pytest.param(READ + "mixed(data)\n    data['a']['x'] = 1", False, id="changes-what-a-helper-has-put-in"),
    pytest.param(READ + "data = kept(data)\n    data['a'] = 1", False, id="changes-what-a-helper-gives"),
    pytest.param(READ + "return json.dumps(data)", True, id="writes-out-what-it-has-read"),
    pytest.param("os.stat(path)\n    return json.dumps(TABLE)", False, id="writes-out-a-table"),
    pytest.param("own = typing.cast(dict, TABLE)\n    own[path] = os.stat(path)", False, id="cast"),
    pytest.param("own = max([TABLE])\n    own[path] = os.stat(path)", False, id="the-greatest"),
    pytest.param("own = next(iter([TABLE]))\n    own[path] = os.stat(path)", False, id="the-next"),
    pytest.param("own = [TABLE][:1]\n    own[0][path] = os.stat(path)", False, id="a-slice"),
    pytest.param("return pathlib.Path(path).open().read()", True, id="opens-a-path"),
    pytest.param("pathlib.Path(path).open('w').close()", False, id="opens-a-path-for-writing"),
    pytest.param(
        "with open(path) as source:\n        return sum(len(x) for x in iter(lambda: source.read(9), ''))",
        True,
        id="closure-on-its-own-file",
    ),
    pytest.param(
        "return sum(len(x) for x in iter(lambda: HANDLE.read(9), ''))",
        False,
        id="closure-on-a-file-of-others",
    ),
]


@pytest.mark.parametrize(("body", "is_safe"), HELPERS)
def test_a_helper_goes_to_a_thread_safely_only_where_it_keeps_to_itself(
    project: Path, body: str, *, is_safe: bool
) -> None:
    (project / "app.py").write_text(
        "import enum\nimport json\nimport logging\nimport os\nimport pathlib\nimport requests\nimport subprocess\n"
        "import threading\nimport time\nimport typing\nimport zipfile\n"
        "from typing import NamedTuple\nfrom lib import unknown\n\n"
        "SIZES = ('a', 'b')\n"
        "TABLE = {}\nHANDLE = open('x')\nLOCK = threading.Lock()\nlog = logging.getLogger(__name__)\n\n\n"
        "def fill(path):\n    TABLE[path] = 1\n    for key in TABLE:\n        print(key)\n\n\n"
        "def packed(path, **rest):\n    rest.pop('size')\n    return rest\n\n\n"
        "class Box(NamedTuple):\n    value: object\n\n\nclass Odd(unknown.Base):\n    value: object\n\n\n"
        "class Shelf:\n    def __init__(self, path):\n        self.path = path\n\n"
        "    def size(self):\n        return os.stat(self.path).st_size\n\n\n"
        "def inner(path):\n    return os.path.join(path, str(os.stat(path)))\n\n\n"
        "class Kind(enum.Enum):\n    A = 'a'\n\n\n"
        "def note(path):\n    TABLE[path] = 1\n\n\n"
        "def found(path):\n    for x in os.listdir(path):\n        yield os.stat(x)\n\n\n"
        "def noted(path):\n    for x in os.listdir(path):\n        TABLE[x] = 1\n        yield os.stat(x)\n\n\n"
        "def tidied(data):\n    if isinstance(data, dict):\n        return {k: tidied(x) for k, x in data.items()}\n"
        "    return data\n\n\n"
        "def mixed(data):\n    data['a'] = TABLE\n\n\n"
        "def kept(data):\n    return TABLE or data\n\n\n"
        f"def helper(path):\n    {body}\n\n\nasync def run(path):\n    return helper(path)\n"
    )
    found = [fix for fix in fixes_in(project) if fix.edits[-1].start[0] > 1 and "`helper`" in fix.title]
    assert {fix.safety for fix in found} == {"safe" if is_safe else "unsafe"}


GIVEN = [
    pytest.param("paths = [x]\n    sizes(paths)", True, id="made-here"),
    pytest.param("paths = list(x)\n    print(len(paths))\n    sizes(paths)", True, id="copied-here"),
    pytest.param("paths = read(x)\n    sizes(paths['a'])", True, id="read-by-a-helper"),
    pytest.param("sizes(paths=[x])", True, id="keyword"),
    pytest.param("sizes(x)", False, id="parameter"),
    pytest.param("paths = KEPT\n    sizes(paths)", False, id="kept-by-the-module"),
    pytest.param("paths = [x]\n    KEPT.append(paths)\n    sizes(paths)", False, id="shown-to-others"),
    pytest.param(
        "paths = [x]\n    asyncio.create_task(later(paths))\n    sizes(paths)", False, id="given-to-a-task"
    ),
    pytest.param("paths = [x]\n    see = lambda: paths\n    sizes(paths)", False, id="closure"),
    pytest.param("paths = [x]\n    sizes(paths)\n    KEPT.append(paths)", True, id="shown-afterwards"),
    pytest.param(
        "paths = [x]\n    for _ in range(2):\n        sizes(paths)\n        KEPT.append(paths)",
        False,
        id="shown-in-the-loop",
    ),
    pytest.param("paths = cached(x)\n    sizes(paths)", False, id="what-a-helper-keeps"),
    pytest.param(
        "paths = read(x)\n    for y in paths:\n        KEPT.append(y)\n    sizes(paths)", False, id="parts"
    ),
    pytest.param("table = {}\n    fill(table, x)", True, id="fills-what-is-made-here"),
    pytest.param(
        "paths = [x]\n    sizes(paths)\n    sizes(paths)", True, id="given-to-helpers-that-keep-nothing"
    ),
    pytest.param(
        "paths = [x]\n    keep(paths)\n    sizes(paths)", False, id="given-to-a-helper-that-keeps-it"
    ),
    pytest.param(
        "paths = [x]\n    every = [paths]\n    KEPT.append(every)\n    sizes(paths)", False, id="shown-within"
    ),
    pytest.param(
        "paths = [x]\n    every = []\n    every.append(paths)\n    sizes(paths)", True, id="put-into-its-own"
    ),
    pytest.param(
        "paths = [x]\n    every = []\n    every.append(paths)\n    KEPT.append(every)\n    sizes(paths)",
        False,
        id="put-into-what-is-shown",
    ),
    pytest.param(
        "paths = [x]\n    every = KEPT\n    every[0] = paths\n    sizes(paths)",
        False,
        id="put-by-another-name",
    ),
    pytest.param(
        "paths = [x]\n    coroutine = later(paths)\n    sizes(paths)\n    await coroutine",
        False,
        id="given-to-a-coroutine",
    ),
    pytest.param("fill(TABLE, x)", False, id="fills-what-is-kept"),
]


@pytest.mark.parametrize(("body", "is_safe"), GIVEN)
def test_a_helper_may_go_through_what_nobody_else_holds(project: Path, body: str, *, is_safe: bool) -> None:
    (project / "app.py").write_text(
        "import asyncio\nimport json\nimport os\n\nKEPT = []\nTABLE = {}\n\n\n"
        "def read(path):\n    return json.loads(path)\n\n\n"
        "def cached(path):\n    found = json.loads(path)\n    KEPT.append(found)\n    return found\n\n\n"
        "def keep(paths):\n    if paths:\n        keep(paths[1:])\n    KEPT.extend([paths])\n\n\n"
        "def sizes(paths):\n    return [os.stat(path).st_size for path in paths]\n\n\n"
        "def fill(table, path):\n    table[path] = os.stat(path)\n\n\n"
        "async def later(paths):\n    paths.clear()\n\n\n"
        f"async def run(x):\n    {body}\n"
    )
    found = [fix for fix in fixes_in(project) if "`sizes`" in fix.title or "`fill`" in fix.title]
    assert {fix.safety for fix in found} == {"safe" if is_safe else "unsafe"}


DIRECT = [
    pytest.param("own = Image.new('L', (9, 9))\n    own.resize((2000, 2000))", True, id="own-object"),
    pytest.param("own = Image.new('L', (9, 9))\n    own.save(x)", False, id="own-object-into-a-file"),
    pytest.param(
        "own = Image.new('L', (9, 9))\n    KEPT.append(own)\n    own.resize((2000, 2000))", False, id="shown"
    ),
    pytest.param("x.resize((2000, 2000))", False, id="parameter"),
    pytest.param("(Path('a') / x).write_text('b')", False, id="path-of-its-own"),
    pytest.param("(Path('a') / x).read_text()", True, id="read-from-a-path"),
]


@pytest.mark.parametrize(("body", "is_safe"), DIRECT)
def test_a_method_of_an_object_that_nobody_else_has_goes_to_a_thread(
    project: Path, body: str, *, is_safe: bool
) -> None:
    (project / "app.py").write_text(
        "import asyncio\nfrom pathlib import Path\n\nfrom PIL import Image\n\nKEPT = []\n\n\n"
        f"async def run(x: Image.Image):\n    {body}\n"
    )
    found = [fix for fix in fixes_in(project) if "new" not in fix.title]
    assert {fix.safety for fix in found} == {"safe" if is_safe else "unsafe"}
