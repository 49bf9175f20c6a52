"""``to_thread(f(x))`` -> ``to_thread(f, x)``: the function is handed over, and runs where it was meant to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes.case import Draft
from auditor.fixes.offload import hand_over, short, takes_keyword
from auditor.fixes.site import opening

if TYPE_CHECKING:
    from auditor.fixes.case import Case

_KEYWORDS_TOO: Final = ("asyncio.to_thread", "Executor.submit")
"""Offloaders that pass keywords on as well."""


def pass_the_callable(case: Case) -> Draft | None:
    """Hand over the function and its arguments: one after the other where the offloader takes them so, else bound."""
    call, site = case.call, case.site
    handed_over = case.hit.suspect.handed_over
    argument = site.parent
    outer = site.ancestors[-2] if len(site.ancestors) > 1 else None
    if (
        call is None
        or handed_over is None
        or not isinstance(argument, cst.Arg)
        or not isinstance(outer, cst.Call)
    ):
        return None
    draft = Draft(f"hand `{short(site.source(call.func))}` itself to `{handed_over.offloader}`")
    if not call.args:
        draft.edits.append(case.edit(site.end(call.func), site.end(), ""))
    elif _takes_arguments(case, handed_over.offloader, call, argument, outer):
        opened = opening(site, call)
        behind = (opened[0], opened[1] + 1)
        gap = site.lines.between(behind, site.start(call.args[0]))
        draft.edits.append(case.edit(opened, behind, "," if gap[:1].isspace() else ", "))
        last = call.args[-1]
        comma = last.comma if isinstance(last.comma, cst.Comma) else None
        end = site.end()
        draft.edits.append(case.edit(site.end(last) if comma else (end[0], end[1] - 1), end, ""))
    else:
        partial = case.spell(draft, "functools.partial")
        if partial is None:
            return None
        hand_over(case, site, draft, f"{partial}(")
    draft.doubts.append("it ran on the loop so far, and now runs where it was meant to")
    return draft


def _takes_arguments(case: Case, offloader: str, call: cst.Call, argument: cst.Arg, outer: cst.Call) -> bool:
    """Whether the offloader passes on what follows the function, which is the last thing it is given."""
    if argument.keyword is not None or argument is not outer.args[-1]:
        return False
    entries = case.graph.edges.runs(offloader)
    if not any(entry.passes == "rest" for entry in entries):
        return False
    return offloader.endswith(_KEYWORDS_TOO) or not any(takes_keyword(x) for x in call.args)
