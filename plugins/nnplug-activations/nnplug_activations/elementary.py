"""Elementary functions of one argument: steps, powers, logarithms and inverse functions."""

from __future__ import annotations

import math
from typing import Any

import nnplug
import numpy as np
from nnplug.parts import Activation


@nnplug.activation(aliases=("heaviside",))
def step(x: Any, *, threshold: float = 0.0) -> Any:
    """Step: 1 from the threshold on, else 0 (McCulloch & Pitts, 1943, doi:10.1007/BF02478259).

    Its derivative is 0 everywhere, so that nothing in front of it learns.

    Examples
    --------
    >>> step(np.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 1.0, 1.0]
    """
    return np.heaviside(x - threshold, 1.0)


@nnplug.activation
def absolute(x: Any) -> Any:
    """Absolute value rectification: |x| (Jarrett et al., 2009, doi:10.1109/ICCV.2009.5459469).

    The derivative at 0 is 0.

    Examples
    --------
    >>> absolute(np.array([-2.0, 3.0])).tolist()
    [2.0, 3.0]
    """
    return abs(x)


@nnplug.activation
def cube(x: Any) -> Any:
    """Cube: x³ (Chen & Manning, 2014, doi:10.3115/v1/D14-1082).

    Examples
    --------
    >>> cube(np.array([-2.0, 3.0])).tolist()
    [-8.0, 27.0]
    """
    return x**3


@nnplug.activation
def ncu(x: Any) -> Any:
    """Non-monotonic cubic unit: x - x³ (Noel et al., 2021, arXiv:2111.04020).

    Examples
    --------
    >>> ncu(np.array([-2.0, 1.0])).tolist()
    [6.0, 0.0]
    """
    return x * ((1 - x) * (1 + x))


@nnplug.activation
def squ(x: Any) -> Any:
    """Shifted quadratic unit: x² + x (Noel et al., 2021, arXiv:2111.04020).

    Examples
    --------
    >>> squ(np.array([-2.0, 2.0])).tolist()
    [2.0, 6.0]
    """
    return x * (x + 1)


@nnplug.activation
def bent_identity(x: Any) -> Any:
    """Bent identity: (√(x² + 1) - 1)/2 + x.

    No paper is known to introduce it. The first summand is computed as
    x²/(2·(√(x² + 1) + 1)), where it does not cancel near 0.

    Examples
    --------
    >>> bent_identity(np.array([-0.75, 0.0, 0.75])).tolist()
    [-0.625, 0.0, 0.875]
    """
    return x * (1 + x / (2 * (np.hypot(x, 1) + 1)))


@nnplug.activation
def arctan(x: Any) -> Any:
    """Inverse tangent, in (-π/2, π/2); no single paper introduces it.

    Examples
    --------
    >>> float(arctan(1.0) * 4) == np.pi
    True
    """
    return np.arctan(x)


@nnplug.activation
def arcsinh(x: Any) -> Any:
    """Inverse hyperbolic sine: linear near 0, logarithmic far from it.

    No single paper introduces it.

    Examples
    --------
    >>> float(arcsinh(0.75) - np.log(2.0))
    0.0
    """
    return np.arcsinh(x)


def _symlog_derivative(x: Any, y: Any) -> Any:
    return 1 / (1 + abs(x))


@nnplug.activation(derivative=_symlog_derivative)
def symlog(x: Any) -> Any:
    """Symmetric logarithm: sign(x)·log(1 + |x|) (Hafner et al., 2023, arXiv:2301.04104).

    Examples
    --------
    >>> float(symlog(np.expm1(2.0))), float(symlog(-np.expm1(2.0)))
    (2.0, -2.0)
    """
    return np.sign(x) * np.log1p(abs(x))


@nnplug.activation
def seagull(x: Any) -> Any:
    """Seagull: log(1 + x²).

    The name is that of the echoAI package, whose paper could not be confirmed.

    Examples
    --------
    >>> float(seagull(0.0)), float(seagull(np.sqrt(np.expm1(1.0))).round(12))
    (0.0, 1.0)
    """
    return np.log1p(x * x)


def _logcosh_derivative(x: Any, y: Any) -> Any:
    return np.tanh(x)


@nnplug.activation(derivative=_logcosh_derivative)
def logcosh(x: Any) -> Any:
    """Logarithm of the hyperbolic cosine: log((exp(x) + exp(-x))/2).

    No single paper introduces it. It is |x| + log(1 + exp(-2|x|)) - log 2,
    and within 1 of 0, where that cancels, log(1 + 2·sinh(x/2)²).

    Examples
    --------
    >>> float(logcosh(0.0)), float(logcosh(np.log(2.0)).round(6)) == round(math.log(1.25), 6)
    (0.0, True)
    """
    size = abs(x)
    near = np.log1p(2 * np.sinh(0.5 * np.minimum(size, 1)) ** 2)
    return np.where(size < 1, near, size + np.log1p(np.exp(-2 * size)) - math.log(2))


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
