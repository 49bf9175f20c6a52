"""Files that fixes change: what is outside the edits keeps its bytes, and a file changes as a whole or not at all."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shutil
import tempfile
import warnings
from typing import TYPE_CHECKING, Final

from auditor.fixes.editing import edited
from auditor.index import files as index_files
from auditor.index import source
from auditor.index.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import Edit

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


class SourceFile:
    """A file as it stands on disk: its encoding, byte order mark and line ends are those of the bytes."""

    def __init__(self, path: str, text: str, encoding: str, mark: bytes) -> None:
        self.path = path
        self.text = text
        self._encoding = encoding
        self._mark = mark
        ends = list(_LINE_END.finditer(text))
        self._newline = ends[0][0] if ends else "\n"
        self._starts = [0, *(match.end() for match in ends)]

    def edited(self, edits: Iterable[Edit]) -> SourceFile:
        """The file with the edits made; new lines end as the first line of the file does."""
        text = edited(self.text, self._starts, edits, self._newline)
        return SourceFile(self.path, text, self._encoding, self._mark)

    @property
    def data(self) -> bytes:
        """The bytes of the file; raises UnicodeEncodeError where its encoding has no such character."""
        return self._mark + self.text.encode(self._encoding)

    def is_sound_after(self, before: SourceFile) -> bool:
        """Whether the file can be written, and Python still takes it if it took it before."""
        try:
            _ = self.data
        except UnicodeEncodeError:
            return False
        return is_sound(before.text, self.text)

    def diff(self, before: SourceFile) -> str:
        """From another state of the file to this one as a unified diff that `patch` and `git apply` take."""
        lines = difflib.unified_diff(
            _lines(before.text), _lines(self.text), f"a/{self.path}", f"b/{self.path}", lineterm="\n"
        )
        return "".join(x if x.endswith("\n") else f"{x}\n\\ No newline at end of file\n" for x in lines)

    def write(self) -> None:
        """Replace the file on disk, keeping its mode; a link stays one. Raises OSError."""
        target = os.path.realpath(self.path)
        handle, temporary = tempfile.mkstemp(prefix=".auditor-", dir=os.path.dirname(target))
        try:
            with open(handle, "wb") as file:
                file.write(self.data)
            shutil.copymode(target, temporary)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _lines(text: str) -> list[str]:
    """Lines with their ends; what ends a line of Python does, and nothing else."""
    return [line for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text) if line]


def read(path: str) -> SourceFile | Problem:
    """The file, or why it cannot be changed."""
    data = source.read_bytes(path)
    if isinstance(data, Problem):
        return data
    encoding, mark = source.encoding(data)
    try:
        text = data[len(mark) :].decode(encoding)
        if mark + text.encode(encoding) == data:
            return SourceFile(path, text, encoding, mark)
    except (UnicodeError, LookupError):
        pass
    return Problem(f"cannot be written back as it is: its encoding {encoding} loses something")


def compiles(text: str) -> bool:
    """Whether Python takes the text, or at least its grammar where it is newer than the Python that runs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<fixed>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    except (ValueError, RecursionError, MemoryError):
        return False
    return True


def is_sound(before: str, after: str) -> bool:
    """Whether a change leaves a file that Python took in a state that it takes."""
    if compiles(before):
        return compiles(after)
    return not isinstance(index_files.parse(after.replace("\r\n", "\n").replace("\r", "\n")), Problem)
