"""Expressions of a file as facts: each visit returns the position of the expression in ``FileFacts.exprs``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from auditor.index import facts as f
from auditor.index.facts import shared
from auditor.index.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

_BINARY_DUNDERS = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.MatMult: "__matmul__",
    ast.Div: "__truediv__",
    ast.Mod: "__mod__",
    ast.Pow: "__pow__",
    ast.LShift: "__lshift__",
    ast.RShift: "__rshift__",
    ast.BitOr: "__or__",
    ast.BitXor: "__xor__",
    ast.BitAnd: "__and__",
    ast.FloorDiv: "__floordiv__",
}
_DUNDER_NUMBERS = {name: number for number, name in enumerate(f.DUNDERS)}
_COMPARED_DUNDERS = {
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
}
_COMPARISONS = {
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_NUMBERS, _SHARED = f.NUMBERS, len(f.NUMBERS)
_WIDEST = 40
"""Alternatives of one name; more than the linker's sets hold would only cost time."""

_LONG_CONSTANT = 200
"""Longer strings are no keys, names or paths that a resolution could need; their type is enough."""


class ExpressionIndexer:
    """Turns ``ast`` expressions into facts; the statement indexer builds on it and drives it.

    The current body's state is in plain attributes rather than in an object of its own: this is the hottest code of a
    cold run, and an attribute fewer on each path is measurable.
    """

    def __init__(self) -> None:
        self.file = f.FileFacts()
        self.exprs = self.file.exprs
        self.globals: dict[str, list[int]] = {}
        self.file.globals = self.globals  # type: ignore[assignment]
        self.read_log = self.file.read_log
        self.operator_log = self.file.operator_log
        self.interned: dict[Any, int] = {self.exprs[0]: 0}
        self.environment: dict[str, int] = {}
        self.log: list[
            tuple[str, int]
        ] = []  # (name, expression before the assignment or -1), to undo branches
        self.region = 0
        self.loops = 0
        self.awaited = 0
        self.lambdas = 0
        self.walrus: dict[str, int] = {}  # what `:=` bound in the comprehension that is being walked
        self.unit: tuple[int, int] | None = None
        self.scope: Scope
        self.function: f.FunctionFacts
        self.function_id = 0
        self.outer_environments: list[tuple[Scope, dict[str, int]]] = []

    # -- names -------------------------------------------------------------------------------------------------

    def intern(self, expression: Any) -> int:
        """The position of ``expression``; equal expressions share one."""
        position = self.interned.get(expression)
        if position is None:
            position = len(self.exprs)
            if position < _SHARED:
                position = _NUMBERS[position]
            self.interned[expression] = position
            self.exprs.append(expression)
        return position

    def common(self, expression: Any) -> int:
        """As `intern`, for what many files hold alike: they share the object, too."""
        position = self.interned.get(expression)
        return position if position is not None else self.intern(shared(expression))

    def append(self, expression: Any) -> int:
        """The position of an expression that is equal to no other."""
        position = len(self.exprs)
        self.exprs.append(expression)
        return _NUMBERS[position] if position < _SHARED else position

    def name(self, node: ast.Name) -> int:
        return self.load(node.id)

    def load(self, name: str) -> int:
        """What a read of ``name`` at this point of the walk stands for."""
        position = self.environment.get(name)
        if position is not None:
            return position
        scope = self.scope
        if scope.is_class and name[:2] == "__":
            position = self.environment.get(self.mangled(name))
            if position is not None:
                return position
        if name in scope.names:
            return self.global_(name) if scope.parent is None or scope.is_class else 0
        if scope.parent is None or name in scope.global_names:
            return self.global_(name)
        return self.free(name)

    def global_(self, name: str) -> int:
        return self.common((f.GLOBAL, name))

    def free(self, name: str) -> int:
        """A name of an enclosing function: every value that it is ever given, or for a lambda the one of now."""
        for owner, environment in reversed(self.outer_environments):
            if not owner.is_class and owner.parent is not None:
                position = environment.get(name)
                if position is not None:
                    return position
        scope = self.scope.parent
        while scope is not None and scope.parent is not None:
            if not scope.is_class and name in scope.names:
                values = scope.values.get(name)
                if not values:
                    return 0
                return values[0] if len(values) == 1 else self.union(values)
            if name in scope.global_names:
                break
            scope = scope.parent
        return self.global_(name)

    def bind(self, name: str, value: int) -> None:
        """``name`` stands for ``value`` from here on."""
        scope = self.scope
        if scope.is_class:
            name = self.mangled(name)
        if name in scope.global_names:
            self.globals.setdefault(name, []).append(value)
            return
        if name in scope.nonlocal_names:
            owner = scope.parent
            while owner is not None and (owner.is_class or name not in owner.names):
                owner = owner.parent
            if owner is not None:
                owner.values.setdefault(name, []).append(value)
                if name in owner.shared:
                    self.exprs[owner.shared[name]][1].append(value)
                    value = owner.shared[name]
            self.environment[name] = value
            return
        values = scope.values.get(name)
        if values is None:
            scope.values[name] = [value]
        elif value not in values:
            values.append(value)
        if name in scope.rebound:
            # whoever calls the functions within decides which of its values is there
            shared = scope.shared.get(name)
            if shared is None:
                shared = scope.shared[name] = self.append((f.PHI, []))
            self.exprs[shared][1].append(value)
            value = shared
        self.log.append((name, self.environment.get(name, -1)))
        self.environment[name] = value

    def union(self, positions: list[int]) -> int:
        """One of several expressions, flattened, without repetition, cut where they say nothing any more."""
        flat: dict[int, None] = {}
        for position in positions:
            expression = self.exprs[position]
            if expression[0] == f.UNION:
                for inner in expression[1]:
                    flat[inner] = None
            else:
                flat[position] = None
            if len(flat) > _WIDEST:
                break
        kept = tuple(flat)[:_WIDEST]
        return kept[0] if len(kept) == 1 else self.intern((f.UNION, kept))

    # -- simple expressions ------------------------------------------------------------------------------------

    def visit(self, node: ast.expr) -> int:
        visitor = _VISITORS.get(node.__class__)
        return visitor(self, node) if visitor is not None else self.other(node)

    def other(self, node: ast.AST) -> int:
        """A node that is newer than this code: its children may still hold calls."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.visit(child)
            elif not isinstance(child, ast.expr_context):
                self.other(child)
        return 0

    def constant(self, node: ast.Constant) -> int:
        value = node.value
        kind = value.__class__
        if kind is str:
            if len(value) > _LONG_CONSTANT:  # type: ignore[arg-type]
                return self.common((f.BUILTIN, "str"))
            return self.common((f.CONST, value))
        if value is None or kind is bool or kind is int or kind is float:
            # True == 1 == 1.0 for a dictionary: the type keeps them apart
            return self.common((f.CONST, value, kind.__name__))
        if kind is bytes or kind is complex:
            return self.common((f.BUILTIN, kind.__name__))
        return 0

    def attribute(self, node: ast.Attribute) -> int:
        base = self.visit(node.value)
        if not base:
            return 0
        position = self.intern((f.ATTR, base, self.mangled(node.attr)))
        self.read_log.extend(
            (
                self.function_id,
                position,
                node.lineno,
                node.col_offset,
                node.end_lineno or 0,
                node.end_col_offset or 0,
                self.region,
            )
        )
        return position

    def mangled(self, name: str) -> str:
        if name[:2] == "__" and name[-2:] != "__":
            class_name = self.scope.class_name.lstrip("_")
            if class_name:
                return f"_{class_name}{name}"
        return name

    def call(self, node: ast.Call) -> int:
        flags = self.awaited
        self.awaited = 0
        if self.loops:
            flags |= f.IN_LOOP
        function = node.func
        if function.__class__ is ast.Attribute:
            base = self.visit(function.value)
            callee = self.intern((f.ATTR, base, self.mangled(function.attr))) if base else 0
        else:
            callee = self.visit(function)
        visit = self.visit
        given = node.args
        arguments: tuple[int, ...] = ()
        if given:
            arguments = f.single(visit(given[0])) if len(given) == 1 else tuple([visit(x) for x in given])
        keywords = tuple([(k.arg, visit(k.value)) for k in node.keywords]) if node.keywords else ()
        return self.record_call(node, callee, arguments, keywords, flags)

    def record_call(
        self,
        node: ast.expr,
        callee: int,
        arguments: tuple[int, ...],
        keywords: tuple[tuple[str | None, int], ...],
        flags: int,
    ) -> int:
        calls = self.file.calls
        number, line, last = len(calls), node.lineno, node.end_lineno
        if last < _SHARED and number < _SHARED:  # type: ignore[operator]
            number, line, last = _NUMBERS[number], _NUMBERS[line], _NUMBERS[last]  # type: ignore[index]
        calls.append(
            (
                callee,
                arguments,
                keywords,
                line,
                node.col_offset,
                last,
                node.end_col_offset,
                flags,
                self.region,
                self.function_id,
            )
        )
        self.function.calls.append(number)
        expression = (f.CALL, number)
        return self.append(shared(expression))

    def await_(self, node: ast.Await) -> int:
        self.function.awaits = True
        if node.value.__class__ in _MAKE_AWAITABLES:
            self.awaited = f.AWAITED
        value = self.visit(node.value)
        self.awaited = 0
        if not value:
            return 0
        self.operator("__await__", value, 0, node.value)
        return self.intern((f.AWAIT, value))

    def subscript(self, node: ast.Subscript) -> int:
        base = self.visit(node.value)
        if base and self.function.kind <= f.CLASS_BODY and _may_be_types(node.slice):
            self.operator("__getitem__", base, 0, node)
            return self.generic(base, node.slice)
        part = node.slice
        key = self.bounds_of(part) if part.__class__ is ast.Slice else self.key_of(part)
        if not base:
            return 0
        self.operator("__getitem__", base, 0, node)
        return self.intern((f.ITEM, base, key))

    def generic(self, base: int, inner: ast.expr) -> int:
        """``base[inner]`` with its parameters kept, as a type alias needs them."""
        parts = inner.elts if inner.__class__ is ast.Tuple else [inner]
        return self.intern((f.SUBSCRIPT, base, tuple([self.annotation(p) for p in parts])))

    def key_of(self, node: ast.expr) -> object:
        """A constant key, or None when the key is not known; the key's own calls are recorded."""
        if node.__class__ is ast.Constant:
            value = node.value
            return value if value.__class__ in (str, int) else None
        if (
            node.__class__ is ast.UnaryOp
            and node.op.__class__ is ast.USub
            and node.operand.__class__ is ast.Constant
            and node.operand.value.__class__ is int
        ):
            return -node.operand.value
        return self.constant_at(self.visit(node))

    def bounds_of(self, node: ast.Slice) -> object:
        """The bounds of a slice as ``slice`` takes them, or SLICE where one of them is not known."""
        bounds: list[object] = []
        is_known = True
        for part in (node.lower, node.upper, node.step):
            bound = self.key_of(part) if part is not None else None
            is_known = is_known and (bound.__class__ is int or part is None)
            bounds.append(bound)
        return tuple(bounds) if is_known and bounds[2] != 0 else f.SLICE

    def constant_at(self, position: int) -> object:
        """The string or number that an expression is, or None."""
        expression = self.exprs[position]
        if expression[0] == f.CONST and expression[1].__class__ in (str, int):
            return expression[1]
        return None

    def slice_(self, node: ast.Slice) -> int:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.visit(part)
        return 0

    def tuple_(self, node: ast.Tuple) -> int:
        return self.append((f.TUPLE, tuple([self.visit(e) for e in node.elts])))

    def list_(self, node: ast.List) -> int:
        return self.append((f.LIST, tuple([self.visit(e) for e in node.elts])))

    def set_(self, node: ast.Set) -> int:
        return self.append((f.SET, tuple([self.visit(e) for e in node.elts])))

    def dict_(self, node: ast.Dict) -> int:
        entries: list[tuple[object, int]] = []
        keys = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                entries.append((None, self.intern((f.STARRED, self.visit(value)))))
                continue
            known: object
            if isinstance(key, ast.Constant) and key.value.__class__ in (str, int):
                known = key.value
            else:
                position = self.visit(key)
                known = self.constant_at(position)
                if known is None and position:
                    keys.append(position)
            entries.append((known, self.visit(value)))
        return self.append((f.DICT, tuple(entries), tuple(keys)))

    def joined(self, node: ast.JoinedStr) -> int:
        for value in node.values:
            if value.__class__ is not ast.Constant:
                self.visit(value)
        return self.common((f.BUILTIN, "str"))

    def formatted(self, node: ast.FormattedValue) -> int:
        value = self.visit(node.value)
        if value and node.conversion < 0:
            self.operator("__str__", value, 0, node.value)
        if node.format_spec is not None:
            self.visit(node.format_spec)
        return 0

    def binary(self, node: ast.BinOp) -> int:
        left, right = self.visit(node.left), self.visit(node.right)
        if not left and not right:
            return 0
        dunder = _BINARY_DUNDERS[node.op.__class__]
        self.operator(dunder, left, right, node)
        return self.intern((f.BINARY, dunder, left, right))

    def operator(self, dunder: str, operand: int, other: int, node: ast.expr) -> None:
        """Record an operator that may run a method of the operand's class."""
        if self.exprs[operand][0] in _PLAIN and self.exprs[other][0] in _PLAIN:
            return
        self.operator_log.extend(
            (
                self.function_id,
                _DUNDER_NUMBERS[dunder],
                operand,
                other,
                node.lineno,
                node.col_offset,
                node.end_lineno or 0,
                node.end_col_offset or 0,
                self.region,
            )
        )

    def boolean(self, node: ast.BoolOp) -> int:
        """``a and b``: what stands behind an operand is reached only where that is true, or for ``or`` false."""
        flags, outer = self.awaited, self.region
        goes_on = node.op.__class__ is ast.And
        last = node.values[-1]
        values = []
        for operand in node.values:
            self.awaited = flags if operand.__class__ in _MAKE_AWAITABLES else 0
            if operand is last:
                values.append(self.visit(operand))
            else:
                position = self.visit(operand)
                values.append(position)
                self.region = self.new_region(f.IF, self.condition(position, operand), goes_on)
        self.region = outer
        self.awaited = 0
        return self.intern((f.BOOLEAN, "and" if goes_on else "or", tuple(values))) if any(values) else 0

    def test(self, node: ast.expr) -> int:
        """A condition, 0 where it tells nothing."""
        return self.condition(self.visit(node), node)

    def condition(self, position: int, node: ast.expr) -> int:
        """The expression as a condition. A name that holds a constant is none: another function may rebind it."""
        tag = self.exprs[position][0]
        if tag == f.CONST and node.__class__ is not ast.Constant:
            return 0
        if position and tag not in _DECIDED:
            self.operator("__bool__", position, 0, node)
        return position

    def unary(self, node: ast.UnaryOp) -> int:
        value = self.visit(node.operand)
        if node.op.__class__ is ast.Not:
            return self.intern((f.NOT, value))
        expression = self.exprs[value]
        if (
            node.op.__class__ is ast.USub
            and expression[0] == f.CONST
            and expression[1].__class__ in (int, float)
        ):
            return self.common((f.CONST, -expression[1], expression[2]))
        return self.common((f.BUILTIN, "int"))

    def compare(self, node: ast.Compare) -> int:
        left = self.visit(node.left)
        rights = [self.visit(c) for c in node.comparators]
        operation = node.ops[0].__class__
        if (operation is ast.In or operation is ast.NotIn) and rights[0]:
            self.operator("__contains__", rights[0], 0, node)
        elif operation in _COMPARED_DUNDERS and left:
            self.operator(_COMPARED_DUNDERS[operation], left, rights[0], node)
        if len(rights) == 1:
            symbol = _COMPARISONS.get(operation)
            if symbol is not None and (left or rights[0]):
                return self.intern((f.COMPARE, symbol, left, rights[0]))
        return self.common((f.BUILTIN, "bool"))

    def conditional(self, node: ast.IfExp) -> int:
        flags, self.awaited = self.awaited, 0
        test = self.test(node.test)
        outer = self.region
        self.region = self.new_region(f.IF, test, True)
        self.awaited = flags if node.body.__class__ in _MAKE_AWAITABLES else 0
        body = self.visit(node.body)
        self.region = outer
        self.region = self.new_region(f.IF, test, False)
        self.awaited = flags if node.orelse.__class__ in _MAKE_AWAITABLES else 0
        other = self.visit(node.orelse)
        self.awaited = 0
        self.region = outer
        return self.union([body, other])

    def new_region(self, kind: int, data: object, data2: object) -> int:
        regions = self.file.regions
        if kind == f.IF and not data:
            return self.region
        regions.append(shared((kind, self.region, data, data2)))
        return len(regions) - 1

    def starred(self, node: ast.Starred) -> int:
        value = self.visit(node.value)
        self.iteration(value, node.value, is_async=False)
        return self.intern((f.STARRED, value))

    def named(self, node: ast.NamedExpr) -> int:
        value = self.visit(node.value)
        self.scope.names.add(node.target.id)
        self.bind(node.target.id, value)
        self.walrus[node.target.id] = value
        return value

    def yield_(self, node: ast.Yield) -> int:
        self.function.is_generator = True
        self.function.last_yield = node.lineno
        value = self.visit(node.value) if node.value is not None else 0
        self.function.yields.append((value, self.region))
        return 0

    def yield_from(self, node: ast.YieldFrom) -> int:
        self.function.is_generator = True
        value = self.visit(node.value)
        if value:
            self.function.yields.append((self.intern((f.ITERATE, value)), self.region))
            self.iteration(value, node.value, is_async=False)
        return self.intern((f.FROM, value)) if value else 0

    # -- functions within expressions --------------------------------------------------------------------------

    def lambda_(self, node: ast.Lambda) -> int:
        params = self.parameters(node.args, annotated=False)
        self.lambdas += 1
        qualname = (
            self.function.qualname + f".<lambda{self.lambdas}>"
            if self.function.qualname
            else f"<lambda{self.lambdas}>"
        )
        number = len(self.file.functions)
        function = f.FunctionFacts("<lambda>", qualname, f.LAMBDA, -1, self.function_id, node.lineno)
        function.column = node.col_offset
        function.end_line = node.end_lineno or node.lineno
        function.unit = self.unit or (node.lineno, function.end_line)
        function.params = params
        self.file.functions.append(function)
        outer = (
            self.scope, self.function, self.function_id, self.environment, self.region, self.loops, self.log,
            self.lambdas,
        )  # fmt: skip
        self.outer_environments.append((self.scope, self.environment))
        scope = Scope(number, self.scope, is_class=False, class_name=self.scope.class_name)
        self.scope, self.function, self.function_id = scope, function, number
        self.environment, self.region, self.loops, self.log, self.lambdas = {}, 0, 0, [], 0
        for index, (name, _, _, _) in enumerate(params):
            scope.names.add(name)
            self.bind(name, self.common((f.PARAM, number, index)))
        value = self.visit(node.body)
        if value:
            function.returns.append(shared((value, 0)))
        self.outer_environments.pop()
        (
            self.scope, self.function, self.function_id, self.environment, self.region, self.loops, self.log,
            self.lambdas,
        ) = outer  # fmt: skip
        return self.common((f.FUNCTION, number))

    def parameters(
        self, arguments: ast.arguments, *, annotated: bool
    ) -> tuple[tuple[str, int, int, int], ...]:
        """Parameters as (name, kind, annotation, default), in the order of the signature."""
        found = []
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = [self.visit(d) for d in arguments.defaults]
        first_default = len(positional) - len(defaults)
        annotation = self.annotation
        for i, argument in enumerate(positional):
            default = defaults[i - first_default] if i >= first_default else -1
            note = annotation(argument.annotation) if annotated and argument.annotation is not None else 0
            found.append(shared((argument.arg, f.POSITIONAL, note, default)))
        if arguments.vararg is not None:
            note = annotation(arguments.vararg.annotation) if annotated and arguments.vararg.annotation else 0
            found.append(shared((arguments.vararg.arg, f.VARARGS, note, -1)))
        for argument, default_node in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            default = self.visit(default_node) if default_node is not None else -1
            note = annotation(argument.annotation) if annotated and argument.annotation is not None else 0
            found.append(shared((argument.arg, f.KEYWORD_ONLY, note, default)))
        if arguments.kwarg is not None:
            note = annotation(arguments.kwarg.annotation) if annotated and arguments.kwarg.annotation else 0
            found.append(shared((arguments.kwarg.arg, f.KWARGS, note, -1)))
        return shared(tuple(found))  # type: ignore[no-any-return]

    def annotation(self, node: ast.expr) -> int:
        """An annotation as an expression; forward references in strings are parsed."""
        kind = node.__class__
        if kind is ast.Name:
            return self.load(node.id)  # type: ignore[attr-defined]
        if kind is ast.Constant:
            value = node.value  # type: ignore[attr-defined]
            if value.__class__ is str:
                try:
                    return self.annotation(ast.parse(value.strip(), mode="eval").body)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    return 0
            return self.constant(node)  # type: ignore[arg-type]
        if kind is ast.Attribute:
            base = self.annotation(node.value)  # type: ignore[attr-defined]
            return self.intern((f.ATTR, base, node.attr)) if base else 0  # type: ignore[attr-defined]
        if kind is ast.Subscript:
            return self.generic(self.annotation(node.value), node.slice)  # type: ignore[attr-defined]
        if kind is ast.BinOp and node.op.__class__ is ast.BitOr:  # type: ignore[attr-defined]
            return self.union([self.annotation(node.left), self.annotation(node.right)])  # type: ignore[attr-defined]
        if kind is ast.List:
            return self.append((f.LIST, tuple([self.annotation(e) for e in node.elts])))  # type: ignore[attr-defined]
        # anything else is an ordinary expression, whose calls count
        return self.visit(node)

    # -- comprehensions ----------------------------------------------------------------------------------------

    def list_comprehension(self, node: ast.ListComp) -> int:
        return self.comprehension("list", node.generators, [node.elt])

    def set_comprehension(self, node: ast.SetComp) -> int:
        return self.comprehension("set", node.generators, [node.elt])

    def generator(self, node: ast.GeneratorExp) -> int:
        return self.comprehension("generator", node.generators, [node.elt])

    def dict_comprehension(self, node: ast.DictComp) -> int:
        return self.comprehension("dict", node.generators, [node.key, node.value])

    def comprehension(self, kind: str, generators: list[ast.comprehension], results: list[ast.expr]) -> int:
        environment = self.environment
        mark = len(self.log)
        outer_region = self.region
        outer_walrus, self.walrus = self.walrus, {}
        first = True
        for generator in generators:
            iterable = self.visit(generator.iter)
            self.iteration(iterable, generator.iter, is_async=bool(generator.is_async))
            if first:
                self.loops += 1
                first = False
            self.region = self.new_region(f.LOOP, iterable, None)
            tag = f.AITERATE if generator.is_async else f.ITERATE
            self.bind_local_target(generator.target, self.intern((tag, iterable)) if iterable else 0)
            for condition in generator.ifs:
                self.region = self.new_region(f.IF, self.test(condition), True)
        element = key = 0
        for result in results:
            key, element = element, self.visit(result)
        self.loops -= 1
        self.region = outer_region
        for name, before in reversed(self.log[mark:]):
            if before < 0:
                environment.pop(name, None)
            else:
                environment[name] = before
        del self.log[mark:]
        for name, value in self.walrus.items():
            self.bind(name, value)
        outer_walrus.update(self.walrus)
        self.walrus = outer_walrus
        return self.append((f.COMPREHENSION, kind, element, key))

    def bind_local_target(self, target: ast.expr, value: int) -> None:
        """Bind the target of a comprehension: its names live in the comprehension only."""
        kind = target.__class__
        if kind is ast.Name:
            name = target.id  # type: ignore[attr-defined]
            self.log.append((name, self.environment.get(name, -1)))
            self.environment[name] = value
        elif kind is ast.Tuple or kind is ast.List:
            for i, element in enumerate(target.elts):  # type: ignore[attr-defined]
                self.bind_local_target(element, self.intern((f.ITEM, value, i)) if value else 0)
        elif kind is ast.Starred:
            self.bind_local_target(target.value, 0)  # type: ignore[attr-defined]
        else:
            self.visit(target)

    def iteration(self, iterable: int, node: ast.expr, *, is_async: bool) -> None:
        """Record that ``iterable`` is iterated here: a generator's body runs here, ``__iter__`` is called here."""
        if is_async:
            self.function.awaits = True
        if iterable and self.exprs[iterable][0] not in _PLAIN:
            self.function.iterations.append(
                (
                    iterable,
                    is_async,
                    node.lineno,
                    node.col_offset,
                    node.end_lineno or 0,
                    node.end_col_offset or 0,
                    self.region,
                )
            )


def _may_be_types(node: ast.expr) -> bool:
    """Whether a subscript could be that of a type alias; a plain constant is a key."""
    kind = node.__class__
    if kind is ast.Tuple:
        return all(
            e.__class__ is ast.Constant or e.__class__ is ast.Call or _may_be_types(e)
            for e in node.elts  # type: ignore[attr-defined]
        )
    if kind is ast.List:
        return all(_may_be_types(e) for e in node.elts)  # type: ignore[attr-defined]
    if kind is ast.Subscript:
        return _may_be_types(node.value) and _may_be_types(node.slice)  # type: ignore[attr-defined]
    if kind is ast.Attribute:
        return _may_be_types(node.value)  # type: ignore[attr-defined]
    if kind is ast.BinOp:
        return _may_be_types(node.left) and _may_be_types(node.right)  # type: ignore[attr-defined]
    return kind is ast.Name


_PLAIN = frozenset({f.UNKNOWN, f.CONST, f.BUILTIN, f.COMPARE, f.NOT})
"""Expressions whose operators never run code of the project."""

_DECIDED = frozenset({f.COMPARE, f.NOT, f.BOOLEAN, f.CONST})
"""Conditions whose truth asks for no method of an object."""

_MAKE_AWAITABLES = frozenset({ast.Call, ast.IfExp, ast.BoolOp})
"""What `await` may stand before so that the calls in it are the awaited ones."""

_VISITORS: dict[type, Callable[[ExpressionIndexer, Any], int]] = {
    ast.Name: ExpressionIndexer.name,
    ast.Attribute: ExpressionIndexer.attribute,
    ast.Call: ExpressionIndexer.call,
    ast.Constant: ExpressionIndexer.constant,
    ast.Subscript: ExpressionIndexer.subscript,
    ast.Await: ExpressionIndexer.await_,
    ast.Tuple: ExpressionIndexer.tuple_,
    ast.List: ExpressionIndexer.list_,
    ast.Set: ExpressionIndexer.set_,
    ast.Dict: ExpressionIndexer.dict_,
    ast.JoinedStr: ExpressionIndexer.joined,
    ast.FormattedValue: ExpressionIndexer.formatted,
    ast.BinOp: ExpressionIndexer.binary,
    ast.BoolOp: ExpressionIndexer.boolean,
    ast.UnaryOp: ExpressionIndexer.unary,
    ast.Compare: ExpressionIndexer.compare,
    ast.IfExp: ExpressionIndexer.conditional,
    ast.Lambda: ExpressionIndexer.lambda_,
    ast.ListComp: ExpressionIndexer.list_comprehension,
    ast.SetComp: ExpressionIndexer.set_comprehension,
    ast.GeneratorExp: ExpressionIndexer.generator,
    ast.DictComp: ExpressionIndexer.dict_comprehension,
    ast.Starred: ExpressionIndexer.starred,
    ast.NamedExpr: ExpressionIndexer.named,
    ast.Yield: ExpressionIndexer.yield_,
    ast.YieldFrom: ExpressionIndexer.yield_from,
    ast.Slice: ExpressionIndexer.slice_,
}
"""A table of plain functions: one of bound methods would tie each indexer into a cycle, and keep what it held."""
