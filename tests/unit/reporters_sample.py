"""A report with something of everything, for the tests of the reporters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.model import (
    Aside,
    Category,
    Confidence,
    Cost,
    Edit,
    Exposure,
    Finding,
    Fix,
    Location,
    NotAnalysed,
    Notice,
    Phase,
    Report,
    Severity,
    Statistics,
    Step,
)

SOURCES = {
    "app/storage.py": "\n" * 40
    + "    response = requests.get(url, headers=self.headers(), params={'page': page, 'size': self.page_size})\n"
    + "\n" * 10
    + "\twith open(path, 'rb') as 手柄:\n",
    "app/api/upload.py": "async def upload(file):\n    time.sleep(6)\n\n"
    "    r = '文書', convert(\n        file,\n    )\n",
}


def chain_of(*steps: tuple[str, int, str, str]) -> tuple[Step, ...]:
    return tuple(Step(path, line, 5, function, note) for path, line, function, note in steps)


SERVICE = (
    (
        "app/api/upload.py",
        12,
        "app.api.upload.upload",
        "FastAPI endpoint, runs on the event loop, calls `store`",
    ),
    ("app/service.py", 30, "app.service.Service.store", "calls `Client.fetch`"),
)


def finding(**changes: Any) -> Finding:
    chain = changes.pop("chain", None)
    values: dict[str, Any] = {
        "code": "LOOP302",
        "name": "blocking-http",
        "severity": Severity.HIGH,
        "confidence": Confidence.HIGH,
        "category": Category.EXTERNAL_API,
        "location": Location("app/storage.py", 41, 16, 41, 103),
        "function": "app.storage.Client.fetch",
        "callee": "requests.get",
        "context": "loop",
        "phase": Phase.SERVING,
        "impact": "every other request of the process waits",
        "fix_complexity": "low",
        "cost": Cost(0.02, 0.2, 30.0, "catalogue"),
        "gil": "releases",
        "message": "`requests.get` stops the event loop for 0.2 s",
        "verify": ("py-spy dump --pid PID while a request runs",),
        "advice": "use `httpx.AsyncClient`, or hand the call to a thread: `await asyncio.to_thread(requests.get, url)`",
        "tradeoffs": ("a thread pool has a limited number of threads",),
    }
    values |= changes
    where = values["location"]
    if chain is None:
        chain = chain_of(
            *SERVICE, (where.path, where.line, values["function"], f"calls `{values['callee']}`")
        )
    values.setdefault("exposures", exposures_of(chain))
    return Finding(chain=chain, **values)


def exposures_of(*chains: Sequence[Step]) -> tuple[Exposure, ...]:
    return tuple(
        Exposure(chain[-1].path, chain[-1].line, 5, chain[-1].function, f"{number:064x}", tuple(chain))
        for number, chain in enumerate(chains)
    )


SLEEP = finding(
    code="LOOP301",
    name="blocking-sleep",
    severity=Severity.CRITICAL,
    category=Category.EVENT_LOOP_BLOCKING,
    location=Location("app/api/upload.py", 2, 5, 2, 18),
    function="app.api.upload.upload",
    callee="time.sleep",
    chain=chain_of(
        ("app/api/upload.py", 2, "app.api.upload.upload", "FastAPI endpoint, runs on the event loop")
    ),
    message="`time.sleep` stops the event loop for 6 s",
    cost=Cost(6, 6, 6, "catalogue"),
    advice="`await asyncio.sleep(6)`",
    fixes=(
        Fix(
            "safe",
            "Await asyncio.sleep",
            (Edit("app/api/upload.py", (2, 5), (2, 15), "await asyncio.sleep"),),
        ),
    ),
)
CONVERT = finding(
    code="LOOP308",
    name="cpu-bound-library",
    severity=Severity.CRITICAL,
    confidence=Confidence.MEDIUM,
    category=Category.EVENT_LOOP_BLOCKING,
    location=Location("app/api/upload.py", 4, 15, 6, 6),
    function="app.api.upload.upload",
    callee="docling.DocumentConverter.convert",
    chain=chain_of(
        *((f"app/m{n}.py", 7 * n, f"app.m{n}.Stage{n}.run", f"calls `Stage{n + 1}.run`") for n in range(8)),
        ("app/api/upload.py", 4, "app.api.upload.upload", "calls `convert`"),
    ),
    message="`docling.DocumentConverter.convert` stops the event loop for 30 s",
    cost=Cost(5, 30, float("inf"), "assumed"),
    gil="holds",
    also=("LOOP402",),
    advice="run it in a process pool: `await loop.run_in_executor(pool, convert, path)`",
)
CHAIN = chain_of(*SERVICE, ("app/storage.py", 52, "app.storage.load", "calls `open`"))
JOBS = chain_of(
    ("app/jobs.py", 3, "app.jobs.purge", "task"), ("app/storage.py", 52, "app.storage.load", "calls `open`")
)
OPEN: dict[str, Any] = {
    "code": "LOOP303",
    "name": "blocking-file-io",
    "severity": Severity.MEDIUM,
    "category": Category.FILE_IO,
    "callee": "open",
    "message": "`open` stops the event loop for 0.1 s",
    "cost": Cost(0.001, 0.1, 5, "measured"),
    "advice": "`await asyncio.to_thread(...)` around opening and reading",
}
OPEN_1 = finding(
    location=Location("app/storage.py", 52, 7, 52, 23),
    function="app.storage.load",
    chain=CHAIN,
    exposures=exposures_of(CHAIN, JOBS),
    **OPEN,
)
OPEN_2 = finding(location=Location("app/storage.py", 60, 7, 60, 23), function="app.storage.save", **OPEN)
STAT = finding(
    **OPEN
    | {
        "severity": Severity.MONITOR,
        "location": Location("app/storage.py", 61, 7, 61, 23),
        "callee": "os.stat",
        "message": "`os.stat` stops the event loop for under 1 ms",
        "phase": Phase.STARTUP,
    }
)

REPORT = Report(
    tool_version="0.1.0",
    findings=(SLEEP, CONVERT, finding(), OPEN_1, OPEN_2, STAT),
    hidden=12,
    suppressed=3,
    baselined=5,
    score=4.9,
    score_parts=(("a critical serving exposure", -5.1),),
    not_analysed=(
        NotAnalysed("legacy/setup.py", "Python 2 syntax: print statement at line 3"),
        NotAnalysed("a\x1b[31m\udcff.py", "cannot be read: permission denied"),
    ),
    statistics=Statistics(120, 1400, 9000, 8100, 20, 3, 2, {"discover": 0.01, "index": 0.5}),
    known=1,
    asides=(
        Aside(OPEN_1, "suppressed", "start-up only", "app/storage.py", 51),
        Aside(OPEN_2, "baselined"),
        Aside(STAT, "known"),
    ),
    notices=(
        Notice(
            "app/storage.py", 7, 3, "unused-suppression", "nothing to ignore: LOOP301 is not reported here"
        ),
    ),
)
CLEAN = Report("0.1.0", (), 0, 0, 0, 10.0, (), (), Statistics(1, 1))
