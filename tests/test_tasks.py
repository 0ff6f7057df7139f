"""What a task asks of a network: several labels, class weights, targets there and back."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import nnplug
from nnplug.errors import DataError, NnplugError, SettingError
from nnplug.network.labels import class_weights
from nnplug.network.tasks import Head, output_activation_name
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import prepare

REGISTRY = Registry()


def head(task, loss, width):
    loss = REGISTRY.get("loss", loss)
    name = output_activation_name(task, loss)
    return Head(task, loss, REGISTRY.get("activation", name), width)


def several_labels(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 3))
    return x, (x @ rng.standard_normal((3, 4)) + 0.3 * rng.standard_normal((rows, 4)) > 0)


# --- targets there and back ---------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("task", "losses", "targets"),
    [
        ("regression", ("mse", "huber"), np.array([[0.5, -1.0], [2.0, 3.0]])),
        ("binary", ("mse", "binary_cross_entropy", "cross_entropy"), np.array([0, 1, 1])),
        ("multiclass", ("mse", "binary_cross_entropy", "cross_entropy"), np.array([2, 0, 1, 2])),
        ("multilabel", ("mse", "binary_cross_entropy"), np.array([[0, 1], [1, 1], [0, 0]])),
    ],
)
def test_targets_come_back_as_they_were(task, losses, targets, dtype):
    width = 2 if targets.ndim == 2 or task == "binary" else 3
    for loss in losses:
        made = head(task, loss, width)
        encoded = made.encode(targets, np.dtype(dtype))
        assert encoded.shape == (
            len(targets), 1 if made.loss.against == "labels" else made.outputs
        )  # fmt: skip
        back = made.decode(encoded)
        assert back.tolist() == targets.tolist()
        if task != "regression":
            assert back.dtype.kind == "i"


# --- several labels -----------------------------------------------------------------


def test_several_labels_are_as_many_networks_of_two_classes():
    # Without a hidden layer the labels share nothing. The mean over K labels
    # makes each gradient a K-th of what it is alone.
    x, y = several_labels()
    settings = {
        "hidden": (), "initializer": "zeros", "batch_size": "full", "dtype": "float64",
        "validation": 0, "epochs": 40, "optimizer": "sgd",
    }  # fmt: skip
    together = nnplug.train((x, y), learning_rate=0.8, **settings)
    assert together.settings.task == "multilabel"
    assert together.settings.loss == "binary_cross_entropy"
    alone = [nnplug.train((x, y[:, k]), learning_rate=0.2, **settings) for k in range(4)]
    assert {run.settings.task for run in alone} == {"binary"}
    for k, run in enumerate(alone):
        np.testing.assert_allclose(
            together.probabilities(x)[:, k], run.probabilities(x)[:, 1], rtol=1e-10
        )
    losses = np.mean([run.history["loss"] for run in alone], axis=0)
    np.testing.assert_allclose(together.history["loss"], losses, rtol=1e-10)
    assert (together.predict(x) == np.stack([run.predict(x) for run in alone], axis=1)).all()


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "mse"])
def test_probabilities_and_answers_of_several_labels(loss):
    x, y = several_labels()
    run = nnplug.train((x, y.astype(int)), loss=loss, epochs=60, metrics=["accuracy", "f1"])
    chances = run.probabilities(x)
    assert chances.shape == (60, 4)
    assert ((chances > 0) & (chances < 1)).all()
    answers = run.predict(x)
    assert (answers == (chances > 0.5)).all()
    assert set(np.unique(answers)) == {0, 1}
    held = run.validation_rows
    right = (answers[held] == y[held]).all(axis=1).mean()
    assert run.final.metrics["accuracy"] == pytest.approx(right)
    assert (answers == y).mean() > 0.85


def test_a_model_of_several_labels_is_kept(tmp_path):
    x, y = several_labels()
    run = nnplug.train((x, y), epochs=3)
    run.save(tmp_path / "labels.safetensors")
    model = nnplug.load(tmp_path / "labels.safetensors")
    assert model.classes == (0, 1, 2, 3)
    assert (model.probabilities(x) == run.probabilities(x)).all()
    scores = model.evaluate((x, y), metrics=["accuracy", "roc_auc"])
    assert scores["accuracy"] == (run.predict(x) == y).all(axis=1).mean()


def test_named_labels():
    x, y = several_labels()
    data = nnplug.Data(x, y.astype(int), "multilabel", ("red", "green", "blue", "dim"))
    run = nnplug.train(data, epochs=1)
    assert run.model.classes == ("red", "green", "blue", "dim")


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (np.eye(4, dtype=bool)[[0, 1] * 5], "multilabel"),
        (np.eye(4, dtype=int)[[0, 1] * 5], "multilabel"),
        (np.eye(4)[[0, 1] * 5], "regression"),
        (2 * np.eye(4, dtype=int)[[0, 1] * 5], "regression"),
    ],
)
def test_what_several_columns_are(targets, task):
    assert prepare((np.ones((10, 2)), targets)).settings.task == task


@pytest.mark.parametrize(
    ("targets", "settings", "message"),
    [
        (np.array([[0, 1], [0, 2]] * 5), {"task": "multilabel"},
         "targets: row 1, label 1 is 2; a label is 0 or 1."),
        (np.zeros(10), {"task": "multilabel"},
         "targets: shape (10,) of float64; needed is 0 or 1 for each label, of shape (rows,"),
        (np.eye(2, dtype=bool)[[0, 1] * 5], {"loss": "cross_entropy"},
         "loss 'cross_entropy' takes one class for each row; a row of a multilabel task has "
         "several labels.\nUse binary_cross_entropy"),
        (np.eye(2, dtype=bool)[[0, 1] * 5], {"loss": "mse", "output_activation": "softmax"},
         "output activation 'softmax' makes the outputs of a row compete; the labels"),
        (np.eye(2, dtype=bool)[[0, 1] * 5], {"class_weight": "balanced"},
         "a row of a multilabel task does not have one class."),
    ],
)  # fmt: skip
def test_labels_that_do_not_go_together_say_why(targets, settings, message):
    with pytest.raises(NnplugError) as caught:
        prepare((np.ones((10, 2)), targets), **settings)
    assert message in str(caught.value)


def test_a_dataset_names_as_many_labels_as_it_has():
    data = nnplug.Data(np.eye(2), np.eye(2, dtype=int), "multilabel", ("a", "b", "c"))
    with pytest.raises(DataError, match=r"needed is 0 or 1 for each label, of shape \(rows, 3\)"):
        prepare(data)


# --- class weights --------------------------------------------------------------------


def test_balanced_is_scikit_learns():
    labels = np.array([0] * 7 + [1] * 2 + [2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    found = class_weights("balanced", ("a", "b", "c"), np.bincount(labels))
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    # A class that no training row has weighs nothing there, and 1 elsewhere.
    assert class_weights("balanced", ("a", "b", "d", "c"), np.array([1, 2, 0, 1])).tolist() == (
        pytest.approx([4 / 3, 2 / 3, 1, 4 / 3])
    )


def test_weights_by_name_or_by_the_class_itself():
    labels = np.array([1, 1])
    assert class_weights({"b": 3}, ("a", "b"), labels).tolist() == [1, 3]
    assert class_weights({1: 3, "0": 0.5}, (0, 1), labels).tolist() == [0.5, 3]
    assert class_weights({True: 2}, (False, True), labels).tolist() == [1, 2]
    assert class_weights({"true": 2}, (False, True), labels).tolist() == [1, 2]
    assert class_weights({"A": 2, "a": 3}, ("a", "A"), labels).tolist() == [3, 2]


def test_a_class_that_weighs_two_is_its_rows_twice():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 3)), np.arange(12) % 3
    settings = {"validation": 0, "batch_size": "full", "dtype": "float64", "epochs": 8}
    weighted = nnplug.train((x, y), class_weight={1: 2}, **settings)
    twice = np.repeat(np.arange(12), np.where(y == 1, 2, 1))
    repeated = nnplug.train((x[twice], y[twice]), **settings)
    np.testing.assert_allclose(weighted.history["loss"], repeated.history["loss"], rtol=1e-10)
    np.testing.assert_allclose(
        weighted.network.parameters, repeated.network.parameters, rtol=1e-8, atol=1e-10
    )


def test_class_weights_multiply_the_weights_of_rows():
    x, y = np.zeros((4, 2)), np.array([0, 1, 1, 1])
    run = prepare((x, y), class_weight={1: 0.5}, sample_weight=[1, 2, 3, 4], validation=0)
    assert run.weights.tolist() == [[1], [1], [1.5], [2]]
    assert prepare((x, y), class_weight="balanced", validation=0).weights.tolist() == [
        [2], [2 / 3], [2 / 3], [2 / 3],
    ]  # fmt: skip
    assert run.settings.class_weight == {"1": 0.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("equal", "class_weight='equal': it is 'balanced', or a weight for each class"),
        ({"aa": 1}, "class_weight: there is no class 'aa'. Did you mean 'a'?"),
        ({"a": "x"}, "class 'a' weighs 'x'; a weight is a finite number, at least 0."),
        ({"a": np.inf}, "class 'a' weighs inf"),
        ({"a": True}, "class 'a' weighs True"),
    ],
)
def test_wrong_class_weights_say_why(given, message):
    with pytest.raises(SettingError) as caught:
        class_weights(given, ("a", "b"), np.array([0, 1]))
    assert message in str(caught.value)


# --- the largest output ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 1023, 1024, 3000])
@pytest.mark.parametrize("width", [2, 3, 10, 16, 17])
def test_the_class_is_the_first_of_the_largest_outputs(rows, width, dtype):
    chooser = head("multiclass", "cross_entropy", width)
    outputs = np.random.default_rng(0).integers(0, 4, (rows, width)).astype(dtype)  # ties
    outputs[0] = -3e38
    outputs[-1, 1] = 3e38
    found = chooser.classes(outputs)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.argmax(outputs, axis=1))
