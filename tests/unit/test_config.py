"""Settings: what is accepted, what is refused and in which words, and who wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import resources
from auditor.config import Config, ConfigError, load
from auditor.config.load import oldest_python
from auditor.model import Confidence, Severity

RULES = {
    "LOOP101": "get-event-loop-in-thread",
    "LOOP301": "blocking-sleep",
    "LOOP302": "blocking-http",
    "LOOP401": "called-before-offload",
}


@pytest.fixture(autouse=True)
def _rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "rule_files", lambda: RULES)


def problems(start: Path, overrides: dict[str, object] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(start, overrides)
    return list(caught.value.problems)


def write(project: Path, text: str, name: str = "pyproject.toml") -> None:
    (project / name).write_text(text, encoding="utf-8")


def test_defaults(project: Path) -> None:
    config = load(project)
    assert config == Config(root=str(project), cache_dir=resources.cache_dir())
    assert config.min_severity is Severity.MONITOR
    assert config.fail_on is Severity.MEDIUM
    assert config.target_version == (3, 11)


def test_every_setting(project: Path) -> None:
    (project / "lib").mkdir()
    (project / "models").mkdir()
    for name in ("b.toml", "a.toml", "c.txt"):
        write(project / "models", "", name)
    write(
        project,
        """
        [project]
        requires-python = ">=3.9"

        [tool.auditor]
        select = ["LOOP3", "called-before-offload"]
        ignore = ["loop302"]
        preview = true
        exclude = ["migrations/"]
        src = ["lib"]
        target-version = "py312"
        dialect = "Trio"
        models = ["models/*.toml"]
        loop-only-names = ["async_*"]
        min-severity = "medium"
        min-confidence = "MEDIUM"
        fail-on = "HIGH"
        min-score = 7

        [tool.auditor.per-file-ignores]
        "tests/**" = ["LOOP3"]
        """,
    )
    config = load(project / "lib")
    assert config == Config(
        root=str(project),
        select=("LOOP3", "LOOP401"),
        ignore=("LOOP302",),
        preview=True,
        per_file_ignores=(("tests/**", ("LOOP3",)),),
        exclude=("migrations/",),
        src=(str(project / "lib"),),
        target_version=(3, 12),
        dialect="trio",
        models=(str(project / "models" / "a.toml"), str(project / "models" / "b.toml")),
        loop_only_names=("async_*",),
        min_severity=Severity.MEDIUM,
        min_confidence=Confidence.MEDIUM,
        fail_on=Severity.HIGH,
        min_score=7.0,
        cache_dir=resources.cache_dir(),
        settings_file=str(project / "pyproject.toml"),
        sources=config.sources,
    )
    sources = dict(config.sources)
    assert sources["select"] == "pyproject.toml:6"
    assert sources["target-version"] == "pyproject.toml:11"
    assert sources["per-file-ignores"] == "pyproject.toml:20"


def test_all_problems_at_once_each_with_its_line(project: Path) -> None:
    (project / "file.py").touch()
    write(
        project,
        """[tool.auditor]
selct = ["LOOP3"]
select = "LOOP301"
ignore = [
    "LOOP301",
    "LOOP311",
    "blocking-slep",
]
preview = "yes"
exclude = ["!keep", ""]
src = ["nope", "file.py"]
target-version = "2.7"
dialect = "tri"
models = ["models/*.toml", "one.toml"]
loop-only-names = ["async-*"]
fail-on = "medum"
min-severity = 3
min-score = 11
cache-dir = "here"

[tool.auditor.per-file-ignores]
"tests/**" = ["LOPP3"]
"docs/**" = "LOOP301"
""",
    )
    assert problems(project) == [
        "pyproject.toml:2: unknown setting 'selct'; did you mean 'select'?",
        'pyproject.toml:3: select must be a list of strings; write ["LOOP301"]',
        "pyproject.toml:6: unknown rule 'LOOP311' in ignore; did you mean 'LOOP301'?",
        "pyproject.toml:7: unknown rule 'blocking-slep' in ignore; did you mean 'blocking-sleep'?",
        "pyproject.toml:9: preview must be true or false, not a string",
        "pyproject.toml:10: exclude holds an empty string; remove it",
        "pyproject.toml:10: '!keep' in exclude: patterns cannot be negated; name what to leave out",
        "pyproject.toml:11: directory 'nope' in src does not exist; mend or remove the entry",
        "pyproject.toml:11: directory 'file.py' in src is not a directory; mend or remove the entry",
        "pyproject.toml:12: target-version = '2.7' is out of range; give a version from 3.8 to 3.15",
        "pyproject.toml:13: 'tri' is unknown; did you mean 'trio'?",
        "pyproject.toml:14: no file matches 'models/*.toml' in models; mend or remove the entry",
        "pyproject.toml:14: there is no file 'one.toml' in models; mend or remove the entry",
        "pyproject.toml:15: 'async-*' in loop-only-names is no pattern of a function name",
        "pyproject.toml:16: 'MEDUM' is unknown; did you mean 'MEDIUM'?".replace("MEDUM", "medum"),
        "pyproject.toml:17: min-severity must be one of MONITOR, MEDIUM, HIGH, CRITICAL, not 3",
        "pyproject.toml:18: min-score = 11 is out of range; give a number from 1 to 10",
        "pyproject.toml:19: unknown setting 'cache-dir'; give --cache-dir on the command line instead",
        "pyproject.toml:22: unknown rule 'LOPP3' in per-file-ignores; did you mean 'LOOP302'?",
        'pyproject.toml:23: per-file-ignores must be a list of strings; write ["LOOP301"]',
    ]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"fail-on": "bad"}, "--fail-on: 'bad' is unknown; choose one of MONITOR, MEDIUM, HIGH, CRITICAL"),
        ({"jobs": -1}, "--jobs: jobs must be 0 (automatic) or more, not -1"),
        ({"jobs": "x"}, "--jobs: jobs must be 0 (automatic) or more, not 'x'"),
        ({"min-score": True}, "--min-score: min-score must be a number from 1 to 10, not true or false"),
        ({"select": ["LOOP9"]}, "--select: unknown rule 'LOOP9' in select; did you mean 'LOOP401'?"),
        (
            {"select": ["LOOP3"], "ignore": ["LOOP3"]},
            "--ignore: LOOP3 is both selected and ignored; keep one",
        ),
        ({"ignore": ["ALL"]}, "--ignore: ignoring ALL leaves no rule; remove it or use select"),
        ({"min-confidence": "sure"}, "--min-confidence: 'sure' is unknown; choose one of low, medium, high"),
    ],
)
def test_problems_of_the_command_line(project: Path, overrides: dict[str, object], expected: str) -> None:
    assert problems(project, overrides) == [expected]


def test_selected_and_ignored_in_the_file(project: Path) -> None:
    write(project, '[tool.auditor]\nselect = ["LOOP301"]\nignore = [\n  "LOOP301",\n]\n')
    assert problems(project) == ["pyproject.toml:4: LOOP301 is both selected and ignored; keep one"]


def test_own_file_and_its_rival(project: Path) -> None:
    write(project, 'dialect = "anyio"\n', "auditor.toml")
    config = load(project)
    assert (config.dialect, dict(config.sources)) == ("anyio", {"dialect": "auditor.toml:1"})
    write(project, "[tool.other]\n[tool.auditor]\n")
    assert problems(project) == [
        "pyproject.toml:2: settings stand here and in auditor.toml beside it; keep one"
    ]


def test_nearest_settings_win_and_the_repository_is_the_limit(project: Path) -> None:
    write(project, '[tool.auditor]\ndialect = "trio"\n')
    inner = project / "services" / "a"
    inner.mkdir(parents=True)
    write(inner, "[project]\nname = 'a'\n")
    assert load(inner).dialect == "trio"
    assert load(inner).root == str(project)
    (inner / ".git").touch()
    assert load(inner).dialect == "asyncio"
    assert load(inner).root == str(inner)


def test_a_file_or_what_does_not_exist_stands_for_its_directory(project: Path) -> None:
    write(project, '[tool.auditor]\ndialect = "trio"\n')
    assert load(project / "no" / "such.py").dialect == "trio"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tool.auditor\n", "pyproject.toml:1: is not valid TOML: "),
        ("[tool]\nauditor = 3\n", "pyproject.toml:2: [tool.auditor] must be a table"),
        ('[tool.auditor]\ndialect = "trio"\ndialect = "trio"\n', "pyproject.toml:3: is not valid TOML: "),
    ],
)
def test_broken_file(project: Path, text: str, expected: str) -> None:
    write(project, text)
    (problem,) = problems(project)
    assert problem.startswith(expected)


def test_encodings(project: Path) -> None:
    (project / "pyproject.toml").write_bytes(b"\xef\xbb\xbf[tool.auditor]\ndialect = 'trio'\n")
    assert load(project).dialect == "trio"
    (project / "pyproject.toml").write_bytes(b"[tool.auditor]\n# \xe9\n")
    assert problems(project) == ["pyproject.toml: is not UTF-8 at byte 17; save it as UTF-8"]


def test_a_broken_file_that_does_not_concern_us_is_ignored(project: Path) -> None:
    write(project, "[project]\nname = {{ cookiecutter.name }}\n")
    assert load(project).settings_file is None


def test_the_command_line_wins(project: Path) -> None:
    write(
        project,
        '[tool.auditor]\nselect = ["LOOP3", "LOOP4"]\nignore = ["LOOP302"]\nfail-on = "HIGH"\n',
    )
    config = load(project, {"fail-on": "CRITICAL", "jobs": 3, "cache": False})
    assert (config.fail_on, config.jobs, config.cache) == (Severity.CRITICAL, 3, False)
    assert dict(config.sources)["fail-on"] == "--fail-on"
    assert dict(config.sources)["cache"] == "--no-cache"
    assert load(project, {"ignore": ["LOOP301"]}).ignore == ("LOOP302", "LOOP301")
    assert load(project, {"ignore": ["LOOP4"]}).select == ("LOOP3",)
    chosen = load(project, {"select": ["LOOP302"]})
    assert (chosen.select, chosen.ignore) == (("LOOP302",), ())


@pytest.mark.parametrize(
    ("select", "ignore", "on"),
    [
        (("ALL",), (), {"LOOP101", "LOOP301", "LOOP302", "LOOP401"}),
        (("ALL",), ("LOOP3",), {"LOOP101", "LOOP401"}),
        (("ALL", "LOOP301"), ("LOOP3",), {"LOOP101", "LOOP301", "LOOP401"}),
        (("LOOP3",), ("LOOP301",), {"LOOP302"}),
        (("LOOP301",), (), {"LOOP301"}),
        ((), (), set()),
    ],
)
def test_longest_prefix_decides(select: tuple[str, ...], ignore: tuple[str, ...], on: set[str]) -> None:
    config = Config(root="/", select=select, ignore=ignore)
    assert {code for code in RULES if config.enabled(code)} == on


def test_preview_rules() -> None:
    assert not Config(root="/").enabled("LOOP301", preview=True)
    assert not Config(root="/", select=("LOOP3",)).enabled("LOOP301", preview=True)
    assert Config(root="/", preview=True).enabled("LOOP301", preview=True)
    assert Config(root="/", select=("LOOP301",)).enabled("LOOP301", preview=True)


@pytest.mark.parametrize(
    ("specifier", "oldest"),
    [
        (">=3.10,<4", (3, 10)),
        ("<4,>=3.12.1", (3, 12)),
        ("~=3.9", (3, 9)),
        ("==3.11.*", (3, 11)),
        ("^3.8", (3, 8)),
        (">=3", (3, 0)),
        ("!=3.10", None),
        ("<3.13", None),
        ("*", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_oldest_python(specifier: str, oldest: tuple[int, int] | None) -> None:
    assert oldest_python(specifier) == oldest


@pytest.mark.parametrize(
    ("text", "version", "source"),
    [
        ('[project]\nrequires-python = ">=3.12"\n', (3, 12), "requires-python at pyproject.toml:2"),
        ('[tool.poetry.dependencies]\npython = "^3.10"\n', (3, 10), "python at pyproject.toml:2"),
        ('[project]\nrequires-python = ">=2.7"\n', (3, 8), "requires-python at pyproject.toml:2"),
    ],
)
def test_target_version_from_the_project(
    project: Path, text: str, version: tuple[int, int], source: str
) -> None:
    write(project, text)
    config = load(project)
    assert (config.target_version, dict(config.sources)) == (version, {"target-version": source})
