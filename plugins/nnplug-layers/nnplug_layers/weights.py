"""Dense layers whose matrix is computed from what is learned.

Letters: N rows, D inputs, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug import hookimpl, layer, parameter, special, state
from nnplug.parts import Layer

_WEIGHT, _BIAS = parameter("D", "units"), parameter("units", start=0)


@layer
def low_rank(
    x: Any, left: Any = parameter("D", "rank"), right: Any = parameter("rank", "units"),
    bias: Any = _BIAS, *, units: int = 100, rank: int = 8,
) -> Any:  # fmt: skip
    """A dense layer of low rank: x·U·V + b (Sainath et al., 2013, ICASSP,
    doi:10.1109/ICASSP.2013.6638949, section 2).

    The equation was not checked against the paper.

    Examples
    --------
    >>> low_rank(np.ones((1, 1)), np.array([[2.0]]), np.array([[3.0]]), np.zeros(1))
    array([[6.]])
    """
    return x @ left @ right + bias


@layer
def weight_norm(
    x: Any, direction: Any = _WEIGHT, size: Any = parameter("units", start=1), bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """Weight normalisation: W = g·V/‖V‖ for each unit (Salimans & Kingma, 2016, arXiv:1602.07868,
    equation 2).

    Differs from PyTorch: g starts at 1, and not at the length of the weights
    that were drawn; from the paper, which takes g and b from a first batch.

    The equation was not checked against the paper.

    Examples
    --------
    >>> v = np.array([[3.0], [4.0]])
    >>> weight_norm(np.array([[1.0, 0.0]]), v, np.array([10.0]), np.zeros(1))
    array([[6.]])
    """
    length = np.sqrt(np.sum(direction**2, axis=0, keepdims=True))
    return (x @ direction) * (size / length) + bias


@layer(ranges={"epsilon": "(0, inf)"})
def weight_standardized(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 100, epsilon: float = 1e-5
) -> Any:
    """Weight standardisation: the weights of a unit have mean 0 and variance 1 (Qiao et al., 2019,
    arXiv:1903.10520, equations 7 and 8).

    The equation was not checked against the paper.

    Examples
    --------
    >>> w = np.array([[1.0], [3.0]])
    >>> weight_standardized(np.array([[0.0, 2.0]]), w, np.zeros(1), epsilon=1e-12).round(6)
    array([[2.]])
    """
    centred = weight - np.mean(weight, axis=0, keepdims=True)
    return x @ (centred / np.sqrt(np.mean(centred**2, axis=0, keepdims=True) + epsilon)) + bias


@layer(
    ranges={"epsilon": "(0, inf)"},
    expected_failures={"derivative": "u and v count as constants, as in equation 12 of the paper"},
)
def spectral_norm(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, u: Any = state("units", 1, start=1), *,
    units: int = 100, epsilon: float = 1e-12,
) -> Any:  # fmt: skip
    """Spectral normalisation: W/σ(W), by one power iteration a step (Miyato et al., 2018,
    arXiv:1802.05957, algorithm 1).

    Differs from PyTorch: u starts at 1s, not at random, and outside training an
    iteration from it is taken too, whose result is not kept.

    The equation was not checked against the paper.

    Examples
    --------
    >>> w = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> y, u = spectral_norm(np.array([[1.0, 0.0]]), w, np.zeros(2), np.array([[1.0], [0.0]]))
    >>> y, u.T
    (array([[1., 0.]]), array([[1., 0.]]))
    """
    v = weight @ u
    v = special.stop_gradient(v / np.maximum(np.linalg.norm(v), epsilon))
    u = weight.T @ v
    u = special.stop_gradient(u / np.maximum(np.linalg.norm(u), epsilon))
    sigma = np.sum(v * (weight @ u))
    return (x @ weight) / np.maximum(sigma, epsilon) + bias, u


@layer(ranges={"epsilon": "(0, inf)"})
def cosine_dense(x: Any, weight: Any = _WEIGHT, *, units: int = 100, epsilon: float = 1e-12) -> Any:
    """Cosine normalisation: x·w / (‖x‖·‖w‖) for each unit (Luo et al., 2017, arXiv:1702.05870,
    equation 2). The number of the equation was not checked against the paper.

    Examples
    --------
    >>> cosine_dense(np.array([[3.0, 4.0]]), np.array([[2.0], [0.0]]))
    array([[0.6]])
    """
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    own = np.sqrt(np.sum(weight**2, axis=0, keepdims=True))
    return x / np.maximum(length, epsilon) @ (weight / np.maximum(own, epsilon))


@layer
def ntk_dense(x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 100) -> Any:
    """A dense layer in the neural tangent parametrisation: x·W/√D + b (Jacot, Gabriel & Hongler,
    2018, arXiv:1806.07572, section 2; Holzmüller, Grinsztajn & Steinwart, 2024, arXiv:2407.04491).

    Meant for weights that are drawn with variance 1, `--initializer normal:deviation=1`
    or alike.

    The equation was not checked against the paper.

    Examples
    --------
    >>> ntk_dense(np.ones((1, 4)), np.ones((4, 1)), np.zeros(1))
    array([[2.]])
    """
    width = np.sum(np.ones_like(x), axis=-1, keepdims=True)
    return (x / np.sqrt(width)) @ weight + bias


@layer(expected_failures={"derivative": "the sign passes the derivative on, as in the paper"})
def binary_dense(x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 100) -> Any:
    """BinaryConnect: a dense layer with weights -1 and 1 (Courbariaux, Bengio & David, 2015,
    arXiv:1511.00363, equation 1 and algorithm 1).

    The sign is taken in every step, and the derivative by it is given to the
    real weight (straight through), where that is between -1 and 1. The paper
    clips the real weights there, which comes to nearly the same.

    The equation was not checked against the paper.

    Examples
    --------
    >>> binary_dense(np.array([[3.0, 1.0]]), np.array([[0.2], [-0.7]]), np.zeros(1))
    array([[2.]])
    """
    near = np.clip(weight, -1, 1)
    sign = np.where(weight >= 0, 1.0, -1.0)
    return x @ (near + special.stop_gradient(sign - near)) + bias


@layer(expected_failures={"derivative": "the weights pass the derivative on, as in the paper"})
def ternary_dense(x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 100) -> Any:
    """Ternary weight network: weights -α, 0 and α (Li, Zhang & Liu, 2016, arXiv:1605.04711,
    equations 5 and 6).

    A weight is 0 if its size is at most Δ = 0.7·mean(|W|); α is the mean size of
    the others. The derivative is given to the real weights (straight through).
    The numbers of the equations were not checked against the paper.

    Examples
    --------
    >>> w = np.array([[1.0], [-2.0], [0.0]])
    >>> ternary_dense(np.array([[2.0, 1.0, 9.0]]), w, np.zeros(1))
    array([[1.5]])
    """
    size = np.abs(weight)
    large = np.where(size > 0.7 * np.mean(size), 1.0, 0.0)
    alpha = np.sum(large * size) / np.maximum(np.sum(large), 1)
    return x @ (weight + special.stop_gradient(alpha * large * np.sign(weight) - weight)) + bias


@layer(
    ranges={"bits": "[2, 16]"},
    expected_failures={"derivative": "rounding passes the derivative on, as in equation 5"},
)
def dorefa_dense(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 100, bits: int = 4
) -> Any:
    """DoReFa-Net: weights of a few bits in [-1, 1] (Zhou et al., 2016, arXiv:1606.06160, equations
    5 and 9).

    W = 2·round_k(tanh(w) / (2·max|tanh(w)|) + 1/2) - 1, where round_k keeps k
    bits and passes the derivative on (straight through). The inputs stay as
    they are; the paper rounds those of most layers too.

    The equation was not checked against the paper.

    Examples
    --------
    >>> w = np.array([[5.0], [-5.0], [0.0]])
    >>> dorefa_dense(np.array([[3.0, 1.0, 3.0]]), w, np.zeros(1), bits=2).round(4)
    array([[3.]])
    """
    levels = 2**bits - 1
    bent = np.tanh(weight)
    share = bent / (2 * np.maximum(np.max(np.abs(bent)), 1e-12)) + 0.5
    rounded = share + special.stop_gradient(np.round(share * levels) / levels - share)
    return x @ (2 * rounded - 1) + bias


@layer
def nonnegative_dense(x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 100) -> Any:
    """A dense layer that rises in every input: x·|W| + b (Runje & Shankaranarayana, 2022,
    arXiv:2205.11775, section 3).

    The derivative by a weight of 0 is 0. The section was not checked against the paper.

    Examples
    --------
    >>> nonnegative_dense(np.array([[3.0]]), np.array([[-2.0]]), np.zeros(1))
    array([[6.]])
    """
    return x @ np.abs(weight) + bias


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Layer)]:
        register(part)
