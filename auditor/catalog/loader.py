"""From catalog files to a `Catalog`, or to every problem in them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from auditor.catalog.lookup import MAX_RENAMES, Catalog, Tables, rename, rename_once
from auditor.catalog.reader import DataFile, RawTable, TableReader
from auditor.catalog.relevance import relevant
from auditor.catalog.values import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from auditor.catalog.reader import Parse

Value = TypeVar("Value")


class CatalogError(Exception):
    """Catalog files cannot be used; ``problems`` holds one line for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class TextFile(Protocol):
    """What is asked of a file: `pathlib.Path` and the resources of a package both have it."""

    def read_bytes(self) -> bytes:
        """The content."""


def load(
    files: Iterable[TextFile], parse: Parse | None = None, imported: Collection[str] | None = None
) -> Catalog:
    """Read catalog and framework files, in their order; raises CatalogError with every problem in them.

    ``parse`` stands in for `tomllib.loads`, which takes three quarters of the time: a cache of its results can.
    ``imported``: the top-level packages that the program imports; files about other packages are left out.
    """
    return load_texts(((str(file), file.read_bytes()) for file in files), parse, imported)


def load_texts(
    contents: Iterable[tuple[str, bytes]],
    parse: Parse | None = None,
    imported: Collection[str] | None = None,
) -> Catalog:
    """The same from (path, content) pairs."""
    loader = _Loader(parse)
    if imported is not None:
        contents = relevant(list(contents), imported)
    for path, content in contents:
        loader.add(path, content)
    return loader.catalog()


class _Loader:
    """Collects files; names are made canonical once the aliases of all files are known."""

    def __init__(self, parse: Parse | None) -> None:
        self.parse = parse
        self.files: list[DataFile] = []
        self.problems: list[str] = []
        self.tables = Tables()
        self.alias_places: dict[str, tuple[DataFile, str, int, str]] = {}
        self.declared: dict[tuple[str, str], tuple[DataFile, RawTable]] = {}

    def add(self, path: str, content: bytes) -> None:
        """Parse one file and check its form."""
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.problems.append(f"{path}:{line}: not UTF-8; save the file as UTF-8")
            return
        file = DataFile(path, text.replace("\r\n", "\n"), self.parse)
        file.check_form()
        self.files.append(file)

    def catalog(self) -> Catalog:
        """Read all tables of all files."""
        for file in self.files:
            self._collect_aliases(file)
        self._flatten_aliases()
        for file in self.files:
            self._read(file)
        for file in self.files:
            self.problems += file.problems()
        if self.problems:
            raise CatalogError(self.problems)
        return Catalog(self.tables)

    def _collect_aliases(self, file: DataFile) -> None:
        reader = TableReader(file, _unchanged)
        for kind, key in (("alias", "of"), ("type", "aliases")):
            for index, raw in enumerate(file.arrays(kind)):
                reader.at(kind, index)
                target = reader.name(raw, "name") if kind == "alias" else str(raw.get("name", ""))
                for alias in reader.names(raw, key):
                    known = self.tables.aliases.get(alias)
                    if known is not None and known != target:
                        reader.report(
                            f"{alias!r} already stands for {known!r}; keep one of the two", key, alias
                        )
                    elif alias == target or target.startswith(f"{alias}."):
                        reader.report(f"{alias!r} is an alias of itself; remove it", key, alias)
                    else:
                        self.tables.aliases[alias] = target
                        self.alias_places[alias] = (file, kind, index, key)

    def _flatten_aliases(self) -> None:
        """Let every alias point at a canonical name, so that renaming ends; a circle is reported and cut."""
        for alias in list(self.tables.aliases):
            seen = [alias]
            name = alias
            while (after := rename_once(name, self.tables.aliases)) != name:
                name = after
                if name in seen or len(seen) > MAX_RENAMES:
                    file, kind, index, key = self.alias_places[alias]
                    circle = " -> ".join([*seen[:4], name] if name in seen else seen[:4])
                    file.report(
                        f"the aliases go round in a circle: {circle}; remove one", kind, index, key, alias
                    )
                    del self.tables.aliases[alias]
                    break
                seen.append(name)
        for alias in list(self.tables.aliases):
            self.tables.aliases[alias] = rename(alias, self.tables.aliases)

    def _read(self, file: DataFile) -> None:
        reader = TableReader(file, self._canonical)
        header = file.header()
        self.tables.sources.append(
            Source(file.path, str(header.get("name", "")), str(header.get("description", "")),
                   str(header.get("verified", "")))
        )  # fmt: skip
        for index, raw in enumerate(file.arrays("api")):
            reader.at("api", index)
            api = reader.api(raw)
            for name in api.names:
                if self._declare(reader, file, "api", name, raw):
                    self.tables.apis[name] = api
        for index, raw in enumerate(file.arrays("type")):
            reader.at("type", index)
            known = reader.type(raw)
            if known.name and self._declare(reader, file, "type", known.name, raw):
                self.tables.types[known.name] = known
        self._read_lists(file, reader)

    def _read_lists(self, file: DataFile, reader: TableReader) -> None:
        """The tables of which several may speak about one name."""
        for index, raw in enumerate(file.arrays("factory")):
            reader.at("factory", index)
            factory = reader.factory(raw)
            _append(self.tables.factories, factory.names, factory)
        for index, raw in enumerate(file.arrays("runs")):
            reader.at("runs", index)
            runs = reader.runs(raw)
            _append(self.tables.runs, runs.names, runs)
        for index, raw in enumerate(file.arrays("decorates")):
            reader.at("decorates", index)
            decorates = reader.decorates(raw)
            _append(self.tables.decorates, decorates.names, decorates)
        for index, raw in enumerate(file.arrays("hooks")):
            reader.at("hooks", index)
            hooks = reader.hooks(raw)
            _append(self.tables.hooks, (hooks.base,), hooks)
        for index, raw in enumerate(file.arrays("serves")):
            reader.at("serves", index)
            self.tables.serves |= dict.fromkeys(reader.names(raw, "names", wildcard=True), True)
        for index, raw in enumerate(file.arrays("concurrent")):
            reader.at("concurrent", index)
            self.tables.concurrent |= dict.fromkeys(
                reader.names(raw, "names", wildcard=True), reader.own(raw)
            )
        for kind, table in (("lazy", self.tables.lazy), ("unlocked", self.tables.unlocked)):
            for index, raw in enumerate(file.arrays(kind)):
                reader.at(kind, index)
                table |= dict.fromkeys(reader.names(raw, "names", wildcard=True), True)

    def _declare(self, reader: TableReader, file: DataFile, kind: str, name: str, raw: RawTable) -> bool:
        """Whether this table is the one that counts for the name: not a repetition, nor a contradiction."""
        earlier = self.declared.get((kind, name))
        self.declared.setdefault((kind, name), (file, raw))
        if earlier is None:
            return True
        if raw.get("replaces") is True:
            self.declared[kind, name] = (file, raw)
            return True
        if _content(earlier[1]) != _content(raw):
            reader.report(
                f"{name!r} is described otherwise in {earlier[0].path}; "
                "remove one, or add replaces = true here",
                "names" if kind == "api" else "name", name,
            )  # fmt: skip
        return False

    def _canonical(self, dotted: str) -> str:
        return rename(dotted, self.tables.aliases)


def _content(raw: RawTable) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key not in ("names", "replaces")}


def _append(table: dict[str, tuple[Value, ...]], names: Iterable[str], value: Value) -> None:
    for name in names:
        if name:
            table[name] = (*table.get(name, ()), value)


def _unchanged(dotted: str) -> str:
    return dotted
