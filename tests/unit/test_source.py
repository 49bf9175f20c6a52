"""Reading and parsing hostile files: one clear reason each, no exception, no hang."""

from __future__ import annotations

import ast
import os
import time
import warnings
from pathlib import Path

import pytest

from auditor.index.source import MAX_BYTES, Problem, Source, column, decode, parse, read, too_deep


def _read(path: Path) -> Source | Problem:
    return read(os.fspath(path))


def _reason(value: object) -> str:
    assert isinstance(value, Problem), value
    assert "\n" not in value.reason
    return value.reason


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbf# coding: utf-8\n", "# coding: utf-8\n"),
        ("x = 'é'\n".encode(), "x = 'é'\n"),
        ("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"), "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n€".encode("cp1252"),
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n€",
        ),
        ("\n\f # coding=koi8-r\nж".encode("koi8-r"), "\n\f # coding=koi8-r\nж"),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"x = 1\n\x0c\ny = 2\n", "x = 1\n\x0c\ny = 2\n"),
        (b"a\n\n# coding: nonsense\n", "a\n\n# coding: nonsense\n"),
        (b"a = 1\n# coding: nonsense\n", "a = 1\n# coding: nonsense\n"),
    ],
)
def test_decode_reads_what_python_reads(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("x = 1\ny = 'é'\n".encode("latin-1"), "not UTF-8: byte 0xe9 at line 2, and no encoding is declared"),
        (b"# coding: utf-8\n\xff", "not UTF-8: byte 0xff at line 2, and the file is declared as UTF-8"),
        (b"# coding: nonsense\n", "unknown encoding 'nonsense' declared"),
        (b"# coding: rot13\n", "unknown encoding 'rot13' declared"),
        (b"# coding: idna\n", "unsupported encoding 'idna'"),
        (b"# coding: ascii\nx = '\xe9'", "not valid 'ascii', the declared encoding: see line 2"),
        (
            b"\xef\xbb\xbf# coding: latin-1\n",
            "contradictory encoding: a UTF-8 byte order mark, but declared as 'latin-1'",
        ),
        (
            "x = 1\n".encode("utf-16"),
            "encoded as UTF-16; Python source is UTF-8 (or declares an encoding that extends ASCII)",
        ),
        (b"x = 1\ny = '\0'\n" + b"z = 1\n" * 9, "null byte at line 2"),
        (b"\x7fELF" + b"\0" * 90, "a binary file (many null bytes)"),
        (
            "'\ud800'".encode("utf-8", "surrogatepass"),
            "not UTF-8: byte 0xed at line 1, and no encoding is declared",
        ),
    ],
)
def test_decode_gives_one_clear_reason(data: bytes, reason: str) -> None:
    assert _reason(decode(data)) == reason


def test_what_is_no_regular_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "loop.py").symlink_to("loop.py")
    started = time.monotonic()
    assert _reason(_read(tmp_path / "pipe.py")) == "not a regular file but a named pipe"
    assert _reason(_read(tmp_path / "folder.py")) == "not a regular file but a directory"
    assert _reason(_read(tmp_path / "loop.py")) == "cannot be read: too many levels of symbolic links"
    assert _reason(_read(tmp_path / "missing.py")) == "cannot be read: no such file or directory"
    assert _reason(read("null\0.py")) == "cannot be read: the name holds a null character"
    assert _reason(read("/dev/zero")) == "not a regular file but a device"
    assert time.monotonic() - started < 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.py"
    path.write_text("x = 1")
    path.chmod(0)
    assert _reason(_read(path)) == "cannot be read: permission denied"


def test_a_generated_giant_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "data.py"
    path.write_bytes(b"x = 1\n" * 3_500_000)
    reason = _reason(_read(path))
    assert reason == "too large: 21.0 MB, the limit for one file is 2.0 MB (generated code?)"
    path.write_bytes(b"#" * MAX_BYTES)
    assert isinstance(_read(path), Source)


def test_bytes_are_kept_for_hashes_and_fixes(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"\xef\xbb\xbfa\r\n")
    assert _read(path) == Source(b"\xef\xbb\xbfa\r\n", "a\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(:\n", "syntax error at line 1: invalid syntax"),
        ("(" * 10_000 + ")" * 10_000, "syntax error at line 1: too many nested parentheses"),
        ("x = " + "1+" * 100_000 + "1", "nested too deeply, or too long a chain of operators"),
        ("x = " + "-" * 100_000 + "1", "nested too deeply, or too long a chain of operators"),
        ("x = a" + ".b" * 100_000, "nested too deeply, or too long a chain of operators"),
        (
            "if a:\n pass\n" + "elif a:\n pass\n" * 50_000,
            "nested too deeply, or too long a chain of operators",
        ),
        (
            "\n".join(" " * depth + "if a:" for depth in range(150)),
            "syntax error at line 101: too many levels of indentation",
        ),
        ("import os\n\nprint 'hello'\n", "Python 2 syntax: print statement at line 3"),
        ("exec 'code' in d\n", "Python 2 syntax: exec statement at line 1"),
        ("raise E, 'value'\n", "Python 2 syntax: `raise E, value` at line 1"),
        ("try:\n    pass\nexcept E, e:\n    pass\n", "Python 2 syntax: `except E, name:` at line 3"),
        ("x = a <> b\n", "Python 2 syntax: `<>` operator at line 1"),
        ("x = 10L\n", "Python 2 syntax: long integer such as 10L at line 1"),
        ("os.chmod(p, 0755)\n", "Python 2 syntax: octal number such as 0755 at line 1"),
        ("x = ur'a'\n", "Python 2 syntax: ur'' string at line 1"),
        ("x = `a`\n", "Python 2 syntax: backquotes at line 1"),
        ("x = 'see `a`' 1\n", "syntax error at line 1: invalid syntax"),
    ],
)
def test_what_python_refuses_has_one_clear_reason(text: str, reason: str) -> None:
    if reason.startswith("Python 2 syntax: `except") and isinstance(parse(text), ast.Module):
        pytest.skip("legal from Python 3.14")
    assert _reason(parse(text)) == reason


@pytest.mark.parametrize("text", ["a\0b", "'\ud800'", "x = 1 if", "\\", "'''", "x = '", "\x1b[31m"])
def test_odd_texts_are_problems(text: str) -> None:
    _reason(parse(text))


def test_parse_shows_no_warnings_and_leaves_the_collector_as_it_was() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(parse("x = '\\d'\ny = 1 if 0else 2\nassert (1, 'a')\n"), ast.Module)


@pytest.mark.parametrize(
    ("line", "offset", "expected"),
    [
        ("x = 1", 4, 5),
        ("é = f()", 5, 5),
        ("'😀', f()", 8, 6),
        ("'日本' + f()", 11, 8),
        ("é", 99, 2),
        ("", 0, 1),
    ],
)
def test_column_counts_code_points(line: str, offset: int, expected: int) -> None:
    assert column(line, offset) == expected


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        ("x = " + "1+" * 900 + "1", False),
        ("x = " + "1+" * 2_000 + "1", True),
        ("x = " + "1 and " * 20_000 + "1", True),
        ("x = " + "1 < " * 20_000 + "1", True),
        ("x = a" + ".b" * 100_000, True),
        ("x = [" + "1, " * 20_000 + "]", False),
        ("x = (" + "a.b + c.d[0]\n" * 5 + ")\n" + "y = a.b(c)\n" * 5_000, True),  # does not parse
        ("y = a.b(c) + 1\n" * 5_000, False),
    ],
)
def test_what_native_parsers_cannot_take_is_known_before(text: str, deep: bool) -> None:
    assert too_deep(text) is deep
