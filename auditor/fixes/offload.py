"""``f(x)`` -> ``await asyncio.to_thread(f, x)``, in the dialect of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes import safety, threads
from auditor.fixes.case import Draft
from auditor.fixes.site import opening
from auditor.fixes.walking import children

if TYPE_CHECKING:
    from auditor.fixes.case import Case
    from auditor.fixes.site import Site

OFFLOADERS: Final = {
    "asyncio": "asyncio.to_thread",
    "anyio": "anyio.to_thread.run_sync",
    "trio": "trio.to_thread.run_sync",
}
_EXHAUSTS: Final = frozenset(
    {"list", "tuple", "set", "frozenset", "sorted", "dict", "any", "all", "sum", "min", "max"}
)
_PARTIAL: Final = "functools.partial"
_SHORT: Final = 40


def to_thread(case: Case) -> Draft | None:
    """Run the call of the exposure on a thread, where it is a call in a coroutine function, and may leave the loop."""
    call = case.call
    site = case.site
    if call is None or case.hit.suspect.group == "iteration" or not threads.can_leave_the_loop(case):
        return None
    repeated = _repeated(site)
    whole = _whole_repetition(case, repeated) if repeated is not None else None
    if whole is not None:
        return whole
    chain = _chain(case)
    if chain is not None:
        return _whole_chain(case, chain)
    if case.is_direct and case.graph.evaluator.catalog.is_lazy(case.hit.callee):
        return _exhausted(case)
    if case.is_handle:
        outer = site.ancestors[-2] if isinstance(site.parent, cst.Arg) else None
        is_used_up = isinstance(outer, cst.Call) and threads.uses_up(case, site.at(outer))
        return _whole_chain(case, site.at(outer)) if is_used_up and outer is not None else None
    if not _is_free(site):
        return None
    draft = Draft(f"run `{short(site.source(call.func))}` on a thread")
    offloader = case.spell(draft, OFFLOADERS[case.dialect])
    if offloader is None:
        return None
    wrapper = ""
    if case.dialect != "asyncio" and any(takes_keyword(argument) for argument in call.args):
        spelled = case.spell(draft, _PARTIAL)
        if spelled is None:
            return None
        wrapper = f"{spelled}("
    hand_over(case, site, draft, f"await {offloader}({wrapper}", ")" if wrapper else "")
    draft.doubts += threads.doubts(case) + safety.doubts(case)
    return draft


def _is_free(site: Site) -> bool:
    """Whether the call may be awaited where it stands, and is nothing but a value there."""
    return site.may_await() and not isinstance(site.parent, (cst.Await, cst.WithItem))


def _repeated(site: Site) -> cst.BaseComp | None:
    """The comprehension that repeats the call; not one that only iterates over its result."""
    found, is_first = None, False
    for around, part in site.within():
        if isinstance(around, cst.CompFor):
            is_first = part is around.iter
        elif isinstance(around, cst.BaseComp):
            # what it iterates over first is evaluated once
            if found is not None or not (is_first and part is around.for_in):
                found = around
            is_first = False
        elif isinstance(around, (cst.BaseCompoundStatement, cst.SimpleStatementLine)):
            break
    return found


def _whole_repetition(case: Case, repeated: cst.BaseComp) -> Draft | None:
    """Run the comprehension on a thread: once there, not once for each element."""
    site = case.site.at(repeated)
    if isinstance(repeated, cst.GeneratorExp):
        outer = site.ancestors[-2] if isinstance(site.parent, cst.Arg) else None
        if not isinstance(outer, cst.Call) or not _exhausts(outer.func):
            return None
        site = site.at(outer)
    return _whole_chain(case, site) if threads.can_leave_the_loop_in(case, _lines(site)) else None


def _exhausts(function: cst.BaseExpression) -> bool:
    """Whether a call of that name uses up what it is given at once."""
    if isinstance(function, cst.Attribute):
        return function.attr.value == "join"
    return isinstance(function, cst.Name) and function.value in _EXHAUSTS


def _chain(case: Case) -> Site | None:
    """The last call of ``f(x).g(y)`` where the thread must make that one as well: it blocks too, or uses a handle."""
    site = case.site
    last = None
    while isinstance(site.parent, cst.Attribute) and len(site.ancestors) > 1:
        outer = site.ancestors[-2]
        if not isinstance(outer, cst.Call) or outer.func is not site.parent:
            site = site.at(site.parent)
            continue
        site = site.at(outer)
        if case.is_handle or site.span() in case.spans:
            last = site
    return last


def _exhausted(case: Case) -> Draft | None:
    """What works only when it is iterated over: the thread iterates, and gives a list where nothing else does it."""
    site = case.site
    match site.parent:
        case cst.Arg():
            outer = site.ancestors[-2]
            if isinstance(outer, cst.Call) and _exhausts(outer.func):
                return _whole_chain(case, site.at(outer))
        case cst.For(iter=node) | cst.CompFor(iter=node) if node is site.node:
            comprehension = site.ancestors[-2] if isinstance(site.parent, cst.CompFor) else None
            if isinstance(comprehension, cst.BaseComp):
                whole = _whole_repetition(case, comprehension)
                if whole is not None or not isinstance(comprehension, cst.GeneratorExp):
                    return whole
            return _whole_chain(case, site, "list(", ")")
    return None


def _whole_chain(case: Case, site: Site, before: str = "", after: str = "") -> Draft | None:
    """Run an expression on a thread as it is, in what ``before`` opens and ``after`` closes."""
    if not _is_free(site) or _suspends(site.node):
        return None
    draft = Draft(f"run `{short(site.source())}` on a thread")
    offloader = case.spell(draft, OFFLOADERS[case.dialect])
    if offloader is None:
        return None
    left, right = ("(", ")") if site.needs_parentheses() else ("", "")
    draft.edits.append(case.edit(site.start(), site.start(), f"{left}await {offloader}(lambda: {before}"))
    draft.edits.append(case.edit(site.end(), site.end(), f"{after}){right}"))
    # all of the expression moves, and not only the call
    draft.doubts += threads.doubts(case) or threads.doubts_in(case, _lines(site))
    draft.doubts += safety.doubts(case)
    return draft


def _lines(site: Site) -> tuple[int, int]:
    return site.start()[0], site.end()[0]


def _suspends(node: cst.CSTNode) -> bool:
    """Whether a function of its own could not hold the expression: it awaits, yields, or binds a name."""
    if isinstance(node, (cst.Await, cst.Yield, cst.NamedExpr, cst.Asynchronous)):
        return True
    return any(map(_suspends, children(node)))


def hand_over(case: Case, site: Site, draft: Draft, before: str, after: str = "") -> None:
    """Make the call at the site one of what ``before`` opens: its function, then its arguments, as they are written."""
    call = site.node
    assert isinstance(call, cst.Call)
    left, right = ("(", ")") if before.startswith("await ") and site.needs_parentheses() else ("", "")
    start, end, paren = site.start(), site.end(), opening(site, call)
    behind = (paren[0], paren[1] + 1)
    first = site.start(call.args[0]) if call.args else end
    gap = site.lines.between(behind, first)
    # one argument a line: the function gets a line of its own
    own_line = "\n" + gap.rpartition("\n")[2] if call.args and "\n" in gap else ""
    draft.edits.append(case.edit(start, start, f"{left}{before}{own_line}"))
    if call.args:
        draft.edits.append(case.edit(paren, behind, "," if gap[:1].isspace() else ", "))
    else:
        draft.edits.append(case.edit(paren, behind, ""))
    if after or right:
        draft.edits.append(case.edit(end, end, after + right))


def takes_keyword(argument: cst.Arg) -> bool:
    return argument.keyword is not None or argument.star == "**"


def short(text: str) -> str:
    """Source as a title shows it."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHORT else plain[: _SHORT - 3] + "..."
