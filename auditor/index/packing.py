"""Facts of a file as bytes and back: what the cache holds, and what the processes that index send."""

from __future__ import annotations

import marshal
from array import array
from operator import attrgetter
from typing import Any

from auditor.index.facts import EMPTY, LISTS, ClassFacts, FileFacts, FunctionFacts
from auditor.index.files import Indexed

_LOGS = ("read_log", "operator_log")
_FUNCTION_LISTS = LISTS
_FUNCTION_REST = tuple(name for name in FunctionFacts.__slots__ if name not in {*_FUNCTION_LISTS, *_LOGS})
_CLASS = ClassFacts.__slots__
_FILE = tuple(name for name in FileFacts.__slots__ if name not in {"functions", "classes", *_LOGS})

_lists_of = attrgetter(*_FUNCTION_LISTS)
_rest_of = attrgetter(*_FUNCTION_REST)
_class_of = attrgetter(*_CLASS)
_file_of = attrgetter(*_FILE)


def pack(indexed: Indexed) -> bytes:
    """What was learned of a file; its facts must be as the index made them, before anything is linked."""
    facts = indexed.facts
    packed = None
    if facts is not None:
        packed = (
            _file_of(facts),
            # most lists of most functions are empty
            [(_rest_of(x), [value or None for value in _lists_of(x)]) for x in facts.functions],
            [_class_of(x) for x in facts.classes],
            [getattr(facts, name).tobytes() for name in _LOGS],
        )
    return marshal.dumps((packed, indexed.reason, indexed.skipped))


def unpack(data: bytes) -> Indexed:
    """The same again. ``data`` must be what `pack` gave: `marshal` trusts it."""
    packed, reason, skipped = marshal.loads(data)  # noqa: S302 - as said
    if packed is None:
        return Indexed(None, reason, skipped)
    of_file, functions, classes, logs = packed
    facts = FileFacts.__new__(FileFacts)
    _set(facts, _FILE, of_file)
    facts.functions = [_function(rest, lists) for rest, lists in functions]
    facts.classes = [_class(values) for values in classes]
    for name, content in zip(_LOGS, logs, strict=True):
        log = array("i")
        log.frombytes(content)
        setattr(facts, name, log)
    return Indexed(facts, reason, skipped)


def _function(rest: tuple[Any, ...], lists: list[Any]) -> FunctionFacts:
    facts = FunctionFacts.__new__(FunctionFacts)
    _set(facts, _FUNCTION_REST, rest)
    for name, value in zip(_FUNCTION_LISTS, lists, strict=True):
        setattr(facts, name, value or EMPTY)
    facts.no_logs()
    return facts


def _class(values: tuple[Any, ...]) -> ClassFacts:
    facts = ClassFacts.__new__(ClassFacts)
    _set(facts, _CLASS, values)
    return facts


def _set(target: object, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
    for name, value in zip(names, values, strict=True):
        setattr(target, name, value)
