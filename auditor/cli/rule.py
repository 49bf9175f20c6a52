"""List the rules, or print the page of one."""

from __future__ import annotations

import argparse
from typing import Any, Final

from auditor.cli.errors import UsageError
from auditor.cli.main import OK
from auditor.rulebook import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="code or name of a rule, such as LOOP301")
    parser.add_argument("--all", action="store_true", help="print the pages of all rules")
    parser.add_argument("--output-format", "-o", metavar="FORMAT", default="text", help="text or json")


def run(arguments: argparse.Namespace) -> int:
    """Print the list, one page or all pages."""
    if arguments.output_format not in {"text", "json"}:
        raise UsageError(f"unknown output format {arguments.output_format!r}; choose text or json")
    if arguments.code and arguments.all:
        raise UsageError("a code and --all exclude each other; give one of them")
    rules = _load()
    chosen = [_find(rules, arguments.code)] if arguments.code else rules
    if arguments.output_format == "json":
        import json

        described = [describe(rule) for rule in chosen]
        print(json.dumps(described[0] if arguments.code else described, indent=2))
    elif arguments.code or arguments.all:
        print("\n\n".join(page(rule) for rule in chosen))
    else:
        for line in listing(rules):
            print(line)
    return OK


_SAFETIES: Final = {"safe": "automatic fix, safe or unsafe by place", "unsafe": "automatic fix, unsafe"}


def listing(rules: list[Rule]) -> list[str]:
    """One line a rule: code, name, status."""
    width = max((len(rule.name) for rule in rules), default=0)
    return [f"{rule.id}  {rule.name:{width}}  {rule.status}" for rule in rules]


def page(rule: Rule) -> str:
    """The rule's page, with what its front matter says in one line below the title."""
    title, _, body = rule.body.strip().partition("\n")
    facts = [rule.status, f"since {rule.since}", f"severity {_severity(rule)}"]
    if rule.fix:
        facts.append(_SAFETIES[rule.fix.safety])
    return f"{title}\n\n{', '.join(facts)}\n\n{body.strip()}"


def describe(rule: Rule) -> dict[str, Any]:
    """All that is known about a rule, for machines."""
    return {
        "code": rule.id,
        "name": rule.name,
        "message": rule.message,
        "status": rule.status,
        "since": rule.since,
        "severity": _severity(rule),
        "contexts": rule.contexts,
        "fix": {"recipe": rule.fix.recipe, "safety": rule.fix.safety} if rule.fix else None,
        "page": rule.body.strip(),
    }


def _severity(rule: Rule) -> str:
    return "by-cost" if rule.severity is None else rule.severity.name


def _load() -> list[Rule]:
    from auditor.engine import installed

    return list(installed.rule_files())


def _find(rules: list[Rule], word: str) -> Rule:
    for rule in rules:
        if word.upper() == rule.id or word.lower() == rule.name:
            return rule
    from auditor.tables import did_you_mean

    advice = did_you_mean(word.upper(), [rule.id for rule in rules])
    if not advice.startswith("did"):
        advice = "'auditor rule' lists them"
    raise UsageError(f"unknown rule {word!r}; {advice}")
