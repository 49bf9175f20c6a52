"""What was seen at run time, in words."""

from __future__ import annotations

from auditor.model import MissedAlarm, Observation
from auditor.reporters.wording import count, duration

RAN = (
    "its function ran while stalls were recorded, and none was seen here; that does not prove that it cannot block: "
    "it may have been quick, or have taken another way"
)


def sentence(found: Observation) -> str:
    """What recorded stalls say of a finding."""
    return f"confirmed at run time: {figures(found)}" if found.stalls else RAN


def figures(found: Observation) -> str:
    """As in "3 stalls, the longest 0.5 s, 1.2 s in all (blocking-wait), on GET /"."""
    text = f"{count(found.stalls, 'stall')}, the longest {duration(found.longest)}, {duration(found.total)} in all"
    text += f" ({', '.join(found.kinds)})"
    return text + (f", on {', '.join(f'`{route}`' for route in found.routes)}" if found.routes else "")


def place(found: MissedAlarm) -> str:
    """Where it was."""
    return f"{found.path}:{found.line} in {found.function}" if found.path else "a place that was not seen"


def way(found: MissedAlarm) -> str:
    """The program's frames that led there, outermost first; the place itself is left out."""
    return " > ".join(f"{frame.function} ({frame.path}:{frame.line})" for frame in found.frames[-6:-1])
