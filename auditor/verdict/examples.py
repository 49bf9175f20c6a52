"""Files that show how a program is used, which nobody serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.link.program import Module

_FOLDERS: Final = frozenset(
    {
        "benchmark", "benchmarks", "cookbook", "cookbooks", "demo", "demos", "doc", "docs", "docs_src", "example",
        "examples", "playground", "playgrounds", "sample", "samples", "tutorial", "tutorials",
    }
)  # fmt: skip


class Examples:
    """Modules in directories of examples that belong to no package, beside others that are the program itself."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules: set[int] = set()
        every = list(modules)
        packages = {_folders(module) for module in every if module.is_package}
        for module in every:
            folders = _folders(module)
            if any(
                name in _FOLDERS and folders[:depth] not in packages for depth, name in enumerate(folders)
            ):
                self._modules.add(module.index)
        if all(module.is_test or module.index in self._modules for module in every):
            self._modules = set()  # nothing but examples: they are what is asked about

    def holds(self, module: Module) -> bool:
        """Whether the module is an example of the program's use."""
        return module.index in self._modules


def _folders(module: Module) -> tuple[str, ...]:
    return tuple(module.path.replace("\\", "/").split("/")[:-1])
