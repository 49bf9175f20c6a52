"""``asyncio.create_task(f())`` as a statement -> the task is kept until it is done, as asyncio's documentation says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes.case import Draft

if TYPE_CHECKING:
    from auditor.fixes.case import Case

_KEEPER: Final = "background_tasks"


def keep_task(case: Case) -> Draft | None:
    """Keep the task in a set of the module, which it leaves when it is done."""
    site = case.site
    line = site.ancestors[-2] if len(site.ancestors) > 1 else None
    if not isinstance(site.parent, cst.Expr) or not isinstance(line, cst.SimpleStatementLine):
        return None
    if len(line.body) != 1 or site.function is None:
        return None
    if case.graph.runs_off_loop(case.hit.suspect.function):
        return None  # no task is made there: that has to be mended first
    draft = Draft("keep the task until it is done")
    scopes = case.source.imports.scopes
    keeper = _kept(case)
    if keeper is None:
        keeper = scopes.fresh(_KEEPER)
        where = case.source.imports.below()
        draft.edits.append(case.edit(where, where, f"\n{keeper} = set()\n"))
    task = scopes.fresh("task")
    indent = site.lines.indent(site.start(line)[0])
    draft.edits.append(case.edit(site.start(), site.start(), f"{task} = "))
    last = site.end(line)[0]
    end = (last, len(site.lines.lines[last - 1]) + 1)
    more = f"\n{indent}{keeper}.add({task})\n{indent}{task}.add_done_callback({keeper}.discard)"
    draft.edits.append(case.edit(end, end, more))
    return draft


def _kept(case: Case) -> str | None:
    """The name of such a set, if the module has one."""
    pattern = re.compile(rf"({_KEEPER}(?:_\d+)?)(?:: set\b.*)? = set\(\)")
    found = (pattern.fullmatch(line.rstrip()) for line in case.source.lines.lines)
    return next((match[1] for match in found if match), None)
