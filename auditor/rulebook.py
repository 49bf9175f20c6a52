"""The rule files, ``rules/<CODE>-<name>.md``: TOML front matter, prose under fixed headings, and examples.

The docs page, ``auditor rule CODE`` and the SARIF help come from these files and nothing else, and their examples are
run as tests. An audit needs the front matter only, so prose and examples are taken apart when first asked for.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from auditor.model import FixSafety, Severity
from auditor.tables import Positions, did_you_mean, syntax_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

Contexts = Literal["on-loop", "off-loop", "before-loop", "anywhere"]
Status = Literal["stable", "preview"]
ExampleKind = Literal["bad", "fixed", "good"]

HEADINGS: Final = (
    "What it does",
    "Why is this bad",
    "How long it blocks",
    "How to verify",
    "Fix",
    "Trade-offs",
    "Known limits",
)
PLACEHOLDERS: Final = frozenset({"callee", "duration", "function", "instead"})
BY_COST: Final = "by-cost"
MARK: Final = "# expect:"
DEFAULT_EXAMPLE_PATH: Final = "example.py"
DEFAULT_PRECEDENCE: Final = 50

_FENCE: Final = "+++"
_KEYS: Final[dict[str, type]] = {
    "id": str,
    "name": str,
    "message": str,
    "check": str,
    "groups": list,
    "runs": list,
    "contexts": str,
    "severity": str,
    "blocks": bool,
    "fix": dict,
    "status": str,
    "since": str,
    "precedence": int,
    "impact": str,
    "advice": str,
    "verify": list,
    "tradeoffs": list,
}
_REQUIRED: Final = ("id", "name", "message", "check", "contexts", "severity", "status", "since")
_RUN_KINDS: Final = ("offload", "thread", "schedule", "drive", "call")
_TYPE_NAMES: Final = {
    str: "a text",
    list: "a list",
    dict: "a table",
    int: "a whole number",
    bool: "true or false",
}


class RulebookError(Exception):
    """Rule files cannot be used; ``problems`` holds one line for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class FixRecipe:
    """How the finding is fixed: the name of a recipe, and whether applying it keeps the behaviour."""

    recipe: str
    safety: FixSafety


@dataclass(frozen=True, slots=True, order=True)
class Expectation:
    """A finding that an example or a fixture is marked with; None where the mark leaves it open."""

    path: str
    line: int
    column: int | None
    code: str
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class Example:
    """One program of a rule file, and exactly the findings that it must give.

    ``line`` is where its first block starts in the rule file. ``bad`` of a ``fixed`` example is the one it mends.
    """

    kind: ExampleKind
    files: tuple[tuple[str, str], ...]
    expects: tuple[Expectation, ...]
    line: int
    bad: Example | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``groups`` are catalog groups, ``runs`` kinds of ``[[runs]]`` entries, whose calls are suspects.

    ``impact``, ``advice``, ``verify`` and ``tradeoffs`` are sentences of a report that the cost of a call would else
    decide.
    """

    id: str
    name: str
    message: str
    check: str
    groups: tuple[str, ...]
    runs: tuple[str, ...]
    contexts: Contexts
    severity: Severity | None
    blocks: bool
    """Whether the fault costs the loop time; False where something is lost or raises instead."""

    fix: FixRecipe | None
    status: Status
    since: str
    precedence: int
    impact: str
    """What happens, where the cost of the call does not say it. Placeholders are those of ``message``."""

    advice: str
    verify: tuple[str, ...]
    tradeoffs: tuple[str, ...]
    origin: str
    body: str = field(repr=False)
    body_line: int
    """Line of the file on which ``body`` starts."""

    @property
    def by_cost(self) -> bool:
        """Whether the cost of the call decides the severity."""
        return self.severity is None

    def sections(self) -> dict[str, str]:
        """Heading -> Markdown text below it, examples included."""
        sections: dict[str, list[str]] = {}
        lines: list[str] = []
        for _, text, inside in _lines(self.body, self.body_line):
            if not inside and text.startswith("## "):
                lines = sections.setdefault(text[3:].strip(), [])
            else:
                lines.append(text)
        return {heading: "\n".join(text).strip() for heading, text in sections.items()}

    def examples(self) -> tuple[Example, ...]:
        """The example programs, in the order of the file."""
        return tuple(_examples(self))


def load(directory: Path | Traversable) -> tuple[Rule, ...]:
    """The rules of a directory by code; raises RulebookError with every problem in all files."""
    files = sorted(
        (file for file in directory.iterdir() if file.name.endswith(".md")), key=lambda file: file.name
    )
    return load_texts((str(file), file.name, file.read_bytes()) for file in files)


def load_texts(contents: Iterable[tuple[str, str, bytes]]) -> tuple[Rule, ...]:
    """The same from (path, file name, content) triples."""
    rules: dict[str, Rule] = {}
    problems: list[str] = []
    for path, name, content in contents:
        file = _RuleFile(path, name)
        rule = file.read(content)
        problems += file.problems
        if rule is None:
            continue
        if rule.id in rules:
            problems.append(
                f"{path}:1: {rule.id} is also {rules[rule.id].origin}; give one of them another code"
            )
        rules[rule.id] = rule
    if problems:
        raise RulebookError(problems)
    return tuple(rules[code] for code in sorted(rules))


def expectations(source: str, path: str = DEFAULT_EXAMPLE_PATH) -> tuple[Expectation, ...]:
    """The ``# expect:`` marks of a Python source text.

    A mark is a trailing comment ``# expect: CODE[:COLUMN] [SEVERITY]``, several separated by commas. A malformed one
    raises ValueError with a line ``path:line: what is wrong; what to do``: it would silently expect nothing.
    """
    found: list[Expectation] = []
    for line, comment in _comments(source):
        _, mark, text = comment.partition(MARK)
        if mark:
            found += [_expectation(path, line, item.strip()) for item in text.split(",")]
    return tuple(found)


def _expectation(path: str, line: int, item: str) -> Expectation:
    place, _, word = item.partition(" ")
    code, colon, column = place.partition(":")
    severity = Severity.__members__.get(word.strip())
    if not _is_code(code) or (colon and not column.isdigit()) or (word and severity is None):
        raise ValueError(
            f"{path}:{line}: mark {item!r} is unclear; write CODE, CODE:COLUMN or CODE:COLUMN SEVERITY"
        )
    return Expectation(path, line, int(column) if colon else None, code, severity)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every comment; where the tokenizer refuses the source, of all that may be one."""
    import io
    import tokenize

    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        for number, line in enumerate(source.splitlines(), 1):
            if "#" in line:
                yield number, line[line.index("#") :]
        return
    for token in tokens:
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


class _RuleFile:
    """Reads one rule file, collecting what is wrong with it."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self.file_name = name
        self.problems: list[str] = []
        self._positions: Positions | None = None
        self._front = ""

    def read(self, content: bytes) -> Rule | None:
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            self._report(content.count(b"\n", 0, error.start) + 1, "not UTF-8; save the file as UTF-8")
            return None
        parts = text.split(f"{_FENCE}\n", 2)
        if len(parts) != 3 or parts[0]:
            self._report(1, f"no front matter; start the file with TOML between two lines of {_FENCE}")
            return None
        _, self._front, body = parts
        body_line = self._front.count("\n") + 3
        table = self._table()
        if table is None:
            return None
        rule = self._rule(table, body, body_line)
        self._check_body(rule)
        return rule if not self.problems else None

    def _report(self, line: int, message: str) -> None:
        self.problems.append(f"{self.path}:{line}: {message}")

    def _report_key(self, key: str, message: str, word: str = "") -> None:
        if self._positions is None:
            self._positions = Positions(self._front)
        self._report(self._positions.key("", 0, key, word) + 1, message)

    def _table(self) -> dict[str, Any] | None:
        import tomllib

        try:
            table = tomllib.loads(self._front)
        except tomllib.TOMLDecodeError as error:
            line, message = syntax_problem(error)
            self._report(line + 1, f"no valid TOML: {message}; correct the syntax")
            return None
        for key, value in table.items():
            expected = _KEYS.get(key)
            if expected is None:
                self._report_key(key, f"unknown key {key!r}; {did_you_mean(key, _KEYS)}")
            elif type(value) is not expected:
                kind = _TYPE_NAMES[expected]
                self._report_key(key, f"{key!r} is not {kind}; write {kind}")
        for key in _REQUIRED:
            if key not in table:
                self._report(1, f"the front matter has no {key!r}; add it")
        return None if self.problems else table

    def _rule(self, table: dict[str, Any], body: str, body_line: int) -> Rule:
        self._check_names(table)
        self._check_text("message", table["message"])
        for key in ("impact", "advice"):
            if key in table:
                self._check_text(key, table[key])
        for key in ("verify", "tradeoffs"):
            for text in self._texts(table, key):
                self._check_text(key, text)
        severity = table["severity"]
        if severity != BY_COST and severity not in Severity.__members__:
            hint = did_you_mean(severity, [BY_COST, *Severity.__members__])
            self._report_key("severity", f"unknown severity {severity!r}; {hint}")
        return Rule(
            id=table["id"],
            name=table["name"],
            message=table["message"],
            check=table["check"],
            groups=self._texts(table, "groups"),
            runs=tuple(self._word("runs", word, _RUN_KINDS) for word in self._texts(table, "runs")),
            contexts=self._word("contexts", table["contexts"], get_args(Contexts)),
            severity=Severity.__members__.get(severity),
            blocks=table.get("blocks", True),
            fix=self._fix(table["fix"]) if "fix" in table else None,
            status=self._word("status", table["status"], get_args(Status)),
            since=table["since"],
            precedence=table.get("precedence", DEFAULT_PRECEDENCE),
            impact=table.get("impact", ""),
            advice=table.get("advice", ""),
            verify=self._texts(table, "verify"),
            tradeoffs=self._texts(table, "tradeoffs"),
            origin=self.path,
            body=body,
            body_line=body_line,
        )

    def _check_names(self, table: dict[str, Any]) -> None:
        code, name = table["id"], table["name"]
        if not _is_code(code):
            self._report_key("id", f"{code!r} is no code; write capitals and three digits, as in LOOP301")
        if not _is_kebab(name):
            self._report_key("name", f"{name!r} is no rule name; write lower-case words joined by hyphens")
        if self.file_name != f"{code}-{name}.md":
            self._report(1, f"the file is named {self.file_name!r}; name it {f'{code}-{name}.md'!r}")
        module, colon, check = table["check"].partition(":")
        if (
            not colon
            or not check.isidentifier()
            or not all(part.isidentifier() for part in module.split("."))
        ):
            self._report_key("check", f"{table['check']!r} names no class; write package.module:Class")
        if not all(part.isdigit() for part in table["since"].split(".")) or table["since"].count(".") != 2:
            self._report_key("since", f"{table['since']!r} is no version; write it as in 0.1.0")

    def _check_text(self, key: str, text: str) -> None:
        """A sentence of a report: one line, with placeholders that there are."""
        import string

        what = "the message" if key == "message" else f"{key!r}"
        try:
            placeholders = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        except ValueError as error:
            self._report_key(key, f"{what} cannot be formatted: {error}; double braces that are text")
            return
        for name in placeholders:
            if name not in PLACEHOLDERS:
                self._report_key(key, f"unknown placeholder {name!r}; {did_you_mean(name, PLACEHOLDERS)}")
        if "\n" in text or not text:
            self._report_key(key, f"{what} is not one line; write one")

    def _texts(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        values = table.get(key, [])
        for value in values:
            if not isinstance(value, str):
                self._report_key(key, f"{key!r} holds {value!r}, which is no text; list names")
        return tuple(value for value in values if isinstance(value, str))

    def _word(self, key: str, word: str, known: Sequence[str], what: str = "") -> Any:
        if word not in known:
            self._report_key(key, f"unknown {what or key} {word!r}; {did_you_mean(word, known)}", word)
        return word

    def _fix(self, table: dict[str, Any]) -> FixRecipe | None:
        for key in table.keys() - {"recipe", "safety"}:
            self._report_key(
                "fix", f"unknown key {key!r} in 'fix'; {did_you_mean(key, ('recipe', 'safety'))}"
            )
        recipe, safety = table.get("recipe"), table.get("safety")
        if not isinstance(recipe, str) or not _is_kebab(recipe):
            self._report_key("fix", "a fix has no recipe; name it in lower-case words joined by hyphens")
            return None
        return FixRecipe(recipe, self._word("fix", str(safety), get_args(FixSafety), "safety"))

    def _check_body(self, rule: Rule) -> None:
        """The title, the headings, all and in order, and the info strings of the code blocks."""
        lines = list(_lines(rule.body, rule.body_line))
        fences = [number for number, text, inside in lines if inside and text.startswith("```")]
        if len(fences) % 2:
            self._report(fences[-1], "a code block is not closed; close it with ```")
        prose = [(number, text) for number, text, inside in lines if not inside]
        headings = [(number, text[3:].strip()) for number, text in prose if text.startswith("## ")]
        title = f"{rule.name} ({rule.id})"
        titles = [(number, text[2:].strip()) for number, text in prose if text.startswith("# ")]
        if not titles:
            self._report(rule.body_line, f"the page has no title; start it with '# {title}'")
        for number, text in titles:
            if text != title:
                self._report(number, f"the title is {text!r}; write {title!r}")
        self._check_headings(headings, rule.body_line)
        try:
            _blocks(rule)
        except ValueError as error:
            self.problems.append(str(error))

    def _check_headings(self, headings: list[tuple[int, str]], body_line: int) -> None:
        names = [name for _, name in headings]
        for number, name in headings:
            if name not in HEADINGS:
                self._report(number, f"unknown heading {name!r}; {did_you_mean(name, HEADINGS)}")
            elif names.count(name) > 1 and names.index(name) != headings.index((number, name)):
                self._report(number, f"a second heading {name!r}; keep one")
        for name in HEADINGS:
            if name not in names:
                self._report(body_line, f"no heading {name!r}; add it")
        known = [(number, name) for number, name in headings if name in HEADINGS]
        for (_, before), (number, name) in itertools.pairwise(known):
            if HEADINGS.index(name) < HEADINGS.index(before):
                self._report(number, f"{name!r} stands after {before!r}; keep the order of the headings")


@dataclass(frozen=True, slots=True)
class _Block:
    kind: ExampleKind
    path: str
    source: str
    line: int


def _lines(body: str, first: int) -> Iterator[tuple[int, str, bool]]:
    """Number and text of each line, and whether it is part of a code block (its fences included)."""
    inside = False
    for number, text in enumerate(body.splitlines(), first):
        if text.startswith("```"):
            yield number, text, True
            inside = not inside
        else:
            yield number, text, inside


def _blocks(rule: Rule) -> list[_Block]:
    """The code blocks that are examples; a ValueError names an info string that is unclear."""
    blocks: list[_Block] = []
    lines: list[str] | None = None
    kind, path, start = "", "", 0
    for number, text, _ in _lines(rule.body, rule.body_line):
        if not text.startswith("```"):
            if lines is not None:
                lines.append(text)
        elif lines is None:
            kind, path = _info(text[3:].strip(), f"{rule.origin}:{number}")
            lines, start = [], number + 1
        else:
            if kind:
                blocks.append(_Block(kind, path, "\n".join(lines) + "\n", start))  # type: ignore[arg-type]
            lines = None
    return blocks


def _info(text: str, place: str) -> tuple[str, str]:
    """Kind and path of a code block; an empty kind for one that is no example (another language, or plain)."""
    words = text.split()
    if words[:1] != ["python"] or len(words) == 1:
        return "", ""
    kind, path = words[1], ""
    if kind not in get_args(ExampleKind):
        raise ValueError(
            f"{place}: unknown kind of example {kind!r}; {did_you_mean(kind, get_args(ExampleKind))}"
        )
    for word in words[2:]:
        key, _equals, value = word.partition("=")
        if key != "file" or not value or value.startswith("/") or ".." in value.split("/"):
            raise ValueError(
                f"{place}: unclear word {word!r} in the info string; write file=package/module.py"
            )
        path = value
    return kind, path


def _examples(rule: Rule) -> Iterator[Example]:
    """Group the blocks: those with a path that follow each other, of one kind, form one program."""
    group: list[_Block] = []
    last_bad: Example | None = None
    for block in [*_blocks(rule), None]:
        joins = (
            block is not None
            and group
            and group[-1].kind == block.kind
            and block.path
            and group[-1].path
            and all(block.path != other.path for other in group)
        )
        if group and not joins:
            example = _example(group, last_bad)
            if example.kind == "bad":
                last_bad = example
            yield example
            group = []
        if block is not None:
            group.append(block)


def _example(group: list[_Block], last_bad: Example | None) -> Example:
    files = tuple((block.path or DEFAULT_EXAMPLE_PATH, block.source) for block in group)
    expects = tuple(mark for path, source in files for mark in expectations(source, path))
    kind = group[0].kind
    return Example(kind, files, expects, group[0].line, last_bad if kind == "fixed" else None)


def _is_code(text: str) -> bool:
    letters, digits = text[:-3], text[-3:]
    return (
        letters.isascii()
        and letters.isalpha()
        and letters.isupper()
        and len(digits) == 3
        and digits.isdigit()
    )


def _is_kebab(text: str) -> bool:
    return all(part.isascii() and part.isalnum() and part == part.lower() for part in text.split("-"))
