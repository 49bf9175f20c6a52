"""From the tables of one file to values; all that is wrong is reported, and something usable goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeGuard

from auditor.catalog import schema
from auditor.catalog.conditions import Condition, Selector
from auditor.catalog.relevance import stated
from auditor.catalog.values import (
    NO_COST,
    Api,
    ContextChange,
    Decorates,
    ExternalType,
    Factory,
    Hooks,
    Runs,
    Variant,
)
from auditor.model import Category, Cost
from auditor.tables import Positions, did_you_mean, syntax_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Parse = Callable[[str], "RawTable"]

RawTable = dict[str, Any]

_NOWHERE: Final = Selector(0, None)

_ADVICE: Final = {"instead": "advice", "twin": "twin"}


class DataFile:
    """One catalog file: its tables, and the problems found in them, each with the place that it is about."""

    __slots__ = ("_problems", "data", "path", "text")

    def __init__(self, path: str, text: str, parse: Parse | None = None) -> None:
        import tomllib

        self.path = path
        self.text = text
        self._problems: list[tuple[str, int, str, str, str]] = []
        try:
            self.data: RawTable = (parse or tomllib.loads)(text)
        except tomllib.TOMLDecodeError as error:
            line, message = syntax_problem(error)
            self.data = {}
            self._problems.append(("", line, "\0syntax", "", f"no valid TOML: {message}; correct the syntax"))

    def report(self, message: str, table: str, index: int = 0, key: str = "", word: str = "") -> None:
        """Record what is wrong and what to do, at a table, one of its keys, or a word in the key's value."""
        self._problems.append((table, index, key, word, message))

    def problems(self) -> list[str]:
        """One line a problem, by line."""
        if not self._problems:
            return []
        positions = Positions(self.text)
        lines = []
        for table, index, key, word, message in self._problems:
            if key == "\0syntax":
                line = index
            elif key:
                line = positions.key(table, index, key, word)
            else:
                line = positions.table(table, index)
            lines.append((line, message))
        return [f"{self.path}:{line}: {message}" for line, message in sorted(dict.fromkeys(lines))]

    def arrays(self, kind: str) -> list[RawTable]:
        """The tables ``[[kind]]``; anything else under that name was reported by `check_form`."""
        found = self.data.get(kind)
        return (
            [table if isinstance(table, dict) else {} for table in found] if isinstance(found, list) else []
        )

    def header(self) -> RawTable:
        """The keys of ``[area]`` or ``[framework]``, whichever heads the file."""
        return self.section("framework") or self.section("area")

    def section(self, name: str) -> RawTable:
        """The table ``[name]``, empty if there is none."""
        found = self.data.get(name)
        return found if isinstance(found, dict) else {}

    def check_form(self) -> None:
        """Report unknown tables and keys, missing keys and values of the wrong TOML type."""
        if not self.data and self._problems:
            return
        headers = [kind for kind in schema.HEADERS if kind in self.data]
        if len(headers) != 1:
            self.report(
                "the file has no header; start it with an [area] or a [framework] table"
                if not headers
                else "the file has both an [area] and a [framework] table; keep one",
                headers[-1] if headers else "",
            )
        known = {*schema.TABLES, *schema.HEADERS, "defaults", "costs"}
        for name, value in self.data.items():
            if name in schema.TABLES:
                if isinstance(value, list) and all(isinstance(table, dict) for table in value):
                    for index, table in enumerate(value):
                        self._check_table(schema.TABLES[name], table, name, index)
                else:
                    self.report(f"{name!r} is not an array of tables; write [[{name}]]", name, key=name)
            elif name not in known:
                self.report(f"unknown table {name!r}; {did_you_mean(name, known)}", name)
            elif not isinstance(value, dict):
                self.report(f"{name!r} is not a table; write [{name}]", "", key=name)
            elif name in schema.HEADERS:
                self._check_table(schema.HEADERS[name], value, name, 0)
        self._check_defaults()
        self._check_relevance()

    def _check_relevance(self) -> None:
        """What is read from the header without parsing is what stands there."""
        header = self.header()
        kind = "framework" if "framework" in self.data else "area"
        if not header.keys() & {"packages", "needs"}:
            return
        name, packages, needs = stated(self.text.encode())
        for key, found in (("packages", packages), ("needs", needs)):
            if key in header and header[key] != list(found):
                self.report(
                    f"{key!r} cannot be read at a glance; list plain texts in double quotes", kind, key=key
                )
        if needs and not packages:
            self.report("'needs' says nothing without 'packages'; add that", kind, key="needs")
        if name != header.get("name"):
            self.report("'name' cannot be read at a glance; write it as a plain text", kind, key="name")

    def _check_defaults(self) -> None:
        keys = {key: schema.TABLES["api"].keys[key] for key in schema.DEFAULTABLE}
        self._check_table(schema.Table(keys, ()), self.section("defaults"), "defaults", 0)

    def _check_table(self, form: schema.Table, table: RawTable, name: str, index: int) -> None:
        keys = form.keys
        for key, value in table.items():
            expected = keys.get(key)
            if expected is None:
                self.report(f"unknown key {key!r} in [{name}]; {did_you_mean(key, keys)}", name, index, key)
            elif type(value) is not expected and expected is not object:
                self.report(
                    f"{key!r} is not {schema.TYPE_NAMES[expected]}; write {schema.TYPE_NAMES[expected]}",
                    name, index, key,
                )  # fmt: skip
        for key in form.required:
            if key not in table:
                self.report(f"[{name}] has no {key!r}; add it", name, index)


class TableReader:
    """Reads the tables of one file into values; ``rename`` makes names canonical."""

    __slots__ = ("_costs", "_file", "_index", "_rename", "_table", "defaults")

    def __init__(self, file: DataFile, rename: Callable[[str], str]) -> None:
        self._file = file
        self._rename = rename
        self._table = ""
        self._index = 0
        self._costs: dict[str, tuple[Cost, str]] = {}
        self._table = "costs"
        for name, raw in file.section("costs").items():
            self._costs[name] = self._cost(raw, f"costs.{name}", name)
        self.defaults: RawTable = file.section("defaults")

    def at(self, table: str, index: int) -> None:
        """Report problems at this table from now on."""
        self._table = table
        self._index = index

    def report(self, message: str, key: str = "", word: str = "") -> None:
        """Report a problem of the present table."""
        self._file.report(message, self._table, self._index, key, word)

    def api(self, raw: RawTable) -> Api:
        """One ``[[api]]`` table."""
        names = self.names(raw, "names", wildcard=True)
        effect = self._word(raw, "effect", schema.EFFECTS, "")
        if not effect:
            return Api(
                names, "none", self._file.path
            )  # reported; what else the table lacks depends on the effect
        if effect == "none":
            return self._harmless_api(raw, names)
        table = {**self.defaults, **raw}
        for key in ("group", *(("category", "gil", "cost", "why") if effect == "blocks" else ())):
            if not table.get(key):
                self.report(f"an entry with effect {effect!r} has no {key!r}; add it")
        if "reason" in raw:
            self.report("'reason' belongs to effect = \"none\"; write 'why' here", "reason")
        cost, note = self._cost(table["cost"], "cost", "") if "cost" in table else (NO_COST, "")
        return Api(
            names=names,
            effect=effect,  # type: ignore[arg-type]  # checked against the words of the literal
            origin=self._file.path,
            group=_text(table, "group"),
            category=schema.CATEGORIES[
                self._word(table, "category", schema.CATEGORIES, Category.EVENT_LOOP_BLOCKING)
            ],
            cost=cost,
            cost_note=note,
            opening=self._cost(raw["opening"], "opening", "")[0] if "opening" in raw else None,
            piecemeal=self._cost(raw["piecemeal"], "piecemeal", "")[0] if "piecemeal" in raw else None,
            gil=self._word(table, "gil", schema.GILS, "releases"),  # type: ignore[arg-type]  # as above
            bounded=bool(table.get("bounded", True)),
            harmless=self._conditions(raw, "harmless"),
            needs=self._conditions(raw, "needs"),
            bound=self._selector(raw["bound"], "bound") if "bound" in raw else None,
            duration=self._selector(raw["duration"], "duration") if "duration" in raw else None,
            variants=self._variants(raw) if "variants" in raw else (),
            instead=self._by_dialect(table, "instead"),
            twin=self._by_dialect(raw, "twin"),
            thread_safe=table.get("thread_safe") if isinstance(table.get("thread_safe"), bool) else None,
            why=_text(raw, "why"),
        )

    def _variants(self, raw: RawTable) -> tuple[Variant, ...]:
        listed = raw["variants"]
        found = []
        for item in listed if isinstance(listed, list) else ():
            if not isinstance(item, dict) or not item.get("when") or not item.keys() - {"when"}:
                self.report(
                    "a variant does not say both 'when' and what is different; write both", "variants"
                )
                continue
            for name in item.keys() - schema.VARIANT_KEYS:
                hint = did_you_mean(name, schema.VARIANT_KEYS)
                self.report(f"unknown key {name!r} in a variant; {hint}", "variants", name)
            bounded = item.get("bounded")
            if bounded is not None and not isinstance(bounded, bool):
                self.report(
                    "'bounded' in a variant is not true or false; write one of them", "variants", "bounded"
                )
                bounded = None
            gil = item.get("gil")
            if gil is not None and not _is_one_of(gil, schema.GILS):
                hint = did_you_mean(str(gil), schema.GILS)
                self.report(f"unknown gil {gil!r} in a variant; {hint}", "variants", str(gil))
                gil = None
            found.append(
                Variant(
                    when=self._conditions(item, "when", place="variants"),
                    cost=self._cost(item["cost"], "variants", "")[0] if "cost" in item else None,
                    bounded=bounded,
                    gil=gil,  # type: ignore[arg-type]  # checked above
                )
            )
        return tuple(found)

    def _harmless_api(self, raw: RawTable, names: tuple[str, ...]) -> Api:
        if not raw.get("reason"):
            self.report("an entry with effect 'none' has no 'reason'; say why it is harmless")
        for key in raw.keys() - {"names", "effect", "reason", "replaces"}:
            if key in schema.TABLES["api"].keys:
                self.report(f"{key!r} says nothing for effect 'none'; remove it", key)
        return Api(names, "none", self._file.path, reason=_text(raw, "reason"))

    def type(self, raw: RawTable) -> ExternalType:
        """One ``[[type]]`` table."""
        closed = raw.get("closed") is True
        if "methods" in raw and not closed:
            self.report("'methods' says nothing for a type that is not closed; add closed = true", "methods")
        return ExternalType(
            name=self.name(raw, "name"),
            origin=self._file.path,
            bases=self.names(raw, "bases"),
            returns=self._type_map(raw, "returns"),
            attributes=self._type_map(raw, "attributes"),
            element=self._type_name(raw["element"], "element") if _text(raw, "element") else "",
            closed=closed,
            synthetic=raw.get("synthetic") is True,
            methods=frozenset(self.words(raw, "methods")),
        )

    def factory(self, raw: RawTable) -> Factory:
        """One ``[[factory]]`` table."""
        return Factory(
            names=self.names(raw, "names"),
            returns=self._type_name(_text(raw, "returns"), "returns") if "returns" in raw else "",
            origin=self._file.path,
            when=self._conditions(raw, "when"),
        )

    def runs(self, raw: RawTable) -> Runs:
        """One ``[[runs]]`` table."""
        return Runs(
            names=self.names(raw, "names", wildcard=True),
            callable=self._selector(
                raw.get("callable", {"position": 0}), "callable", known=schema.CALLABLE_KEYS
            ),
            kind=self._word(raw, "kind", schema.KINDS, "call"),  # type: ignore[arg-type]  # checked above
            origin=self._file.path,
            passes=self._word(raw, "passes", schema.PASSES, "none"),  # type: ignore[arg-type]  # likewise
            sync=self._context(raw, "sync"),
            async_=self._context(raw, "async"),
            when=self._conditions(raw, "when"),
            crossing=raw.get("crossing") is True,
            result=self._word(raw, "result", schema.RESULTS, ""),
            role=_text(raw, "role"),
            methods=self.words(raw, "methods"),
            shared=raw.get("shared") is True,
            unless=self.words(raw, "unless"),
        )

    def decorates(self, raw: RawTable) -> Decorates:
        """One ``[[decorates]]`` table."""
        factory = raw.get("factory")
        return Decorates(
            names=self.names(raw, "names", wildcard=True),
            origin=self._file.path,
            factory=factory if isinstance(factory, bool) else None,
            sync=self._context(raw, "sync"),
            async_=self._context(raw, "async"),
            role=_text(raw, "role"),
            keeps=raw.get("keeps") is not False,
            kind=self._word(raw, "kind", schema.DECORATION_KINDS, "register"),
            when=self._conditions(raw, "when"),
        )

    def hooks(self, raw: RawTable) -> Hooks:
        """One ``[[hooks]]`` table."""
        return Hooks(
            base=self.name(raw, "base"),
            methods=self.words(raw, "methods", prefixes=True),
            origin=self._file.path,
            sync=self._context(raw, "sync"),
            async_=self._context(raw, "async"),
            role=_text(raw, "role"),
        )

    def name(self, raw: RawTable, key: str) -> str:
        """The canonical dotted name under ``key``."""
        value = raw.get(key)
        return self._rename(self._dotted(value, key)) if isinstance(value, str) else ""

    def names(self, raw: RawTable, key: str, *, wildcard: bool = False) -> tuple[str, ...]:
        """The canonical dotted names listed under ``key``, each once."""
        found: dict[str, None] = {}
        listed = raw.get(key, ())
        if key in raw and not listed:
            self.report(f"{key!r} is empty; list at least one name", key)
        for value in listed if isinstance(listed, list) else ():
            if not isinstance(value, str):
                self.report(f"{key!r} holds {value!r}, which is no text; list dotted names", key)
                continue
            name = self._rename(self._dotted(value, key, wildcard=wildcard))
            if name in found:
                self.report(f"{value!r} is named twice in {key!r}; remove one", key, value)
            found[name] = None
        return tuple(found)

    def own(self, raw: RawTable) -> str:
        """How far the arguments must be the caller's own; empty where it does not matter."""
        return self._word(raw, "own", schema.OWN, "")

    def words(self, raw: RawTable, key: str, *, prefixes: bool = False) -> tuple[str, ...]:
        """The plain names listed under ``key``; with ``prefixes`` also beginnings of names, such as ``on_*``."""
        listed = raw.get(key)
        words = []
        for value in listed if isinstance(listed, list) else ():
            plain = value.removesuffix("*") if prefixes and isinstance(value, str) else value
            if isinstance(plain, str) and plain.isidentifier():
                words.append(value)
            else:
                self.report(f"{value!r} in {key!r} is no method name; write a plain name", key, str(value))
        return tuple(words)

    def _dotted(self, value: str, key: str, *, wildcard: bool = False) -> str:
        parts = value.split(".")
        if parts[-1] == "*" and len(parts) > 1:
            if not wildcard:
                self.report(f"{value!r} in {key!r} has a '*'; name one thing here", key, value)
            del parts[-1]
        for part in parts:
            if not part.isidentifier():
                self.report(
                    f"{value!r} in {key!r} is no dotted name; write it as package.Type.method", key, value
                )
                break
        return value

    def _type_name(self, value: str, key: str) -> str:
        outer, bracket, inner = value.partition("[")
        if not bracket:
            return self._rename(self._dotted(value, key))
        if not inner.endswith("]"):
            self.report(f"{value!r} in {key!r} lacks its closing bracket; write Type[Element]", key, value)
            return self._rename(outer)
        return f"{self._rename(self._dotted(outer, key))}[{self._type_name(inner[:-1], key)}]"

    def _type_map(self, raw: RawTable, key: str) -> Mapping[str, str]:
        table = raw.get(key)
        if not isinstance(table, dict):
            return {}
        result = {}
        for name, value in table.items():
            if isinstance(value, str):
                result[name] = self._type_name(value, key)
            else:
                self.report(f"the type of {name!r} in {key!r} is no text; write a dotted name", key, name)
        return result

    def _word(self, raw: RawTable, key: str, known: Iterable[str], default: str) -> str:
        value = raw.get(key)
        if value is None or not isinstance(
            value, str
        ):  # a missing or mistyped value is reported by the form check
            return default
        if value not in known:
            self.report(f"unknown {key} {value!r}; {did_you_mean(value, known)}", key)
            return default
        return value

    def _cost(self, raw: object, key: str, preset: str) -> tuple[Cost, str]:
        if isinstance(raw, str) and not preset:
            if raw not in self._costs:
                hint = did_you_mean(raw, self._costs) if self._costs else "declare it under [costs]"
                self.report(f"unknown cost {raw!r}; {hint}", key)
            return self._costs.get(raw, (NO_COST, ""))
        where = preset or key
        if not isinstance(raw, dict):
            self.report(
                f"{where!r} is not a cost; write {{ low = , typical = , high = , source = , note = }}", where
            )
            return NO_COST, ""
        for name in raw.keys() - schema.COST_KEYS.keys():
            self.report(
                f"unknown key {name!r} in a cost; {did_you_mean(name, schema.COST_KEYS)}", where, name
            )
        figures = []
        for name in ("low", "typical", "high"):
            value = raw.get(name)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not 0 <= value < float("inf")
            ):
                self.report(f"cost {name!r} is no duration in seconds; write a number from 0 up", where, name)
                return NO_COST, ""
            figures.append(float(value))
        low, typical, high = figures
        if not low <= typical <= high:
            self.report("a cost is not ordered; keep low <= typical <= high", where)
        source = raw.get("source")
        if not _is_one_of(source, schema.COST_SOURCES):
            hint = did_you_mean(str(source), schema.COST_SOURCES) if source else "add it"
            self.report(
                f"unknown cost source {source!r}; {hint}" if source else "a cost has no 'source'; add it",
                where,
            )
            source = "assumed"
        of = raw.get("of", "")
        if not isinstance(of, str) or (not of and "of" in raw):
            self.report("cost 'of' is no text; say how much work the typical figure stands for", where, "of")
            of = ""
        note = raw.get("note")
        if not isinstance(note, str) or not note:
            self.report(
                "a cost has no 'note'; say how it was measured, cite it, or state the assumption", where
            )
            note = ""
        return Cost(low, typical, high, schema.COST_SOURCES[source], of), note

    def _by_dialect(self, table: RawTable, key: str) -> Mapping[str, str]:
        raw = table.get(key)
        if not isinstance(raw, dict):
            return {}
        for dialect, text in raw.items():
            if dialect not in schema.DIALECTS:
                self.report(
                    f"unknown dialect {dialect!r}; {did_you_mean(dialect, schema.DIALECTS)}",
                    key,
                    dialect,
                )
            elif not isinstance(text, str) or not text or "\n" in text:
                self.report(
                    f"the {_ADVICE[key]} for {dialect!r} is not one line of text; write one", key, dialect
                )
        return raw

    def _conditions(self, raw: RawTable, key: str, *, place: str = "") -> tuple[Condition, ...]:
        """The conditions under ``key``; ``place`` is the key of the table that holds ``raw``, where that is nested."""
        listed = raw.get(key)
        if not isinstance(listed, list):
            if place:
                self.report(f"{key!r} is not a list; write a list of conditions", place, key)
            return ()
        place = place or key
        return tuple(condition for item in listed if (condition := self._condition(item, place)) is not None)

    def _condition(self, raw: object, key: str) -> Condition | None:
        if not isinstance(raw, dict):
            self.report(
                f'{key!r} holds {raw!r}; write {{ position = 0, argument = "name", equals = false }}', key
            )
            return None
        selector = self._selector({name: raw[name] for name in schema.SELECTOR_KEYS & raw.keys()}, key)
        for name in raw.keys() - schema.SELECTOR_KEYS - schema.TEST_KEYS:
            known = schema.SELECTOR_KEYS | schema.TEST_KEYS
            self.report(f"unknown key {name!r} in a condition; {did_you_mean(name, known)}", key, name)
        tests = schema.TEST_KEYS & raw.keys()
        if len(tests) != 1:
            self.report(
                "a condition needs one test: below, equals, given, given_by, mentions, starts_with, type",
                key,
            )
            return None
        (test,) = tests
        value = raw[test]
        if test == "equals" and isinstance(value, (str, bool, int, float)):
            return Condition(selector, equals=(value,))
        if test == "given" and isinstance(value, bool):
            return Condition(selector, given=value)
        if test == "type" and isinstance(value, str):
            return Condition(selector, type=self._rename(self._dotted(value, key)))
        if test == "mentions" and isinstance(value, str):
            return Condition(selector, mentions=self._rename(self._dotted(value, key)))
        if (
            test == "starts_with"
            and isinstance(value, list)
            and value
            and all(isinstance(x, str) for x in value)
        ):
            return Condition(selector, starts_with=tuple(value))
        if (
            test == "given_by"
            and isinstance(value, list)
            and value
            and all(isinstance(x, str) for x in value)
        ):
            return Condition(selector, given_by=frozenset(self._rename(self._dotted(x, key)) for x in value))
        if test == "below" and isinstance(value, (int, float)) and not isinstance(value, bool):
            return Condition(selector, below=value)
        form = {
            "below": "a number",
            "equals": "a literal",
            "given": "true or false",
            "type": "a dotted name",
            "mentions": "a dotted name",
            "starts_with": "a list of texts",
            "given_by": "a list of dotted names",
        }
        self.report(f"{test!r} in a condition is not {form[test]}; write {form[test]}", key, test)
        return None

    def _selector(self, raw: object, key: str, *, known: frozenset[str] = schema.SELECTOR_KEYS) -> Selector:
        if not isinstance(raw, dict):
            return _NOWHERE  # reported by the form check
        for name in raw.keys() - known:
            self.report(f"unknown key {name!r} in {key!r}; {did_you_mean(name, known)}", key, name)
        position, argument = raw.get("position"), raw.get("argument")
        assigned = raw.get("assigned") is True
        if position is None and argument is None and not assigned:
            self.report(f"{key!r} selects no argument; give 'position', 'argument' or both", key)
        if position is not None and (
            isinstance(position, bool) or not isinstance(position, int) or position < 0
        ):
            self.report("a position is not a whole number from 0 up; count without self", key, "position")
            position = None
        if argument is not None and not (isinstance(argument, str) and argument.isidentifier()):
            self.report("an argument is no name; write the name of the parameter", key, "argument")
            argument = None
        return Selector(
            position,
            argument,
            elements=raw.get("elements") is True,
            variadic=raw.get("variadic") is True,
            assigned=assigned,
        )

    def _context(self, raw: RawTable, key: str) -> ContextChange | None:
        table = raw.get(key)
        if not isinstance(table, dict):
            return None
        axes: dict[str, Any] = {}
        for axis, word in table.items():
            words = schema.CONTEXT_WORDS.get(axis)
            if words is None:
                self.report(
                    f"unknown axis {axis!r} in {key!r}; {did_you_mean(axis, schema.CONTEXT_WORDS)}", key, axis
                )
            elif not _is_one_of(word, words):
                self.report(
                    f"unknown {axis} {word!r} in {key!r}; {did_you_mean(str(word), words)}", key, axis
                )
            else:
                axes[axis] = words[word]
        return ContextChange(**axes)


def _is_one_of(value: object, words: Iterable[str]) -> TypeGuard[str]:
    """Whether a value of any type, also one that cannot be hashed, is one of the words."""
    return isinstance(value, str) and value in words


def _text(raw: RawTable, key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
