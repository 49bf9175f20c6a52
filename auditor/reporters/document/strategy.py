"""The executor strategy: thread pool, process pool and task queue, derived from the findings' costs and GIL facts.

The load that it is dimensioned for is that of the audit form: 50 requests at a time, of which none should wait longer
than 500 ms for a place in a pool, and 5 documents in the background. Costs are those of single calls, so the sizes are
where to begin measuring, not where to end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.model import Finding, Phase
from auditor.reporters.document.hotspots import IN_BACKGROUND, root_of
from auditor.reporters.wording import count, duration, short_function

CONCURRENT, DOCUMENTS = 50, 5
WAIT_SECONDS = 0.5
LEAST_THREADS, MOST_THREADS = 4, 64
"""Above these a pool of threads costs more memory and switching than an asynchronous client."""
QUEUE_SECONDS = 5.0
"""Work that takes longer outlives what clients, proxies and deployments wait for: the form's CRITICAL."""
ASSUMED_CORES = 4

Kind = Literal["wait", "compute", "python", "held"]
_WORKS = {
    "wait": "waits (files, network, databases, locks): the GIL is free meanwhile",
    "compute": "computes in C code that releases the GIL",
    "python": "computes in Python bytecode, which shares the GIL in slices of about 5 ms",
    "held": "computes in C calls that hold the GIL from begin to end",
}
_COMPUTING = frozenset({"LOOP308", "LOOP309", "LOOP310", "LOOP313"})


@dataclass(frozen=True, slots=True)
class Workload:
    """Calls of one kind; ``heaviest`` is what one pass through those of the busiest root takes, in seconds."""

    what: str
    calls: int
    typical: float
    heaviest: float
    root: str


@dataclass(frozen=True, slots=True)
class Advice:
    """One question of the form, its answer, and why."""

    question: str
    answer: str
    reasons: tuple[str, ...]
    code: str = ""


@dataclass(frozen=True, slots=True)
class Strategy:
    """The workloads that were found, and the three answers."""

    workloads: tuple[Workload, ...]
    threads: Advice
    processes: Advice
    queue: Advice

    @property
    def answers(self) -> tuple[Advice, Advice, Advice]:
        """In the order of the form."""
        return self.threads, self.processes, self.queue


def strategy(findings: Sequence[Finding]) -> Strategy:
    """Derive the strategy from what runs while serving; startup and shutdown need no pool."""
    groups: dict[Kind, list[Finding]] = {"wait": [], "compute": [], "python": [], "held": []}
    for finding in findings:
        if finding.phase == Phase.SERVING and finding.cost.typical > 0:
            groups[kind(finding)].append(finding)
    loads = {name: _workload(name, group) for name, group in groups.items() if group}
    return Strategy(
        tuple(loads.values()),
        _threads(groups),
        _processes(loads),
        _queue([*groups["compute"], *groups["python"], *groups["held"]]),
    )


def kind(finding: Finding) -> Kind:
    """What a call does while it blocks."""
    if finding.gil == "holds":
        return "held"
    if finding.gil == "switches":
        return "python"
    if finding.code in _COMPUTING or not _COMPUTING.isdisjoint(finding.also):
        return "held" if finding.gil == "mixed" else "compute"
    return "wait"


def _workload(name: Kind, group: Sequence[Finding]) -> Workload:
    root, heaviest = _heaviest(group)
    return Workload(_WORKS[name], len(group), max(f.cost.typical for f in group), heaviest, root)


def _heaviest(group: Sequence[Finding]) -> tuple[str, float]:
    """The root below which one pass through the calls takes longest, and how long."""
    requests, tasks = _roots(group)
    return _longest(requests | tasks)


def _roots(group: Sequence[Finding]) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of one pass by root: of those that answer somebody, and of tasks in the background."""
    costs: tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]] = ({}, {})
    for number, finding in enumerate(group):
        for exposure in finding.exposures:
            root, how = root_of(exposure.chain)
            name = short_function(root.function, root.path)
            costs[how in IN_BACKGROUND].setdefault(name, {})[number] = finding.cost.typical
    requests, tasks = ({root: math.fsum(found.values()) for root, found in one.items()} for one in costs)
    return requests, tasks


def _longest(seconds: dict[str, float]) -> tuple[str, float]:
    root = min(seconds, key=lambda root: (-seconds[root], root))
    return root, seconds[root]


def _threads(groups: dict[Kind, list[Finding]]) -> Advice:
    question = "Thread pool size (for what waits)"
    waiting = groups["wait"]
    if not waiting:
        return Advice(question, "none of its own", ("No call that only waits was found on the loop.",))
    requests, tasks = _roots(waiting)
    reasons = [
        f"{count(len(waiting), 'call')} wait with the GIL free, so threads help as much as there are of them."
    ]
    wanted = 0
    if requests:
        root, heaviest = _longest(requests)
        wanted = math.ceil(round(CONCURRENT * heaviest / WAIT_SECONDS, 6))
        reasons.append(
            f"One pass through those below `{root}` takes about {duration(heaviest)}. For {CONCURRENT} requests "
            f"at a time, none of which waits longer than {duration(WAIT_SECONDS)} for a thread: {CONCURRENT} x "
            f"{duration(heaviest)} / {duration(WAIT_SECONDS)} = {wanted:,}{_bounded(wanted)}"
        )
    if tasks:
        root, heaviest = _longest(tasks)
        wanted += DOCUMENTS
        reasons.append(
            f"{DOCUMENTS} documents at a time in the background (`{root}`, about {duration(heaviest)} of waits each) "
            f"take one thread each: {DOCUMENTS}{' more' if requests else ''}."
        )
    size = min(max(wanted, LEAST_THREADS), MOST_THREADS)
    endless = sum(math.isinf(finding.cost.high) for finding in waiting)
    if endless:
        reasons.append(
            f"{count(endless, 'call')} wait{'s' if endless == 1 else ''} without a limit, and may take a thread for "
            "good: give them timeouts first, and a pool of their own."
        )
    reasons.append(
        "A pool of its own, since the default one (`min(32, cores + 4)` threads) also resolves host names for the loop."
    )
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n\n"
        f'io_pool = ThreadPoolExecutor(max_workers={size}, thread_name_prefix="io")\n'
        "result = await loop.run_in_executor(io_pool, blocking_call, argument)"
    )
    return Advice(question, f"{size} threads", tuple(reasons), code)


def _bounded(wanted: int) -> str:
    if wanted > MOST_THREADS:
        return f"; above {MOST_THREADS} threads cost more than they give: use asynchronous clients for the slowest."
    return f"; at least {LEAST_THREADS}." if wanted < LEAST_THREADS else "."


def _processes(loads: dict[Kind, Workload]) -> Advice:
    question = "Process pool size (for what computes)"
    held = [loads[name] for name in ("held", "python") if name in loads]
    free = loads.get("compute")
    if not held and free is None:
        return Advice(question, "none", ("No call that computes for long was found on the loop.",))
    if not held and free is not None:
        return Advice(
            question,
            "none; a thread pool of the number of cores does",
            (
                f"{count(free.calls, 'call')} compute in C code that releases the GIL: threads run them in parallel.",
            ),
            "from concurrent.futures import ThreadPoolExecutor\n\n"
            'cpu_pool = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="cpu")',
        )
    reasons = [
        f"{count(load.calls, 'call')} {'hold' if 'hold' in load.what else 'share'} the GIL: threads would "
        f"{'stop the loop all the same' if 'hold' in load.what else 'not make them faster'}; the heaviest pass "
        f"(`{load.root}`) takes about {duration(load.heaviest)}."
        for load in held
    ]
    if free is not None:
        reasons.append(
            f"{count(free.calls, 'call')} release the GIL and would do with threads, but belong to the same work: "
            "let them run in the process that has the data."
        )
    reasons.append(
        "More processes than cores make nothing faster, and one core belongs to the loop. Arguments and results are "
        "pickled with the GIL held: pass paths and numbers, not documents."
    )
    code = (
        "import multiprocessing\nimport os\nfrom concurrent.futures import ProcessPoolExecutor\n\n"
        "cpu_pool = ProcessPoolExecutor(\n"
        "    max_workers=max(1, (os.cpu_count() or 2) - 1),\n"
        '    mp_context=multiprocessing.get_context("spawn"),  # a fork would copy locks that threads hold\n'
        ")\n"
        "result = await loop.run_in_executor(cpu_pool, compute, path)"
    )
    return Advice(question, "cores - 1 processes", tuple(reasons), code)


def _queue(computing: Sequence[Finding]) -> Advice:
    question = "Task queue"
    if not computing:
        return Advice(question, "not warranted", ("Nothing that computes for long was found on the loop.",))
    root, heaviest = _heaviest(computing)
    longest = max(computing, key=lambda finding: (finding.cost.typical, finding.location))
    in_all = CONCURRENT * heaviest / (ASSUMED_CORES - 1)
    load = (
        f"One pass below `{root}` computes for about {duration(heaviest)}; {CONCURRENT} at a time keep "
        f"{ASSUMED_CORES - 1} processes busy for {duration(in_all)}."
    )
    repeated = any("loop: each round" in finding.impact for finding in computing)
    rounds = (
        ("Some of it stands in a loop, and takes that long for each page or item of a document.",)
        if repeated
        else ()
    )
    if longest.cost.typical >= QUEUE_SECONDS or heaviest >= QUEUE_SECONDS or in_all >= 10 * QUEUE_SECONDS:
        why = (
            "That is longer than clients, proxies and deployments wait: accept the work, answer with an identifier, "
            "and let workers (arq, Celery, or processes with a table of jobs) do it, and survive restarts."
        )
        return Advice(question, "warranted", (load, *rounds, why))
    why = (
        "A process pool with a bound on what waits (refuse with 503 above it) is enough, until work must survive a "
        "restart or run on other machines."
    )
    return Advice(question, "not warranted yet", (load, *rounds, why))
