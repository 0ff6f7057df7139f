"""The playground's page in Chromium: what a person does with it, and what is shown."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.play.content import Content
from nnplug.play.session import Session
from nnplug.play.worker import Worker
from tests.project.test_browser import CONTRAST, CUT

sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
pytest.importorskip("uvicorn", reason="needs starlette and uvicorn")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs Chromium: apt-get install chromium", allow_module_level=True)

from nnplug.play import server  # noqa: E402  # needs Starlette

# Controls without a name that a screen reader could say.
NAMELESS = """() => [...document.querySelectorAll("button, select, input")].filter((e) =>
  !(e.title || e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length)
).map((e) => e.outerHTML)"""

# Counts how often the number of epochs changes on the screen.
COUNTING = """() => new MutationObserver(() => { window.changes = (window.changes ?? 0) + 1; })
  .observe(document.querySelector("#epochs"), {childList: true})"""

# The colours of the large map, (100 * 100 * 4,).
PIXELS = """() => [...document.querySelector("canvas.map").getContext("2d")
  .getImageData(0, 0, 100, 100).data]"""

HTML = "<img src=x onerror=alert(1)>"


@nnplug.activation
def marked(x):
    """<img src=x onerror=alert(1)><script>alert(2)</script> (<b>Nobody</b>, 2020)."""
    return np.tanh(x)


@pytest.fixture(scope="module")
def served():
    """A running playground whose registry has a part with HTML in its docstring."""
    registry = nnplug.Registry()
    registry.register(marked)
    worker = Worker(lambda: Session(registry, Content("circle:size=60")))
    worker.start()
    listening, token = server.bind(), server.new_token()
    port = listening.getsockname()[1]
    running = server.Server(server.make_app(worker, token, port))
    thread = threading.Thread(target=running.run, args=([listening],))
    thread.start()
    yield server.address(token, port), worker
    running.should_exit = True
    thread.join(20)
    worker.stop()
    listening.close()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@pytest.fixture
def opened(browser, served):
    made = []

    def open_page(fragment="", *, width=1280, height=900, look="light", motion="no-preference"):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=look, reduced_motion=motion
        )
        made.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.asked, page.complaints = [], []
        page.on("request", lambda asked: page.asked.append(asked.url))
        page.on("console", lambda said: page.complaints.append(said.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
        page.goto(served[0] + fragment)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in made:
        for page in context.pages:
            if not page.is_closed():
                assert [url for url in page.asked if not url.startswith((served[0], "blob:"))] == []
                assert page.complaints == []
        context.close()


PAUSED = "#data=circle:size=60&seed=0&epoch=2"


def ask(page, what, **more):
    """Send a command as the page does; return the answer."""
    return page.evaluate(
        "async ([what, more]) => (await import('./api.js')).ask(what, more)", [what, more]
    )


def until(page, expression, arg=None):
    """Wait until an expression is true; the page's own policy forbids Playwright's way."""
    for _ in range(600):
        if page.evaluate(expression, arg):
            return
        page.wait_for_timeout(30)
    raise AssertionError(f"never true: {expression}")


def epochs(page):
    return int(page.inner_text("#epochs").replace(",", ""))


def wait_for_epochs(page, at_least):
    until(
        page,
        f"Number(document.querySelector('#epochs').textContent.replace(',', '')) >= {at_least}",
    )


def settled(page):
    page.wait_for_timeout(60)


def keep_picture(page, name):
    if folder := os.environ.get("NNPLUG_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


# --- one after the other, as a person would --------------------------------------------------


def test_it_learns_as_soon_as_it_is_open(opened):
    page = opened("#data=xor")
    wait_for_epochs(page, 100)
    assert page.locator("body.playing").count() == 1
    assert page.locator(".unit").count() == 5  # two inputs, two hidden units, one output
    assert page.locator("#trouble").is_hidden()


def test_keyboard(opened):
    page = opened(PAUSED)
    assert epochs(page) == 2
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('#batches').textContent === '1/2'")
    page.keyboard.press("Shift+ArrowRight")
    wait_for_epochs(page, 3)
    page.keyboard.press("Space")
    wait_for_epochs(page, 8)
    page.keyboard.press("Space")
    page.wait_for_selector("body:not(.playing)")
    stopped = epochs(page)
    page.wait_for_timeout(200)
    assert epochs(page) == stopped
    assert page.evaluate(NAMELESS) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["activation", "loss", "optimizer"])
def test_every_part_is_chosen_and_trained(kind, opened):
    page = opened(PAUSED)
    page.get_by_role("tab", name="Code").click()
    select = page.locator(f"select[data-kind={kind}]").first
    options = "(all) => all.map((o) => [o.value, o.disabled])"
    choices = select.locator("option").evaluate_all(options)
    registry_names = {part.name for part, _ in nnplug.Registry.from_environment().parts(kind)}
    assert registry_names <= {name.split("/")[-1].split("[")[0] for name, _ in choices}
    trained = 0
    for name, disabled in choices:
        if disabled:
            continue
        select = page.locator(f"select[data-kind={kind}]").first
        select.select_option(name)
        until(
            page,
            "([kind, name]) => document.querySelector(`select[data-kind=${kind}]`).value === name "
            "&& document.querySelector('#epochs').textContent === '0'",
            [kind, name],
        )
        page.click("#epoch")
        wait_for_epochs(page, 1)
        assert "–" not in page.inner_text("#scores"), name
        assert page.locator("#trouble").is_hidden(), (name, page.inner_text("#trouble"))
        trained += 1
    assert trained >= {"activation": 20, "loss": 8, "optimizer": 15}[kind]


def test_a_loss_that_does_not_fit_is_greyed_with_the_reason(opened):
    page = opened(PAUSED)
    option = page.locator("select[data-kind=loss] option", has_text="poisson_nll")
    assert option.is_disabled()
    assert "not for classes" in option.inner_text()


def test_a_weight_is_set_by_a_click(opened, served):
    page = opened(PAUSED)
    before = ask(page, "state")["frame"]["lanes"][0]
    page.locator(".unit").nth(2).click()
    field = page.get_by_label("from x", exact=True)
    assert float(field.input_value()) == before["weights"][0][0][0]
    field.fill("1.75")
    field.press("Tab")
    until(page, "location.hash.includes('edits')")
    page.keyboard.press("Escape")
    after = ask(page, "state")["frame"]["lanes"][0]
    assert after["weights"][0][0][0] == 1.75
    assert after["loss"]["train"] != before["loss"]["train"]
    # What is shown is the loss of the engine.
    shown = page.locator("#scores dd").first.get_attribute("title")
    assert float(shown) == after["loss"]["train"]


def test_a_point_is_added_by_a_click(opened):
    page = opened(PAUSED)
    page.get_by_role("button", name="ring").click()
    page.locator("canvas.over").click(position={"x": 40, "y": 30})
    until(page, "location.hash.includes('points')")
    (point,) = ask(page, "state")["data"]["added"]
    assert point[2] == 1
    plane = ask(page, "state")["data"]["plane"]
    width = page.locator("canvas.over").bounding_box()["width"]
    across = plane["low"][0] + 40 / width * (plane["high"][0] - plane["low"][0])
    assert point[0] == pytest.approx(across, abs=0.05)
    page.get_by_role("button", name="undo").click()
    until(page, "!location.hash.includes('points')")


def test_own_table_by_drop_and_by_paste(opened):
    page = opened(PAUSED)
    rows = [f"{k % 13},{k % 7},{HTML if k % 13 > 6 else 'no'}" for k in range(60)]
    text = "\n".join([f"<b>a</b>,b,kind{HTML}", *rows])
    page.evaluate(
        """(text) => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          document.querySelector("#drop").dispatchEvent(
            new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
        }""",
        text,
    )
    page.wait_for_selector("p.file")
    assert page.inner_text("p.file") == "pasted.csv"
    assert page.locator("img").count() == 0
    assert HTML in page.inner_text(".pen")
    page.click("#epoch")
    wait_for_epochs(page, 1)
    own = "a,b,kind\n" + "".join(
        f"{k % 13},{k % 5},{'yes' if k % 13 > 6 else 'no'}\n" for k in range(60)
    )
    file = {"name": "own.csv", "mimeType": "text/csv", "buffer": own.encode()}
    page.set_input_files("#file", file)
    until(page, "document.querySelector('p.file')?.textContent === 'own.csv'")
    assert ask(page, "state")["data"]["classes"] == ["no", "yes"]
    assert page.locator("script").count() == 1


def test_a_part_with_html_in_its_docstring(opened):
    page = opened(PAUSED)
    page.locator("select[data-kind=activation]").first.select_option(label="marked")
    card = page.locator("article.part", has_text="marked")
    card.wait_for()
    assert "<script>alert(2)</script>" in card.inner_text()
    assert page.locator("#panel img, #panel script").count() == 0


def test_slices_classes_and_the_value_under_the_cursor(opened):
    page = opened("#data=spiral:classes=3,size=60&epoch=3")
    assert page.locator(".pencil").count() == 3
    page.locator("canvas.over").hover(position={"x": 60, "y": 60})
    page.wait_for_selector("#tip:not([hidden])")
    assert page.inner_text("#tip").count("·") == 2
    assert page.locator(".value").nth(3).inner_text() != ""
    page.get_by_text("Confusion matrix").click()
    assert page.locator("#confusion tbody tr").count() == 3
    total = sum(int(cell) for cell in page.locator("#confusion tbody td").all_inner_texts())
    assert total == 12


def test_every_dataset_and_layers_of_any_kind(opened):
    page = opened(PAUSED)
    names = [part.name for part, _ in nnplug.Registry.from_environment().parts("dataset")]
    for name in names:
        page.locator(".set").get_by_text(name, exact=True).click()
        page.wait_for_selector(f".set[aria-pressed=true]:has-text('{name}')")
        page.click("#epoch")
        wait_for_epochs(page, 1)
        assert page.locator("#trouble").is_hidden()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("layers").fill("dense:5 layer_norm gelu residual[dense:5 tanh]")
    page.get_by_label("layers").press("Enter")
    until(page, "document.querySelectorAll('.unit').length === 12")  # 1 input, 5, 5, 1
    page.click("#epoch")
    wait_for_epochs(page, 1)
    assert page.locator("#more").is_disabled()


def test_a_race(opened):
    page = opened(PAUSED)
    page.click("#race")
    page.wait_for_selector("#pictures.two")
    page.locator("select[data-kind=optimizer]").select_option("sgd")
    until(page, "location.hash.includes('race=')")
    page.click("#epoch")
    wait_for_epochs(page, 1)
    assert page.locator("#chart path").count() == 4
    first, second = ask(page, "state")["frame"]["lanes"]
    assert first["weights"] != second["weights"]
    page.get_by_role("button", name="A", exact=True).click()
    assert page.locator("select[data-kind=optimizer]").input_value() == "adam"


def test_the_microscope_shows_the_trace_to_the_last_digit(opened, served):
    page = opened("#data=xor&epoch=1")
    page.get_by_role("tab", name="Microscope").click()
    page.wait_for_selector(".lens")
    (tab,) = [tab for tab in served[1].tabs.values() if tab.listeners]
    trace = tab.session.learners[0].trace(0)
    for step in trace.steps:
        if not step.elements:
            continue
        phase = step.phase.replace("ward", "wards")
        page.locator(".chip").get_by_text(phase, exact=True).click()
        page.locator(".arrays").get_by_text(step.name, exact=True).click()
        until(page, "(name) => document.querySelector('.lens h3').innerText.startsWith(name)", step.name)  # fmt: skip # noqa: E501
        cells = page.locator(".elements .result").all_inner_texts()
        for cell, element in zip(cells, step.elements, strict=True):
            digits = cell.removeprefix("= ").replace("−", "-")
            assert float(digits) == float(f"{element.value:.6g}"), step.name
    # From a formula to its unit, and from a unit to its formula; back and forth.
    page.locator(".elements tr").first.hover()
    assert page.locator(".unit.lit").count() == 1
    page.locator(".unit").nth(3).click()
    page.get_by_role("button", name="In the microscope").click()
    until(page, "document.querySelector('.lens h3').innerText.startsWith('hidden1.z')")
    page.get_by_title("One forward").click()
    until(page, "document.querySelector('.lens h3').innerText.startsWith('hidden1.a')")
    page.get_by_title("One back").click()
    until(page, "document.querySelector('.lens h3').innerText.startsWith('hidden1.z')")
    for number in range(4):
        page.get_by_role("button", name=f"Next sample ({number + 1} of 4)").click()
    wait_for_epochs(page, 2)


def test_the_code_pane(opened):
    page = opened(PAUSED)
    page.get_by_role("tab", name="Code").click()
    page.wait_for_selector("section.code pre")
    python, command, toml = page.locator("section.code pre").all_inner_texts()
    code = ask(page, "code")
    assert python.strip() == code["python"].strip()
    assert command.strip() == code["command"].strip()
    assert toml.strip() == code["toml"].strip()
    with page.expect_download() as found:
        page.locator(".downloads button").first.click()
    assert Path(found.value.path()).read_text(encoding="utf-8") == code["python"]


def test_reload_and_a_copied_address_restore_the_screen(opened, served):
    page = opened('#data=moons:size=60&hidden=[5,3]&activation=["gelu","tanh"]&seed=3&epoch=4')
    page.click("#batch")
    until(page, "document.querySelector('#batches').textContent.startsWith('1/')")
    before = ask(page, "state")["frame"]["lanes"]
    address = page.evaluate("location.hash")
    assert "step=1" in address
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert ask(page, "state")["frame"]["lanes"] == before
    other = opened(address)
    for lane, old in zip(ask(other, "state")["frame"]["lanes"], before, strict=True):
        for name in ("epoch", "step", "weights", "loss", "maps"):
            assert lane[name] == old[name]
    assert other.locator("body.playing").count() == 0


def test_a_teacher_hides_controls(opened):
    page = opened(PAUSED + "&hide=loss,table")
    assert page.locator("select[data-kind=loss]").is_hidden()
    assert page.locator("#drop").is_hidden()
    assert page.locator("select[data-kind=optimizer]").is_visible()
    page.click("#share")
    assert "hide=loss" in page.locator("dialog textarea").input_value()


def test_a_hidden_tab_rests(opened, served):
    page = opened("#data=circle:size=60")
    wait_for_epochs(page, 2)
    worker = served[1]
    (tab,) = [tab for tab in worker.tabs.values() if tab.listeners]
    page.close()
    for _ in range(200):
        if not tab.listeners:
            break
        threading.Event().wait(0.05)
    assert tab.listeners == []


@pytest.mark.parametrize(("width", "look"), [(360, "dark"), (1440, "light")])
def test_it_is_fit_to_read(width, look, opened):
    page = opened("#data=spiral:classes=3,size=60&hidden=[8,8]&epoch=3", width=width, look=look)
    panels = {"Microscope": ".lens", "Code": "section.code", "Formulas": "article.part"}
    for tab, content in panels.items():
        page.get_by_role("tab", name=tab).click()
        page.wait_for_selector(content)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        cut = CUT.replace('"pre,', '"pre, #drawing,')
        assert page.evaluate(cut) == []
        assert page.evaluate(CONTRAST) == []
    keep_picture(page, f"play-{width}-{look}")


def test_reduced_motion(opened):
    page = opened("#data=circle:size=60", motion="reduce")
    page.evaluate(COUNTING)
    page.wait_for_timeout(1200)
    assert page.evaluate("window.changes ?? 0") <= 6


def test_the_picture_has_the_bytes_that_were_sent(opened):
    page = opened(PAUSED)
    sent = ask(page, "state")["frame"]["lanes"][0]["output"]["share"]
    values = np.frombuffer(base64.b64decode(sent), np.uint8).reshape(100, 100)
    drawn = page.evaluate(PIXELS)
    pixels = np.array(drawn).reshape(100, 100, 4)
    # Blue for the second class, orange for the first.
    bluer = pixels[..., 2] > pixels[..., 0]
    sure = np.abs(values.astype(int) - 128) > 40
    assert sure.any()
    assert (bluer[sure] == (values > 128)[sure]).all()
