"""Sigmoidal activations, which saturate on both sides.

Those built on the tangent have a derivative of their own: 1 - tanh(u)², which
would be derived, loses its digits where the tangent is near ±1.
"""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


def _tanh_slope(u: Any) -> Any:
    """Compute 1 - tanh(u)², as 4·exp(-2|u|)/(1 + exp(-2|u|))²."""
    fall = np.exp(-2 * abs(u))
    return 4 * fall / (1 + fall) ** 2


@nnplug.activation
def hard_sigmoid_02(x: Any, *, slope: float = 0.2, offset: float = 0.5) -> Any:
    """Hard sigmoid with slope 0.2: min(1, max(0, slope·x + offset)) (Courbariaux et al., 2015,
    arXiv:1511.00363, section 2.3, with another slope).

    Differs from PyTorch and Keras 3, whose slope is 1/6: this is the one of
    ONNX and of Keras 2. The derivative is 0 at the lower kink.

    Examples
    --------
    >>> hard_sigmoid_02(np.array([-9.0, 0.0, 1.0, 9.0])).tolist()
    [0.0, 0.5, 0.7, 1.0]
    """
    return np.clip(slope * x + offset, 0, 1)


def _scaled_tanh_derivative(x: Any, y: Any, *, amplitude: float, slope: float) -> Any:
    return amplitude * slope * _tanh_slope(slope * x)


@nnplug.activation(aliases=("stanh", "lecun_tanh"), derivative=_scaled_tanh_derivative)
def scaled_tanh(x: Any, *, amplitude: float = 1.7159, slope: float = 2 / 3) -> Any:
    """Scaled tanh: 1.7159·tanh(2x/3) (LeCun et al., 1998, doi:10.1007/3-540-49430-8_2,
    section 4.4).

    It takes 1 to 1 and -1 to -1, nearly. Differs from Paddle, whose slope is 0.67.

    Examples
    --------
    >>> float(scaled_tanh(1.0).round(4)), float(scaled_tanh(100.0))
    (1.0, 1.7159)
    """
    return amplitude * np.tanh(slope * x)


def _rational_terms(x: Any) -> tuple[Any, Any, Any]:
    u = np.clip(x * (2 / 3), -1e6, 1e6)  # u⁴ stays finite in float32
    size = abs(u)
    return u, size, size * (1 + size * (1 + 1.41645 * (size * size)))


def _rational_tanh_derivative(x: Any, y: Any) -> Any:
    _, size, terms = _rational_terms(x)
    rise = 1 + size * (2 + 4 * 1.41645 * (size * size))
    return 1.7159 * (2 / 3) * (rise / (1 + terms)) / (1 + terms)


@nnplug.activation(derivative=_rational_tanh_derivative)
def rational_tanh(x: Any) -> Any:
    """Rational tanh: 1.7159·sign(u)·(1 - 1/(1 + |u| + u² + 1.41645·u⁴)), u = 2x/3.

    An approximation of `scaled_tanh` without exponentials (Kalinovskiy & Spitsyn,
    2015, arXiv:1508.01292), as Deeplearning4j has it.

    Examples
    --------
    >>> float(rational_tanh(0.0)), float(rational_tanh(1e9))
    (0.0, 1.7159)
    """
    u, size, terms = _rational_terms(x)
    return 1.7159 * u * ((1 + size * (1 + 1.41645 * (size * size))) / (1 + terms))


def _rectified_tanh_derivative(x: Any, y: Any) -> Any:
    return np.where(x > 0, _tanh_slope(x), 0)


@nnplug.activation(derivative=_rectified_tanh_derivative)
def rectified_tanh(x: Any) -> Any:
    """Rectified tanh: max(0, tanh(x)).

    No paper is known to introduce it; Deeplearning4j has it. The derivative at
    0 is 0.

    Examples
    --------
    >>> rectified_tanh(np.array([-2.0, 100.0])).tolist()
    [0.0, 1.0]
    """
    return np.maximum(np.tanh(x), 0)


def _penalized_tanh_derivative(x: Any, y: Any, *, slope: float) -> Any:
    rise = _tanh_slope(x)
    return np.where(x > 0, rise, slope * rise)


@nnplug.activation(derivative=_penalized_tanh_derivative)
def penalized_tanh(x: Any, *, slope: float = 0.25) -> Any:
    """Penalized tanh: tanh(x) for x > 0, else slope·tanh(x) (Xu, Huang & Li, 2016,
    arXiv:1602.05980).

    The derivative at 0 is `slope`.

    Examples
    --------
    >>> penalized_tanh(np.array([-100.0, 0.0, 100.0])).tolist()
    [-0.25, 0.0, 1.0]
    """
    y = np.tanh(x)
    return np.where(x > 0, y, slope * y)


def _isru_derivative(x: Any, y: Any, *, alpha: float) -> Any:
    return np.hypot(alpha**0.5 * x, 1) ** -3.0


@nnplug.activation(ranges={"alpha": "(0, inf)"}, derivative=_isru_derivative)
def isru(x: Any, *, alpha: float = 1.0) -> Any:
    """Inverse square root unit: x/√(1 + alpha·x²) (Carlile et al., 2017, arXiv:1710.09967).

    Parameters
    ----------
    alpha : float
        Above 0: the limits are ±1/√alpha.

    Examples
    --------
    >>> isru(np.array([-0.75, 0.0, 0.75])).tolist()
    [-0.6, 0.0, 0.6]
    """
    return x / np.hypot(alpha**0.5 * x, 1)


@nnplug.activation
def sqnl(x: Any) -> Any:
    """Square non-linearity: x - x·|x|/4 within ±2, ±1 beyond (Wuraola & Patel, 2018,
    doi:10.1109/IJCNN.2018.8489043).

    Examples
    --------
    >>> sqnl(np.array([-3.0, -1.0, 1.0, 3.0])).tolist()
    [-1.0, -0.75, 0.75, 1.0]
    """
    near = np.clip(x, -2, 2)
    return near * (1 - 0.25 * abs(near))


def _soft_clipping_derivative(x: Any, y: Any, *, alpha: float) -> Any:
    rise, fall = special.sigmoid(alpha * x), special.sigmoid(alpha * (1 - x))
    return rise * fall * -np.expm1(-alpha)


@nnplug.activation(ranges={"alpha": "(0, inf)"}, derivative=_soft_clipping_derivative)
def soft_clipping(x: Any, *, alpha: float = 0.5) -> Any:
    """Soft clipping: log((1 + exp(αx))/(1 + exp(α(x - 1))))/α (Klimek & Perelstein, 2018,
    arXiv:1810.11509).

    From 0 to 1, nearly linear in between. It is a difference of two softplus
    functions; above 1/2 it is 1 minus its mirror image, where that cancels less.

    Parameters
    ----------
    alpha : float
        Above 0: the larger, the sharper the corners.

    Examples
    --------
    >>> float(soft_clipping(0.5)), float(soft_clipping(1e9))
    (0.5, 1.0)
    """
    left = np.where(x > 0.5, 1 - x, x)
    share = (special.softplus(alpha * left) - special.softplus(alpha * (left - 1))) / alpha
    return np.where(x > 0.5, 1 - share, share)


@nnplug.activation(ranges={"gamma": "(0, inf)"}, gives="probabilities")
def smooth_step(x: Any, *, gamma: float = 1.0) -> Any:
    """Smooth step (Hazimeh et al., 2020, arXiv:2002.07772).

    0 up to -gamma/2, 1 from gamma/2 on, and in between the cubic
    -2x³/gamma³ + 3x/(2·gamma) + 1/2, here written with t = x/gamma + 1/2 as
    t²(3 - 2t).

    Examples
    --------
    >>> smooth_step(np.array([-1.0, -0.25, 0.0, 1.0])).tolist()
    [0.0, 0.15625, 0.5, 1.0]
    """
    t = np.clip(x / gamma + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


@nnplug.activation(aliases=("laplace_act",), ranges={"sigma": "(0, inf)"})
def laplace(x: Any, *, mu: float = 0.5**0.5, sigma: float = 0.28209479177387814) -> Any:
    """Laplace function: erfc((mu - x)/(sigma·√2))/2 (Ma et al., 2022, arXiv:2209.10655).

    The distribution function of a normal variable, near the squared relu around
    √2, but bounded. Differs from Hugging Face transformers, which rounds mu and
    sigma to six digits and adds 1 and erf, which cancels for small x.

    Parameters
    ----------
    mu, sigma : float
        √(1/2) and √(1/(4π)): value and slope at √2 are those of x²/2, nearly.

    Examples
    --------
    >>> float(laplace(0.0, mu=0.0)), float(laplace(100.0))
    (0.5, 1.0)
    """
    return 0.5 * special.erfc((mu - x) * (0.5**0.5 / sigma))


@nnplug.activation(gives="probabilities")
def probit(x: Any) -> Any:
    """Probit: the normal distribution function Φ(x) (Gomes & Ludermir, 2008,
    doi:10.1109/HIS.2008.40).

    Computed as erfc(-x/√2)/2. Differs from PyTorch's ndtr, which is 0 below
    -8.3. The equation was not checked against the paper.

    Examples
    --------
    >>> float(probit(0.0)), float(probit(100.0))
    (0.5, 1.0)
    """
    return 0.5 * special.erfc(x * (-(0.5**0.5)))


@nnplug.activation(gives="probabilities")
def log_log(x: Any) -> Any:
    """Log-log: exp(-exp(-x)) (Gomes & Ludermir, 2008, doi:10.1109/HIS.2008.40).

    Gumbel's distribution function. The equation was not checked against the paper.

    Examples
    --------
    >>> bool(np.isclose(log_log(0.0), np.exp(-1.0))), float(log_log(-100.0))
    (True, 0.0)
    """
    return np.exp(-np.exp(-np.maximum(x, -80)))  # exp(-exp(80)) is 0 in every dtype


@nnplug.activation(aliases=("cloglog",), gives="probabilities")
def complementary_log_log(x: Any) -> Any:
    """Complementary log-log: 1 - exp(-exp(x)) (Gomes & Ludermir, 2008, doi:10.1109/HIS.2008.40).

    The mirror image of `log_log`. The equation was not checked against the paper.

    Examples
    --------
    >>> float(complementary_log_log(np.log(np.log(2.0))).round(12))
    0.5
    """
    return -np.expm1(-np.exp(np.minimum(x, 80)))


def _dsilu_derivative(x: Any, y: Any) -> Any:
    rise, fall = special.sigmoid(x), special.sigmoid(-x)
    return rise * fall * (2 + x * (fall - rise))


@nnplug.activation(derivative=_dsilu_derivative)
def dsilu(x: Any) -> Any:
    """Derivative of silu: s·(1 + x·(1 - s)), s = sigmoid(x) (Elfwing, Uchibe & Doya, 2017,
    arXiv:1702.03118).

    A steeper sigmoid that overshoots: from -0.1 to 1.1.

    Examples
    --------
    >>> float(dsilu(0.0)), float(dsilu(100.0))
    (0.5, 1.0)
    """
    return special.sigmoid(x) * (1 + x * special.sigmoid(-x))


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
