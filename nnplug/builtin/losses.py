"""The built-in losses: the error of each element or row, before they are averaged.

Those of numbers are here, those of classes in `nnplug.builtin.class_losses`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug import special
from nnplug.builtin import class_losses
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


@loss(ranges={"beta": "(0, inf)"})
def smooth_l1(prediction: Any, target: Any, *, beta: float = 1.0) -> Any:
    """Smooth L1 loss (Girshick, 2015, arXiv:1504.08083, eq. 3).

    e²/(2·beta) for |e| <= beta, else |e| - beta/2, e the error: `huber` with
    delta = beta, divided by beta. The paper has beta 1.

    Parameters
    ----------
    beta : float
        Above 0, in the target's units: where the square turns into a line. As it
        goes to 0 the loss becomes `mae`, which PyTorch takes at 0 itself.

    Examples
    --------
    >>> float(smooth_l1(3.0, 0.0, beta=2.0))
    2.0
    """
    size = abs(prediction - target)
    return np.where(size <= beta, 0.5 * size**2 / beta, size - 0.5 * beta)


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


@loss(aliases=("mean_absolute_percentage_error",), targets="positive")
def mape(prediction: Any, target: Any) -> Any:
    """Mean absolute error as a share of the target: |prediction - target| / target.

    As the metric `mape`: 0.1 is ten per cent. For targets above 0, in their own
    units. Differs from Keras, which multiplies by 100 and divides by
    max(|target|, 1e-7), so that a target of 0 outweighs all others.

    Examples
    --------
    >>> mape(np.array([[9.0, 3.0]]), np.array([[10.0, 2.0]])).tolist()
    [[0.1, 0.5]]
    """
    return abs(prediction - target) / target


@loss(aliases=("mean_squared_logarithmic_error",), link="log")
def msle(prediction: Any, target: Any) -> Any:
    """Mean squared logarithmic error: (log(1 + m) - log(1 + y))², for targets of at least 0.

    The network gives log(m), the logarithm of what it predicts, so m is above 0,
    and log(1 + m) is its softplus. Differs from Keras, which takes m itself and
    clips it to 1e-7, below which nothing is learned.

    Examples
    --------
    >>> float(msle(0.0, 1.0))  # log(m) is 0, so m is 1
    0.0
    """
    return (special.softplus(prediction) - np.log1p(target)) ** 2


@loss(link="log")
def poisson_nll(prediction: Any, target: Any) -> Any:
    """Poisson negative log-likelihood of counts or rates: exp(z) - y·z.

    Without the constant log(y!). The network gives z, the logarithm of the
    mean, and predictions are exp(z) (McCullagh & Nelder, 1989, section 6.2).
    Its derivative is exp(z) - y. Differs from Keras's `poisson`, which takes the
    mean itself, as PyTorch's does with `log_input=False`.

    Examples
    --------
    >>> float(poisson_nll(0.0, 3.0))
    1.0
    """
    return np.exp(prediction) - target * prediction


@loss(aliases=("cosine_similarity",))
def cosine_distance(prediction: Any, target: Any) -> Any:
    """Cosine distance of two rows: 1 - cos(angle between prediction and target), from 0 to 2.

    Computed as half the square of the distance between the two at length 1,
    which keeps its precision at small angles. A row of zeros counts as a
    direction of length 0: half a unit from any other, with a derivative
    towards the target. Differs from Keras's `cosine_similarity`, which is 1
    less.

    Examples
    --------
    >>> cosine_distance(np.array([[2.0, 0.0]]), np.array([[0.0, 3.0]])).tolist()
    [[1.0]]
    """
    away = _direction(prediction) - _direction(target)
    return 0.5 * np.sum(away**2, axis=-1, keepdims=True)


def _direction(x: Any) -> Any:
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(length > 0, length, 1)


@hookimpl
def register_losses(register: Any) -> None:
    """Register every loss of this module, and those of classes."""
    found = [*globals().values(), *vars(class_losses).values()]
    for part in [value for value in found if isinstance(value, Part)]:
        register(part)
