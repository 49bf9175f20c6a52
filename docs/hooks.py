"""Pages that are made from what the program itself reads: one for each rule file, and one for the commands' help.

MkDocs calls `on_files` and `on_nav`; nothing here is written by hand twice, so nothing can drift.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAFETIES = {"safe": "automatic fix, safe or unsafe by place", "unsafe": "automatic fix, unsafe"}
KINDS = {"bad": "Reported:", "good": "Harmless:", "fixed": "Mended:"}
_FENCE = re.compile(r"^```python (bad|good|fixed)(?: file=(\S+))?$", re.MULTILINE)
_MARK = re.compile(r"  # expect: ([A-Z]+\d+)[^\n]*")


def rules() -> Iterator[tuple[dict[str, Any], str]]:
    """Front matter and text of each rule file, by code."""
    for path in sorted((ROOT / "rules").glob("*.md")):
        _, front, body = path.read_text(encoding="utf-8").split("+++\n", 2)
        yield tomllib.loads(front), body.strip()


def rule_page(front: dict[str, Any], body: str) -> str:
    """The page of a rule: its file, with examples and marks in words."""
    title, _, rest = body.partition("\n")
    facts = [front["status"], f"since {front['since']}", f"severity {front['severity']}"]
    if "fix" in front:
        facts.append(SAFETIES[front["fix"]["safety"]])
    rest = _FENCE.sub(
        lambda match: f"{KINDS[match[1]]}{f' `{match[2]}`' if match[2] else ''}\n\n```python", rest
    )
    rest = _MARK.sub(r"  # \1", rest)
    return f"{title}\n\n{', '.join(facts)}\n{rest}\n"


def rule_index() -> str:
    """The list of the rules."""
    lines = ["# Rules", "", "Each page is a rule file of auditor, and its examples are tests.", ""]
    lines += ["| code | name | status | severity |", "| --- | --- | --- | --- |"]
    for front, _ in rules():
        link = f"[{front['id']}]({front['id']}.md)"
        lines.append(f"| {link} | {front['name']} | {front['status']} | {front['severity']} |")
    return "\n".join([*lines, ""])


def commands_page() -> str:
    """What `auditor COMMAND --help` says."""
    from importlib import import_module

    from auditor.cli.main import COMMANDS
    from auditor.cli.parsing import Parser

    parts = ["# Commands", ""]
    for name, what in COMMANDS.items():
        command = import_module(f"auditor.cli.{name}")
        parser = Parser(prog=f"auditor {name}", description=command.__doc__, allow_abbrev=False)
        command.add_arguments(parser)
        parts += [
            f"## {name}",
            "",
            f"{what[0].upper()}{what[1:]}.",
            "",
            "```text",
            parser.format_help().rstrip(),
            "```",
            "",
        ]
    return "\n".join(parts)


def generated() -> dict[str, str]:
    """Path below the pages, and text, of all pages that are made."""
    pages = {f"rules/{front['id']}.md": rule_page(front, body) for front, body in rules()}
    return {**pages, "rules/index.md": rule_index(), "commands.md": commands_page()}


def on_files(files: Any, config: Any) -> Any:
    """Add what is made to the files of the site; the sample report stands beside its page."""
    from mkdocs.structure.files import File

    for path, text in generated().items():
        files.append(File.generated(config, path, content=text))
    samples = ROOT / "reports" / "samples"
    for name in ("broken.html", "terminal.svg"):
        files.append(File.generated(config, f"samples/{name}", content=(samples / name).read_bytes()))
    return files


def on_config(config: Any) -> Any:
    """Put the rules' pages into the navigation."""
    pages = [{f"{front['id']} {front['name']}": f"rules/{front['id']}.md"} for front, _ in rules()]
    config.nav[-1] = {"Rules": ["rules/index.md", *pages]}
    return config
