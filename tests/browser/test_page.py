"""The page in a real browser: accessible, usable by keyboard, whole without a script, silent on the network."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import Tab, messages
from unit.page import Page
from unit.reporters_sample import REPORT

pytestmark = pytest.mark.slow
Open = Callable[..., Tab]
ALL = ("all", "sample", "empty")


# Validators --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_html_validate(name: str, pages: dict[str, Path], node: Any) -> None:
    done = node("html-validate", pages[name])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ALL)
def test_vnu(name: str, pages: dict[str, Path], tools: Path) -> None:
    jar = tools / "vnu-jar" / "build" / "dist" / "vnu.jar"
    if not jar.exists() or shutil.which("java") is None:
        pytest.skip("vnu and Java are not installed: run .ci/page-tools")
    done = subprocess.run(
        ["java", "-jar", jar, "--format", "json", "--errors-only", pages[name]],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [message["message"] for message in messages(done.stderr)]
    # what is newer than this validator: one opens on paper what is folded, the other lets long lists be laid out late
    newer = ("::details-content", "contain-intrinsic-size")
    assert [text for text in found if not any(name in text for name in newer)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ALL)
def test_axe(name: str, scheme: str, tab: Open, tools: Path) -> None:
    axe = tools / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed: run .ci/page-tools")
    shown = tab(name, color_scheme=scheme, bypass_csp=True)
    shown.page.evaluate(axe.read_text(encoding="utf-8"))
    for opened in (False, True):
        if opened:
            shown.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        result = shown.page.evaluate("axe.run({ resultTypes: ['violations'] })")
        found = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in result["violations"]]
        assert found == []


# Whole by itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_it_asks_the_network_for_nothing(name: str, tab: Open, pages: dict[str, Path]) -> None:
    shown = tab(name)
    shown.page.mouse.wheel(0, 5000)
    shown.page.wait_for_load_state("networkidle")
    assert [url for url in shown.requests if not url.startswith("data:")] == [pages[name].as_uri()]
    assert shown.errors == []


def test_all_of_it_is_there_without_a_script(tab: Open, pages: dict[str, Path]) -> None:
    shown = tab("all", java_script_enabled=False)
    words = re.sub(r"\s", "", Page(pages["all"].read_text(encoding="utf-8")).text)
    text = shown.page.locator("main").text_content()
    assert len(re.sub(r"\s", "", text)) >= 0.95 * len(words)
    assert not shown.page.locator("#filters").is_visible()
    first = shown.page.locator("details.f").first
    first.locator("summary").click()
    assert first.locator(".path").is_visible()


def test_print_shows_everything(tab: Open) -> None:
    shown = tab("all")
    assert not shown.page.locator("details.f .path").first.is_visible()
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown.page.emulate_media(media="print")
    assert shown.page.locator("details:not([open])").count() == 0
    assert shown.page.locator("details.f .path").last.is_visible()
    assert not shown.page.locator("#filters").is_visible()
    shown.page.emulate_media(media="screen")
    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown.page.locator("details.f[open]").count() == 0


# Use ---------------------------------------------------------------------------------------------------------


def test_keys(tab: Open) -> None:
    shown = tab("all")
    ids = shown.shown()
    keyboard = shown.page.keyboard
    keyboard.press("j")
    assert shown.focused() == ids[0]
    keyboard.press("j")
    keyboard.press("j")
    keyboard.press("k")
    assert shown.focused() == ids[1]
    keyboard.press("o")
    assert shown.page.locator(f"#{ids[1]}").get_attribute("open") is not None
    keyboard.press("Enter")
    assert shown.page.locator(f"#{ids[1]}").get_attribute("open") is None
    keyboard.press("e")
    assert shown.page.locator("details.f[open]").count() == len(ids)
    keyboard.press("e")
    assert shown.page.locator("details.f[open]").count() == 0
    keyboard.press("?")
    assert shown.page.locator("#keys").is_visible()
    keyboard.press("Escape")
    assert not shown.page.locator("#keys").is_visible()
    keyboard.press("/")
    assert shown.page.evaluate("document.activeElement.id") == "search"
    keyboard.type("jo")
    assert shown.page.locator("#search").input_value() == "jo"
    keyboard.press("Escape")
    assert shown.shown() == ids
    assert shown.errors == []


def test_everything_can_be_reached_by_tab(tab: Open) -> None:
    shown = tab("all")
    wanted = shown.page.evaluate(
        "[...document.querySelectorAll('a[href], button, select, input, summary')]"
        ".filter((one) => one.checkVisibility() && !one.closest('dialog')).length"
    )
    reached = shown.page.evaluate_handle("new Set()")
    for _ in range(3 * wanted):
        shown.page.keyboard.press("Tab")
        shown.page.evaluate("(seen) => { seen.add(document.activeElement); }", reached)
    found = shown.page.evaluate(
        "(seen) => [...seen].filter((one) => one.matches('a[href], button, select, input, summary')).length",
        reached,
    )
    assert found >= wanted


def test_filters_search_and_sort(tab: Open) -> None:
    shown = tab("all")
    page, ids = shown.page, shown.shown()
    severities = [finding.severity.name for finding in sorted(REPORT.findings, key=lambda one: -one.severity)]
    page.locator(".chip", has_text="MONITOR").click()
    assert shown.shown() == [
        one for one, severity in zip(ids, severities, strict=True) if severity != "MONITOR"
    ]
    page.locator("#search").fill("STORAGE.py :60")
    assert len(shown.shown()) == 1
    page.locator("#search").fill("nothing like that")
    assert shown.shown() == []
    page.locator("#reset").click()
    assert shown.shown() == ids
    page.locator("#rule").select_option("LOOP303")
    assert len(shown.shown()) == 3
    assert page.locator("#shown").text_content() == "3 of 6"
    page.locator("#rule").select_option("")
    page.locator("#sort").select_option("time")
    assert shown.page.locator("details.f").first.locator("h3").text_content().startswith("docling")
    page.locator("#sort").select_option("place")
    places = page.locator("details.f .w").all_text_contents()
    assert places == sorted(places)
    page.locator("#sort").select_option("severity")
    assert shown.shown() == ids
    page.locator(".tiles a.high, .tiles .high a").first.click()
    assert len(shown.shown()) == 1


def test_a_permalink_opens_its_finding(tab: Open) -> None:
    target = tab("all").shown()[3]
    shown = tab("all", f"#{target}")
    assert shown.page.locator(f"#{target}").get_attribute("open") is not None
    assert shown.focused() == target
    shown.page.locator(".first .action a").first.click()
    shown.page.wait_for_function("document.activeElement.closest('details.f') !== null")
    assert shown.page.locator("details.f[open]").count() == 2


def test_the_theme_can_be_chosen(tab: Open) -> None:
    shown = tab("all", color_scheme="light")
    color = "getComputedStyle(document.body).backgroundColor"
    light = shown.page.evaluate(color)
    shown.page.locator("#theme").click()
    assert shown.page.evaluate(color) != light
    shown.page.keyboard.press("t")
    assert shown.page.evaluate(color) == light


def test_copying(tab: Open) -> None:
    shown = tab("all", permissions=["clipboard-read", "clipboard-write"])
    shown.page.locator("details.f").first.locator("summary").click()
    shown.page.locator(".fix .copier").first.click()
    shown.page.locator(".fix .copier", has_text="Copied").wait_for()
    assert "+    await asyncio.sleep(6)" in shown.page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize("width", [360, 768, 1280, 2200])
def test_nothing_sticks_out(width: int, tab: Open) -> None:
    shown = tab("sample", viewport={"width": width, "height": 900})
    shown.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width


def test_five_thousand_findings_can_be_used(tab: Open) -> None:
    shown = tab("huge")
    assert len(shown.shown()) == 5000
    shown.page.locator("#search").fill("module_7.py")
    assert 0 < len(shown.shown()) < 5000
    shown.page.locator("#search").fill("")
    shown.page.locator("#sort").select_option("place")
    first = shown.page.locator("details.f").first
    first.locator("summary").click()
    first.locator(".said").first.wait_for()
    assert "FILE:LINE" in first.text_content()
    assert shown.errors == []


# Markdown ----------------------------------------------------------------------------------------------------


def test_markdownlint(node: Any, repository_root: Path, tmp_path: Path) -> None:
    (tmp_path / ".markdownlint.json").write_text(
        # lines are as long as they are; targets of links need an element; a summary begins at the second level
        '{"MD013": false, "MD033": {"allowed_elements": ["a"]}, "MD041": false}'
    )
    samples = sorted((repository_root / "reports" / "samples").glob("*.md"))
    assert len(samples) == 2
    for path in samples:
        shutil.copy(path, tmp_path)
    shutil.copy(repository_root / "tests" / "unit" / "goldens" / "report.markdown", tmp_path / "golden.md")
    done = node("markdownlint-cli2", "*.md", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
