"""Pages of the site and reports of runs, opened in Chromium without the network.

Each page is opened at the width of a phone and of a desktop, in the light and the dark
look, and checked for requests, console messages, overflow, contrast and brightness. The
variable `NNPLUG_SHOTS` names a folder for screenshots.

Without Chromium or Playwright the tests are skipped. `.ci/run` installs both; by hand:
`apt-get install chromium` and `pip install playwright`.
"""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli.report import report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs Chromium: apt-get install chromium", allow_module_level=True)

IRIS = Path(__file__).parents[2] / "examples" / "iris.csv"
SITE = (
    "index",
    "tutorial/first-hour",
    "how-to/read-any-table",
    "explanation/real-tables",
    "reference/settings",
    "reference/generated/activations",
    "reference/generated/frameworks",
    "reference/generated/packages/nnplug-example/activation-squareplus",
    "benchmarks",
)
REPORTS = ("classes", "plane", "numbers")
VIEWS = ((400, "dark"), (1280, "light"))
"""Widths and looks: what does not fit does not depend on the look, nor colours on the width."""

# Texts whose contrast with their background is below WCAG 2.2, 1.4.3: 4.5, or 3 for
# large letters.
CONTRAST = """() => {
  const channels = (color) => {
    const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(channels(getComputedStyle(e).backgroundColor));
    }
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const paper = dark ? [0, 0, 0] : [255, 255, 255];
    return layers.reverse().reduce((under, top) => over(top, under), paper);
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const text = walk.currentNode.data.trim();
    const seen = element.checkVisibility({opacityProperty: true, visibilityProperty: true});
    if (!text || !seen || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = channels(element.closest("svg") ? style.fill : style.color);
    const paper = behind(element);
    const [bright, dim] = [luminance(over(ink, paper)), luminance(paper)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (bright + 0.05) / (dim + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)}: ${element.className} ${text}`);
  }
  return found;
}"""

# Boxes that reach beyond the screen and are not inside a box that scrolls sideways.
CUT = """() => [...document.body.querySelectorAll("*")].filter((e) => {
  if (!e.checkVisibility() || !e.getClientRects().length) return false;
  const moved = "pre, .table-wrapper, .wide, .math, .sidebar-drawer, .toc-drawer, svg";
  return !e.closest(moved) && e.getBoundingClientRect().right > innerWidth + 1;
}).map((e) => `${e.tagName} ${e.className}`)"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        # Chromium refuses to start as root, as in a container, unless its sandbox is off.
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield running
        running.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    rng = np.random.default_rng(0)
    nnplug.train(IRIS, target="species", epochs=30, output=folder / "classes")
    x, y = rng.uniform(-1, 1, (2, 300))
    moons = {"x": x, "y": y, "zone": np.where(x * x + y * y < 0.5, "inside", "outside")}
    nnplug.train(moons, target="zone", epochs=40, output=folder / "plane")
    area = rng.uniform(20, 200, 200)
    houses = {
        "living_area_in_square_metres_without_the_balcony": area,
        "town": rng.choice(["Ulm", "Bonn"], 200),
        "price": 3000 * area + rng.normal(0, 2e4, 200),
    }
    layers = "dense:16 batch_norm relu residual[dense:16 tanh] dropout:0.1"
    nnplug.train(houses, target="price", epochs=40, layers=layers, output=folder / "numbers")
    return folder


@pytest.fixture(scope="module")
def parts_page(tmp_path_factory):
    """The page of `nnplug plugins report` about built-in parts and one that fails a check."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "mine.py").write_text(WRONG, encoding="utf-8")
    targets = ["gelu", "softmax", "huber", "batch_norm", "one_cycle", str(folder / "mine.py")]
    page = folder / "parts.html"
    done = CliRunner().invoke(report, [*targets, "--engine", "numpy", "-o", str(page)])
    assert done.exit_code == 1, done.output
    return page


WRONG = """import nnplug, numpy as np
@nnplug.activation(derivative=lambda x, y: 1 + 0 * x)
def a_name_that_is_rather_long_for_the_screen_of_a_phone(x):
    "Wrong: sin(x) (Nobody & Others, 2020, doi:10.1000/a-long-identifier-of-a-paper-0123456789)."
    return np.sin(x)
"""
LONG = "living_area_in_square_metres_without_the_balcony <b>"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Two models with every kind of column, and the folder of their exported pages."""
    rng = np.random.default_rng(0)
    kinds = ["sunny & dry", "<i>wet</i>", "cold"]
    table = {
        LONG: rng.uniform(20, 200, 80),
        "weather": rng.choice(kinds, 80).tolist(),
        "garden": rng.integers(0, 2, 80).astype(bool).tolist(),
        # a name that a form has itself
        "elements": np.datetime64("2024-01-01T00:00")
        + rng.integers(0, 900, 80).astype("timedelta64[h]"),
    }
    answers = {
        "price": rng.uniform(1, 9, 80),
        "quality of the neighbourhood": rng.choice(["fine", "poor", "so-so"], 80).tolist(),
    }
    folder = tmp_path_factory.mktemp("exported")
    models = {}
    for target, values in answers.items():
        run = nnplug.train({**table, target: values}, target=target, epochs=20, dtype="float64",
                           layers="dense:8 gelu dense:8 tanh")  # fmt: skip
        run.model.export("js:page=true", folder / f"{target[:5]}.mjs")
        models[target[:5]] = run.model
    return models, folder


@pytest.fixture
def opened(request, browser):
    """Open a file as a reader would, and record its requests and console messages."""
    made = []

    def open_page(path, width, look):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=look, offline=True
        )
        made.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda asked: page.asked.append(asked.url))
        page.on("console", lambda said: page.complaints.append(said.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path.as_uri())
        if folder := os.environ.get("NNPLUG_SHOTS"):
            name = f"{path.parent.name}-{path.stem}-{width}-{look}.png"
            tall = min(page.evaluate("document.documentElement.scrollHeight"), 4000)
            whole = {"x": 0, "y": 0, "width": width, "height": tall}
            page.screenshot(path=Path(folder) / name, full_page=True, clip=whole)
        return page

    yield open_page
    for context in made:
        context.close()


def foreign_requests(page):
    return [url for url in page.asked if not url.startswith(("file:", "data:"))]


def assert_fit_to_read(page, width, look):
    assert foreign_requests(page) == []
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []
    assert page.evaluate(CONTRAST) == []
    # The first screen as it is seen, pictures and plots included.
    from PIL import Image  # Matplotlib needs it, and so it is here

    shades = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    assert shades.mean() < 70 if look == "dark" else shades.mean() > 200


@pytest.mark.parametrize(("width", "look"), VIEWS)
@pytest.mark.parametrize("name", SITE)
def test_a_page_of_the_site(name, width, look, site, opened):
    page = opened(site / f"{name}.html", width, look)
    assert_fit_to_read(page, width, look)
    if name == "reference/generated/activations":
        formulas = page.locator("div.math math")
        assert formulas.count() > 10
        boxes = [formulas.nth(place).bounding_box() for place in range(formulas.count())]
        # A fraction is drawn as one, on two lines.
        assert all(box["width"] > 40 and box["height"] > 30 for box in boxes)
        assert page.locator("svg.chart polyline").count() >= 2 * formulas.count()


@pytest.mark.parametrize(("width", "look"), VIEWS)
def test_a_page_about_parts(width, look, parts_page, opened):
    page = opened(parts_page, width, look)
    assert_fit_to_read(page, width, look)
    assert page.asked == [parts_page.as_uri()]
    assert page.locator("svg.chart").count() == 5  # a layer has none
    assert page.locator("div.math math").count() == 5  # nor a schedule a formula
    assert "Check derivative: failed." in page.inner_text("body")


@pytest.mark.parametrize(("width", "look"), VIEWS)
@pytest.mark.parametrize("name", REPORTS)
def test_a_report(name, width, look, reports, opened):
    page = opened(reports / name / "report.html", width, look)
    assert_fit_to_read(page, width, look)
    assert page.asked == [(reports / name / "report.html").as_uri()]
    charts = page.locator("svg.chart")
    assert charts.count() >= 3
    # Side by side if there is room, otherwise one below the other.
    first, second = (charts.nth(place).bounding_box() for place in (0, 1))
    assert (first["y"] == second["y"]) == (width > 1000)


@pytest.mark.parametrize(("width", "look"), VIEWS)
@pytest.mark.parametrize("name", ["price", "quali"])
def test_the_page_of_an_exported_model(name, width, look, exported, opened):
    _, folder = exported
    page = opened(folder / f"{name}.html", width, look)
    assert_fit_to_read(page, width, look)
    assert page.asked == [(folder / f"{name}.html").as_uri()]
    fields = page.locator("form :is(input, select)")
    boxes = [fields.nth(place).bounding_box() for place in range(fields.count())]
    assert len({(box["x"], box["width"]) for box in boxes}) == 1  # in a column
    assert all(box["width"] > 300 for box in boxes)  # a date with its time is not cut
    assert all(box["height"] >= 24 for box in boxes)  # WCAG 2.2, 2.5.8


@pytest.mark.parametrize("name", ["price", "quali"])
def test_what_is_typed_into_the_page_gets_nnplugs_answer(name, exported, opened):
    models, folder = exported
    model = models[name]
    page = opened(folder / f"{name}.html", 400, "light")

    def shown():
        rows = page.locator("table tr")
        cells = [rows.nth(k).locator("td").all_inner_texts() for k in range(rows.count())]
        return [float(number) for _, number in cells]

    def answers(area, weather, garden, sold):
        row = {LONG: [area], "weather": [weather], "garden": [garden],
               "elements": np.array([sold], "datetime64[us]")}  # fmt: skip
        if model.task == "regression":
            assert page.locator("output").inner_text() == ""
            return pytest.approx(np.ravel(model.predict(row)).tolist(), rel=1e-5)
        label = f"quality of the neighbourhood: {model.predict(row)[0]}"
        assert page.locator("output").inner_text() == label
        return pytest.approx(np.ravel(model.probabilities(row)).tolist(), rel=1e-5)

    assert shown() == answers(None, None, None, "NaT")
    page.get_by_label(LONG).fill("120.5")
    page.get_by_label("weather").fill("<i>wet</i>")
    assert shown() == answers(120.5, "<i>wet</i>", None, "NaT")
    page.get_by_label("garden").select_option("true")
    page.get_by_label("elements").fill("2024-02-29T18:30")
    assert shown() == answers(120.5, "<i>wet</i>", True, "2024-02-29T18:30")
    page.get_by_label("garden").select_option("false")
    page.get_by_label("weather").fill("never seen")
    assert shown() == answers(120.5, "never seen", False, "2024-02-29T18:30")
    assert page.complaints == []


def test_the_search_of_the_site_works_without_the_network(site, opened):
    page = opened(site / "search.html", 1280, "light")
    page.goto(f"{(site / 'search.html').as_uri()}?q=patience")
    page.wait_for_selector("ul.search li a")
    assert page.locator("ul.search li a").count() > 3
    assert foreign_requests(page) == []


def test_the_checks_notice_a_bad_page(tmp_path, opened):
    (tmp_path / "bad.html").write_text(
        """<body style="background: #fff"><p style="color: #999">grey</p>
        <p style="color: #666">fine</p>
        <div style="width: 600px">wide</div><img src="http://example.org/a.png">
        <script>console.log("a complaint"); throw Error("a fault")</script></body>""",
        encoding="utf-8",
    )
    page = opened(tmp_path / "bad.html", 400, "light")
    assert page.evaluate(CONTRAST) == ["2.85:  grey"]
    assert "DIV " in page.evaluate(CUT)
    assert page.evaluate("document.documentElement.scrollWidth") > 400
    assert foreign_requests(page) == ["http://example.org/a.png"]
    assert {"a complaint", "a fault"} < set(page.complaints)
