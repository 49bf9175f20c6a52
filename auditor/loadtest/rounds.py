"""Rounds of load, the engines in turn, so that what else the machine does falls on all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.loadtest import engines
from auditor.loadtest.plan import Load, Order, Record, Target

IDLE, BROKEN, FIXED = "idle", "broken", "fixed"
ENGINES = (IDLE, BROKEN, FIXED)
"""``idle`` is the fixed engine with the same load, but without documents to process."""

LEAD_SECONDS = 1.5
"""For the load processes to start and connect."""
HEAVY_NICENESS = "5"
SAMPLE_LINES = 2
SAMPLES = 10

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Round:
    """One engine under one load."""

    engine: str
    number: int
    start: float
    """On the machine's monotonic clock."""
    load: Load
    record: Record


def compare(load: Load, rounds: int, names: tuple[str, ...], tell: Tell, record: str = "") -> list[Round]:
    """All rounds of the reference engines; their stalls go to the file ``record``. Raises `engines.Unusable`."""
    engines.require(*engines.LIBRARIES)
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as directory:
        documents = engines.make_samples(Path(directory, "documents"), SAMPLES, lines=SAMPLE_LINES)
        uploads = engines.make_samples(
            Path(directory, "uploads"), 1, lines=SAMPLE_LINES, padding=load.upload_bytes
        )
        done = []
        for number in range(rounds):
            for engine in names[number % len(names) :] + names[: number % len(names)]:
                tell(f"round {number + 1} of {rounds}: {engine}")
                done.append(_one_round(engine, number, load, uploads[0], documents, record))
        return done


def measure(target: Target, load: Load, rounds: int, upload_file: str, tell: Tell) -> list[Round]:
    """Rounds against a service that is there already."""
    engines.require("aiohttp")
    done = []
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: {target.url}")
        order = Order(target, replace(load, documents=0), time.monotonic() + LEAD_SECONDS, upload_file)
        done.append(Round(target.url, number, order.start, order.load, _carry_out(_split(order))))
    return done


def _one_round(
    engine: str, number: int, load: Load, upload: Path, documents: list[Path], record: str
) -> Round:
    if engine == IDLE:
        load = replace(load, documents=0)
    workers = max(1, load.documents or 5)
    with engines.running(FIXED if engine == IDLE else engine, workers, record) as url:
        engines.wait_until_ready(url, workers)
        target = Target(
            url,
            websocket="/live",
            requests=("/health", "/jobs?limit=20"),
            upload="/documents?name={name}",
            document="/documents?name=document.pdf&process=true",
        )
        order = Order(
            target,
            load,
            time.monotonic() + LEAD_SECONDS,
            str(upload),
            tuple(map(str, documents)),
        )
        return Round(engine, number, order.start, load, _carry_out(_split(order)))


def _split(order: Order) -> list[Order]:
    """What is timed finely goes to one process, what is heavy to another, so that the one is not late for the other."""
    fine = replace(order.load, uploads=0, documents=0)
    heavy = replace(order.load, websockets=0, requests_per_second=0.0)
    orders = [replace(order, load=fine, upload_file="", document_files=())]
    if heavy.uploads or heavy.documents:
        orders.append(replace(order, load=heavy))
    return orders


def _command(order: Order) -> list[str]:
    """The heavy part stands in for many clients elsewhere: it must not take the processor from what it is to load."""
    command = [sys.executable, "-m", "auditor.loadtest.generator", order.as_json()]
    heavy = order.load.uploads or order.load.documents
    return ["nice", "-n", HEAVY_NICENESS, *command] if heavy and os.name == "posix" else command


def _carry_out(orders: list[Order]) -> Record:
    processes = [
        subprocess.Popen(
            _command(order),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for order in orders
    ]
    total = Record()
    try:
        for process, order in zip(processes, orders, strict=True):
            limit = LEAD_SECONDS + order.load.seconds + 3 * order.load.grace
            out, errors = process.communicate(timeout=limit)
            if process.returncode:
                last = errors.strip().splitlines()[-1:] or ["it said nothing"]
                raise engines.Unusable(f"the load process failed: {last[0]}")
            total.add(Record.from_raw(json.loads(out)))
    except subprocess.TimeoutExpired as error:
        raise engines.Unusable("the load process did not end: the service does not answer") from error
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return total
