"""From a path to text to a syntax tree; whatever may go wrong on the way becomes a ``Problem`` with one clear reason.

Files come from strangers: they may be pipes, binary, in another encoding, huge, or written to exhaust a parser.
``ast.parse`` refuses deep nesting and long operator chains by itself, quickly and on every supported version (brackets
at 200 levels, indentation at 100, the rest by its recursion limit); only the size of a file must be bounded before.
"""

from __future__ import annotations

import ast
import codecs
import gc
import os
import re
import stat
import warnings
from dataclasses import dataclass

MAX_BYTES = 2_000_000
"""Larger files are generated. A tree takes up to 600 times its source, so this also bounds memory and time."""

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a named pipe must not wait for a writer
)
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_SLOW_CODECS = frozenset({"idna", "punycode"})
_LINE_END = re.compile(rb"\r\n|\r|\n")
_CHAINING: tuple[str, ...] = (
    *("+", "-", "*", "/", "%", "|", "&", "^", "@", "~", "<", ">", "=", ".", "(", "[", "{"),
    *(" and", " or", "not", " in", " is", "if", "lambda", "await"),
)
"""What every nested or chained expression has once a level."""

_PYTHON_2_MESSAGES = (
    (re.compile(r"Missing parentheses in call to '(print|exec)'"), r"\1 statement"),
    (re.compile(r"leading zeros in decimal integer literals"), "octal number such as 0755"),
)
_LONG = re.compile(r"\b(?:\d+|0[xX][\da-fA-F]+)[lL]\b")
_PYTHON_2_LINES = (
    (re.compile(r"^\s*print\s+(?:[\"'\w]|>>)"), "print statement"),
    (re.compile(r"^\s*exec\s+[\"'\w]"), "exec statement"),
    (re.compile(r"^\s*raise\s+[\w.\[\]]+\s*,"), "`raise E, value`"),
    (re.compile(r"^\s*except\s+[\w.()]+\s*,\s*\w+\s*:"), "`except E, name:`"),
    (re.compile(r"^[^\"'#]*<>"), "`<>` operator"),
    (re.compile(r"^[^\"'#]*\b[uU][rR][\"']"), "ur'' string"),
    (re.compile(r"^[^\"'#]*`[^`]+`"), "backquotes"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file cannot be analysed, in one line that follows its name."""

    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: its bytes (for hashing and fixing) and its text with plain line feeds."""

    data: bytes
    text: str


def read(path: str, limit: int = MAX_BYTES) -> Source | Problem:
    """Read and decode a file."""
    data = read_bytes(path, limit)
    if isinstance(data, Problem):
        return data
    text = decode(data)
    return text if isinstance(text, Problem) else Source(data, text)


def read_bytes(path: str, limit: int = MAX_BYTES) -> bytes | Problem:
    """Read a regular file of at most ``limit`` bytes."""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        return _unreadable(path, error)
    except ValueError:
        return Problem("cannot be read: the name holds a null character")
    try:
        return _read_open(descriptor, limit)
    except OSError as error:
        return _unreadable(path, error)
    finally:
        os.close(descriptor)


def _read_open(descriptor: int, limit: int) -> bytes | Problem:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return Problem(f"not a regular file but {_kind(status.st_mode)}")
    size = status.st_size
    if size > limit:
        most = _megabytes(limit)
        return Problem(f"too large: {_megabytes(size)}, the limit for one file is {most} (generated code?)")
    data = os.read(descriptor, size)
    while len(data) < size:
        more = os.read(descriptor, size - len(data))
        if not more:
            break
        data += more
    return data


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return name
    return "something else"


def _unreadable(path: str, error: OSError) -> Problem:
    if os.path.isdir(path):  # Windows refuses to open one
        return Problem("not a regular file but a directory")
    return Problem(f"cannot be read: {(error.strerror or type(error).__name__).lower()}")


def decode(data: bytes) -> str | Problem:
    """Decode source as Python does: byte order mark, encoding cookie, else UTF-8; line ends become line feeds."""
    if b"\0" in data:
        return _null_bytes(data)
    marked = data.startswith(codecs.BOM_UTF8)
    name = _cookie(data) if b"coding" in data[: _two_lines(data)] else None
    if name is None:
        name = "utf-8"
    elif marked and name not in ("utf-8", "utf8", "utf-8-sig", "utf_8"):
        return Problem(f"contradictory encoding: a UTF-8 byte order mark, but declared as {_shown(name)}")
    text = _decode_as(data[3:] if marked else data, name)
    if isinstance(text, str) and "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def encoding(data: bytes) -> tuple[str, bytes]:
    """The name of the encoding of a source that `decode` takes, and its byte order mark or nothing."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    name = _cookie(data) if b"coding" in data[: _two_lines(data)] else None
    return ("utf-8" if mark or name is None else name), mark


def _two_lines(data: bytes) -> int:
    first = _LINE_END.search(data)
    second = _LINE_END.search(data, first.end()) if first else None
    return second.end() if second else len(data)


def _cookie(data: bytes) -> str | None:
    """Return the encoding that a comment on one of the first two lines declares."""
    for line in _LINE_END.split(data[: _two_lines(data)].removeprefix(codecs.BOM_UTF8))[:2]:
        match = _COOKIE.match(line)
        if match:
            return match.group(1).decode("ascii", "replace").lower()
        if not _BLANK.match(line):
            return None
    return None


def _decode_as(data: bytes, name: str) -> str | Problem:
    try:
        if name in _SLOW_CODECS or not isinstance(text := data.decode(name), str):
            return Problem(f"unsupported encoding {_shown(name)}")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data, 0, error.start)) + 1
        if name == "utf-8":
            declared = "no encoding is declared" if _cookie(data) is None else "the file is declared as UTF-8"
            return Problem(f"not UTF-8: byte 0x{data[error.start]:02x} at line {line}, and {declared}")
        return Problem(f"not valid {_shown(name)}, the declared encoding: see line {line}")
    except LookupError:
        return Problem(f"unknown encoding {_shown(name)} declared")
    except Exception as error:  # noqa: BLE001 - codecs may be installed by anyone and raise anything
        return Problem(f"cannot be decoded as {_shown(name)}: {type(error).__name__}")
    return text


def _shown(name: str) -> str:
    return repr(name[:40])


def _null_bytes(data: bytes) -> Problem:
    for mark, name in ((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")):
        if data.startswith(mark):
            return Problem(
                f"encoded as {name}; Python source is UTF-8 (or declares an encoding that extends ASCII)"
            )
    if data.count(b"\0") * 20 > len(data):
        return Problem("a binary file (many null bytes)")
    line = len(_LINE_END.findall(data, 0, data.index(b"\0"))) + 1
    return Problem(f"null byte at line {line}")


def parse(text: str) -> ast.Module | Problem:
    """Parse source; warnings about it (invalid escapes and the like) are somebody else's business."""
    collecting = gc.isenabled()
    gc.disable()  # a tree holds no garbage, and looking for it costs as much as building a large one
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return Problem(_syntax_reason(error, text))
    except (RecursionError, MemoryError):
        return Problem("nested too deeply, or too long a chain of operators")
    except ValueError as error:
        return Problem(f"cannot be parsed: {_one_line(str(error))}")
    finally:
        if collecting:
            gc.enable()


def too_deep(text: str, limit: int = 1000) -> bool:
    """Whether code that parses has chains or nesting of more than ``limit``: native parsers crash or hang on such."""
    if len(text) < 2 * limit or sum(map(text.count, _CHAINING)) < limit:
        return False
    tree = parse(text)
    return isinstance(tree, Problem) or _depth(tree) > limit


def _depth(tree: ast.AST) -> int:
    """The longest way down a tree; every operand of a flat chain (``a and b and c``, ``a < b < c``) is a step."""
    deepest = 0
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, ast.BoolOp):
            depth += len(node.values)
        elif isinstance(node, ast.Compare):
            depth += len(node.ops)
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return deepest


def _syntax_reason(error: SyntaxError, text: str) -> str:
    line = error.lineno or 1
    lines = text.split("\n")
    construct = _python_2_construct(error.msg or "", lines[line - 1] if 0 < line <= len(lines) else "")
    if construct:
        return f"Python 2 syntax: {construct} at line {line}"
    return f"syntax error at line {line}: {_one_line(error.msg or 'invalid syntax')}"


def _python_2_construct(message: str, line: str) -> str:
    """Name the Python 2 construct on the line that the parser refused, or return nothing."""
    line = line[:1000]
    if message.startswith("invalid ") and message.endswith(" literal") and _LONG.search(line):
        return "long integer such as 10L"
    for pattern, name in _PYTHON_2_MESSAGES:
        if match := pattern.search(message):
            return match.expand(name)
    return next((name for pattern, name in _PYTHON_2_LINES if pattern.search(line)), "")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def column(line: str, byte_offset: int) -> int:
    """Convert a byte offset from ``ast`` in ``line`` to a 1-based column in code points."""
    if line.isascii():
        return byte_offset + 1
    return len(line.encode("utf-8", "surrogatepass")[:byte_offset].decode("utf-8", "ignore")) + 1
