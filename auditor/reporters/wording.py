"""Words that the text formats share: durations, phases, names shortened to what a reader needs."""

from __future__ import annotations

import math
import re

from auditor.model import Category, Cost, Finding, Phase

PHASES = {
    Phase.IMPORT: "at import",
    Phase.STARTUP: "at startup",
    Phase.SERVING: "while serving",
    Phase.SHUTDOWN: "at shutdown",
    Phase.CLI: "in a command line run",
    Phase.TEST: "in tests",
}

CATEGORIES = {
    Category.EVENT_LOOP_BLOCKING: "Event Loop Blocking",
    Category.FILE_IO: "File I/O",
    Category.DATABASE: "Database",
    Category.EXTERNAL_API: "External API",
    Category.WEBSOCKET: "WebSocket",
}

SCALE = (
    "Severity goes by how long a call typically stops the loop: CRITICAL over 5 s, HIGH from 1 s, MEDIUM from 0.1 s, "
    "MONITOR less. A wait without a limit is at least HIGH. In a loop without an await, in middleware and on WebSocket "
    "paths it is a step up; where nobody is served yet it is a step down, in tests always MONITOR. What raises or "
    "loses something is rated by that."
)


def duration(seconds: float) -> str:
    """Say a number of seconds with at most two digits that matter: ``20 ms``, ``0.2 s``, ``5 min``."""
    if seconds < 0.001:
        return "under 1 ms"
    if seconds < 0.1:
        return f"{_two_digits(seconds * 1000)} ms"
    if seconds < 120:
        return f"{_two_digits(seconds)} s"
    return f"{_two_digits(seconds / 60)} min" if seconds < 7200 else f"{_two_digits(seconds / 3600)} h"


def _two_digits(value: float) -> str:
    rounded = round(value, 1) if value < 10 else round(value)
    return f"{rounded:g}"


def cost_range(cost: Cost) -> str:
    """Say how long a call takes: ``typically 0.2 s, up to 30 s``."""
    if not cost.high:
        return "does not block: it is wrong however long it takes"
    typical = f"typically {duration(cost.typical)}{f' ({cost.of})' if cost.of else ''}"
    if math.isinf(cost.high):
        return f"{typical}, waits without limit"
    return f"{typical}, up to {duration(cost.high)}" if cost.high > cost.typical else typical


_CODE = re.compile(
    r"(?:await |async with )?[A-Za-z_][\w.]*\((?:[^()]|\([^()]*\))*\)|\b[A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+\b|`[^`]*`"
)


def marked(advice: str) -> str:
    """Put what is code in a line of advice, calls and dotted names, into backticks."""
    return _CODE.sub(lambda match: match[0] if match[0][0] == "`" else f"`{match[0]}`", advice)


def count(number: int, noun: str) -> str:
    """Return ``1 call``, ``1,234 calls``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def calls_on_path(finding: Finding) -> int:
    """Return how many project calls lead from the root to the function of the finding."""
    return len(finding.chain) - 1


def short_function(function: str, path: str) -> str:
    """Leave out of a qualified name the module that its path already names."""
    stem = path.removesuffix(".py").replace("\\", "/")
    parts = [part for part in stem.split("/") if part]
    if parts and parts[-1] == "__init__":
        parts.pop()
    for first in range(len(parts)):
        prefix = ".".join(parts[first:]) + "."
        if function.startswith(prefix):
            return function[len(prefix) :]
    return function


def unsaid(note: str, called: str) -> str:
    """Leave out of a step's note that it calls ``called``, which the next line or the title says."""
    before, _, call = note.rpartition("; ")
    verb, _, name = call.partition(" ")
    name = name.strip("`")
    is_said = verb == "calls" and (called == name or called.endswith(f".{name}"))
    return before if is_said else note
