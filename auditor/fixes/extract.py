"""Which statements must go to a thread together: a `with` or `for` that blocks, and all that uses what one opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from auditor.fixes import threads
from auditor.fixes.bindings import names_in
from auditor.fixes.crossing import assignments
from auditor.fixes.moving import moved
from auditor.fixes.walking import children

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.fixes.case import Case, Draft
    from auditor.fixes.moving import Statement
    from auditor.fixes.site import Site


def statement_to_thread(case: Case) -> Draft | None:
    """Move the statement that enters or iterates over the exposure into a function, and run that on a thread."""
    found = _statement(case.site)
    return moved(case, [found]) if found is not None else None


def owner_to_thread(case: Case) -> Draft | None:
    """The same with the `with` statement to whose object the call at the exposure belongs."""
    owner = _root(case.site.node)
    if owner is None or not case.is_direct:
        return None
    for around, part in case.site.within():
        if isinstance(around, cst.With) and around.asynchronous is None and part is around.body:
            names = [item.asname.name for item in around.items if item.asname is not None]
            if any(isinstance(name, cst.Name) and name.value == owner for name in names):
                return moved(case, [around])
    return None


def uses_to_thread(case: Case) -> Draft | None:
    """Move the statement that opens something together with all that use it: ``f = open(p)`` to ``f.close()``."""
    if not case.is_direct:
        return None
    site = case.site
    statement = site.statement()
    block = site.at(statement).parent
    function = site.function
    if not isinstance(block, cst.IndentedBlock) or function is None:
        return None
    statements = [
        x for x in block.body if isinstance(x, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
    ]
    opened = _opened(statement)
    if opened is None or opened[1] is not site.node:
        opened = None
    owner: str | None = opened[0] if opened is not None else _root(site.node)
    first = statement
    seen: set[str | None] = {None}
    while owner not in seen and (maker := _maker(statements, str(owner), before=first)) is not None:
        # what it is made of belongs to it: a cursor to its connection
        seen.add(owner)
        first, opened = maker
        owner = _root(opened[1])
    if opened is None or assignments(function, opened[0]) != 1:
        return None
    found = _all_uses(case, function, statements, first, opened[0])
    return moved(case, found, together=True) if found else None


def _maker(
    block: Sequence[Statement], name: str, *, before: cst.CSTNode
) -> tuple[Statement, tuple[str, cst.CSTNode]] | None:
    """The statement of a block that makes what a name stands for, with what it assigns."""
    for statement in block:
        opened = _opened(statement)
        if opened is not None and opened[0] == name:
            return statement, opened
        if statement is before:
            return None
    return None


def _all_uses(
    case: Case, function: cst.FunctionDef, block: Sequence[Statement], first: cst.CSTNode, name: str
) -> list[Statement]:
    """The statements of a block from the first to the last that uses what it opens; none where others use it too."""
    names = {name}
    start = next(number for number, x in enumerate(block) if x is first)
    working = threads.lines_of_affine_sinks(case)
    while True:
        last = max(number for number, x in enumerate(block) if names_in(x).read & names)
        found = list(block[start : last + 1])
        # what it makes, such as a cursor, belongs to it as long as it has work to do itself
        made = {
            target
            for statement in found
            for target, value in _made(statement)
            if _root(value) in names and _works(case, function, target, working)
        }
        if made <= names:
            break
        names |= made
    if not case.is_handle and not any(_works(case, function, x, working) for x in names):
        return []  # each of its calls may go on its own
    everywhere = [x for x in _simple(function.body) if names_in(x).read & names]
    inside = [x for statement in found for x in _simple(statement)]
    given_away = any(isinstance(x, cst.Return) and _gives(x.value, names) for x in inside)
    return found if not given_away and all(any(x is y for y in inside) for x in everywhere) else []


def _gives(value: cst.CSTNode | None, names: set[str]) -> bool:
    """Whether a result is, or holds, what one of the names stands for."""
    if isinstance(value, (cst.Tuple, cst.List)):
        return any(_gives(element.value, names) for element in value.elements)
    return isinstance(value, cst.Name) and value.value in names


def _works(case: Case, function: cst.FunctionDef, name: str, lines: set[int]) -> bool:
    """Whether a call of a method of what a name stands for blocks."""
    pending: list[cst.CSTNode] = [function.body]
    while pending:
        node = pending.pop()
        if (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and _root(node.func) == name
            and case.site.span(node)[0] in lines
        ):
            return True
        pending += children(node)
    return False


def _simple(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of statements that are no statements themselves, each once."""
    if isinstance(node, cst.BaseSmallStatement) or not isinstance(
        node, (cst.BaseSuite, cst.BaseStatement, cst.Else, cst.Finally, cst.ExceptHandler)
    ):
        yield node
        return
    for child in children(node):
        yield from _simple(child)


def _opened(statement: cst.CSTNode) -> tuple[str, cst.CSTNode] | None:
    """Name and value of a statement that does nothing but assign a call's result to one name."""
    made = list(_made(statement))
    return made[0] if len(made) == 1 and isinstance(made[0][1], cst.Call) else None


def _made(statement: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    if not isinstance(statement, cst.SimpleStatementLine):
        return
    for small in statement.body:
        if isinstance(small, cst.Assign) and len(small.targets) == 1:
            target = small.targets[0].target
            if isinstance(target, cst.Name):
                yield target.value, small.value


def _root(node: cst.CSTNode) -> str | None:
    """The name that a chain of attributes, calls and subscripts begins with."""
    while isinstance(node, (cst.Call, cst.Attribute, cst.Subscript)):
        node = node.func if isinstance(node, cst.Call) else node.value
    return node.value if isinstance(node, cst.Name) else None


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
