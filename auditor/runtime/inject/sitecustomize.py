"""Put on the path of a program by `auditor monitor`: has its event loops watched, then gives way to the real one.

Runs in whatever Python the program uses, so it does nothing that an older one does not understand, and never fails.
Nothing is imported before the program itself has imported asyncio.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any


def _begin() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.curdir) != here]
    _run_the_real_one()
    if "AUDITOR_MONITOR" not in os.environ:
        return
    if "asyncio" in sys.modules:
        _watch()
    else:
        sys.meta_path.insert(0, _Finder())


def _run_the_real_one() -> None:
    """A sitecustomize of the program's own, which this one has hidden."""
    this = sys.modules.pop("sitecustomize", None)
    try:
        import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if "sitecustomize" not in sys.modules and this is not None:
            sys.modules["sitecustomize"] = this


def _watch() -> None:
    """Import auditor from where `auditor monitor` lies, without leaving its directory on the path."""
    import json

    settings = json.loads(os.environ["AUDITOR_MONITOR"])
    sys.path.insert(0, settings["home"])
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 - not the Python that auditor was installed for
            raise RuntimeError("loops are watched from Python 3.11 on")
        import_module("auditor.runtime.injected").begin(settings)
    except Exception as error:  # noqa: BLE001 - the program is to run whatever happens here
        sys.stderr.write(f"auditor: the loops of process {os.getpid()} are not watched: {error}\n")
    finally:
        if settings["home"] in sys.path:
            sys.path.remove(settings["home"])


class _Finder:
    """Begins to watch as soon as asyncio has been imported."""

    def __init__(self) -> None:
        self._busy = False

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        if name != "asyncio" or self._busy:
            return None
        self._busy = True
        try:
            finders: list[Any] = [finder for finder in sys.meta_path if finder is not self]
            spec: Any = next(found for finder in finders if (found := finder.find_spec(name, path, target)))
        except StopIteration:
            return None
        finally:
            self._busy = False
        sys.meta_path.remove(self)
        loader = spec.loader
        execute = loader.exec_module

        def exec_module(module: object) -> None:
            del loader.exec_module
            execute(module)
            _watch()

        loader.exec_module = exec_module
        return spec


_begin()
