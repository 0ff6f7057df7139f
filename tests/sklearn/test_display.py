"""What a person sees of a fit."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import sklearn.neural_network
from sklearn.datasets import load_wine
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nnplug
from nnplug.sklearn import (
    HistoryDisplay,
    MLPClassifier,
    MLPRegressor,
    plot_decision_boundary,
    plot_history,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_wine().data[:, :2], load_wine().target
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 12, "random_state": 0}


@pytest.fixture(autouse=True)
def no_window():
    mpl.use("agg")
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def test_the_history_is_plotted():
    estimator = MLPClassifier(early_stopping=True, **SMALL).fit(X, Y)
    display = plot_history(estimator)
    assert isinstance(display, HistoryDisplay)
    assert [line.get_label() for line in display.lines_] == ["loss", "validation loss"]
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), estimator.loss_curve_)
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), np.arange(1, 13))
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), estimator.validation_loss_curve_)
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_title() == "MLPClassifier"
    again = estimator.plot_history(columns="learning_rate", ax=display.ax_, color="red")
    assert again.figure_ is display.figure_
    assert again.lines_[0].get_color() == "red"
    pipe = make_pipeline(StandardScaler(), MLPClassifier(**SMALL)).fit(X, Y)
    assert [line.get_label() for line in plot_history(pipe).lines_] == ["loss"]
    assert plot_history(pipe, name="wine").ax_.get_title() == "wine"
    with pytest.raises(ValueError, match="no 'accuracy'; it has loss, penalty, learning_rate"):
        HistoryDisplay.from_estimator(pipe, columns="accuracy")


def test_a_history_is_plotted_without_an_estimator(tmp_path):
    run = nnplug.train((X, Y), epochs=3, validation=0.3, l2=0.1)
    display = HistoryDisplay.from_history(run.history)
    assert [line.get_label() for line in display.lines_] == ["loss", "validation loss"]
    columns = run.history.columns
    np.testing.assert_array_equal(
        display.lines_[0].get_ydata(), np.add(columns["loss"], columns["penalty"])
    )
    assert display.ax_.get_title() == ""


def test_what_there_is_to_plot_of_a_network_that_was_not_fitted_here(tmp_path):
    fitted = sklearn.neural_network.MLPClassifier(**SMALL).fit(X, Y)
    display = plot_history(MLPClassifier.from_sklearn(fitted))
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), fitted.loss_curve_)
    MLPClassifier(**SMALL).fit(X, Y).save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="no epoch to plot: the network was loaded"):
        plot_history(MLPClassifier.load(tmp_path / "model.safetensors"))


def test_the_decision_boundary_is_plotted():
    estimator = MLPClassifier(**SMALL).fit(X, np.array(["a", "b", "c"])[Y])
    display = estimator.plot_decision_boundary(X, np.array(["a", "b", "c"])[Y])
    assert isinstance(display, DecisionBoundaryDisplay)
    (points,) = display.ax_.collections[-1:]
    np.testing.assert_array_equal(points.get_offsets(), X)
    np.testing.assert_array_equal(points.get_array(), Y)
    pipe = make_pipeline(StandardScaler(), MLPRegressor(**SMALL)).fit(X, X[:, 0])
    assert isinstance(plot_decision_boundary(pipe, X, grid_resolution=20), DecisionBoundaryDisplay)


def test_a_notebook_shows_the_layers():
    estimator = MLPClassifier(activation="leaky_relu:slope=0.2", **SMALL)
    assert "hidden1" not in estimator._repr_mimebundle_()["text/html"]
    html = estimator.fit(X, Y)._repr_mimebundle_()["text/html"]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html[html.rindex("<table>") :])
    assert cells == [
        *("hidden1", "2 → 6", "dense:6 leaky_relu:slope=0.2", "18"),
        *("output", "6 → 3", "dense:3 identity", "21"),
    ]
    assert "39 parameters, float64" in html
    # scikit-learn writes a body, from some version on: the table stands in it.
    assert html.rstrip().endswith("</body>") == ("</body>" in html)


CODE = """
import warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_wine
from nnplug.sklearn import MLPClassifier
MLPClassifier((6,), max_iter=40, random_state=0, verbose=True).fit(*load_wine(return_X_y=True))
"""


def test_a_terminal_has_a_bar_and_then_the_last_iteration():
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}
    subprocess.run(
        [sys.executable, "-c", CODE], stdout=terminal, stderr=terminal, check=True, env=environment
    )
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(main, 4096):
            shown += part
    except OSError:  # the terminal is gone
        pass
    os.close(main)
    lines = [re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", each) for each in shown.decode().split("\n")]
    assert "/40" in "".join(lines)
    last = [line.strip() for line in lines if line.strip()][-1]
    assert re.search(r"Iteration 40, loss = \d+\.\d{8}$", last)
    assert "Iteration 1," not in shown.decode()
