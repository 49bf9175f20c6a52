"""``await f()`` of what is no coroutine function: without the `await`, or with a thread between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from auditor.fixes.case import Draft
from auditor.fixes.offload import OFFLOADERS, hand_over, short, takes_keyword

if TYPE_CHECKING:
    from auditor.fixes.case import Case


def mend_the_await(case: Case) -> Draft | None:
    """A function that blocks is run on a thread, which can be awaited; of any other the call itself is meant."""
    call, site = case.call, case.site
    waiting = site.parent
    if call is None or not isinstance(waiting, cst.Await):
        return None
    api = case.graph.edges.api(case.hit.callee)
    if api is None or api.effect != "blocks":
        draft = Draft(f"call `{short(site.source(call.func))}` without `await`")
        draft.edits.append(case.edit(site.start(waiting), site.start(), ""))
        draft.doubts.append("a function of the same name may have been meant that is a coroutine function")
        return draft
    if case.dialect != "asyncio" and any(takes_keyword(argument) for argument in call.args):
        return None
    draft = Draft(f"run `{short(site.source(call.func))}` on a thread")
    offloader = case.spell(draft, OFFLOADERS[case.dialect])
    if offloader is None:
        return None
    hand_over(case, site, draft, f"{offloader}(")
    draft.doubts.append("a coroutine function of another library may have been meant")
    return draft
