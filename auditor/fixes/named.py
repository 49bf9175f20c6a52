"""What the names of functions and methods say of their calls."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING, Final

from auditor.fixes.belongings import OWN, VIEWS, WHOLLY, Made
from auditor.index import facts as f
from auditor.link import values as v

if TYPE_CHECKING:
    from auditor.link.values import Value

_OF_TEXT: Final = frozenset(
    {
        "startswith", "endswith", "strip", "lstrip", "rstrip", "partition", "rpartition", "splitlines", "lower",
        "upper", "casefold", "title", "capitalize", "isdigit", "isalpha", "isalnum", "isspace", "zfill", "ljust",
        "rjust", "removeprefix", "removesuffix", "hexdigest", "isoformat", "total_seconds", "strftime",
    }
)  # fmt: skip
"""Methods that only text, digests and dates have, whose objects nobody changes."""
_OF_TEXT_WITH_TEXT: Final = frozenset(
    {"split", "rsplit", "replace", "encode", "decode", "format", "find", "count", "join"}
)
"""The same where all that they are given is text that stands there, or nothing."""
_WRITES: Final = frozenset(
    {
        "save",
        "savefig",
        "writestr",
        "extract",
        "extractall",
        "tofile",
        "write_text",
        "write_bytes",
        "dump",
        "retrieve",
    }
)
"""Methods that write into a file which is named to them."""
_KEY: Final = re.compile(r"[A-Za-z_][\w.-]*")
_KEY_AND_DEFAULT: Final = 2
_OTHERS: Final = frozenset(
    {
        "builtins.getattr", "builtins.type", "builtins.super", "builtins.vars", "logging.getLogger",
        "logging.Logger.getChild", "threading.current_thread",
    }
)  # fmt: skip
"""Known to bear threads, but what they give is no new thing: others hold it."""
_TAKES: Final = frozenset({"get", "pop", "popleft", "popitem", "setdefault"})
_PARTS: Final = frozenset({"builtins.min", "builtins.max", "builtins.next"})
_COPIES: Final = frozenset(
    {
        "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.dict", "builtins.sorted",
        "builtins.reversed", "builtins.enumerate", "builtins.zip", "builtins.filter", "builtins.iter", "copy.copy",
        "itertools.chain", "itertools.islice", "collections.deque", "collections.OrderedDict",
    }
)  # fmt: skip
"""What is made holds what the arguments hold."""
_SAME: Final = frozenset({"typing.cast"})
FORGETFUL: Final = frozenset(
    f"builtins.{name}"
    for name in (
        *("len", "str", "repr", "bool", "int", "float", "isinstance", "any", "all", "sum", "hash", "format"),
        "ascii",
    )
)
"""Builtins whose result holds nothing of what they are given."""
HOLDERS: Final = (
    "builtins.",
    "collections.",
    "copy.",
    "functools.",
    "itertools.",
    "typing.",
    "dataclasses.",
)
"""Where what is made holds what others hold too."""
_IMMUTABLE_TYPES: Final = frozenset(
    f"builtins.{name}" for name in ("str", "bytes", "tuple", "frozenset", "range")
)


def made_by_name(dotted: str) -> Made:
    """What a call of something gives that is known to bear threads."""
    if dotted in _OTHERS:
        return Made()
    if dotted in _PARTS:
        return Made(of="part")
    if dotted in _SAME:
        return Made(of="same")
    if dotted in _COPIES:
        return Made(OWN, "copy")
    return Made(OWN if dotted.startswith(HOLDERS) and dotted not in FORGETFUL else WHOLLY)


def made_by_container(method: str) -> Made:
    """What a method of a container gives."""
    return Made(of="view" if method in VIEWS else "element" if method in _TAKES else "")


def is_immutable_value(value: Value) -> bool:
    if value.kind == v.CONTAINER:
        return isinstance(value.b, int) and value.a.facts.exprs[value.b][0] == f.TUPLE
    if value.kind == v.EXTERNAL_INSTANCE:
        return value.a in _IMMUTABLE_TYPES
    return value.kind in (v.CLASS, v.CONSTANT)


def writes_files(dotted: str) -> bool:
    """Whether a method's name says that it writes into files: those are others' too, whoever has the object."""
    name = dotted.rpartition(".")[2]
    return dotted.startswith("pathlib.") or name in _WRITES or name.startswith("to_")


def is_of_text(call: ast.Call) -> bool:
    """Whether the name of a method says that it is one of text, or of something else that nobody changes."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in _OF_TEXT:
        return True
    given = [*call.args, *(x.value for x in call.keywords)]
    return call.func.attr in _OF_TEXT_WITH_TEXT and all(
        isinstance(x, ast.Constant) and isinstance(x.value, (str, bytes, int)) for x in given
    )


def asks_by_key(call: ast.Call) -> bool:
    """Whether a call reads as ``table.get("name")`` or ``table.items()``, which only tables have."""
    if not isinstance(call.func, ast.Attribute) or call.keywords:
        return False
    if call.func.attr in VIEWS:
        return not call.args
    key = call.args[0] if call.args else None
    return (
        call.func.attr == "get"
        and len(call.args) <= _KEY_AND_DEFAULT
        and isinstance(key, ast.Constant)
        and isinstance(key.value, str)
        and _KEY.fullmatch(key.value) is not None
    )


def makes_error(value: Value) -> bool:
    """Whether what is raised is an object of a class, which then is one of exceptions."""
    if value.kind == v.CLASS:
        return "__init__" not in value.a.facts.attributes
    return value.kind == v.EXTERNAL and value.a.rpartition(".")[2][:1].isupper()


def is_exception(dotted: str) -> bool:
    module, _, name = dotted.rpartition(".")
    made = getattr(builtins, name, None) if module == "builtins" else None
    return isinstance(made, type) and issubclass(made, BaseException)
