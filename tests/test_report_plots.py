"""Curves and decision boundaries, drawn in the terminal and as pictures."""

import re
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.runs.report.terminal import boundary, curves

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"


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
    lines = boundary(run.model, run.rows.inputs, run.rows.targets).splitlines()
    picture = [line[12:] for line in lines[:20]]
    # The corners of the unit square lie a twelfth inside the picture, one row of XOR in each.
    left, right, top, bottom = 68 // 12, 68 - 68 // 12, 20 // 12, 19 - 20 // 12
    for row, column, area, letter in (
        (top, left, "=", "B"), (top, right, ".", "A"),
        (bottom, left, ".", "A"), (bottom, right, "=", "B"),
    ):  # fmt: skip
        assert picture[row][column - 2 : column + 4].replace(letter, area) == area * 6
    assert sorted("".join(picture).replace(".", "").replace("=", "")) == ["A", "A", "B", "B"]
    assert lines[-2] == ". 0   = 1   (a across, b up)"
    assert lines[-1] == "A, B their rows"
    assert max(map(len, lines)) <= 80


def test_the_boundary_of_a_table_is_in_its_units():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(100, 200, 80), rng.uniform(-1, 1, 80)
    run = nnplug.train({"x": x, "y": y, "t": np.where(x > 150, "far", "near")}, target="t",
                       epochs=60, learning_rate=0.05)  # fmt: skip
    lines = boundary(run.model, run.rows.inputs, run.rows.targets).splitlines()
    assert lines[10][12] == "="
    assert lines[10][-1] == "."
    first, last = map(float, lines[-3].split())
    assert first == pytest.approx(x.min() - 0.1 * np.ptp(x), rel=1e-3)
    assert last == pytest.approx(x.max() + 0.1 * np.ptp(x), rel=1e-3)


def test_rows_of_two_classes_on_one_place_are_said_and_many_are_thinned():
    x = np.repeat([[0.0, 0.0], [1.0, 1.0]], 300, axis=0)
    labels = np.repeat([0, 1], 300)
    run = nnplug.train((x, labels), epochs=1)
    lines = boundary(run.model, x, labels).splitlines()
    assert sum(line.partition("|")[2].count("A") for line in lines[:20]) == 1
    assert lines[-1] == "A, B their rows (200 of 600)"
    lines = boundary(run.model, x[290:310], np.array([0] * 11 + [1] * 9)).splitlines()
    assert "".join(lines[:20]).count("*") == 1
    assert lines[-1] == "A, B their rows; * rows of several"
    # The rows of a stream are not in memory, so only the plane is drawn.
    assert boundary(run.model, x[:0], labels).splitlines()[-1].endswith("up)")


def test_a_picture_has_the_rows_and_a_legend(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    from nnplug.runs.report.pictures import draw

    rng = np.random.default_rng(0)
    table = {"x": rng.uniform(0, 1, 60), "y$": rng.uniform(0, 1, 60)}
    table["zone"] = np.where(table["x"] > 0.5, "far", "near")
    run = nnplug.train(table, target="zone", epochs=5)
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # text as text
        draw(tmp_path / "a.svg", run.history, run.model, run.rows.inputs, run.rows.targets)
    picture = (tmp_path / "a.svg").read_text(encoding="utf-8")
    words = re.findall(r"<text [^>]*>([^<]+)</text>", picture)
    assert {"epoch", "loss", "validation loss", "x", "y$", "far", "near"} <= set(words)
    # 60 rows and the two squares of the legend; the ticks have no colour.
    marks = re.findall(r'<use [^>]*style="fill: #(?:1f5fa8|c2410c)', picture)
    assert len(marks) == 60 + 2


def test_there_is_no_plane_of_four_inputs():
    run = nnplug.train(IRIS, target="species", epochs=1)
    assert boundary(run.model, run.rows.inputs, run.rows.targets) is None
