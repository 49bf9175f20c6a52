"""Builtins and standard-library functions whose result depends on their arguments in a way that data cannot state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditor.index import facts as f
from auditor.link import values as v
from auditor.link.containers import box
from auditor.link.values import NOTHING, Values, join_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

    Site = tuple[Module, int]


def _argument(evaluator: Evaluator, site: Site, position: int) -> Values:
    module, number = site
    arguments = module.facts.calls[number][f.C_ARGS]
    return evaluator.values(module, arguments[position]) if position < len(arguments) else NOTHING


def _rest(evaluator: Evaluator, site: Site, start: int) -> Values:
    module, number = site
    arguments = module.facts.calls[number][f.C_ARGS]
    return join_all([evaluator.values(module, a) for a in arguments[start:]])


def _first(evaluator: Evaluator, site: Site) -> Values:
    return _argument(evaluator, site, 0)


def _second(evaluator: Evaluator, site: Site) -> Values:
    return _argument(evaluator, site, 1)


def _super(evaluator: Evaluator, site: Site) -> Values:
    module, number = site
    explicit = _first(evaluator, site)
    owner: Function | None = module.functions[module.facts.calls[number][f.C_FUNCTION]]
    while owner is not None and owner.class_ is None:
        owner = owner.parent
    if owner is None or owner.class_ is None or not owner.facts.params:
        return NOTHING
    class_ = explicit[0].a if explicit and explicit[0].kind == v.CLASS else owner.class_
    receiver = evaluator.parameter(owner, 0)
    if not receiver or receiver[0].kind not in (v.INSTANCE, v.CLASS):
        return NOTHING
    return evaluator.interner.make(v.SUPER, class_, receiver[0]).one


def _getattr(evaluator: Evaluator, site: Site) -> Values:
    module, number = site
    arguments = module.facts.calls[number][f.C_ARGS]
    if len(arguments) < 2:
        return NOTHING
    found: list[Values] = []
    for name in evaluator.concrete(evaluator.values(module, arguments[1])):
        if name.kind == v.CONSTANT and isinstance(name.a, str):
            found.extend(
                evaluator.members.attribute(base, name.a)
                for base in evaluator.concrete(evaluator.values(module, arguments[0]))
            )
    if len(arguments) > 2:
        found.append(evaluator.values(module, arguments[2]))
    return join_all(found)


def _type(evaluator: Evaluator, site: Site) -> Values:
    found = []
    for value in evaluator.concrete(_first(evaluator, site)):
        if value.kind == v.INSTANCE:
            found.append(evaluator.interner.make(v.CLASS, value.a).one)
        elif value.kind == v.EXTERNAL_INSTANCE:
            found.append(evaluator.external(value.a).one)
    return join_all(found)


def _next(evaluator: Evaluator, site: Site) -> Values:
    values = evaluator.concrete(_first(evaluator, site))
    found = [evaluator.elements(values)]
    for value in values:
        methods = evaluator.members.methods(value, "__next__")
        found.extend(evaluator.results.of_value(method, None) for method in methods)
    found.append(_second(evaluator, site))
    return join_all(found)


def _lazy(evaluator: Evaluator, site: Site) -> Values:
    """``iter(x)``, ``reversed(x)``: the elements of x, produced when the result is iterated."""
    sources = evaluator.concrete(_first(evaluator, site))
    elements = evaluator.elements(sources)
    return evaluator.interner.make(v.LAZY, sources, (NOTHING, elements)).one


def _enumerate(evaluator: Evaluator, site: Site) -> Values:
    sources = evaluator.concrete(_first(evaluator, site))
    number = evaluator.interner.external_instance("builtins.int")
    boxes = box(number.one, evaluator) + box(evaluator.elements(sources), evaluator)
    pair = evaluator.interner.external_instance("builtins.tuple", boxes)
    return evaluator.interner.make(v.LAZY, sources, (NOTHING, pair.one)).one


def _zip(evaluator: Evaluator, site: Site) -> Values:
    module, number = site
    given = [evaluator.concrete(evaluator.values(module, a)) for a in module.facts.calls[number][f.C_ARGS]]
    if any(module.facts.exprs[a][0] == f.STARRED for a in module.facts.calls[number][f.C_ARGS]):
        elements = evaluator.elements(evaluator.elements(join_all(given)))
    else:
        elements = tuple([x for values in given for x in box(evaluator.elements(values), evaluator)])
    sources = join_all(given)
    pair = evaluator.interner.external_instance("builtins.tuple", elements)
    return evaluator.interner.make(v.LAZY, sources, (NOTHING, pair.one)).one


def _map(evaluator: Evaluator, site: Site) -> Values:
    callables = _first(evaluator, site)
    sources = evaluator.concrete(_rest(evaluator, site, 1))
    results = join_all([evaluator.results.of_value(c, None) for c in callables if c.kind != v.PARAMETER])
    return evaluator.interner.make(v.LAZY, sources, (callables, results)).one


def _filter(evaluator: Evaluator, site: Site) -> Values:
    callables = _first(evaluator, site)
    sources = evaluator.concrete(_second(evaluator, site))
    return evaluator.interner.make(v.LAZY, sources, (callables, evaluator.elements(sources))).one


def _collection(name: str) -> Callable[[Evaluator, Site], Values]:
    def collect(evaluator: Evaluator, site: Site) -> Values:
        return evaluator.containers.made(name, site)

    return collect


def _extreme(evaluator: Evaluator, site: Site) -> Values:
    """``max(xs)``, ``max(a, b)``: one of the elements, or of the arguments."""
    module, number = site
    arguments = module.facts.calls[number][f.C_ARGS]
    if len(arguments) != 1:
        return _rest(evaluator, site, 0)
    return evaluator.elements(evaluator.concrete(evaluator.values(module, arguments[0])))


def _partial(evaluator: Evaluator, site: Site) -> Values:
    callables = _first(evaluator, site)
    return evaluator.interner.make(v.PARTIAL, callables, site).one if callables else NOTHING


def _cast(evaluator: Evaluator, site: Site) -> Values:
    module, number = site
    arguments = module.facts.calls[number][f.C_ARGS]
    if len(arguments) != 2:
        return NOTHING
    declared = evaluator.annotations.types(module, arguments[0])
    return declared or evaluator.values(module, arguments[1])


def _type_variable(evaluator: Evaluator, site: Site) -> Values:
    return evaluator.interner.make(v.VARIABLE, *site).one


def _entered(evaluator: Evaluator, site: Site) -> Values:
    return evaluator.interner.make(v.MANAGER, None, _first(evaluator, site)).one


def _enter_context(evaluator: Evaluator, site: Site) -> Values:
    found = []
    for value in evaluator.concrete(_first(evaluator, site)):
        if value.kind == v.MANAGER:
            found.append(value.b)
        else:
            found.append(value.one)
    return join_all(found)


def _methodcaller(evaluator: Evaluator, site: Site) -> Values:
    found: Values = NOTHING
    for name in _first(evaluator, site):
        if name.kind == v.CONSTANT and isinstance(name.a, str):
            found = evaluator.interner.make(v.METHOD_CALLER, name.a).one
    return found


def _import_module(evaluator: Evaluator, site: Site) -> Values:
    found = []
    for name in _first(evaluator, site):
        if name.kind == v.CONSTANT and isinstance(name.a, str):
            dotted = name.a
            level = len(dotted) - len(dotted.lstrip("."))
            dotted = site[0].absolute(level, dotted[level:]) if level else dotted
            found.append(evaluator.dotted_module(dotted, site[0].root))
        elif name.kind == v.PARAMETER:  # `lazy_import("pandas")`: whoever calls knows the name
            found.append(evaluator.interner.make(v.MADE, name, v.AS_MODULE).one)
    return join_all(found)


def _field(evaluator: Evaluator, site: Site) -> Values:
    module, number = site
    found: list[Values] = []
    for name, position in module.facts.calls[number][f.C_KEYWORDS]:
        if name in ("default_factory", "factory"):
            found.extend(evaluator.results.of_value(x, None) for x in evaluator.values(module, position))
        elif name == "default":
            found.append(evaluator.values(module, position))
    return join_all(found)


def _nothing(_evaluator: Evaluator, _site: Site) -> Values:
    return NOTHING


SPECIAL: dict[str, Callable[[Any, Any], Values]] = {
    "builtins.super": _super,
    "builtins.getattr": _getattr,
    "builtins.type": _type,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.iter": _lazy,
    "builtins.reversed": _lazy,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.list": _collection("builtins.list"),
    "builtins.tuple": _collection("builtins.list"),
    "builtins.sorted": _collection("builtins.list"),
    "builtins.set": _collection("builtins.set"),
    "builtins.frozenset": _collection("builtins.frozenset"),
    "collections.deque": _collection("collections.deque"),
    "builtins.dict": _collection("builtins.dict"),
    "collections.OrderedDict": _collection("collections.OrderedDict"),
    "collections.defaultdict": _collection("collections.defaultdict"),
    "builtins.max": _extreme,
    "builtins.min": _extreme,
    "importlib.import_module": _import_module,
    "dataclasses.field": _field,
    "attrs.field": _field,
    "attr.ib": _field,
    "attr.field": _field,
    "pydantic.Field": _field,
    "pydantic.fields.Field": _field,
    "operator.methodcaller": _methodcaller,
    "functools.partial": _partial,
    "functools.partialmethod": _partial,
    "builtins.staticmethod": _partial,  # called as it is, whatever it is read through
    "functools.update_wrapper": _first,
    "copy.copy": _first,
    "copy.deepcopy": _first,
    "typing.cast": _cast,
    "inspect.unwrap": _first,
    "asyncio.coroutine": _first,
    "typing.TypeVar": _type_variable,
    "typing_extensions.TypeVar": _type_variable,
    "typing.NewType": _second,
    "typing_extensions.NewType": _second,
    "contextlib.closing": _entered,
    "contextlib.aclosing": _entered,
    "contextlib.nullcontext": _entered,
    "contextlib.ExitStack.enter_context": _enter_context,
    "contextlib.AsyncExitStack.enter_context": _enter_context,
    "builtins.property": _nothing,
}

IMPLIED_METHODS = {
    "builtins.len": "__len__",
    "builtins.bool": "__bool__",
    "builtins.str": "__str__",
    "builtins.repr": "__repr__",
    "builtins.hash": "__hash__",
    "builtins.int": "__int__",
    "builtins.float": "__float__",
    "builtins.bytes": "__bytes__",
    "builtins.abs": "__abs__",
    "builtins.next": "__next__",
    "builtins.format": "__format__",
    "builtins.dir": "__dir__",
    "builtins.reversed": "__reversed__",
    "os.fspath": "__fspath__",
}
"""Builtins that call one method of their argument."""

GENERATOR_METHODS = frozenset({"__next__"})
"""Those of them that also run the body of a generator."""

LAZY = frozenset({"builtins.map", "builtins.filter"})
"""What they are given runs where their result is iterated, which the values tell."""
