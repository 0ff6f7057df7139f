"""The built-in losses: the error of each element or row, before they are averaged."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug import special
from nnplug.hookspecs import hookimpl
from nnplug.parts import Part, loss


@loss(aliases=("mean_squared_error", "l2"))
def mse(prediction: Any, target: Any) -> Any:
    """Mean squared error: (prediction - target)², averaged over rows and outputs.

    Examples
    --------
    >>> float(mse(3.0, 1.0))
    4.0
    """
    return (prediction - target) ** 2


@loss(aliases=("half_squared_error", "l2_loss"))
def half_mse(prediction: Any, target: Any) -> Any:
    """Half the mean squared error: ½·(prediction - target)², averaged over rows and outputs.

    What scikit-learn and Optax call squared error. Its derivative by a
    prediction is the error itself, averaged.

    Examples
    --------
    >>> float(half_mse(3.0, 1.0))
    2.0
    """
    return 0.5 * (prediction - target) ** 2


@loss
def half_mse_sum(prediction: Any, target: Any) -> Any:
    """Half the squared error of several outputs: summed over each row, averaged over rows.

    It is `half_mse` times the number of outputs, so that the weight of an output
    does not depend on how many others there are. scikit-learn minimises it, and
    prints `half_mse`.

    Examples
    --------
    >>> half_mse_sum(np.array([[3.0, 1.0]]), np.array([[1.0, 2.0]])).tolist()
    [[2.5]]
    """
    return np.sum(0.5 * (prediction - target) ** 2, axis=-1, keepdims=True)


@loss(reduction="sum")
def half_sse(prediction: Any, target: Any) -> Any:
    """Half the sum of squared errors: ½·Σ(prediction - target)².

    Its gradient is Σ(prediction - target), as in textbooks' derivations of
    backpropagation. It is a sum, so it grows with the number of rows, and needs
    a smaller learning rate than `mse`.

    Examples
    --------
    >>> float(half_sse(3.0, 1.0))
    2.0
    """
    return 0.5 * (prediction - target) ** 2


@loss(aliases=("mean_absolute_error", "l1"))
def mae(prediction: Any, target: Any) -> Any:
    """Mean absolute error: |prediction - target|; its derivative at 0 is 0.

    Examples
    --------
    >>> float(mae(3.0, 1.0))
    2.0
    """
    return abs(prediction - target)


@loss
def huber(prediction: Any, target: Any, *, delta: float = 1.0) -> Any:
    """Huber's loss (Huber, 1964, doi:10.1214/aoms/1177703732, section 3).

    e²/2 for |e| <= delta, else delta·(|e| - delta/2), e the error.

    Parameters
    ----------
    delta : float
        Above 0, in the target's units: where the square turns into a line.

    Examples
    --------
    >>> float(huber(3.0, 0.0))
    2.5
    """
    error = prediction - target
    size = abs(error)
    return np.where(size <= delta, 0.5 * error**2, delta * (size - 0.5 * delta))


@loss
def log_cosh(prediction: Any, target: Any) -> Any:
    """Logarithm of the hyperbolic cosine of the error: log(cosh(e)).

    e²/2 near 0, |e| - log 2 far from it. For |e| < 1 it is evaluated as
    ½·log1p(sinh²e), which keeps its precision at 0, beyond as
    |e| + log1p(exp(-2|e|)) - log 2, which cannot overflow.

    Examples
    --------
    >>> float(log_cosh(0.0, 0.0))
    0.0
    """
    size = abs(prediction - target)
    near = 0.5 * np.log1p(np.sinh(np.minimum(size, 1)) ** 2)
    far = size + np.log1p(np.exp(-2 * size)) - 0.6931471805599453
    return np.where(size < 1, near, far)


@loss(aliases=("bce", "bce_with_logits", "binary_crossentropy", "log_loss"))
def binary_cross_entropy(logits: Any, target: Any) -> Any:
    """Binary cross-entropy from logits, in nats: -y·log(p) - (1 - y)·log(1 - p), p = sigmoid(z).

    Computed from log_sigmoid, without p, so it does not saturate or take the
    logarithm of 0, and a small loss keeps its precision. The target is 0, 1 or a
    probability. Its derivative is p - y.

    Examples
    --------
    >>> float(binary_cross_entropy(1000.0, 0.0))
    1000.0
    """
    wrong = (1 - target) * special.log_sigmoid(-logits)
    return -(target * special.log_sigmoid(logits) + wrong)


@loss
def binary_cross_entropy_sum(logits: Any, target: Any) -> Any:
    """Binary cross-entropy of several labels, in nats: summed over each row, averaged over rows.

    It is `binary_cross_entropy` times the number of outputs, so that the weight
    of a label does not depend on how many others there are. scikit-learn's log
    loss for several labels.

    Examples
    --------
    >>> binary_cross_entropy_sum(np.array([[0.0, 1000.0]]), np.array([[1.0, 0.0]])).round(4)
    array([[1000.6931]])
    """
    wrong = (1 - target) * special.log_sigmoid(-logits)
    return -np.sum(target * special.log_sigmoid(logits) + wrong, axis=-1, keepdims=True)


@loss(aliases=("ce", "crossentropy", "sparse_categorical_crossentropy"))
def cross_entropy(logits: Any, labels: Any) -> Any:
    """Cross-entropy from logits and class labels, in nats: log Σexp(z) - z[label].

    The labels are class indices. Its derivative is softmax(z) - onehot(label).

    Examples
    --------
    >>> cross_entropy(np.array([[0.0, 0.0]]), np.array([[1]])).round(6).tolist()
    [[0.693147]]
    """
    return special.log_sum_exp(logits) - np.take_along_axis(logits, labels, axis=-1)


@hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
