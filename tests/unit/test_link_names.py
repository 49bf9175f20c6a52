"""Names across files: imports of all kinds, packages, several roots, and what has been assigned from outside."""

from __future__ import annotations

import pytest
from unit.linking import Linked


def known(sources: dict[str, str] | str, **options: object) -> list[str]:
    return Linked(sources, **options).probes()  # type: ignore[arg-type]


HELPER = "def f(): ...\nclass C: ...\nx = f\n_hidden = f\n"


@pytest.mark.parametrize(
    ("statement", "expression"),
    [
        ("import helper", "helper.f"),
        ("import helper as h", "h.f"),
        ("from helper import f", "f"),
        ("from helper import f as g", "g"),
        ("from helper import x", "x"),
        ("from helper import *", "f"),
        ("import helper; h = helper", "h.f"),
        ("import helper; h = helper.f", "h"),
        ("from helper import *", "x"),
    ],
)
def test_a_function_of_another_module(statement: str, expression: str) -> None:
    assert known({"helper.py": HELPER, "app.py": f"{statement}\nprobe({expression})\n"}) == ["helper.f"]


def test_imports_inside_functions() -> None:
    assert known({
        "helper.py": HELPER,
        "app.py": """
            def g():
                from helper import f as local
                import helper as h
                probe(local)
                probe(h.C)
        """,
    }) == ["helper.f", "class helper.C"]  # fmt: skip


def test_star_imports_leave_private_names_and_respect_exports() -> None:
    assert known({
        "helper.py": HELPER,
        "strict.py": "__all__ = ['f', '_g']\ndef f(): ...\ndef _g(): ...\ndef h(): ...\n",
        "app.py": "from helper import *\nprobe(_hidden)\n",
        "other.py": "from strict import *\nprobe(f)\nprobe(h)\n",
    }) == ["?", "strict.f", "?"]  # fmt: skip


def test_star_imports_bring_private_names_that_are_exported() -> None:
    assert known(
        {"helper.py": "__all__ = ['_f']\ndef _f(): ...\n", "app.py": "from helper import *\nprobe(_f)\n"}
    ) == ["helper._f"]


def test_names_of_the_module_come_before_star_imports_and_builtins() -> None:
    assert known({
        "helper.py": "def open(): ...\ndef f(): ...\n",
        "app.py": "from helper import *\nprobe(open)\nprobe(f)\nprobe(len)\ndef f(): ...\n",
    }) == ["helper.open", "f", "builtins.len"]  # fmt: skip


def test_relative_imports() -> None:
    assert known({
        "pkg/__init__.py": "from .a import f\nprobe(f)\n",
        "pkg/a.py": "def f(): ...\n",
        "pkg/sub/__init__.py": "from ..a import f as g\nprobe(g)\n",
        "pkg/sub/b.py": """
            from . import c
            from .c import h
            from .. import a, f
            from ..a import f as again
            probe(c.h)
            probe(h)
            probe(a.f)
            probe(f)
            probe(again)
        """,
        "pkg/sub/c.py": "def h(): ...\n",
    }) == ["pkg.a.f"] * 2 + ["pkg.sub.c.h", "pkg.sub.c.h", "pkg.a.f", "pkg.a.f", "pkg.a.f"]  # fmt: skip


def test_packages_reexport_under_other_names() -> None:
    assert known({
        "pkg/__init__.py": "from pkg.impl import Disk as Store\nfrom pkg import impl\nNull = impl.Null\n",
        "pkg/impl.py": "class Disk: ...\nclass Null: ...\n",
        "top.py": "from pkg import *\n",
        "app.py": "import pkg\nfrom top import Store, Null\nprobe(pkg.Store)\nprobe(Store)\nprobe(Null)\nprobe(pkg.impl.Null)\n",  # noqa: E501
    }) == ["class pkg.impl.Disk", "class pkg.impl.Disk", "class pkg.impl.Null", "class pkg.impl.Null"]  # fmt: skip


def test_an_import_of_a_submodule_binds_the_package() -> None:
    assert known({
        "pkg/__init__.py": "def f(): ...\n",
        "pkg/a.py": "def g(): ...\n",
        "app.py": "import pkg.a\nprobe(pkg.f)\nprobe(pkg.a.g)\nimport pkg.a as other\nprobe(other.g)\n",
    }) == ["pkg.f", "pkg.a.g", "pkg.a.g"]  # fmt: skip


def test_namespace_packages_have_no_file() -> None:
    assert known({
        "ns/one/a.py": "def f(): ...\n",
        "ns/two/b.py": "from ns.one.a import f\nprobe(f)\n",
        "app.py": "import ns.one.a\nfrom ns import two\nfrom ns.two import b\nprobe(ns.one.a.f)\nprobe(two.b.f)\nprobe(b.f)\n",  # noqa: E501
    }) == ["ns.one.a.f"] * 4  # fmt: skip


def test_each_root_has_its_own_modules() -> None:
    sources = {
        "one/app.py": "from storage import save\nprobe(save)\n",
        "one/storage.py": "def save(): return 1\n",
        "two/app.py": "from storage import save\nprobe(save.first)\nprobe(save)\n",
        "two/storage.py": "class save:\n    def first(self): ...\n",
    }
    assert known(sources, roots=("one", "two")) == [
        "storage.save",
        "storage.save.first",
        "class storage.save",
    ]


def test_leading_folders_that_are_no_packages_may_be_left_out() -> None:
    sources = {"scripts/tools/a.py": "def f(): ...\n", "scripts/tools/b.py": "from a import f\nprobe(f)\n"}
    assert known(sources, loose={"scripts/tools/a.py": 2}) == ["scripts.tools.a.f"]
    assert known(sources) == ["a.f"]


def test_what_is_outside_the_program_keeps_its_name() -> None:
    assert known("""
        import requests
        import os.path as p
        from time import sleep as nap
        from requests.sessions import Session
        probe(requests.get)
        probe(p.exists)
        probe(nap)
        probe(Session)
    """) == ["requests.get", "os.path.exists", "time.sleep", "requests.Session"]  # fmt: skip


def test_both_ways_of_a_conditional_import() -> None:
    assert known({
        "helper.py": HELPER,
        "app.py": """
            try:
                from fast import f
            except ImportError:
                from helper import f
            probe(f)
        """,
    }) == ["fast.f | helper.f"]  # fmt: skip


def test_the_module_of_the_program_wins_over_a_library_of_its_name() -> None:
    assert known({"requests.py": "def get(): ...\n", "app.py": "import requests\nprobe(requests.get)\n"}) == [
        "requests.get"
    ]
    linked = Linked(
        {"requests.py": "def get(): ...\n", "app.py": "import requests\nasync def f(): requests.get()\n"}
    )
    assert linked.calls("f") == {"requests.get"}


def test_import_cycles_end() -> None:
    assert known({
        "a.py": "from b import x as y\nfrom a import z\nimport a\nfrom c import *\ndef f(): ...\nprobe(y)\nprobe(z)\nprobe(a.a.f)\n",  # noqa: E501
        "b.py": "from c import x\nfrom a import f\nprobe(f)\n",
        "c.py": "from a import y as x\nfrom b import *\nfrom c import *\nprobe(x)\n",
        "pkg/__init__.py": "from . import *\nfrom .m import *\nfrom pkg import pkg\nprobe(g)\n",
        "pkg/m.py": "from . import *\nfrom .m import z\nfrom pkg import *\ndef g(): ...\n",
    }) == ["?", "?", "a.f", "a.f", "?", "pkg.m.g"]  # fmt: skip


def test_globals_hold_every_value_that_is_ever_given() -> None:
    assert known({
        "state.py": """
            client = None
            def first(): ...
            def connect():
                global client
                client = first
        """,
        "app.py": "import state\nfrom state import client\nprobe(state.client)\nprobe(client)\n",
    }) == ["None | state.first"] * 2  # fmt: skip


def test_names_that_are_assigned_from_other_modules() -> None:
    assert known({
        "state.py": "hook = None\nclass C: ...\n",
        "setup.py": "import state\ndef f(): ...\nstate.hook = f\nstate.late = f\nstate.C.method = f\nstate.C().x = f\n",
        "app.py": "import state\nprobe(state.late)\nprobe(state.C().method)\nprobe(state.C().x)\n",
    }) == ["setup.f", "setup.f of a state.C", "setup.f"]  # fmt: skip


def test_names_that_are_replaced_from_other_modules() -> None:
    (found,) = known({
        "state.py": "def hook(): ...\n",
        "setup.py": "import state\ndef f(): ...\nstate.hook = f\n",
        "app.py": "import state\nprobe(state.hook)\n",
    })  # fmt: skip
    assert "setup.f" in found


def test_getattr_with_a_constant_name() -> None:
    assert known({
        "helper.py": HELPER,
        "app.py": """
            import helper
            name = "f"
            probe(getattr(helper, "f"))
            probe(getattr(helper, name, None))
            probe(getattr(helper.C(), "missing", helper.x))
        """,
    }) == ["helper.f", "None | helper.f", "helper.f"]  # fmt: skip
