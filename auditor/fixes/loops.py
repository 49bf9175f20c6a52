"""``asyncio.get_event_loop()`` -> ``asyncio.get_running_loop()`` where a loop is known to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.fixes.case import Draft
from auditor.model import Confidence

if TYPE_CHECKING:
    from auditor.fixes.case import Case

_OLD: Final = "get_event_loop"
_RUNNING: Final = "asyncio.get_running_loop"


def running_loop(case: Case) -> Draft | None:
    """Ask for the loop that runs. In a plain function every caller must run on the loop, which is not proven."""
    call, site = case.call, case.site
    if call is None or call.args:
        return None
    draft = Draft(f"ask for the running loop with `{_RUNNING}`")
    function = site.source(call.func)
    if function.endswith(f".{_OLD}"):
        new = function.removesuffix(_OLD) + "get_running_loop"
    else:
        spelled = case.spell(draft, _RUNNING)
        if spelled is None:
            return None
        new = spelled
    draft.edits.append(case.edit(site.start(call.func), site.end(call.func), new))
    suspect = case.hit.suspect
    if not suspect.function.is_async:
        draft.doubts.append("it raises where no loop runs, and not every caller need be on one")
    elif case.exposed.confidence < Confidence.HIGH:
        draft.doubts.append("whether a loop runs here is not certain")
    return draft
