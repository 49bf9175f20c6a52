"""``subprocess.run`` in AnyIO and Trio: awaited where its arguments say the same there, otherwise on a thread."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import anyio
import pytest
from unit.fixing import fixes_in
from unit.test_fix_recipes import fixed

CASES = [
    pytest.param(
        "subprocess.run(['a', x])",
        "await anyio.run_process(['a', x], check=False, stdout=None, stderr=None)",
        "await trio.run_process(['a', x], check=False, stdin=None)",
        id="plain",
    ),
    pytest.param(
        "subprocess.run(['a'], capture_output=True, check=True, cwd=x).stdout",
        "(await anyio.run_process(['a'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, cwd=x)).stdout",
        "(await trio.run_process(['a'], capture_stdout=True, capture_stderr=True, check=True, cwd=x,"
        " stdin=None)).stdout",
        id="captured",
    ),
    pytest.param(
        "subprocess.run(('a', 'b'), input=x, check=False)",
        "await anyio.to_thread.run_sync(functools.partial(subprocess.run, ('a', 'b'), input=x, check=False))",
        "await trio.run_process(('a', 'b'), stdin=x, check=False)",
        id="fed",
    ),
]
OTHERS = [
    pytest.param("subprocess.run(x)", id="one-string-or-not"),
    pytest.param("subprocess.run(['a'], text=True)", id="text"),
    pytest.param("subprocess.run(['a'], timeout=1)", id="timeout"),
    pytest.param("subprocess.run(['a'], check=x)", id="flag-that-is-not-known"),
    pytest.param("subprocess.run(['a'], **x)", id="anything"),
    pytest.param("subprocess.check_output(['a'])", id="another-function"),
]


def program(dialect: str, call: str) -> str:
    return f"import subprocess\n\nimport {dialect}\n\n\nasync def f(x):\n    return {call}\n"


@pytest.mark.parametrize(("call", "in_anyio", "in_trio"), CASES)
def test_a_child_is_awaited(project: Path, call: str, in_anyio: str, in_trio: str) -> None:
    for dialect, expected in (("anyio", in_anyio), ("trio", in_trio)):
        (project / "app.py").write_text(program(dialect, call))
        (fix,) = fixes_in(project)
        assert fix.safety == "safe"
        head = "import functools\n" if "functools" in expected else ""
        assert fixed(project, program(dialect, call)) == head + program(dialect, expected)


@pytest.mark.parametrize("call", OTHERS)
def test_other_arguments_go_to_a_thread(project: Path, call: str) -> None:
    assert "trio.to_thread.run_sync(" in fixed(project, program("trio", call))


def test_results_are_equal(project: Path) -> None:
    source = """\
        import subprocess
        import sys

        import anyio


        async def run(code):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True)
            return done.returncode, done.stdout, done.stderr
    """
    after = fixed(project, source)
    assert "await anyio.run_process(" in after
    for code in ("print(7)", "import sys; sys.stderr.write('no'); sys.exit(3)"):
        results = []
        for text in (dedent(source), after):
            names: dict[str, object] = {}
            exec(compile(text, "app.py", "exec"), names)
            results.append(anyio.run(names["run"], code))  # type: ignore[arg-type]
        assert results[0] == results[1]
