"""Facts of a file by the names that its source uses, so that tests say what is known and not how it is stored.

A source asks by calling ``probe``: `Indexed.probes` gives what the arguments of its calls stand for. In its notation

- ``name`` a name of the module's scope, ``name@f`` parameter ``name`` of function ``f``, ``?`` nothing is known
- ``a | b`` one of several (sorted), ``cycle(a | b)`` the same, closed over a loop; ``~`` the cycle itself
- ``def f``, ``class C``, ``module m``, ``package m``, ``from m import n``
- ``each x``, ``enter x``, ``await x``, ``x[key]``, ``<str>`` an instance of a builtin type
"""

from __future__ import annotations

import textwrap

from auditor.index import facts as f
from auditor.index import files
from auditor.index.source import Problem

_REGIONS = {f.TRY: "try", f.HANDLER: "except", f.TRY_ELSE: "else"}


class Indexed:
    """The facts of one source text."""

    def __init__(self, source: str) -> None:
        self.source = textwrap.dedent(source).strip("\n") + "\n"
        facts = files.index(files.Text("probe.py", self.source))
        assert not isinstance(facts, Problem), facts.reason
        facts.unpack()
        self.facts = facts

    # -- look-up by name ---------------------------------------------------------------------------------------

    def function(self, qualname: str) -> f.FunctionFacts:
        """The one function of that qualified name; the empty name is the module's body."""
        (found,) = (x for x in self.facts.functions if x.qualname == qualname and x.kind != f.CLASS_BODY)
        return found

    def class_(self, qualname: str) -> f.ClassFacts:
        (found,) = (x for x in self.facts.classes if x.qualname == qualname)
        return found

    def calls(self, name: str) -> list[tuple]:
        """The call records whose callee is written ``name``, in the order of evaluation."""
        return [call for call in self.facts.calls if self.text(call[f.C_CALLEE]) == name]

    def call(self, name: str) -> tuple:
        (found,) = self.calls(name)
        return found

    def owner(self, call: tuple) -> str:
        """The qualified name of the function whose code makes the call."""
        return self.facts.functions[call[f.C_FUNCTION]].qualname

    def flags(self, name: str) -> set[str]:
        """What is noted about the one call of ``name``."""
        flags = self.call(name)[f.C_FLAGS]
        known = {
            "awaited": f.AWAITED,
            "in loop": f.IN_LOOP,
            "statement": f.STATEMENT,
            "decorator": f.IS_DECORATOR,
        }
        return {word for word, flag in known.items() if flags & flag}

    def probes(self) -> list[str]:
        """What the first argument of each call of ``probe`` stands for, by line."""
        found = sorted(self.calls("probe"), key=lambda call: (call[f.C_LINE], call[f.C_COLUMN]))
        return [self.text(call[f.C_ARGS][0]) for call in found]

    def globals(self) -> dict[str, list[str]]:
        return {name: [self.text(x) for x in values] for name, values in self.facts.globals.items()}

    def attributes(self, qualname: str) -> dict[str, list[str]]:
        return {n: [self.text(x) for x in values] for n, values in self.class_(qualname).attributes.items()}

    def stores(self, qualname: str) -> dict[str, list[str]]:
        return {n: [self.text(x) for x in values] for n, values in self.class_(qualname).stores.items()}

    def parameters(self, qualname: str) -> list[str]:
        """Parameters as ``*name: annotation = default``."""
        stars = {f.POSITIONAL: "", f.VARARGS: "*", f.KEYWORD_ONLY: "", f.KWARGS: "**"}
        result = []
        for name, kind, note, default in self.function(qualname).params:
            text = stars[kind] + name
            text += f": {self.text(note)}" if note else ""
            text += f" = {self.text(default)}" if default >= 0 else ""
            result.append(text)
        return result

    def returns(self, qualname: str) -> list[str]:
        return [self.text(expression) for expression, _ in self.function(qualname).returns]

    def regions(self, name: str) -> list[str]:
        """The branches, handlers and blocks around the one call of ``name``, outermost first."""
        return self.region_texts(self.call(name)[f.C_REGION])

    def region_texts(self, region: int) -> list[str]:
        found: list[str] = []
        while region:
            kind, parent, data, data2 = self.facts.regions[region]
            if kind == f.IF:
                found.append(f"{'if' if data2 else 'unless'} {self.text(data)}")  # type: ignore[arg-type]
            elif kind == f.WITH:
                found.append(f"{'async ' if data2 else ''}with {self.text(data)}")  # type: ignore[arg-type]
            elif kind in _REGIONS:
                found.append(f"{_REGIONS[kind]} {', '.join(data)}".strip())  # type: ignore[arg-type]
            else:
                found.append({f.FINALLY: "finally", f.LOOP: "loop"}[kind])
            region = parent
        return found[::-1]

    def questioned(self, name: str) -> list[str]:
        """The callees in the body of the ``try`` whose handler or ``else`` is around the call of ``name``."""
        region = self.call(name)[f.C_REGION]
        while region:
            kind, parent, _, data2 = self.facts.regions[region]
            if kind in (f.HANDLER, f.TRY_ELSE):
                first, end = data2  # type: ignore[misc]
                return [self.text(self.facts.calls[n][f.C_CALLEE]) for n in range(first, end)]
            region = parent
        raise LookupError(name)

    # -- notation ----------------------------------------------------------------------------------------------

    def text(self, position: int, open_: tuple[int, ...] = ()) -> str:  # noqa: C901 - a table of shapes
        """An expression in the notation that the module's docstring explains."""
        if position in open_:
            return "~"
        expression = self.facts.exprs[position]
        tag = expression[0]

        def inner(at: int) -> str:
            return self.text(at, (*open_, position))

        def alternatives(positions: list[int]) -> str:
            return " | ".join(sorted(inner(x) for x in positions))

        if tag == f.UNKNOWN:
            return "?"
        if tag == f.GLOBAL:
            return expression[1]
        if tag == f.PARAM:
            owner = self.facts.functions[expression[1]]
            return f"{owner.params[expression[2]][0]}@{owner.qualname}"
        if tag == f.ATTR:
            return f"{inner(expression[1])}.{expression[2]}"
        if tag == f.CALL:
            return self._call(self.facts.calls[expression[1]], inner)
        if tag == f.CONST:
            return repr(expression[1])
        if tag == f.BUILTIN:
            return f"<{expression[1]}>"
        if tag in (f.LIST, f.TUPLE, f.SET):
            left, right = {f.LIST: "[]", f.TUPLE: "()", f.SET: "{}"}[tag]
            return left + ", ".join(inner(x) for x in expression[1]) + right
        if tag == f.DICT:
            entries = [f"{'*' if key is None else repr(key)}: {inner(value)}" for key, value in expression[1]]
            return "{" + ", ".join(entries) + "}"
        if tag == f.FUNCTION:
            return f"def {self.facts.functions[expression[1]].qualname}"
        if tag == f.CLASS:
            return f"class {self.facts.classes[expression[1]].qualname}"
        if tag == f.UNION:
            return alternatives(expression[1])
        if tag == f.PHI:
            return f"cycle({alternatives(expression[1])})"
        if tag == f.IMPORTED:
            return f"from {'.' * expression[1]}{expression[2]} import {expression[3]}"
        if tag == f.DECORATED:
            return f"decorated {inner(expression[2])} by {inner(self.facts.calls[expression[1]][f.C_CALLEE])}"
        if tag == f.ANNOTATED:
            return f"{inner(expression[2])}: {inner(expression[1])}"
        if tag == f.SUBSCRIPT:
            return f"{inner(expression[1])}[{', '.join(inner(x) for x in expression[2])}]"
        if tag == f.ITEM:
            key = {None: "*", f.SLICE: ":"}.get(expression[2]) or repr(expression[2])
            if expression[2].__class__ is tuple:
                key = ":".join("" if bound is None else str(bound) for bound in expression[2])
            return f"{inner(expression[1])}[{key}]"
        if tag == f.BOOLEAN:
            return "(" + f" {expression[1]} ".join(inner(x) for x in expression[2]) + ")"
        if tag in (f.BINARY, f.COMPARE):
            return f"({inner(expression[2])} {expression[1]} {inner(expression[3])})"
        if tag == f.COMPREHENSION:
            return f"{expression[1]} of {inner(expression[2])}"
        return (
            f"{_PREFIXES[tag]} {inner(expression[1])}"
            if tag in _NESTED
            else f"{_PREFIXES[tag]} {expression[1]}"
        )

    def _call(self, call: tuple, inner) -> str:
        arguments = [inner(x) for x in call[f.C_ARGS]]
        arguments += [f"{name}={inner(x)}" if name else f"**{inner(x)}" for name, x in call[f.C_KEYWORDS]]
        return f"{inner(call[f.C_CALLEE])}({', '.join(arguments)})"


_PREFIXES = {
    f.AWAIT: "await", f.ITERATE: "each", f.AITERATE: "async each", f.ENTER: "enter", f.AENTER: "async enter",
    f.NOT: "not", f.STARRED: "*", f.YIELD: "sent to", f.FROM: "returned by", f.MODULE: "module", f.PACKAGE: "package",
}  # fmt: skip
_NESTED = frozenset({f.AWAIT, f.ITERATE, f.AITERATE, f.ENTER, f.AENTER, f.NOT, f.STARRED, f.YIELD, f.FROM})


def probes(source: str) -> list[str]:
    """What the arguments of the calls of ``probe`` in a source stand for."""
    return Indexed(source).probes()
