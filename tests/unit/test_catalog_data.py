"""The shipped catalog: sound, complete for the standard library's types, and right in what it says of known calls."""

from __future__ import annotations

import importlib
import inspect
import warnings
from pathlib import Path

import pytest

from auditor import catalog, rulebook
from auditor.catalog import UNKNOWN, Api, CallArguments, Catalog, ExternalType
from auditor.link import misuses
from auditor.model import Severity

RULES = Path(__file__).resolve().parents[2] / "rules"
OWN = sorted((RULES / "catalog").glob("*.toml"))

# Names that some Python 3.11 to 3.14, some platform or a type without attributes has, but not every interpreter.
ELSEWHERE = frozenset(
    [
        "os.path.isjunction",
        "os.path.isdevdrive",
        "os.path.splitroot",
        "os.path.isreserved",
        "os.process_cpu_count",
        "os.lchmod",
        "os.chflags",
        "os.lchflags",
        "os.listdrives",
        "os.listmounts",
        "os.listvolumes",
        "os.startfile",
        "os.DirEntry.is_junction",
        "os.posix_fadvise",
        "os.posix_fallocate",
        "os.splice",
        "os.copy_file_range",
        "os.getrandom",
        "os.sched_getaffinity",
        "os.setxattr",
        "os.removexattr",
        "os.getxattr",
        "os.listxattr",
        "os.fdatasync",
        "os.pipe2",
        "os.getlogin",
        "glob.translate",
        "glob.glob0",
        "glob.glob1",
        "pathlib.Path.is_junction",
        "pathlib.Path.walk",
        "pathlib.Path.link_to",
        "pathlib.Path.copy",
        "pathlib.Path.copy_into",
        "pathlib.Path.move",
        "pathlib.Path.move_into",
        "queue.Queue.shutdown",
        "select.poll.poll",
        "select.devpoll.poll",
        "select.epoll.poll",
        "signal.sigwait",
        "signal.sigwaitinfo",
        "signal.sigtimedwait",
        "urllib.request.URLopener.open",
        "urllib.request.URLopener.retrieve",
        "pty.fork",
        "pty.spawn",
        "fcntl.flock",
        "fcntl.lockf",
        "importlib.resources.read_text",
        "importlib.resources.read_binary",
        "importlib.resources.open_text",
        "importlib.resources.open_binary",
        "multiprocessing.synchronize.Barrier.wait",  # inherits that of threading.Barrier
        "typing.TextIO.write",  # inherits that of typing.IO
        "typing.TextIO.writelines",
    ]
)


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return catalog.load([*OWN, *sorted((RULES / "frameworks").glob("*.toml"))])


def own_types() -> list[ExternalType]:
    loaded = catalog.load([*OWN, *sorted((RULES / "frameworks").glob("*.toml"))])
    paths = {str(path) for path in OWN}
    return [known for known in loaded.types() if known.origin in paths]


def resolve(dotted: str) -> object:
    """The object of that name; ImportError if its package is not there, AttributeError if the name is not."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # modules on their way out of the standard library
                found: object = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            if cut == 1:
                raise
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise ImportError(dotted)


def test_every_group_of_a_rule_is_in_the_catalog(shipped: Catalog) -> None:
    for rule in rulebook.load(RULES):
        assert set(rule.groups) <= shipped.groups | misuses.GROUPS, rule.id


def test_every_entry_says_what_a_report_needs(shipped: Catalog) -> None:
    paths = {str(path) for path in OWN}
    for api in shipped.apis:
        if api.origin in paths and api.effect != "none":
            assert "asyncio" in api.instead, api.names
            assert api.why, api.names
            assert api.why[0].islower(), api.names
            assert not api.why.endswith("."), api.names


@pytest.mark.parametrize("known", own_types(), ids=lambda known: known.name)
def test_a_closed_type_has_every_public_member(known: ExternalType, shipped: Catalog) -> None:
    if known.synthetic or not known.closed:
        pytest.skip("says nothing about its members")
    try:
        found = resolve(known.name)
    except (ImportError, AttributeError):
        pytest.skip("not on this machine")
    if not inspect.isclass(found):
        found = type(found())  # type: ignore[operator]  # threading.Lock is a function that makes one
    public = [name for name in dir(found) if not name.startswith("_")]
    assert [name for name in public if not shipped.has_member(known.name, name)] == []


def test_names_of_the_standard_library_exist(shipped: Catalog) -> None:
    import sys

    missing = []
    for name in shipped.names():
        owner = shipped.type(name.rpartition(".")[0])
        if name.split(".")[0] not in sys.stdlib_module_names or name.endswith("*"):
            continue
        if owner is not None and not owner.closed:
            continue  # attributes that only instances have
        if (owner is not None and owner.synthetic) or name in ELSEWHERE:
            continue
        try:
            resolve(name)
        except AttributeError:
            if owner is None or not shipped.has_member(owner.name, name.rpartition(".")[2]):
                missing.append(name)
        except ImportError:
            pass
    assert missing == []


def test_the_defining_module_of_a_function_names_the_same_entry(shipped: Catalog) -> None:
    """Type checkers name ``posixpath.join`` what the source calls ``os.path.join``."""
    import sys

    wrong = []
    for name in list(shipped.names()):
        if name.split(".")[0] not in sys.stdlib_module_names or name.endswith("*") or name in ELSEWHERE:
            continue
        try:
            found = resolve(name)
        except (ImportError, AttributeError):
            continue
        module, qualname = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
        if (
            not module
            or not qualname
            or "<" in qualname
            or name.endswith("__")
            or module.startswith("_pytest")
        ):
            continue  # CPython's ``__enter__`` is often another method under a second name
        if shipped.api(f"{module}.{qualname}") is not shipped.api(name):
            wrong.append((name, f"{module}.{qualname}"))
    assert wrong == []


def severity_of(api: Api, call: CallArguments) -> Severity:
    """The severity that the cost alone gives, as the scale of the audit document has it."""
    typical = api.cost_for(call).typical
    by_cost = Severity(sum(typical >= limit for limit in (0.1, 1.0, 5.000001)))
    if api.cost.source == "assumed" and api.duration is None:
        by_cost = min(by_cost, Severity.MEDIUM)
    return by_cost if api.is_bounded(call) else max(by_cost, Severity.HIGH)


def call(*positional: object, **keywords: object) -> CallArguments:
    return CallArguments(positional, keywords)


X = UNKNOWN


@pytest.mark.parametrize(
    ("name", "arguments", "group", "severity"),
    [
        ("time.sleep", call(X), "sleep", Severity.HIGH),
        ("time.sleep", call(0.01), "sleep", Severity.MONITOR),
        ("time.sleep", call(30), "sleep", Severity.CRITICAL),
        ("psutil.cpu_percent", call(interval=0.5), "sleep", Severity.MEDIUM),
        ("builtins.open", call(X), "file", Severity.MONITOR),
        ("builtins.open", call(X, "rb"), "file", Severity.MONITOR),
        ("io.open", call("/etc/hosts", mode="wb"), "file", Severity.MONITOR),
        ("pathlib.Path.open", call("wb"), "file", Severity.MONITOR),
        ("pathlib.Path.open", call(), "file", Severity.MONITOR),
        ("pathlib.Path.read_bytes", call(), "file", Severity.MONITOR),
        ("_io.BufferedReader.read", call(), "file", Severity.MONITOR),
        ("io.TextIOWrapper.readline", call(), "file", Severity.MONITOR),
        ("pathlib.PosixPath.read_text", call(), "file", Severity.MONITOR),
        ("pathlib.Path.exists", call(), "file", Severity.MONITOR),
        ("genericpath.getsize", call(X), "file", Severity.MONITOR),
        ("posixpath.realpath", call(X), "file", Severity.MONITOR),
        ("posix.listdir", call(X), "file", Severity.MONITOR),
        ("shutil.copyfile", call(X, X), "file", Severity.MEDIUM),
        ("shutil.rmtree", call(X), "file", Severity.MEDIUM),
        ("shutil.copytree", call(X, X), "file", Severity.MEDIUM),
        ("zipfile.ZipFile.extractall", call(), "file", Severity.HIGH),
        ("tempfile.NamedTemporaryFile", call(), "file", Severity.MONITOR),
        ("tempfile.SpooledTemporaryFile.write", call(X), "file", Severity.MONITOR),
        ("requests.get", call(X), "http", Severity.HIGH),
        ("requests.api.get", call(X, timeout=2), "http", Severity.MEDIUM),
        ("requests.sessions.Session.post", call(X, timeout=None), "http", Severity.HIGH),
        ("httpx.get", call(X), "http", Severity.MEDIUM),
        ("httpx2.Client.post", call(X, timeout=0.05), "http", Severity.MONITOR),
        ("urllib.request.urlopen", call(X), "http", Severity.HIGH),
        ("urllib3.poolmanager.ProxyManager.request", call("GET", X), "http", Severity.HIGH),
        ("http.client.HTTPSConnection.getresponse", call(), "http", Severity.HIGH),
        ("xmlrpc.client.ServerProxy.add", call(1, 2), "http", Severity.HIGH),
        ("subprocess.run", call(X), "subprocess", Severity.HIGH),
        ("subprocess.run", call(X, timeout=0.5), "subprocess", Severity.MEDIUM),
        ("subprocess.Popen", call(X), "subprocess", Severity.MONITOR),
        ("subprocess.Popen.wait", call(), "subprocess", Severity.HIGH),
        ("subprocess.PipeReader.readline", call(), "subprocess", Severity.HIGH),
        ("sh.git", call("status"), "subprocess", Severity.HIGH),
        ("_thread.lock.acquire", call(), "wait", Severity.HIGH),
        ("threading.Lock.acquire", call(timeout=0.05), "wait", Severity.MONITOR),
        ("threading.Lock.acquire", call(True, -1), "wait", Severity.HIGH),
        ("threading.Lock.__enter__", call(), "wait", Severity.MONITOR),
        ("threading.BoundedSemaphore.__enter__", call(), "wait", Severity.HIGH),
        ("threading.Timer.join", call(), "wait", Severity.HIGH),
        ("queue.PriorityQueue.get", call(), "wait", Severity.HIGH),
        ("queue.Queue.put", call(X), "wait", Severity.MONITOR),
        ("concurrent.futures._base.Future.result", call(), "wait", Severity.HIGH),
        ("concurrent.futures.ThreadPoolExecutor.shutdown", call(), "wait", Severity.HIGH),
        ("concurrent.futures.thread.ThreadPoolExecutor.__exit__", call(), "wait", Severity.HIGH),
        ("multiprocessing.context.Process.join", call(0.2), "wait", Severity.MEDIUM),
        ("select.select", call(X, X, X), "wait", Severity.HIGH),
    ],
)
def test_what_blocks(
    name: str, arguments: CallArguments, group: str, severity: Severity, shipped: Catalog
) -> None:
    api = shipped.api(name)
    assert api is not None
    assert api.applies(arguments)
    assert (api.group, severity_of(api, arguments)) == (group, severity)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("time.sleep", call(0)),
        ("psutil.cpu_percent", call()),
        ("builtins.open", call("/proc/self/status")),
        ("os.stat", call("/sys/class/net")),
        ("os.path.join", call(X, X)),
        ("pathlib.Path.with_suffix", call(".x")),
        ("pathlib.PosixPath.joinpath", call("x")),
        ("io.BytesIO.read", call()),
        ("_io.StringIO.write", call(X)),
        ("zipfile.ZipFile", CallArguments((X,), types_of={0: ("io.BytesIO", "io.BufferedIOBase")})),
        ("threading.Lock.acquire", call(False)),
        ("threading.Lock.acquire", call(blocking=False)),
        ("threading.RLock.acquire", call(True, 0)),
        ("threading.Lock.release", call()),
        ("queue.Queue.get", call(block=False)),
        ("queue.LifoQueue.get", call(timeout=0)),
        ("queue.Queue.get_nowait", call()),
        ("queue.SimpleQueue.put", call(X)),
        ("concurrent.futures.Future.result", call(timeout=0)),
        ("concurrent.futures.ProcessPoolExecutor.shutdown", call(wait=False)),
        ("concurrent.futures.ThreadPoolExecutor.submit", call(X)),
        ("subprocess.Popen.poll", call()),
        ("subprocess.Popen.wait", call(timeout=0)),
        ("select.select", call(X, X, X, 0)),
        ("multiprocessing.connection.Connection.poll", call()),
        ("requests.Session", call()),
        ("httpx.AsyncClient", call()),
    ],
)
def test_what_does_not(name: str, arguments: CallArguments, shipped: Catalog) -> None:
    api = shipped.api(name)
    assert api is not None
    assert not api.applies(arguments)


@pytest.mark.parametrize(
    "name",
    ["asyncio.Queue.get", "asyncio.Lock.acquire", "asyncio.Event.wait", "asyncio.sleep", "httpx.AsyncClient.get",
     "asyncio.subprocess.Process.wait", "builtins.str.join"],
)  # fmt: skip
def test_asynchronous_twins_are_no_entries(name: str, shipped: Catalog) -> None:
    assert shipped.api(name) is None


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("builtins.open", call(X), "io.TextIOWrapper"),
        ("builtins.open", call(X, "rb"), "io.BufferedReader"),
        ("builtins.open", call(X, mode="wb"), "io.BufferedWriter"),
        ("builtins.open", call(X, "rb+"), "io.BufferedRandom"),
        ("builtins.open", call(X, "rb", 0), "io.FileIO"),
        ("builtins.open", call(X, X), "io.TextIOWrapper"),
        ("builtins.open", call("/proc/self/status", "rb"), "io.KernelFile"),
        ("pathlib.PosixPath.open", call("rb"), "io.BufferedReader"),
        ("pathlib.Path.open", call(), "io.TextIOWrapper"),
        ("gzip.open", call(X), "gzip.GzipFile"),
        ("gzip.open", call(X, "rt"), "io.TextIOWrapper"),
        ("requests.get", call(X), "requests.Response"),
        ("multiprocessing.get_context.Queue", call(), None),
        ("multiprocessing.context.SpawnContext.Queue", call(), "multiprocessing.queues.Queue"),
        ("concurrent.futures.ThreadPoolExecutor.map", call(X), "concurrent.futures.ResultIterator"),
    ],
)
def test_factories(name: str, arguments: CallArguments, expected: str | None, shipped: Catalog) -> None:
    found = [factory.returns for factory in shipped.factory(name) if factory.matches(arguments)]
    assert (found[0] if found else None) == expected


@pytest.mark.parametrize(
    ("owner", "method", "expected"),
    [
        ("concurrent.futures.ThreadPoolExecutor", "submit", "concurrent.futures.Future"),
        ("requests.sessions.Session", "get", "requests.Response"),
        ("pathlib.PosixPath", "__truediv__", "pathlib.Path"),
        ("pathlib.Path", "iterdir", "builtins.list[pathlib.Path]"),
        ("httpx.Client", "__enter__", "httpx.Client"),
        ("io.BytesIO", "__enter__", "io.BytesIO"),
        ("tempfile.TemporaryDirectory", "__enter__", "builtins.str"),
    ],
)
def test_types_of_results(owner: str, method: str, expected: str, shipped: Catalog) -> None:
    assert shipped.method_type(owner, method) == expected


def test_types_of_attributes_and_elements(shipped: Catalog) -> None:
    assert shipped.attribute_type("subprocess.Popen", "stdout") == "subprocess.PipeReader"
    assert shipped.attribute_type("pathlib.Path", "parent") == "pathlib.Path"
    assert shipped.element_type("os.ScandirIterator") == "os.DirEntry"
    assert shipped.element_type("io.TextIOWrapper") == "builtins.str"


def test_asynchronous_paths_do_not_block(shipped: Catalog) -> None:
    api = shipped.api("anyio.Path.read_text")
    assert api is not None
    assert api.effect == "none"


def test_names_that_no_type_has_are_no_candidates(shipped: Catalog) -> None:
    assert shipped.has_member("queue.Queue", "fetch") is False
    assert shipped.has_member("pathlib.Path", "fetch") is False
    assert shipped.has_member("io.BytesIO", "getvalue") is True
    assert shipped.has_member("requests.Session", "fetch") is None
    assert shipped.api("io.BytesIO.fetch") is None
