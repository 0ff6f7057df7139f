"""The built-in activations.

The gated units `glu` and `swiglu` have weights of their own: they are layers,
in `nnplug.builtin.layers`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug import special
from nnplug.hookspecs import hookimpl
from nnplug.parts import Activation, Part, activation, parameter

_SQRT_2 = 2**0.5
_SQRT_2_OVER_PI = (2 / np.pi) ** 0.5


@activation(aliases=("linear", "none"))
def identity(x: Any) -> Any:
    """Identity: x.

    Examples
    --------
    >>> float(identity(3.0))
    3.0
    """
    return x


@activation(
    aliases=("exp",),
    expected_failures={"finite": "the exponential of 1e4 is larger than any float"},
)
def exponential(x: Any) -> Any:
    """Exponential: exp(x), infinite above 709 in float64 and above 88 in float32.

    As an output activation it makes predictions positive. A loss with a log
    link, such as `poisson_nll`, does that without overflow in training.

    Examples
    --------
    >>> float(exponential(0.0))
    1.0
    """
    return np.exp(x)


@activation(aliases=("logistic",), gives="probabilities")
def sigmoid(x: Any) -> Any:
    """Logistic sigmoid: 1 / (1 + exp(-x)), in (0, 1).

    Its derivative is y·(1 - y), from the output alone. Correct, and without
    warnings, at any magnitude.

    Examples
    --------
    >>> float(sigmoid(0.0))
    0.5
    """
    return special.sigmoid(x)


@activation(aliases=("logsigmoid",), gives="log_probabilities")
def log_sigmoid(x: Any) -> Any:
    """Logarithm of the logistic sigmoid: -log(1 + exp(-x)), at most 0.

    Computed as -logaddexp(-x, 0), precise and finite at any magnitude; its
    derivative is sigmoid(-x).

    Examples
    --------
    >>> float(log_sigmoid(-1000.0))
    -1000.0
    """
    return special.log_sigmoid(x)


@activation(aliases=("hardsigmoid",), gives="probabilities")
def hard_sigmoid(x: Any) -> Any:
    """Hard sigmoid, relu6(x + 3) / 6 (Howard et al., 2019, arXiv:1905.02244, section 5.2).

    A line from 0 at -3 to 1 at 3. The derivative is 0 at -3 and 1/6 at 3, the
    one from the left; PyTorch has 0 at both. ONNX's slope is 0.2 by default.

    Examples
    --------
    >>> hard_sigmoid(np.array([-4.0, 0.0, 1.5, 4.0])).tolist()
    [0.0, 0.5, 0.75, 1.0]
    """
    return np.clip(x + 3, 0, 6) / 6


@activation
def tanh(x: Any) -> Any:
    """Hyperbolic tangent, in (-1, 1); its derivative is 1 - y².

    Examples
    --------
    >>> float(tanh(0.0))
    0.0
    """
    return np.tanh(x)


@activation(aliases=("hardtanh",))
def hard_tanh(x: Any, *, low: float = -1.0, high: float = 1.0) -> Any:
    """Hard tanh: x between two bounds, else the nearer one (Collobert et al., 2011, JMLR 12).

    The equation was not checked against the paper, arXiv:1103.0398. The
    derivative is 0 at `low` and 1 at `high`, the one from the left; PyTorch has
    0 at both, JAX 1.

    Parameters
    ----------
    low, high : float
        The bounds; -1 and 1 as in PyTorch. JAX and Keras have no others.

    Examples
    --------
    >>> hard_tanh(np.array([-2.0, 0.5, 3.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    return np.clip(x, low, high)


@activation(aliases=("soft_sign",), derivative=lambda x, y: 1 / (1 + abs(x)) ** 2)
def softsign(x: Any) -> Any:
    """Softsign: x / (1 + |x|), in (-1, 1) (Glorot & Bengio, 2010, AISTATS, section 3).

    Its derivative, 1 / (1 + |x|)², is computed from x: derived from the
    quotient it would cancel far from 0.

    Examples
    --------
    >>> softsign(np.array([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """
    return x / (1 + abs(x))


@activation
def relu(x: Any) -> Any:
    """Rectified linear unit: max(x, 0) (Nair & Hinton, 2010, ICML).

    The derivative at 0 is 0, as in PyTorch and JAX. NaN stays NaN.

    Examples
    --------
    >>> relu(np.array([-2.0, 3.0])).tolist()
    [0.0, 3.0]
    """
    return np.maximum(x, 0)


@activation
def relu6(x: Any) -> Any:
    """Rectified linear unit of at most 6: min(max(x, 0), 6) (Krizhevsky, 2010).

    From the technical report Convolutional Deep Belief Networks on CIFAR-10,
    whose equation was not checked. The derivative is 0 at 0 and 1 at 6, the one
    from the left; PyTorch and JAX have 0 at both.

    Examples
    --------
    >>> relu6(np.array([-2.0, 3.0, 8.0])).tolist()
    [0.0, 3.0, 6.0]
    """
    return np.clip(x, 0, 6)


@activation
def leaky_relu(x: Any, *, slope: float = 0.01) -> Any:
    """Leaky rectified linear unit (Maas, Hannun & Ng, 2013, ICML workshop).

    x for x > 0, else slope·x. The derivative at 0 is `slope`, as in PyTorch.

    Parameters
    ----------
    slope : float
        Below zero; 0.01 as in PyTorch and JAX (Keras 3 has 0.2).

    Examples
    --------
    >>> leaky_relu(np.array([-2.0, 3.0])).tolist()
    [-0.02, 3.0]
    """
    return np.where(x > 0, x, slope * x)


@activation
def prelu(x: Any, slope: Any = parameter("C", start=0.25)) -> Any:
    """Parametric rectified linear unit (He, Zhang, Ren & Sun, 2015, arXiv:1502.01852, eq. 1).

    x for x > 0, else a·x, where a is learned for each unit. It starts from 0.25
    and penalties do not count it, as in the paper. The derivative at 0 is a.
    PyTorch starts from 0.25 too, Keras from 0; PyTorch has one slope for all
    units unless told their number.

    Examples
    --------
    >>> prelu(np.array([[-2.0, 3.0]])).tolist()
    [[-0.5, 3.0]]
    """
    return np.where(x > 0, x, slope * x)


@activation
def elu(x: Any, *, alpha: float = 1.0) -> Any:
    """Exponential linear unit (Clevert, Unterthiner & Hochreiter, 2015, arXiv:1511.07289, eq. 15).

    x for x > 0, else alpha·(exp(x) - 1), as expm1 of min(x, 0): precise near
    0 and free of overflow. The derivative at 0 is `alpha`.

    Parameters
    ----------
    alpha : float
        The limit at minus infinity is -alpha.

    Examples
    --------
    >>> elu(np.array([-1000.0, 3.0])).tolist()
    [-1.0, 3.0]
    """
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@activation(ranges={"alpha": "(0, inf)"})
def celu(x: Any, *, alpha: float = 1.0) -> Any:
    """Continuously differentiable exponential linear unit (Barron, 2017, arXiv:1704.07483, eq. 3).

    x for x > 0, else alpha·(exp(x / alpha) - 1), whose derivative at 0 is 1
    for any alpha; for alpha 1 it is `elu`.

    Parameters
    ----------
    alpha : float
        The limit at minus infinity is -alpha.

    Examples
    --------
    >>> celu(np.array([-1000.0, 3.0]), alpha=2.0).tolist()
    [-2.0, 3.0]
    """
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


@activation
def selu(x: Any) -> Any:
    """Scaled exponential linear unit (Klambauer et al., 2017, arXiv:1706.02515, eq. 2).

    scale·elu(x, alpha) with the constants of the paper's appendix, for which
    a layer's outputs keep mean 0 and variance 1. Meant for `lecun_normal`.

    Examples
    --------
    >>> float(selu(1.0))
    1.0507009873554805
    """
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@activation
def softplus(x: Any) -> Any:
    """Softplus: log(1 + exp(x)) (Dugas et al., 2001, NIPS 13).

    Computed as logaddexp(x, 0), at any magnitude; its derivative is sigmoid(x).
    PyTorch returns x itself above 20, which differs by at most 2.1e-9.

    Examples
    --------
    >>> float(softplus(1000.0))
    1000.0
    """
    return special.softplus(x)


@activation(aliases=("swish",))
def silu(x: Any) -> Any:
    """Sigmoid linear unit: x·sigmoid(x) (Elfwing, Uchibe & Doya, 2017, arXiv:1702.03118, eq. 1).

    Also called swish (arXiv:1710.05941) with beta = 1.

    Examples
    --------
    >>> float(silu(0.0))
    0.0
    """
    return x * special.sigmoid(x)


@activation(aliases=("hardswish", "hard_silu"))
def hard_swish(x: Any) -> Any:
    """Hard swish, x·relu6(x + 3) / 6 (Howard et al., 2019, arXiv:1905.02244, section 5.2).

    The derivative is 0 at -3 and 1.5 at 3, the one from the left. PyTorch has
    0 and 1.

    Examples
    --------
    >>> hard_swish(np.array([-4.0, 1.0, 4.0])).round(6).tolist()
    [-0.0, 0.666667, 4.0]
    """
    return x * (np.clip(x + 3, 0, 6) / 6)


@activation
def mish(x: Any) -> Any:
    """Mish: x·tanh(softplus(x)) (Misra, 2019, arXiv:1908.08681, eq. 1).

    Smooth, least at -1.19, where it is -0.31. With a stable softplus its value
    keeps its precision in the left tail.

    Examples
    --------
    >>> float(mish(0.0))
    0.0
    """
    return x * np.tanh(special.softplus(x))


@activation
def gelu(x: Any) -> Any:
    """Gaussian error linear unit (Hendrycks & Gimpel, 2016, arXiv:1606.08415, eq. 1).

    x·Φ(x) with Φ the normal distribution, as x/2·erfc(-x/√2), which keeps
    its precision for large negative x, where 1 + erf cancels.

    Examples
    --------
    >>> float(gelu(0.0))
    0.0
    """
    return 0.5 * x * special.erfc(x * (-1 / _SQRT_2))


@activation(aliases=("gelu_new",))
def gelu_tanh(x: Any) -> Any:
    """GELU by its tanh approximation (Hendrycks & Gimpel, 2016, arXiv:1606.08415, section 2).

    x/2·(1 + tanh(u)) with u = √(2/π)·(x + 0.044715·x³), written as
    x·sigmoid(2u), the same number without cancellation. It differs from
    `gelu` by at most 4.8e-4.

    Examples
    --------
    >>> float(gelu_tanh(0.0))
    0.0
    """
    near = np.clip(x, -100, 100)  # x³ stays small; the sigmoid is 0 or 1 beyond
    u = _SQRT_2_OVER_PI * near * (1 + 0.044715 * (near * near))
    return x * special.sigmoid(2 * u)


@activation(gives="probabilities")
def softmax(x: Any) -> Any:
    """Softmax over each row: exp(x) / sum(exp(x)) (Bridle, 1990, NIPS 2).

    The outputs of a row lie in (0, 1) and sum to 1.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    return special.softmax(x)


@activation(gives="log_probabilities")
def log_softmax(x: Any) -> Any:
    """Logarithm of softmax over each row: x - log(sum(exp(x))).

    Examples
    --------
    >>> log_softmax(np.array([[0.0, -1000.0]])).tolist()
    [[0.0, -1000.0]]
    """
    return special.log_softmax(x)


@hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        assert isinstance(part, Activation)
        register(part)
