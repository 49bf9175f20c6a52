"""Prints how large the HTML page is, and how fast its filter and its order answer in a browser.

.ci/page-tools && .venv/bin/python tests/bench/page_speed.py [FINDINGS ...]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from support import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from browser.conftest import CHROMIUM, page_of
from unit.test_reporters_html import many

MEASURE = """(text) => {
  const search = document.getElementById("search"), began = performance.now();
  search.value = text;
  search.dispatchEvent(new Event("input"));
  const script = performance.now() - began;
  document.body.getBoundingClientRect();
  return [script, performance.now() - began];
}"""


def main(numbers: list[int]) -> None:
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as directory:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for number in numbers:
            began = time.perf_counter()
            text = page_of(many(number), evidence=())
            took = time.perf_counter() - began
            path = Path(directory) / f"{number}.html"
            path.write_text(text, encoding="utf-8")
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            page.goto(path.as_uri())
            loaded = time.perf_counter() - began
            answers = [
                page.evaluate(MEASURE, word)
                for word in ("module_7.py", "module_7.py method_4", "time.sleep", "")
            ]
            print(
                f"{number:>6,} findings: {len(text.encode()) / 1e6:.2f} MB, rendered in {took:.2f} s, loaded in "
                f"{loaded:.2f} s; filter (script / with layout, ms): "
                + ", ".join(f"{script:.0f} / {whole:.0f}" for script, whole in answers)
            )
            page.close()
        browser.close()


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]] or [100, 1000, 5000])
