"""The program: modules, classes and functions of all files, with the names by which they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index import facts as f

if TYPE_CHECKING:
    from auditor.link.values import Values


class Function:
    """A function body of the program."""

    __slots__ = ("class_", "facts", "id", "module", "number", "parent", "qualname")

    def __init__(self, number: int, module: Module, facts: f.FunctionFacts, identifier: int) -> None:
        self.number = number  # position within its file
        self.module = module
        self.facts = facts
        self.id = identifier  # position within the program
        self.parent: Function | None = None
        self.class_: Class | None = None
        self.qualname = f"{module.name}.{facts.qualname}" if facts.qualname else module.name

    @property
    def is_async(self) -> bool:
        return self.facts.kind == f.ASYNC_DEF

    @property
    def is_method(self) -> bool:
        return self.facts.class_id >= 0 and self.facts.kind in (f.DEF, f.ASYNC_DEF)

    def __repr__(self) -> str:
        return self.qualname


class Class:
    """A class of the program; ``mro`` and ``external_bases`` are filled by the class table."""

    __slots__ = ("facts", "id", "module", "number", "qualname", "subclasses")

    def __init__(self, number: int, module: Module, facts: f.ClassFacts, identifier: int) -> None:
        self.number = number
        self.module = module
        self.facts = facts
        self.id = identifier
        self.qualname = f"{module.name}.{facts.qualname}"
        self.subclasses: list[Class] = []

    def __repr__(self) -> str:
        return self.qualname


class Module:
    """A file of the program. ``memo`` holds the values of its expressions once they are known."""

    __slots__ = (
        "classes", "facts", "functions", "index", "is_package", "is_test", "memo", "name", "path", "root", "star_cache",
    )  # fmt: skip

    def __init__(
        self, index: int, path: str, name: str, root: int, facts: f.FileFacts, *, is_package: bool
    ) -> None:
        self.index = index
        self.path = path
        self.name = name
        self.root = root
        self.facts = facts
        self.is_package = is_package
        self.is_test = _is_test_path(path)
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        self.memo: list[Values | None] = [None] * len(facts.exprs)
        self.star_cache: dict[str, Values] = {}

    def absolute(self, level: int, module: str) -> str:
        """The dotted name that a relative import of this module means."""
        if not level:
            return module
        parts = self.name.split(".")
        drop = level - 1 if self.is_package else level
        base = parts[: len(parts) - drop] if drop else parts
        return ".".join([*base, module]) if module else ".".join(base)

    def __repr__(self) -> str:
        return self.name


def _is_test_path(path: str) -> bool:
    *folders, name = path.replace("\\", "/").split("/")
    return (
        name.startswith("test_")
        or name.endswith("_test.py")
        or name == "conftest.py"
        or "tests" in folders
        or "test" in folders
        or "_tests" in folders
    )


class Program:
    """All modules, classes and functions, in the order of the files."""

    def __init__(self) -> None:
        self.modules: list[Module] = []
        self.functions: list[Function] = []
        self.classes: list[Class] = []
        # dotted name -> modules of that name, one for each root
        self.by_name: dict[str, list[Module]] = {}
        # the same without leading directories that are no packages, as programs started from there import them
        self.by_shorter_name: dict[str, list[Module]] = {}
        # first parts and inner packages without a file of their own, such as namespace packages
        self.packages: set[str] = set()

    def add(
        self, path: str, name: str, root: int, facts: f.FileFacts, *, is_package: bool, loose: int = 0
    ) -> Module:
        """Add a file. Imports may leave out the ``loose`` first parts of its name."""
        module = Module(len(self.modules), path, name, root, facts, is_package=is_package)
        self.modules.append(module)
        self.by_name.setdefault(name, []).append(module)
        shorter = name
        for _ in range(loose):
            shorter = shorter.partition(".")[2]
            if shorter:
                self.by_shorter_name.setdefault(shorter, []).append(module)
        package = name.rpartition(".")[0]
        while package:
            self.packages.add(package)
            package = package.rpartition(".")[0]
        functions = self.functions
        for number, function_facts in enumerate(facts.functions):
            function = Function(number, module, function_facts, len(functions))
            functions.append(function)
            module.functions.append(function)
        for number, class_facts in enumerate(facts.classes):
            class_ = Class(number, module, class_facts, len(self.classes))
            self.classes.append(class_)
            module.classes.append(class_)
        for function in module.functions:
            if function.facts.parent >= 0:
                function.parent = module.functions[function.facts.parent]
            if function.facts.class_id >= 0:
                function.class_ = module.classes[function.facts.class_id]
        return module

    def find_module(self, name: str, root: int) -> Module | None:
        """The module of that name, that of the same root before any other."""
        modules = self.by_name.get(name) or self.by_shorter_name.get(name)
        if not modules:
            return None
        if len(modules) > 1:
            for module in modules:
                if module.root == root:
                    return module
        return modules[0]
