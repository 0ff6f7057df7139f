"""Rectified activations: zero, or nearly so, on one side, and growing on the other."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


@nnplug.activation
def threshold(x: Any, *, threshold: float = 0.0, value: float = 0.0) -> Any:
    """Threshold: x above the threshold, else a fixed value.

    No paper introduces it. The derivative at the threshold is 0, as in PyTorch.

    Parameters
    ----------
    threshold, value : float
        PyTorch and Keras have no defaults; with those given here it is relu.

    Examples
    --------
    >>> threshold(np.array([0.5, 2.0]), threshold=1.0, value=-3.0).tolist()
    [-3.0, 2.0]
    """
    return np.where(x > threshold, x, value)


@nnplug.activation(aliases=("trelu",))
def thresholded_relu(x: Any, *, theta: float = 1.0) -> Any:
    """Thresholded ReLU: x above theta, else 0 (Konda, Memisevic & Krueger, 2014, arXiv:1402.3337).

    It jumps at theta, where the derivative is taken as 0.

    Examples
    --------
    >>> thresholded_relu(np.array([-2.0, 0.5, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    return np.where(x > theta, x, 0.0)


@nnplug.activation(aliases=("relu2", "squared_relu"))
def relu_squared(x: Any) -> Any:
    """Squared ReLU: max(x, 0)² (So et al., 2021, arXiv:2109.08668).

    Examples
    --------
    >>> relu_squared(np.array([-2.0, 3.0])).tolist()
    [0.0, 9.0]
    """
    return np.maximum(x, 0) ** 2


@nnplug.activation(ranges={"power": "[1, inf)"})
def repu(x: Any, *, power: int = 3) -> Any:
    """Rectified power unit: max(x, 0)^power (Li, Tang & Yu, 2019, arXiv:1903.05858).

    Parameters
    ----------
    power : int
        At least 1; 1 gives relu, 2 `relu_squared`.

    Examples
    --------
    >>> repu(np.array([-2.0, 3.0])).tolist()
    [0.0, 27.0]
    """
    return np.maximum(x, 0) ** power


@nnplug.activation
def bipolar_relu(x: Any) -> Any:
    """Bipolar ReLU (Eidnes & Nøkland, 2017, arXiv:1709.04054).

    max(x, 0) for the first, third, ... unit of a layer, min(x, 0) for the
    others, so that the mean of a layer stays near 0. The derivative at 0 is 0
    for the former and 1 for the latter.

    Examples
    --------
    >>> bipolar_relu(np.array([[-2.0, -2.0, 3.0, 3.0]])).tolist()
    [[0.0, -2.0, 3.0, 0.0]]
    """
    number = np.cumsum(np.ones_like(x), axis=-1)
    return np.where(number % 2 == 1, np.maximum(x, 0), np.minimum(x, 0))


@nnplug.activation
def shifted_relu(x: Any) -> Any:
    """Shifted ReLU: max(x, -1) (Clevert, Unterthiner & Hochreiter, 2015, arXiv:1511.07289).

    The paper compares ELU, whose lower limit is also -1, to it. The derivative at
    -1 is 0.

    Examples
    --------
    >>> shifted_relu(np.array([-2.0, 3.0])).tolist()
    [-1.0, 3.0]
    """
    return np.maximum(x, -1)


@nnplug.activation(ranges={"displacement": "[0, inf)"})
def displaced_relu(x: Any, *, displacement: float = 0.05) -> Any:
    """Displaced ReLU: max(x, -d) (Macêdo et al., 2019, doi:10.1016/j.eswa.2019.01.066).

    The derivative at -d is 0. The equation was not checked against the paper.

    Parameters
    ----------
    displacement : float
        d, at least 0.

    Examples
    --------
    >>> displaced_relu(np.array([-2.0, 3.0])).tolist()
    [-0.05, 3.0]
    """
    return np.maximum(x, -displacement)


@nnplug.activation(ranges={"beta": "(0, inf)"})
def smelu(x: Any, *, beta: float = 2.0) -> Any:
    """Smooth ReLU, SmeLU (Shamir & Lin, 2022, arXiv:2202.06499).

    0 below -beta, x above beta, and (x + beta)²/(4·beta) in between, which joins
    them with a continuous derivative.

    Parameters
    ----------
    beta : float
        Above 0: half the width of the curved part.

    Examples
    --------
    >>> smelu(np.array([-3.0, 0.0, 1.0, 3.0])).tolist()
    [0.0, 0.5, 1.125, 3.0]
    """
    middle = np.clip(x, -beta, beta) + beta
    return np.where(x >= beta, x, middle**2 / (4 * beta))


@nnplug.activation
def hard_mish(x: Any) -> Any:
    """Hard mish: x/2·min(2, max(0, x + 2)) (Misra, github.com/digantamisra98/H-Mish).

    Piecewise quadratic, near `mish`. The derivative is 0 at -2, and 1 at 0.

    Examples
    --------
    >>> hard_mish(np.array([-3.0, -1.0, 2.0])).tolist()
    [-0.0, -0.5, 2.0]
    """
    return 0.5 * x * np.clip(x + 2, 0, 2)


@nnplug.activation(ranges={"beta": "(0, inf)"})
def nlrelu(x: Any, *, beta: float = 1.0) -> Any:
    """Natural-logarithm ReLU: log(1 + beta·max(x, 0)) (Liu et al., 2019, arXiv:1908.03682).

    Examples
    --------
    >>> nlrelu(np.array([-2.0, 0.0, 7.0])).round(6).tolist()
    [0.0, 0.0, 2.079442]
    """
    return np.log1p(beta * np.maximum(x, 0))


@nnplug.activation(ranges={"b": "(0, inf)"})
def squareplus(x: Any, *, b: float = 4.0) -> Any:
    """Squareplus: (x + √(x² + b))/2 (Barron, 2021, arXiv:2112.11687, eq. 1).

    A smooth relu without exponentials. Below 0, where the sum cancels, it is
    b/(2·(√(x² + b) - x)). Differs from Keras and JAX, which add there too, and
    have an error of 2e-11 at x = -600 in float64.

    Parameters
    ----------
    b : float
        Above 0: the value at 0 is √b/2.

    Examples
    --------
    >>> squareplus(np.array([-1.5, 0.0, 1.5])).tolist()
    [0.5, 1.0, 2.0]
    """
    root = np.hypot(x, b**0.5)
    return np.where(x >= 0, 0.5 * (x + root), 0.5 * b / (root - np.minimum(x, 0)))


@nnplug.activation
def sqrt_softplus(x: Any) -> Any:
    """Square root of softplus: √log(1 + exp(x)).

    The DeepSeek-V4 router scores experts with it; the source is the model's
    code in Hugging Face transformers. Below -40 it is exp(x/2), the same
    number, where softplus itself would become 0 too early.

    Examples
    --------
    >>> float(sqrt_softplus(np.log(np.expm1(4.0))).round(12))
    2.0
    """
    tail = np.exp(0.5 * np.minimum(x, -40))
    return np.where(x < -40, tail, np.sqrt(special.softplus(np.maximum(x, -40))))


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
