"""The built-in metrics: one number for all rows.

Letters: N rows, C classes, K targets or labels. A metric of classes takes
their indices, (N,), or for several labels 0 or 1 for each, (N, K); one of
probabilities takes (N, C) or (N, K). Every row has the same weight. Sums are
taken in float64.
"""

from __future__ import annotations

import numpy as np

from nnplug.builtin.counting import (
    against_the_rest,
    averaged,
    by_label,
    confusion,
    counted,
    paired,
)
from nnplug.errors import OptionError
from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, metric
from nnplug.types import AnyArray

# --- classes ---------------------------------------------------------------------------


@metric(goal="maximize", aliases=("acc",))
def accuracy(classes: AnyArray, labels: AnyArray) -> float:
    """The share of rows whose class is right, from 0 to 1; with several labels, all must be.

    Examples
    --------
    >>> accuracy(np.array([0, 1, 1]), np.array([0, 1, 0])).round(3)
    np.float64(0.667)
    >>> accuracy(np.array([[0, 1], [1, 1]]), np.array([[0, 1], [1, 0]]))
    np.float64(0.5)
    """
    right = classes == labels
    return np.mean(right if right.ndim == 1 else right.all(axis=1), dtype=np.float64)


@metric(goal="maximize")
def balanced_accuracy(classes: AnyArray, labels: AnyArray) -> float:
    """The mean of the recalls of the classes that occur (Brodersen et al., 2010, ICPR, eq. 1).

    A class counts the same however rare it is: always answering the most
    frequent of C gives 1/C. Of several labels, averaged over the labels.

    Examples
    --------
    >>> balanced_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    0.75
    """
    recalls = []
    for said, true in by_label(classes, labels):
        right, actual = np.bincount(true[said == true], minlength=true.max() + 1), np.bincount(true)
        recalls.append(np.mean(right[actual > 0] / actual[actual > 0]))
    return float(np.mean(recalls))


@metric(aliases=("hamming_loss",))
def hamming(classes: AnyArray, labels: AnyArray) -> float:
    """The share of classes, or of all labels of all rows, that are wrong, from 0 to 1."""
    return np.mean(classes != labels, dtype=np.float64)


@metric(goal="maximize", aliases=("mcc",))
def matthews_corrcoef(classes: AnyArray, labels: AnyArray) -> float:
    """Matthews' correlation of answers and truth (Gorodkin, 2004, for several classes, eq. 8).

    From -1 to 1; 0 for answers without information, and if the answers or the
    truth are all of one class. With several labels, averaged over the labels.

    Examples
    --------
    >>> matthews_corrcoef(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])).__round__(3)
    0.577
    """
    scores = []
    for said, true in by_label(classes, labels):
        table = confusion(said, true)
        rows, told, actual = table.sum(), table.sum(axis=0), table.sum(axis=1)
        spread = (rows**2 - told @ told) * (rows**2 - actual @ actual)
        together = np.trace(table) * rows - told @ actual
        scores.append(together / np.sqrt(spread) if spread else 0.0)
    return float(np.mean(scores))


@metric(goal="maximize")
def cohen_kappa(classes: AnyArray, labels: AnyArray) -> float:
    """Cohen's kappa: agreement beyond that of chance (Cohen, 1960, eq. 1).

    1 is perfect, 0 is what chance gives; also 0 if all answers and the truth are
    of one class. With several labels, averaged over the labels.

    Examples
    --------
    >>> cohen_kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    0.5
    """
    scores = []
    for said, true in by_label(classes, labels):
        table = confusion(said, true) / len(true)
        chance = table.sum(axis=0) @ table.sum(axis=1)
        scores.append((np.trace(table) - chance) / (1 - chance) if chance < 1 else 0.0)
    return float(np.mean(scores))


# --- precision and recall --------------------------------------------------------------


@metric(goal="maximize")
def precision(probabilities: AnyArray, labels: AnyArray, *, average: str = "auto") -> float:
    """The share of the rows predicted to be of a class that are; 0 if none is predicted.

    Parameters
    ----------
    average : str
        See f1.
    """
    hits, said, actual = counted(probabilities, labels)
    return averaged(hits, said, actual, said, average, labels)


@metric(goal="maximize", aliases=("sensitivity",))
def recall(probabilities: AnyArray, labels: AnyArray, *, average: str = "auto") -> float:
    """The share of the rows of a class that are predicted to be; 0 if it has none.

    Parameters
    ----------
    average : str
        See f1.
    """
    hits, said, actual = counted(probabilities, labels)
    return averaged(hits, said, actual, actual, average, labels)


@metric(goal="maximize")
def f1(probabilities: AnyArray, labels: AnyArray, *, average: str = "auto") -> float:
    """The harmonic mean of precision and recall: 2·hits / (predicted + actual).

    A row is predicted to be of its most probable class; with several labels, it
    has those above ½.

    Parameters
    ----------
    average : str
        `"binary"`: for the second of two classes. `"macro"`: the mean over the
        classes that occur or are predicted, or over all labels. `"weighted"`:
        the same, weighted by how often each occurs. `"micro"`: from the counts
        of all classes together. `"auto"`: binary for two classes, else macro.

    Examples
    --------
    >>> sure = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    >>> f1(sure, np.array([0, 1, 0]))  # one hit, two said, one there
    0.6666666666666666
    """
    hits, said, actual = counted(probabilities, labels)
    return averaged(2 * hits, said, actual, said + actual, average, labels)


# --- probabilities ---------------------------------------------------------------------


@metric
def log_loss(probabilities: AnyArray, labels: AnyArray) -> float:
    """Minus the mean logarithm of the probability of what is true, in nats.

    Of several labels, averaged over the labels. A probability of 0 counts as
    the smallest difference from 1 that its dtype has, as in scikit-learn.

    Examples
    --------
    >>> log_loss(np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([0, 1])).__round__(3)
    0.693
    """
    least = np.finfo(probabilities.dtype).eps
    chances, true = paired(probabilities, labels)
    given = np.where(true, chances, 1 - chances) if labels.ndim == 2 else chances[true]
    return float(-np.mean(np.log(np.maximum(given, least))))


@metric(aliases=("brier_score",))
def brier(probabilities: AnyArray, labels: AnyArray) -> float:
    """Brier score: the mean squared error of the probabilities (Brier, 1950).

    For two classes, that of the second, from 0 to 1; for more, the sum over the
    classes, from 0 to 2, as in scikit-learn. With several labels, averaged over
    the labels.

    Examples
    --------
    >>> brier(np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 1])).__round__(3)
    0.1
    """
    chances, true = paired(probabilities, labels)
    errors = (chances - true) ** 2
    if labels.ndim == 1 and chances.shape[1] > 2:
        return float(errors.sum(axis=1).mean())
    return float(errors.mean())


@metric(goal="maximize", aliases=("auc",))
def roc_auc(probabilities: AnyArray, labels: AnyArray) -> float:
    """Area under the receiver operating characteristic (Hanley & McNeil, 1982).

    The chance that a row of the class has a higher probability of it than a
    row of another, where ties count half. For two classes, that of the second;
    for more, or for several labels, the average of each against the rest. A class
    that no row has, or all have, is left out; if none is left it is nan.

    Examples
    --------
    >>> chances = np.array([0.1, 0.4, 0.4, 0.8])
    >>> roc_auc(np.stack([1 - chances, chances], axis=1), np.array([0, 0, 1, 1]))
    0.875
    """
    areas = []
    for chance, true in against_the_rest(probabilities, labels):
        positive, negative = true.sum(), (~true).sum()
        if positive and negative:
            _, place, counts = np.unique(chance, return_inverse=True, return_counts=True)
            ranks = (np.cumsum(counts) - (counts - 1) / 2)[place.reshape(-1)]
            above = ranks[true].sum() - positive * (positive + 1) / 2
            areas.append(above / (positive * negative))
    return float(np.mean(areas)) if areas else float("nan")


@metric(goal="maximize", aliases=("pr_auc",))
def average_precision(probabilities: AnyArray, labels: AnyArray) -> float:
    """The mean precision over recall: Σ (R_n - R_{n-1}) P_n over the thresholds.

    The area under the steps of the precision-recall curve, without
    interpolation. For two classes, that of the second; for more, or for several
    labels, the average of each against the rest. A class that no row has is left
    out; if none is left it is nan.

    Examples
    --------
    >>> chances = np.array([0.1, 0.4, 0.35, 0.8])
    >>> average_precision(np.stack([1 - chances, chances], axis=1), np.array([0, 0, 1, 1]))
    0.8333333333333333
    """
    areas = []
    for chance, true in against_the_rest(probabilities, labels):
        if true.any():
            order = np.argsort(-chance, kind="stable")
            # A threshold includes all rows of equal probability together.
            ends = np.flatnonzero(np.append(np.diff(chance[order]) != 0, True))
            hits = np.cumsum(true[order])[ends]
            areas.append(np.diff(hits, prepend=0) @ (hits / (ends + 1)) / hits[-1])
    return float(np.mean(areas)) if areas else float("nan")


@metric(goal="maximize")
def top_k_accuracy(probabilities: AnyArray, labels: AnyArray, *, k: int = 2) -> float:
    """The share of rows whose class is among the k most probable ones.

    A class tied with others counts as the last of them, so that equal
    probabilities earn nothing.

    Parameters
    ----------
    k : int
        How many classes count, at least 1.

    Examples
    --------
    >>> chances = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    >>> top_k_accuracy(chances, np.array([1, 0]), k=2)
    0.5
    """
    if labels.ndim == 2:
        raise OptionError("top_k_accuracy: a row of several labels has no one class.")
    given = probabilities[np.arange(len(labels)), labels].reshape(-1, 1)
    return float(np.mean((probabilities >= given).sum(axis=1) <= k))


# --- numbers ---------------------------------------------------------------------------


@metric(aliases=("mean_squared_error",))
def mse(prediction: AnyArray, target: AnyArray) -> float:
    """Mean squared error, in the target's units squared."""
    return np.mean((prediction - target) ** 2, dtype=np.float64)


@metric(aliases=("root_mean_squared_error",))
def rmse(prediction: AnyArray, target: AnyArray) -> float:
    """Root of the mean squared error, in the target's units; averaged over the targets.

    Examples
    --------
    >>> rmse(np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]])).__round__(3)
    1.414
    """
    return float(np.sqrt(np.mean((prediction - target) ** 2, axis=0, dtype=np.float64)).mean())


@metric(aliases=("mean_absolute_error",))
def mae(prediction: AnyArray, target: AnyArray) -> float:
    """Mean absolute error, in the target's units."""
    return np.mean(abs(prediction - target), dtype=np.float64)


@metric(aliases=("median_absolute_error",))
def median_ae(prediction: AnyArray, target: AnyArray) -> float:
    """Median of the absolute errors, in the target's units; averaged over the targets."""
    return float(np.median(abs(prediction - target), axis=0).mean(dtype=np.float64))


@metric
def max_error(prediction: AnyArray, target: AnyArray) -> float:
    """The largest absolute error, in the target's units."""
    return float(abs(prediction - target).max())


@metric(aliases=("mean_absolute_percentage_error",))
def mape(prediction: AnyArray, target: AnyArray) -> float:
    """Mean absolute error as a share of the target: 0.1 is ten per cent.

    A target of 0 counts as 2.2e-16, as in scikit-learn: one of them makes
    the number large. Keras multiplies by 100.

    Examples
    --------
    >>> mape(np.array([[9.0], [2.0]]), np.array([[10.0], [1.0]]))
    0.55
    """
    size = np.maximum(abs(target.astype(np.float64)), np.finfo(np.float64).eps)
    return float(np.mean(abs(prediction - target) / size))


@metric(aliases=("mean_pinball_loss",))
def pinball(prediction: AnyArray, target: AnyArray, *, quantile: float = 0.5) -> float:
    """Mean pinball loss, least for the quantile of the target (Koenker & Bassett, 1978).

    Parameters
    ----------
    quantile : float
        From 0 to 1; ½ gives half the mean absolute error.
    """
    error = target.astype(np.float64) - prediction
    return float(np.mean(np.maximum(quantile * error, (quantile - 1) * error)))


@metric(goal="maximize")
def r2(prediction: AnyArray, target: AnyArray) -> float:
    """Coefficient of determination R²: 1 - residual / total sum of squares.

    1 is perfect, 0 as good as the mean; averaged over the outputs. A target
    without any variation gives 1 if it is met exactly, else 0, as in
    scikit-learn.

    Examples
    --------
    >>> r2(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]))
    0.5
    """
    target = target.astype(np.float64)
    residual = np.sum((target - prediction) ** 2, axis=0)
    return _explained(residual, np.sum((target - target.mean(axis=0)) ** 2, axis=0))


@metric(goal="maximize")
def explained_variance(prediction: AnyArray, target: AnyArray) -> float:
    """Like r2, but a constant error costs nothing: 1 - variance of the error / of the target.

    Examples
    --------
    >>> explained_variance(np.array([[2.0], [4.0]]), np.array([[1.0], [3.0]]))
    1.0
    """
    target = target.astype(np.float64)
    return _explained(np.var(target - prediction, axis=0), np.var(target, axis=0))


def _explained(residual: AnyArray, total: AnyArray) -> float:
    varies = total > 0
    scores = np.where(varies, 1 - residual / np.where(varies, total, 1), residual == 0)
    return float(scores.mean())


@hookimpl
def register_metrics(register: object) -> None:
    """Register every metric of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
