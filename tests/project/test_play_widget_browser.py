"""The playground's widget in Chromium, with the real session behind a page that stands for Jupyter.

The page has what anywidget gives a widget's module: an element, and a model that sends messages and
hears them. Both ends of the messages are the real ones. In JupyterLab itself it is tried by hand.
"""

from __future__ import annotations

import base64
import os
import queue
import shutil
import time
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
pytest.importorskip("anywidget", reason="needs pip install anywidget")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs Chromium: apt-get install chromium", allow_module_level=True)

from nnplug.play.widget import Playground, _worker  # noqa: E402  # needs anywidget

HOST = "http://notebook.test/"

# What anywidget gives to a widget's module, in a page with a style of its own.
JUPYTER = """<!doctype html><html lang="en"><head><title>notebook</title>
<style>button { background: lime; } body { margin: 0; font: 9px serif; }</style></head>
<body data-jp-theme-light="true"><div id="cell"></div><div id="below"></div>
<script type="module">
  import widget from "./widget.js";
  const listeners = new Set();
  window.model = {
    get: () => ADDRESS,
    send: (content) => window.up(content),
    on: (_, listener) => listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
  };
  window.down = (content, text) => {
    const buffer = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    for (const listener of listeners) listener(content, [new DataView(buffer.buffer)]);
  };
  window.end = widget.render({ model: window.model, el: document.querySelector("#cell") });
</script></body></html>"""


class Comm:
    """The kernel's end of the messages; what it sends waits for the test to carry it over."""

    comm_id = "a-comm"

    def __init__(self):
        self.sent = queue.Queue()

    def send(self, data=None, metadata=None, buffers=None):
        if data["method"] == "custom":
            self.sent.put((data["content"], base64.b64encode(buffers[0]).decode()))

    def close(self, *_, **__):
        pass

    def on_msg(self, _):
        pass

    def on_close(self, _):
        pass


class Notebook:
    """A page that shows a playground, and the carrying over of its messages."""

    def __init__(self, page, playground):
        self.page, self.playground, self.complaints, self.asked = page, playground, [], []
        playground.widget.comm = Comm()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self.asked.append(asked.url))
        page.route(HOST + "**", self._serve)
        page.expose_function("up", self._up)
        page.goto(HOST)

    def _serve(self, route):
        if route.request.url.endswith("widget.js"):
            module = self.playground.widget._esm.replace("SILENCE = 5000", "SILENCE = 200")
            route.fulfill(body=module, content_type="text/javascript")
        elif route.request.url == HOST:
            address = repr(self.playground.widget.address)
            route.fulfill(body=JUPYTER.replace("ADDRESS", address), content_type="text/html")
        else:
            route.fulfill(status=204)

    def _up(self, content):
        data = {"method": "custom", "content": content}
        self.playground.widget._handle_msg({"content": {"data": data}, "buffers": []})

    def until(self, true):
        limit = time.monotonic() + 30
        while not true():
            assert time.monotonic() < limit, self.complaints
            while not self.playground.widget.comm.sent.empty():
                self.page.evaluate(
                    "(both) => window.down(...both)", self.playground.widget.comm.sent.get()
                )
            self.page.wait_for_timeout(10)

    @property
    def inside(self):
        """The page in its frame, when it is ready."""
        frames = [frame for frame in self.page.frames if frame.parent_frame]
        ready = "document.documentElement.dataset.ready"
        return frames[0] if frames and frames[0].evaluate(ready) == "" else None

    def epochs(self):
        return int(self.inside.inner_text("#epochs").replace(",", ""))


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@pytest.fixture
def shown(browser):
    made = []

    def show(*data, **settings):
        page = browser.new_page(viewport={"width": 960, "height": 900})
        made.append(Notebook(page, Playground(*data, **settings)))
        made[-1].until(lambda: made[-1].inside)
        return made[-1]

    yield show
    for notebook in made:
        notebook.playground.close()
        assert notebook.complaints == []
        assert [url for url in notebook.asked if not url.startswith((HOST, "blob:"))] == []
        notebook.page.close()


def test_it_learns_and_obeys_in_a_notebook(shown):
    notebook = shown("circle:size=60", hidden=[5], activation="tanh", hide=["loss"])
    notebook.until(lambda: notebook.epochs() > 3)
    inside = notebook.inside
    assert inside.locator("select[data-kind=loss]").is_hidden()
    inside.click("#play")
    notebook.until(lambda: inside.locator("body.playing").count() == 0)
    before, learner = notebook.epochs(), notebook.playground._session.learners[0]
    assert before == learner.epoch
    inside.click("#epoch")
    notebook.until(lambda: notebook.epochs() == before + 1)
    shown_loss = float(inside.locator("#scores dd").first.get_attribute("title"))
    assert shown_loss == learner.scores()["loss"]["train"]
    # A cell keeps the kernel busy: the page says so, and takes it back.
    inside.click("#batch")
    inside.locator("#trouble").wait_for()
    assert "The kernel does not answer" in inside.inner_text("#trouble")
    notebook.until(lambda: inside.locator("#trouble").is_hidden())
    notebook.until(lambda: inside.inner_text("#batches") == "1/2")
    inside.get_by_role("tab", name="Code").click()
    notebook.until(lambda: inside.locator("section.code pre").count() == 3)
    assert "circle:size=60" in inside.locator("section.code pre").first.inner_text()
    # It is as high as what it shows, and neither's style reaches the other.
    height = notebook.page.locator("iframe").bounding_box()["height"]
    assert height == pytest.approx(inside.locator("body").bounding_box()["height"], abs=2)
    assert inside.evaluate("document.documentElement.dataset.look") == "light"
    color = "(button) => getComputedStyle(button).backgroundColor"
    assert inside.locator("#race").evaluate(color) != "rgb(0, 255, 0)"
    if folder := os.environ.get("NNPLUG_SHOTS"):
        notebook.page.screenshot(path=Path(folder) / "play-widget.png", full_page=True)


def test_it_goes_on_where_it_is_moved_and_ends_with_its_cell(shown):
    notebook = shown("circle:size=60")
    notebook.until(lambda: notebook.epochs() > 1)
    tab = _worker().tabs[notebook.playground._name]
    # The notebook takes the output out of its page and puts it in again: the frame is loaded anew.
    notebook.page.evaluate(
        "document.querySelector('#below').append(document.querySelector('iframe'))"
    )
    reached = tab.session.learners[0].epoch
    notebook.until(lambda: notebook.inside)
    notebook.until(lambda: notebook.epochs() > reached)
    notebook.page.evaluate("window.end()")  # the cell is run again, or its output cleared
    notebook.until(lambda: not tab.listeners)
    stopped = tab.session.learners[0].epoch
    notebook.page.wait_for_timeout(100)
    assert tab.session.learners[0].epoch == stopped
    assert notebook.page.locator("iframe").count() == 0
