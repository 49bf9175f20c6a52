"""Statements that stand one after another -> a function of their own within the coroutine function, run on a thread."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import libcst as cst

from auditor.fixes import safety, threads
from auditor.fixes.bindings import names_in
from auditor.fixes.case import Draft
from auditor.fixes.offload import OFFLOADERS
from auditor.fixes.walking import children

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.fixes.case import Case
    from auditor.fixes.site import Site

_STAYS: Final = (cst.Await, cst.Asynchronous, cst.Yield, cst.Global, cst.Nonlocal, cst.Del)
_ELSEWHERE: Final = (cst.FunctionDef, cst.Lambda, cst.ClassDef)
_LOOPS: Final = (cst.For, cst.While)
_CALLER_BOUND: Final = frozenset({"super", "locals", "vars", "exec", "eval", "__class__"})
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


class Way(NamedTuple):
    """How what statements bind gets back: by ``nonlocal``, by names returned, or as the function's own result."""

    shared: tuple[str, ...]
    returned: tuple[str, ...]
    returns: bool


def moved(case: Case, found: Sequence[Statement], *, together: bool = False) -> Draft | None:
    """The fix that moves the statements, which stand one after another in a block; None where they cannot move.

    ``together``: what they work on is made there, and used nowhere else.
    """
    whole = case.site.at(found[0])
    function = whole.function
    lines = (whole.start()[0], whole.end(found[-1])[0])
    if function is None or function.asynchronous is None or not threads.can_leave_the_loop_in(case, lines):
        return None
    is_tried = any(isinstance(around, cst.Try) for around, _ in whole.within())
    way = _way(found, function, is_tried=is_tried)
    if way is None:
        return None
    name = case.source.imports.scopes.fresh(_name(found[0]), whole.start())
    what = {cst.For: "the `for` statement", cst.With: "the `with` statement"}.get(type(found[0]))
    title = (
        f"run {what} on a thread"
        if what and len(found) == 1
        else f"run lines {lines[0]} to {lines[1]} on a thread"
    )
    draft = Draft(title)
    offloader = case.spell(draft, OFFLOADERS[case.dialect])
    if offloader is None:
        return None
    text = _text(whole, found, name, way, f"await {offloader}({name})")
    end = (lines[1], len(whole.lines.lines[lines[1] - 1]) + 1)
    draft.edits.append(case.edit((lines[0], 1), end, text))
    draft.doubts += threads.doubts_in(case, lines, together=together) + safety.doubts(case, whole)
    if way.shared:
        draft.doubts.append("it changes variables of the function from another thread")
    return draft


def _way(statements: Sequence[Statement], function: cst.FunctionDef, *, is_tried: bool) -> Way | None:
    """How the statements can become a function of its own; None where it cannot.

    ``is_tried``: where it fails, somebody in the function may look at what it has bound until then.
    """
    if any(map(_stays, statements)) or names_in(*statements).read & _CALLER_BOUND:
        return None
    inside = names_in(*statements)
    outside = names_in(function.params, *_others(function.body, statements))
    if inside.bound & outside.shared:
        return None
    common = inside.bound & (outside.bound | outside.read)
    if common & inside.imported:
        return None  # a module that others count on is no result
    if any(map(_returns, statements)):
        common -= {name for name in _surely_bound(statements) if name not in outside.loaded}
        if not _ends(statements):
            return None
        known = outside.bound
        return Way(tuple(sorted(common & known)), (), returns=True) if common <= known else None
    bound_first = _surely_bound(statements)
    # what is bound here and only bound elsewhere is another variable of the same name
    common -= {name for name in bound_first if name not in outside.loaded}
    sure = [name for name in bound_first if name in common]
    returned = [name for name in sure if not (is_tried and name in outside.bound)]
    others = common - set(returned)
    if not others <= outside.bound:
        return None  # what may not be bound at all cannot be given back
    return Way(tuple(sorted(others)), tuple(returned), returns=False)


def _others(body: cst.CSTNode, statements: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
    """All of a body but some statements in it, as nodes that do not contain them."""
    found: list[cst.CSTNode] = []
    for child in children(body):
        if any(child is x for x in statements):
            continue
        if _contains(child, statements[0]):
            found += _others(child, statements)
        else:
            found.append(child)
    if isinstance(body, cst.For):
        found.append(cst.AssignTarget(body.target))
    return found


def _contains(node: cst.CSTNode, wanted: cst.CSTNode) -> bool:
    return any(child is wanted or _contains(child, wanted) for child in children(node))


def _stays(node: cst.CSTNode, *, in_loop: bool = False) -> bool:
    """Whether code suspends, or leaves a loop that it is not all of."""
    if isinstance(node, _STAYS):
        return True
    if isinstance(node, (cst.Break, cst.Continue)):
        return not in_loop
    if isinstance(node, _ELSEWHERE):
        return False
    in_loop = in_loop or isinstance(node, _LOOPS)
    return any(_stays(child, in_loop=in_loop) for child in children(node))


def _returns(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Return):
        return True
    return any(not isinstance(child, _ELSEWHERE) and _returns(child) for child in children(node))


def _ends(statements: Sequence[cst.CSTNode]) -> bool:
    """Whether statements surely end the function, by `return` or `raise`."""
    last = statements[-1] if statements else None
    match last:
        case cst.SimpleStatementLine():
            return any(isinstance(small, (cst.Return, cst.Raise)) for small in last.body)
        case cst.Return() | cst.Raise():
            return True
        case cst.If(orelse=cst.If() as other):
            return _ends(last.body.body) and _ends([other])
        case cst.If(orelse=cst.Else(body=other_body)):
            return _ends(last.body.body) and _ends(other_body.body)
        case cst.Try():
            return _ends(last.body.body) and all(_ends(x.body.body) for x in last.handlers)
        case cst.With():
            return _ends(last.body.body)
    return False


def _surely_bound(statements: Sequence[Statement]) -> list[str]:
    """Names that statements bind before they read them, whatever happens in them; in their order."""
    found: list[str] = []
    read: set[str] = set()
    lines: list[cst.CSTNode] = list(statements)
    if isinstance(statements[0], cst.With):
        for item in statements[0].items:
            read |= names_in(item.item).read
            if item.asname is not None:
                found += sorted(names_in(item.asname).bound)
        # one that swallows a failure would end here: what comes behind it relies on nothing that it binds
        lines = list(statements[0].body.body) if len(statements) == 1 else lines
    for line in lines:
        if not isinstance(line, cst.SimpleStatementLine):
            read |= names_in(line).read
            continue
        for small in line.body:
            if isinstance(small, (cst.Assign, cst.AnnAssign)) and small.value is not None:
                read |= names_in(small.value).read
                targets = small.targets if isinstance(small, cst.Assign) else [cst.AssignTarget(small.target)]
                names = set().union(*(names_in(target).bound for target in targets))
                found += sorted(names - read - set(found))
            else:
                read |= names_in(small).read
    return found


def _name(statement: Statement) -> str:
    """A name for what statements do that begin with this one."""
    if isinstance(statement, cst.For):
        target = statement.target
        return f"for_each_{_plain(target.value)}" if isinstance(target, cst.Name) else "for_each"
    call: cst.CSTNode
    given: cst.CSTNode | None = None
    if isinstance(statement, cst.With):
        call, asname = statement.items[0].item, statement.items[0].asname
        given = asname.name if asname is not None else None
    else:
        small = statement.body.body[0] if isinstance(statement.body, cst.BaseSuite) else statement.body[0]
        call = small.value if isinstance(small, cst.Assign) else statement
        given = small.targets[0].target if isinstance(small, cst.Assign) else None
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Name) and call.func.value == "open":
        values = [x.value for x in call.args[1:2] if x.keyword is None]
        values += [x.value for x in call.args if x.keyword is not None and x.keyword.value == "mode"]
        mode = values[0] if values else None
        text = str(mode.evaluated_value) if isinstance(mode, cst.SimpleString) else "r"
        return "append_to_file" if "a" in text else "write_file" if set(text) & {"w", "x"} else "read_file"
    if isinstance(given, cst.Name):
        return f"with_{_plain(given.value)}"
    node: cst.CSTNode = call.func if isinstance(call, cst.Call) else call
    last = node.attr.value if isinstance(node, cst.Attribute) else getattr(node, "value", "")
    return f"with_{_plain(last)}" if isinstance(last, str) else "in_thread"


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_") or "it"


def _text(site: Site, statements: Sequence[Statement], name: str, way: Way, call: str) -> str:
    """The function with the statements in it, and its call."""
    first, last = site.start()[0], site.end(statements[-1])[0]
    indent = site.lines.indent(first)
    step = step_of(site, indent)
    fixed = set().union(*(_within_strings(site, x) for x in statements))
    lines = [f"{indent}def {name}():"]
    if way.shared:
        lines.append(f"{indent}{step}nonlocal {', '.join(way.shared)}")
    for number in range(first, last + 1):
        line = site.lines.lines[number - 1]
        lines.append(line if number in fixed or not line.strip() else step + line)
    names = ", ".join(way.returned)
    if names:
        lines.append(f"{indent}{step}return {names}")
    before = "return " if way.returns else f"{names} = " if names else ""
    above = site.lines.lines[first - 2].strip() if first > 1 else ""
    if above and not above.startswith("#") and not _opens(site, statements[0]):
        lines.insert(0, "")
    return "\n".join([*lines, "", f"{indent}{before}{call}"])


def _opens(site: Site, statement: cst.CSTNode) -> bool:
    """Whether the statement is the first of its block."""
    block = site.parent
    return isinstance(block, cst.BaseSuite) and block.body[0] is statement


def step_of(site: Site, indent: str) -> str:
    """What one more level of indentation is made of."""
    function = site.function
    assert function is not None
    body = function.body
    if isinstance(body, cst.IndentedBlock) and body.body:
        inner = site.lines.indent(site.start(body.body[0])[0])
        outer = site.lines.indent(site.start(function)[0])
        if inner.startswith(outer) and inner != outer:
            return inner[len(outer) :]
    return "\t" if "\t" in indent else "    "


def _within_strings(site: Site, node: cst.CSTNode) -> set[int]:
    """Lines that begin within a string: what stands there must not move."""
    found: set[int] = set()
    if isinstance(node, (cst.SimpleString, cst.FormattedString)):
        first, _, last, _ = site.span(node)
        return set(range(first + 1, last + 1))
    for child in children(node):
        found |= _within_strings(site, child)
    return found
