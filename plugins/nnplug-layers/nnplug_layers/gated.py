"""Layers in which one half of the numbers opens or shuts the other.

Letters: N rows, D inputs, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug import hookimpl, layer, parameter, special
from nnplug.parts import Layer

_WEIGHT, _BIAS = parameter("D", "units"), parameter("units", start=0)
_SQUARE = parameter("D", "D")


@layer
def reglu(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, gate: Any = _WEIGHT, gate_bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """ReGLU: max(x·W + b, 0)·(x·V + c) (Shazeer, 2020, arXiv:2002.05202, equation 5).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> reglu(one, 2 * one, zero, 3 * one, zero), reglu(one, -2 * one, zero, 3 * one, zero)
    (array([[6.]]), array([[0.]]))
    """
    return np.maximum(x @ weight + bias, 0) * (x @ gate + gate_bias)


@layer
def geglu(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, gate: Any = _WEIGHT, gate_bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """GEGLU: GELU(x·W + b)·(x·V + c) (Shazeer, 2020, arXiv:2002.05202, equation 5).

    GELU is the exact one, z·Φ(z).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> geglu(one, 0 * one, zero, 3 * one, zero)
    array([[0.]])
    """
    z = x @ weight + bias
    return 0.5 * z * special.erfc(z * -(0.5**0.5)) * (x @ gate + gate_bias)


@layer
def bilinear_glu(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, gate: Any = _WEIGHT, gate_bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """Bilinear GLU: (x·W + b)·(x·V + c) (Shazeer, 2020, arXiv:2002.05202, equation 5).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> bilinear_glu(one, 2 * one, zero, 3 * one, zero)
    array([[6.]])
    """
    return (x @ weight + bias) * (x @ gate + gate_bias)


@layer
def gated_tanh(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, gate: Any = _WEIGHT, gate_bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """Gated tanh unit: tanh(x·W + b)·σ(x·V + c) (van den Oord et al., 2016, arXiv:1606.05328,
    equation 2).

    The equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> gated_tanh(one, 100 * one, zero, 0 * one, zero)
    array([[0.5]])
    """
    return np.tanh(x @ weight + bias) * special.sigmoid(x @ gate + gate_bias)


@layer
def crelu_dense(
    x: Any, positive: Any = _WEIGHT, negative: Any = _WEIGHT, bias: Any = _BIAS,
    *, units: int = 100,
) -> Any:  # fmt: skip
    """Concatenated ReLU before a dense layer (Shang et al., 2016, arXiv:1603.05201, def. 2.1).

    [max(x, 0), max(-x, 0)]·W + b, where the matrix is written in its two halves.

    The equation was not checked against the paper.

    Examples
    --------
    >>> crelu_dense(np.array([[-2.0]]), np.array([[1.0]]), np.array([[3.0]]), np.array([1.0]))
    array([[7.]])
    """
    return np.maximum(x, 0) @ positive + np.maximum(-x, 0) @ negative + bias


@layer
def highway(
    x: Any, weight: Any = _SQUARE, bias: Any = parameter("D", start=0), gate: Any = _SQUARE,
    gate_bias: Any = parameter("D", start=-2),
) -> Any:  # fmt: skip
    """Highway layer: H·T + x·(1 - T) (Srivastava, Greff & Schmidhuber, 2015, arXiv:1505.00387,
    equation 3).

    H = max(x·W + b, 0) and T = σ(x·V + c). The bias c starts at -2, so that at
    first most of x passes as it is, as section 2.2 of the paper recommends.

    The equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> highway(one, 3 * one, zero, 0 * one, zero)
    array([[2.]])
    """
    candidate, carry = np.maximum(x @ weight + bias, 0), special.sigmoid(-(x @ gate + gate_bias))
    return candidate + (x - candidate) * carry


@layer
def context_gate(x: Any, weight: Any = _SQUARE, bias: Any = parameter("D", start=0)) -> Any:
    """Context gating: σ(x·W + b)·x (Miech, Laptev & Sivic, 2017, arXiv:1706.06905, equation 1).

    The equation was not checked against the paper.

    Examples
    --------
    >>> context_gate(np.array([[4.0]]), np.zeros((1, 1)), np.zeros(1))
    array([[2.]])
    """
    return special.sigmoid(x @ weight + bias) * x


@layer
def squeeze_excitation(
    x: Any, squeeze: Any = parameter("D", "units"), excite: Any = parameter("units", "D"), *,
    units: int = 16,
) -> Any:  # fmt: skip
    """Squeeze and excitation over the inputs: x·σ(max(x·W, 0)·V) (Hu, Shen & Sun, 2017,
    arXiv:1709.01507, equations 3 and 4).

    In a row of a table there is nothing to average before the gate.

    The equation was not checked against the paper.

    Parameters
    ----------
    units : int
        The width of the narrow layer. The paper divides the number of channels by 16.

    Examples
    --------
    >>> squeeze_excitation(np.array([[4.0]]), np.ones((1, 1)), np.zeros((1, 1)))
    array([[2.]])
    """
    return x * special.sigmoid(np.maximum(x @ squeeze, 0) @ excite)


@layer
def sparse_mask(x: Any, weight: Any = _SQUARE, bias: Any = parameter("D", start=0)) -> Any:
    """A sparse mask of the inputs: x·sparsemax(x·W + b) (Arik & Pfister, 2019, arXiv:1908.07442,
    section 3, with the sparsemax of Martins & Astudillo, 2016, arXiv:1602.02068, algorithm 1).

    The mask's numbers are at least 0 and sum to 1. TabNet computes it from
    another layer's outputs, with a prior that keeps steps apart; here a layer
    chooses among its own inputs.

    The equation was not checked against the paper.

    Examples
    --------
    >>> sparse_mask(np.array([[2.0, 4.0]]), np.zeros((2, 2)), np.array([0.5, 0.0]))
    array([[1.5, 1. ]])
    """
    z = x @ weight + bias
    ordered = -np.sort(-z, axis=-1)
    k = np.cumsum(np.ones_like(z), axis=-1)
    totals = np.cumsum(ordered, axis=-1)
    support = np.sum(1 + k * ordered > totals, axis=-1, keepdims=True)
    tau = (np.sum(np.where(k == support, totals, 0), axis=-1, keepdims=True) - 1) / support
    return x * np.maximum(z - tau, 0)


@layer
def mixture_of_experts(
    x: Any, gates: Any = parameter("D", 1, count="experts"),
    weights: Any = parameter("D", "units", count="experts"),
    biases: Any = parameter("units", start=0, count="experts"), *,
    units: int = 100, experts: int = 4,
) -> Any:  # fmt: skip
    """Mixture of linear experts: Σ softmax(x·G)ₖ·(x·Wₖ + bₖ) (Jacobs et al., 1991,
    doi:10.1162/neco.1991.3.1.79, equation 1).

    Every expert is computed for every row.

    The equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> mixture_of_experts(one, (one, one), (2 * one, 4 * one), (zero, zero), experts=2)
    array([[3.]])
    """
    scores = [x @ gate for gate in gates]
    largest = scores[0]
    for score in scores[1:]:
        largest = np.maximum(largest, score)
    shares = [np.exp(score - largest) for score in scores]
    mixed: Any = 0.0
    for share, weight, bias in zip(shares, weights, biases, strict=True):
        mixed = mixed + share * (x @ weight + bias)
    return mixed / sum(shares)


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Layer)]:
        register(part)
