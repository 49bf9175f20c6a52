"""The two front ends hold together: each call of the index is where LibCST finds it, and the other way round."""

from __future__ import annotations

import random
import sysconfig
from pathlib import Path

import libcst as cst
import pytest

from auditor.engine.parsed import Parsed, Span
from auditor.engine.texts import Texts, Unit
from auditor.index import facts as f
from auditor.index import files, source
from auditor.index.files import Text
from auditor.index.source import Problem
from auditor.link.nodes import place_of
from auditor.link.program import Module, Program

REPOSITORY = Path(__file__).resolve().parents[2]
FOREIGN_FILES, QUICK_FOREIGN_FILES = 300, 20

SHAPES = {
    "parentheses": "x = (f)((g)(1), (h(2)))\n",
    "chain": "x = f(\n    1,\n)(2)(3).g(4)\n",
    "decorators": "@a(1)\n@(b)(2)\ndef f(x=c(3), *, y: d(4) = e(5)) -> g(6):\n    return h(7)\n",
    "class": "@a(1)\nclass C(b(2), metaclass=c(3)):\n    x = d(4)\n    class D(e(5)):\n        y = g(6)\n",
    "async": (
        "class C:\n    async def f(self):\n        async with a(1) as x, (b(2)):\n            pass\n"
        "        async for i in c(3):\n            await d(i)\n        return [e(j) async for j in g(4) if h(j)]\n"
    ),
    "non-ascii": "é = 'é' + str(n('ü'), l(1)); ñ = f(é)\n",
    "astral": "x = f('\U0001f40d', g('\U0001f40d\U0001f40d'), h(1))\n",
    "walrus": "if (y := f(1)) and g(y):\n    pass\n",
    "lambda": "x = lambda p=f(1), *, q=g(2): (h)(p)\n",
    "comprehension": "x = {f(i): g(j) for i in h(1) if i for j in k(i)}\n",
    "match": "match f(1):\n    case C(a=1) if g(2):\n        h(3)\n",
    "try": "try:\n    f(1)\nexcept (g(2), h(3)) as e:\n    k(4)\nfinally:\n    m(5)\n",
    "statements": "del f(1)[g(2)]\nassert h(3), k(4)\nfor i in (m(5)): pass\nraise n(6) from o(7)\n",
    "backslash": "x = f(1) + \\\n    g(2)\n",
    "tabs": "def f():\n\tif g(1):\n\t\treturn h(2)\n",
    "form feed": "if f(1):\n\x0c    g(2)\n",
    "form feed before a name": "\x0cg(1)\n\x0cdef f():\n    return h(2)\n",
    "byte order mark": "\ufefff(g(1))\n",
    "carriage returns": "f(1)\r\ng(\r\n  2)\r\n",
    "no line end": "f(1)\ndef g():\n    h(2)",
    "with": "with (f(1) as a, g(2) as b):\n    h(3)\n",
    "f-string": "x = f'{f(1)} é {g(2)!r:>{h(3)}}' f'{f(1)}' 'é' f'{f(1)}'\n",
    "f-string over lines": 'x = f"""\n {f(1)}\n   {g(2)}\n"""\n',
    "f-string in pieces": "x = ('a' f'{f(1)}'\n  'b' f'{g(2)}')\n",
    "f-string with everything": "x = f'{(lambda: f(1))()} {[g(i) for i in h(1)]} {k(m(n(1)))=} {{{o(2)}}}'\n",
    "f-string escapes": "x = f'\\N{BULLET}{f(1)}'; y = rf'\\d{f(1)}'\n",
    "semicolons": "f(1); g(2); x = h(3)\n",
    "one line": "if f(1): g(2)\nwhile h(3): break\nclass C: x = k(4)\n",
}


def index(content: str | bytes) -> tuple[Text, f.FileFacts] | None:
    data = content.encode() if isinstance(content, str) else content
    text = files.decode("module.py", "module.py", data)
    if isinstance(text, Problem):
        return None
    facts = files.index(text)
    return None if isinstance(facts, Problem) else (text, facts)


def spans_of(text: Text, facts: f.FileFacts) -> set[Span]:
    """The calls of the index in code points; decorators apply a call that the source does not show."""
    lines = text.text.split("\n")

    def column(line: int, byte: int) -> int:
        return source.column(lines[line - 1], byte)

    return {
        (
            call[f.C_LINE],
            column(call[f.C_LINE], call[f.C_COLUMN]),
            call[f.C_END_LINE],
            column(call[f.C_END_LINE], call[f.C_END_COLUMN]),
        )
        for call in facts.calls
        if not call[f.C_FLAGS] & f.IS_DECORATOR
    }


def parse(text: Text) -> Parsed:
    return Parsed(Unit(text.text, 1, text.text.count("\n") + 1, 0))


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape: str) -> None:
    indexed = index(SHAPES[shape])
    assert indexed is not None
    text, facts = indexed
    known = spans_of(text, facts)
    assert known
    assert sorted(known) == sorted(parse(text).calls())
    assert units_find_every_call(text, facts)


def module_of(text: Text, facts: f.FileFacts) -> Module:
    return Program().add(text.path, "module", 0, facts, is_package=False)


def units_find_every_call(text: Text, facts: f.FileFacts) -> bool:
    """The judge's way: the unit around the place, parsed alone, has the call where the file has it."""
    module = module_of(text, facts)
    texts = Texts(lambda _: text)
    parsed: dict[tuple[int, int], Parsed] = {}
    for function in module.functions:
        for number in function.facts.calls:
            if facts.calls[number][f.C_FLAGS] & f.IS_DECORATOR:
                continue
            place = place_of(module, number)
            unit = texts.unit(function, place)
            assert unit is not None
            if (unit.start, unit.end) not in parsed:
                parsed[unit.start, unit.end] = Parsed(unit)
            node = parsed[unit.start, unit.end].node(texts.span_of(module, place), is_call=True)
            assert isinstance(node, cst.Call), (function.qualname, place.line, place.column)
    return True


def own_files(step: int = 1) -> list[Path]:
    found = [*(REPOSITORY / "fixtures").rglob("*.py"), *(REPOSITORY / "auditor").rglob("*.py")]
    return sorted(found)[::step]


def foreign_files(number: int) -> list[Path]:
    found = sorted(Path(sysconfig.get_path("purelib")).rglob("*.py"))
    found = [path for path in found if path.stat().st_size < 60_000]
    return random.Random(20240301).sample(found, min(number, len(found)))


def compare(paths: list[Path]) -> tuple[int, list[str]]:
    """How many calls were compared, and what differs."""
    compared, different = 0, []
    for path in paths:
        indexed = index(path.read_bytes())
        if indexed is None:
            continue
        text, facts = indexed
        try:
            found = set(parse(text).calls())
        except cst.ParserSyntaxError:
            different.append(f"{path}: LibCST refuses it")
            continue
        known = spans_of(text, facts)
        compared += len(known)
        # what the index holds for unreachable it leaves out
        different += [f"{path}:{span}: only the index" for span in sorted(known - found)]
    return compared, different


def test_own_sources() -> None:
    compared, different = compare(own_files(5))
    assert different == []
    assert compared > 500


def test_some_foreign_sources() -> None:
    compared, different = compare(foreign_files(QUICK_FOREIGN_FILES))
    assert different == []
    assert compared > 100


@pytest.mark.slow
def test_all_own_sources() -> None:
    assert compare(own_files())[1] == []


@pytest.mark.slow
def test_foreign_sources() -> None:
    compared, different = compare(foreign_files(FOREIGN_FILES))
    assert different == []
    assert compared > 1000


def test_units() -> None:
    """Alone, every function and statement gives its calls the places that they have in the file."""
    for path in own_files(9):
        indexed = index(path.read_bytes())
        assert indexed is not None
        assert units_find_every_call(*indexed), path


def test_the_index_leaves_out_only_what_cannot_run() -> None:
    """The other way round. Fixtures and auditor hold nothing behind what always leaves, or below what never holds."""
    missed = []
    for path in own_files(5):
        indexed = index(path.read_bytes())
        assert indexed is not None
        missed += [f"{path}:{span}" for span in set(parse(indexed[0]).calls()) - spans_of(*indexed)]
    assert missed == []
