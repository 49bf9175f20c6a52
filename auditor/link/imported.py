"""Which packages a program asks for: by import statements, and by name: ``lazy_import("pandas")``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f

if TYPE_CHECKING:
    from auditor.link.program import Module, Program


def packages_of(program: Program) -> set[str]:
    """Top-level names of all that the program may import; some may be none, which does no harm."""
    found: set[str] = set()
    for module in program.modules:
        found.update(name.partition(".")[0] for level, name in module.facts.imports if not level)
        found.update(_by_name(module))
    return found


def _by_name(module: Module) -> set[str]:
    """What is given as a literal to functions with ``import`` in their names, as of `importlib` or one's own."""
    exprs = module.facts.exprs
    found: set[str] = set()
    for call in module.facts.calls:
        callee = exprs[call[f.C_CALLEE]]
        arguments = call[f.C_ARGS]
        if not arguments or callee[0] not in _NAMED or "import" not in callee[-1]:
            continue
        first = exprs[arguments[0]]
        if first[0] == f.CONST and isinstance(first[1], str):
            found.add(first[1].partition(".")[0])
    return found


_NAMED = frozenset({f.GLOBAL, f.ATTR, f.IMPORTED})
