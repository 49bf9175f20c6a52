"""Takes the picture of the page that the README shows, from the committed sample: `make pictures`."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "reports" / "samples"
WIDTH, HEIGHT = 1280, 1000


def main() -> None:
    """Write page.png."""
    from playwright.sync_api import sync_playwright

    program = (
        shutil.which("chromium") or shutil.which("google-chrome-stable") or shutil.which("google-chrome")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for scheme, name in (("light", "page.png"),):
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
            page.goto((SAMPLES / "broken.html").as_uri())
            page.screenshot(path=SAMPLES / name)
            print(f"{name} written")
        browser.close()


if __name__ == "__main__":
    main()
