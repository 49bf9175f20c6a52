"""The documentation: no dead link, a page for each rule and command, pages that markdown and MkDocs take."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from auditor import rulebook
from auditor.catalog import load_texts
from auditor.cli.main import COMMANDS

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def hooks(repository_root: Path) -> ModuleType:
    path = repository_root / "docs" / "hooks.py"
    spec = importlib.util.spec_from_file_location("docs_hooks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(text: str) -> set[str]:
    """The anchors of headings, as GitHub and MkDocs make them."""
    titles = re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower().strip())) for title in titles}


def test_links_of_the_repository(repository_root: Path) -> None:
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (repository_root / name).read_text(encoding="utf-8")
        for link in LINK.findall(FENCED.sub("", text)):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = repository_root / (file or name)
            assert target.exists(), f"{name}: {link}"
            if anchor:
                assert anchor in anchors(target.read_text(encoding="utf-8")), f"{name}: {link}"


def test_links_of_the_site(repository_root: Path, hooks: ModuleType) -> None:
    site = repository_root / "docs" / "site"
    pages = {
        path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.glob("**/*.md")
    }
    pages |= hooks.generated()
    samples = {f"samples/{path.name}" for path in (repository_root / "reports" / "samples").iterdir()}
    for name, text in pages.items():
        for link in LINK.findall(re.sub(r"`[^`\n]*`", "", FENCED.sub("", text))):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = f"{name.rpartition('/')[0]}/{file}".removeprefix("/") if file else name
            assert target in pages or target in samples, f"{name}: {link}"
            if anchor:
                assert anchor in anchors(pages[target]), f"{name}: {link}"
    navigation = (repository_root / "mkdocs.yml").read_text(encoding="utf-8")
    assert all(f": {path.name}" in navigation for path in site.glob("*.md"))


def test_every_rule_has_its_page(repository_root: Path, hooks: ModuleType) -> None:
    pages = hooks.generated()
    for rule in rulebook.load(repository_root / "rules"):
        page = pages[f"rules/{rule.id}.md"]
        assert page.startswith(f"# {rule.name} ({rule.id})\n")
        assert "# expect:" not in page
        assert "```python bad" not in page
        assert all(f"\n## {heading}\n" in page for heading in rulebook.HEADINGS)
        assert f"[{rule.id}]({rule.id}.md)" in pages["rules/index.md"]


def test_every_command_is_described(hooks: ModuleType) -> None:
    page = hooks.generated()["commands.md"]
    assert all(f"\n## {name}\n" in page and f"usage: auditor {name}" in page for name in COMMANDS)


def test_examples_are_right(repository_root: Path) -> None:
    site = repository_root / "docs" / "site"
    (settings, model) = re.findall(r"```toml\n(.*?)```", (site / "models.md").read_text(), re.DOTALL)
    tomllib.loads(settings)
    assert load_texts([("acme.toml", model.encode())]).api("acme.Client.fetch") is not None
    for path in site.glob("*.md"):
        for command in re.findall(r"^auditor (?!finds)(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert command in COMMANDS, f"{path.name}: auditor {command}"
