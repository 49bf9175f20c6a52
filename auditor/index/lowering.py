"""Source in newer grammar than the running interpreter's, rewritten in place so that it can be parsed all the same.

Every byte keeps its line and column; only what the older grammar does not know is replaced:

* ``def f[T: int](x)`` becomes ``def f(        x)``, ``class A[T]:`` becomes ``class A( ):`` (PEP 695, 696)
* ``type X[T] = list[T]`` becomes ``type;X    = list[T]``: two statements, of which the second binds the name
* ``except A, B:`` becomes ``except A| B:`` (PEP 758)
* t-strings, and f-strings that only newer tokenizers understand, become the tuple of their expressions
  (PEP 701, 750), together with the literals that they are joined with

This is one pass over the tokens that matter. The older parser then judges the outcome, so a mistake here cannot make
nonsense pass. It takes time linear in the size of the text, and needs no parser that hostile input could crash.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass

from auditor.index import source
from auditor.index.source import Problem

_NEWEST = (3, 14)
"""The newest grammar that this module knows how to lower."""
_MAX_LEVEL = 40
"""F-strings nest no deeper than this in what people write; a scan of n bytes takes at most this many times n."""

_WORD = rb"[\w\x80-\xff]"
_NAME = rb"[A-Za-z_\x80-\xff]" + _WORD + rb"*+"
_GAP = rb"(?:[ \t\f]|\\\n)"
_STRING = rb"(?P<prefix>(?<!" + _WORD + rb")[rRbBuUfFtT]{1,2})?(?P<quote>\"\"\"|'''|\"|')"
_TOKEN = re.compile(
    rb"(?P<comment>#[^\n]*+)|" + _STRING + rb"|(?P<open>[\[({])|(?P<close>[\])}])"
    rb"|(?P<keyword>(?<!" + _WORD + rb")(?<!\.)(?:def|class|type|except)(?!" + _WORD + rb"))"
)
_BALANCED = re.compile(
    rb"#[^\n]*+|" + _STRING + rb"|(?P<open>[\[({])|(?P<close>[\])}])|(?P<mark>[,:\n])|\\\n"
)
_IN_FIELD = re.compile(
    rb"(?P<comment>#[^\n]*+)|"
    + _STRING
    + rb"|(?P<open>[\[({])|(?P<close>[\])}])|[!=<>]=(?!\s*+[}!:])|(?P<mark>[!:=])"
)
_SPACE = rb"(?:\s|#[^\n]*+\n)*+"
_DEBUG = re.compile(rb"=" + _SPACE + rb"[}!:]")
_CONVERSION = re.compile(rb"=?" + _SPACE + rb"(?:!\s*+\w++" + _SPACE + rb")?[}:]")
_GENERIC = re.compile(rb"(?:def|class)" + _GAP + rb"++" + _NAME + _GAP + rb"*+\[")
_BEFORE_PARENTHESIS = re.compile(_GAP + rb"*+\(")
_ALIAS = re.compile(
    rb"type[ \t\f]"
    + _GAP
    + rb"*+(?!(?:and|as|else|for|if|in|is|not|or)(?!"
    + _WORD
    + rb"))"
    + _NAME
    + _GAP
    + rb"*+(?:\[|=(?!=))"
)
_PLAIN_END = {
    b'"': re.compile(rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"', re.DOTALL),
    b"'": re.compile(rb"[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'", re.DOTALL),
    b'"""': re.compile(rb'[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"""', re.DOTALL),
    b"'''": re.compile(rb"[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+'''", re.DOTALL),
}
_LITERAL = re.compile(rb"\\(?:N\{|[^{}])|[{}\n\"']", re.DOTALL)
_SPEC = re.compile(rb"[{}\n]")
_BETWEEN_JOINED = re.compile(_GAP + rb"*+(?=[rRbBuUfFtT]{0,2}[\"'])")
_BETWEEN_JOINED_IN_BRACKETS = re.compile(rb"(?:[ \t\f\n]|\\\n|#[^\n]*+\n)*+(?=[rRbBuUfFtT]{0,2}[\"'])")
_STRING_START = re.compile(_STRING)
_BLANK = bytes(byte if byte == 0x0A else 0x20 for byte in range(256))


def parse(text: str) -> ast.Module | Problem:
    """Parse source; what this interpreter refuses is lowered and tried again."""
    tree = source.parse(text)
    if isinstance(tree, ast.Module) or sys.version_info >= _NEWEST:
        return tree
    lowered = lower(text)
    if lowered is None:
        return tree
    second = source.parse(lowered)
    if isinstance(second, Problem) and tree.reason.startswith("Python 2") and "except" not in tree.reason:
        return tree
    return second


def lower(text: str, version: tuple[int, int] = sys.version_info[:2]) -> str | None:
    """Return ``text`` in the grammar of Python ``version``, or None when there is nothing to lower or no way to."""
    try:
        data = text.encode()
        lowering = _Lowering(data, version)
        lowering.code(0, len(data), 0)
    except (_CannotLower, UnicodeEncodeError, RecursionError):
        return None
    out = bytes(lowering.out)
    return None if out == data else out.decode("utf-8", "replace")


class _CannotLower(Exception):  # noqa: N818 - not an error: the parser's own words say what is wrong
    """The tokens make no sense in the newer grammar either."""


@dataclass(frozen=True, slots=True)
class _Literal:
    """A string literal; ``fields`` are the replacement fields of an f- or t-string, those in format specs too.

    A field is (position of its brace, start and end of its expression). ``newer``: older parsers do not read it.
    """

    start: int
    end: int
    fields: tuple[tuple[int, int, int], ...] = ()
    newer: bool = False


class _Lowering:
    """Walks over the tokens of ``data`` and rewrites ``out``, a copy of the same length."""

    def __init__(self, data: bytes, version: tuple[int, int]) -> None:
        self.out = bytearray(data)
        self._data = data
        self._old_f_strings = version < (3, 12)
        self._old_parameters = version < (3, 13)
        self._old_t_strings = self._old_except = version < (3, 14)

    # Statements --------------------------------------------------------------------------------------------

    def code(self, position: int, end: int, level: int) -> None:
        """Lower the code from ``position`` to ``end``; ``level`` is how many f-strings are around it."""
        depth = level
        while match := _TOKEN.search(self._data, position, end):
            position = match.end()
            kind = match.lastgroup
            if kind == "quote":
                position = self._joined(match, depth > 0, level)
            elif kind == "open":
                depth += 1
            elif kind == "close":
                depth -= 1
            elif kind == "keyword" and depth == 0:
                position, depth = self._keyword(match)

    def _keyword(self, match: re.Match[bytes]) -> tuple[int, int]:
        """Lower the head of a statement; return where to go on and how many brackets are open there."""
        word = match.group()
        if word == b"except":
            if self._old_except:
                self._except(match.end())
        elif self._old_parameters and (head := _GENERIC.match(self._data, match.start())):
            return self._generic(head.end() - 1)
        elif self._old_parameters and (head := _ALIAS.match(self._data, match.start())):
            self.out[match.end()] = ord(";")
            if head.group().endswith(b"["):
                return self._alias_parameters(head.end() - 1), 0
        return match.end(), 0

    def _generic(self, bracket: int) -> tuple[int, int]:
        """Blank the type parameters of a function or class: their bracket becomes the parenthesis that follows."""
        close = self._closing(bracket)
        self._blank(bracket, close + 1)
        self.out[bracket] = ord("(")
        if after := _BEFORE_PARENTHESIS.match(self._data, close + 1):
            self.out[after.end() - 1] = ord(" ")
            return after.end(), 1
        self.out[close] = ord(")")
        return close + 1, 0

    def _alias_parameters(self, bracket: int) -> int:
        close = self._closing(bracket)
        inside = self._data[bracket + 1 : close]
        if b"\n" not in inside:
            self._blank(bracket, close + 1)
            return close + 1
        # A subscript may span lines and needs an index.
        self._blank(bracket + 1, close)
        self.out[bracket + 1 + len(inside) - len(inside.lstrip())] = ord("0")
        return close + 1

    def _except(self, position: int) -> None:
        """Turn the commas between exceptions without parentheses into ``|``, a last one into nothing."""
        depth, commas = 0, list[int]()
        while match := _BALANCED.search(self._data, position):
            position = match.end()
            if match["quote"]:
                position = self._literal(match, 0).end
            elif match["open"]:
                depth += 1
            elif match["close"]:
                depth -= 1
            elif match["mark"] and depth == 0:
                if match["mark"] != b",":
                    break
                commas.append(match.start())
        else:
            raise _CannotLower
        for comma in commas:
            self.out[comma] = ord("|")
        if commas and not self._data[commas[-1] + 1 : position - 1].strip():
            self.out[commas[-1]] = ord(" ")

    def _closing(self, bracket: int) -> int:
        """Return the position of the bracket that closes the one at ``bracket``."""
        depth, position = 0, bracket
        while match := _BALANCED.search(self._data, position):
            position = match.end()
            if match["quote"]:
                position = self._literal(match, 0).end
            elif match["open"]:
                depth += 1
            elif match["close"]:
                depth -= 1
                if depth == 0:
                    return match.start()
        raise _CannotLower

    def _blank(self, start: int, end: int) -> None:
        self.out[start:end] = self._data[start:end].translate(_BLANK)

    # Strings -----------------------------------------------------------------------------------------------

    def _joined(self, match: re.Match[bytes], in_brackets: bool, level: int) -> int:
        """Read a string literal and those that follow it directly; lower them together where one must be."""
        between = _BETWEEN_JOINED_IN_BRACKETS if in_brackets else _BETWEEN_JOINED
        literals = [self._literal(match, level)]
        while gap := between.match(self._data, literals[-1].end):
            following = _STRING_START.match(self._data, gap.end())
            if following is None:
                break
            literals.append(self._literal(following, level))
        if any(literal.newer for literal in literals):
            self._to_tuple(literals, level)
        return literals[-1].end

    def _to_tuple(self, literals: list[_Literal], level: int) -> None:
        start, end = literals[0].start, literals[-1].end
        self._blank(start, end)
        self.out[start], self.out[end - 1] = ord("("), ord(")")
        fields = [field for literal in literals for field in literal.fields]
        for number, (brace, first, last) in enumerate(fields):
            if number:
                self.out[brace] = ord(",")
            self.out[first:last] = self._data[first:last]
            self.code(first, last, level + 1)

    def _literal(self, match: re.Match[bytes], level: int) -> _Literal:
        quote, prefix = match["quote"], (match["prefix"] or b"").lower()
        if b"f" not in prefix and b"t" not in prefix:
            end = _PLAIN_END[quote].match(self._data, match.end())
            if end is None:
                raise _CannotLower
            return _Literal(match.start(), end.end())
        if level >= _MAX_LEVEL:
            raise _CannotLower
        reader = _Template(self, quote, b"r" in prefix, level)
        end_of_literal = reader.literal(match.end())
        newer = self._old_t_strings if b"t" in prefix else self._old_f_strings and reader.newer
        return _Literal(match.start(), end_of_literal, tuple(reader.fields), newer or reader.newer_inside)

    def literal(self, match: re.Match[bytes], level: int) -> _Literal:
        """Read the literal that starts at ``match`` inside ``level`` f-strings."""
        return self._literal(match, level)

    @property
    def data(self) -> bytes:
        """The source."""
        return self._data


class _Template:
    """Reads one f- or t-string as Python 3.12 and newer do."""

    def __init__(self, lowering: _Lowering, quote: bytes, raw: bool, level: int) -> None:
        self.fields: list[tuple[int, int, int]] = []
        self.newer = False
        self.newer_inside = False
        self._lowering = lowering
        self._data = lowering.data
        self._quote = quote
        self._raw = raw
        self._level = level

    def literal(self, position: int) -> int:
        """Read from behind the opening quote; return the end of the literal."""
        while match := _LITERAL.search(self._data, position):
            position = match.end()
            found = match.group()
            if found == b"{":
                if self._data.startswith(b"{", position):
                    position += 1
                else:
                    position = self._field(match.start(), 0)
            elif found == b"\\N{":
                position = match.start() + 2 if self._raw else self._data.find(b"}", position) + 1
                if position == 0:
                    break
            elif found == b"\n":
                if len(self._quote) == 1:
                    break
            elif found in (b'"', b"'") and self._data.startswith(self._quote, match.start()):
                return match.start() + len(self._quote)
        raise _CannotLower

    def _field(self, brace: int, nested: int) -> int:
        """Read a replacement field; return the position behind its closing brace."""
        self._check_nesting(nested)
        place = len(self.fields)
        self.fields.append((brace, brace + 1, brace + 1))
        depth, position = 0, brace + 1
        while match := _IN_FIELD.search(self._data, position):
            position = match.end()
            if match["quote"]:
                literal = self._lowering.literal(match, self._level + 1)
                self.newer_inside |= literal.newer
                position = literal.end
            elif match["open"]:
                depth += 1
            elif match["close"] and depth:
                depth -= 1
            elif match["close"] or (match["mark"] and depth == 0 and self._ends_expression(match)):
                self._close_field(place, match.start())
                return self._rest_of_field(match.start(), nested)
        raise _CannotLower

    def _check_nesting(self, nested: int) -> None:
        if nested >= _MAX_LEVEL:
            raise _CannotLower
        self.newer |= nested > 1

    def _ends_expression(self, match: re.Match[bytes]) -> bool:
        return match["mark"] != b"=" or _DEBUG.match(self._data, match.start()) is not None

    def _close_field(self, place: int, end: int) -> None:
        brace, start, _ = self.fields[place]
        self.fields[place] = (brace, start, end)
        self._note_newer(self._data[start:end])

    def _note_newer(self, inside: bytes) -> None:
        self.newer |= (
            self._quote in inside
            or b"\\" in inside
            or b"#" in inside
            or (len(self._quote) == 1 and b"\n" in inside)
        )

    def _rest_of_field(self, position: int, nested: int) -> int:
        """Read from the end of the expression (``=``, ``!r``, ``:spec``) to behind the closing brace."""
        in_spec = False
        while True:
            if not in_spec:
                position = self._to_spec_or_end(position)
                if self._data[position] == ord("}"):
                    return position + 1
                in_spec = True
                position += 1
            match = _SPEC.search(self._data, position)
            if match is None or (match.group() == b"\n" and len(self._quote) == 1):
                raise _CannotLower
            if match.group() == b"}":
                return match.end()
            position = self._field(match.start(), nested + 1) if match.group() == b"{" else match.end()

    def _to_spec_or_end(self, position: int) -> int:
        found = _CONVERSION.match(self._data, position)
        if found is None:
            raise _CannotLower
        between = self._data[position : found.end()]
        self._note_newer(between)
        self.newer |= (
            len(between.partition(b"!")[2].split()) > 1
        )  # older parsers want the end right after `!r`
        return found.end() - 1
