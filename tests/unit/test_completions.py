"""Shell completions: the scripts are valid, and complete commands, options, values and rules."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from auditor.cli.completions import SHELLS, options
from auditor.cli.main import COMMANDS, main


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completions", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_takes_it(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    for command in COMMANDS:
        assert command in text
        for option in options(command):
            for spelling in option.names:
                shown = f" -{'l' if spelling[:2] == '--' else 's'} {spelling.lstrip('-')}"
                assert (shown if shell == "fish" else spelling) in text
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(text)
    subprocess.run([program, "-n", str(tmp_path / "script")], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["ba"], ["baseline"]),
        (["check", "--fail-on", ""], ["MONITOR", "MEDIUM", "HIGH", "CRITICAL"]),
        (["check", "--min-confidence", "h"], ["high"]),
        (["check", "-o", "git"], ["github", "github-summary", "github-comment", "gitlab"]),
        (["check", "--update-b"], ["--update-baseline"]),
        (["check", "--quiet", "some"], []),
        (["check", "--baseline", "some"], []),
        (["baseline", "--update-b"], []),
        (["rule", "LOOP401"], ["LOOP401"]),
        (["completions", ""], list(SHELLS)),
    ],
)
def test_bash(
    words: list[str], completed: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "some file.py").write_text("")
    (project / ".git" / "script").write_text(script("bash", capsys))
    quoted = " ".join(f"'{word}'" for word in ["auditor", *words])
    ask = f"source .git/script; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _auditor; "
    done = subprocess.run(
        ["bash", "--norc", "-c", ask + 'printf "%s\\n" "${COMPREPLY[@]}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:-1] == (completed or [""])


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completions", "tcsh"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
