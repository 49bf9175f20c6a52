"""Statements of a file as facts: assignments followed through branches and loops, bodies, classes, imports."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any

from auditor.index import facts as f
from auditor.index.expressions import ExpressionIndexer
from auditor.index.overwriting import Overwriting, held_by
from auditor.index.scopes import Scope, bound_names, pattern_names

if TYPE_CHECKING:
    from collections.abc import Callable

_ROLES = frozenset(
    {
        "property",
        "cached_property",
        "setter",
        "deleter",
        "getter",
        "staticmethod",
        "classmethod",
        "contextmanager",
        "asynccontextmanager",
        "abstractmethod",
        "abstractproperty",
        "overload",
        "coroutine",
    }
)


class StatementIndexer(ExpressionIndexer):
    """Indexes a whole module; ``index_module`` is the way in."""

    def __init__(self) -> None:
        super().__init__()
        # function bodies wait until the body around them is complete, as they run later than it
        self.waiting: list[tuple[list[ast.stmt], int, Scope, tuple[int, int] | None]] = []
        self.loop_values: list[list[tuple[str, int]]] = []
        self.end_region = 0  # the region at the end of the block that was walked last
        self.current_class = -1
        self.overwriting = Overwriting(self.exprs, self.append)

    # -- bodies ------------------------------------------------------------------------------------------------

    def index_module(self, tree: ast.Module) -> f.FileFacts:
        self.function = f.FunctionFacts("<module>", "", f.MODULE_BODY, -1, -1, 1)
        self.file.functions.append(self.function)
        self.scope = Scope(0, None, is_class=False, class_name="")
        bound_names(tree.body, self.scope)
        module_values = self.scope.values
        self.top_level(tree.body)
        self.exports(tree.body)
        waiting = self.waiting
        position = 0
        while position < len(waiting):
            body, number, scope, unit = waiting[position]
            waiting[position] = None  # type: ignore[call-overload]
            self.function_body(body, number, scope, unit)
            function = self.file.functions[number]
            if function.is_generator and "coroutine" in function.roles:
                function.is_generator = False
            position += 1
        for name, values in module_values.items():
            known = self.globals.setdefault(name, [])
            known.extend(v for v in values if v not in known)
        self.file.seal()
        return self.file

    def top_level(self, body: list[ast.stmt]) -> None:
        """Statements of a module or class body, each with its unit for the rule tier."""
        units = self.file.units
        function = self.function
        for node in body:
            before = len(function.calls) + len(function.withs)
            kind = node.__class__
            _STATEMENTS[kind](self, node)
            if len(function.calls) + len(function.withs) != before:
                first = node.lineno
                if kind in _DEFINITIONS and node.decorator_list:  # type: ignore[attr-defined]
                    first = node.decorator_list[0].lineno  # type: ignore[attr-defined]
                units.append((first, node.end_lineno or first))

    def function_body(
        self, body: list[ast.stmt], number: int, scope: Scope, unit: tuple[int, int] | None
    ) -> None:
        function = self.file.functions[number]
        self.scope, self.function, self.function_id = scope, function, number
        self.environment, self.region, self.loops, self.log, self.lambdas = {}, 0, 0, [], 0
        self.outer_environments = []
        self.current_class = -1
        self.unit = function.unit = unit or function.unit
        bound_names(body, scope)
        for index, (name, _, _, _) in enumerate(function.params):
            scope.names.add(name)
            self.bind(name, self.common((f.PARAM, number, index)))
        self.block(body)

    def block(self, body: list[ast.stmt]) -> bool:
        """Index statements in order; True when control does not reach the end of the block.

        After an ``if`` that always leaves, the rest of the block runs under the opposite condition.
        """
        outer = self.region
        left = False
        for node in body:
            if left:
                break
            left = _STATEMENTS[node.__class__](self, node)
        self.end_region = self.region
        self.region = outer
        return left

    # -- simple statements -------------------------------------------------------------------------------------

    def nothing(self, _node: ast.stmt) -> bool:
        return False

    def jump(self, _node: ast.stmt) -> bool:
        return True

    def expression_statement(self, node: ast.Expr) -> bool:
        value = node.value
        if value.__class__ is not ast.Constant:
            if value.__class__ is ast.Call:
                self.awaited = f.STATEMENT
                self.visit(value)
                self.overwrite_items(value)
            else:
                self.visit(value)
            self.awaited = 0
        return False

    def assign(self, node: ast.Assign) -> bool:
        value_node = node.value
        targets = node.targets
        if (
            value_node.__class__ is ast.Tuple
            and len(targets) == 1
            and targets[0].__class__ is ast.Tuple
            and len(value_node.elts) == len(targets[0].elts)
            and not any(e.__class__ is ast.Starred for e in (*value_node.elts, *targets[0].elts))
        ):
            values = [self.visit(e) for e in value_node.elts]
            for target, value in zip(targets[0].elts, values, strict=True):
                self.assign_to(target, value)
            return False
        value = self.visit(value_node)
        for target in targets:
            self.assign_to(target, value)
        return False

    def assign_to(self, target: ast.expr, value: int) -> None:
        kind = target.__class__
        if kind is ast.Name:
            self.bind(target.id, value)  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            self.store_attribute(target, value)  # type: ignore[arg-type]
        elif kind is ast.Tuple or kind is ast.List:
            self.iteration(value, target, is_async=False)
            star = next((i for i, e in enumerate(target.elts) if e.__class__ is ast.Starred), None)  # type: ignore[attr-defined]
            for i, element in enumerate(target.elts):  # type: ignore[attr-defined]
                if i == star:
                    rest = self.intern((f.ITERATE, value)) if value else 0
                    self.assign_to(element.value, self.append((f.COMPREHENSION, "list", rest, 0)))
                    continue
                index = i if star is None or i < star else i - len(target.elts)  # type: ignore[attr-defined]
                self.assign_to(element, self.intern((f.ITEM, value, index)) if value else 0)
        elif kind is ast.Subscript:
            base = self.visit(target.value)  # type: ignore[attr-defined]
            key = self.key_of(target.slice)  # type: ignore[attr-defined]
            if base:
                self.operator("__setitem__", base, value, target)
                self.file.mutations.append((base, key, value))
                if key is not None and value:
                    self.overwrite_item(target, value)  # type: ignore[arg-type]
        elif kind is ast.Starred:
            self.assign_to(target.value, self.intern((f.ITERATE, value)) if value else 0)  # type: ignore[attr-defined]

    def overwrite_item(self, target: ast.Subscript, value: int) -> None:
        """``name["key"] = value`` where the name stands for a display of a dictionary that has the key."""
        name, nodes = held_by(target)
        dictionary = self.environment.get(name, 0)
        if self.exprs[dictionary][0] == f.DICT and all(node.__class__ is ast.Constant for node in nodes):
            keys = [node.value for node in nodes]  # type: ignore[attr-defined]
            self.rebind(name, self.overwriting.with_item(dictionary, keys, value) or dictionary)

    def overwrite_items(self, call: ast.Call) -> None:
        """``name.update({...})`` where the name stands for a display of a dictionary."""
        callee = call.func
        if (
            not isinstance(callee, ast.Attribute)
            or callee.attr != "update"
            or len(call.args) != 1
            or call.keywords
        ):
            return
        if isinstance(callee.value, ast.Name):
            name = callee.value.id
            dictionary = self.environment.get(name, 0)
            if self.exprs[dictionary][0] == f.DICT:
                others = self.file.calls[-1][f.C_ARGS][0]
                self.rebind(name, self.overwriting.with_items(dictionary, others) or dictionary)

    def store_attribute(self, target: ast.Attribute, value: int) -> None:
        base = self.visit(target.value)
        name = self.mangled(target.attr)
        if not base:
            return
        expression = self.exprs[base]
        owner = -1
        if expression[0] == f.PARAM and expression[2] == 0:
            method = self.file.functions[expression[1]]
            if method.class_id >= 0 and "staticmethod" not in method.roles:
                owner = method.class_id
        if owner >= 0:
            self.file.classes[owner].stores.setdefault(name, []).append(value)  # type: ignore[attr-defined]
        else:
            self.file.stores.append((base, name, value))
        self.function.writes.append(
            (
                base,
                name,
                value,
                target.lineno,
                target.col_offset,
                target.end_lineno or 0,
                target.end_col_offset or 0,
                self.region,
            )
        )

    def annotated_assign(self, node: ast.AnnAssign) -> bool:
        note = self.annotation(node.annotation)
        if node.value is not None and _last_name(node.annotation) == "TypeAlias":
            self.assign_to(node.target, self.annotation(node.value))
            return False
        value = self.visit(node.value) if node.value is not None else 0
        position = self.intern((f.ANNOTATED, note, value)) if note else value
        if node.target.__class__ is ast.Name and self.scope.is_class:
            name = node.target.id
            if note:
                self.file.classes[self.current_class].annotations[name] = note
            if node.value is not None:
                self.bind(name, value)
        elif position:
            self.assign_to(node.target, position)
        return False

    def augmented_assign(self, node: ast.AugAssign) -> bool:
        value = self.visit(node.value)
        target = node.target
        if target.__class__ is ast.Name:
            before = self.load(target.id)
            if before or value:
                self.bind(target.id, self.union([before, value]))
                if before:
                    self.file.mutations.append(
                        (before, None, self.intern((f.ITERATE, value)) if value else 0)
                    )
        elif target.__class__ is ast.Attribute:
            base = self.visit(target)
            if base:
                self.file.mutations.append((base, None, self.intern((f.ITERATE, value)) if value else 0))
        else:
            self.assign_to(target, 0)
        return False

    def return_(self, node: ast.Return) -> bool:
        if node.value is not None:
            self.returned(node.value)
        return True

    def returned(self, node: ast.expr) -> None:
        """Record what is returned; the two sides of a conditional expression stand under its test."""
        if node.__class__ is ast.IfExp:
            outer = self.region
            test = self.test(node.test)
            self.region = self.new_region(f.IF, test, True)
            self.returned(node.body)
            self.region = outer
            self.region = self.new_region(f.IF, test, False)
            self.returned(node.orelse)
            self.region = outer
        else:
            self.function.returns.append(f.shared((self.visit(node), self.region)))

    def raise_(self, node: ast.Raise) -> bool:
        if node.exc is not None:
            self.visit(node.exc)
        if node.cause is not None:
            self.visit(node.cause)
        return True

    def assert_(self, node: ast.Assert) -> bool:
        test = self.test(node.test)
        if node.msg is not None:
            self.visit(node.msg)
        self.region = self.new_region(f.IF, test, True)
        return False

    def delete(self, node: ast.Delete) -> bool:
        for target in node.targets:
            if target.__class__ is ast.Subscript:
                base = self.visit(target.value)
                self.key_of(target.slice)
                if base:
                    self.operator("__delitem__", base, 0, target)
            elif target.__class__ is ast.Attribute:
                self.visit(target.value)
        return False

    # -- branches ----------------------------------------------------------------------------------------------

    def branch(self, body: list[ast.stmt]) -> tuple[dict[str, int], bool]:
        """Index one alternative and undo its assignments; the values that its names have at its end."""
        log = self.log
        mark = len(log)
        left = self.block(body)
        environment = self.environment
        changed = log[mark:]
        final = {name: environment.get(name, 0) for name, _ in changed}
        for name, before in reversed(changed):
            if before < 0:
                environment.pop(name, None)
            else:
                environment[name] = before
        del log[mark:]
        return final, left

    def merge(self, alternatives: list[tuple[dict[str, int], bool]]) -> bool:
        """Join alternatives; an empty one stands for falling through. True when none reaches the end."""
        reaching = [final for final, left in alternatives if not left]
        if not reaching:
            # code after it is dead, but a loop or handler may still see these values
            reaching = [final for final, _ in alternatives]
        names: dict[str, None] = {}
        for final in reaching:
            names.update(dict.fromkeys(final))
        environment = self.environment
        for name in names:
            before = environment.get(name)
            values: list[int] = []
            for final in reaching:
                value = final.get(name, before)
                if value is not None and value not in values:
                    values.append(value)
            self.rebind(name, self.union(values) if len(values) != 1 else values[0])
        return all(left for _, left in alternatives)

    def rebind(self, name: str, value: int) -> None:
        """Set the live value of a name without recording a new assignment."""
        self.log.append((name, self.environment.get(name, -1)))
        self.environment[name] = value

    def if_(self, node: ast.If) -> bool:
        test = self.test(node.test)
        outer = self.region
        if node.orelse and _last_name(node.test) == "TYPE_CHECKING":
            return self.type_checking(node, test)
        self.region = self.new_region(f.IF, test, True)
        body = self.branch(node.body)
        body_end = self.end_region
        self.region = outer
        if node.orelse:
            self.region = self.new_region(f.IF, test, False)
            other = self.branch(node.orelse)
            other_end = self.end_region
            self.region = outer
        else:
            other, other_end = (dict[str, int](), False), -1
        left = self.merge([body, other])
        # what follows is what follows the only branch that gets there, with all that has left that branch on the way
        if body[1] and not other[1]:
            self.region = other_end if other_end >= 0 else self.new_region(f.IF, test, False)
        elif other[1] and not body[1]:
            self.region = body_end
        return left

    def type_checking(self, node: ast.If, test: int) -> bool:
        """What runs is the other branch; names that only the first one binds serve annotations."""
        outer = self.region
        self.region = self.new_region(f.IF, test, True)
        mark = len(self.log)
        self.block(node.body)
        for_types = {name: self.environment.get(name, 0) for name, _ in self.log[mark:]}
        self.region = outer
        mark = len(self.log)
        left = self.block(node.orelse)
        for name, _ in self.log[mark:]:
            values = self.scope.values.get(name, [])
            if name in for_types and for_types[name] in values and len(values) > 1:
                values.remove(for_types[name])
        return left

    def match(self, node: ast.Match) -> bool:
        subject = self.visit(node.subject)
        alternatives: list[tuple[dict[str, int], bool]] = []
        always = False
        for case in node.cases:
            always = always or (case.guard is None and _fits_all(case.pattern))
            for name in sorted(pattern_names(case.pattern)):
                self.rebind(name, 0)
            self.bind_pattern(case.pattern, subject)
            if case.guard is not None:
                self.visit(case.guard)
            alternatives.append(self.branch(case.body))
        if not always:
            alternatives.append(({}, False))
        return self.merge(alternatives)

    def bind_pattern(self, pattern: ast.pattern, subject: int) -> None:
        """Bind the names that a pattern captures to the parts of the subject that they stand for."""
        if isinstance(pattern, ast.MatchAs):
            if pattern.pattern is not None:
                subject = self.matched(pattern.pattern, subject)
                self.bind_pattern(pattern.pattern, subject)
            if pattern.name:
                self.rebind(pattern.name, subject)
        elif isinstance(pattern, ast.MatchClass):
            instance = self.matched(pattern, subject)
            for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
                self.bind_pattern(part, self.intern((f.ATTR, instance, name)) if instance else 0)
        elif isinstance(pattern, ast.MatchSequence):
            star = next((i for i, p in enumerate(pattern.patterns) if isinstance(p, ast.MatchStar)), None)
            for i, part in enumerate(pattern.patterns):
                key = i if star is None or i < star else i - len(pattern.patterns)
                self.bind_pattern(part, self.intern((f.ITEM, subject, key)) if subject and i != star else 0)
        elif isinstance(pattern, ast.MatchMapping):
            for key_node, part in zip(pattern.keys, pattern.patterns, strict=True):
                key = self.key_of(key_node)  # type: ignore[assignment]
                self.bind_pattern(part, self.intern((f.ITEM, subject, key)) if subject else 0)

    def matched(self, pattern: ast.pattern, subject: int) -> int:
        """The subject, once the pattern has matched: of the pattern's class where it names one."""
        if isinstance(pattern, ast.MatchClass):
            note = self.annotation(pattern.cls)
            return self.intern((f.ANNOTATED, note, 0)) if note else subject
        return subject

    # -- loops -------------------------------------------------------------------------------------------------

    def enter_loop(self, body: list[ast.stmt]) -> list[tuple[str, int, list[int]]]:
        """Give each name that the loop assigns a value that is closed over the loop."""
        probe = Scope(0, None, is_class=False, class_name="")
        bound_names(body, probe)
        environment = self.environment
        cycles = []
        for name in sorted(probe.names):
            before = environment.get(name, -1)
            values: list[int] = [before] if before > 0 else []
            position = self.append((f.PHI, values))
            cycles.append((name, before, values))
            self.log.append((name, before))
            environment[name] = position
        return cycles

    def leave_loop(self, cycles: list[tuple[str, int, list[int]]]) -> None:
        environment = self.environment
        known = self.scope.values
        for name, before, values in cycles:
            final = environment.get(name, 0)
            # a name assigned on a path that ends in `continue` or `break` reaches the next turn and the end as well
            for value in (final, *known.get(name, ())) if name in known else (final,):
                if value and value not in values and self.exprs[value] is not None:
                    values.append(value)
            after = [v for v in values if v != final]
            _ = before
            self.rebind(name, self.union([*after, final]) if final else self.union(after) if after else 0)

    def for_(self, node: ast.For | ast.AsyncFor) -> bool:
        iterable = self.visit(node.iter)
        is_async = node.__class__ is ast.AsyncFor
        outer = self.region
        cycles = self.enter_loop(node.body)
        self.iteration(iterable, node.iter, is_async=is_async)
        self.region = self.new_region(f.LOOP, iterable, is_async or None)
        self.loops += 1
        tag = f.AITERATE if is_async else f.ITERATE
        self.assign_to(node.target, self.intern((tag, iterable)) if iterable else 0)
        self.block(node.body)
        self.loops -= 1
        self.region = outer
        self.leave_loop(cycles)
        self.loop_else(node)
        return False

    def loop_else(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        """The ``else`` of a loop: skipped where the loop is left by ``break``."""
        if node.orelse:
            if _breaks(node.body):
                self.merge([({}, False), self.branch(node.orelse)])
            else:
                self.block(node.orelse)

    def while_(self, node: ast.While) -> bool:
        outer = self.region
        cycles = self.enter_loop(node.body)
        self.region = self.new_region(f.LOOP, None, None)
        self.loops += 1
        test = self.test(node.test)
        inner = self.region
        self.region = self.new_region(f.IF, test, True)
        self.block(node.body)
        self.region = inner
        self.loops -= 1
        self.region = outer
        self.leave_loop(cycles)
        self.loop_else(node)
        if node.test.__class__ is ast.Constant and node.test.value and not _breaks(node.body):
            self.function.endless |= not _returns(node.body)
            return True
        return False

    # -- try and with ------------------------------------------------------------------------------------------

    def try_(self, node: ast.Try) -> bool:
        names: list[str] = []
        for handler in node.handlers:
            names.extend(_exception_names(handler.type))
        outer = self.region
        self.region = self.new_region(f.TRY, tuple(names), None)
        mark = len(self.log)
        first_call = len(self.file.calls)
        left = self.block(node.body)
        last_call = len(self.file.calls)
        earlier: dict[str, int] = {}  # what the names that the body assigns were before it
        for name, value in self.log[mark:]:
            earlier.setdefault(name, value)
        body_names = set(earlier)
        body_values = {n: list(self.scope.values.get(n, ())) for n in body_names}
        self.region = outer
        alternatives: list[tuple[dict[str, int], bool]] = []
        if node.orelse:
            self.region = self.new_region(f.TRY_ELSE, tuple(names), (first_call, last_call))
            left = self.block(node.orelse) or left
            self.region = outer
        alternatives.append(({}, left))
        environment = self.environment
        ways_on: list[
            int
        ] = []  # regions at the ends of handlers that what follows the statement is reached from
        for handler in node.handlers:
            if handler.type is not None:
                self.visit(handler.type)
            handled = tuple(_exception_names(handler.type))
            self.region = self.new_region(f.HANDLER, handled, (first_call, last_call))
            start = len(self.log)
            for name, values in body_values.items():
                before = environment.get(name)
                self.rebind(name, self.union(values) if values else before or 0)
            if handler.name:
                self.rebind(handler.name, 0)
            final, handler_left = self.branch(handler.body)
            if not handler_left:
                ways_on.append(self.end_region)
            for name, before_ in reversed(self.log[start:]):
                # names of the try body may keep any of its values when the handler falls through
                if name not in final and not handler_left and name != handler.name:
                    final[name] = environment.get(name, 0)
                if before_ < 0:
                    environment.pop(name, None)
                else:
                    environment[name] = before_
            del self.log[start:]
            alternatives.append((final, handler_left))
            self.region = outer
        left = self.merge(alternatives)
        if node.finalbody:
            self.region = self.new_region(f.FINALLY, None, None)
            passing: list[dict[str, Any]] = [
                earlier,
                body_values,
                *[final for final, handler_left in alternatives if handler_left],
            ]
            left = self.final_block(node.finalbody, passing) or left
            self.region = outer
        if not left and node.handlers and all(handler_left for _, handler_left in alternatives[1:]):
            # what follows runs only if the body of the try succeeded
            self.region = self.new_region(f.TRY_ELSE, tuple(names), (first_call, last_call))
        elif not left and alternatives[0][1] and len(ways_on) == 1:
            self.region = ways_on[0]  # ... only if it failed
        return left

    def final_block(self, body: list[ast.stmt], passing: list[dict[str, Any]]) -> bool:
        """A ``finally`` block: what leaves by an exception or a ``return`` passes through it with its own values."""
        environment = self.environment
        narrow: dict[str, tuple[int, int]] = {}
        for name in sorted({name for values in passing for name in values}):
            now = environment.get(name, -1)
            all_values = [now] if now >= 0 else []
            for values in passing:
                value = values.get(name, ())
                all_values.extend(value if isinstance(value, list) else [value] if value != () else [])
            wide = self.union([x for x in all_values if x >= 0] or [0])
            if wide != now:
                narrow[name] = (wide, now)
                self.rebind(name, wide)
        left = self.block(body)
        for name, (wide, now) in narrow.items():
            if environment.get(name) == wide:  # the block has not assigned it
                self.rebind(name, max(now, 0))
        return left

    def with_(self, node: ast.With | ast.AsyncWith) -> bool:
        outer = self.region
        is_async = node.__class__ is ast.AsyncWith
        if is_async:
            self.function.awaits = True
        for item in node.items:
            expr_node = item.context_expr
            value = self.visit(expr_node)
            self.function.withs.append(
                (
                    value,
                    is_async,
                    expr_node.lineno,
                    expr_node.col_offset,
                    expr_node.end_lineno or 0,
                    expr_node.end_col_offset or 0,
                    self.region,
                )
            )
            if item.optional_vars is not None:
                tag = f.AENTER if is_async else f.ENTER
                self.assign_to(item.optional_vars, self.intern((tag, value)) if value else 0)
            self.region = self.new_region(f.WITH, value, is_async)
        self.block(node.body)
        self.region = outer
        # a context manager may swallow the exception that keeps a `return` within from being reached
        return False

    # -- definitions -------------------------------------------------------------------------------------------

    def function_definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        decorators = [self.visit(d) for d in node.decorator_list]
        roles = tuple(r for r in map(_role_of, node.decorator_list) if r)
        params = self.parameters(node.args, annotated=True)
        annotation = self.annotation(node.returns) if node.returns is not None else 0
        outer = self.function
        qualname = f"{outer.qualname}.{node.name}" if outer.qualname else node.name
        number = len(self.file.functions)
        kind = f.ASYNC_DEF if node.__class__ is ast.AsyncFunctionDef else f.DEF
        class_id = self.current_class if self.scope.is_class else -1
        function = f.FunctionFacts(node.name, qualname, kind, class_id, self.function_id, node.lineno)
        function.column = node.col_offset
        function.end_line = node.end_lineno or node.lineno
        first_line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
        unit = self.unit or (first_line, function.end_line)
        function.unit = unit
        function.params = params
        function.annotation = annotation
        function.decorators = tuple(decorators)
        function.roles = roles
        if "coroutine" in roles:
            # a generator-based coroutine runs where it is awaited, like any other
            function.kind = f.ASYNC_DEF
        self.file.functions.append(function)
        scope = Scope(number, self.scope, is_class=False, class_name=self.scope.class_name)
        self.waiting.append((node.body, number, scope, unit))
        value = self.common((f.FUNCTION, number))
        self.bind(node.name, self.decorated(node, decorators, value))
        return False

    def decorated(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, decorators: list[int], value: int
    ) -> int:
        """The value of a decorated definition: decorators are calls, applied from the innermost outward."""
        for decorator, decorator_node in zip(
            reversed(decorators), reversed(node.decorator_list), strict=True
        ):
            if _role_of(decorator_node) or not decorator:
                continue
            self.record_call(decorator_node, decorator, (value,), (), f.IS_DECORATOR)
            value = self.append((f.DECORATED, len(self.file.calls) - 1, value))
        return value

    def class_definition(self, node: ast.ClassDef) -> bool:
        decorators = [self.visit(d) for d in node.decorator_list]
        # `Base[T]` and `Base` are the same base
        bases = tuple([self.annotation(b) for b in node.bases])
        keywords = tuple([(k.arg or "", self.visit(k.value)) for k in node.keywords])
        outer = (
            self.scope, self.function, self.function_id, self.environment, self.region, self.loops, self.log,
            self.current_class, self.lambdas,
        )  # fmt: skip
        qualname = f"{self.function.qualname}.{node.name}" if self.function.qualname else node.name
        class_id = len(self.file.classes)
        class_ = f.ClassFacts(node.name, qualname, self.function_id, node.lineno)
        class_.bases, class_.keywords, class_.decorators = bases, keywords, tuple(decorators)
        self.file.classes.append(class_)
        number = len(self.file.functions)
        body = f.FunctionFacts(node.name, qualname, f.CLASS_BODY, class_id, self.function_id, node.lineno)
        body.column = node.col_offset
        body.end_line = node.end_lineno or node.lineno
        body.unit = self.unit or (node.lineno, body.end_line)
        self.file.functions.append(body)
        class_.body = number
        self.outer_environments.append((self.scope, self.environment))
        scope = Scope(number, self.scope, is_class=True, class_name=node.name)
        bound_names(node.body, scope)
        self.scope, self.function, self.function_id = scope, body, number
        self.environment, self.region, self.loops, self.log = {}, 0, 0, []
        self.current_class = class_id
        self.lambdas = 0
        if self.unit is None:
            self.top_level(node.body)
        else:
            self.block(node.body)
        class_.attributes = scope.values  # type: ignore[assignment]
        self.outer_environments.pop()
        (
            self.scope, self.function, self.function_id, self.environment, self.region, self.loops, self.log,
            self.current_class, self.lambdas,
        ) = outer  # fmt: skip
        value = self.common((f.CLASS, class_id))
        self.bind(node.name, self.decorated(node, decorators, value))
        return False

    def type_alias(self, node: Any) -> bool:
        self.bind(node.name.id, self.annotation(node.value))
        return False

    # -- imports -----------------------------------------------------------------------------------------------

    def import_(self, node: ast.Import) -> bool:
        for alias in node.names:
            self.file.imports.append((0, alias.name))
            self.late_import(alias.name, alias.name, alias)
            if alias.asname:
                self.bind(alias.asname, self.intern((f.MODULE, alias.name)))
            else:
                first = alias.name.partition(".")[0]
                self.bind(first, self.intern((f.PACKAGE, first)))
        return False

    def late_import(self, dotted: str, module: str, alias: ast.alias) -> None:
        """Note an import that does not run, or not surely, when the module is imported."""
        if self.region or self.function.kind > f.CLASS_BODY:
            end = alias.col_offset + len(alias.name.encode())
            found = (dotted, module, alias.lineno, alias.col_offset, end, self.region)
            self.function.imports.append(found)

    def import_from(self, node: ast.ImportFrom) -> bool:
        module = node.module or ""
        self.file.imports.append((node.level, module))
        if not node.level:
            self.late_import(f"{module}.{node.names[0].name}", module, node.names[0])
        for alias in node.names:
            if alias.name == "*":
                self.file.stars.append((node.level, module))
            else:
                value = self.common((f.IMPORTED, node.level, module, alias.name))
                self.file.imported.append(value)
                self.bind(alias.asname or alias.name, value)
        return False

    def exports(self, body: list[ast.stmt]) -> None:
        """``__all__`` where it is spelt out with constants; anything else leaves it unknown."""
        names: list[str] | None = None
        for node in body:
            targets: list[ast.expr] = []
            value: ast.expr | None = None
            if _grows(node, "__all__"):
                return
            if isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            elif isinstance(node, ast.AnnAssign | ast.AugAssign):
                targets, value = [node.target], node.value
            if not any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                continue
            if not isinstance(value, ast.List | ast.Tuple):
                return
            elements = [
                e.value for e in value.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)
            ]
            if len(elements) != len(value.elts):
                return
            names = (names or []) + elements if isinstance(node, ast.AugAssign) else elements
        self.file.exports = tuple(names) if names is not None else None


_DEFINITIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})


def _breaks(body: list[ast.stmt]) -> bool:
    """Whether a ``break`` of this very loop is in its body."""
    for node in body:
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            if _breaks(node.orelse):
                return True
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for part in ("body", "orelse", "finalbody"):
            if _breaks(getattr(node, part, None) or []):
                return True
        if any(_breaks(h.body) for h in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]):
            return True
    return False


def _returns(body: list[ast.stmt]) -> bool:
    """Whether a ``return`` of this very function is in the statements."""
    for node in body:
        if isinstance(node, ast.Return):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        parts = [getattr(node, name, None) or [] for name in ("body", "orelse", "finalbody")]
        parts += [h.body for h in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]]
        if any(map(_returns, parts)):
            return True
    return False


def _grows(node: ast.stmt, name: str) -> bool:
    """Whether the statement calls a method of the name, such as ``__all__.append(...)``."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and isinstance(node.value.func.value, ast.Name)
        and node.value.func.value.id == name
    )


def _fits_all(pattern: ast.pattern) -> bool:
    """Whether the pattern fits whatever is matched: a name, `_`, or an alternative of these."""
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _fits_all(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(_fits_all(p) for p in pattern.patterns)


def _last_name(node: ast.expr) -> str:
    if node.__class__ is ast.Name:
        return node.id
    return node.attr if node.__class__ is ast.Attribute else ""


def _role_of(node: ast.expr) -> str:
    """The role that a decorator gives, by the last part of its name; empty for decorators that are ordinary calls."""
    name = _last_name(node)
    return name if name in _ROLES else ""


def _exception_names(node: ast.expr | None) -> list[str]:
    if node is None:
        return [""]
    if isinstance(node, ast.Tuple):
        return [n for e in node.elts for n in _exception_names(e)]
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    return ["?"]


def index_tree(tree: ast.Module) -> f.FileFacts:
    """The facts of a parsed module."""
    return StatementIndexer().index_module(tree)


_STATEMENTS: dict[type, Callable[[StatementIndexer, Any], bool]] = {
    ast.Expr: StatementIndexer.expression_statement,
    ast.Assign: StatementIndexer.assign,
    ast.AnnAssign: StatementIndexer.annotated_assign,
    ast.AugAssign: StatementIndexer.augmented_assign,
    ast.Return: StatementIndexer.return_,
    ast.If: StatementIndexer.if_,
    ast.For: StatementIndexer.for_,
    ast.AsyncFor: StatementIndexer.for_,
    ast.While: StatementIndexer.while_,
    ast.Try: StatementIndexer.try_,
    ast.TryStar: StatementIndexer.try_,
    ast.With: StatementIndexer.with_,
    ast.AsyncWith: StatementIndexer.with_,
    ast.FunctionDef: StatementIndexer.function_definition,
    ast.AsyncFunctionDef: StatementIndexer.function_definition,
    ast.ClassDef: StatementIndexer.class_definition,
    ast.Import: StatementIndexer.import_,
    ast.ImportFrom: StatementIndexer.import_from,
    ast.Raise: StatementIndexer.raise_,
    ast.Assert: StatementIndexer.assert_,
    ast.Delete: StatementIndexer.delete,
    ast.Match: StatementIndexer.match,
    ast.Pass: StatementIndexer.nothing,
    ast.Global: StatementIndexer.nothing,
    ast.Nonlocal: StatementIndexer.nothing,
    ast.Break: StatementIndexer.jump,
    ast.Continue: StatementIndexer.jump,
}
if sys.version_info >= (3, 12):
    _STATEMENTS[ast.TypeAlias] = StatementIndexer.type_alias
