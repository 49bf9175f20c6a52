"""Rule files: what a sound one gives, and that every fault of a broken one is named at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import rulebook
from auditor.model import Severity
from auditor.rulebook import Expectation, FixRecipe, RulebookError, expectations

FRONT = """\
+++
id = "LOOP301"
name = "blocking-sleep"
message = "`{callee}` stops the event loop for {duration}"
check = "auditor.checks.blocking:BlockingCall"
groups = ["sleep"]
contexts = "on-loop"
severity = "by-cost"
fix = { recipe = "async-twin", safety = "unsafe" }
status = "stable"
since = "0.1.0"
precedence = 30
+++
"""
BODY = """\
# blocking-sleep (LOOP301)

## What it does

Text.

```python bad
import time


async def f():
    time.sleep(1)  # expect: LOOP301:5 HIGH
```

```python fixed
import asyncio


async def f():
    await asyncio.sleep(1)
```

## Why is this bad

```
## not a heading
```

## How long it blocks
## How to verify
## Fix
## Trade-offs

```python bad file=a/one.py
from a.two import g


async def f():
    g()
```

```python bad file=a/two.py
import time


def g():
    time.sleep(1)  # expect: LOOP301:5
```

```python good
x = 1
```

## Known limits

None.
"""


def read(text: str, name: str = "LOOP301-blocking-sleep.md") -> tuple[rulebook.Rule, ...]:
    return rulebook.load_texts([(f"rules/{name}", name, text.encode())])


def problems(text: str, name: str = "LOOP301-blocking-sleep.md") -> list[str]:
    with pytest.raises(RulebookError) as caught:
        read(text, name)
    return list(caught.value.problems)


def test_a_sound_rule() -> None:
    (rule,) = read(FRONT + BODY)
    assert (rule.id, rule.name, rule.check) == (
        "LOOP301",
        "blocking-sleep",
        "auditor.checks.blocking:BlockingCall",
    )
    assert (rule.groups, rule.runs, rule.contexts, rule.severity) == (("sleep",), (), "on-loop", None)
    assert (rule.fix, rule.status, rule.since, rule.precedence) == (
        FixRecipe("async-twin", "unsafe"),
        "stable",
        "0.1.0",
        30,
    )
    assert rule.by_cost
    assert list(rule.sections()) == list(rulebook.HEADINGS)
    assert rule.sections()["Known limits"] == "None."
    assert "## not a heading" in rule.sections()["Why is this bad"]


def test_examples() -> None:
    (rule,) = read(FRONT + BODY)
    bad, fixed, pair, good = rule.examples()
    assert [example.kind for example in rule.examples()] == ["bad", "fixed", "bad", "good"]
    assert bad.files == (
        (
            "example.py",
            "import time\n\n\nasync def f():\n    time.sleep(1)  # expect: LOOP301:5 HIGH\n",
        ),
    )
    assert bad.expects == (Expectation("example.py", 5, 5, "LOOP301", Severity.HIGH),)
    assert (FRONT + BODY).splitlines()[bad.line - 1] == "import time"
    assert (fixed.bad, fixed.expects) == (bad, ())
    assert [path for path, _ in pair.files] == ["a/one.py", "a/two.py"]
    assert pair.expects == (Expectation("a/two.py", 5, 5, "LOOP301", None),)
    assert good.files == (("example.py", "x = 1\n"),)


def test_a_repeated_path_starts_another_program() -> None:
    block = "```python good file=a.py\nx = 1\n```\n"
    (rule,) = read(FRONT + BODY.replace("None.\n", block * 2))
    assert [example.files for example in rule.examples()[-2:]] == [(("a.py", "x = 1\n"),)] * 2


def test_load_reads_a_directory_in_order(tmp_path: Path) -> None:
    other = (FRONT + BODY).replace("LOOP301", "LOOP102")
    (tmp_path / "LOOP301-blocking-sleep.md").write_text(FRONT + BODY)
    (tmp_path / "LOOP102-blocking-sleep.md").write_text(other)
    (tmp_path / "notes.txt").write_text("not a rule")
    (tmp_path / "catalog").mkdir()
    assert [rule.id for rule in rulebook.load(tmp_path)] == ["LOOP102", "LOOP301"]


def test_every_fault_of_the_front_matter_at_once() -> None:
    front = FRONT
    for old, new in (
        ('"LOOP301"', '"loop301"'),
        ("{duration}", "{duratoin}"),
        ("blocking:BlockingCall", "blocking"),
        ('"on-loop"', '"onloop"'),
        ('"by-cost"', '"hihg"'),
        ('safety = "unsafe"', 'safety = "unsave", by = 1'),
        ('"stable"', '"done"'),
        ('"0.1.0"', '"1"'),
        ('groups = ["sleep"]', 'groups = ["sleep", 1]\nruns = ["ofload"]'),
    ):
        front = front.replace(old, new)
    body = BODY.replace("(LOOP301)", "(loop301)")
    path = "rules/LOOP301-blocking-sleep.md"
    assert sorted(problems(front + body)) == sorted(
        [
            f"{path}:2: 'loop301' is no code; write capitals and three digits, as in LOOP301",
            f"{path}:1: the file is named 'LOOP301-blocking-sleep.md'; name it 'loop301-blocking-sleep.md'",
            f"{path}:4: unknown placeholder 'duratoin'; did you mean 'duration'?",
            f"{path}:5: 'auditor.checks.blocking' names no class; write package.module:Class",
            f"{path}:6: 'groups' holds 1, which is no text; list names",
            f"{path}:7: unknown runs 'ofload'; did you mean 'offload'?",
            f"{path}:8: unknown contexts 'onloop'; did you mean 'on-loop'?",
            f"{path}:9: unknown severity 'hihg'; known are CRITICAL, HIGH, MEDIUM, MONITOR, by-cost",
            f"{path}:10: unknown key 'by' in 'fix'; known are recipe, safety",
            f"{path}:10: unknown safety 'unsave'; did you mean 'unsafe'?",
            f"{path}:11: unknown status 'done'; known are preview, stable",
            f"{path}:12: '1' is no version; write it as in 0.1.0",
        ]
    )


def test_keys_and_types() -> None:
    front = (
        FRONT.replace("groups =", "gruops =").replace('since = "0.1.0"', "since = 1").replace("name = ", "#")
    )
    assert problems(front + BODY) == [
        "rules/LOOP301-blocking-sleep.md:6: unknown key 'gruops'; did you mean 'groups'?",
        "rules/LOOP301-blocking-sleep.md:11: 'since' is not a text; write a text",
        "rules/LOOP301-blocking-sleep.md:1: the front matter has no 'name'; add it",
    ]


def test_headings_missing_unknown_and_out_of_order() -> None:
    body = BODY.replace("## Fix\n", "").replace("## Trade-offs", "## Known limits", 1)
    body = body.replace("## Known limits\n\nNone.", "## Tradeoffs\n").replace(
        "# blocking-sleep (LOOP301)", "# x"
    )
    body = body.replace("## What it does", "## How to verify").replace("## How to verify\nX", "X")
    path = "rules/LOOP301-blocking-sleep.md"
    lines = (FRONT + body).splitlines()
    assert problems(FRONT + body) == [
        f"{path}:14: the title is 'x'; write 'blocking-sleep (LOOP301)'",
        f"{path}:{lines.index('## How to verify', 20) + 1}: a second heading 'How to verify'; keep one",
        f"{path}:{lines.index('## Tradeoffs') + 1}: unknown heading 'Tradeoffs'; did you mean 'Trade-offs'?",
        f"{path}:14: no heading 'What it does'; add it",
        f"{path}:14: no heading 'Fix'; add it",
        f"{path}:14: no heading 'Trade-offs'; add it",
        (
            f"{path}:{lines.index('## Why is this bad') + 1}: 'Why is this bad' stands after 'How to verify'; "
            "keep the order of the headings"
        ),
    ]


@pytest.mark.parametrize(
    ("block", "line", "message"),
    [
        ("```python baad\n```", 0, "unknown kind of example 'baad'; did you mean 'bad'?"),
        ("```python bad fil=x.py\n```", 0, "unclear word 'fil=x.py' in the info string; write file=package/module.py"),
        ("```python bad file=../x.py\n```", 0, ("unclear word 'file=../x.py' in the info string; "
                                               "write file=package/module.py")),
        ("```python bad\n", 0, "a code block is not closed; close it with ```"),
    ],
)  # fmt: skip
def test_code_blocks(block: str, line: int, message: str) -> None:
    text = FRONT + BODY.replace("None.", block)
    number = text.splitlines().index(block.splitlines()[0], 60) + 1 + line
    assert problems(text) == [f"rules/LOOP301-blocking-sleep.md:{number}: {message}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# title\n", "1: no front matter; start the file with TOML between two lines of +++"),
        ("+++\nid = \n+++\n", "2: no valid TOML: Invalid value; correct the syntax"),
    ],
)
def test_no_front_matter(text: str, message: str) -> None:
    assert problems(text) == [f"rules/LOOP301-blocking-sleep.md:{message}"]


def test_not_utf8() -> None:
    with pytest.raises(RulebookError) as caught:
        rulebook.load_texts([("r/a.md", "a.md", b"+++\nid = '\xff'\n+++\n")])
    assert caught.value.problems == ("r/a.md:2: not UTF-8; save the file as UTF-8",)


def test_two_files_of_one_code() -> None:
    content = (FRONT + BODY).encode()
    name = "LOOP301-blocking-sleep.md"
    with pytest.raises(RulebookError) as caught:
        rulebook.load_texts([(f"a/{name}", name, content), (f"b/{name}", name, content)])
    assert caught.value.problems == (f"b/{name}:1: LOOP301 is also a/{name}; give one of them another code",)


def test_marks() -> None:
    source = 'f()  # expect: LOOP303:5, LOOP401:9 MONITOR\ns = "# expect: LOOP301"\ng()  # expect: LOOP102\n'
    assert expectations(source, "p.py") == (
        Expectation("p.py", 1, 5, "LOOP303", None),
        Expectation("p.py", 1, 9, "LOOP401", Severity.MONITOR),
        Expectation("p.py", 3, None, "LOOP102", None),
    )


def test_marks_of_a_source_that_the_tokenizer_refuses() -> None:
    assert expectations("x = (\nf()  # expect: LOOP301:1\n", "p.py") == (
        Expectation("p.py", 2, 1, "LOOP301", None),
    )


@pytest.mark.parametrize("mark", ["", "LOOP30", "LOOP301:", "LOOP301:x", "LOOP301:5 high", "LOOP301 : 5"])
def test_unclear_marks(mark: str) -> None:
    with pytest.raises(ValueError, match=r"^p\.py:1: mark .* is unclear; write CODE, CODE:COLUMN"):
        expectations(f"f()  # expect: {mark}\n", "p.py")
