"""Layers that write each input, or each unit's sum, in a basis of functions.

Letters: N rows, D inputs, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug import hookimpl, layer, parameter, special
from nnplug.parts import Layer

_WEIGHT, _BIAS = parameter("D", "units"), parameter("units", start=0)


@layer(ranges={"grid": "[2, inf)", "reach": "(0, inf)"})
def fast_kan(
    x: Any, bumps: Any = parameter("D", "units", count="grid"), weight: Any = _WEIGHT,
    bias: Any = _BIAS, *, units: int = 64, grid: int = 8, reach: float = 2.0,
) -> Any:  # fmt: skip
    """FastKAN: a sum of Gaussian bumps of each input (Li, 2024, arXiv:2405.06721, equation 4).

    Σᵢ exp(-((u - cᵢ)/h)²)·Wᵢ + silu(x)·V + b, where u is the row with mean 0 and
    variance 1, and the centres cᵢ are `grid` points from -reach to reach, h
    apart. As in the author's code, the silu is of x itself. The number of the
    equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros((1, 1))
    >>> y = fast_kan(one, (zero, one, zero), zero, np.zeros(1), grid=3)
    >>> float(y[0, 0])
    1.0
    """
    centred = x - np.mean(x, axis=-1, keepdims=True)
    u = centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
    step = 2 * reach / (grid - 1)
    y = (x * special.sigmoid(x)) @ weight + bias
    for number, bump in enumerate(bumps):
        y = y + np.exp(-(((u - (number * step - reach)) / step) ** 2)) @ bump
    return y


@layer(ranges={"degree": "[1, inf)"})
def chebyshev_kan(
    x: Any, weights: Any = parameter("D", "units", count="degree"), bias: Any = _BIAS, *,
    units: int = 64, degree: int = 4,
) -> Any:  # fmt: skip
    """Chebyshev KAN: Σₖ Tₖ(tanh x)·Wₖ + b, for k from 1 to the degree (Sidharth et al., 2024,
    arXiv:2405.07200, section 3).

    T₀ is 1: its weights are one bias for each unit. The section was not checked
    against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros((1, 1))
    >>> chebyshev_kan(100 * one, (zero, 3 * one), np.zeros(1), degree=2)
    array([[3.]])
    """
    u = np.tanh(x)
    before, now, y = np.ones_like(u), u, bias
    for weight in weights:
        y = y + now @ weight
        before, now = now, 2 * u * now - before
    return y


@layer(ranges={"grid": "[1, inf)"})
def fourier_kan(
    x: Any, cosines: Any = parameter("D", "units", count="grid"),
    sines: Any = parameter("D", "units", count="grid"), bias: Any = _BIAS, *,
    units: int = 64, grid: int = 4,
) -> Any:  # fmt: skip
    """Fourier KAN: Σₖ cos(k·x)·Aₖ + sin(k·x)·Bₖ + b (Xu et al., 2024, arXiv:2406.01034).

    The equation was not checked against the paper.

    Examples
    --------
    >>> one, zero = np.ones((1, 1)), np.zeros((1, 1))
    >>> fourier_kan(0 * one, (2 * one,), (one,), np.zeros(1), grid=1)
    array([[2.]])
    """
    y = bias
    for number, (even, odd) in enumerate(zip(cosines, sines, strict=True), start=1):
        y = y + np.cos(number * x) @ even + np.sin(number * x) @ odd
    return y


@layer
def periodic(
    x: Any, frequencies: Any = parameter("D", 1, count="grid", decay=False),
    cosines: Any = parameter("D", "units", count="grid"),
    sines: Any = parameter("D", "units", count="grid"), bias: Any = _BIAS, *,
    units: int = 64, grid: int = 4, scale: float = 1.0,
) -> Any:  # fmt: skip
    """Periodic features before a dense layer (Gorishniy, Rubachev & Babenko, 2022,
    arXiv:2203.05556, equation 2).

    Each input xᵢ becomes sin(2π·cᵢₗ·xᵢ) and cos(2π·cᵢₗ·xᵢ) for `grid` learned
    frequencies of its own; the dense layer after it is written out. Differs from
    the paper: the frequencies are drawn by the run's initializer, times `scale`.

    The equation was not checked against the paper.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> y = periodic(one, (0.25 * one,), (3 * one,), (2 * one,), np.zeros(1), grid=1)
    >>> y.round(12)
    array([[2.]])
    """
    y = bias
    for frequency, even, odd in zip(frequencies, cosines, sines, strict=True):
        angle = 2 * np.pi * scale * x * frequency.T
        y = y + np.cos(angle) @ even + np.sin(angle) @ odd
    return y


@layer
def fourier_features(
    x: Any, frequencies: Any = parameter("D", "grid", rate=0.0, decay=False),
    cosine: Any = parameter("grid", "units"), sine: Any = parameter("grid", "units"),
    bias: Any = _BIAS, *, units: int = 64, grid: int = 64, scale: float = 1.0,
) -> Any:  # fmt: skip
    """Random Fourier features before a dense layer (Tancik et al., 2020, arXiv:2006.10739,
    equation 4, with the features of Rahimi & Recht, 2007, NIPS 20).

    cos(2π·s·x·B)·V + sin(2π·s·x·B)·W + b, with a matrix B that is drawn and not
    learned. Differs from the paper: the run's initializer draws B; `scale` is s.

    The equation was not checked against the paper.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> fourier_features(one, 0.25 * one, 3 * one, 2 * one, np.zeros(1)).round(12)
    array([[2.]])
    """
    angle = 2 * np.pi * scale * (x @ frequencies)
    return np.cos(angle) @ cosine + np.sin(angle) @ sine + bias


@layer
def siren(
    x: Any, weight: Any = _WEIGHT, bias: Any = _BIAS, *, units: int = 64, omega: float = 30.0
) -> Any:
    """SIREN: sin(ω·(x·W + b)) (Sitzmann et al., 2020, arXiv:2006.09661, section 3.2).

    Differs from the paper: the run's initializer draws W, where the paper has a
    law of its own for the first layer.

    The equation was not checked against the paper.

    Examples
    --------
    >>> siren(np.array([[0.5]]), np.array([[np.pi]]), np.zeros(1), omega=1.0)
    array([[1.]])
    """
    return np.sin(omega * (x @ weight + bias))


@layer(ranges={"gamma": "(0, inf)"})
def rbf(
    x: Any, centers: Any = parameter("D", "units", decay=False), *,
    units: int = 64, gamma: float = 1.0,
) -> Any:  # fmt: skip
    """Radial basis functions: exp(-γ·‖x - c‖²) for each unit's centre c (Broomhead & Lowe, 1988,
    Complex Systems 2).

    The equation was not checked against the paper.

    Examples
    --------
    >>> rbf(np.array([[1.0, 2.0]]), np.array([[1.0], [2.0]]))
    array([[1.]])
    """
    square = np.sum(x**2, axis=-1, keepdims=True) + np.sum(centers**2, axis=0, keepdims=True)
    return np.exp(-gamma * np.maximum(square - 2 * (x @ centers), 0))


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Layer)]:
        register(part)
