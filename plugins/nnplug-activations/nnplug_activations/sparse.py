"""Maps from a row to shares, and their counterparts for one number, many of them sparse."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


@nnplug.activation(gives="probabilities")
def softmin(x: Any) -> Any:
    """Softmin: softmax(-x) over each row, as in PyTorch and MLX.

    Examples
    --------
    >>> softmin(np.array([[0.0, 1000.0]])).tolist()
    [[1.0, 0.0]]
    """
    return special.softmax(-x)


@nnplug.activation
def hardmax(x: Any) -> Any:
    """Hardmax: 1 at the first largest number of a row, else 0; the operator `Hardmax` of ONNX.

    Its derivative is 0 everywhere, so that nothing in front of it learns.

    Examples
    --------
    >>> hardmax(np.array([[1.0, 3.0, 3.0]])).tolist()
    [[0.0, 1.0, 0.0]]
    """
    largest = np.where(x == np.max(x, axis=-1, keepdims=True), np.ones_like(x), 0)
    return largest * (np.cumsum(largest, axis=-1) == 1)


@nnplug.activation(gives="probabilities")
def sparsemax(x: Any) -> Any:
    """Sparsemax (Martins & Astudillo, 2016, arXiv:1602.02068, algorithm 1).

    The point of the simplex that is nearest to the row: max(x - τ, 0), with τ such
    that the shares sum to 1. Differs from Keras 3.15.1, which gives some rows
    shares that sum to 0.

    Examples
    --------
    >>> sparsemax(np.array([[1.0, 0.5, -1.0]])).tolist()
    [[0.75, 0.25, 0.0]]
    """
    z = x - np.max(x, axis=-1, keepdims=True)
    ordered = -np.sort(-z, axis=-1)
    k = np.cumsum(np.ones_like(z), axis=-1)
    above = np.cumsum(ordered, axis=-1) - 1
    support = np.sum(1.0 * (k * ordered > above), axis=-1, keepdims=True)
    tau = np.sum(np.where(k == support, above, 0), axis=-1, keepdims=True) / support
    return np.maximum(z - tau, 0)


@nnplug.activation(aliases=("entmax15",), ranges={"alpha": "(1, 2]"}, gives="probabilities")
def entmax(x: Any, *, alpha: float = 1.5) -> Any:
    """Entmax (Peters, Niculae & Martins, 2019, arXiv:1905.05702).

    max((alpha - 1)·x - τ, 0)^(1/(alpha - 1)), with τ such that the shares sum to
    1, found by Newton's method. Its sum is convex in τ, so that the steps come
    from one side. They are cut off from the derivative by rounding; the last
    one carries it.

    Parameters
    ----------
    alpha : float
        Above 1, at most 2, which gives sparsemax; softmax is the limit at 1.

    Examples
    --------
    >>> entmax(np.array([[0.0, 0.0], [0.0, 9.0]])).round(12).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    z = (alpha - 1) * (x - np.max(x, axis=-1, keepdims=True))
    power = 1 / (alpha - 1)
    tau = np.max(z, axis=-1, keepdims=True) - 1
    for _ in range(16):
        tau = np.round(_newton_step(z, tau, power) * 2.0**45) * 2.0**-45
    return np.maximum(z - _newton_step(z, tau, power), 0) ** power


def _newton_step(z: Any, tau: Any, power: float) -> Any:
    left = np.maximum(z - tau, 0)
    slope = np.where(left > 0, np.where(left > 0, left, 1.0) ** (power - 1), 0.0)
    excess = np.sum(slope * left, axis=-1, keepdims=True) - 1
    return tau + excess / (power * np.sum(slope, axis=-1, keepdims=True))


@nnplug.activation
def sparse_plus(x: Any) -> Any:
    """Sparseplus: 0 below -1, (x + 1)²/4 up to 1, then x (Blondel, Martins & Niculae, 2019,
    arXiv:1901.02324).

    To sparsemax what softplus is to softmax; its derivative is `sparse_sigmoid`.

    Examples
    --------
    >>> sparse_plus(np.array([-3.0, 0.0, 3.0])).tolist()
    [0.0, 0.25, 3.0]
    """
    return np.where(x >= 1, x, 0.25 * (np.clip(x, -1, 1) + 1) ** 2)


@nnplug.activation(gives="probabilities")
def sparse_sigmoid(x: Any) -> Any:
    """Sparse sigmoid: min(1, max(0, (x + 1)/2)) (Blondel, Martins & Niculae, 2019,
    arXiv:1901.02324).

    The first share of sparsemax over (x, 0). The derivative is 0 at -1.

    Examples
    --------
    >>> sparse_sigmoid(np.array([-3.0, 0.0, 0.5])).tolist()
    [0.0, 0.5, 0.75]
    """
    return np.clip(0.5 * (x + 1), 0, 1)


@nnplug.activation(gives="probabilities")
def entmoid15(x: Any) -> Any:
    """Entmoid: the first share of entmax with alpha 1.5 over (x, 0) (Popov, Morozov & Babenko,
    2019, arXiv:1909.06312).

    ((√(8 - x²) + x)/4)² within ±2, 0 below and 1 above.

    Examples
    --------
    >>> entmoid15(np.array([-3.0, 0.0, 2.0])).round(12).tolist()
    [0.0, 0.5, 1.0]
    """
    near = np.clip(x, -2, 2)
    return (0.25 * (np.sqrt(8 - near * near) + near)) ** 2


@nnplug.activation(gives="probabilities")
def taylor_softmax(x: Any) -> Any:
    """Taylor softmax: (1 + x + x²/2)/Σ(1 + x + x²/2) (de Brébisson & Vincent, 2015,
    arXiv:1511.05042).

    Examples
    --------
    >>> taylor_softmax(np.array([[0.0, -2.0, 2.0]])).round(12).tolist()
    [[0.142857142857, 0.142857142857, 0.714285714286]]
    """
    terms = 0.5 * (1 + (1 + x) ** 2)
    return terms / np.sum(terms, axis=-1, keepdims=True)


@nnplug.activation(ranges={"epsilon": "(0, inf)"}, gives="probabilities")
def spherical_softmax(x: Any, *, epsilon: float = 1e-6) -> Any:
    """Spherical softmax: (x² + epsilon)/Σ(x² + epsilon) (de Brébisson & Vincent, 2015,
    arXiv:1511.05042).

    Parameters
    ----------
    epsilon : float
        Above 0: it keeps a row of zeros from a division by 0.

    Examples
    --------
    >>> spherical_softmax(np.array([[0.0, 0.0], [1.0, -3.0]])).round(6).tolist()
    [[0.5, 0.5], [0.1, 0.9]]
    """
    terms = x * x + epsilon
    return terms / np.sum(terms, axis=-1, keepdims=True)


@nnplug.activation(gives="probabilities")
def sigsoftmax(x: Any) -> Any:
    """Sigsoftmax: exp(x)·sigmoid(x)/Σ exp(x)·sigmoid(x) (Kanai et al., 2018, arXiv:1805.10829).

    Computed as the softmax of x + log(sigmoid(x)).

    Examples
    --------
    >>> sigsoftmax(np.array([[0.0, 0.0], [0.0, -1000.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    return special.softmax(x + special.log_sigmoid(x))


@nnplug.activation(aliases=("softmax_one", "quiet_softmax"))
def softmax_plus_one(x: Any) -> Any:
    """Softmax with 1 added to the denominator: exp(x)/(1 + Σ exp(x)) (Miller, 2023, the essay
    Attention is off by one).

    All shares of a row can be near 0. The equation was not checked against the essay.

    Examples
    --------
    >>> softmax_plus_one(np.array([[0.0, 0.0, 0.0], [-1e4, -1e4, -1e4]])).tolist()
    [[0.25, 0.25, 0.25], [0.0, 0.0, 0.0]]
    """
    top = np.maximum(np.max(x, axis=-1, keepdims=True), 0)
    powers = np.exp(x - top)
    return powers / (np.exp(-top) + np.sum(powers, axis=-1, keepdims=True))


@nnplug.activation(ranges={"k": "[1, inf)"})
def k_sparse(x: Any, *, k: int = 10) -> Any:
    """k-sparse: the k largest numbers of a row as they are, 0 for the others (Makhzani & Frey,
    2013, arXiv:1312.5663).

    Numbers that equal the k-th largest are kept too.

    Parameters
    ----------
    k : int
        At least 1; with as many units or fewer, nothing changes.

    Examples
    --------
    >>> k_sparse(np.array([[1.0, -2.0, 3.0, 2.0]]), k=2).tolist()
    [[0.0, 0.0, 3.0, 2.0]]
    """
    ordered = -np.sort(-x, axis=-1)
    number = np.cumsum(np.ones_like(x), axis=-1)
    last = np.min(np.where(number <= k, ordered, np.inf), axis=-1, keepdims=True)
    return np.where(x >= last, x, 0.0)


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
