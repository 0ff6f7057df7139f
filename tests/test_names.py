"""No code decides anything by a title or a printed name, and the plan that is shown is run."""

from __future__ import annotations

import csv
import itertools
import math
import random

import numpy as np
import pytest

import nnplug
from nnplug.cli import main
from nnplug.errors import DivergedError
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.network.network import Network
from nnplug.plans import Regularization, StepPlanner
from nnplug.plans.display import describe
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import prepare
from nnplug.training import Steps, train_network
from tests.engines import ENGINES

PARTS = Registry()


@pytest.fixture
def renamed(monkeypatch):
    """Give every section and value of every plan another name."""
    number = itertools.count()
    plan = StepPlanner.plan

    def planned(self, rows):
        program = plan(self, rows)
        for section, instruction in program.instructions():
            section.title = f"title {next(number)}"
            for value in (*instruction.inputs, instruction.output):
                value.name = f"name {next(number)}.noise"
        return program

    return lambda: monkeypatch.setattr(StepPlanner, "plan", planned)


def train(engine, widths, regularization, *, optimizer="adam", rate=0.01, activation="softplus"):
    parts = {"activation": activation, "output": "identity"}
    network = Network(
        3, widths, 2,
        activations=[PARTS.get("activation", parts["activation"])] * len(widths),
        output_activation=PARTS.get("activation", parts["output"]), dtype=np.float64,
        dropout=(0.4,) if regularization else (),
    )  # fmt: skip
    network.initialize(PARTS.get("initializer", "glorot_uniform"), 0)
    generator = np.random.default_rng(0)
    history = train_network(
        network, PARTS.get("loss", "mse"),
        PARTS.get("optimizer", optimizer).with_options(learning_rate=rate),
        generator.normal(size=(23, 3)), generator.normal(size=(23, 2)), epochs=3, batch_size=5,
        seed=1, regularization=regularization, engine=ENGINES[engine],
        weights=generator.uniform(size=(23, 1)),
    )  # fmt: skip
    return network.parameters.tobytes(), history["loss"]


ALL = Regularization(l2=0.1, l1=0.01, clip_global_norm=0.05)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("regularization", [None, ALL], ids=["plain", "regularized"])
def test_titles_and_names_decide_nothing(engine, regularization, renamed):
    wanted = [train(engine, widths, regularization) for widths in ((4,), (40, 30))]
    renamed()
    assert [train(engine, widths, regularization) for widths in ((4,), (40, 30))] == wanted


@pytest.mark.parametrize("engine", ENGINES)
def test_nor_what_is_said_of_a_step_that_was_refused(engine, renamed):
    def refused():
        with np.errstate(all="ignore"), pytest.raises(DivergedError) as caught:
            train(engine, (40,), ALL, optimizer="sgd", rate=1e200, activation="relu")
        return str(caught.value)

    wanted = refused()
    renamed()
    assert refused() == wanted
    assert "weight" in wanted or "the sums" in wanted


@pytest.mark.parametrize("engine", ENGINES)
def test_large_squares_are_looked_at_closely_whatever_the_titles(engine, renamed):
    renamed()
    network = Network(
        3, (), 2, activations=(), output_activation=PARTS.get("activation", "identity"),
        dtype=np.float32,
    )  # fmt: skip
    inputs, labels = np.full((5, 3), 1e25, np.float32), np.zeros((5, 1), np.int64)
    steps = Steps(
        network, PARTS.get("loss", "cross_entropy"),
        PARTS.get("optimizer", "sgd:learning_rate=1e-30"), inputs, labels, None,
        engine=ENGINES[engine],
    )  # fmt: skip
    with np.errstate(all="ignore"):
        assert math.isfinite(steps.run(None))
    assert network.parameters.any()


def test_an_argument_may_be_called_as_a_dimension_is():
    def centred(x, number):
        return number * x - np.mean(x, axis=-1, keepdims=True)

    a = np.array([[1.0, 2.0], [3.0, 5.0]])
    graph = new_graph()
    value = lower([centred(graph.input("x", ("N", "C")), graph.input("C"))])
    np.testing.assert_allclose(evaluate(value, {"x": a, "C": 3.0})[0], centred(a, 3.0))


def test_two_functions_of_one_name_that_cannot_be_traced():
    def make(derivative):
        if derivative:

            def same(x, y):
                return np.vectorize(math.cos)(x)
        else:

            def same(x):
                """Sine."""
                return np.vectorize(math.sin)(x)

        return same

    part = nnplug.activation(name="sine", derivative=make(True))(make(False))
    a = np.array([[0.3, -1.0]])
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    y = part.value(x)
    value, slope = evaluate([y, part.slope(x, y)], {"x": a})
    np.testing.assert_allclose(value, np.sin(a))
    np.testing.assert_allclose(slope, np.cos(a))


# --- the plan that is shown --------------------------------------------------------------


@pytest.fixture
def weighted_rows(tmp_path):
    draw = random.Random(0)
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["a", "b", "w", "y"])
        for _ in range(200):
            out.writerow([draw.random(), draw.random(), 1 + draw.random(), draw.choice("pq")])
    return path


SHOWN = [
    (["--weights", "w"], {"weights": "w"}),
    (["--weights", "w", "--dtype", "float64"], {"weights": "w", "dtype": "float64"}),
    (["--batch-size", "full"], {"batch_size": "full"}),
    (["--validation", "0", "--dropout", "0.2"], {"validation": 0.0, "dropout": 0.2}),
    (
        ["--batch-size", "900", "--clip-global-norm", "1"],
        {"batch_size": 900, "clip_global_norm": 1.0},
    ),
    (["--l2", "0.1", "--optimizer", "adamw"], {"l2": 0.1, "optimizer": "adamw"}),
]


@pytest.mark.parametrize(("options", "settings"), SHOWN, ids=lambda each: " ".join(map(str, each)))
def test_the_plan_that_is_shown_is_the_plan_that_is_run(
    options, settings, weighted_rows, monkeypatch, capsys
):
    ran = []
    bound = Steps.bound

    def note(self, rows, engine=None):
        ran.append(self.program)
        return bound(self, rows, engine)

    monkeypatch.setattr(Steps, "bound", note)
    run = nnplug.train(str(weighted_rows), target="y", epochs=1, **settings)
    wanted = describe(ran[0], run.network, slots=len(run.optimizer.slots))
    for engine in ENGINES:
        command = ["train", str(weighted_rows), "--target", "y", "--plan", "--engine", engine]
        with pytest.raises(SystemExit) as left:
            main([*command, *options])
        assert not left.value.code
        text = capsys.readouterr().out.replace(" [NumPy]", "")
        if engine == "numba":
            text = text[: text.rindex("The numba engine leaves")]
        assert text.rstrip("\n") == wanted
    again = prepare(str(weighted_rows), target="y", **settings).trainer()
    assert describe(again.steps.program, run.network, slots=len(run.optimizer.slots)) == wanted
