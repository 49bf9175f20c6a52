"""``subprocess.run`` -> `run_process` of AnyIO or Trio, where its arguments say the same there.

As anyio/_core/_subprocesses.py (4.16) and trio/_subprocess.py have it: both raise on an exit code that is not 0 unless
told otherwise, and give bytes; AnyIO captures output unless told otherwise, and takes an empty ``input`` for none;
the child of Trio reads nothing unless told otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import libcst as cst

from auditor.fixes import safety
from auditor.fixes.case import Draft

if TYPE_CHECKING:
    from auditor.fixes.case import Case

_RUN: Final = "subprocess.run"
_CHILDREN: Final = {"anyio": "anyio.run_process", "trio": "trio.run_process"}
_SAME: Final = frozenset({"cwd", "env"})
_FLAGS: Final = frozenset({"check", "capture_output"})


def child_twin(case: Case) -> Draft | None:
    """Await the child where the dialect has a twin of ``subprocess.run`` for the arguments that are given."""
    call, site = case.call, case.site
    twin = _CHILDREN.get(case.dialect)
    if call is None or twin is None or not case.is_direct or case.hit.callee != _RUN:
        return None
    if not isinstance(call.func, cst.Attribute) or not site.may_await() or isinstance(site.parent, cst.Await):
        return None
    given = _keywords(call)
    if given is None or ("input" in given and case.dialect == "anyio"):
        return None
    captures, feeds = _is_true(given.get("capture_output")), "input" in given
    draft = Draft(f"await `{twin}`")
    spelled = case.spell(draft, twin)
    if spelled is None:
        return None
    left, right = ("(", ")") if site.needs_parentheses() else ("", "")
    draft.edits.append(case.edit(site.start(), site.end(call.func), f"{left}await {spelled}"))
    added = [] if "check" in given else ["check=False"]
    module = site.source(call.func.value)
    if case.dialect == "anyio":
        pipe = f"{module}.PIPE" if captures else "None"
        output = f"stdout={pipe}, stderr={pipe}"
    else:
        output = "capture_stdout=True, capture_stderr=True" if captures else ""
        added += [] if feeds else ["stdin=None"]
        if feeds:
            name = given["input"].keyword
            assert name is not None
            draft.edits.append(case.edit(site.start(name), site.end(name), "stdin"))
    if "capture_output" in given:
        flag = given["capture_output"]
        draft.edits.append(
            case.edit(site.start(flag), site.end(flag.value), output or "capture_stdout=False")
        )
    elif output:
        added.append(output)
    if added:
        end = site.end(call.args[-1].value)
        draft.edits.append(case.edit(end, end, "".join(f", {text}" for text in added)))
    if right:
        draft.edits.append(case.edit(site.end(), site.end(), right))
    draft.doubts += safety.doubts(case)
    return draft


def _keywords(call: cst.Call) -> dict[str, cst.Arg] | None:
    """The arguments by name; None if some of them mean something else to the twin, or nothing."""
    if (
        not call.args
        or call.args[0].keyword is not None
        or not isinstance(call.args[0].value, (cst.List, cst.Tuple))
    ):
        return None  # what is one string is for the shell there
    found: dict[str, cst.Arg] = {}
    for argument in call.args[1:]:
        name = argument.keyword.value if argument.keyword is not None else ""
        is_flag = isinstance(argument.value, cst.Name) and argument.value.value in ("True", "False")
        if name not in _SAME and name != "input" and not (name in _FLAGS and is_flag):
            return None
        found[name] = argument
    return found


def _is_true(argument: cst.Arg | None) -> bool:
    return argument is not None and isinstance(argument.value, cst.Name) and argument.value.value == "True"
