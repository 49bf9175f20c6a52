"""From a thread to the loop: the thread-safe form of what is called, and the loop taken where it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes.bindings import locals_of, names_in
from auditor.fixes.case import Draft
from auditor.fixes.kept_loops import stored_loop
from auditor.fixes.offload import hand_over, takes_keyword
from auditor.fixes.walking import walk

if TYPE_CHECKING:
    from auditor.fixes.case import Case
    from auditor.fixes.site import Site

_SAFE_FORMS: Final = {"call_soon": "call_soon_threadsafe"}
_CROSS: Final = "asyncio.run_coroutine_threadsafe"
_CLOSURE: Final = 2
"""Functions around a place in a closure: that of the closure, and the one that it stands in."""
_RUNNING: Final = "asyncio.get_running_loop"
_STORED: Final = "the loop that the object keeps must be the one that is meant, and be there by then"
_LATER: Final = "the loop does it later: the thread goes on before it has happened, and sees no failure of it"


def threadsafe_method(case: Case) -> Draft | None:
    """``loop.call_soon(f)`` -> ``loop.call_soon_threadsafe(f)``, and so on for the other methods of a loop."""
    call, site = case.call, case.site
    if call is None or not isinstance(call.func, cst.Attribute) or not _is_plain(call.func.value):
        return None
    name, loop = call.func.attr.value, site.source(call.func.value)
    if name in _SAFE_FORMS:
        draft = Draft(f"use `{_SAFE_FORMS[name]}`")
        draft.edits.append(case.edit(site.start(call.func.attr), site.end(call.func.attr), _SAFE_FORMS[name]))
        draft.doubts.append("the callback now runs at once where it was not woken before")
        return draft
    if name == "create_task":
        return _coroutine(case, site, call, loop)
    if not _is_statement(site):
        return None
    draft = Draft(f"let the loop call `{name}`")
    return _later(case, draft, loop)


def _coroutine(case: Case, site: Site, call: cst.Call, loop: str) -> Draft | None:
    """``loop.create_task(c)`` -> ``asyncio.run_coroutine_threadsafe(c, loop)``, where the task itself is not used."""
    if len(call.args) != 1 or takes_keyword(call.args[0]) or call.args[0].star or not _is_statement(site):
        return None
    draft = Draft(f"hand the coroutine to the loop with `{_CROSS}`")
    spelled = case.spell(draft, _CROSS)
    if spelled is None:
        return None
    draft.edits.append(case.edit(site.start(call.func), site.end(call.func), spelled))
    end = site.end(call.args[0].value)
    draft.edits.append(case.edit(end, end, f", {loop}"))
    draft.doubts.append("a failure stays in the future that nobody asks")
    return draft


def threadsafe_object(case: Case) -> Draft | None:
    """``event.set()`` on a thread -> ``loop.call_soon_threadsafe(event.set)``, with the coroutine's loop."""
    call, site = case.call, case.site
    if call is None or not isinstance(call.func, cst.Attribute) or not _is_statement(site):
        return None
    draft = Draft(f"let the loop call `{call.func.attr.value}`")
    loop = _captured(case, site, draft)
    if loop is None:
        loop = stored_loop(case)
        draft.doubts.append(_STORED)
    return _later(case, draft, loop) if loop is not None else None


def captured_loop(case: Case) -> Draft | None:
    """``get_event_loop()`` on a thread -> the loop of the coroutine around the closure, or the one the object keeps."""
    if case.call is None or case.call.args:
        return None
    return _from_coroutine(case) or _from_object(case)


def _from_coroutine(case: Case) -> Draft | None:
    site = case.site
    draft = Draft("take the loop in the coroutine, where it runs")
    statement = site.ancestors[-2] if len(site.ancestors) > 1 else None
    kept = site.parent
    if (
        isinstance(kept, cst.Assign)
        and isinstance(statement, cst.SimpleStatementLine)
        and len(statement.body) == 1
    ):
        target = kept.targets[0].target
        function = site.function
        if len(kept.targets) != 1 or not isinstance(target, cst.Name) or function is None:
            return None
        block = site.at(statement).parent
        if not isinstance(block, cst.BaseSuite) or len(block.body) < 2:
            return None
        if assignments(function, target.value) != 1:
            return None
        if _captured(case, site, draft, target.value) != target.value:
            return None
        first, last = site.start(statement)[0], site.end(statement)[0]
        draft.edits.append(case.edit((first, 1), (last + 1, 1), ""))
    else:
        loop = _captured(case, site, draft)
        if loop is None:
            return None
        draft.edits.append(case.edit(site.start(), site.end(), loop))
    draft.doubts.append("the loop is that of the coroutine, and the thread must end before it does")
    return draft


def _from_object(case: Case) -> Draft | None:
    loop = stored_loop(case)
    if loop is None:
        return None
    draft = Draft(f"take the loop that the object keeps, `{loop}`")
    draft.edits.append(case.edit(case.site.start(), case.site.end(), loop))
    draft.doubts.append(_STORED)
    return draft


def _captured(case: Case, site: Site, draft: Draft, wanted: str = "") -> str | None:
    """The name of the running loop, taken in the coroutine function right around the function of the site."""
    every = [x for x in site.ancestors if isinstance(x, (cst.FunctionDef, cst.ClassDef))]
    coroutines = [at for at, x in enumerate(every) if isinstance(x, cst.FunctionDef) and x.asynchronous]
    if not coroutines:
        return None
    around = [x for x in every[coroutines[-1] :] if isinstance(x, cst.FunctionDef)]
    if len(around) != len(every) - coroutines[-1] or len(around) < _CLOSURE:
        return None
    outer, inner = around[:2]
    block = site.at(inner).parent
    if not isinstance(block, cst.IndentedBlock) or block is not outer.body:
        return None
    taken = _taken(block, inner)
    if taken and wanted in ("", taken):
        return taken
    name = wanted or "loop"
    if name in locals_of(outer) or (
        not wanted and any(name in locals_of(x) for x in around if x is not outer)
    ):
        if wanted:
            return None
        name = case.source.imports.scopes.fresh(name)
    spelled = case.spell(draft, _RUNNING)
    if spelled is None:
        return None
    # above the first function, so that all of them share it
    first = next(x for x in block.body if isinstance(x, cst.FunctionDef))
    line = site.start(first.decorators[0] if first.decorators else first)[0]
    indent = site.lines.indent(line)
    is_parted = line > 1 and not site.lines.lines[line - 2].strip()
    while line > 1 and not site.lines.lines[line - 2].strip():
        line -= 1
    text = f"{indent}{name} = {spelled}()\n" + ("" if is_parted else "\n")
    draft.edits.append(case.edit((line, 1), (line, 1), text))
    return name


def _taken(block: cst.IndentedBlock, before: cst.CSTNode) -> str:
    """The name of the running loop, where the block has taken it already."""
    for statement in block.body[: list(block.body).index(before)]:  # type: ignore[arg-type]
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if not isinstance(small, cst.Assign) or not isinstance(small.value, cst.Call) or small.value.args:
            continue
        function, target = small.value.func, small.targets[0].target
        asked = function.attr if isinstance(function, cst.Attribute) else function
        if isinstance(asked, cst.Name) and asked.value == "get_running_loop" and isinstance(target, cst.Name):
            return target.value
    return ""


def _later(case: Case, draft: Draft, loop: str) -> Draft | None:
    call = case.call
    before = f"{loop}.call_soon_threadsafe("
    after = ""
    if call is not None and any(takes_keyword(argument) for argument in call.args):
        partial = case.spell(draft, "functools.partial")
        if partial is None:
            return None
        before, after = f"{before}{partial}(", ")"
    hand_over(case, case.site, draft, before, after)
    draft.doubts.append(_LATER)
    return draft


def _is_plain(node: cst.CSTNode) -> bool:
    """Whether an expression may be written twice: a name, or attributes of one."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return isinstance(node, cst.Name)


def _is_statement(site: Site) -> bool:
    return isinstance(site.parent, cst.Expr)


def assignments(function: cst.FunctionDef, name: str) -> int:
    """How often a function binds a name by an assignment; 2 for anything else that binds it."""
    finder = _Assignments(name)
    walk(function.body, finder)
    bound = names_in(function.params).bound
    return 2 if name in bound else finder.count


class _Assignments:
    def __init__(self, name: str) -> None:
        self._name = name
        self.count = 0

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self.count += self._name in names_in(node).bound

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self.count += 2 * (isinstance(node.target, cst.Name) and node.target.value == self._name)

    def visit_For(self, node: cst.For) -> None:
        self.count += 2 * (isinstance(node.target, cst.Name) and node.target.value == self._name)
