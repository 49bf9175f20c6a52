"""The reference engine's own page in a real browser, with the engine behind it, and the page that bench writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import Tab
from engine import hostile
from engine.conftest import pdf, start  # noqa: F401 - fixtures
from engine.serving import Server, needs_engine
from unit.test_bench_figures import written

pytestmark = pytest.mark.slow

Start = Callable[..., Server]
Pdf = Callable[..., bytes]


@pytest.fixture
def show(chromium: Any) -> Iterator[Callable[..., Tab]]:
    """Opens an address; keyword arguments are those of a browser context."""
    contexts = []

    def open_page(address: str, **settings: Any) -> Tab:
        context = chromium.new_context(**settings)
        context.set_default_timeout(120_000)
        contexts.append(context)
        found = Tab(context.new_page())
        found.page.goto(address)
        return found

    yield open_page
    for context in contexts:
        context.close()


def violations(tab: Tab, tools: Path) -> list[Any]:
    axe = tools / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed: run .ci/page-tools")
    tab.page.evaluate(axe.read_text(encoding="utf-8"))
    result = tab.page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in result["violations"]]


@needs_engine
def test_jobs_and_their_progress_are_shown_and_survive_a_new_server(
    start: Start,  # noqa: F811
    pdf: Pdf,  # noqa: F811
    show: Callable[..., Tab],
    tmp_path: Path,
) -> None:
    good, torn = tmp_path / "good.pdf", tmp_path / "torn.png"
    good.write_bytes(pdf(pages=2))
    torn.write_bytes(hostile.noise(600, 600)[:2000])
    (tmp_path / "wrong.txt").write_text("neither a PDF nor a picture")
    server = start()
    page = show(server.url).page
    page.get_by_text("connected", exact=True).wait_for()
    page.set_input_files("input[type=file]", [good, torn, tmp_path / "wrong.txt"])
    page.get_by_role("button", name="Process").click()
    page.locator("#message", has_text="wrong.txt: ").wait_for()
    completed = page.locator("#jobs tr", has_text="completed")
    completed.wait_for()
    failed = page.locator("#jobs tr", has_text="failed")
    failed.wait_for()
    assert "the image is damaged" in failed.text_content()
    assert completed.locator("progress").get_attribute("aria-label") == "2 of 2 pages"
    server.kill()
    page.get_by_text("disconnected, trying again").wait_for()
    start("--port", str(server.port))
    page.get_by_text("connected", exact=True).wait_for()
    failed.get_by_role("button", name="retry").click()
    page.locator("#jobs tr", has_text="failed").wait_for()
    assert page.locator("#jobs tr").count() == 2


@needs_engine
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(
    start: Start,  # noqa: F811
    pdf: Pdf,  # noqa: F811
    show: Callable[..., Tab],
    tools: Path,
    scheme: str,
) -> None:
    server = start()
    server.ended(server.submit(pdf()))
    tab = show(server.url, color_scheme=scheme)
    tab.page.locator("#jobs tr", has_text="completed").wait_for()
    assert violations(tab, tools) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_bench_is_accessible_and_asks_for_nothing(
    show: Callable[..., Tab], tools: Path, tmp_path: Path, scheme: str
) -> None:
    file = tmp_path / "bench.html"
    file.write_text(written(), encoding="utf-8")
    tab = show(file.as_uri(), color_scheme=scheme, bypass_csp=True)
    assert violations(tab, tools) == []
    assert (tab.requests, tab.errors) == ([file.as_uri()], [])


def test_the_page_of_bench_is_valid(node: Any, tmp_path: Path) -> None:
    file = tmp_path / "bench.html"
    file.write_text(written(), encoding="utf-8")
    done = node("html-validate", file)
    assert done.returncode == 0, done.stdout
