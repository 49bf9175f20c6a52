r"""Text that may come from anywhere, made safe for a terminal and measured in its cells.

File names and source lines are written by strangers. Whatever could move the cursor, reorder the line or hide a part
of it (control characters, ANSI escapes, bidirectional marks, invisible and unassigned characters) is shown as an
escape such as ``\x1b`` or ``\u202e``.
"""

from __future__ import annotations

TAB = "    "
_COMBINING_RUN = 2
"""So many combining marks may stand on one character; further ones would climb into the lines above."""
_ZERO_WIDTH_JAMO = ((0x1160, 0x11FF), (0xD7B0, 0xD7FF))
_VARIATION_SELECTORS = (0xFE00, 0xFE0F)


def _escape_char(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _char_width(char: str) -> int:
    from unicodedata import category, east_asian_width

    if category(char) in ("Mn", "Me") or any(low <= ord(char) <= high for low, high in _ZERO_WIDTH_JAMO):
        return 0
    return 2 if east_asian_width(char) in ("W", "F") else 1


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def pieces(text: str) -> list[str]:
    """Return what to show for each code point of ``text``: itself, spaces for a tab, or an escape."""
    if _is_plain(text):
        return list(text)
    shown: list[str] = []
    marks = 0
    for char in text:
        if char == "\t":
            shown.append(TAB)
            marks = 0
            continue
        if not char.isprintable() or _VARIATION_SELECTORS[0] <= ord(char) <= _VARIATION_SELECTORS[1]:
            shown.append(_escape_char(char))
            marks = 0
            continue
        marks = marks + 1 if not char.isascii() and _char_width(char) == 0 else 0
        shown.append(char if marks <= _COMBINING_RUN else _escape_char(char))
    return shown


def escape(text: str) -> str:
    """Return ``text`` as one line that shows every character and obeys none."""
    return text if _is_plain(text) else "".join(pieces(text))


def width(text: str) -> int:
    """Return how many terminal cells escaped ``text`` takes."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def cut(text: str, limit: int, ellipsis: str) -> str:
    """Return escaped ``text``, its end replaced by ``ellipsis`` where it is wider than ``limit`` cells."""
    if len(text) * 2 <= limit or width(text) <= limit:
        return text
    room = max(0, limit - len(ellipsis))
    head, _ = _take(text, room)
    return head.rstrip() + ellipsis


def _take(text: str, limit: int) -> tuple[str, str]:
    """Split ``text`` after as many characters as fit into ``limit`` cells."""
    if text.isascii():
        return text[:limit], text[limit:]
    used = 0
    for index, char in enumerate(text):
        used += _char_width(char)
        if used > limit:
            return text[:index], text[index:]
    return text, ""


def wrap(text: str, limit: int, most: int = 0, ellipsis: str = "...") -> list[str]:
    """Break escaped ``text`` into lines of at most ``limit`` cells, at spaces where there are any.

    With ``most`` only so many lines are returned, and the last ends in ``ellipsis`` when text is missing.
    """
    limit = max(2, limit)
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if width(candidate) <= limit:
            line = candidate
            continue
        if line:
            lines.append(line)
        while width(word) > limit:
            head, word = _take(word, limit)
            lines.append(head)
        line = word
    lines.append(line)
    if most and len(lines) > most:
        last = cut(lines[most - 1], limit - len(ellipsis), "")
        lines = [*lines[: most - 1], last.rstrip(" ,;:.") + ellipsis]
    return lines
