"""Every built-in metric against scikit-learn, or a case by hand where that has none."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from nnplug.errors import OptionError
from nnplug.plugins.registry import Registry

REGISTRY = Registry()


def metric(text):
    return REGISTRY.get("metric", text)


def classification(classes, rows=60, seed=0, ties=False, dtype=np.float64):
    """Draw probabilities (N, C) and labels (N,), every class among both."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((rows, classes))
    labels = rng.integers(0, classes, rows)
    labels[:classes] = np.arange(classes)
    scores[np.arange(rows), labels] += 0.7
    if ties:
        scores = scores.round()
    shares = np.exp(scores)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(dtype), labels


def several_labels(labels=4, rows=50, seed=1):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 2, (rows, labels))
    scores = rng.standard_normal((rows, labels)) + true
    return 1 / (1 + np.exp(-scores)), true


# Metrics of classes, and of probabilities by their most probable class.
BY_CLASS = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "hamming": sk.hamming_loss,
    "matthews_corrcoef": sk.matthews_corrcoef,
    "cohen_kappa": sk.cohen_kappa_score,
}
RATIOS = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
}


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("name", BY_CLASS)
@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_classes(name, classes, seed):
    probabilities, labels = classification(classes, seed=seed)
    chosen = probabilities.argmax(axis=1)
    found = metric(name)(chosen, labels)
    assert found == pytest.approx(BY_CLASS[name](labels, chosen), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", ["accuracy", "hamming"])
def test_several_labels_as_scikit_learn(name):
    probabilities, labels = several_labels()
    chosen = (probabilities > 0.5).astype(int)
    assert metric(name)(chosen, labels) == pytest.approx(BY_CLASS[name](labels, chosen))


@pytest.mark.parametrize("name", ["balanced_accuracy", "matthews_corrcoef", "cohen_kappa"])
def test_several_labels_are_averaged(name):
    probabilities, labels = several_labels()
    chosen = (probabilities > 0.5).astype(int)
    each = [BY_CLASS[name](labels[:, k], chosen[:, k]) for k in range(4)]
    assert metric(name)(chosen, labels) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
@pytest.mark.parametrize("name", RATIOS)
def test_precision_recall_and_f1(name, average, classes):
    probabilities, labels = classification(classes)
    chosen = probabilities.argmax(axis=1)
    found = metric(f"{name}:average={average}")(probabilities, labels)
    assert found == pytest.approx(RATIOS[name](labels, chosen, average=average))
    probabilities, labels = several_labels()
    found = metric(f"{name}:average={average}")(probabilities, labels)
    assert found == pytest.approx(RATIOS[name](labels, probabilities > 0.5, average=average))


@pytest.mark.parametrize("name", RATIOS)
def test_the_average_follows_from_the_number_of_classes(name):
    probabilities, labels = classification(2)
    chosen = probabilities.argmax(axis=1)
    assert metric(name)(probabilities, labels) == pytest.approx(RATIOS[name](labels, chosen))
    assert metric(f"{name}:average=binary")(probabilities, labels) == metric(name)(
        probabilities, labels
    )
    # Three classes of which two occur are three classes.
    probabilities, labels = classification(3)
    few = labels < 2
    probabilities, labels = probabilities[few], labels[few]
    chosen = probabilities.argmax(axis=1)
    expected = RATIOS[name](labels, chosen, average="macro", zero_division=0)
    assert metric(name)(probabilities, labels) == pytest.approx(expected)
    assert set(chosen) == {0, 1, 2}


@pytest.mark.parametrize("name", RATIOS)
def test_nothing_said_is_nothing_hit(name):
    sure = np.array([[0.9, 0.1]] * 3)
    assert metric(name)(sure, np.array([0, 1, 1])) == 0.0
    assert metric(name)(sure, np.array([0, 0, 0])) == 0.0


@pytest.mark.parametrize("average", ["binary", "median"])
def test_an_average_that_is_none_is_refused(average):
    with pytest.raises(OptionError) as caught:
        metric(f"f1:average={average}")(*classification(3))
    assert f"average={average}: there are auto, binary, macro, weighted and micro" in str(
        caught.value
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_log_loss_and_brier(classes, dtype):
    probabilities, labels = classification(classes, dtype=dtype)
    wide = probabilities.astype(np.float64)
    wide /= wide.sum(axis=1, keepdims=True)
    close = 1e-12 if dtype == np.float64 else 1e-6
    assert metric("log_loss")(probabilities, labels) == pytest.approx(
        sk.log_loss(labels, wide), rel=close
    )
    truth = labels[:, None] == np.arange(classes)
    by_hand = ((wide - truth) ** 2).sum(axis=1).mean() / (2 if classes == 2 else 1)
    assert metric("brier")(probabilities, labels) == pytest.approx(by_hand, rel=close)
    if classes == 2:
        assert by_hand == pytest.approx(sk.brier_score_loss(labels, wide[:, 1]))


def test_log_loss_of_a_sure_mistake_is_finite():
    for dtype, least in ((np.float32, 1.1920929e-07), (np.float64, 2.220446049250313e-16)):
        wrong = np.array([[1, 0], [1, 0]], dtype)
        expected = -np.log(least) / 2
        assert metric("log_loss")(wrong, np.array([0, 1])) == pytest.approx(expected)


def test_log_loss_and_brier_of_several_labels_are_averaged():
    probabilities, labels = several_labels()
    for name, theirs in (("log_loss", sk.log_loss), ("brier", sk.brier_score_loss)):
        each = [theirs(labels[:, k], probabilities[:, k]) for k in range(4)]
        assert metric(name)(probabilities, labels) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_roc_auc_and_average_precision(classes, ties):
    probabilities, labels = classification(classes, ties=ties)
    score = probabilities[:, 1] if classes == 2 else probabilities
    found = metric("roc_auc")(probabilities, labels)
    assert found == pytest.approx(sk.roc_auc_score(labels, score, multi_class="ovr"), rel=1e-12)
    found = metric("average_precision")(probabilities, labels)
    truth = labels if classes == 2 else labels[:, None] == np.arange(classes)
    assert found == pytest.approx(sk.average_precision_score(truth, score), rel=1e-12)


def test_areas_of_several_labels():
    probabilities, labels = several_labels()
    assert metric("roc_auc")(probabilities, labels) == pytest.approx(
        sk.roc_auc_score(labels, probabilities)
    )
    assert metric("average_precision")(probabilities, labels) == pytest.approx(
        sk.average_precision_score(labels, probabilities)
    )


def test_areas_where_a_class_is_missing():
    probabilities, labels = classification(3)
    few = labels < 2  # nobody is of class 2
    probabilities, labels = probabilities[few], labels[few]
    expected = [sk.roc_auc_score(labels == k, probabilities[:, k]) for k in (0, 1)]
    assert metric("roc_auc")(probabilities, labels) == pytest.approx(np.mean(expected))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(metric("roc_auc")(probabilities, 0 * labels))
    assert metric("roc_auc")(np.full((4, 2), 0.5), np.array([0, 1, 1, 0])) == 0.5


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy(k):
    probabilities, labels = classification(5)
    expected = sk.top_k_accuracy_score(labels, probabilities, k=k)
    assert metric(f"top_k_accuracy:k={k}")(probabilities, labels) == pytest.approx(expected)
    equal = np.full((3, 5), 0.2)
    assert metric(f"top_k_accuracy:k={k}")(equal, np.arange(3)) == 0.0


NUMBERS = {
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "median_ae": sk.median_absolute_error,
    "mape": sk.mean_absolute_percentage_error,
    "pinball:quantile=0.2": lambda y, p: sk.mean_pinball_loss(y, p, alpha=0.2),
    "r2": sk.r2_score,
    "explained_variance": sk.explained_variance_score,
}


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("rows", [2, 31])
@pytest.mark.parametrize("name", NUMBERS)
def test_metrics_of_numbers(name, rows, targets):
    rng = np.random.default_rng(rows)
    target = 3 * rng.standard_normal((rows, targets)) + 2
    prediction = target + rng.standard_normal((rows, targets)) + 0.3
    found = metric(name)(prediction, target)
    assert found == pytest.approx(NUMBERS[name](target, prediction), rel=1e-12)
    narrow = metric(name)(prediction.astype(np.float32), target.astype(np.float32))
    assert narrow == pytest.approx(found, rel=1e-4)


def test_the_largest_error():
    target = np.array([[1.0, 5.0], [2.0, 0.0]])
    prediction = target + np.array([[0.5, 0.0], [0.0, -3.0]])
    assert metric("max_error")(prediction, target) == 3.0


def test_constant_targets():
    flat, off = np.ones((4, 1)), np.array([[1.0], [1.0], [1.0], [2.0]])
    for name in ("r2", "explained_variance"):
        assert metric(name)(flat, flat) == 1.0
        assert metric(name)(off, flat) == 0.0
        assert NUMBERS[name](flat, flat) == 1.0
        assert NUMBERS[name](flat, off) == 0.0
    assert metric("mape")(np.array([[1.0]]), np.array([[0.0]])) == pytest.approx(2**52)


def test_every_metric_is_compared():
    compared = {*BY_CLASS, *RATIOS, *(name.partition(":")[0] for name in NUMBERS)}
    compared |= {"log_loss", "brier", "roc_auc", "average_precision", "top_k_accuracy", "max_error"}
    assert compared == set(REGISTRY.names("metric"))
