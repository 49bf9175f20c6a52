"""Pools of threads: a time limit that fires although the pool is left, and coroutine functions given to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes.case import Draft
from auditor.fixes.moving import step_of
from auditor.fixes.offload import short

if TYPE_CHECKING:
    from auditor.fixes.case import Case

_RUN: Final = "asyncio.run"


def leave_the_pool(case: Case) -> Draft | None:
    """``with ThreadPoolExecutor() as pool:`` around a wait with a limit -> a pool that nobody waits for at the end."""
    site = case.site
    found = next((x for x, part in site.within() if isinstance(x, cst.With) and part is x.body), None)
    if found is None or len(found.items) != 1 or not isinstance(found.body, cst.IndentedBlock):
        return None
    item = found.items[0]
    if (
        item.asname is None
        or not isinstance(item.asname.name, cst.Name)
        or not isinstance(item.item, cst.Call)
    ):
        return None
    name = item.asname.name.value
    draft = Draft("let the time limit fire, without waiting for the pool")
    first, last = site.start(found)[0], site.end(found)[0]
    indent = site.lines.indent(first)
    step = step_of(site.at(found), indent)
    head = site.end(item)
    colon = site.lines.position(site.lines.text.index(":", site.lines.offset(head)))
    made = site.source(item.item)
    draft.edits.append(
        case.edit(site.start(found), (colon[0], colon[1] + 1), f"{name} = {made}\n{indent}try:")
    )
    end = (last, len(site.lines.lines[last - 1]) + 1)
    draft.edits.append(case.edit(end, end, f"\n{indent}finally:\n{indent}{step}{name}.shutdown(wait=False)"))
    draft.doubts.append("what was given to the pool may go on after this block")
    return draft


def await_the_coroutine(case: Case) -> Draft | None:
    """A coroutine function given to a pool or a thread -> awaited where a loop runs, else run on a loop of its own."""
    call, site = case.call, case.site
    if call is None:
        return None
    given = _given(call)
    if given is None:
        return None
    function, arguments = given
    made = f"{site.source(function)}({', '.join(site.source(x) for x in arguments)})"
    if isinstance(site.parent, cst.Await):
        draft = Draft(f"await `{short(made)}`")
        draft.edits.append(case.edit(site.start(), site.end(), made))
        draft.doubts.append("it runs on the loop that awaits it, which what blocks in it will stop")
        return draft
    if case.hit.suspect.function.is_async:
        return None
    draft = Draft(f"run `{short(made)}` on a loop of its own")
    run = case.spell(draft, _RUN)
    if run is None:
        return None
    if targets := _keywords(call, "target"):
        packed = _keywords(call, "args")
        draft.edits.append(case.edit(site.start(function), site.end(function), run))
        where = site.span(packed[0]) if packed else (*site.end(targets[0]), *site.end(targets[0]))
        text = f"args=({made},)"
        draft.edits.append(case.edit(where[:2], where[2:], text if packed else f", {text}"))
    else:
        end = site.end(arguments[-1]) if arguments else site.end(function)
        draft.edits.append(case.edit(site.start(function), end, f"{run}, {made}"))
    draft.doubts.append("what it uses must not belong to another loop")
    return draft


def _given(call: cst.Call) -> tuple[cst.BaseExpression, list[cst.CSTNode]] | None:
    """The function that is given, and its arguments, as far as they are written out."""
    if targets := _keywords(call, "target"):
        function = targets[0].value
        packed = _keywords(call, "args")
        if _keywords(call, "kwargs") or not isinstance(function, (cst.Name, cst.Attribute)):
            return None
        if not packed:
            return function, []
        value = packed[0].value
        return (function, list(value.elements)) if isinstance(value, cst.Tuple) else None
    name = call.func.attr.value if isinstance(call.func, cst.Attribute) else getattr(call.func, "value", "")
    first = 1 if name == "run_in_executor" else 0
    if name not in ("run_in_executor", "to_thread", "submit") or len(call.args) <= first:
        return None
    function = call.args[first].value
    if not isinstance(function, (cst.Name, cst.Attribute)) or call.args[first].keyword is not None:
        return None
    return function, list(call.args[first + 1 :])


def _keywords(call: cst.Call, name: str) -> list[cst.Arg]:
    return [x for x in call.args if x.keyword is not None and x.keyword.value == name]
