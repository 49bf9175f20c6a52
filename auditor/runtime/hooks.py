"""Watches every loop of the process: loops are held while they run, from the moment on that this is put on.

Nothing is wrapped but ``run_forever`` of the loop classes, once for each run of a loop. uvloop is found when it is
imported, also later.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from asyncio import base_events
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from auditor.runtime.engine import engine

_OTHERS = {"uvloop": "Loop", "winloop": "Loop"}
"""Packages with loops that do not derive from asyncio's, and the class in them."""

_wrapped: list[tuple[Any, Callable[..., None]]] = []
_users = 0


def put_on(before: Callable[[], None] = lambda: None) -> None:
    """Hold each loop while it runs; ``before`` is called first, on the loop's thread. Calls are counted."""
    global _users  # noqa: PLW0603 - the state of the process that is patched
    _users += 1
    if _users > 1:
        return
    _wrap(base_events.BaseEventLoop, before)
    for package, name in _OTHERS.items():
        if package in sys.modules:
            _wrap(getattr(sys.modules[package], name, None), before)
    sys.meta_path.insert(0, _Finder(before))


def take_off() -> None:
    """Leave the classes as they were; loops that run now are released when they stop."""
    global _users  # noqa: PLW0603
    _users -= 1
    if _users:
        return
    while _wrapped:
        kind, original = _wrapped.pop()
        kind.run_forever = original
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]


def _wrap(kind: Any, before: Callable[[], None]) -> None:
    original = getattr(kind, "run_forever", None)
    if original is None:
        return

    @functools.wraps(original)
    def run_forever(self: asyncio.AbstractEventLoop) -> None:
        before()
        held = None
        if not self.is_running() and not self.is_closed():
            held = engine.hold(self, sys._getframe())  # noqa: SLF001 - this frame is what runs the loop
        try:
            original(self)
        finally:
            if held is not None:
                engine.release(self, rest=True)

    kind.run_forever = run_forever
    _wrapped.append((kind, original))


class _Finder(MetaPathFinder):
    """Finds nothing itself; has the loops of a package wrapped as soon as it has been imported."""

    def __init__(self, before: Callable[[], None]) -> None:
        self._before = before
        self._busy = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _OTHERS or self._busy:
            return None
        self._busy = True
        try:
            for finder in sys.meta_path:
                spec = finder.find_spec(name, path, target) if finder is not self else None
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = _Loader(spec.loader, name, self._before)
                    return spec
        finally:
            self._busy = False
        return None


class _Loader(Loader):
    """Loads with the real loader, then wraps."""

    def __init__(self, real: Any, name: str, before: Callable[[], None]) -> None:
        self._real, self._name, self._before = real, name, before

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        found: ModuleType | None = self._real.create_module(spec)
        return found

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self._real  # type: ignore[union-attr]
        self._real.exec_module(module)
        if _users:
            _wrap(getattr(module, _OTHERS[self._name], None), self._before)
