"""Print a script that makes a shell complete commands, options and their values."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from typing import NamedTuple

from auditor.cli.main import COMMANDS, OK
from auditor.cli.parsing import Parser

SHELLS = ("bash", "zsh", "fish")


class Option(NamedTuple):
    """An option: its spellings, what it does, and the values it takes (None: none; empty: a path or a text)."""

    names: tuple[str, ...]
    help: str
    values: tuple[str, ...] | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", choices=SHELLS, help="bash, zsh or fish")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell]
    print(script({name: options(name) for name in COMMANDS}), end="")
    return OK


def options(command: str) -> list[Option]:
    """The options of a command."""
    parser = Parser(prog=command)
    import_module(f"auditor.cli.{command}").add_arguments(parser)
    return [
        Option(tuple(action.option_strings), " ".join((action.help or "").split()), _values(action))
        for action in parser._actions  # noqa: SLF001 - argparse offers no other way
        if action.option_strings
    ]


def _values(action: argparse.Action) -> tuple[str, ...] | None:
    from auditor import resources
    from auditor.model import Confidence, Severity
    from auditor.reporters import FORMATS

    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return None
    known: dict[str, tuple[str, ...]] = {
        "outputs": tuple(FORMATS),
        "min_severity": tuple(level.name for level in Severity),
        "fail_on": tuple(level.name for level in Severity),
        "min_confidence": tuple(level.label for level in Confidence),
        "select": ("ALL", *resources.rule_files()),
        "ignore": tuple(resources.rule_files()),
    }
    return known.get(action.dest) or tuple(map(str, action.choices or ()))


def _positional(command: str) -> tuple[str, ...]:
    """What stands where a path would, if it is one of a few words."""
    from auditor import resources

    return {"rule": tuple(resources.rule_files()), "completions": SHELLS}.get(command, ())


def _bash(commands: dict[str, list[Option]]) -> str:
    cases = []
    for name, known in commands.items():
        values = [
            f"        {'|'.join(option.names)}) values='{' '.join(option.values)}' ;;"
            for option in known
            if option.values is not None
        ]
        words = " ".join(spelling for option in known for spelling in option.names)
        cases.append(
            f"    {name})\n"
            f"      words='{words}'\n"
            f"      others='{' '.join(_positional(name))}'\n"
            "      case $previous in\n"
            + "".join(f"{value}\n" for value in values)
            + "        *) values=none ;;\n"
            "      esac ;;\n"
        )
    return (
        "_auditor() {\n"
        "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
        "  local words='' values=none others=''\n"
        "  COMPREPLY=()\n"
        '  if [ "$COMP_CWORD" -eq 1 ]; then\n'
        f"    COMPREPLY=($(compgen -W '{' '.join(commands)} --help --version' -- \"$current\"))\n"
        "    return\n"
        "  fi\n"
        "  case ${COMP_WORDS[1]} in\n" + "".join(cases) + "  esac\n"
        '  [ "$values" != none ] && others=$values\n'
        '  [ "$values" = none ] && [[ $current == -* ]] && others=$words\n'
        "  # without an answer bash completes file names, which may hold spaces, by itself\n"
        '  [ -n "$others" ] && COMPREPLY=($(compgen -W "$others" -- "$current"))\n'
        "  return 0\n"
        "}\n"
        "complete -o bashdefault -o default -F _auditor auditor loop-auditor\n"
    )


def _zsh(commands: dict[str, list[Option]]) -> str:
    lines = ["#compdef auditor loop-auditor", "", "_auditor() {", "  local -a commands", "  commands=("]
    lines += [f"    '{name}:{_plain(what)}'" for name, what in COMMANDS.items()]
    lines += ["  )", "  if (( CURRENT == 2 )); then", "    _describe command commands", "    return", "  fi"]
    lines += ["  local command=$words[2]", "  (( CURRENT-- ))", "  shift words", "  case $command in"]
    for name, known in commands.items():
        lines.append(f"    {name})")
        lines.append("      _arguments -s \\")
        for option in known:
            value = ""
            if option.values is not None:
                value = f":value:({' '.join(option.values)})" if option.values else ":value:_files"
            lines += [f"        '*{spelling}[{_plain(option.help)}]{value}' \\" for spelling in option.names]
        others = _positional(name)
        lines.append(
            f"        '*:argument:({' '.join(others)})' ;;" if others else "        '*:path:_files' ;;"
        )
    lines += ["  esac", "}", "", 'if [ "$funcstack[1]" = _auditor ]; then _auditor "$@"']
    lines += ["else compdef _auditor auditor loop-auditor; fi", ""]
    return "\n".join(lines)


def _fish(commands: dict[str, list[Option]]) -> str:
    lines = []
    for program in ("auditor", "loop-auditor"):
        for name, what in COMMANDS.items():
            lines.append(f"complete -c {program} -n __fish_use_subcommand -f -a {name} -d '{_plain(what)}'")
        for name, known in commands.items():
            within = f"complete -c {program} -n '__fish_seen_subcommand_from {name}'"
            for option in known:
                spellings = "".join(
                    f" -l {one[2:]}" if one.startswith("--") else f" -s {one[1:]}" for one in option.names
                )
                value = ""
                if option.values is not None:
                    value = f" -x -a '{' '.join(option.values)}'" if option.values else " -r"
                lines.append(f"{within}{spellings}{value} -d '{_plain(option.help)}'")
            others = _positional(name)
            if others:
                lines.append(f"{within} -f -a '{' '.join(others)}'")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that no shell reads anything into."""
    return re.sub(r"[^A-Za-z0-9 ,.;()/-]+", "", text).strip()
