"""Reports: right numbers, whole pages, nothing loaded, nothing smuggled in."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

import nnplug
from nnplug.report.facts import calibration, confusion, roc
from nnplug.report.svg import Chart, ticks
from nnplug.report.terminal import boundary, curves

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"
LOADING = {"src", "href", "xlink:href", "srcset", "action", "data"}
VOID = {"meta", "line", "rect", "circle", "polyline"}


class Page(HTMLParser):
    """A page as a browser takes it: its text, its elements; every one that was opened is closed."""

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
    """Nothing of the page asks for another file, and nothing of it runs."""
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
    np.testing.assert_allclose([each[0] for each in found], means)
    np.testing.assert_allclose([each[1] for each in found], shares)
    assert sum(rows for *_, rows in found) == 300
    assert calibration(np.array([True]), np.array([1.0])) == [(1.0, 1.0, 1)]


def test_confusion_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    wanted, chosen = rng.integers(4, size=(2, 100))
    np.testing.assert_array_equal(confusion(wanted, chosen, 4), confusion_matrix(wanted, chosen))


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 97, [0, 20, 40, 60, 80]), (0.001, 0.0035, [0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035]),
     (-5, 5, [-4, -2, 0, 2, 4]), (3, 3, [3]), (0, float("inf"), [0])],
)  # fmt: skip
def test_round_numbers_stand_on_the_axes(low, high, found):
    assert ticks(low, high) == pytest.approx(found)


def test_a_point_is_drawn_where_it_belongs():
    chart = Chart((0, 10), (0, 1), ("x", "y"), width=172, height=170)
    # The inner picture is 100 by 100, from (58, 28).
    assert chart.place(0, 0) == (58, 128)
    assert chart.place(10, 1) == (158, 28)
    assert Chart((0, 1), (1, 100), ("", ""), width=172, height=170, log=True).place(0, 10)[1] == 78


# --- pages ----------------------------------------------------------------------------


def test_the_report_of_classes(tmp_path):
    run = nnplug.train(IRIS, target="species", epochs=30, output=tmp_path / "r",
                       metrics=["accuracy", "f1"])  # fmt: skip
    page = Page((tmp_path / "r" / "report.html").read_text())
    check(page)
    for text in ("iris.csv: multiclass", "network 4-100-3", "120 rows for training", "30 epochs",
                 "Confusion matrix", "ROC, each class", "Calibration", "petal_length",
                 "cross_entropy", "adam (learning_rate=0.001", "nnplug 0.1.0",
                 "validation loss", "best epoch",
                 f"nnplug train --config {tmp_path}/r/config.toml"):  # fmt: skip
        assert text in page.text, text
    kinds = [tag for tag, _ in page.elements]
    assert kinds.count("svg") == 4
    labels = [a["aria-label"] for tag, a in page.elements if tag == "svg"]
    assert labels == ["loss by epoch", "metric by epoch", "receiver operating characteristic",
                      "calibration"]  # fmt: skip
    # The counts of the matrix are those of the validation rows.
    rows = run.rows.parts.validation
    chosen = run.head.classes(run.model.run(run.rows.inputs[rows]))
    table = (tmp_path / "r" / "report.html").read_text().partition("class='confusion'>")[2]
    cells = re.findall(r"<td[^>]*>(\d+)</td>", table.partition("</table>")[0])
    counts = confusion_matrix(run.rows.targets[rows], chosen)
    assert [int(each) for each in cells] == counts.reshape(-1).tolist()


def test_the_report_of_numbers(tmp_path):
    nnplug.train(IRIS, target=["petal_width", "petal_length"], task="regression", epochs=3,
                 output=tmp_path / "r")  # fmt: skip
    page = Page((tmp_path / "r" / "report.html").read_text())
    check(page)
    assert "petal_width: predicted against true" in page.text
    assert "petal_length: residuals, mean" in page.text
    assert [tag for tag, _ in page.elements].count("svg") == 6


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


# --- in the terminal ------------------------------------------------------------------


def test_curves_fit_the_terminal_and_are_told_apart():
    loss = np.linspace(1, 0.2, 500).tolist()
    text = curves({"loss": loss, "validation_loss": [0.5] * 500})
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert text.isascii()
    assert lines[0].startswith("         1 |*")
    assert lines[15].startswith("       0.2 |")
    assert lines[15].rstrip().endswith("*")
    assert all("o" in line or "@" in line for line in lines[9:11][:1])
    assert lines[-2].strip().startswith("0")
    assert lines[-2].endswith("499")
    assert lines[-1] == "* loss   o validation loss   @ both"


@pytest.mark.parametrize("loss", [[1.0], [0.0, 0.0], [float("nan")], [1.0, float("inf"), 2.0],
                                  [1e-8, 1.0]])  # fmt: skip
def test_curves_of_odd_histories(loss):
    assert curves({"loss": loss})


def test_the_boundary_is_where_the_network_has_it():
    run = nnplug.train("xor", activation="tanh", epochs=3000)
    lines = boundary(run.model, run.rows.inputs).splitlines()
    picture = [line[12:] for line in lines[:20]]
    # The corners of the unit square lie a twelfth within the picture: XOR is in each of them.
    left, right, top, bottom = 68 // 12, 68 - 68 // 12, 20 // 12, 19 - 20 // 12
    assert picture[top][left] == "#"
    assert picture[top][right] == "."
    assert picture[bottom][left] == "."
    assert picture[bottom][right] == "#"
    assert lines[-1] == ". 0   # 1   (a across, b up)"
    assert max(map(len, lines)) <= 80


def test_the_boundary_of_a_table_is_in_its_units():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(100, 200, 80), rng.uniform(-1, 1, 80)
    run = nnplug.train({"x": x, "y": y, "t": np.where(x > 150, "far", "near")}, target="t",
                       epochs=60, learning_rate=0.05)  # fmt: skip
    lines = boundary(run.model, run.rows.inputs).splitlines()
    assert lines[10][12] == "#"
    assert lines[10][-1] == "."
    first, last = map(float, lines[-2].split())
    assert first == pytest.approx(x.min() - 0.1 * np.ptp(x), rel=1e-3)
    assert last == pytest.approx(x.max() + 0.1 * np.ptp(x), rel=1e-3)


def test_there_is_no_plane_of_four_inputs():
    run = nnplug.train(IRIS, target="species", epochs=1)
    assert boundary(run.model, run.rows.inputs) is None
