"""Stalls in words."""

from __future__ import annotations

import os

from auditor.model import BLAMELESS, Stall, StallKind
from auditor.runtime.clock import words

__all__ = ["BLAMELESS", "KINDS", "one_line", "place", "shown_path"]

KINDS = {
    StallKind.BLOCKING_WAIT: "waits in a blocking call",
    StallKind.PYTHON_CPU: "computes in Python",
    StallKind.NATIVE_CPU: "computes in C code that lets threads run",
    StallKind.C_CALL: "C code holds the interpreter lock",
    StallKind.GARBAGE_COLLECTION: "garbage collection",
    StallKind.SATURATION: "many short callbacks in one turn",
    StallKind.MACHINE_BUSY: "the machine ran something else",
    StallKind.STOPPED: "the process was stopped",
    StallKind.DEBUGGER: "in a debugger",
    StallKind.UNKNOWN: "cause not seen",
}


def shown_path(path: str) -> str:
    """The path as seen from the working directory, when it lies below."""
    try:
        shown = os.path.relpath(path)
    except (ValueError, OSError):
        return path
    return path if shown.startswith(os.pardir) else shown


def place(stall: Stall) -> str:
    """``app/views.py:12 in handler``, or where the stack was not seen."""
    if stall.site is None:
        return "at a place that was not seen"
    return f"{shown_path(stall.site.path)}:{stall.site.line} in {stall.site.function}"


def one_line(stall: Stall) -> str:
    """What is logged: ``event loop stalled for 252 ms at app/views.py:12 in handler (blocking-wait: ...)``."""
    verb = {
        "ended": "stalled for",
        "ongoing": "has been stalled for",
        "process-exited": "was stalled when the process ended, for",
    }[stall.state]
    details = [f"{stall.kind}: {KINDS[stall.kind]}"]
    if stall.culprit:
        details.append(f"thread {stall.culprit}")
    if stall.task:
        details.append(f"task {stall.task}")
    if stall.route:
        details.append(stall.route)
    if stall.note:
        details.append(stall.note)
    line = f"event loop {verb} {words(stall.duration)}: {place(stall)} ({'; '.join(details)})"
    if stall.site is not None and stall.site.text:
        line += f": {stall.site.text}"
    return " ".join(line.split())
