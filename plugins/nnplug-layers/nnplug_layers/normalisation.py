"""Layers that bring their inputs to a common size.

Letters: N rows, D inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug import hookimpl, layer, parameter, special, state
from nnplug.parts import Layer

_GAIN, _SHIFT = parameter("D", start=1), parameter("D", start=0)


@layer
def dynamic_tanh(
    x: Any, alpha: Any = parameter(start=0.5), gain: Any = _GAIN, shift: Any = _SHIFT
) -> Any:
    """Dynamic tanh, in place of a normalisation: γ·tanh(αx) + β (Zhu et al., 2025,
    arXiv:2503.10622, equation 4).

    The number of the equation was not checked against the paper.

    Examples
    --------
    >>> dynamic_tanh(np.array([[0.0, 100.0]]), 0.5, 2.0, 1.0)
    array([[1., 3.]])
    """
    return gain * np.tanh(alpha * x) + shift


@layer(ranges={"p": "[1, inf)", "epsilon": "(0, inf)"})
def lp_norm(x: Any, *, p: float = 2.0, epsilon: float = 1e-12) -> Any:
    """Rows of length 1 in the p-norm: x / max(‖x‖ₚ, ε).

    A definition. As `torch.nn.functional.normalize`, p = 2 by default; Keras's
    UnitNormalization is the same but for its ε. The derivative at 0 is that of x/ε.

    Examples
    --------
    >>> lp_norm(np.array([[3.0, -4.0]])), lp_norm(np.array([[3.0, -1.0]]), p=1.0)
    (array([[ 0.6, -0.8]]), array([[ 0.75, -0.25]]))
    """
    size = np.abs(x)
    largest = np.max(size, axis=-1, keepdims=True)
    share = size / np.maximum(largest, epsilon)  # at most 1: no power of it overflows
    length = np.sum(share**p, axis=-1, keepdims=True)
    return x / np.where(largest > epsilon, largest * np.maximum(length, 1.0) ** (1 / p), epsilon)


@layer(ranges={"epsilon": "(0, inf)"})
def scale_norm(x: Any, size: Any = parameter(start=1), *, epsilon: float = 1e-5) -> Any:
    """ScaleNorm: g·x / max(‖x‖, ε), with one learned g (Nguyen & Salazar, 2019, arXiv:1910.05895,
    equation 5).

    Differs from the paper: g starts at 1, not at √D.

    The equation was not checked against the paper.

    Examples
    --------
    >>> scale_norm(np.array([[3.0, 4.0]]), 10.0)
    array([[6., 8.]])
    """
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    return size * x / np.maximum(length, epsilon)


@layer(ranges={"epsilon": "(0, inf)"})
def pixel_norm(x: Any, *, epsilon: float = 1e-8) -> Any:
    """Pixelwise feature normalisation: x / √(mean(x²) + ε) (Karras et al., 2017, arXiv:1710.10196,
    section 4.2). Nothing is learned.

    The equation was not checked against the paper.

    Examples
    --------
    >>> pixel_norm(np.array([[5.0, -5.0]])).round(6)
    array([[ 1., -1.]])
    """
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon)


@layer(ranges={"epsilon": "(0, inf)"})
def rms_norm_shift(x: Any, gain: Any = _GAIN, shift: Any = _SHIFT, *, epsilon: float = 1e-6) -> Any:
    """RMSNorm with a shift: γ·x / √(mean(x²) + ε) + β (Zhang & Sennrich, 2019, arXiv:1910.07467,
    equation 4).

    The paper has the shift within the activation that follows; `rms_norm` has none.

    The equation was not checked against the paper.

    Examples
    --------
    >>> rms_norm_shift(np.array([[2.0, -2.0]]), 3.0, 1.0).round(5)
    array([[ 4., -2.]])
    """
    return gain * (x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon)) + shift


@layer(ranges={"share": "(0, 1]", "epsilon": "(0, inf)"})
def partial_rms_norm(
    x: Any, gain: Any = _GAIN, *, share: float = 0.0625, epsilon: float = 1e-6
) -> Any:
    """pRMSNorm: the root mean square is of the first inputs only (Zhang & Sennrich, 2019,
    arXiv:1910.07467, section 3.2).

    The equation was not checked against the paper.

    Parameters
    ----------
    share : float
        p: of D inputs the first ⌈p·D⌉ are looked at.

    Examples
    --------
    >>> partial_rms_norm(np.array([[2.0, 6.0]]), 1.0, share=0.5).round(5)
    array([[1., 3.]])
    """
    ones = np.ones_like(x)
    count = np.ceil(share * np.sum(ones, axis=-1, keepdims=True))
    first = np.where(np.cumsum(ones, axis=-1) <= count, x, 0.0)
    return gain * (x / np.sqrt(np.sum(first**2, axis=-1, keepdims=True) / count + epsilon))


@layer(ranges={"groups": "[1, inf)", "epsilon": "(0, inf)"})
def group_norm(
    x: Any, gain: Any = _GAIN, shift: Any = _SHIFT, *, groups: int = 2, epsilon: float = 1e-5
) -> Any:
    """Group normalisation over the inputs of a row (Wu & He, 2018, arXiv:1803.08494, equations 1
    to 5).

    Differs from PyTorch and Keras: where D is not a multiple of `groups`, the
    groups are as equal as they can be, where those refuse.

    The equation was not checked against the paper.

    Examples
    --------
    >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), 1.0, 0.0).round(5)
    array([[-1.,  1., -1.,  1.]])
    """
    ones = np.ones_like(x)
    place = np.cumsum(ones, axis=-1) - 1
    own = np.floor(place * groups / np.sum(ones, axis=-1, keepdims=True))
    y: Any = 0.0
    for group in range(groups):
        inside = np.where(own == group, 1.0, 0.0)
        count = np.maximum(np.sum(inside, axis=-1, keepdims=True), 1)
        centred = inside * (x - np.sum(inside * x, axis=-1, keepdims=True) / count)
        variance = np.sum(centred**2, axis=-1, keepdims=True) / count
        y = y + centred / np.sqrt(variance + epsilon)
    return gain * y + shift


@layer(ranges={"momentum": "[0, 1]"})
def mean_only_batch_norm(
    x: Any, shift: Any = _SHIFT, mean: Any = state("D", start=0), *,
    training: bool, momentum: float = 0.1,
) -> Any:  # fmt: skip
    """Mean-only batch normalisation: x - mean + β (Salimans & Kingma, 2016, arXiv:1602.07868,
    section 4).

    The equation was not checked against the paper.

    Parameters
    ----------
    momentum : float
        The share of a step in the running mean, which is used outside training.

    Examples
    --------
    >>> mean_only_batch_norm(np.array([[1.0], [3.0]]), 5.0, np.zeros(1), training=True)
    (array([[4.],
           [6.]]), array([0.2]))
    """
    if not training:
        return x - mean + shift, mean
    centre = np.mean(x, axis=0)
    return x - centre + shift, (1 - momentum) * mean + momentum * centre


@layer(
    ranges={"momentum": "[0, 1]", "r_max": "[1, inf)", "d_max": "[0, inf)", "epsilon": "(0, inf)"},
    expected_failures={"derivative": "r and d count as constants, as the paper has it"},
)
def batch_renorm(
    x: Any, gain: Any = _GAIN, shift: Any = _SHIFT, mean: Any = state("D", start=0),
    deviation: Any = state("D", start=1), *,
    training: bool, momentum: float = 0.01, r_max: float = 3.0, d_max: float = 5.0,
    epsilon: float = 1e-3,
) -> Any:  # fmt: skip
    """Batch renormalisation (Ioffe, 2017, arXiv:1702.03275, algorithm 1).

    In training a row is normalised by its batch, then moved to where the
    running mean and deviation would put it, within limits; r and d, which do
    that, count as constants in the derivative.

    Parameters
    ----------
    momentum : float
        The share of a step in the running mean and deviation, α in the paper.
    r_max, d_max : float
        The limits. The paper begins with 1 and 0, and ends with these.

    Examples
    --------
    >>> x = np.array([[1.0], [3.0]])
    >>> batch_renorm(x, 1.0, 0.0, np.zeros(1), np.ones(1), training=True, epsilon=1e-9)[0].round(6)
    array([[1.],
           [3.]])
    """
    if not training:
        return gain * (x - mean) / deviation + shift, mean, deviation
    centre, spread = np.mean(x, axis=0), np.sqrt(np.var(x, axis=0) + epsilon)
    r = special.stop_gradient(np.clip(spread / deviation, 1 / r_max, r_max))
    d = special.stop_gradient(np.clip((centre - mean) / deviation, -d_max, d_max))
    y = (x - centre) / spread * r + d
    return (
        gain * y + shift,
        mean + momentum * (centre - mean),
        deviation + momentum * (spread - deviation),
    )


@layer(
    ranges={"c": "(0, inf)", "k": "[0, inf)", "epsilon": "(0, inf)"},
    expected_failures={"derivative": "1 - k·y counts as a constant, as the paper has it"},
)
def ada_norm(x: Any, *, c: float = 1.0, k: float = 0.1, epsilon: float = 1e-5) -> Any:
    """AdaNorm: C·(1 - k·y)·y, where y is the row with mean 0 and variance 1 (Xu et al., 2019,
    arXiv:1911.07013, equation 11).

    The factor C·(1 - k·y) counts as a constant in the derivative. The number of
    the equation was not checked against the paper.

    Examples
    --------
    >>> ada_norm(np.array([[1.0, 3.0]])).round(4)
    array([[-1.1,  0.9]])
    """
    centred = x - np.mean(x, axis=-1, keepdims=True)
    y = centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + epsilon)
    return special.stop_gradient(c * (1 - k * y)) * y


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Layer)]:
        register(part)
