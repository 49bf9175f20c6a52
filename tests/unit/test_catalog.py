"""The catalog's loader and look-ups, on small files written for the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.catalog import (
    ABSENT,
    NO_ARGUMENTS,
    UNKNOWN,
    UNSURE,
    CallArguments,
    Catalog,
    CatalogError,
    Condition,
    ContextChange,
    Selector,
    load,
    load_texts,
    split_type,
)
from auditor.model import Category, Cost, Loop, Phase, Thread

AREA = '[area]\nname = "a"\ndescription = "b"\n'
COST = '{ low = 0.1, typical = 1, high = 10.0, source = "cited", note = "n" }'
BLOCKS = f'effect = "blocks"\ngroup = "g"\ncategory = "file-io"\ngil = "releases"\nwhy = "w"\ncost = {COST}\n'


def catalog(*texts: str) -> Catalog:
    return load_texts((f"f{number}.toml", (AREA + text).encode()) for number, text in enumerate(texts))


def problems(*texts: str) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        catalog(*texts)
    return list(caught.value.problems)


def args(*positional: object, **keywords: object) -> CallArguments:
    return CallArguments(positional, keywords)


# look-ups


def test_an_entry_with_everything() -> None:
    known = catalog(
        f"""
[[api]]
names = ["m.f", "m.T.g"]
effect = "blocks"
group = "http"
category = "external-api"
cost = {COST}
gil = "mixed"
bounded = false
harmless = [{{ position = 0, argument = "block", equals = false }}]
bound = {{ position = 1, argument = "timeout" }}
instead = {{ asyncio = "x", trio = "y" }}
thread_safe = false
why = "it waits"
"""
    )
    api = known.api("m.f")
    assert api is not None
    assert api is known.api("m.T.g")
    assert api.names == ("m.f", "m.T.g")
    assert (api.effect, api.group, api.category, api.origin) == (
        "blocks", "http", Category.EXTERNAL_API, "f0.toml"
    )  # fmt: skip
    assert (api.cost, api.cost_note) == (Cost(0.1, 1.0, 10.0, "catalogue"), "n")
    assert (api.gil, api.bounded, api.thread_safe, api.why) == ("mixed", False, False, "it waits")
    assert api.instead == {"asyncio": "x", "trio": "y"}
    assert api.harmless == (Condition(Selector(0, "block"), equals=(False,)),)
    assert known.apis == (api,)
    assert known.groups == {"http"}
    assert known.api("m.unknown") is None
    assert known.api("m") is None


def test_defaults_and_named_costs() -> None:
    known = catalog(
        f"""
[defaults]
group = "file"
category = "file-io"
gil = "releases"
instead = {{ asyncio = "await asyncio.to_thread({{call}})" }}
[costs]
stat = {COST}
[[api]]
names = ["os.stat"]
effect = "blocks"
cost = "stat"
why = "w"
[[api]]
names = ["os.getpid"]
effect = "none"
reason = "no IO"
"""
    )
    stat, pid = known.apis
    assert (stat.group, stat.category, stat.cost.typical) == ("file", Category.FILE_IO, 1.0)
    assert stat.instead == {"asyncio": "await asyncio.to_thread({call})"}
    assert (pid.effect, pid.group, pid.reason, pid.instead) == ("none", "", "no IO", {})


def test_aliases_of_names_types_and_modules() -> None:
    known = catalog(
        f'[[api]]\nnames = ["os.path.getsize", "requests.Session.get"]\n{BLOCKS}'
        '[[type]]\nname = "requests.Session"\naliases = ["requests.sessions.Session", "requests.session"]\n'
        '[[alias]]\nname = "os.path"\nof = ["posixpath", "ntpath"]\n',
        '[[alias]]\nname = "posixpath.getsize"\nof = ["genericpath.getsize"]\n',
    )
    assert known.canonical("genericpath.getsize") == "os.path.getsize"
    assert known.canonical("posixpath.join") == "os.path.join"
    assert known.canonical("requests.sessions.Session.get") == "requests.Session.get"
    assert known.canonical("posixpathology.join") == "posixpathology.join"
    assert known.canonical("") == ""
    assert known.api("ntpath.getsize") is known.api("requests.session.get") is not None
    assert known.type("requests.session") is known.type("requests.Session") is not None


def test_methods_through_wildcards_and_bases() -> None:
    known = catalog(
        f'[[api]]\nnames = ["m.Base.read", "m.Base.shared"]\n{BLOCKS}'
        f'[[api]]\nnames = ["m.Base.*"]\n{BLOCKS}'
        '[[api]]\nnames = ["m.Derived.shared"]\neffect = "none"\nreason = "r"\n'
        '[[type]]\nname = "m.Base"\nbases = ["other.Unknown"]\n'
        '[[type]]\nname = "m.Derived"\nbases = ["m.Base"]\n'
        '[[type]]\nname = "m.Closed"\nclosed = true\nmethods = ["get"]\n'
        f'[[api]]\nnames = ["m.Closed.*"]\n{BLOCKS}'
    )
    read = known.api("m.Base.read")
    wildcard = known.api("m.Base.anything")
    shared = known.api("m.Derived.shared")
    assert read is not None
    assert wildcard is not None
    assert shared is not None
    assert known.api("m.Derived.read") is read
    assert known.api("m.Derived.anything") is wildcard is not read
    assert shared.effect == "none"
    assert known.api("m.Derived.anything.more") is None  # one method level only
    assert known.api("m.Base._private") is None
    assert known.api("m.Closed.get") is not None
    assert known.api("m.Closed.put") is None
    assert known.mro("m.Derived") == ("m.Derived", "m.Base", "other.Unknown")
    assert known.mro("nobody.Knows") == ("nobody.Knows",)
    assert known.is_subtype("m.Derived", "other.Unknown")
    assert not known.is_subtype("m.Base", "m.Derived")


def test_the_order_of_bases_is_that_of_python() -> None:
    known = catalog(
        '[[type]]\nname = "m.A"\n[[type]]\nname = "m.B"\nbases = ["m.A"]\n'
        '[[type]]\nname = "m.C"\nbases = ["m.A"]\n[[type]]\nname = "m.D"\nbases = ["m.B", "m.C"]\n'
        '[[type]]\nname = "m.Odd"\nbases = ["m.A", "m.B"]\n[[type]]\nname = "m.Loop"\nbases = ["m.Loop"]\n'
    )
    assert known.mro("m.D") == ("m.D", "m.B", "m.C", "m.A")
    assert set(known.mro("m.Odd")) == {"m.Odd", "m.A", "m.B"}  # no such order exists: any will do
    assert known.mro("m.Loop") == ("m.Loop",)


def test_types_of_results_attributes_and_elements() -> None:
    known = catalog(
        """
[[type]]
name = "m.Path"
aliases = ["n.Path"]
bases = ["m.Pure"]
returns = { open = "m.File", iterdir = "builtins.list[n.Path]" }
attributes = { raw = "m.File" }
element = "m.Line"
[[type]]
name = "m.Pure"
returns = { "__truediv__" = "Self", open = "m.Other" }
attributes = { parent = "Self" }
"""
    )
    assert known.method_type("n.Path", "open") == "m.File"
    assert known.method_type("m.Path", "iterdir") == "builtins.list[m.Path]"
    assert split_type("builtins.list[m.Path]") == ("builtins.list", "m.Path")
    assert split_type("m.Path") == ("m.Path", "")
    assert known.method_type("n.Path", "__truediv__") == "m.Path"
    assert known.method_type("m.Path", "nothing") is None
    assert known.method_type("m.Nothing", "open") is None
    assert known.attribute_type("m.Path", "parent") == "m.Path"
    assert known.attribute_type("m.Pure", "raw") is None
    assert known.element_type("m.Path[x.y]") == "m.Line"
    assert known.element_type("m.Pure") is None


def test_members() -> None:
    known = catalog(
        f'[[api]]\nnames = ["m.Closed.read", "m.Open.read"]\n{BLOCKS}'
        '[[type]]\nname = "m.Closed"\nclosed = true\nmethods = ["seek"]\nreturns = { peek = "m.X" }\n'
        'attributes = { name = "m.X" }\n'
        '[[type]]\nname = "m.Open"\n'
        '[[type]]\nname = "m.Half"\nbases = ["m.Open"]\nclosed = true\n'
    )
    assert [known.has_member("m.Closed", name) for name in ("read", "seek", "peek", "name", "__init__")] == [
        True
    ] * 5
    assert known.has_member("m.Closed", "write") is False
    assert known.has_member("m.Open", "read") is True
    assert known.has_member("m.Open", "write") is None
    assert known.has_member("m.Half", "read") is True
    assert known.has_member("m.Half", "write") is None
    assert known.has_member("m.Unknown", "write") is None


def test_factories_in_their_order() -> None:
    known = catalog(
        '[[factory]]\nnames = ["m.open"]\nreturns = "m.Raw"\n'
        'when = [{ position = 1, argument = "mode", equals = "rb" }, { argument = "buffering", equals = 0 }]\n'
        '[[factory]]\nnames = ["m.open", "n.open"]\nreturns = "m.Text"\n'
    )
    raw, text = known.factory("m.open")
    assert (raw.returns, text.returns) == ("m.Raw", "m.Text")
    assert raw.matches(args("p", "rb", buffering=0))
    assert not raw.matches(args("p", "rb"))
    assert not raw.matches(args("p", UNKNOWN, buffering=0))
    assert text.matches(NO_ARGUMENTS)
    assert known.factory("n.open") == (text,)
    assert known.factory("m.shut") == ()


def test_what_runs_callables() -> None:
    known = catalog(
        """
[[runs]]
names = ["m.Pool.submit"]
callable = { position = 0, argument = "fn" }
passes = "rest"
kind = "offload"
sync = { thread = "worker", loop = "none", phase = "serving" }
when = [{ position = 0, type = "m.Special" }]
crossing = true
result = "call"
role = "task"
[[runs]]
names = ["m.Pool.submit"]
callable = { position = 0 }
kind = "thread"
async = { loop = "private" }
[[type]]
name = "m.Sub"
bases = ["m.Pool"]
"""
    )
    first, second = known.runs("m.Sub.submit")
    assert (first.callable, first.passes, first.kind) == (Selector(0, "fn"), "rest", "offload")
    assert (first.sync, first.async_) == (ContextChange(Thread.WORKER, Loop.NONE, Phase.SERVING), None)
    assert (first.crossing, first.result, first.role) == (True, "call", "task")
    assert (second.sync, second.async_, second.passes) == (None, ContextChange(loop=Loop.PRIVATE), "none")
    assert first.matches(CallArguments((UNKNOWN,), types_of={0: ("m.Sub", "m.Special")}))
    assert not first.matches(CallArguments((UNKNOWN,)))
    assert known.runs("m.Pool.map") == ()
    special = CallArguments((UNKNOWN,), types_of={0: ("m.Special",)})
    assert known.runs_in_call("m.Pool.submit", special) == (first, second)  # they take different selectors
    assert known.runs_in_call("m.Pool.submit", NO_ARGUMENTS) == (second,)


def test_frameworks() -> None:
    known = load_texts(
        [
            (
                "fw.toml",
                b"""
[framework]
name = "w"
description = "web"
verified = "w 1.0"
[[decorates]]
names = ["w.App.get"]
factory = true
sync = { thread = "worker", loop = "none" }
async = {}
role = "endpoint"
[[decorates]]
names = ["w.bare"]
keeps = false
[[hooks]]
base = "w.Handler"
methods = ["get", "post"]
async = { loop = "serving" }
[[type]]
name = "w.Sub"
bases = ["w.Handler"]
[[type]]
name = "w.SubApp"
bases = ["w.App"]
[[serves]]
names = ["w.run", "w.App.serve"]
""",
            )
        ]
    )
    (get,) = known.decorates("w.SubApp.get")
    assert (get.factory, get.role, get.keeps) == (True, "endpoint", True)
    assert (get.sync, get.async_) == (ContextChange(Thread.WORKER, Loop.NONE), ContextChange())
    (bare,) = known.decorates("w.bare")
    assert (bare.factory, bare.keeps, bare.sync, bare.async_) == (None, False, None, None)
    (hooks,) = known.hooks_for("w.Sub")
    assert (hooks.base, hooks.methods, hooks.async_) == (
        "w.Handler",
        ("get", "post"),
        ContextChange(loop=Loop.SERVING),
    )
    assert known.hooks_for("w.Other") == ()
    assert known.is_server("w.run")
    assert known.is_server("w.SubApp.serve")
    assert not known.is_server("w.stop")
    assert [(source.path, source.name, source.verified) for source in known.sources] == [
        ("fw.toml", "w", "w 1.0")
    ]


# conditions and costs


@pytest.mark.parametrize(
    ("condition", "given", "expected"),
    [
        (Condition(Selector(0, "block"), equals=(False,)), args(False), True),
        (Condition(Selector(0, "block"), equals=(False,)), args(0), True),
        (Condition(Selector(0, "block"), equals=(False,)), args(block=False), True),
        (Condition(Selector(0, "block"), equals=(False,)), args(True), False),
        (Condition(Selector(0, "block"), equals=(False,)), args(None), False),
        (Condition(Selector(0, "block"), equals=(False,)), args(UNKNOWN), False),
        (Condition(Selector(0, "block"), equals=(False,)), args(), False),
        (Condition(Selector(1), equals=("rb",)), args("p", "rb"), True),
        (Condition(Selector(0), starts_with=("/proc/", "/sys/")), args("/sys/x"), True),
        (Condition(Selector(0), starts_with=("/proc/",)), args("/procs"), False),
        (Condition(Selector(0), starts_with=("/proc/",)), args(b"/proc/"), False),
        (Condition(Selector(0), starts_with=("/proc/",)), args(UNKNOWN), False),
        (Condition(Selector(0), below=10), args(9), True),
        (Condition(Selector(0), below=10), args(10), False),
        (Condition(Selector(0), below=10), args("9"), False),
        (Condition(Selector(0), below=10), args(UNKNOWN), False),
        (Condition(Selector(0), below=10), args(), False),
        (Condition(Selector(0, "interval"), given=True), args(UNKNOWN), True),
        (Condition(Selector(0, "interval"), given=True), args(None), True),
        (Condition(Selector(0, "interval"), given=True), args(), False),
        (Condition(Selector(0, "interval"), given=False), args(), True),
        (Condition(Selector(0, "interval"), given=True), CallArguments(starred=True), False),
        (Condition(Selector(0, "interval"), given=False), CallArguments(double_starred=True), False),
        (Condition(Selector(0), given=False), CallArguments(double_starred=True), True),
        (Condition(Selector(1, "o"), mentions="os.W"), CallArguments(mentioned={1: ("os.W",)}), True),
        (
            Condition(Selector(1, "o"), mentions="os.W"),
            CallArguments(mentioned={"o": ("os.U", "os.W")}),
            True,
        ),
        (Condition(Selector(1, "o"), mentions="os.W"), CallArguments(mentioned={0: ("os.W",)}), False),
        (Condition(Selector(1, "o"), mentions="os.W"), args(0, 1), False),
    ],
)
def test_conditions(condition: Condition, given: CallArguments, expected: bool) -> None:
    assert condition.matches(given) is expected


def test_what_a_call_says_about_its_arguments() -> None:
    call = CallArguments((1,), {"k": 2}, starred=True, types_of={0: ("m.A",), "k": ("m.B",)})
    assert call.value(Selector(0)) == 1
    assert call.value(Selector(1)) is UNSURE
    assert call.value(Selector(1, "k")) == 2
    assert call.value(Selector(None, "other")) is ABSENT
    assert call.types(Selector(0, "x")) == ("m.A",)
    assert call.types(Selector(3, "k")) == ("m.B",)
    assert call.types(Selector(3)) == ()


def test_literal_durations_and_bounds() -> None:
    known = catalog(
        f'[[api]]\nnames = ["m.sleep"]\n{BLOCKS}duration = {{ position = 0, argument = "secs" }}\n'
        f'[[api]]\nnames = ["m.wait"]\n{BLOCKS}bounded = false\nbound = {{ argument = "timeout" }}\n'
        f'[[api]]\nnames = ["m.read"]\n{BLOCKS}'
    )
    sleep, wait, read = known.apis
    assert sleep.cost_for(args(0.01)) == Cost(0.01, 0.01, 0.01, "catalogue")
    assert sleep.cost_for(args(secs=30)) == Cost(30.0, 30.0, 30.0, "catalogue")
    assert sleep.cost_for(args(UNKNOWN)) == sleep.cost_for() == Cost(0.1, 1.0, 10.0, "catalogue")
    assert wait.cost_for(args(timeout=2)) == Cost(0.1, 1.0, 2.0, "catalogue")
    assert wait.cost_for(args(timeout=0.05)) == Cost(0.05, 0.05, 0.05, "catalogue")
    assert wait.cost_for(args(timeout=(0.5, 2.5))) == Cost(0.1, 1.0, 3.0, "catalogue")
    assert wait.cost_for(args(timeout=-1)) == wait.cost_for(args(timeout=None)) == wait.cost
    assert [wait.is_bounded(args(timeout=value)) for value in (1, UNKNOWN, (1, 2), None, -1, (1, None))] == [
        True, True, True, False, False, False
    ]  # fmt: skip
    assert not wait.is_bounded()
    assert not wait.is_bounded(CallArguments(double_starred=True))
    assert read.is_bounded()
    assert sleep.is_bounded()


def test_calls_that_differ_by_their_arguments() -> None:
    low = COST.replace("0.1,", "0,")
    known = catalog(
        f'[[api]]\nnames = ["m.spawn"]\n{BLOCKS}bounded = false\nvariants = [\n'
        f'    {{ when = [{{ position = 0, argument = "mode", equals = 1 }}], cost = {low}, bounded = true }},\n'
        '    { when = [{ argument = "indent", given = true }], gil = "switches" },\n]\n'
    )
    (spawn,) = known.apis
    assert spawn.cost_for() == spawn.cost_for(args(0)) == spawn.cost
    assert spawn.cost_for(args(1)).low == 0
    assert [spawn.is_bounded(args(mode=mode)) for mode in (0, 1, UNKNOWN)] == [False, True, False]
    assert (spawn.gil_for(), spawn.gil_for(args(indent=2)), spawn.gil_for(args(1))) == (
        "releases", "switches", "releases"
    )  # fmt: skip
    assert not spawn.is_bounded(args(indent=2))


def test_faults_of_variants() -> None:
    assert problems(
        f'[[api]]\nnames = ["a.b"]\n{BLOCKS}variants = [\n'
        "    { when = [{ position = 0, equals = 1 }] },\n"
        '    { when = [{ position = 0, equls = 1 }], bounded = "yes" },\n'
        '    { when = [{ position = 0, mentions = 3 }], costt = 1, gil = "hold" },\n'
        '    { when = { position = 0 }, gil = "holds" },\n'
        '    { cost = "unheard" },\n]\n'
    ) == [
        "f0.toml:12: a condition needs one test: below, equals, given, given_by, mentions, starts_with, type",
        "f0.toml:12: a variant does not say both 'when' and what is different; write both",
        "f0.toml:13: 'when' is not a list; write a list of conditions",
        "f0.toml:14: 'bounded' in a variant is not true or false; write one of them",
        "f0.toml:14: unknown key 'equls' in a condition; did you mean 'equals'?",
        "f0.toml:15: 'mentions' in a condition is not a dotted name; write a dotted name",
        "f0.toml:15: unknown gil 'hold' in a variant; did you mean 'holds'?",
        "f0.toml:15: unknown key 'costt' in a variant; did you mean 'cost'?",
    ]


def test_what_makes_a_call_harmless() -> None:
    known = catalog(
        f'[[api]]\nnames = ["m.get"]\n{BLOCKS}'
        'harmless = [{ position = 0, argument = "block", equals = false }, { argument = "timeout", equals = 0 }]\n'
        f'[[api]]\nnames = ["m.cpu"]\n{BLOCKS}needs = [{{ position = 0, argument = "interval", given = true }}]\n'
        '[[api]]\nnames = ["m.none"]\neffect = "none"\nreason = "r"\n'
    )
    get, cpu, none = known.apis
    assert get.applies()
    assert get.applies(args(UNKNOWN))
    assert not get.applies(args(False))
    assert not get.applies(args(timeout=0))
    assert not cpu.applies()
    assert cpu.applies(args(0.5))
    assert cpu.applies(args(interval=UNKNOWN))
    assert not none.applies()


# faults


def test_every_fault_at_once_with_its_line() -> None:
    assert problems(
        f"""
[[api]]
names = [
    "a.b",
    "a.b",
    "a..c",
]
efect = "blocks"
effect = "block"

[[api]]
names = ["q.r"]
effect = "blocks"
cost = {{ low = 2, typical = 1, high = 3, sourc = "x" }}
harmless = [ {{ position = 0, equls = false }} ]
gil = "hold"
instead = {{ asincio = "x" }}

[[api]]
names = ["q.s"]
{BLOCKS}thread_safe = "no"
bound = {{ positon = 1 }}
reason = "r"

[[api]]
names = ["q.t"]
effect = "none"
group = "g"

[[runs]]
names = ["z.z"]
callable = {{ position = -1 }}
kind = "ofload"
sync = {{ thread = "wrker", lop = "none" }}

[[apii]]
x = 1
"""
    ) == [
        "f0.toml:7: 'a.b' is named twice in 'names'; remove one",
        "f0.toml:9: 'a..c' in 'names' is no dotted name; write it as package.Type.method",
        "f0.toml:11: unknown key 'efect' in [api]; did you mean 'effect'?",
        "f0.toml:12: unknown effect 'block'; did you mean 'blocks'?",
        "f0.toml:14: an entry with effect 'blocks' has no 'category'; add it",
        "f0.toml:14: an entry with effect 'blocks' has no 'group'; add it",
        "f0.toml:14: an entry with effect 'blocks' has no 'why'; add it",
        "f0.toml:17: a cost has no 'note'; say how it was measured, cite it, or state the assumption",
        "f0.toml:17: a cost has no 'source'; add it",
        "f0.toml:17: a cost is not ordered; keep low <= typical <= high",
        "f0.toml:17: unknown key 'sourc' in a cost; did you mean 'source'?",
        "f0.toml:18: a condition needs one test: below, equals, given, given_by, mentions, starts_with, type",
        "f0.toml:18: unknown key 'equls' in a condition; did you mean 'equals'?",
        "f0.toml:19: unknown gil 'hold'; did you mean 'holds'?",
        "f0.toml:20: unknown dialect 'asincio'; did you mean 'asyncio'?",
        "f0.toml:30: 'thread_safe' is not true or false; write true or false",
        "f0.toml:31: 'bound' selects no argument; give 'position', 'argument' or both",
        "f0.toml:31: unknown key 'positon' in 'bound'; did you mean 'position'?",
        "f0.toml:32: 'reason' belongs to effect = \"none\"; write 'why' here",
        "f0.toml:34: an entry with effect 'none' has no 'reason'; say why it is harmless",
        "f0.toml:37: 'group' says nothing for effect 'none'; remove it",
        "f0.toml:41: a position is not a whole number from 0 up; count without self",
        "f0.toml:42: unknown kind 'ofload'; did you mean 'offload'?",
        "f0.toml:43: unknown axis 'lop' in 'sync'; did you mean 'loop'?",
        "f0.toml:43: unknown thread 'wrker' in 'sync'; did you mean 'worker'?",
        "f0.toml:45: unknown table 'apii'; did you mean 'api'?",
    ]


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ("low = -1, typical = 1, high = 2", "cost 'low' is no duration in seconds; write a number from 0 up"),
        ('low = 0, typical = "1", high = 2', "cost 'typical' is no duration in seconds; write a number from 0 up"),
        ("low = 0, typical = 1, high = inf", "cost 'high' is no duration in seconds; write a number from 0 up"),
        ("low = 0, typical = 1, high = nan", "cost 'high' is no duration in seconds; write a number from 0 up"),
        ("low = 0, typical = 3, high = 2", "a cost is not ordered; keep low <= typical <= high"),
        ("low = 0, typical = 1, high = 2, of = 3",
         "cost 'of' is no text; say how much work the typical figure stands for"),
    ],
)  # fmt: skip
def test_figures(figures: str, message: str) -> None:
    text = BLOCKS.replace(COST, f'{{ {figures}, source = "cited", note = "n" }}')
    assert problems(f'[[api]]\nnames = ["a.b"]\n{text}') == [f"f0.toml:11: {message}"]


def test_named_costs_that_are_not_there() -> None:
    text = BLOCKS.replace(COST, '"stta"')
    assert problems(f'[costs]\nstat = {COST}\n[[api]]\nnames = ["a.b"]\n{text}') == [
        "f0.toml:13: unknown cost 'stta'; did you mean 'stat'?"
    ]


def test_contradictions_between_files() -> None:
    first = f'[[api]]\nnames = ["a.b", "a.c"]\n{BLOCKS}'
    other = '[[api]]\nnames = ["a.c"]\neffect = "none"\nreason = "r"\n'
    assert problems(first, other) == [
        "f1.toml:5: 'a.c' is described otherwise in f0.toml; remove one, or add replaces = true here"
    ]
    assert len(catalog(first, first).apis) == 1
    replaced = catalog(first, other + "replaces = true\n").api("a.c")
    assert replaced is not None
    assert replaced.effect == "none"
    types = ['[[type]]\nname = "a.T"\n', '[[type]]\nname = "a.T"\nclosed = true\n']
    assert problems(*types) == [
        "f1.toml:5: 'a.T' is described otherwise in f0.toml; remove one, or add replaces = true here"
    ]


def test_aliases_that_go_round() -> None:
    assert problems(
        '[[alias]]\nname = "m.n"\nof = ["o.p"]\n[[alias]]\nname = "o.p"\nof = ["m.n"]\n'
        '[[alias]]\nname = "a.b"\nof = ["a", "a.b"]\n[[alias]]\nname = "x.y"\nof = ["u.v"]\n'
        '[[alias]]\nname = "x.z"\nof = ["u.v"]\n'
    ) == [
        "f0.toml:6: the aliases go round in a circle: o.p -> m.n -> o.p; remove one",
        "f0.toml:12: 'a' is an alias of itself; remove it",
        "f0.toml:12: 'a.b' is an alias of itself; remove it",
        "f0.toml:18: 'u.v' already stands for 'x.y'; keep one of the two",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[area\n", "1: no valid TOML: Expected ']' at the end of a table declaration; correct the syntax"),
        (b'[area]\nname = "x"\nname = "y"\n', "3: no valid TOML: Cannot overwrite a value; correct the syntax"),
        (b'[area]\nname = "\xff"\n', "2: not UTF-8; save the file as UTF-8"),
        (b"", "1: the file has no header; start it with an [area] or a [framework] table"),
        (b'[area]\nname = "x"\n', "1: [area] has no 'description'; add it"),
        (AREA.encode() + b"[api]\nx = 1\n", "4: 'api' is not an array of tables; write [[api]]"),
        (AREA.encode() + b"[[alias]]\nname = 1\nof = []\n", "5: 'name' is not a text; write a text"),
        (AREA.encode() + b"[[serves]]\nnames = []\n", "5: 'names' is empty; list at least one name"),
        (AREA.encode() + b'[[type]]\nname = "a.*"\n', "5: 'a.*' in 'name' has a '*'; name one thing here"),
        (AREA.encode() + b'[[type]]\nname = "a"\nmethods = ["x"]\n',
         "6: 'methods' says nothing for a type that is not closed; add closed = true"),
        (AREA.encode() + b'[[type]]\nname = "a"\nelement = "b[c"\n',
         "6: 'b[c' in 'element' lacks its closing bracket; write Type[Element]"),
        (AREA.encode() + b'[[factory]]\nnames = ["a"]\nreturns = "b"\nwhen = [{position = 0, given = 1}]\n',
         "7: 'given' in a condition is not true or false; write true or false"),
        (AREA.encode() + b'[[runs]]\nnames = ["a"]\ncallable = { position = 0 }\nsync = { thread = [] }\n',
         "7: unknown thread [] in 'sync'; known are main, process, unknown, worker"),
        (AREA.encode() + f'[[api]]\nnames = ["a.b"]\n{BLOCKS}'.replace('"cited"', '["cited"]').encode(),
         "11: unknown cost source ['cited']; did you mean 'cited'?"),
    ],
)  # fmt: skip
def test_broken_files(content: bytes, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        load_texts([("f.toml", content)])
    assert message in [problem.removeprefix("f.toml:") for problem in caught.value.problems]


def test_files_about_packages_that_are_not_imported_are_left_out() -> None:
    def framework(name: str, packages: str, rest: str = "") -> tuple[str, bytes]:
        header = f'[framework]\nname = "{name}"\ndescription = "d"\nverified = "v"\n{packages}'
        return f"{name}.toml", f'# about it\n{header}[[serves]]\nnames = ["{name}.run"]\n{rest}'.encode()

    files = [
        ("area.toml", (AREA + '[[factory]]\nnames = ["x.make"]\nreturns = "three.App"\n').encode()),
        framework("one", 'packages = ["one", "uno"]\nneeds = [\n    "two",\n]\n'),
        framework("two", 'packages = ["two"]\n'),
        framework("three", 'packages = ["three"]\n'),
        framework("four", ""),
    ]

    def read(*imported: str) -> list[str]:
        return [source.name for source in load_texts(files, imported=imported).sources]

    assert read() == ["a", "three", "four"]  # what a file that always counts speaks about may be met
    assert read("uno") == ["a", "one", "two", "three", "four"]
    assert read("two", "other") == ["a", "two", "three", "four"]
    assert len(load_texts(files).sources) == 5


def test_headers_that_cannot_be_read_at_a_glance() -> None:
    header = '[framework]\nname = "n"\ndescription = "d"\nverified = "v"\n'
    texts = ["packages = ['a']\n", 'needs = ["x"]\n', '"packages" = ["a"]\nneeds = [3]\n']
    with pytest.raises(CatalogError) as caught:
        load_texts((f"f{number}.toml", (header + text).encode()) for number, text in enumerate(texts))
    assert list(caught.value.problems) == [
        "f0.toml:5: 'packages' cannot be read at a glance; list plain texts in double quotes",
        "f1.toml:5: 'needs' says nothing without 'packages'; add that",
        "f2.toml:5: 'packages' cannot be read at a glance; list plain texts in double quotes",
        "f2.toml:6: 'needs' cannot be read at a glance; list plain texts in double quotes",
    ]


def test_load_reads_paths(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xef\xbb\xbf" + AREA.replace("\n", "\r\n").encode())
    assert [source.path for source in load([file]).sources] == [str(file)]
