"""Draw the pictures of a report that the pages show, in both looks.

    python -m tests.pictures

The table is the one of `docs/tutorial/first-hour.md`. Needs Chromium and Playwright.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import nnplug
from tests.project.test_docs import DOCS, blocks

SIZE = {"width": 900, "height": 1320}


def main() -> None:
    """Train as the page does, and write `docs/pictures/report-*.png`."""
    table = next(block for block in blocks("tutorial/first-hour.md") if block.caption)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / table.caption
        path.write_text(table.text, encoding="utf-8")
        nnplug.train(path, target="price", epochs=60, output=path.parent / "first")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for look in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, color_scheme=look)
            page.goto((path.parent / "first" / "report.html").as_uri())
            shot = Image.open(io.BytesIO(page.screenshot()))
            # A palette is a third of the bytes, and nobody sees the difference.
            picture = DOCS / "pictures" / f"report-{look}.png"
            shot.convert("RGB").quantize(64).save(picture, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
