"""What libuv knows about an uvloop: how long it has waited for events, and on which descriptor it waits.

uvloop hands out the address of its ``uv_loop_t``, and its extension module exports libuv's functions; both are called
through ctypes. Where anything is missing the loop is watched by its beats alone.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

_METRICS_IDLE_TIME = 1
"""``UV_METRICS_IDLE_TIME`` of libuv's uv.h: have the loop add up the time that it waits."""


class UvLoop(NamedTuple):
    """``idle`` returns the nanoseconds waited so far; ``descriptor`` is what the loop waits on."""

    idle: Callable[[], int]
    descriptor: int


def of(loop: Any) -> UvLoop | None:
    """The libuv side of ``loop``, or nothing when it is no uvloop or does not give it away."""
    module: Any = sys.modules.get("uvloop.loop")
    if module is None or not isinstance(loop, module.Loop):
        return None
    try:
        capsule = module.libuv_get_loop_t_ptr(loop)
        address = _address(capsule)
        library = ctypes.PyDLL(module.__file__)
        configure, idle_time, backend = (
            library.uv_loop_configure,
            library.uv_metrics_idle_time,
            library.uv_backend_fd,
        )
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    configure.argtypes = [ctypes.c_void_p, ctypes.c_int]
    idle_time.argtypes, idle_time.restype = [ctypes.c_void_p], ctypes.c_uint64
    backend.argtypes = [ctypes.c_void_p]
    pointer = ctypes.c_void_p(address)
    if configure(pointer, _METRICS_IDLE_TIME):
        return None

    def idle() -> int:
        return int(idle_time(pointer))

    return UvLoop(idle, int(backend(pointer)))


def _address(capsule: Any) -> int:
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))
