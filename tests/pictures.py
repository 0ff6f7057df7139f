"""Draw the pictures that the pages show: a report in both looks, the playground, the lessons.

    python -m tests.pictures [report] [play] [lessons]

The table is the one of `docs/tutorial/first-hour.md`. A picture of a lesson shows what the command
above it shows. Needs Chromium and Playwright.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, sync_playwright

import nnplug
from tests.project.test_docs import DOCS, blocks
from tests.screens import screens_of_lessons

SIZE = {"width": 900, "height": 1320}

LESSON = {"width": 1200, "height": 900}

PLAYED = {
    "play-light": (
        {"width": 1360, "height": 1010},
        "light",
        'data=spiral:noise=0.03,size=300,turns=1.5&hidden=[8,6]&activation=["gelu","tanh"]'
        "&seed=1&epoch=500",
    ),
    "play-dark": (
        {"width": 1360, "height": 1170},
        "dark",
        "data=xor&seed=42&epoch=2400",
    ),
    "play-race": (
        {"width": 1360, "height": 880},
        "light",
        "data=moons:noise=0.1&hidden=[6,4]&activation=tanh&optimizer=momentum&seed=0&epoch=60"
        '&race={"hidden":[6,4],"activation":"tanh","optimizer":"adam:learning_rate=0.01"}',
    ),
}
"""The playground's pictures: size, look and address."""


def main() -> None:
    """Write `docs/pictures/report-*.png`, `play-*.png` and `lesson-*.png`, or those asked for."""
    asked = sys.argv[1:] or ["report", "play", "lessons"]
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if "report" in asked:
            draw_report(browser)
        if "play" in asked:
            draw_playground(browser)
        if "lessons" in asked:
            draw_lessons(browser)
        browser.close()


def draw_report(browser: Browser) -> None:
    """Train as the page does, and draw the report."""
    table = next(block for block in blocks("tutorial/first-hour.md") if block.caption)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / table.caption
        path.write_text(table.text, encoding="utf-8")
        nnplug.train(path, target="price", epochs=60, output=path.parent / "first")
        for look in ("light", "dark"):
            page = browser.new_page(viewport=SIZE, color_scheme=look)
            page.goto((path.parent / "first" / "report.html").as_uri())
            save(page.screenshot(), f"report-{look}", 64)


@contextlib.contextmanager
def playground() -> Iterator[str]:
    """Run a playground; give its address."""
    command = [sys.executable, "-m", "nnplug", "play", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGINT)


def draw_lessons(browser: Browser) -> None:
    """Draw the network, its losses and its output, or the microscope where it is open."""
    with playground() as address:
        for _, screen, picture in screens_of_lessons():
            if picture:
                page = browser.new_page(viewport=LESSON)
                page.goto(f"{address}#{screen}")
                page.wait_for_selector("html[data-ready]")
                page.wait_for_timeout(1000)
                names = ("#panel",) if "panel=" in screen else ("#middle", "#output")
                boxes = [box for name in names if (box := page.locator(name).bounding_box())]
                left, top = boxes[0]["x"], boxes[0]["y"]
                clip: FloatRect = {
                    "x": left,
                    "y": top,
                    "width": max(box["x"] + box["width"] for box in boxes) - left,
                    "height": max(box["y"] + box["height"] for box in boxes) - top,
                }
                save(page.screenshot(clip=clip, full_page=True), picture, 128)


def draw_playground(browser: Browser) -> None:
    """Start a playground, and draw what its addresses show."""
    with playground() as address:
        for name, (size, look, fragment) in PLAYED.items():
            page = browser.new_page(viewport=size, color_scheme=look)
            page.goto(f"{address}#{fragment}")
            page.wait_for_selector("html[data-ready]")
            if name == "play-dark":
                page.get_by_role("tab", name="Microscope").click()
                page.get_by_label("Row of the data").fill("2")
                page.get_by_label("Row of the data").press("Tab")
                page.wait_for_timeout(1000)
                page.get_by_role("button", name="backwards").click()
                page.get_by_role("button", name="hidden1.weight.grad").click()
                page.locator(".elements tr").nth(1).hover()
            page.wait_for_timeout(1000)
            save(page.screenshot(), name, 128)


def save(screenshot: bytes, name: str, shades: int) -> None:
    """Write a screenshot with few shades: a third of the bytes, and nobody sees the difference."""
    shot = Image.open(io.BytesIO(screenshot))
    picture = DOCS / "pictures" / f"{name}.png"
    shot.convert("RGB").quantize(shades).save(picture, optimize=True)


if __name__ == "__main__":
    main()
