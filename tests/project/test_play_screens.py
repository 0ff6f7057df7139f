"""The playground's page and its addresses in Chromium: what one says is what is shown."""

from __future__ import annotations

import json
import shlex

import tests.project.test_play_browser as pages
from nnplug.play.screen import read_screen
from tests.project.test_play_browser import PAUSED, ask, epochs, until
from tests.screens import screens_of_lessons

served, browser, opened = pages.served, pages.browser, pages.opened

# What the page's own code reads in each of these addresses.
READING = """async (texts) => {
  const { readAddress } = await import("./address.js");
  const before = location.hash;
  const found = texts.map((text) => {
    history.replaceState(null, "", `#${text}`);
    return readAddress(location.hash);
  });
  history.replaceState(null, "", before);
  return found;
}"""

# As a browser does when a file is dropped on the page.
DROPPING = """(text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], "dropped.csv", {type: "text/csv"}));
  document.querySelector("#drop").dispatchEvent(
    new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
}"""


def microscope(page):
    """Wait for an array in the microscope; return its name and its first number."""
    page.wait_for_selector(".lens")
    name = page.locator(".lens h3").evaluate("(e) => e.firstChild.textContent")
    return name, page.locator(".elements .result").first.inner_text()


def test_the_page_and_the_command_line_read_addresses_alike(opened):
    texts = [screen.text for screen in screens_of_lessons()]
    texts += [
        'data=spiral:classes=3&hidden=[8,6]&activation=["gelu","tanh"]&points=[[0.5,-1,1]]&step=1',
        'layers=dense:8+gelu%20dropout:0.1&l2=1e-3&seed=NaN&axes=[0,2]&fixed={"1":0.75}',
        'activation=%5B%22relu%22%5D&loss=&dtype="float32"&batch_size=full&hide=a,b&panel=code',
    ]
    page = opened(PAUSED)
    for text, found in zip(texts, page.evaluate(READING, texts), strict=True):
        hide, panel = found.pop("hide"), found.pop("panel")
        assert found == json.loads(json.dumps(read_screen(text))), text
        assert (bool(hide), bool(panel)) == ("hide=" in text, "panel=" in text)


def test_the_first_lesson_opens_where_it_says_and_waits(opened):
    (screen,) = [one for one in screens_of_lessons() if one.picture == "lesson-xor-step"]
    page = opened(f"#{screen.text}")
    assert microscope(page) == ("output.delta", "= −0.29518")
    page.wait_for_timeout(150)
    assert epochs(page) == 0
    assert page.locator("body.playing").count() == 0
    # The way on is in the address too, and a reload keeps it.
    page.get_by_title("One forward").click()
    until(page, "location.hash.includes('output.weight.grad')")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert microscope(page)[0] == "output.weight.grad"
    # What Share gives to copy opens the same: its shell command is read as a shell does.
    page.click("#share")
    words = shlex.split(page.locator("dialog textarea").input_value())
    assert words[:3] == ["nnplug", "play", "--screen"]
    assert read_screen(words[3]) == {"settings": [{"seed": 42}], "data": "xor", "epoch": 0}
    other = opened(f"#{words[3]}")
    assert microscope(other)[0] == "output.weight.grad"
    assert epochs(other) == 0


def test_small_numbers_have_as_many_digits_as_others_in_the_microscope(opened, served):
    page = opened("#data=xor&seed=42&epoch=2400&panel=microscope:2:hidden1.weight.grad")
    page.wait_for_selector(".lens")
    (tab,) = [tab for tab in served[1].tabs.values() if tab.listeners]
    trace = tab.session.learners[0].trace(2)
    (step,) = [step for step in trace.steps if step.name == "hidden1.weight.grad"]
    values = [element.value for element in step.elements]
    assert 0 < min(map(abs, values[:2])) < 1e-4 < max(map(abs, values[:2]))
    shown = page.locator(".elements .result").all_inner_texts()
    digits = [text.removeprefix("= ").replace("−", "-") for text in shown]
    assert [float(text) for text in digits] == [float(f"{value:.6g}") for value in values]


def test_the_lesson_on_losses_is_a_race_of_two(opened):
    (screen,) = [one for one in screens_of_lessons() if one.picture == "lesson-losses"]
    page = opened(f"#{screen.text}")
    state, wanted = ask(page, "state"), read_screen(screen.text)
    assert [lane["settings"]["loss"] for lane in state["lanes"]] == ["mse", "binary_cross_entropy"]
    assert [lane["epoch"] for lane in state["frame"]["lanes"]] == [wanted["epoch"]] * 2
    assert page.locator("canvas.map").count() == 2


def test_back_and_forward(opened):
    page = opened(PAUSED)
    page.evaluate("location.hash = '#data=moons:size=40&seed=1&epoch=1'")
    until(page, "document.querySelector('#epochs').textContent === '1'")
    assert ask(page, "state")["data"]["name"] == "moons:size=40"
    page.go_back()
    until(page, "document.querySelector('#epochs').textContent === '2'")
    assert ask(page, "state")["data"]["name"] == "circle:size=60"
    page.go_forward()
    until(page, "document.querySelector('#epochs').textContent === '1'")
    assert ask(page, "state")["data"]["name"] == "moons:size=40"


def test_a_table_is_dropped_and_every_loss_for_its_numbers_is_there(opened):
    page = opened(PAUSED)
    rows = "".join(f"{k % 13},{k % 7},{1 + k % 29}\n" for k in range(60))
    page.evaluate(DROPPING, f"a,b,count\n{rows}")
    until(page, "document.querySelector('p.file')?.textContent === 'dropped.csv'")
    for name in ("poisson_nll", "mape", "msle"):
        page.locator("select[data-kind=loss]").select_option(name)
        for _ in range(200):
            if ask(page, "state")["lanes"][0]["settings"]["loss"] == name:
                break
            page.wait_for_timeout(30)
        until(page, "document.querySelector('#epochs').textContent === '0'")
        page.click("#epoch")
        until(page, "document.querySelector('#epochs').textContent === '1'")
        assert ask(page, "state")["lanes"][0]["settings"]["loss"] == name
        assert "–" not in page.inner_text("#scores")
    page.click("#share")
    command = page.locator("dialog textarea").input_value()
    assert command.startswith('nnplug play dropped.csv --screen "')
