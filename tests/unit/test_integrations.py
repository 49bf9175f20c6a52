"""The files by which others run auditor: hooks, the GitHub action, the GitLab template. They do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cli.main import main

BIN = Path(sys.executable).parent


def tool(name: str) -> str:
    path = BIN / name
    if not path.is_file():
        pytest.skip(f"{name} is not installed")
    return str(path)


@pytest.fixture(scope="module")
def action(repository_root: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((repository_root / "action.yml").read_text()))


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "templates/auditor.gitlab-ci.yml")],
)
def test_schemas(repository_root: Path, schema: str, file: str) -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", schema, str(repository_root / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["pre-commit", "prek"])
def test_hook_manifest(repository_root: Path, name: str, tmp_path: Path) -> None:
    manifest = repository_root / ".pre-commit-hooks.yaml"
    done = subprocess.run(
        [tool(name), "validate-manifest", str(manifest)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "a"), "PREK_HOME": str(tmp_path / "b")},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_hooks_are_whole_program(repository_root: Path) -> None:
    hooks = {
        hook["id"]: hook for hook in yaml.safe_load((repository_root / ".pre-commit-hooks.yaml").read_text())
    }
    assert set(hooks) == {"auditor", "auditor-changed"}
    for hook in hooks.values():
        assert hook["types_or"] == ["python", "pyi", "jupyter"]
        assert hook["require_serial"] is True
    assert hooks["auditor"]["pass_filenames"] is False
    assert "--focus" in hooks["auditor-changed"]["entry"].split()


# The action --------------------------------------------------------------------------------------------------


def test_every_input_is_used_and_none_stands_in_a_script(action: dict[str, Any]) -> None:
    steps = action["runs"]["steps"]
    text = json.dumps([{key: value for key, value in step.items() if key != "run"} for step in steps])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])
    for step in steps:
        assert "${{" not in step.get("run", ""), "what a workflow passes must not become part of a script"
        assert ("run" in step) == ("shell" in step)


class Job:
    """Runs the steps of the action that are scripts, as a runner does."""

    def __init__(self, action: dict[str, Any], directory: Path) -> None:
        self.steps = {step.get("id", step["name"]): step for step in action["runs"]["steps"]}
        self.directory = directory
        self.temporary = directory / ".git" / "runner"
        self.temporary.mkdir()
        self.inputs = {name: str(given.get("default", "")) for name, given in action["inputs"].items()}

    def audit(self, **inputs: str) -> tuple[int, dict[str, str], str]:
        """Exit code of the step, its outputs, what it printed."""
        given = self.inputs | {name.replace("_", "-"): value for name, value in inputs.items()}
        names = {"AUDITOR_BIN": str(BIN)}
        for name, value in self.steps["audit"]["env"].items():
            match = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)
            if match is not None:
                names[name] = given[match[1]]
        output, summary = self.temporary / "output", self.temporary / "summary"
        output.write_text("")
        summary.write_text("")
        names |= {
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
        }
        code, printed = self.script("audit", names)
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return code, outputs, printed

    def script(self, step: str, names: dict[str, str]) -> tuple[int, str]:
        file = self.temporary / "script.sh"
        file.write_text(self.steps[step]["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=self.directory,
            env=os.environ | names,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def job(action: dict[str, Any], project: Path) -> Job:
    if shutil.which("bash") is None or not (BIN / "auditor").is_file():
        pytest.skip("bash or the installed command is missing")
    (project / "app with space.py").write_text("import time\n\n\nasync def f():\n    time.sleep(3)\n")
    (project / "fine.py").write_text("x = 1\n")
    return Job(action, project)


def test_the_audit_step(job: Job) -> None:
    code, outputs, printed = job.audit()
    assert code == 0, printed
    assert outputs == {
        "exit-code": "1",
        "score": "6.9",
        "findings": "1",
        "sarif-file": str(job.directory / "auditor.sarif"),
    }
    assert printed.startswith("::error file=app with space.py,line=5,")
    assert "async safety 6.9 of 10" in (job.temporary / "summary").read_text()
    sarif = json.loads((job.directory / "auditor.sarif").read_text())
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["LOOP301"]
    assert job.script("Gate", {"EXIT_CODE": "1"})[0] == 1
    assert job.script("Gate", {"EXIT_CODE": "0"})[0] == 0
    assert job.script("Gate", {"EXIT_CODE": ""})[0] == 2


def test_options_of_the_audit_step(job: Job) -> None:
    assert job.audit(paths="fine.py")[1]["exit-code"] == "0"
    assert job.audit(paths="fine.py\napp with space.py")[1]["exit-code"] == "1"
    assert job.audit(fail_on="CRITICAL")[1]["exit-code"] == "0"
    assert job.audit(fail_on="CRITICAL", min_score="7")[1]["exit-code"] == "1"
    assert job.audit(args="--ignore=LOOP301,LOOP314\n--preview")[1]["exit-code"] == "0"
    assert main(["baseline", "-q"]) == 0
    assert job.audit(baseline="auditor-baseline.jsonl")[1]["exit-code"] == "0"
    code, outputs, printed = job.audit(since="nowhere")
    assert (code, outputs["exit-code"]) == (0, "2")
    assert "score" not in outputs
    assert "--since" in printed


def test_what_is_passed_is_no_command(job: Job) -> None:
    marks = job.directory / "owned"
    for text in (f"$(touch {marks})", f"; touch {marks};", f"`touch {marks}`", "--help", "-o full:owned"):
        outputs = job.audit(paths=text)[1]
        assert outputs["exit-code"] == "2"
        job.audit(args=f"--ignore={text}", fail_on=text, since=text, baseline=text, min_score=text)
        assert not marks.exists()


def test_without_annotations_and_summary(job: Job) -> None:
    _, _, printed = job.audit(annotations="false", summary="false")
    assert "::" not in printed
    assert "LOOP301 HIGH" in printed
    assert (job.temporary / "summary").read_text() == ""


# GitLab ------------------------------------------------------------------------------------------------------


def test_the_gitlab_script(repository_root: Path, project: Path, job: Job) -> None:
    template = yaml.safe_load((repository_root / "templates" / "auditor.gitlab-ci.yml").read_text())
    (line,) = template["auditor"]["script"]
    variables = {**template["auditor"]["variables"], "AUDITOR_OPTIONS": "--fail-on CRITICAL --min-score 2"}
    done = subprocess.run(
        ["bash", "-euc", line.replace("/tmp/auditor/bin/auditor", str(BIN / "auditor"))],
        cwd=project,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reports = template["auditor"]["artifacts"]["reports"]
    assert len(json.loads((project / reports["codequality"]).read_text())) == 1
    assert (project / reports["junit"]).is_file()
