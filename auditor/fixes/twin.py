"""``time.sleep(x)`` -> ``await asyncio.sleep(x)``: the coroutine function that does the same, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from auditor.fixes import safety
from auditor.fixes.case import Draft
from auditor.fixes.offload import to_thread

if TYPE_CHECKING:
    from auditor.fixes.case import Case


def async_twin(case: Case) -> Draft | None:
    """Await the twin that the catalog names; behind a helper, or without a twin, a thread."""
    twin = case.api.twin.get(case.dialect) if case.api is not None and case.is_direct else None
    if not twin:
        return to_thread(case)
    call, site = case.call, case.site
    if call is None or not site.may_await() or isinstance(site.parent, cst.Await):
        return None
    draft = Draft(f"await `{twin}`")
    spelled = case.spell(draft, twin)
    if spelled is None:
        return None
    left, right = ("(", ")") if site.needs_parentheses() else ("", "")
    draft.edits.append(case.edit(site.start(), site.end(call.func), f"{left}await {spelled}"))
    if right:
        draft.edits.append(case.edit(site.end(), site.end(), right))
    draft.doubts += safety.doubts(case)
    return draft
