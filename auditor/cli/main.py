"""Finds the command, imports it and runs it; turns whatever goes wrong into an exit code and a line.

Even `typing` is not imported here: ``--version`` and an audit with a fresh cache should cost little more than Python.
"""

from __future__ import annotations

import os
import sys

OK = 0
FINDINGS = 1
ERROR = 2
INTERRUPTED = 130
PIPE_CLOSED = 141

COMMANDS = {
    "check": "audit files and directories",
    "report": "write the audit as a page or as Markdown, with what was seen at run time",
    "baseline": "write down what is known, so that only new findings count",
    "explain": "say why a function runs on the loop, and what it reaches",
    "rule": "list the rules, or print the page of one",
    "monitor": "run a program and watch its event loops",
    "attach": "watch the event loops of a process that runs already",
    "bench": "load-test the reference engine and its broken twin, or a service of your own",
    "completions": "print what makes a shell complete the command",
    "config": "print the configuration in force and where each value comes from",
    "clean": "remove the cache",
}
"""Name of a command, which is also its module's name here, to what it does."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit code; without ``argv`` as a process of its own, which ends here."""
    if argv is not None:
        return run(argv)
    import gc

    gc.disable()  # nearly all that a run makes lives as long as the run
    code = run(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        code = code or PIPE_CLOSED
    os._exit(code)  # taking millions of objects apart, one by one, would take longer than many a run


def run(arguments: list[str]) -> int:
    """Run one command; whatever goes wrong becomes a line and an exit code."""
    traceback = "--traceback" in arguments or os.environ.get("AUDITOR_TRACEBACK", "") not in {"", "0"}
    try:
        code = _dispatch([argument for argument in arguments if argument != "--traceback"])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last resort: a line instead of a traceback
        return _report(error, traceback=traceback)
    return code


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "--help"
    if first in {"--version", "-V"}:
        from auditor import __version__

        print(f"auditor {__version__}")
        return OK
    if first in {"--help", "-h", "help"}:
        print(_usage())
        return OK if arguments else ERROR
    if first not in COMMANDS:
        from auditor.cli.errors import UsageError

        raise UsageError(_unknown(first))
    kept = None
    if first == "check":
        from auditor.cli import kept as results

        kept = results.find(arguments[1:])
        code = kept.replay() if kept is not None else None
        if code is not None:
            return code
    from importlib import import_module

    from auditor.cli.parsing import Parser

    command = import_module(f"auditor.cli.{first}")
    parser = Parser(prog=f"auditor {first}", description=command.__doc__, allow_abbrev=False)
    command.add_arguments(parser)
    parsed = parser.parse_args(arguments[1:])
    parsed.given = arguments[1:]
    parsed.kept = kept
    return int(command.run(parsed))


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: auditor COMMAND [OPTION...]",
            "",
            "Finds code that blocks or misuses the asyncio event loop, across a whole program.",
            "",
            "Commands:",
            *lines,
            "",
            "auditor COMMAND --help tells more; auditor --version prints the version.",
            "Exit codes: 0 nothing found, 1 findings, 2 wrong usage or configuration, or an internal error.",
        ]
    )


def _unknown(word: str) -> str:
    if word.startswith("-"):
        return f"unknown option {word}; options come after a command, as in 'auditor check {word}'"
    if os.path.exists(word):
        return f"{word!r} is not a command; did you mean 'auditor check {word}'?"
    from auditor.tables import did_you_mean

    return f"{word!r} is not a command; {did_you_mean(word, COMMANDS)}"


def _report(error: Exception, *, traceback: bool) -> int:
    """Say what went wrong, each problem on a line of its own."""
    problems = getattr(error, "problems", None)
    if problems is not None and not traceback:
        for problem in problems:
            print(f"auditor: {problem}", file=sys.stderr)
        return ERROR
    if traceback:
        import traceback as traces

        traces.print_exception(error)
        return ERROR
    what = " ".join(str(error).split()) or "no further message"
    print(
        f"auditor: internal error: {type(error).__name__}: {what}; "
        "run again with --traceback (or AUDITOR_TRACEBACK=1) to see where, and please report it",
        file=sys.stderr,
    )
    return ERROR


def _forget_stdout() -> None:
    """The reader has gone: keep the interpreter from complaining about it when it flushes at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None
