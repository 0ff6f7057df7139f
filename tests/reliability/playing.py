"""Measure a running playground: frames, speed, memory, tabs, and how soon it is there.

    python -m tests.reliability.playing [opening] [speed] [tabs] [memory=MINUTES]

Prints a line of JSON for each. Where other programs would falsify a time, it is processor time:
the playground's whole process, with its frames and its HTTP, against the same loop in a process of
its own, by turns. `ratio` is of the epochs in a second of it. A frame costs the same however busy
the machine is, so a playground that gets little of a processor spends more of it on frames;
`ratio_alone` is what remains for training at twenty frames a second and a processor for itself.
Needs Chromium and Playwright.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

SCREEN = 'data=circle:size=500&hidden=[8,8]&activation=["tanh"]&seed=0'
"""A network 2-8-8-1 and 500 points."""

TURN = 8.0
"""Seconds of each turn of a comparison."""

LOOP = """
import sys, time
from nnplug.play.content import Content
from nnplug.play.learner import Learner
from nnplug.runs.preparing import default_registry
settings = {"hidden": [8, 8], "activation": ["tanh"], "seed": 0}
learner = Learner(Content("circle:size=500"), settings, default_registry())
learner.learn_to(20)
before, cpu, until = learner.epoch, time.process_time(), time.perf_counter() + float(sys.argv[1])
learner.trainer.run(every=200, on_epoch=lambda _: None,
                    should_stop=lambda: time.perf_counter() >= until)
print((learner.epoch - before) / (time.process_time() - cpu))
"""
"""The loop without a page; it prints epochs per second of processor time."""

# Counts the frames that are drawn: each has its own epoch.
CHANGES = """() => { window.changes = 0; new MutationObserver(() => { window.changes += 1; })
  .observe(document.querySelector("#epochs"), {childList: true}); }"""


class Playground:
    """`nnplug play --no-browser` in a process of its own."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        command = [sys.executable, "-m", "nnplug", "play", "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        self.listening = time.perf_counter() - self.started

    def cpu(self) -> float:
        """Give its processor time so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Give its resident memory, in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def open(self, browser: Browser, screen: str = SCREEN) -> Page:
        """Open a tab."""
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{self.address}#{screen}")
        page.wait_for_selector("html[data-ready]")
        return page

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


@contextlib.contextmanager
def playground() -> Iterator[Playground]:
    """Run a playground."""
    running = Playground()
    try:
        yield running
    finally:
        running.stop()


def epoch(page: Page) -> int:
    """Read the epoch on the screen."""
    return int(page.inner_text("#epochs").replace(",", ""))


def opening(browser: Browser) -> dict[str, Any]:
    """Measure the seconds from the command to its address, and to a network that learns."""
    found = []
    for _ in range(4):
        with playground() as running:
            page = browser.new_context().new_page()
            page.goto(running.address)
            while not (page.locator("#epochs").count() and epoch(page) > 0):
                page.wait_for_timeout(5)
            seen = time.perf_counter() - running.started
            found.append({
                "address": round(running.listening, 2), "learning": round(seen, 2),
                "processor": round(running.cpu(), 2),
            })  # fmt: skip
            page.context.close()
    return {"opening": found}


def speed(browser: Browser) -> dict[str, Any]:
    """Measure frames per second, and the loop's speed under a page against the loop alone."""
    turns = []
    with playground() as running:
        page = running.open(browser)
        page.select_option("#speed", "0")
        page.evaluate(CHANGES)
        for _ in range(4):
            if not page.locator("body.playing").count():
                page.keyboard.press("Space")
            page.wait_for_timeout(1500)
            at = (time.perf_counter(), running.cpu(), epoch(page), page.evaluate("changes"))
            page.wait_for_timeout(TURN * 1000)
            to = (time.perf_counter(), running.cpu(), epoch(page), page.evaluate("changes"))
            wall, cpu, epochs, frames = (b - a for a, b in zip(at, to, strict=True))
            page.keyboard.press("Space")
            page.wait_for_selector("body:not(.playing)")
            line = [sys.executable, "-c", LOOP, str(TURN)]
            alone = float(subprocess.run(line, capture_output=True, check=True).stdout)
            cost = (cpu - epochs / alone) / frames  # seconds of a frame, from map to socket
            turns.append({
                "frames": round(frames / wall, 1), "epochs": round(epochs / cpu),
                "alone": round(alone), "ratio": round(epochs / cpu / alone, 3),
                "processor": round(cpu / wall, 2), "frame_ms": round(1000 * cost, 2),
                "ratio_alone": round(1 - 20 * cost, 3),
            })  # fmt: skip
        page.context.close()
        time.sleep(1)
        before = running.cpu()
        time.sleep(5)
        closed = running.cpu() - before
    return {"speed": turns, "processor_seconds_in_5_after_closing": round(closed, 2)}


def tabs(browser: Browser) -> dict[str, Any]:
    """Let eight tabs learn at the same time."""
    with playground() as running:
        pages = [running.open(browser) for _ in range(8)]
        for page in pages:
            page.select_option("#speed", "0")
            page.evaluate(CHANGES)
        before = [(epoch(page), page.evaluate("changes")) for page in pages]
        started, cpu = time.perf_counter(), running.cpu()
        time.sleep(TURN)
        for page in pages:
            page.wait_for_timeout(10)
        after = [(epoch(page), page.evaluate("changes")) for page in pages]
        wall, cpu = time.perf_counter() - started, running.cpu() - cpu
        return {
            "tabs": [
                {"epochs": b[0] - a[0], "frames": round((b[1] - a[1]) / wall, 1)}
                for a, b in zip(before, after, strict=True)
            ],
            "processor": round(cpu / wall, 2),
            "memory": round(running.memory()),
        }


def memory(browser: Browser, minutes: int) -> dict[str, Any]:
    """Let one page learn, and look at the memory of the server and of the page each minute."""
    found = []
    with playground() as running:
        page = running.open(browser)
        page.select_option("#speed", "0")
        session = page.context.new_cdp_session(page)
        for minute in range(minutes + 1):
            if minute:
                page.wait_for_timeout(60_000)
            session.send("HeapProfiler.collectGarbage")
            heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
            found.append({
                "minute": minute, "server": round(running.memory(), 1), "page": round(heap, 2),
                "epoch": epoch(page),
            })  # fmt: skip
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    return {"memory": found}


def main() -> None:
    """Measure what is asked for, or all."""
    asked = sys.argv[1:] or ["opening", "speed", "tabs", "memory=10"]
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for one in asked:
            name, _, value = one.partition("=")
            if name == "memory":
                print(json.dumps(memory(browser, int(value or 10))), flush=True)
            else:
                print(json.dumps({"opening": opening, "speed": speed, "tabs": tabs}[name](browser)),
                      flush=True)  # fmt: skip
        browser.close()


if __name__ == "__main__":
    main()
