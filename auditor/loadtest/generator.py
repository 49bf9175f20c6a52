"""One load process: ``python -m auditor.loadtest.generator ORDER``; prints its record as JSON.

It is a process of its own so that it never waits for the server's interpreter, and so that a load that is late can be
told from a server that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from auditor.loadtest.plan import Load, Order, Record, Target

ENDED = frozenset({"completed", "partial", "failed", "cancelled"})
POLL_SECONDS = 2.0
"""A document whose end nobody tells is asked for."""


class _Counter:
    total = 0


class Generator:
    """Sends what the order says, each thing at its time, whether or not the last one has been answered."""

    def __init__(
        self, order: Order, upload: bytes, documents: list[bytes], session: aiohttp.ClientSession
    ) -> None:
        self._target: Target = order.target
        self._load: Load = order.load
        self._start = order.start
        self._session = session
        self._record = Record()
        self._upload = upload
        self._documents = documents
        self._ended: dict[str, asyncio.Event] = {}

    async def run(self) -> Record:
        """All of it, and the grace for late answers."""
        load = self._load
        async with asyncio.TaskGroup() as tasks:
            if self._target.websocket and load.beats_per_second:
                for number in range(load.websockets):
                    tasks.create_task(self._heartbeats(number))
            if load.requests_per_second:
                tasks.create_task(self._requests(tasks))
            if self._upload and load.uploads and self._target.upload:
                tasks.create_task(self._uploads(tasks))
            if self._documents and load.documents and self._target.document:
                watcher = tasks.create_task(self._watch())
                await self._all_documents()
                watcher.cancel()
        return self._record

    # ------------------------------------------------------------ heartbeats

    async def _heartbeats(self, number: int) -> None:
        """The beats of one WebSocket, spread evenly between those of the others."""
        due: dict[int, float] = {}
        answered = _Counter()
        beats = int(self._load.seconds * self._load.beats_per_second)
        self._record.sent += beats
        offset = number / self._load.websockets / self._load.beats_per_second
        try:
            async with self._session.ws_connect(
                self._target.url + self._target.websocket, autoping=False, max_msg_size=0
            ) as socket:
                receiver = asyncio.create_task(self._receive_beats(socket, due, answered, beats))
                for beat in range(beats):
                    due[beat] = self._start + offset + beat / self._load.beats_per_second
                    await self._until(due[beat])
                    await self._send_beat(socket, beat)
                await asyncio.wait([receiver], timeout=self._load.grace)
                receiver.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await receiver
        except (aiohttp.ClientError, OSError) as error:
            self._record.count(f"WebSocket: {_name(error)}")
        self._record.lost += beats - answered.total

    async def _send_beat(self, socket: aiohttp.ClientWebSocketResponse, beat: int) -> None:
        if self._target.beats == "frame":
            await socket.ping(str(beat).encode())
        else:
            await socket.send_str(f'{{"type":"ping","id":{beat}}}')

    async def _receive_beats(
        self, socket: aiohttp.ClientWebSocketResponse, due: dict[int, float], answered: _Counter, beats: int
    ) -> None:
        async for message in socket:
            now = time.monotonic()
            if message.type is aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
                continue
            beat = self._beat_of(message)
            if beat is not None and beat in due:
                at = due.pop(beat)
                answered.total += 1
                self._record.heartbeats.append((at - self._start, now - at))
                if answered.total == beats:
                    return
            elif message.type is aiohttp.WSMsgType.TEXT and message.data.startswith('{"type":"ping"'):
                await socket.send_str(message.data.replace("ping", "pong", 1))

    def _beat_of(self, message: aiohttp.WSMessage) -> int | None:
        """Which beat this answers; almost all messages are states, which are not worth parsing."""
        if self._target.beats == "frame":
            return int(message.data) if message.type is aiohttp.WSMsgType.PONG else None
        if message.type is not aiohttp.WSMsgType.TEXT or '"pong"' not in message.data[:24]:
            return None
        number: int = json.loads(message.data)["id"]
        return number

    # ------------------------------------------------------------ requests and uploads

    async def _requests(self, tasks: asyncio.TaskGroup) -> None:
        paths = self._target.requests
        for number in range(int(self._load.seconds * self._load.requests_per_second)):
            due = self._start + number / self._load.requests_per_second
            await self._until(due)
            tasks.create_task(self._request(paths[number % len(paths)], due))

    async def _request(self, path: str, due: float) -> None:
        try:
            async with self._session.get(self._target.url + path) as answer:
                await answer.read()
                self._note(answer.status, "GET", due, "requests")
        except (aiohttp.ClientError, OSError) as error:
            self._record.count(f"GET: {_name(error)}")

    async def _uploads(self, tasks: asyncio.TaskGroup) -> None:
        due = self._start + self._load.upload_every / 2
        while due < self._start + self._load.seconds:
            await self._until(due)
            for number in range(self._load.uploads):
                tasks.create_task(self._one_upload(f"upload-{number}.pdf", due))
            due += self._load.upload_every

    async def _one_upload(self, name: str, due: float) -> None:
        url = self._target.url + self._target.upload.format(name=name)
        try:
            async with self._session.request(self._target.upload_method, url, data=self._upload) as answer:
                await answer.read()
                self._note(answer.status, "upload", due, "uploads")
        except (aiohttp.ClientError, OSError) as error:
            self._record.count(f"upload: {_name(error)}")

    def _note(self, status: int, what: str, due: float, where: str) -> None:
        if status < 400:
            getattr(self._record, where).append((due - self._start, time.monotonic() - due))
        else:
            self._record.count(f"{what}: {status}")

    # ------------------------------------------------------------ documents

    async def _all_documents(self) -> None:
        end = self._start + self._load.seconds
        await self._until(self._start, timed=False)
        loops = [self._documents_one_by_one(number, end) for number in range(self._load.documents)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(end + self._load.grace - time.monotonic()):
                await asyncio.gather(*loops)

    async def _documents_one_by_one(self, number: int, end: float) -> None:
        while time.monotonic() < end:
            content = self._documents[number % len(self._documents)]
            number += self._load.documents
            begun = time.monotonic()
            try:
                await self._one_document(content)
            except (aiohttp.ClientError, OSError) as error:
                self._record.count(f"document: {_name(error)}")
                await asyncio.sleep(0.1)
                continue
            now = time.monotonic()
            if now <= end:
                self._record.documents.append((begun - self._start, now - begun))

    async def _one_document(self, content: bytes) -> None:
        async with self._session.put(self._target.url + self._target.document, data=content) as answer:
            answer.raise_for_status()
            job = (await answer.json())["job"]["id"]
        ended = self._ended.setdefault(job, asyncio.Event())
        while not ended.is_set():
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await ended.wait()
            except TimeoutError:
                async with self._session.get(f"{self._target.url}/jobs/{job}") as answer:
                    self._learn(await answer.json())
        del self._ended[job]

    async def _watch(self) -> None:
        """Learn from a WebSocket of its own what has ended."""
        url = self._target.url + self._target.websocket
        try:
            async with self._session.ws_connect(url, max_msg_size=0) as socket:
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT and '"states"' in message.data[:20]:
                        for state in json.loads(message.data)["states"]:
                            self._learn(state)
        except (aiohttp.ClientError, OSError) as error:
            self._record.count(f"WebSocket: {_name(error)}")

    def _learn(self, state: dict[str, Any]) -> None:
        if state.get("status") in ENDED:
            self._ended.setdefault(state["id"], asyncio.Event()).set()

    async def _until(self, due: float, *, timed: bool = True) -> None:
        """Sleep to a point of the monotonic clock, and remember how far it was missed."""
        wait = due - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if timed:
            self._record.lateness.append(time.monotonic() - due)


async def generate(order: Order, upload: bytes, documents: list[bytes]) -> Record:
    """Carry out the order with these files."""
    gc.disable()  # a collection would look like a latency
    timeout = aiohttp.ClientTimeout(total=order.load.seconds + order.load.grace)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        return await Generator(order, upload, documents, session).run()


def _name(error: BaseException) -> str:
    return type(error).__name__


def main() -> None:
    order = Order.from_json(sys.argv[1])
    upload = Path(order.upload_file).read_bytes() if order.upload_file else b""
    documents = [Path(file).read_bytes() for file in order.document_files]
    record = asyncio.run(generate(order, upload, documents))
    json.dump(dataclasses.asdict(record), sys.stdout)


if __name__ == "__main__":
    main()
