"""argparse with errors of one line, and the option values that several commands share."""

from __future__ import annotations

import argparse
from typing import NoReturn

from auditor.cli.errors import UsageError


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see '{self.prog} --help'")


def comma_separated(value: str) -> list[str]:
    """``A,B`` as a list; empty parts are dropped."""
    return [part.strip() for part in value.split(",") if part.strip()]
