"""Layers in which inputs are multiplied with one another.

Letters: N rows, D inputs, H units, K factors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug import hookimpl, layer, parameter, special
from nnplug.parts import Layer

_WEIGHT, _BIAS = parameter("D", "units"), parameter("units", start=0)


@layer
def cross(
    x: Any, weights: Any = parameter("D", 1, count="depth"),
    biases: Any = parameter("D", start=0, count="depth"), *, depth: int = 2,
) -> Any:  # fmt: skip
    """Cross network: x₀·(xₗ·wₗ) + bₗ + xₗ, several times (Wang et al., 2017, arXiv:1708.05123,
    equation 3).

    The equation was not checked against the paper.

    Examples
    --------
    >>> cross(np.array([[2.0]]), (np.ones((1, 1)),), (np.ones(1),), depth=1)
    array([[7.]])
    """
    y = x
    for weight, bias in zip(weights, biases, strict=True):
        y = x * (y @ weight) + bias + y
    return y


@layer
def cross_v2(
    x: Any, weights: Any = parameter("D", "D", count="depth"),
    biases: Any = parameter("D", start=0, count="depth"), *, depth: int = 2,
) -> Any:  # fmt: skip
    """Cross network, version 2: x₀⊙(xₗ·Wₗ + bₗ) + xₗ, several times (Wang et al., 2020,
    arXiv:2008.13535, equation 1).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> cross_v2(np.array([[2.0]]), (np.ones((1, 1)),), (np.ones(1),), depth=1)
    array([[8.]])
    """
    y = x
    for weight, bias in zip(weights, biases, strict=True):
        y = x * (y @ weight + bias) + y
    return y


@layer
def cross_low_rank(
    x: Any, left: Any = parameter("D", "rank", count="depth"),
    right: Any = parameter("rank", "D", count="depth"),
    biases: Any = parameter("D", start=0, count="depth"), *, depth: int = 2, rank: int = 4,
) -> Any:  # fmt: skip
    """Cross network, version 2, of low rank: x₀⊙(xₗ·Vₗ·Uₗ + bₗ) + xₗ (Wang et al., 2020,
    arXiv:2008.13535, equation 2).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> cross_low_rank(np.array([[2.0]]), (one,), (3 * one,), (np.ones(1),), depth=1, rank=1)
    array([[16.]])
    """
    y = x
    for down, up, bias in zip(left, right, biases, strict=True):
        y = x * (y @ down @ up + bias) + y
    return y


@layer
def factorization_machine(
    x: Any, factors: Any = parameter("D", "rank"), weight: Any = parameter("D", 1),
    bias: Any = parameter(1, start=0), *, rank: int = 8,
) -> Any:  # fmt: skip
    """Factorization machine: b + x·w + Σ_{i<j} ⟨vᵢ, vⱼ⟩·xᵢ·xⱼ, one output (Rendle, 2010, ICDM,
    doi:10.1109/ICDM.2010.127, equations 1 and 5).

    The sum over pairs is half of Σ ((x·V)² - x²·V²), so its cost is linear in D.

    The equation was not checked against the paper.

    Examples
    --------
    >>> v, w = np.array([[1.0], [2.0]]), np.array([[1.0], [1.0]])
    >>> factorization_machine(np.array([[3.0, 1.0]]), v, w, np.ones(1))
    array([[11.]])
    """
    pairs = (x @ factors) ** 2 - x**2 @ factors**2
    return bias + x @ weight + 0.5 * np.sum(pairs, axis=-1, keepdims=True)


@layer
def bi_interaction(x: Any, factors: Any = parameter("D", "units"), *, units: int = 16) -> Any:
    """Bi-interaction pooling: ½·((x·V)² - x²·V²), one output for each factor (He & Chua, 2017,
    arXiv:1708.05027, equation 4).

    The equation was not checked against the paper.

    Examples
    --------
    >>> bi_interaction(np.array([[3.0, 1.0]]), np.array([[1.0], [2.0]]))
    array([[6.]])
    """
    return 0.5 * ((x @ factors) ** 2 - x**2 @ factors**2)


@layer
def quadratic(
    x: Any, left: Any = _WEIGHT, right: Any = _WEIGHT, square: Any = _WEIGHT,
    left_bias: Any = _BIAS, right_bias: Any = _BIAS, bias: Any = _BIAS, *, units: int = 100,
) -> Any:  # fmt: skip
    """Quadratic neurons: (x·U + a)⊙(x·V + b) + x²·W + c (Fan, Cong & Wang, 2018, arXiv:1709.06079,
    equation 1).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros(1)
    >>> quadratic(2 * one, one, 3 * one, 5 * one, zero, zero, zero)
    array([[32.]])
    """
    return (x @ left + left_bias) * (x @ right + right_bias) + x**2 @ square + bias


@layer
def nac(x: Any, change: Any = _WEIGHT, gate: Any = _WEIGHT, *, units: int = 100) -> Any:
    """Neural accumulator: x·(tanh(W)⊙σ(M)), for sums and differences (Trask et al., 2018,
    arXiv:1808.00508, equation 1).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> nac(np.array([[3.0]]), np.array([[100.0]]), np.array([[0.0]]))
    array([[1.5]])
    """
    return x @ (np.tanh(change) * special.sigmoid(gate))


@layer(ranges={"epsilon": "(0, inf)"})
def nalu(
    x: Any, change: Any = _WEIGHT, gate: Any = _WEIGHT, choice: Any = _WEIGHT, *,
    units: int = 100, epsilon: float = 1e-7,
) -> Any:  # fmt: skip
    """Neural arithmetic logic unit: g⊙a + (1 - g)⊙m (Trask et al., 2018, arXiv:1808.00508,
    equation 2).

    a is the accumulator's sum, m = exp(log(|x| + ε)·W) a product of powers with
    the same weights, and g = σ(x·G).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> big, zero = np.array([[100.0]]), np.array([[0.0]])
    >>> nalu(np.array([[4.0]]), big, big, zero).round(5)
    array([[4.]])
    """
    weight = np.tanh(change) * special.sigmoid(gate)
    product = np.exp(np.log(np.abs(x) + epsilon) @ weight)
    total = x @ weight
    return product + (total - product) * special.sigmoid(x @ choice)


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Layer)]:
        register(part)
