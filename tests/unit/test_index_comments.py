"""Comments that are addressed to auditor: found by position, and what code each is about."""

from __future__ import annotations

import pytest

from auditor.index import files
from auditor.index.comments import comments
from auditor.index.files import Text

SOURCE = '''\
import time  # nothing


# auditor: ignore-file[X] -- a
@decorated(
    time.time(),  # auditor: on the decorator
)
def function(
    a,
):  # auditor: on the header
    """# auditor: in a docstring

    text
    """

    # auditor: far away

    time.sleep(1)
    # auditor: above
    # and more of it
    time.sleep(
        1,  # type: ignore # auditor: within
    )
    if a:  # auditor: on the test
        return "# auditor: in a string"
    else:  # auditor: on nothing
        return f"{a['# auditor: no']}"


class A:  # auditor: on a class
    def one_line(self): time.sleep(1)  # auditor: on one line


def second(): pass
# auditor: last line'''


def found(source: str) -> list[tuple[int, int, str, int, int, int]]:
    facts = files.index(Text("a.py", source))
    assert not hasattr(facts, "reason")
    return facts.comments  # type: ignore[union-attr]


def test_what_each_comment_is_about() -> None:
    assert found(SOURCE) == [
        (4, 1, "ignore-file[X] -- a", 5, 10, 1),
        (6, 19, "on the decorator", 5, 10, 1),
        (10, 5, "on the header", 5, 10, 1),
        (16, 5, "far away", 17, 17, -1),
        (19, 5, "above", 21, 23, -1),
        (22, 28, "within", 21, 23, -1),
        (24, 12, "on the test", 24, 24, -1),
        (26, 12, "on nothing", 26, 26, -1),
        (30, 11, "on a class", 30, 30, -1),
        (31, 40, "on one line", 31, 31, 3),
        (35, 1, "last line", 36, 36, -1),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\n",
        "x = '# auditor: ignore'\n",
        'x = """\n# auditor: ignore\n"""\n',
        "auditor: int = 1\n",
        "# auditor\n",
    ],
)
def test_what_is_no_comment_of_ours(source: str) -> None:
    assert found(source) == []


def test_columns_count_code_points() -> None:
    assert found("文 = '🙂'  # auditor: x\n") == [(1, 10, "x", 1, 1, -1)]


def test_comments_of_newer_grammar() -> None:
    source = "type A[T] = list[T]\n\n\ndef f[T](a: T) -> T:  # auditor: blocking\n    return a\n"
    assert found(source) == [(4, 23, "blocking", 4, 4, 1)]


def test_all_comments_of_a_source() -> None:
    assert comments("a = '#'  # one\n# two\nb = \"\\\"#\"  # three\n'''#\n#'''  # four") == [
        (1, 10, "# one"),
        (2, 1, "# two"),
        (3, 12, "# three"),
        (5, 7, "# four"),
    ]
