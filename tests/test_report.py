"""Reports: the numbers are right, and the page loads and runs nothing."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    confusion_matrix,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    roc_curve,
    root_mean_squared_error,
)

import nnplug
from nnplug.runs.report.facts import calibration, confusion, errors, roc
from nnplug.runs.report.svg import Chart, ticks

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"
LOADING = {"src", "href", "xlink:href", "srcset", "action", "data"}
VOID = {"meta", "line", "rect", "circle", "polyline", "path", "wbr"}


class Page(HTMLParser):
    """A page as a browser parses it: text and elements, each of them closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def check(page):
    """Assert that the page neither loads another file nor runs anything."""
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"}
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert name not in {"src", "href", "xlink:href", "srcset", "action", "data"}, (
                tag,
                name,
            )
            assert not name.startswith("on"), (tag, name)
            assert "url(" not in (value or "")
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "@import" not in page.text
    assert "url(" not in page.text


# --- numbers --------------------------------------------------------------------------


def random_scores(seed, rows=200):
    rng = np.random.default_rng(seed)
    wanted = rng.random(rows) < 0.3
    # Rounded, so that many are equal.
    return wanted, np.round(np.clip(rng.normal(0.4 + 0.2 * wanted, 0.2), 0, 1), 1)


@pytest.mark.parametrize("seed", range(5))
def test_roc_is_that_of_scikit_learn(seed):
    wanted, score = random_scores(seed)
    false, true, area = roc(wanted, score)
    theirs = roc_curve(wanted, score, drop_intermediate=False)
    np.testing.assert_allclose(false, theirs[0], atol=1e-15)
    np.testing.assert_allclose(true, theirs[1], atol=1e-15)
    assert area == pytest.approx(roc_auc_score(wanted, score), abs=1e-14)


def test_roc_of_one_kind_alone_is_none():
    assert roc(np.array([True, True]), np.array([0.1, 0.2])) is None


@pytest.mark.parametrize("seed", range(5))
def test_calibration_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    score = rng.random(300)
    wanted = rng.random(300) < score
    shares, means = calibration_curve(wanted, score, n_bins=10)
    found = calibration(wanted, score)
    np.testing.assert_allclose([mean for mean, *_ in found], means)
    np.testing.assert_allclose([share for _, share, _ in found], shares)
    assert sum(rows for *_, rows in found) == 300
    assert calibration(np.array([True]), np.array([1.0])) == [(1.0, 1.0, 1)]


def test_confusion_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    wanted, chosen = rng.integers(4, size=(2, 100))
    np.testing.assert_array_equal(confusion(wanted, chosen, 4), confusion_matrix(wanted, chosen))


@pytest.mark.parametrize("seed", range(3))
def test_errors_are_those_of_scikit_learn(seed):
    true = np.random.default_rng(seed).normal(3e5, 1e5, 50)
    found = true + np.random.default_rng(seed + 9).normal(0, 2e4, 50)
    theirs = (r2_score, mean_absolute_error, root_mean_squared_error)
    assert errors(true, found) == pytest.approx([score(true, found) for score in theirs])
    assert np.isnan(errors(np.ones(3), np.zeros(3)).r2)


def test_targets_whose_squares_overflow_have_a_report():
    data = {"x": [1.0, 2.0, 3.0, 4.0], "y": [1e300, -1e300, 2.0, 3.0]}
    run = nnplug.train(data, target="y", recipe="fast", epochs=1)
    assert "y: predicted against true" in run.report()


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 97, [0, 20, 40, 60, 80]), (0.001, 0.0035, [0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035]),
     (-5, 5, [-4, -2, 0, 2, 4]), (3, 3, [3]), (0, float("inf"), [0])],
)  # fmt: skip
def test_round_numbers_stand_on_the_axes(low, high, found):
    assert ticks(low, high) == pytest.approx(found)


def test_a_point_is_drawn_where_it_belongs():
    chart = Chart((0, 10), (0, 1), ("x", "y"), width=166, height=152)
    # The inner picture is 100 by 100, from (52, 10): its labels are three characters wide.
    assert chart.place(0, 0) == (52, 110)
    assert chart.place(10, 1) == (152, 10)
    assert Chart((0, 1), (1, 100), ("", ""), width=166, height=152, log=True).place(0, 10)[1] == 60


def test_long_labels_have_room_beside_the_axis():
    chart = Chart((0, 1), (100_000, 900_000), ("x", "y"))
    found = re.findall(
        r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end">([\d,]+)<', chart.to_html("")
    )
    assert [label for _, label in found] == ["200,000", "400,000", "600,000", "800,000"]
    # They end at x, a character is 7 wide, and the name of the axis is at 14.
    assert all(float(x) - 7 * len(label) > 14 + 6 for x, label in found)


# --- pages ----------------------------------------------------------------------------


def test_the_report_of_classes(tmp_path):
    run = nnplug.train(IRIS, target="species", epochs=30, output=tmp_path / "r",
                       metrics=["accuracy", "f1"])  # fmt: skip
    page = Page((tmp_path / "r" / "report.html").read_text())
    check(page)
    for text in ("iris.csv: multiclass", "network 4-100-3", "120 rows for training", "30 epochs",
                 "Confusion matrix", "ROC, each class", "Calibration", "petal_length",
                 "cross_entropy", "adam:learning_rate=0.001", "nnplug 0.1.0",
                 "validation loss", "best epoch",
                 f"nnplug train --config {tmp_path}/r/config.toml"):  # fmt: skip
        assert text in page.text, text
    kinds = [tag for tag, _ in page.elements]
    assert kinds.count("svg") == 5
    labels = [a["aria-label"] for tag, a in page.elements if tag == "svg"]
    assert labels == ["loss by epoch", "metric by epoch", "receiver operating characteristic",
                      "calibration", "the network: 4 inputs, 100 hidden1, 3 output"]  # fmt: skip
    # Headings of numbers are aligned like the numbers below them.
    text = (tmp_path / "r" / "report.html").read_text()
    assert re.search(r"<th class='number'>best epoch, \d+ .*<th class='number'>last epoch<", text)
    assert "<th>column</th>" in text
    # The counts of the matrix are those of the validation rows.
    rows = run.rows.parts.validation
    chosen = run.head.classes(run.model.run(run.rows.inputs[rows]))
    table = (tmp_path / "r" / "report.html").read_text().partition("class='confusion'>")[2]
    cells = re.findall(r"<td[^>]*>(\d+)</td>", table.partition("</table>")[0])
    counts = confusion_matrix(run.rows.targets[rows], chosen)
    assert [int(cell) for cell in cells] == counts.reshape(-1).tolist()


def test_the_report_of_numbers(tmp_path):
    nnplug.train(IRIS, target=["petal_width", "petal_length"], task="regression", epochs=3,
                 output=tmp_path / "r")  # fmt: skip
    page = Page((tmp_path / "r" / "report.html").read_text())
    check(page)
    assert "petal_width: predicted against true" in page.text
    # R² says how good the fit is, the errors how far off it is, here in centimetres.
    run = nnplug.load(tmp_path / "r" / "model.safetensors")
    parts = nnplug.train(IRIS, target=["petal_width", "petal_length"], task="regression", epochs=3)
    rows = parts.rows.parts.validation
    true = run.in_units(parts.rows.targets[rows])
    found = run.decode(run.run(parts.rows.inputs[rows]))
    for place, name in enumerate(["petal_width", "petal_length"]):
        shown = re.search(rf"{name}([\d.-]+)\n", page.text.partition("root mean squared error")[2])
        digits = "".join(
            f"{score(true[:, place], found[:, place]):.4g}"
            for score in (r2_score, mean_absolute_error, root_mean_squared_error)
        )
        assert shown[1] == digits
    assert "in the unit of each target" in page.text
    assert "petal_length: residuals, mean" in page.text
    assert [tag for tag, _ in page.elements].count("svg") == 7


def test_the_report_draws_the_network(tmp_path):
    nnplug.train(IRIS, target="species", epochs=3, output=tmp_path / "r",
                 layers="dense:8 batch_norm relu residual[scale tanh] dense:2 tanh")  # fmt: skip
    text = (tmp_path / "r" / "report.html").read_text()
    check(Page(text))
    drawing = text.partition("<h2>The network</h2>")[2].partition("</table>")[0]
    rows = [
        [Page(cell).text for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", drawing)
    ]
    assert rows == [
        ["layer", "parts", "width", "parameters", "state"],
        ["inputs", "", "4", "", ""],
        ["hidden1", "dense:8", "8", "40", ""],
        ["batch_norm1", "batch_norm", "8", "16", "16"],
        ["hidden1", "relu", "8", "", ""],
        ["residual1", "residual", "8", "", ""],
        ["residual1.scale1", "scale", "8", "8", ""],
        ["residual1.tanh1", "tanh", "8", "", ""],
        ["hidden2", "dense:2 tanh", "2", "18", ""],
        ["output", "dense:3 identity", "3", "9", ""],
    ]
    bars = re.findall(r"style='width: ([\d.]+)%'", drawing)
    assert [float(bar) for bar in bars] == [50, 100, 100, 100, 100, 100, 100, 25, 37.5]
    indented = re.findall(r"<td style='padding-left: ([\d.]+)em'>(\w+)", drawing)
    assert indented == [("1.2", "residual1"), ("1.2", "residual1")]
    settings = text.partition("<h2>Settings</h2>")[2].partition("</table>")[0]
    settings = settings.replace("<wbr>", "")
    assert "<td>dense:8 batch_norm relu residual[scale tanh] dense:2 tanh</td>" in settings
    assert "hidden" not in settings
    parts = text.partition("<h2>Parts and versions</h2>")[2]
    assert "<td>layer</td><td>batch_<wbr>norm" in parts
    assert "<td>activation</td><td>tanh</td>" in parts


def test_names_from_a_table_are_text_and_nothing_else(tmp_path):
    names = ["<script>alert(1)</script>", "a\"onload='x()", "&amp;\x07", "</style><img src=x>"]
    rng = np.random.default_rng(0)
    table = {name: rng.standard_normal(40) for name in names}
    table["<b>t</b>"] = np.where(rng.random(40) < 0.5, "<i>yes</i>", "</svg><script>no")
    nnplug.train(table, target="<b>t</b>", epochs=2, output=tmp_path / "r")
    page = Page((tmp_path / "r" / "report.html").read_text())
    check(page)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"b", "i"}
    for name in (names[0], names[1], names[3], "<i>yes</i>", "</svg><script>no"):
        assert name in page.text
    assert "\x07" not in page.text


def test_two_inputs_have_the_boundary_and_four_rows_no_curve(tmp_path):
    run = nnplug.train("xor", activation="tanh", epochs=3000, output=tmp_path / "r")
    text = (tmp_path / "r" / "report.html").read_text()
    page = Page(text)
    check(page)
    assert [a["aria-label"] for tag, a in page.elements if tag == "svg"] == [
        "loss by epoch", "decision boundary", "the network: 2 inputs, 2 hidden1, 1 output",
    ]  # fmt: skip
    picture = text.partition('aria-label="decision boundary"')[2]
    dots = re.findall(r'<circle class="(k\d)" cx="([\d.]+)" cy="([\d.]+)"', picture)
    assert len(set(dots)) == 4
    assert re.findall(r"<span class='(k\d)'></span>(\w)", picture) == [("k0", "0"), ("k1", "1")]
    # XOR: the two rows of a class lie on a diagonal, both in the area of their class.
    for ink in ("k0", "k1"):
        (x1, y1), (x2, y2) = [(float(x), float(y)) for k, x, y in dots if k == ink]
        assert x1 != x2
        assert y1 != y2
        area = re.search(rf'<path class="{ink}" d="([^"]*)"', picture)[1]
        pieces = [
            [float(v) for v in re.findall(r"[\d.]+", piece)] for piece in area.split("z")[:-1]
        ]
        for x, y in ((x1, y1), (x2, y2)):
            assert any(left <= x <= right and top <= y <= bottom
                       for left, bottom, right, top, _ in pieces)  # fmt: skip
    assert "loss (logarithmic)" in page.text
    assert run.history["loss"][0] > 100 * run.history["loss"][-1]


def test_a_narrow_and_a_dark_screen_are_thought_of(tmp_path):
    rng = np.random.default_rng(0)
    long = "living_area_in_square_metres_without_the_balcony"
    nnplug.train({long: rng.random(60), "b": rng.random(60), "y": rng.random(60) * 1e6},
                 target="y", epochs=3, output=tmp_path / "r")  # fmt: skip
    text = (tmp_path / "r" / "report.html").read_text()
    style, _, body = text.partition("</style>")
    # Colours are written only in the style, once for light and once for dark.
    dark = "".join(re.findall(r"prefers-color-scheme: dark\) \{(.*?\}) \}", style, re.S))
    assert "color-scheme: light dark" in style
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb\(", body)
    assert "var(--" in style
    for name in set(re.findall(r"var\((--\w+)\)", style)) - {"--ink"}:  # a mark's, one of the k
        assert f"{name}: #" in dark, name
    # A wide table scrolls in its box; names break at separators, and words do not break.
    assert body.count("<table") == body.count("<div class='wide'><table") > 3
    assert not re.search(r"t[dh][^{}]*\{[^}]*(anywhere|break-all)", style)
    assert "living_<wbr>area_<wbr>in_<wbr>square_<wbr>metres_<wbr>without_" in body


@pytest.mark.parametrize(
    "given",
    [
        {"data": "xor"},
        {"data": IRIS, "target": "species", "stream": True, "validation": 0.0},
    ],
    ids=["xor", "stream without validation"],
)
def test_other_runs_have_reports_too(given, tmp_path):
    nnplug.train(**given, epochs=2, output=tmp_path / "r")
    check(Page((tmp_path / "r" / "report.html").read_text()))


def test_a_run_without_a_folder_gives_its_report():
    assert "xor: binary" in Page(nnplug.train("xor", epochs=2).report()).text


def test_a_report_of_labels():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3))
    run = nnplug.train((x, (x[:, :2] > 0).astype(int)), epochs=3)
    page = Page(run.report())
    check(page)
    assert "Calibration" in page.text


def test_the_report_of_a_run_that_diverged(tmp_path):
    with pytest.raises(nnplug.errors.DivergedError):
        nnplug.train("xor", loss="mse", hidden=(), output_activation="identity",
                     learning_rate=1e200, output=tmp_path / "r")  # fmt: skip
    check(Page((tmp_path / "r" / "report.html").read_text()))


# --- what the model looks at -------------------------------------------------------------


def test_it_says_what_the_model_looks_at():
    run = nnplug.train(IRIS, target="species", epochs=40)
    page = Page(run.report())
    assert "What the model looks at" in page.text
    part = page.text.partition("What the model looks at")[2].partition("The data")[0]
    names = re.findall(r"(?:sepal|petal)_(?:length|width)", part)
    assert sorted(names) == ["petal_length", "petal_width", "sepal_length", "sepal_width"]
    found = run.model.importance(IRIS, repeats=3)
    # The first of one list is not the last of the other, whose rows are others.
    assert names[0] != found.columns[found.order[-1]]
    accuracy = run.history["accuracy"][run.history.best]
    assert f"it is {accuracy:.4g} on 30 of these rows" in part


@pytest.mark.parametrize("setting", ["_MOST_COLUMNS", "_MOST_PRODUCTS"])
def test_what_would_take_long_is_left_out(setting, monkeypatch):
    monkeypatch.setattr(f"nnplug.runs.report.importances.{setting}", 3)
    page = Page(nnplug.train(IRIS, target="species", epochs=1).report())
    assert "What the model looks at" not in page.text


def test_of_many_rows_some_are_taken_evenly():
    x = np.random.default_rng(0).normal(size=(3000, 2))
    run = nnplug.train((x, x @ [[1.0], [0.0]]), epochs=5, validation=0.5)
    text = Page(run.report()).text
    assert "on 500 of these rows" in text
    part = text.partition("What the model looks at")[2]
    assert part.index("x0") < part.index("x1")
