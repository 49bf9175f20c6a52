"""Rules as SARIF describes them: all of it comes from the rule files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from auditor.reporters.machine import plain, sentence

if TYPE_CHECKING:
    from auditor.rulebook import Rule

_LEVELS = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "MONITOR": "note"}
_PROBLEMS = {"error": "error", "warning": "warning", "note": "recommendation"}
_PRECISION = {"stable": "high", "preview": "medium"}
_FIRST_PARAGRAPH = re.compile(r"^## What it does\n+(.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
_TAGS = ("asyncio", "performance", "concurrency")


def at_hand() -> dict[str, Rule]:
    """The rules that there are, by code."""
    from auditor.engine import installed

    return {rule.id: rule for rule in installed.rule_files()}


def descriptor(code: str, name: str, rule: Rule | None) -> dict[str, Any]:
    """The rule of a code; a bare one where there is no file for it (any more)."""
    if rule is None:
        text = sentence(name)
        return {
            "id": code,
            "name": _pascal(name),
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "help": {"text": text},
        }
    level = _LEVELS.get(rule.severity.name if rule.severity is not None else "MEDIUM", "warning")
    body = rule.body.strip()
    match = _FIRST_PARAGRAPH.search(body)
    full = sentence(match[1]) if match is not None else sentence(rule.name)
    return {
        "id": code,
        "name": _pascal(rule.name),
        "shortDescription": {"text": _short(full)},
        "fullDescription": {"text": full[:1000]},
        "help": {"text": plain(body), "markdown": plain(body)},
        "defaultConfiguration": {"level": level},
        "properties": {
            "precision": _PRECISION.get(rule.status, "medium"),
            "problem.severity": _PROBLEMS[level],
            "tags": [*_TAGS, rule.name],
        },
    }


def _short(full: str) -> str:
    """The first sentence."""
    first, _, _ = full.partition(". ")
    first = first.partition(": ")[0]
    return first if first.endswith(".") else first + "."


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[^0-9A-Za-z]+", name)) or "Rule"
