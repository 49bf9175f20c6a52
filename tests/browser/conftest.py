"""A real browser and the validators, where `.ci/page-tools` (or somebody) has installed them; else a reason to skip."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unit.reporters_sample import REPORT, SOURCES
from unit.test_reporters_document import STALL
from unit.test_reporters_html import many

from auditor.model import Report
from auditor.reporters import Options, get

CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def tools(repository_root: Path) -> Path:
    """node_modules with the validators."""
    modules = repository_root / ".venvs" / "page" / "node_modules"
    if not modules.is_dir():
        pytest.skip("the page's validators are not installed: run .ci/page-tools")
    return modules


@pytest.fixture(scope="session")
def node(tools: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a tool of node_modules/.bin."""

    def run(name: str, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        program = tools / ".bin" / name
        if not program.exists() or shutil.which("node") is None:
            pytest.skip(f"{name} is not installed: run .ci/page-tools")
        return subprocess.run([program, *arguments], cwd=cwd, capture_output=True, text=True, check=False)

    return run


def page_of(report: Report, **options: Any) -> str:
    out = io.StringIO()
    values = {"source": SOURCES.get, "title": "app", "paths": ("app",), "evidence": (STALL,)} | options
    get("html").render(report, out, options=Options(**values))
    return out.getvalue()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory, repository_root: Path) -> dict[str, Path]:
    """Pages to look at: a small one with all there can be, the committed sample, large ones, one without findings."""
    directory = tmp_path_factory.mktemp("pages")
    found = {"sample": repository_root / "reports" / "samples" / "broken.html"}
    empty = replace(REPORT, findings=(), score=10.0, score_parts=())
    texts = {
        "all": page_of(REPORT),
        "empty": page_of(empty, evidence=()),
        "many": page_of(many(1000), evidence=()),
        "huge": page_of(many(5000), evidence=()),
    }
    for name, text in texts.items():
        found[name] = directory / f"{name}.html"
        found[name].write_text(text, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium; for one module, since playwright keeps a loop running that other tests would meet."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: run .ci/page-tools")
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("there is no Chromium on PATH: run .ci/page-tools")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


class Tab:
    """A page in the browser, with what it asked the network for and what went wrong in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)

    def shown(self) -> list[str]:
        """Ids of the findings that are to be seen, in order."""
        found = self.page.evaluate(
            "[...document.querySelectorAll('details.f')].filter((one) => !one.hidden).map((one) => one.id)"
        )
        return [str(one) for one in found]

    def focused(self) -> str:
        """Id of the finding that has the focus."""
        return str(self.page.evaluate("document.activeElement.closest('details.f')?.id ?? ''"))


@pytest.fixture
def tab(chromium: Any, pages: dict[str, Path]) -> Iterator[Callable[..., Tab]]:
    """Opens a page; keyword arguments are those of a browser context."""
    contexts = []

    def open_page(name: str, fragment: str = "", **settings: Any) -> Tab:
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | settings))
        context.set_default_timeout(120_000)
        contexts.append(context)
        found = Tab(context.new_page())
        found.page.goto(pages[name].as_uri() + fragment)
        return found

    yield open_page
    for context in contexts:
        context.close()


def messages(text: str) -> list[dict[str, Any]]:
    """The messages of vnu's JSON."""
    return list(json.loads(text)["messages"])
