"""Shrinkage functions, which move numbers towards 0 and small ones to it."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Activation


@nnplug.activation(ranges={"lambd": "[0, inf)"})
def hard_shrink(x: Any, *, lambd: float = 0.5) -> Any:
    """Hard shrinkage: x where |x| > lambd, else 0 (Donoho & Johnstone, 1994,
    doi:10.1093/biomet/81.3.425).

    The derivative at ±lambd is 0, as in PyTorch.

    Examples
    --------
    >>> hard_shrink(np.array([-2.0, 0.25, 2.0])).tolist()
    [-2.0, 0.0, 2.0]
    """
    return np.where(abs(x) > lambd, x, 0.0)


@nnplug.activation(ranges={"lambd": "[0, inf)"})
def soft_shrink(x: Any, *, lambd: float = 0.5) -> Any:
    """Soft shrinkage: sign(x)·max(|x| - lambd, 0) (Donoho & Johnstone, 1994,
    doi:10.1093/biomet/81.3.425).

    The derivative at ±lambd is 0, as in PyTorch.

    Examples
    --------
    >>> soft_shrink(np.array([-2.0, 0.25, 2.0])).tolist()
    [-1.5, 0.0, 1.5]
    """
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, 0.0))


@nnplug.activation(ranges={"lambd": "[0, inf)"})
def shrink(x: Any, *, lambd: float = 0.5, bias: float = 0.0) -> Any:
    """Shrinkage as ONNX has it: x + bias below -lambd, x - bias above lambd, else 0.

    The source is the operator `Shrink` of ONNX.

    Parameters
    ----------
    lambd : float
        At least 0.
    bias : float
        0, as in ONNX, gives `hard_shrink`, and lambd `soft_shrink`.

    Examples
    --------
    >>> shrink(np.array([-2.0, 0.25, 2.0]), bias=0.25).tolist()
    [-1.75, 0.0, 1.75]
    """
    return np.where(x > lambd, x - bias, np.where(x < -lambd, x + bias, 0.0))


@nnplug.activation(ranges={"lower": "[0, inf)", "upper": "(0, inf)"})
def firm_shrink(x: Any, *, lower: float = 0.5, upper: float = 1.0) -> Any:
    """Firm shrinkage (Gao & Bruce, 1997, Statistica Sinica 7, WaveShrink with firm shrinkage).

    0 where |x| <= lower, x where |x| > upper, and
    sign(x)·upper·(|x| - lower)/(upper - lower) in between: continuous, and
    without the bias of soft shrinkage for large x.
    The equation was not checked against the paper.

    Parameters
    ----------
    lower, upper : float
        `upper` must be the larger.

    Examples
    --------
    >>> firm_shrink(np.array([-2.0, 0.25, 0.75, 2.0])).tolist()
    [-2.0, 0.0, 0.5, 2.0]
    """
    size = np.maximum(abs(x) - lower, 0)
    return np.where(abs(x) > upper, x, np.sign(x) * (upper * size / (upper - lower)))


@nnplug.activation(ranges={"lambd": "(0, inf)"})
def garrote_shrink(x: Any, *, lambd: float = 0.5) -> Any:
    """Non-negative garrote: x - lambd²/x where |x| > lambd, else 0 (Gao, 1998,
    doi:10.1080/10618600.1998.10474789).

    The equation was not checked against the paper.

    Examples
    --------
    >>> garrote_shrink(np.array([-1.0, 0.25, 1.0])).tolist()
    [-0.75, 0.0, 0.75]
    """
    large = abs(x) > lambd
    return np.where(large, (x - lambd) * (x + lambd) / np.where(large, x, 1.0), 0.0)


def _tanh_shrink_derivative(x: Any, y: Any) -> Any:
    return np.tanh(x) ** 2


@nnplug.activation(derivative=_tanh_shrink_derivative)
def tanh_shrink(x: Any) -> Any:
    """Tanh shrinkage: x - tanh(x).

    No paper introduces it. Within 1 of 0, where the difference cancels, it comes
    from Lambert's continued fraction, tanh(x) = x/(1 + x²/(3 + x²/(5 + ...))).
    Differs from PyTorch, Keras and others: they subtract, and lose all digits
    below |x| = 1e-8.

    Examples
    --------
    >>> float(tanh_shrink(0.0)), bool(np.isclose(tanh_shrink(1e-5), 1e-15 / 3, rtol=1e-9))
    (0.0, True)
    """
    near = np.clip(x, -1, 1)
    square = near * near
    rest: Any = square / 17
    for odd in range(15, 1, -2):
        rest = square / (odd + rest)
    return np.where(abs(x) < 1, near * (rest / (1 + rest)), x - np.tanh(x))


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
