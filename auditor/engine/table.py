"""Which rules look at which suspects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from auditor.engine import installed
from auditor.link import contexts as c

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from auditor.engine.rule import Rule
    from auditor.link.suspects import Suspect
    from auditor.rulebook import Rule as RuleFile


_DOMAINS: Final = {
    "on-loop": frozenset({c.LOOP_DOMAIN}),
    "off-loop": frozenset({c.THREAD_DOMAIN}),
    "before-loop": frozenset({c.MAIN_DOMAIN}),
    "anywhere": frozenset(c.EVERY_DOMAIN),
}
"""Where a rule looks, by the word in its file."""


class Enabled(Protocol):
    """Whether a rule is on, as the configuration says."""

    def __call__(self, code: str, *, preview: bool = False) -> bool: ...


class RuleTable:
    """The rules that are on. The code of an installed one is loaded at once, so that a broken one always shows.

    ``has_a_say`` says of a rule that is off whether its hits matter to those of rules that look at some groups: it
    judges as well then, and what it finds is not shown.
    """

    def __init__(
        self, enabled: Enabled, has_a_say: Callable[[RuleFile, Collection[str]], bool] = lambda _, __: False
    ) -> None:
        self.codes: dict[str, str] = {}
        """Codes of the rules that are on, and their names."""

        self._rules: dict[str, Rule] = {}
        self._by_group: dict[str, list[RuleFile]] = {}
        self.wanted: dict[str, frozenset[int]] = {}
        """Groups of the catalog, and the domains of contexts in which some rule asks for their calls."""

        self._handed_over: list[RuleFile] = []
        off: list[RuleFile] = []
        for file in installed.rule_files(enabled):
            if not enabled(file.id, preview=file.status == "preview"):
                off.append(file)
                continue
            self.codes[file.id] = file.name
            self._add(file)
            if not installed.is_built_in(file):
                self._rule(file)
        groups = tuple(self.wanted)
        for file in off:
            if installed.is_built_in(file) and has_a_say(file, groups):
                self._add(file)

    def _add(self, file: RuleFile) -> None:
        if "offload" in file.runs:
            self._handed_over.append(file)
        for group in file.groups:
            self._by_group.setdefault(group, []).append(file)
            self.wanted[group] = self.wanted.get(group, frozenset()) | _DOMAINS[file.contexts]

    def rules_for(self, suspect: Suspect) -> list[Rule]:
        """The rules that judge a suspect."""
        if suspect.handed_over is not None:
            files = self._handed_over
        else:
            files = [
                file
                for file in self._by_group.get(suspect.group, [])
                if suspect.misuse is not None or suspect.domain in _DOMAINS[file.contexts]
            ]
        return [self._rule(file) for file in files]

    def _rule(self, file: RuleFile) -> Rule:
        rule = self._rules.get(file.id)
        if rule is None:
            rule = self._rules[file.id] = installed.rule_class(file)(file)
        return rule
