"""The Python API: what settings mean, and what is said when they cannot be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.builtin.activations import tanh
from nnplug.builtin.layers import scale
from nnplug.errors import DataError, NnplugError, SettingError, UnknownPartError
from nnplug.runs.preparing import prepare

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"
FRAME = pd.read_csv(IRIS)


def test_a_path_a_frame_and_arrays_of_them_agree():
    settings = {"target": "species", "epochs": 5, "hidden": 6}
    runs = [nnplug.train(data, **settings) for data in (IRIS, str(IRIS), FRAME)]
    assert len({run.network.parameters.tobytes() for run in runs}) == 1
    run = runs[0]
    assert run.rows.classes == ("setosa", "versicolor", "virginica")
    assert run.rows.features == tuple(FRAME.columns[:4])
    assert run.settings.task == "multiclass"
    predicted = run.predict(FRAME.drop(columns="species"))
    assert set(predicted) <= set(run.rows.classes)
    assert run.probabilities(IRIS).sum(axis=1) == pytest.approx(1)


def test_predictions_of_a_regression_are_in_the_targets_units():
    run = nnplug.train(FRAME, target="petal_length", epochs=30)
    predicted = run.predict(FRAME)
    assert predicted.shape == (150, 1)
    error = abs(predicted[:, 0] - FRAME["petal_length"]).mean()
    assert error < 0.3
    assert run.final.metrics["r2"] > 0.95


def test_several_targets():
    run = nnplug.train(FRAME, target=["petal_length", "petal_width"], epochs=3)
    assert run.predict(FRAME).shape == (150, 2)


def test_metrics_are_those_of_the_held_out_rows():
    run = nnplug.train(FRAME, target="species", epochs=5, metrics=["accuracy", "mse"])
    held = run.validation_rows
    wanted = FRAME["species"].to_numpy()[held]
    right = run.predict(FRAME.iloc[held]) == wanted
    assert run.final.metrics["accuracy"] == pytest.approx(right.mean())
    # A metric of numbers compares probabilities with what they should be.
    onehot = wanted[:, None] == np.array(run.rows.classes)
    error = run.probabilities(FRAME.iloc[held]) - onehot
    assert run.final.metrics["mse"] == pytest.approx((error**2).mean(), rel=1e-5)


def test_arrays_are_used_as_they_are():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3)).astype(np.float32)
    run = prepare((x, x.sum(axis=1)))
    assert run.rows.inputs is x
    assert run.settings.task == "regression"
    assert prepare((x, x[:, 0] > 0)).settings.task == "binary"
    assert prepare((x, np.arange(60) % 3)).settings.task == "multiclass"
    assert prepare((x, np.arange(60))).settings.task == "regression"
    assert prepare((x, np.array(["a", "b", "c"] * 20))).rows.classes == ("a", "b", "c")


def test_the_user_wins_over_the_recipe_and_the_recipe_over_the_defaults():
    run = prepare("xor", hidden=7, seed=1)
    assert run.settings.hidden == (7,)
    assert run.settings.seed == 1
    assert run.settings.epochs == 10_000
    recipe = {"learning_rate": 0.5, "validation": 0}
    data = nnplug.Data(np.eye(2), np.array([0, 1]), "binary", (0, 1), recipe=recipe)
    assert prepare(data).optimizer.learning_rate == 0.5
    # A rate that fits the recipe's optimizer is no guess for another.
    assert prepare(data, optimizer="sgd").optimizer.learning_rate == 0.01
    assert prepare(data, optimizer="sgd", learning_rate=2).optimizer.learning_rate == 2


def test_a_recipe_may_say_the_layers_in_either_form():
    def data(**recipe):
        return nnplug.Data(np.eye(2), np.array([0, 1]), "binary", (0, 1), recipe=recipe)

    def texts(run):
        return " ".join(placed.part.text for placed in run.network.placed[:-2])

    assert texts(prepare(data(layers="dense:3 layer_norm"))) == "dense:3 layer_norm"
    assert texts(prepare(data(layers="dense:3 layer_norm"), hidden=4)) == "dense:4 relu"
    assert texts(prepare(data(hidden=4, dropout=0.5), layers="glu:3")) == "glu:3"
    given = ["dense:5 relu", tanh, scale]
    assert texts(prepare(data(hidden=4), layers=given)) == "dense:5 relu tanh scale"
    with pytest.raises(SettingError) as caught:
        prepare(data(), layers="dense:5", activation="tanh")
    assert str(caught.value) == (
        "layers and activation: both say what the network's layers are.\n"
        "Give one of the two; layers can say everything that the others can."
    )


def test_an_activation_for_each_layer():
    run = prepare("xor", hidden=(3, 4), activation=["tanh", "elu:alpha=0.5"])
    assert [layer.activation.text for layer in run.network.layers] == [
        "tanh",
        "elu:alpha=0.5",
        "sigmoid",
    ]
    assert run.network["hidden2.weight"].shape == (3, 4)


def test_parts_may_be_given_as_themselves():
    @nnplug.activation
    def cube(x):
        """The cube."""
        return x**3

    run = nnplug.train("xor", activation=cube, epochs=2)
    assert run.settings.activation == ("cube",)


@pytest.mark.parametrize(
    ("task", "loss", "activation"),
    [
        ("binary", "mse", "sigmoid"),
        ("binary", "binary_cross_entropy", "identity"),
        ("binary", "cross_entropy", "identity"),
        ("multiclass", "mse", "softmax"),
        ("multiclass", "cross_entropy", "identity"),
        ("multiclass", "binary_cross_entropy", "identity"),
        ("regression", "huber", "identity"),
    ],
)
def test_the_output_activation_follows_from_loss_and_task(task, loss, activation):
    targets = {
        "binary": np.arange(30) % 2 == 0,
        "multiclass": np.arange(30) % 3,
        "regression": np.linspace(0, 1, 30),
    }
    x = np.random.default_rng(0).standard_normal((30, 4))
    run = nnplug.train((x, targets[task]), loss=loss, epochs=2)
    assert run.settings.output_activation == activation
    if task != "regression":
        probabilities = run.probabilities(x)
        assert probabilities.shape == (30, len(run.rows.classes))
        assert probabilities.sum(axis=1) == pytest.approx(1, rel=1e-5)
        best = np.array(run.rows.classes)[probabilities.argmax(axis=1)]
        assert (best == run.predict(x)).all()


X = np.zeros((10, 2))
Y = np.arange(10) % 2


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        ("xor", {"hidden": "64"}, "hidden='64': each must be a whole number, at least 1; write"),
        ("xor", {"hidden": (3, 0)}, "hidden=(3, 0): each must be a whole number, at least 1"),
        ("xor", {"validation": "x"}, "validation='x': it must be a finite number, at least 0"),
        ("xor", {"batch_size": "all"}, "at least 1, or full."),
        ("xor", {"dtype": "int8"}, "dtype='int8': it must be float32 or float64."),
        ("xor", {"activation": np.tanh}, "<ufunc 'tanh'> is not an activation."),
        ("xor", {"loss": "cross_entropy", "output_activation": "log_softmax"}, "applied twice"),
        ((X, Y[:5]), {}, "inputs have shape (10, 2) and targets (5,)"),
        ((X[:, 0], Y), {}, "inputs: an array of shape (10,) of float64"),
        ((X * np.nan, Y), {}, "inputs: row 0, column 0 is nan."),
        ((X, np.full(10, np.nan)), {}, "targets: row 0, column 0 is nan."),
        ((X, 0 * Y), {}, "arrays: 1 classes"),
        ((X, Y, X), {}, "data is a tuple of 3 items: give (inputs, targets)."),
        ((X, Y), {"target": "y"}, "arrays has its own target"),
        (FRAME, {}, "no target is given."),
        (FRAME, {"target": "species", "task": "regression"}, "species"),
        (
            nnplug.Data(X, Y, "binary", (0, 1), recipe={"hiden": 3}),
            {},
            "the dataset's recipe: there is no setting 'hiden'. Did you mean 'hidden'?",
        ),
    ],
)  # fmt: skip
def test_wrong_settings_say_why(data, settings, message):
    with pytest.raises(NnplugError) as caught:
        prepare(data, **settings)
    assert message in str(caught.value)


def test_each_kind_of_mistake_has_its_class():
    with pytest.raises(UnknownPartError):
        prepare("nosuch")
    with pytest.raises(DataError):
        prepare("nosuch.csv", target="y")
    with pytest.raises(SettingError):
        prepare("xor", validation=1)
    run = prepare((X, np.linspace(0, 1, 10)))
    with pytest.raises(SettingError, match="A regression has no classes"):
        run.probabilities(X)
    with pytest.raises(DataError, match="has 3 columns; the network was trained on 2"):
        run.predict(np.zeros((1, 3)))


def test_a_class_in_the_held_out_rows_alone_is_a_class():
    rare = FRAME.iloc[:100].copy()
    for row in range(100):
        rare["species"] = FRAME["species"][:100].where(np.arange(100) != row, "rare")
        run = prepare(rare, target="species", split="random")
        assert len(run.rows.classes) == 3
        if row in run.validation_rows:
            break
    else:  # pragma: no cover  # a fifth of the rows is held out
        raise AssertionError


def test_a_row_that_weighs_two_is_a_row_twice():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 3)), rng.standard_normal(12)
    weight = np.array([1.0, 2.0] * 6)
    doubled = np.repeat(np.arange(12), weight.astype(int))
    settings = {"validation": 0, "batch_size": "full", "dtype": "float64", "epochs": 8}
    weighted = nnplug.train((x, y), sample_weight=weight, **settings)
    twice = nnplug.train((x[doubled], y[doubled]), **settings)
    np.testing.assert_allclose(weighted.history["loss"], twice.history["loss"], rtol=1e-10)
    np.testing.assert_allclose(
        weighted.network.parameters, twice.network.parameters, rtol=1e-8, atol=1e-10
    )


@pytest.mark.parametrize("loss", ["mse", "half_sse", "cross_entropy", "binary_cross_entropy"])
def test_rows_that_weigh_nothing_are_not_there(loss):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((30, 3))
    y = x[:, 0] > 0
    weight = np.repeat([1.0, 0.0], 15)
    settings = {"loss": loss, "validation": 0, "batch_size": 10, "epochs": 4}
    wrong = np.where(weight > 0, y, ~y)  # labels that must not matter
    runs = [nnplug.train((x, each), sample_weight=weight, **settings) for each in (y, wrong)]
    assert runs[0].network.parameters.tobytes() == runs[1].network.parameters.tobytes()
    assert runs[0].history["loss"] == runs[1].history["loss"]


def test_a_validation_loss_is_weighted_too():
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((40, 3)), rng.uniform(0, 2, 40)
    y = rng.standard_normal(40)
    run = nnplug.train((x, y), sample_weight=weight, epochs=2, dtype="float64")
    held = run.validation_rows
    errors = (run.predict(x[held])[:, 0] - y[held]) ** 2
    expected = np.average(errors, weights=weight[held])
    assert run.final.validation_loss == pytest.approx(expected)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(9), "sample_weight has shape (9,); it must have one number per row, (10,)."),
        (np.zeros(10), "all are 0"),
        ([1.0] * 9 + [-1], "row 9 weighs -1"),
        ([1.0] * 9 + [np.nan], "row 9 weighs nan"),
    ],
)
def test_wrong_weights_say_why(weight, message):
    with pytest.raises(SettingError) as caught:
        prepare((X, Y), sample_weight=weight)
    assert message in str(caught.value)


def test_a_datasets_lists_and_flat_targets_are_taken():
    data = nnplug.Data([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.5, 1.5, 2.5], "regression")
    run = nnplug.train(data, epochs=2, validation=0)
    assert run.predict([[0.0, 0.0]]).shape == (1, 1)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 1], "data: 3 rows of inputs and 2 of targets."),
        ([0, 1, 2], "data: targets of shape (3,); needed is the index of a class"),
        ([[0], [1], [1]], "data: targets of shape (3, 1); needed is the index of a class"),
    ],
)
def test_a_datasets_wrong_targets_are_named(targets, message):
    with pytest.raises(DataError) as caught:
        prepare(nnplug.Data(np.eye(3), targets, "binary", ("a", "b")))
    assert message in str(caught.value)


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_part_of_which_no_row_counts_is_refused(part):
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
    parts = np.array(["training"] * 7 + ["validation"] * 3)
    data = {"a": x[:, 0], "b": x[:, 1], "w": (parts != part) * 1.0, "part": parts, "y": y}
    with pytest.raises(SettingError) as error:
        nnplug.train(data, target="y", weights="w", split="column:part", epochs=1)
    count = np.count_nonzero(parts == part)
    assert str(error.value) == (
        f"weights: all {count} rows for {part} have weight 0, so they have no mean loss.\n"
        "Give some of them a weight, or choose other rows for validation: --split, "
        "--validation."
    )
