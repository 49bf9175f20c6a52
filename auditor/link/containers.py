"""What containers hold: what their display or constructor is given, and what the program puts in later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.values import Value, Values, join_all

if TYPE_CHECKING:
    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Module

_INSERTING: Final = frozenset(
    {
        "append",
        "add",
        "appendleft",
        "insert",
        "setdefault",
        "update",
        "put",
        "put_nowait",
        "extend",
        "extendleft",
    }
)
MAPPINGS: Final = frozenset({"builtins.dict", "collections.OrderedDict", "collections.defaultdict"})
FILLED: Final = frozenset(
    {"builtins.list", "builtins.set", "builtins.frozenset", "builtins.tuple", "collections.deque", *MAPPINGS}
)
"""Types whose objects hold what they are given."""

_DISPLAYS: Final = {f.LIST: "list", f.TUPLE: "tuple", f.SET: "set", f.DICT: "dict"}
_MANY_SITES: Final = 40
"""So many insertions into something of one name, in other files, say nothing about any of them."""

_NOWHERE: Final = -1 << 60
ONE: Final = 0
ALL: Final = 1
"""What an insertion adds: one item, or all items of what it is given."""

Insertion = tuple[int, object, int, int]
"""(container, key, item, `ONE` or `ALL`), the first and third as positions of expressions."""

Made = tuple[Any, ...]
"""(name of the type, number of the call) of a container that a call makes; one more for those made by a container."""


class Containers:
    """Items of lists, tuples, sets, dictionaries and comprehensions; a container is told by where it is made."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        # container -> (module of the insertion, key, item, ONE or ALL)
        self._inserted: dict[Module, dict[Value, list[tuple[object, int, int]]]] = {}
        self._inserting: set[Module] = set()
        self._sites: dict[Module, _Sites] = {}
        self._elsewhere: dict[str, list[tuple[Module, Insertion]]] | None = None

    def type_name(self, container: Value) -> str:
        """The dotted name of the container's type."""
        if container.b.__class__ is tuple:
            return container.b[0]  # type: ignore[no-any-return]
        expression = container.a.facts.exprs[container.b]
        if expression[0] == f.COMPREHENSION:
            return f"builtins.{expression[1]}"
        return "builtins." + _DISPLAYS.get(expression[0], "list")

    def made(self, type_name: str, site: tuple[Module, int]) -> Values:
        """The container that a call of its type makes."""
        return self._evaluator.interner.make(v.CONTAINER, site[0], (type_name, site[1])).one

    def begins_empty(self, container: Value) -> bool:
        """Whether nothing is in the container when it is made."""
        facts = container.a.facts
        if container.b.__class__ is tuple:
            call = facts.calls[container.b[1]]
            return len(container.b) > 2 or not (call[f.C_ARGS] or call[f.C_KEYWORDS])
        expression = facts.exprs[container.b]
        return expression[0] in _DISPLAYS and not expression[1]

    # -- taking out --------------------------------------------------------------------------------------------

    def items(self, value: Value, key: object) -> Values:
        """What the container may hold under ``key``, later insertions included; ``None``: under any key."""
        return self._evaluator.solver.solve(("c", value, key, key.__class__), self._items, value, key)

    def _items(self, value: Value, key: object) -> Values:
        results = (
            self._given(value.a, value.b, key)
            if value.b.__class__ is tuple
            else self._displayed(value.a, value.a.facts.exprs[value.b], key)
        )
        for module, inserted, item, how in self._insertions(value):
            if how == ALL:
                results.append(self._all_of(module, item, key))
            elif key is None or inserted is None or inserted == key:
                results.append(self._evaluator.values(module, item))
        return join_all(results)

    def _displayed(self, module: Module, expression: Any, key: object) -> list[Values]:
        evaluator = self._evaluator
        tag = expression[0]
        results: list[Values] = []
        if tag == f.DICT:
            for known, item in reversed(expression[1]):
                if known is None:
                    spread = module.facts.exprs[item]
                    if spread[0] == f.STARRED:
                        results.append(
                            evaluator.items(evaluator.concrete(evaluator.values(module, spread[1])), key)
                        )
                    else:
                        results.append(evaluator.values(module, item))
                elif key is None:
                    results.append(evaluator.values(module, item))
                elif key == known:
                    results.append(evaluator.values(module, item))
                    break  # what stands before it is overwritten
        elif tag == f.COMPREHENSION:
            results.append(evaluator.values(module, expression[2]))
        else:
            items = expression[1]
            exact = key.__class__ is int and not any(module.facts.exprs[i][0] == f.STARRED for i in items)
            if exact and -len(items) <= key < len(items):  # type: ignore[operator]
                results.append(evaluator.values(module, items[key]))
            elif key is None or tag != f.TUPLE or not exact:
                results.extend(evaluator.values(module, i) for i in items)
        return results

    def sliced(self, value: Value, bounds: tuple[int | None, int | None, int | None]) -> Values | None:
        """Some of the elements of a list or tuple, each in its place; None where its places are not known."""
        if value.kind == v.EXTERNAL_INSTANCE:
            boxes: Values = value.b or ()
            if value.a != "builtins.tuple" or not boxes or boxes[0].kind != v.BOX:
                return None
            return self._evaluator.interner.make(v.EXTERNAL_INSTANCE, value.a, boxes[slice(*bounds)]).one
        if value.kind != v.CONTAINER or value.b.__class__ is tuple:
            return None
        module: Module = value.a
        tag, items, *_ = module.facts.exprs[value.b]
        if tag not in (f.LIST, f.TUPLE) or any(module.facts.exprs[i][0] == f.STARRED for i in items):
            return None
        if tag == f.LIST and self._insertions(value):
            return None
        kept = [box(self._evaluator.values(module, i), self._evaluator) for i in items[slice(*bounds)]]
        elements = tuple(one for boxed in kept for one in boxed)
        return self._evaluator.interner.make(v.EXTERNAL_INSTANCE, f"builtins.{_DISPLAYS[tag]}", elements).one

    def _given(self, module: Module, made: Made, key: object) -> list[Values]:
        """What a constructor is given to begin with."""
        evaluator = self._evaluator
        name = made[0]
        if len(made) > 2:
            return []
        call = module.facts.calls[made[1]]
        arguments = call[f.C_ARGS]
        if name not in MAPPINGS:
            return [self._all_of(module, arguments[0], None)] if arguments else []
        results = [evaluator.values(module, e) for k, e in call[f.C_KEYWORDS] if k and key in (None, k)]
        results.extend(self._all_of(module, e, key) for k, e in call[f.C_KEYWORDS] if not k)
        if name == "collections.defaultdict":
            if arguments:
                results.append(self._defaults(module, made))
            arguments = arguments[1:]
        if arguments:
            results.append(self._all_of(module, arguments[0], key, pairs=True))
        return results

    def _defaults(self, module: Module, made: Made) -> Values:
        """What the factory of a ``defaultdict`` makes."""
        evaluator = self._evaluator
        factories = evaluator.values(module, module.facts.calls[made[1]][f.C_ARGS][0])
        return join_all(
            [
                evaluator.interner.make(v.CONTAINER, module, (x.a, made[1], "item")).one
                if x.kind == v.EXTERNAL and x.a in FILLED
                else evaluator.results.of_value(x, None)
                for x in factories
            ]
        )

    def _all_of(self, module: Module, position: int, key: object, *, pairs: bool = False) -> Values:
        """What is taken over from another container: of a mapping, what it holds under ``key``, or of its pairs."""
        evaluator = self._evaluator
        results: list[Values] = []
        for source in evaluator.concrete(evaluator.values(module, position)):
            if evaluator.type_name(source) in MAPPINGS:
                results.append(evaluator.items(source.one, key))
            else:
                elements = evaluator.elements(source.one)
                results.append(evaluator.items(elements, 1) if pairs else elements)
        return join_all(results)

    def keys(self, value: Value) -> Values:
        """What iterating over a dictionary yields."""
        return self._evaluator.solver.solve(("ck", value), self._keys, value, None)

    def _keys(self, value: Value, _: object) -> Values:
        evaluator = self._evaluator
        make = evaluator.interner.make
        module: Module = value.a
        found: list[Values] = []
        if value.b.__class__ is tuple:
            arguments = module.facts.calls[value.b[1]][f.C_ARGS]
            position = 1 if value.b[0] == "collections.defaultdict" else 0
            if len(value.b) == 2 and position < len(arguments):
                for source in evaluator.concrete(evaluator.values(module, arguments[position])):
                    given = evaluator.elements(source.one)
                    found.append(
                        given if evaluator.type_name(source) in MAPPINGS else evaluator.items(given, 0)
                    )
        else:
            expression = module.facts.exprs[value.b]
            if expression[0] == f.COMPREHENSION:
                return evaluator.values(module, expression[3])
            found.extend(
                make(v.CONSTANT, k, k.__class__.__name__).one for k, _ in expression[1] if k is not None
            )
            found.extend(evaluator.values(module, position) for position in expression[2])
        found.extend(
            make(v.CONSTANT, key, key.__class__.__name__).one
            for _, key, _, _ in self._insertions(value)
            if key is not None
        )
        return join_all(found)

    # -- putting in --------------------------------------------------------------------------------------------

    def _insertions(self, value: Value) -> list[tuple[Module, object, int, int]]:
        """What is put into the container: in its own file, and in others by a name that its file gives it."""
        module: Module = value.a
        sites = self._sites_of(module)
        at = _identity(value)
        found = [(module, *site[1:]) for site in sites.direct.get(at, ())]
        found.extend((module, *entry) for entry in self._inserted_in(module, sites).get(value, ()))
        for name in sites.names.get(at, ()):
            named = sites.named.get(name, ())
            found.extend((module, *site[1:]) for site in named if self._concerns(module, site[0], value))
            elsewhere = self._sites_elsewhere().get(name, ())
            if len(elsewhere) <= _MANY_SITES:
                for other, site in elsewhere:
                    if other is not module and self._concerns(other, site[0], value):
                        found.append((other, *site[1:]))
        return found

    def _concerns(self, module: Module, base: int, container: Value) -> bool:
        return container in self._evaluator.concrete(self._evaluator.values(module, base))

    def _sites_of(self, module: Module) -> _Sites:
        sites = self._sites.get(module)
        if sites is None:
            sites = self._sites[module] = _Sites(module)
        return sites

    def _inserted_in(self, module: Module, sites: _Sites) -> dict[Value, list[tuple[object, int, int]]]:
        """Insertions of the file into containers that only evaluation tells."""
        table = self._inserted.get(module)
        if table is None:
            if module in self._inserting:
                return {}
            self._inserting.add(module)
            found, is_final = self._evaluator.solver.apart(lambda: self._find_inserted(module, sites))
            self._inserting.discard(module)
            if is_final:
                self._inserted[module] = found
            return found
        return table

    def _find_inserted(self, module: Module, sites: _Sites) -> dict[Value, list[tuple[object, int, int]]]:
        table: dict[Value, list[tuple[object, int, int]]] = {}
        for base, key, item, how in sites.others:
            for target in self._evaluator.concrete(self._evaluator.values(module, base)):
                if target.kind == v.CONTAINER and target.a is module:
                    table.setdefault(target, []).append((key, item, how))
        return table

    def _sites_elsewhere(self) -> dict[str, list[tuple[Module, Insertion]]]:
        """Insertions into what has a name of some module or class, by that name."""
        table = self._elsewhere
        if table is None:
            table = self._elsewhere = {}
            modules = self._evaluator.program.modules
            wanted = {name for module in modules for names in _bound_names(module).values() for name in names}
            for module in modules:
                exprs = module.facts.exprs
                for site in _insertions_of(module):
                    base = exprs[site[0]]
                    if base[0] in (f.ATTR, f.IMPORTED) and base[-1] in wanted:
                        table.setdefault(base[-1], []).append((module, site))
        return table


class _Sites:
    """The insertions of a file, by how their container is told."""

    __slots__ = ("direct", "named", "names", "others")

    def __init__(self, module: Module) -> None:
        self.direct: dict[int, list[Insertion]] = {}  # the container itself stands there
        self.named: dict[str, list[Insertion]] = {}  # by a name that the file gives to containers
        self.others: list[Insertion] = []
        self.names = _bound_names(module)
        known = {name for names in self.names.values() for name in names}
        exprs = module.facts.exprs
        for site in _insertions_of(module):
            pending = [site[0]]
            seen: set[int] = set()
            while pending:
                position = pending.pop()
                expression = exprs[position]
                tag = expression[0]
                if tag in (f.UNION, f.PHI):
                    if position not in seen:
                        seen.add(position)
                        pending.extend(expression[1])
                elif tag in _DISPLAYS:
                    self.direct.setdefault(~position, []).append(site)
                elif tag == f.CALL and exprs[module.facts.calls[expression[1]][f.C_CALLEE]][0] == f.GLOBAL:
                    self.direct.setdefault(expression[1], []).append(site)
                elif tag in (f.ATTR, f.GLOBAL) and expression[-1] in known:
                    self.named.setdefault(expression[-1], []).append((position, *site[1:]))
                else:
                    self.others.append((position, *site[1:]))


def _identity(container: Value) -> int:
    """What tells the container in its file: the complement of a display's position, the number of a call.

    Those that another makes are told by evaluation alone.
    """
    made: int | Made = container.b
    if isinstance(made, int):
        return ~made
    return int(made[1]) if len(made) == 2 else _NOWHERE


def _bound_names(module: Module) -> dict[int, list[str]]:
    """Names of the module, its classes and their objects, by what they are bound to; see `_identity`."""
    facts = module.facts
    names: dict[int, list[str]] = {}
    tables = [facts.globals, *[c.attributes for c in facts.classes], *[c.stores for c in facts.classes]]
    for table in tables:
        for name, positions in table.items():
            for position in positions:
                expression = facts.exprs[position]
                if expression[0] == f.ANNOTATED:
                    position = expression[2]
                    expression = facts.exprs[position]
                if expression[0] in _DISPLAYS:
                    names.setdefault(~position, []).append(name)
                elif expression[0] == f.CALL:
                    names.setdefault(expression[1], []).append(name)
    return names


def _insertions_of(module: Module) -> list[Insertion]:
    """``x[k] = y``, ``x.append(y)`` and the like."""
    exprs = module.facts.exprs
    sites: list[Insertion] = [(*site, ONE) for site in module.facts.mutations]
    for call in module.facts.calls:
        callee = exprs[call[0]]
        if callee[0] != f.ATTR or callee[2] not in _INSERTING:
            continue
        arguments = call[1]
        base, name = callee[1], callee[2]
        if name == "update":
            sites.extend((base, k, item, ONE if k else ALL) for k, item in call[2])
        if not arguments:
            continue
        if name in ("setdefault", "insert"):
            if len(arguments) == 2:
                key = exprs[arguments[0]] if name == "setdefault" else exprs[0]
                sites.append((base, key[1] if key[0] == f.CONST else None, arguments[1], ONE))
        elif name in ("extend", "extendleft", "update"):
            sites.append((base, None, arguments[0], ALL))
        else:
            sites.append((base, None, arguments[0], ONE))
    return sites


def box(values: Values, evaluator: Evaluator) -> Values:
    """One position of a tuple, or the values of a dictionary, as an element of its type."""
    return evaluator.interner.make(v.BOX, values).one


def unboxed(elements: Values, key: Any) -> Values:
    """What a tuple or a dictionary holds under ``key``, where its elements are boxes; all of them otherwise."""
    if not elements or elements[0].kind != v.BOX:
        return elements
    if key.__class__ is int and -len(elements) <= key < len(elements):
        return elements[key].a  # type: ignore[no-any-return]
    return join_all([x.a for x in elements])
