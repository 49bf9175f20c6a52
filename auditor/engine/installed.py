"""The rules at hand: the built-in ones, and those that installed distributions bring.

A distribution brings a rule by an entry point in the group ``auditor.rules`` that is named after the rule's code and
names its class, ``ACME101 = "acme_rules.checks:NoPrint"``. The rule file ``ACME101-<name>.md`` lies beside the module
of the class, and its ``check`` names the same class. What does not hold together ends the run: a rule that somebody
installed and that silently does nothing would be worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor import resources, rulebook
from auditor.cache import inputs
from auditor.rulebook import RulebookError

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from auditor.engine.rule import Rule
    from auditor.rulebook import Rule as RuleFile

GROUP: Final = "auditor.rules"


class RuleError(Exception):
    """A rule's class cannot be used; ``problems`` holds one line."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problems = (problem,)


def rule_files(wanted: Callable[[str], bool] = lambda _: True) -> tuple[RuleFile, ...]:
    """The files of the built-in rules, and of the installed ones whose code is ``wanted``, by code.

    Raises `RulebookError` with a line for everything that is wrong with any of them.
    """
    rules = {rule.id: rule for rule in rulebook.load(resources.rules_dir())}
    problems: list[str] = []
    for entry in _entry_points():
        if not wanted(entry.name):
            continue
        try:
            rule = _rule_file(entry)
        except RulebookError as error:
            problems += [f"{describe(entry)}: {problem}" for problem in error.problems]
            continue
        if rule.id in rules:
            problems.append(
                f"{describe(entry)}: the code is taken by {rules[rule.id].origin}; uninstall one of them"
            )
            continue
        rules[rule.id] = rule
    if problems:
        raise RulebookError(problems)
    return tuple(rules[code] for code in sorted(rules))


def _entry_points() -> list[EntryPoint]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))


def describe(entry: EntryPoint) -> str:
    """The rule and where it comes from."""
    source = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
    return f"rule {entry.name} of {source}"


def _rule_file(entry: EntryPoint) -> RuleFile:
    from pathlib import Path

    directory = Path(_origin(entry)).parent
    inputs.brought(str(directory))
    paths = sorted(directory.glob(f"{entry.name}-*.md"))
    if len(paths) != 1:
        many = "no rule file" if not paths else "several rule files"
        raise RulebookError([f"{many} {entry.name}-<name>.md beside {entry.module}; it takes one"])
    path = paths[0]
    (rule,) = rulebook.load_texts([(str(path), path.name, path.read_bytes())])
    if rule.id != entry.name:
        raise RulebookError([f"{path}: the rule is {rule.id}; name the entry point after it"])
    if rule.check != entry.value.replace(" ", ""):
        raise RulebookError([f"{path}: check is {rule.check!r}, but the entry point says {entry.value!r}"])
    return rule


def _origin(entry: EntryPoint) -> str:
    from importlib.util import find_spec

    try:  # finding a module imports its packages, which may do anything
        spec = find_spec(entry.module)
    except Exception as error:
        raise RulebookError([_unimportable(entry.module, error)]) from error
    if spec is None or not spec.origin:
        raise RulebookError([f"there is no module {entry.module}; reinstall or uninstall the package"])
    return spec.origin


def _unimportable(module: str, error: Exception) -> str:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{module} cannot be imported ({what}); reinstall or uninstall the package"


def rule_class(file: RuleFile) -> type[Rule]:
    """The class of a rule; raises `RuleError` where an installed package has none that fits."""
    from importlib import import_module

    from auditor.engine.rule import Rule

    module, _, name = file.check.partition(":")
    try:
        found = getattr(import_module(module), name, None)
    except Exception as error:
        if is_built_in(file):
            raise
        raise RuleError(f"rule {file.id}: {_unimportable(module, error)}") from error
    if not isinstance(found, type) or not issubclass(found, Rule):
        raise RuleError(
            f"rule {file.id}: {file.check} is no subclass of auditor.engine.rule.Rule; correct {file.origin}"
        )
    return found


def is_built_in(file: RuleFile) -> bool:
    """Whether the rule's code is part of auditor."""
    return file.check.startswith("auditor.")
