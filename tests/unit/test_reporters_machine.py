"""The formats that other programs read, byte by byte, and what those programs ask of them."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from unit.reporters_sample import CLEAN, OPEN_1, REPORT, SLEEP, chain_of, exposures_of, finding

from auditor.model import Edit, Fix, Location, Report, Severity
from auditor.reporters import FORMATS, Options, code_scanning, get
from auditor.reporters.machine import place, uri

GOLDENS = Path(__file__).parent / "goldens"
NAMES = ("jsonl", "sarif", "code-scanning", "github", "github-summary", "github-comment", "gitlab", "junit")


def render(name: str, report: Report = REPORT, **options: Any) -> str:
    out = io.StringIO()
    get(name).render(report, out, options=Options(**options))
    return out.getvalue()


def results(name: str = "sarif", report: Report = REPORT, **options: Any) -> list[dict[str, Any]]:
    return list(json.loads(render(name, report, **options))["runs"][0]["results"])


def without_pages(text: str) -> str:
    """The pages of rules change with the rules; what the log says of them is tested apart."""
    log = json.loads(text)
    for rule in log["runs"][0]["tool"]["driver"]["rules"]:
        for member in ("help", "fullDescription", "shortDescription"):
            rule[member] = sorted(rule[member])
    return json.dumps(log, indent=1) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    text = render(name)
    shown = without_pages(text) if name in ("sarif", "code-scanning") else text
    path = GOLDENS / f"report.{name}"
    if os.environ.get("AUDITOR_UPDATE_GOLDENS"):
        path.write_bytes(shown.encode())
    assert shown == path.read_bytes().decode()
    assert text.isascii() or name == "github"
    assert text == render(name)


def test_these_are_all() -> None:
    assert set(FORMATS) == {*NAMES, "full", "concise", "json", "markdown", "html"}


# JSON lines --------------------------------------------------------------------------------------------------


def test_jsonl_says_what_json_says() -> None:
    records = [json.loads(line) for line in render("jsonl").splitlines()]
    whole = json.loads(render("json"))
    kinds: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        kinds.setdefault(record.pop("type"), []).append(record)
    assert kinds["finding"] == whole["findings"]
    assert kinds["not_analysed"] == whole["not_analysed"]
    assert kinds["notice"] == whole["notices"]
    assert kinds["summary"] == [{"version": 1, "tool": whole["tool"], **whole["summary"]}]
    assert "summary" in render("jsonl", CLEAN)


# SARIF -------------------------------------------------------------------------------------------------------


def test_sarif_has_a_result_for_each_exposure() -> None:
    shown = [result for result in results() if not result["suppressions"]]
    assert len(shown) == sum(len(one.exposures) for one in REPORT.findings)
    assert [r["partialFingerprints"]["auditorExposure/v1"] for r in shown] == [
        exposure.fingerprint for one in REPORT.findings for exposure in one.exposures
    ]
    hashes = [r["partialFingerprints"]["primaryLocationLineHash"] for r in results()]
    assert len(set(hashes)) == len(hashes)


def test_sarif_code_flow_is_the_call_path() -> None:
    report = replace(REPORT, findings=(OPEN_1,), asides=())
    for result, exposure in zip(results(report=report), OPEN_1.exposures, strict=True):
        (flow,) = result["codeFlows"]
        (thread,) = flow["threadFlows"]
        steps = [
            (
                step["location"]["physicalLocation"]["artifactLocation"]["uri"],
                step["location"]["physicalLocation"]["region"]["startLine"],
                step["location"]["logicalLocations"][0]["fullyQualifiedName"],
            )
            for step in thread["locations"]
        ]
        assert steps == [(step.path, step.line, step.function) for step in exposure.chain]


def test_sarif_suppressions() -> None:
    states = [(r["suppressions"], r.get("baselineState")) for r in results() if r["suppressions"]]
    assert [(one[0]["kind"], one[0].get("justification"), state) for one, state in states] == [
        ("inSource", "start-up only", None),
        ("inSource", "start-up only", None),
        ("external", "It stands in the baseline.", "unchanged"),
        ("external", "It was there before.", "unchanged"),
    ]
    where = states[0][0][0]["location"]["physicalLocation"]
    assert (where["artifactLocation"]["uri"], where["region"]["startLine"]) == ("app/storage.py", 51)
    assert not any(r["suppressions"] for r in results("code-scanning"))
    assert len(results("code-scanning")) == 7


def test_sarif_fixes() -> None:
    (fix,) = results()[0]["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "app/api/upload.py"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 15},
            "insertedContent": {"text": "await asyncio.sleep"},
        }
    ]


def test_sarif_rules_come_from_their_files() -> None:
    driver = json.loads(render("sarif"))["runs"][0]["tool"]["driver"]
    by_code = {rule["id"]: rule for rule in driver["rules"]}
    assert list(by_code) == sorted(by_code)
    for result in results():
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    rule = by_code["LOOP302"]
    assert rule["name"] == "BlockingHttp"
    assert rule["help"]["markdown"].startswith("# blocking-http (LOOP302)")
    assert rule["shortDescription"]["text"].endswith(".")
    assert len(rule["fullDescription"]["text"]) <= 1024
    assert len(rule["properties"]["tags"]) <= 10
    assert rule["properties"]["precision"] == "high"
    assert by_code["LOOP308"]["help"]["text"]


def test_sarif_for_github_is_cut_to_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_scanning.MOST_RESULTS == 25_000
    monkeypatch.setattr(code_scanning, "MOST_RESULTS", 25)
    minor = [
        finding(severity=Severity.MONITOR, location=Location("a.py", line, 1, line, 2))
        for line in range(1, 9)
    ]
    many = [replace(one, exposures=one.exposures * 4) for one in minor]
    report = replace(REPORT, findings=(*many, SLEEP))
    found = results("code-scanning", report)
    assert len(found) == 25
    assert found[0]["ruleId"] == "LOOP301"
    assert len(results("sarif", report)) > 32


def test_notebooks_have_no_lines_in_sarif_and_gitlab() -> None:
    cell = "nb/a b.ipynb:cell 3"
    chain = chain_of((cell, 2, "nb.f", "calls"))
    fix = Fix("safe", "x", (Edit(cell, (2, 1), (2, 3), "y"),))
    one = finding(location=Location(cell, 2, 1, 2, 5), chain=chain, fixes=(fix,))
    report = replace(REPORT, findings=(one,), asides=(), notices=())
    (result,) = results(report=report)
    where = result["locations"][0]["physicalLocation"]
    assert where == {
        "artifactLocation": {"uri": "nb/a%20b.ipynb", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 1},
    }
    assert "fixes" not in result
    (issue,) = json.loads(render("gitlab", report))
    assert issue["location"] == {"path": "nb/a b.ipynb", "lines": {"begin": 1}}
    assert "file=nb/a b.ipynb,title=" in render("github", report)
    assert "In cell 3, line 2." in render("github", report)


def test_messages_hold_no_links_and_no_placeholders() -> None:
    one = finding(message="see [x](http://y) and {0} \\ {a}")
    (result,) = results(report=replace(REPORT, findings=(one,), asides=(), notices=()))
    assert result["message"]["text"].startswith("see \\[x\\](http://y) and {{0}} \\\\ {a}")


@pytest.mark.parametrize(
    ("path", "prefix", "file"),
    [
        ("a.py", "", "a.py"),
        ("a.py", "sub/dir", "sub/dir/a.py"),
        ("../a.py", "sub/dir", "sub/a.py"),
        ("/x/a.py", "sub", "/x/a.py"),
        ("C:/x/a.py", "sub", "C:/x/a.py"),
        ("n.ipynb:cell 2", "sub", "sub/n.ipynb"),
        ("n.py:cell 2", "", "n.py:cell 2"),
    ],
)
def test_paths_start_at_the_top_of_the_repository(path: str, prefix: str, file: str) -> None:
    assert place(path, prefix).file == file


@pytest.mark.parametrize(
    ("file", "reference"),
    [
        ("a b#?%.py", "a%20b%23%3F%25.py"),
        ("ü/\udcff.py", "%C3%BC/%FF.py"),
        ("a:b.py", "a%3Ab.py"),
        ("/x y/a.py", "file:///x%20y/a.py"),
        ("C:/x/a.py", "file:///C:/x/a.py"),
        ("a\\b\n.py", "a%5Cb%0A.py"),
    ],
)
def test_references(file: str, reference: str) -> None:
    assert uri(file) == reference


# GitHub ------------------------------------------------------------------------------------------------------


def test_ten_annotations_of_a_kind_worst_first() -> None:
    high = [finding(location=Location("a.py", line, 1, line, 2)) for line in range(1, 15)]
    medium = [replace(one, severity=Severity.MEDIUM) for one in high[:10]]
    lines = render("github", replace(REPORT, findings=(*medium, *high, SLEEP))).splitlines()
    errors = [line for line in lines if line.startswith("::error ")]
    assert len(errors) == 10
    assert "time.sleep" in errors[0]
    assert errors[-1] == "::error title=auditor::6 more of this kind; see the full report."
    assert sum(line.startswith("::warning ") for line in lines) == 10
    assert not any("more of this kind" in line for line in lines if line.startswith("::warning "))


def test_the_step_summary_stays_below_its_limit() -> None:
    one = finding(message="m" * 300)
    text = render("github-summary", replace(REPORT, findings=(one,) * 4000))
    assert len(text) < 1_000_000
    assert "more\n" in text
    assert "### Not analysed" in text


# GitLab ------------------------------------------------------------------------------------------------------


def test_gitlab_fingerprints_are_unique_and_those_of_the_baseline() -> None:
    one = replace(OPEN_1, exposures=(OPEN_1.exposures[0],) * 3)
    issues = json.loads(render("gitlab", replace(REPORT, findings=(one, SLEEP))))
    prints = [issue["fingerprint"] for issue in issues]
    assert len(set(prints)) == len(prints) == 4
    assert prints[0] == OPEN_1.exposures[0].fingerprint
    assert {issue["severity"] for issue in json.loads(render("gitlab"))} == {
        "blocker",
        "critical",
        "major",
        "info",
    }
    assert json.loads(render("gitlab", CLEAN)) == []


# JUnit -------------------------------------------------------------------------------------------------------


def test_junit_fails_what_fails_the_run() -> None:
    for threshold, failures in ((Severity.MEDIUM, 5), (Severity.CRITICAL, 2), (Severity.MONITOR, 6)):
        suite = ET.fromstring(render("junit", fail_on=threshold)).find("testsuite")
        assert suite is not None
        assert suite.get("failures") == str(failures) == str(len(suite.findall("testcase/failure")))
        assert suite.get("skipped") == str(len(suite.findall("testcase/skipped"))) == "5"
        assert suite.get("tests") == str(len(suite.findall("testcase")))
    clean = ET.fromstring(render("junit", CLEAN))
    assert [case.get("name") for case in clean.iter("testcase")] == ["no findings"]


@pytest.mark.parametrize("name", NAMES)
def test_the_least_severity_holds_for_what_was_set_aside_too(name: str) -> None:
    report = replace(REPORT, findings=(), asides=REPORT.asides)
    assert "os.stat" not in render(name, report, min_severity=Severity.HIGH)
    assert "start-up only" not in render(name, report, min_severity=Severity.HIGH)


def test_exposures_of_one_place_are_told_apart() -> None:
    chain = chain_of(("a.py", 1, "a.f", ""))
    one = finding(chain=chain, exposures=exposures_of(chain, chain))
    assert (
        len(
            {
                r["partialFingerprints"]["primaryLocationLineHash"]
                for r in results(report=replace(REPORT, findings=(one,), asides=()))
            }
        )
        == 2
    )
