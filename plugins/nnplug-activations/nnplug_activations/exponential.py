"""Exponential linear units: linear above 0, and saturating or falling back below it."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


def _isrlu_derivative(x: Any, y: Any, *, alpha: float) -> Any:
    return np.hypot(alpha**0.5 * np.minimum(x, 0), 1) ** -3.0


@nnplug.activation(ranges={"alpha": "(0, inf)"}, derivative=_isrlu_derivative)
def isrlu(x: Any, *, alpha: float = 1.0) -> Any:
    """Inverse square root linear unit (Carlile et al., 2017, arXiv:1710.09967).

    x for x >= 0, else x/√(1 + alpha·x²).

    Parameters
    ----------
    alpha : float
        Above 0: the limit at minus infinity is -1/√alpha.

    Examples
    --------
    >>> isrlu(np.array([-0.75, 3.0])).tolist()
    [-0.6, 3.0]
    """
    return x / np.hypot(alpha**0.5 * np.minimum(x, 0), 1)


@nnplug.activation
def elu_plus_one(x: Any) -> Any:
    """ELU plus one: x + 1 above 0, exp(x) below (Katharopoulos et al., 2020, arXiv:2006.16236,
    eq. 7).

    The feature map of linear attention; it is above 0 everywhere.

    Examples
    --------
    >>> elu_plus_one(np.array([-1000.0, 0.0, 3.0])).tolist()
    [0.0, 1.0, 4.0]
    """
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


@nnplug.activation(ranges={"n": "(0, inf)"})
def polu(x: Any, *, n: float = 2.0) -> Any:
    """Power linear unit: x for x >= 0, else (1 - x)^(-n) - 1 (Li, Ding & Li, 2018,
    arXiv:1802.00212).

    Computed as expm1(-n·log1p(-x)), which does not cancel near 0.

    Parameters
    ----------
    n : float
        Above 0: the slope just below 0.

    Examples
    --------
    >>> polu(np.array([-1.0, 3.0])).tolist()
    [-0.75, 3.0]
    """
    return np.where(x >= 0, x, np.expm1(-n * np.log1p(-np.minimum(x, 0))))


@nnplug.activation
def serlu(x: Any, *, scale: float = 1.07862, alpha: float = 2.90427) -> Any:
    """Scaled exponentially-regularized linear unit (Zhang & Li, 2018, arXiv:1807.10117).

    scale·x for x >= 0, else scale·alpha·x·exp(x), which falls back to 0. With
    the default constants outputs keep mean 0 and variance 1.

    Examples
    --------
    >>> serlu(np.array([-1000.0, 2.0])).tolist()
    [-0.0, 2.15724]
    """
    return scale * np.where(x >= 0, x, alpha * x * np.exp(np.minimum(x, 0)))


@nnplug.activation
def mpelu(
    x: Any,
    alpha: Any = nnplug.parameter("C", start=1.0),
    beta: Any = nnplug.parameter("C", start=1.0),
) -> Any:
    """Multiple parametric ELU (Li et al., 2016, arXiv:1606.00305).

    x for x > 0, else alpha·(exp(beta·x) - 1), with both learned for each unit;
    where they start it is ELU. beta should stay above 0.

    Examples
    --------
    >>> mpelu(np.array([-1000.0, 3.0]), 0.25, 1.0).tolist()
    [-0.25, 3.0]
    """
    return np.where(x > 0, x, alpha * np.expm1(beta * np.minimum(x, 0)))


@nnplug.activation
def pelu(
    x: Any,
    a: Any = nnplug.parameter("C", start=1.0),
    b: Any = nnplug.parameter("C", start=1.0),
) -> Any:
    """Parametric ELU (Trottier, Giguère & Chaib-draa, 2016, arXiv:1605.09332).

    (a/b)·x for x >= 0, else a·(exp(x/b) - 1), with a and b learned for each unit.
    As in the paper they are held at 0.1 or above.

    Examples
    --------
    >>> pelu(np.array([-1000.0, 3.0]), 2.0, 4.0).tolist()
    [-2.0, 1.5]
    """
    a, b = np.maximum(a, 0.1), np.maximum(b, 0.1)
    return np.where(x >= 0, a / b * x, a * np.expm1(np.minimum(x, 0) / b))


def _ptelu_derivative(x: Any, y: Any, *, alpha: Any, beta: Any) -> Any:
    fall = np.exp(2 * beta * np.minimum(x, 0))  # 1 - tanh² would lose its digits
    return np.where(x >= 0, 1.0, alpha * beta * (4 * fall / (1 + fall) ** 2))


@nnplug.activation(derivative=_ptelu_derivative)
def ptelu(
    x: Any,
    alpha: Any = nnplug.parameter("C", start=1.0),
    beta: Any = nnplug.parameter("C", start=1.0),
) -> Any:
    """Parametric tanh linear unit (Gupta & Duggal, 2017, ICCV workshops, P-TELU).

    x for x >= 0, else alpha·tanh(beta·x), with both learned for each unit.

    Examples
    --------
    >>> ptelu(np.array([-1000.0, 3.0]), 0.5, 1.0).tolist()
    [-0.5, 3.0]
    """
    return np.where(x >= 0, x, alpha * np.tanh(beta * np.minimum(x, 0)))


@nnplug.activation
def xielu(
    x: Any,
    *,
    alpha_p: float = nnplug.trainable(0.2033823208110246),
    alpha_n: float = nnplug.trainable(-1.0502256128148464),
    beta: float = 0.5,
) -> Any:
    """xIELU, the integral of an ELU with two learned factors (Huang & Schlag, 2024,
    arXiv:2411.13010).

    p·x² + beta·x for x > 0, else n·(exp(x) - 1 - x) + beta·x, where
    p = softplus(alpha_p) and n = beta + softplus(alpha_n). Hugging Face
    transformers replaces exp(x) - 1 by its value at -1e-6 between there and 0,
    for bfloat16.

    Parameters
    ----------
    alpha_p, alpha_n : float
        Learned. p and n start at 0.8, with the default beta.
    beta : float
        Slope at 0.

    Examples
    --------
    >>> xielu(np.array([-1000.0, 10.0])).round(3).tolist()
    [299.2, 85.0]
    """
    below = np.minimum(x, 0)
    p, n = special.softplus(alpha_p), beta + special.softplus(alpha_n)
    return np.where(x > 0, p * (x * x), n * (np.expm1(below) - below)) + beta * x


@nnplug.activation
def soft_exponential(x: Any, *, alpha: float = nnplug.trainable(0.0)) -> Any:
    """Soft exponential (Godfrey & Gashler, 2016, arXiv:1602.01321).

    -log(1 - α(x + α))/α for α < 0, x for α = 0, (exp(αx) - 1)/α + α for α > 0: from
    a logarithm over the identity to an exponential. Within 1e-4 of 0 it is
    x + α(1 + x²/2), whose error is of the order of α², so that α can be learned
    from 0. Where the logarithm has no value, far below 0, its argument is held at
    1e-6; the exponential overflows.

    Parameters
    ----------
    alpha : float
        α, learned.

    Examples
    --------
    >>> float(soft_exponential(3.0)), float(soft_exponential(np.log(4.0), alpha=0.5).round(12))
    (3.0, 2.5)
    """
    small = abs(alpha) < 1e-4
    safe = np.where(small, 1.0, alpha)
    inside = np.maximum(1 - alpha * (x + alpha), 1e-6)
    curved = np.where(alpha < 0, -np.log(inside) / safe, np.expm1(alpha * x) / safe + alpha)
    return np.where(small, x + alpha * (1 + 0.5 * (x * x)), curved)


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
