"""The values that every part of auditor exchanges: frozen, plain, without behaviour of their own.

Lines and columns are 1-based everywhere in this module; columns count code points. Paths are relative to the
working directory of the run and use ``/``. Durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal

REPORT_VERSION = 1
"""Version of the JSON contract; it changes only when a field is removed or changes its meaning."""


class Severity(IntEnum):
    """How long the loop stands still, on the scale of the audit document; larger is worse."""

    MONITOR = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3


class Confidence(IntEnum):
    """How sure the analysis is that the finding is real; larger is surer."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2

    @property
    def label(self) -> str:
        """The word used in reports: ``low``, ``medium`` or ``high``."""
        return self.name.lower()


class Category(StrEnum):
    """Risk category of the audit document."""

    EVENT_LOOP_BLOCKING = "event-loop-blocking"
    FILE_IO = "file-io"
    DATABASE = "database"
    EXTERNAL_API = "external-api"
    WEBSOCKET = "websocket"


class Thread(StrEnum):
    """Which thread of which process runs the code."""

    MAIN = "main"
    WORKER = "worker"
    PROCESS = "process"
    UNKNOWN = "unknown"


class Loop(StrEnum):
    """What event loop runs in that thread while the code runs."""

    NONE = "none"
    SERVING = "serving"
    PRIVATE = "private"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """When in the life of the program the code runs."""

    IMPORT = "import"
    STARTUP = "startup"
    SERVING = "serving"
    SHUTDOWN = "shutdown"
    CLI = "cli"
    TEST = "test"


Gil = Literal["releases", "switches", "holds", "mixed"]
CostSource = Literal["measured", "catalogue", "assumed", "observed"]
FixSafety = Literal["safe", "unsafe"]
FixComplexity = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A span of source text; ``end_column`` is the column after the last character."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a call path: the place in ``function`` where the path goes on, and in a note, how."""

    path: str
    line: int
    column: int
    function: str
    note: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """The project call where a context enters synchronous code on its way to the offending call.

    ``fingerprint`` names the exposure in baselines, diffs, SARIF and GitLab alike. ``chain`` leads from the root
    (the function that the loop runs) to the offending call.
    """

    path: str
    line: int
    column: int
    function: str
    fingerprint: str
    chain: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """How long one such call takes, in seconds, and where the figures come from.

    ``observed``: from stalls that were recorded at this very place. ``of`` is the amount of work that the typical
    figure stands for, as in ``12.5 MiB``; empty where the figure does not depend on one, or is that of a run.
    """

    low: float
    typical: float
    high: float
    source: CostSource
    of: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text from ``start`` to ``end`` (line, column) of ``path``."""

    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together; ``safety`` is ``safe`` only when behaviour is kept, else ``reason`` says why not.

    ``exposure`` is the position of the exposure that is mended among those of the finding; None: it mends all of them.
    """

    safety: FixSafety
    title: str
    edits: tuple[Edit, ...]
    reason: str = ""
    exposure: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What recorded stalls say of a finding.

    ``stalls`` at its place, or 0: its function ran meanwhile, and was not seen to stall, which proves nothing.
    ``longest`` and ``total`` are seconds.
    """

    stalls: int = 0
    longest: float = 0.0
    total: float = 0.0
    kinds: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """An offending call in a context where it is not legal, with all that a report must say about it."""

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    category: Category
    location: Location
    function: str
    callee: str
    context: str
    phase: Phase
    chain: tuple[Step, ...]
    exposures: tuple[Exposure, ...]
    impact: str
    fix_complexity: FixComplexity
    cost: Cost
    gil: Gil
    message: str
    verify: tuple[str, ...]
    advice: str
    tradeoffs: tuple[str, ...]
    also: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    observed: Observation | None = None

    def __post_init__(self) -> None:
        if not self.chain or not self.exposures:
            raise ValueError(f"{self.code} at {self.location.path}:{self.location.line} has no witness")


@dataclass(frozen=True, slots=True)
class NotAnalysed:
    """A file that could not be analysed, and why, in one line."""

    path: str
    reason: str


AsideKind = Literal["suppressed", "baselined", "known"]


@dataclass(frozen=True, slots=True)
class Aside:
    """What would be a finding, or part of one, had it not been set aside.

    ``suppressed``: by a comment, at ``path`` and ``line``, for ``reason`` (empty: none is given). ``baselined``: it
    stands in the baseline. ``known``: it was there before, at the revision that ``--since`` compares with.
    """

    finding: Finding
    kind: AsideKind
    reason: str = ""
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Notice:
    """Something about the run that somebody should tidy up, such as a comment that suppresses nothing.

    ``kind``: ``unused-suppression``, ``blanket-suppression``, ``malformed-suppression``, ``reasonless-suppression`` or
    ``stale-baseline``. Notices never change the exit code.
    """

    path: str
    line: int
    column: int
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of one run. ``timings`` maps the name of a stage to CPU seconds; never in a report unless asked for.

    ``walls`` maps it to seconds that passed. Of the files ``kept`` were known to the cache, and ``shared`` were
    indexed by other processes.
    """

    files: int = 0
    functions: int = 0
    calls: int = 0
    resolved_calls: int = 0
    suspects: int = 0
    files_parsed: int = 0
    files_with_findings: int = 0
    timings: dict[str, float] = field(default_factory=dict, compare=False)
    walls: dict[str, float] = field(default_factory=dict, compare=False)
    kept: int = field(default=0, compare=False)
    shared: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MissedAlarm:
    """Stalls at a place that has no finding. ``frames`` are the program's, outermost first; none when none was seen.

    ``aside`` says how a finding at this place was set aside (``suppressed``, ``baselined``, ``known``), if one was.
    """

    path: str
    line: int
    function: str
    text: str
    observed: Observation
    frames: tuple[Frame, ...]
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an audit; reporters render it and decide nothing.

    ``findings`` are those to show, ordered by path, line, column, code. What was set aside stands under ``asides``;
    ``suppressed``, ``baselined`` and ``known`` count its exposures. ``hidden`` counts findings that are left out.
    ``score`` is between 1.0 and 10.0. ``score_parts`` explains it: (what, effect on the score).
    ``warnings`` are one-line problems of the run itself (configuration, cache), for standard error. ``missed`` are
    places that were seen to stall, the worst first, and that no finding names.
    """

    tool_version: str
    findings: tuple[Finding, ...]
    hidden: int
    suppressed: int
    baselined: int
    score: float
    score_parts: tuple[tuple[str, float], ...]
    not_analysed: tuple[NotAnalysed, ...]
    statistics: Statistics
    warnings: tuple[str, ...] = ()
    known: int = 0
    asides: tuple[Aside, ...] = ()
    notices: tuple[Notice, ...] = ()
    missed: tuple[MissedAlarm, ...] = ()


class StallKind(StrEnum):
    """Why the loop stood still, as far as it can be told from outside; the value is the word in reports."""

    BLOCKING_WAIT = "blocking-wait"
    """The loop's thread waited in a call: sleep, network, disk, lock, child process."""
    PYTHON_CPU = "python-cpu"
    """One callback computed in Python bytecode; other threads got their turn."""
    NATIVE_CPU = "native-cpu"
    """One callback computed in C code that lets other threads run meanwhile."""
    C_CALL = "c-call"
    """One call of C code held the interpreter lock, on the loop's thread or (see ``culprit``) on another."""
    GARBAGE_COLLECTION = "garbage-collection"
    SATURATION = "saturation"
    """Many callbacks of one turn, none of them long, added up."""
    MACHINE_BUSY = "machine-busy"
    """The thread was ready to run, but the machine ran something else."""
    STOPPED = "stopped"
    """The process was stopped by a signal."""
    DEBUGGER = "debugger"
    UNKNOWN = "unknown"
    """Too short, or too well hidden, for a single sample."""


BLAMELESS = frozenset(
    {StallKind.GARBAGE_COLLECTION, StallKind.MACHINE_BUSY, StallKind.STOPPED, StallKind.DEBUGGER}
)
"""Kinds that no line of the program is to blame for."""


StallState = Literal["ended", "ongoing", "process-exited"]
GilUse = Literal["held", "released", "unknown"]
SampleSource = Literal["py-spy", "in-process"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a stack at run time; ``path`` is as the program knows it, ``function`` qualified where known.

    ``project`` is false for the standard library, installed packages and code without a file.
    """

    path: str
    line: int
    function: str
    project: bool


@dataclass(frozen=True, slots=True)
class Site:
    """The deepest frame of the project in a stall; ``text`` and ``sha256`` are of its file when it was read."""

    path: str
    line: int
    function: str
    text: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class StallSample:
    """One look at the stack: ``at`` seconds after the stall began.

    ``exact`` is false when the look may have come after the fact, so that the line may be the next one.
    """

    at: float
    source: SampleSource
    exact: bool
    where: str


@dataclass(frozen=True, slots=True)
class Stall:
    """An event loop that stood still for ``duration`` seconds from ``start`` (seconds since the epoch).

    ``frames`` are those of the best sample, innermost first; ``coroutines`` the await chain of the running task,
    outermost first. ``cpu``, ``queued`` (ready to run, but not running) and ``collecting`` (garbage) are seconds
    of the loop's thread within the stall. ``culprit`` names the other thread that held the interpreter lock.
    """

    id: str
    pid: int
    loop: str
    thread: str
    start: float
    duration: float
    state: StallState
    kind: StallKind
    gil: GilUse
    cpu: float
    queued: float
    collecting: float
    threshold: float
    site: Site | None = None
    frames: tuple[Frame, ...] = ()
    task: str = ""
    coroutines: tuple[Frame, ...] = ()
    culprit: str = ""
    samples: tuple[StallSample, ...] = ()
    route: str = ""
    note: str = ""
