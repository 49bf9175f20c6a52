"""Which names a piece of a function binds and uses: what decides whether it can become a function of its own."""

from __future__ import annotations

import libcst as cst

from auditor.fixes.walking import children, walk


class Names:
    """Names that code binds and reads, in the scope of its function.

    ``bound``: by assignments, loops, `with`, imports, definitions; ``imported``: by imports; ``shared``: declared
    `global` or `nonlocal`;
    ``read``: mentioned at all, by functions within as well; ``loaded``: the same but for mere targets, and for what a
    `with` around has bound itself.
    """

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.shared: set[str] = set()
        self.imported: set[str] = set()
        self.read: set[str] = set()
        self.loaded: set[str] = set()
        self._targets: set[int] = set()
        self._entered: list[str] = []

    def bind(self, target: cst.CSTNode) -> None:
        """Note what an assignment to ``target`` binds."""
        match target:
            case cst.Name(value=name):
                self.bound.add(name)
                self._targets.add(id(target))
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                for element in elements:
                    self.bind(element.value)

    def visit_Name(self, node: cst.Name) -> None:
        self.read.add(node.value)
        if id(node) not in self._targets and node.value not in self._entered:
            self.loaded.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        walk(node.value, self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        walk(node.value, self)
        return False

    def visit_Param(self, node: cst.Param) -> None:
        self.bind(node.name)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self.bind(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self.bind(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self.bind(node.target)
        if isinstance(node.target, cst.Name):
            self.loaded.add(node.target.value)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self.bind(node.target)

    def visit_For(self, node: cst.For) -> None:
        self.bind(node.target)

    def visit_Del(self, node: cst.Del) -> None:
        self.bind(node.target)

    def visit_With(self, node: cst.With) -> bool:
        for item in node.items:
            walk(item, self)
        entered = [item.asname.name.value for item in node.items if _is_named(item)]  # type: ignore[union-attr]
        self._entered += entered
        walk(node.body, self)
        del self._entered[len(self._entered) - len(entered) :]
        return False

    def visit_AsName(self, node: cst.AsName) -> None:
        self.bind(node.name)

    def visit_MatchAs(self, node: cst.MatchAs) -> None:
        if node.name is not None:
            self.bind(node.name)

    def visit_MatchStar(self, node: cst.MatchStar) -> None:
        if node.name is not None:
            self.bind(node.name)

    def visit_MatchMapping(self, node: cst.MatchMapping) -> None:
        if node.rest is not None:
            self.bind(node.rest)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self.bound.add(node.name.value)
        self._inner(node)
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        self._inner(node)
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self.bound.add(node.name.value)
        self._inner(node)
        return False

    def _inner(self, node: cst.FunctionDef | cst.Lambda | cst.ClassDef) -> None:
        """A scope within: it reads names of this one, and binds those that it says are not its own."""
        inner = Names()
        for child in children(node):
            walk(child, inner)
        self.read |= inner.read
        self.loaded |= inner.loaded
        self.bound |= inner.shared

    def visit_Import(self, node: cst.Import) -> bool:
        self.imported.update(x.evaluated_alias or x.evaluated_name.partition(".")[0] for x in node.names)
        self.bound |= self.imported
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        if not isinstance(node.names, cst.ImportStar):
            self.imported.update(x.evaluated_alias or x.evaluated_name for x in node.names)
        self.bound |= self.imported
        return False

    def visit_Global(self, node: cst.Global) -> bool:
        self.shared.update(item.name.value for item in node.names)
        return False

    def visit_Nonlocal(self, node: cst.Nonlocal) -> bool:
        self.shared.update(item.name.value for item in node.names)
        return False


def _is_named(item: cst.WithItem) -> bool:
    return item.asname is not None and isinstance(item.asname.name, cst.Name)


def names_in(*nodes: cst.CSTNode) -> Names:
    """The names of some nodes together."""
    found = Names()
    for node in nodes:
        walk(node, found)
    return found


def locals_of(function: cst.FunctionDef) -> set[str]:
    """Names that a function binds itself: its parameters, and what its body assigns."""
    found = names_in(function.params, function.body)
    return found.bound - found.shared
