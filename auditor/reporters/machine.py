"""What formats for other programs share: texts that any parser takes, paths in the repository, exposures."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from auditor.model import Exposure, Finding
from auditor.reporters.cells import escape

_DRIVE = re.compile(r"[A-Za-z]:/")
_CELL = ":cell "
_NOTEBOOK = ".ipynb"
_SAFE = "/-._~!$'()*+,;=@"
"""What a path in a URI may hold as it is, except the colon: before the first slash it would end a scheme."""


def plain(text: str) -> str:
    """Replace what stands for an undecodable byte of a file name: no strict parser takes half a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def sentence(text: str) -> str:
    """One line that shows every character and obeys none, ending in a full stop."""
    shown = plain(escape(" ".join(text.split())))
    return shown if shown.endswith((".", "!", "?")) else shown + "."


class Place(NamedTuple):
    """A file and, for one in a notebook, the cell (from 1): lines of cells are no lines of the file."""

    file: str
    cell: int


def place(path: str, prefix: str) -> Place:
    """Where a reported path lies, below the top of the repository; ``prefix`` is the working directory there."""
    file, mark, cell = path.rpartition(_CELL)
    if not (mark and file.endswith(_NOTEBOOK) and cell.isdecimal()):
        file, cell = path, "0"
    if prefix and not file.startswith("/") and not _DRIVE.match(file):
        file = posixpath.normpath(posixpath.join(prefix, file))
    return Place(file, int(cell))


def uri(file: str) -> str:
    """The path as a relative reference (RFC 3986), an absolute one as a ``file:`` URI."""
    try:
        raw = os.fsencode(file)
    except UnicodeEncodeError:  # no file system gives such a name, a recorded report may
        raw = file.encode("utf-8", "surrogatepass")
    if _DRIVE.match(file):
        return "file:///" + quote_from_bytes(raw, _SAFE + ":")
    encoded = quote_from_bytes(raw, _SAFE)
    return f"file://{encoded}" if file.startswith("/") else encoded


class Exposed(NamedTuple):
    """A finding at one of its exposures. Equal fingerprints are told apart by ``occurrence``, from 1."""

    finding: Finding
    exposure: Exposure
    occurrence: int

    @property
    def message(self) -> str:
        """The finding's message, and from where it is reached unless that is plain."""
        step, where = self.exposure, self.finding.location
        if (step.path, step.line, step.column) == (where.path, where.line, where.column):
            return sentence(self.finding.message)
        shown = f"reached from `{step.function}` ({step.path}:{step.line})"
        return sentence(f"{self.finding.message}; {shown}")

    @property
    def unique(self) -> str:
        """The fingerprint; a derived one for the second and later of equal ones."""
        fingerprint = self.exposure.fingerprint
        if self.occurrence == 1:
            return fingerprint
        return hashlib.sha256(f"{fingerprint}:{self.occurrence}".encode()).hexdigest()


class Occurrences:
    """Counts equal fingerprints."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, findings: Iterable[Finding]) -> Iterator[Exposed]:
        """Every exposure of the findings, in order."""
        for finding in findings:
            for exposure in finding.exposures:
                count = self._seen[exposure.fingerprint] = self._seen.get(exposure.fingerprint, 0) + 1
                yield Exposed(finding, exposure, count)
