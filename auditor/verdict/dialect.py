"""Which asynchronous library a project is written for, and so which one advice should name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.config import Config
    from auditor.link.program import Program


def dialect(config: Config, program: Program) -> str:
    """What the settings say; else asyncio, unless the program imports only trio or anyio."""
    if any(name == "dialect" for name, _ in config.sources):
        return config.dialect
    imported = {
        name.partition(".")[0]
        for module in program.modules
        for level, name in module.facts.imports
        if not level
    }
    if "asyncio" not in imported:
        for other in ("trio", "anyio"):
            if other in imported:
                return other
    return config.dialect
