"""A `with` or `for` statement that blocks -> a function of its own within the coroutine function, run on a thread."""

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
    from auditor.fixes.case import Case
    from auditor.fixes.site import Site

_STAYS: Final = (cst.Await, cst.Asynchronous, cst.Yield, cst.Global, cst.Nonlocal, cst.Del)
_ELSEWHERE: Final = (cst.FunctionDef, cst.Lambda, cst.ClassDef)
_LOOPS: Final = (cst.For, cst.While)
_CALLER_BOUND: Final = frozenset({"super", "locals", "vars", "exec", "eval", "__class__"})


class Way(NamedTuple):
    """How what a statement binds gets back: by ``nonlocal``, by names returned, or as the function's own result."""

    shared: tuple[str, ...]
    returned: tuple[str, ...]
    returns: bool


def statement_to_thread(case: Case) -> Draft | None:
    """Move the statement that enters or iterates over the exposure into a function, and run that on a thread."""
    found = _statement(case.site)
    return _moved(case, found) if found is not None else None


def owner_to_thread(case: Case) -> Draft | None:
    """The same with the `with` statement to whose object the call at the exposure belongs."""
    node: cst.CSTNode = case.site.node
    while isinstance(node, (cst.Call, cst.Attribute, cst.Subscript)):
        node = node.func if isinstance(node, cst.Call) else node.value
    if not isinstance(node, cst.Name) or not case.is_direct:
        return None
    for around, part in case.site.within():
        if isinstance(around, cst.With) and around.asynchronous is None and part is around.body:
            names = [item.asname.name for item in around.items if item.asname is not None]
            if any(isinstance(name, cst.Name) and name.value == node.value for name in names):
                return _moved(case, around)
    return None


def _moved(case: Case, found: cst.With | cst.For) -> Draft | None:
    whole = case.site.at(found)
    function = whole.function
    if function is None or function.asynchronous is None or not threads.can_leave_the_loop_in(case, whole):
        return None
    is_tried = any(isinstance(around, cst.Try) for around, _ in whole.within())
    way = _way(found, function, is_tried=is_tried)
    if way is None:
        return None
    name = case.source.imports.scopes.fresh(_name(found), whole.start())
    draft = Draft(f"run the `{'for' if isinstance(found, cst.For) else 'with'}` statement on a thread")
    offloader = case.spell(draft, OFFLOADERS[case.dialect])
    if offloader is None:
        return None
    first, last = whole.start()[0], whole.end()[0]
    text = _text(whole, name, way, f"await {offloader}({name})")
    end = (last, len(whole.lines.lines[last - 1]) + 1)
    draft.edits.append(case.edit((first, 1), end, text))
    draft.doubts += threads.doubts_in(case, whole) + safety.doubts(case, whole)
    if way.shared:
        draft.doubts.append("it changes variables of the function from another thread")
    return draft


def _statement(site: Site) -> cst.With | cst.For | None:
    """The statement that enters, or iterates over, the node at the site."""
    for around, part in site.within():
        if isinstance(around, cst.With) and around.asynchronous is None and isinstance(part, cst.WithItem):
            return around
        if isinstance(around, cst.For) and around.asynchronous is None and part is around.iter:
            return around
        if isinstance(around, (cst.BaseCompoundStatement, cst.SimpleStatementLine)):
            return None
    return None


def _way(statement: cst.With | cst.For, function: cst.FunctionDef, *, is_tried: bool) -> Way | None:
    """How the statement can become a function of its own; None where it cannot.

    ``is_tried``: where it fails, somebody in the function may look at what it has bound until then.
    """
    if _stays(statement) or names_in(statement).read & _CALLER_BOUND:
        return None
    inside = names_in(statement)
    outside = names_in(function.params, *_others(function.body, statement))
    if inside.bound & outside.shared:
        return None
    common = inside.bound & (outside.bound | outside.read)
    if _returns(statement):
        common -= {name for name in _surely_bound(statement) if name not in outside.loaded}
        if isinstance(statement, cst.For) or not _ends(statement.body):
            return None
        known = outside.bound
        return Way(tuple(sorted(common & known)), (), returns=True) if common <= known else None
    bound_first = _surely_bound(statement)
    # what is bound here and only bound elsewhere is another variable of the same name
    common -= {name for name in bound_first if name not in outside.loaded}
    sure = [name for name in bound_first if name in common]
    returned = [name for name in sure if not (is_tried and name in outside.bound)]
    others = common - set(returned)
    if not others <= outside.bound:
        return None  # what may not be bound at all cannot be given back
    return Way(tuple(sorted(others)), tuple(returned), returns=False)


def _others(body: cst.CSTNode, statement: cst.CSTNode) -> list[cst.CSTNode]:
    """All of a body but one statement in it, as nodes that do not contain it."""
    found: list[cst.CSTNode] = []
    for child in children(body):
        if child is statement:
            continue
        if _contains(child, statement):
            found += _others(child, statement)
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


def _ends(body: cst.BaseSuite) -> bool:
    """Whether a block surely ends the function, by `return` or `raise`."""
    last = body.body[-1] if body.body else None
    match last:
        case cst.SimpleStatementLine():
            return any(isinstance(small, (cst.Return, cst.Raise)) for small in last.body)
        case cst.Return() | cst.Raise():
            return True
        case cst.If(orelse=cst.If() as other):
            return _ends(last.body) and _ends(cst.IndentedBlock([other]))
        case cst.If(orelse=cst.Else(body=other_body)):
            return _ends(last.body) and _ends(other_body)
        case cst.With():
            return _ends(last.body)
    return False


def _surely_bound(statement: cst.With | cst.For) -> list[str]:
    """Names that a `with` binds before it reads them, whatever happens in it; in their order."""
    if isinstance(statement, cst.For):
        return []
    found: list[str] = []
    read: set[str] = set()
    for item in statement.items:
        read |= names_in(item.item).read
        if item.asname is not None:
            found += sorted(names_in(item.asname).bound)
    for line in statement.body.body:
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


def _name(statement: cst.With | cst.For) -> str:
    """A name for what the statement does."""
    if isinstance(statement, cst.For):
        target = statement.target
        return f"for_each_{_plain(target.value)}" if isinstance(target, cst.Name) else "for_each"
    item = statement.items[0]
    call = item.item
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Name) and call.func.value == "open":
        given = [x.value for x in call.args[1:2] if x.keyword is None]
        given += [x.value for x in call.args if x.keyword is not None and x.keyword.value == "mode"]
        mode = given[0] if given else None
        text = str(mode.evaluated_value) if isinstance(mode, cst.SimpleString) else "r"
        return "append_to_file" if "a" in text else "write_file" if set(text) & {"w", "x"} else "read_file"
    if item.asname is not None and isinstance(item.asname.name, cst.Name):
        return f"with_{_plain(item.asname.name.value)}"
    node: cst.CSTNode = call.func if isinstance(call, cst.Call) else call
    last = node.attr.value if isinstance(node, cst.Attribute) else getattr(node, "value", "")
    return f"with_{_plain(last)}" if isinstance(last, str) else "in_thread"


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_") or "it"


def _text(site: Site, name: str, way: Way, call: str) -> str:
    """The function with the statement in it, and its call."""
    statement = site.node
    assert isinstance(statement, (cst.With, cst.For))
    first, last = site.start()[0], site.end()[0]
    indent = site.lines.indent(first)
    step = step_of(site, indent)
    fixed = _within_strings(site, statement)
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
    if above and not above.startswith("#") and not _opens(site, statement):
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
