"""Comments that say why a finding is none: ``# auditor: ignore[LOOP301] -- reason``, and what is wrong with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from auditor.index.comments import comments
from auditor.link.declared import WORDS
from auditor.model import Notice
from auditor.tables import did_you_mean
from auditor.verdict.ruff_codes import LOOP_CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from auditor.index.comments import Comment
    from auditor.index.files import Text
    from auditor.link.program import Module, Program

    Locate = Callable[[Module, int], tuple[str, int]]
    """From a line of a module's text to the path and line that a report names."""

IGNORE: Final = "ignore"
IGNORE_FILE: Final = "ignore-file"
_EXAMPLE: Final = "# auditor: ignore[LOOP301] -- why it is harmless here"
_WORD: Final = re.compile(r"[\w-]+")
_REST: Final = re.compile(r"\[([^\[\]]*)\]\s*(?:--\s*(.*))?", re.DOTALL)
_OTHERS: Final = re.compile(r"\s+#\s*(?:noqa|type:|pylint:|pragma:|fmt:|nosec|pyright:|mypy:|ruff:|expect:)")
_NOQA: Final = re.compile(r"#\s*noqa\s*:\s*([A-Za-z]+\d+(?:[\s,]+[A-Za-z]+\d+)*)", re.IGNORECASE)
_WHOLE_FILE: Final = (1, 1 << 60)


class Ignore:
    """One comment that is honoured. ``first`` to ``last`` are the lines whose sinks and exposures it covers."""

    __slots__ = ("codes", "column", "first", "last", "line", "module", "path", "reason", "used")

    def __init__(
        self,
        module: Module,
        place: tuple[str, int, int],
        codes: tuple[str, ...],
        reason: str,
        lines: tuple[int, int],
    ) -> None:
        self.module = module
        self.path, self.line, self.column = place
        self.codes = codes
        self.reason = reason
        self.first, self.last = lines
        self.used: set[str] = set()


class Suppressions:
    """The comments of a program. ``rules`` are the codes and names of all rules, ``enabled`` the codes of this run."""

    def __init__(
        self, program: Program, rules: Mapping[str, str], enabled: Iterable[str], locate: Locate
    ) -> None:
        self._rules = rules
        self._by_name = {name: code for code, name in rules.items()}
        self._enabled = frozenset(enabled)
        self._locate = locate
        self._notices: list[Notice] = []
        self._ignores: dict[Module, list[Ignore]] = {}
        self._noqa: dict[Module, dict[int, Ignore]] = {}
        self._reader: Callable[[Module], Text | None] | None = None
        for module in program.modules:
            for comment in module.facts.comments:
                self._read(module, comment)
        for ignores in self._ignores.values():
            ignores.sort(key=lambda ignore: (ignore.last - ignore.first, ignore.line, ignore.column))

    def honour_noqa(self, reader: Callable[[Module], Text | None]) -> None:
        """Take ``# noqa: ASYNC251`` too; ``reader`` gives the text of a module."""
        self._reader = reader

    def covering(self, code: str, module: Module, first: int, last: int) -> Ignore | None:
        """The comment that covers a rule's finding or exposure at these lines, the closest one; it counts as used."""
        for ignore in self._ignores.get(module, ()):
            if code in ignore.codes and ignore.first <= first <= ignore.last:
                ignore.used.add(code)
                return ignore
        if self._reader is not None:
            noqa = self._noqa_in(module)
            for line in range(first, last + 1):
                found = noqa.get(line)
                if found is not None and code in found.codes:
                    return found
        return None

    def notices(self, *, whole: bool) -> list[Notice]:
        """What is wrong with the comments; what they suppress is known only where the ``whole`` program was read."""
        found = list(self._notices)
        if not whole:
            return found
        for ignores in self._ignores.values():
            for ignore in ignores:
                for code in ignore.codes:
                    if code in self._enabled and code not in ignore.used:
                        message = f"nothing to ignore: {code} is not reported here; remove it"
                        found.append(
                            Notice(ignore.path, ignore.line, ignore.column, "unused-suppression", message)
                        )
        return found

    def _noqa_in(self, module: Module) -> dict[int, Ignore]:
        known = self._noqa.get(module)
        if known is None:
            known = self._noqa[module] = {}
            text = self._reader(module) if self._reader is not None else None
            if text is not None and "noqa" in text.text:
                for line, column, comment in comments(text.text):
                    match = _NOQA.search(comment)
                    if match is None:
                        continue
                    said = re.findall(r"[A-Z]+\d+", match[1].upper())
                    codes = tuple(code for word in said for code in LOOP_CODES.get(word, ()))
                    place = (*self._locate(module, line), column)
                    known[line] = Ignore(module, place, codes, "", (line, line))
        return known

    # -- reading -----------------------------------------------------------------------------------------------

    def _read(self, module: Module, comment: Comment) -> None:
        line, column, said, first, last, number = comment
        place = (*self._locate(module, line), column)
        others = _OTHERS.search(said)
        if others is not None:
            said = said[: others.start()]
        matched = _WORD.match(said)
        word = matched[0] if matched is not None else ""
        if word in WORDS:
            if number < 0:
                self._notice(place, "malformed", f"`{word}` belongs on the line of a `def`, or above it")
            return
        if word not in (IGNORE, IGNORE_FILE):
            advice = did_you_mean(word, (IGNORE, IGNORE_FILE, *WORDS))
            self._notice(place, "malformed", f"`auditor: {word or said}` means nothing; {advice}")
            return
        rest = said[len(word) :].strip()
        if not rest or rest.startswith(("--", "[]")):
            self._notice(place, "blanket", f"it names no rule and is not honoured; write `{_EXAMPLE}`")
            return
        match = _REST.fullmatch(rest)
        if match is None:
            self._notice(place, "malformed", f"it is not honoured; write `{_EXAMPLE}`")
            return
        codes = self._codes(match[1], place)
        if not codes:
            return
        reason = " ".join((match[2] or "").split())
        if not reason:
            message = "it gives no reason, so the finding still counts for the score; add ` -- why` behind the bracket"
            self._notice(place, "reasonless", message)
        lines = (first, last)
        if word == IGNORE_FILE:
            lines = _WHOLE_FILE
        elif number >= 0:
            lines = (first, max(last, module.facts.functions[number].end_line))
        self._ignores.setdefault(module, []).append(Ignore(module, place, codes, reason, lines))

    def _codes(self, text: str, place: tuple[str, int, int]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for part in text.split(","):
            word = part.strip()
            code = self._by_name.get(word.lower(), word.upper())
            if code in self._rules:
                found[code] = None
            elif not word or code == "ALL" or any(known.startswith(code) for known in self._rules):
                what = f"`{word}` stands for many rules" if word else "it names no rule"
                self._notice(place, "blanket", f"{what} and is not honoured; name each rule")
            else:
                advice = did_you_mean(code, self._rules)
                if not advice.startswith("did"):
                    advice = "`auditor rule` lists them"
                self._notice(place, "malformed", f"there is no rule `{word}`; {advice}")
        return tuple(found)

    def _notice(self, place: tuple[str, int, int], kind: str, message: str) -> None:
        self._notices.append(Notice(*place, f"{kind}-suppression", message))
