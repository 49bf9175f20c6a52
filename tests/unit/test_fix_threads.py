"""Recipes about threads, pools and tasks: what they make, and what they leave alone."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from unit.test_fix_recipes import fixed

CASES = [
    pytest.param(
        """\
        import asyncio
        import threading

        loop = asyncio.new_event_loop()


        async def handle(line):
            await asyncio.sleep(0)


        def read(stream):
            for line in stream:
                loop.create_task(handle(line))
                loop.call_later(1, print, line)
            loop.stop()


        def main(stream):
            threading.Thread(target=read, args=(stream,)).start()
            loop.run_forever()
        """,
        {
            "loop.create_task(handle(line))": "asyncio.run_coroutine_threadsafe(handle(line), loop)",
            "loop.call_later(1, print, line)": "loop.call_soon_threadsafe(loop.call_later, 1, print, line)",
            "loop.stop()": "loop.call_soon_threadsafe(loop.stop)",
        },
        id="methods-of-a-loop",
    ),
    pytest.param(
        """\
        import asyncio
        import threading


        class Listener:
            async def listen(self, port):
                await asyncio.sleep(port)

            def start(self):
                threading.Thread(target=self.listen, args=(80,), daemon=True).start()
        """,
        {"target=self.listen, args=(80,)": "target=asyncio.run, args=(self.listen(80),)"},
        id="thread",
    ),
    pytest.param(
        """\
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        POOL = ThreadPoolExecutor()


        async def fetch(url):
            await asyncio.sleep(1)


        def fetch_all(urls):
            for url in urls:
                POOL.submit(fetch, url)
        """,
        {"POOL.submit(fetch, url)": "POOL.submit(asyncio.run, fetch(url))"},
        id="submit",
    ),
    pytest.param(
        """\
        import asyncio


        async def index(document):
            await asyncio.sleep(1)


        class Shelf:
            async def add(self, documents):
                for document in documents:
                    asyncio.ensure_future(index(document))  # later
                asyncio.create_task(
                    index(None)
                )
        """,
        {
            "import asyncio\n": "import asyncio\n\nbackground_tasks = set()\n",
            "            asyncio.ensure_future(index(document))  # later\n": (
                "            task = asyncio.ensure_future(index(document))  # later\n"
                "            background_tasks.add(task)\n"
                "            task.add_done_callback(background_tasks.discard)\n"
            ),
            "        asyncio.create_task(\n            index(None)\n        )\n": (
                "        task = asyncio.create_task(\n            index(None)\n        )\n"
                "        background_tasks.add(task)\n"
                "        task.add_done_callback(background_tasks.discard)\n"
            ),
        },
        id="tasks",
    ),
    pytest.param(
        """\
        import asyncio


        class Press:
            async def process(self, document, queue: asyncio.Queue, done: asyncio.Event):
                \"\"\"Render it.\"\"\"

                def one(page):
                    queue.put_nowait(page)

                def pages():
                    for page in document:
                        one(page)
                    done.set()

                await asyncio.to_thread(pages)
        """,
        {
            '"""Render it."""\n': '"""Render it."""\n        loop = asyncio.get_running_loop()\n',
            "queue.put_nowait(page)": "loop.call_soon_threadsafe(queue.put_nowait, page)",
            "done.set()": "loop.call_soon_threadsafe(done.set)",
        },
        id="objects-in-closures",
    ),
    pytest.param(
        """\
        import asyncio


        class Decoder:
            def __init__(self):
                self.frames: asyncio.Queue[bytes] = asyncio.Queue()
                self._loop = None

            async def open(self):
                self._loop = asyncio.get_running_loop()

            def _decode(self, data):
                self.frames.put_nowait(data)

            async def push(self, data):
                await asyncio.to_thread(self._decode, data)
        """,
        {"self.frames.put_nowait(data)": "self._loop.call_soon_threadsafe(self.frames.put_nowait, data)"},
        id="loop-of-the-object",
    ),
    pytest.param(
        """\
        import asyncio


        class Decoder:
            def __init__(self, loop: asyncio.AbstractEventLoop):
                self.loop = loop

            async def tell(self, data):
                await asyncio.sleep(0)

            def _decode(self, data):
                loop = asyncio.get_event_loop()
                asyncio.run_coroutine_threadsafe(self.tell(data), loop)

            async def push(self, data):
                await asyncio.to_thread(self._decode, data)
        """,
        {"loop = asyncio.get_event_loop()": "loop = self.loop"},
        id="loop-of-the-object-asked-for",
    ),
]
LEFT = [
    pytest.param(
        """\
        import asyncio


        async def load(pair):
            await asyncio.sleep(1)


        def contract(pair):
            asyncio.create_task(load(pair))


        def fee(pair):
            contract(pair)


        async def price(pair):
            contract(pair)
            await asyncio.to_thread(fee, pair)
        """,
        id="task-made-on-a-thread-too",
    ),
    pytest.param(
        """\
        import asyncio


        class Decoder:
            def __init__(self):
                self.frames: asyncio.Queue[bytes] = asyncio.Queue()

            def _decode(self, data):
                self.frames.put_nowait(data)

            async def push(self, data):
                await asyncio.to_thread(self._decode, data)
        """,
        id="no-loop-at-hand",
    ),
    pytest.param(
        """\
        import asyncio


        async def process(loop, work):
            def run():
                loop = asyncio.get_event_loop()
                work(loop)

            await asyncio.to_thread(run)
        """,
        id="name-taken",
    ),
]


@pytest.mark.parametrize(("source", "changes"), CASES)
def test_recipes_about_threads(project: Path, source: str, changes: dict[str, str]) -> None:
    expected = dedent(source)
    for before, after in changes.items():
        assert expected.count(before) == 1, before
        expected = expected.replace(before, after)
    assert fixed(project, source) == expected


@pytest.mark.parametrize("source", LEFT)
def test_what_cannot_be_mended_in_one_place_is_left_alone(project: Path, source: str) -> None:
    assert fixed(project, source) == dedent(source)
