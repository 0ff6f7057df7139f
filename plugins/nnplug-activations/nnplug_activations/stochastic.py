"""Activations that are random in training; outside it they are their mean, or nearly so."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
from nnplug import special
from nnplug.parts import Activation


@nnplug.activation
def rrelu(
    x: Any,
    noise: Any = nnplug.uniform("N", "C"),
    *,
    training: bool,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
) -> Any:
    """Randomized leaky ReLU (Xu, Wang, Chen & Li, 2015, arXiv:1505.00853, section 2.4).

    The slope below 0 is drawn for each number from [lower, upper) in training,
    and is (lower + upper)/2 outside it. The paper divides by numbers from 3 to 8;
    the bounds here multiply, as in PyTorch, whose defaults these are.

    Examples
    --------
    >>> rrelu(np.array([[-48.0, 3.0]])).tolist()
    [[-11.0, 3.0]]
    """
    slope = lower + (upper - lower) * noise if training else (lower + upper) / 2
    return np.where(x >= 0, x, slope * x)


@nnplug.activation(ranges={"alpha": "[0, 1]"})
def elastic_relu(
    x: Any,
    noise: Any = nnplug.uniform("N", "C"),
    *,
    training: bool,
    alpha: float = 0.2,
) -> Any:
    """Elastic ReLU (Jiang et al., 2018, doi:10.1016/j.neucom.2017.09.056).

    max(x, 0), times a number drawn from [1 - alpha, 1 + alpha) in training.
    The equation was not checked against the paper.

    Examples
    --------
    >>> elastic_relu(np.array([[-2.0, 3.0]])).tolist()
    [[0.0, 3.0]]
    """
    factor = 1 - alpha + 2 * alpha * noise if training else 1.0
    return factor * np.maximum(x, 0)


@nnplug.activation
def noisy_relu(x: Any, noise: Any = nnplug.normal("N", "C"), *, training: bool) -> Any:
    """Noisy ReLU: max(0, x + noise) (Nair & Hinton, 2010, ICML, section 2).

    The noise is normal with the variance sigmoid(x). Outside training it is left out.

    Examples
    --------
    >>> noisy_relu(np.array([[-2.0, 3.0]])).tolist()
    [[0.0, 3.0]]
    """
    return np.maximum(x + noise * np.sqrt(special.sigmoid(x)) if training else x, 0)


@nnplug.activation(ranges={"sigma": "[0, inf)"})
def rt_relu(
    x: Any,
    noise: Any = nnplug.normal("N", "C"),
    *,
    training: bool,
    sigma: float = 0.75,
) -> Any:
    """Randomly translated ReLU: max(x + a, 0), a normal with mean 0 (Cao et al., 2018,
    doi:10.1016/j.neucom.2017.09.031).

    The equation was not checked against the paper.

    Parameters
    ----------
    sigma : float
        Standard deviation of a; outside training a is 0.

    Examples
    --------
    >>> rt_relu(np.array([[-2.0, 3.0]])).tolist()
    [[0.0, 3.0]]
    """
    return np.maximum(x + sigma * noise if training else x, 0)


@nnplug.activation
def probact(
    x: Any,
    noise: Any = nnplug.normal("N", "C"),
    *,
    training: bool,
    sigma: float = nnplug.trainable(0.0),
) -> Any:
    """ProbAct: max(x, 0) + sigma·noise, the noise normal (Shridhar et al., 2019,
    arXiv:1905.10761).

    Differs from the paper outside training: there it draws as well, while this
    is the mean.

    Parameters
    ----------
    sigma : float
        Learned, one for each layer.

    Examples
    --------
    >>> probact(np.array([[-2.0, 3.0]])).tolist()
    [[0.0, 3.0]]
    """
    return np.maximum(x, 0) + (sigma * noise if training else 0.0)


@nnplug.activation(ranges={"tau": "(0, inf)"}, gives="probabilities")
def gumbel_sigmoid(
    x: Any, noise: Any = nnplug.uniform("N", "C"), *, training: bool, tau: float = 1.0
) -> Any:
    """Gumbel sigmoid, or binary concrete: sigmoid((x + l)/tau), l = log(u/(1 - u)) (Maddison, Mnih
    & Teh, 2016, arXiv:1611.00712, appendix B).

    u is uniform, held between 1e-7 and 1 - 1e-7. Outside training there is no l.

    Parameters
    ----------
    tau : float
        Temperature, above 0.

    Examples
    --------
    >>> gumbel_sigmoid(np.array([[0.0]])).tolist()
    [[0.5]]
    """
    if training:
        u = np.clip(noise, 1e-7, 1 - 1e-7)
        x = x + np.log(u / (1 - u))
    return special.sigmoid(x / tau)


@nnplug.activation(ranges={"tau": "(0, inf)"}, gives="probabilities")
def gumbel_softmax(
    x: Any,
    noise: Any = nnplug.uniform("N", "C"),
    *,
    training: bool,
    tau: float = 1.0,
    hard: bool = False,
) -> Any:
    """Gumbel softmax: softmax((x + g)/tau), g = -log(-log(u)) (Jang, Gu & Poole, 2016,
    arXiv:1611.01144, eq. 2).

    u is uniform, held between 1e-7 and 1 - 1e-7. Outside training there is no g.
    Differs from PyTorch, which adds g there too.

    Parameters
    ----------
    tau : float
        Temperature, above 0.
    hard : bool
        Give 1 for the largest share and 0 for the others, with the derivative
        of the shares themselves: the straight-through estimator.

    Examples
    --------
    >>> gumbel_softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    if training:
        u = np.clip(noise, 1e-7, 1 - 1e-7)
        x = x - np.log(-np.log(u))
    shares = special.softmax(x / tau)
    if not hard:
        return shares
    largest = np.where(shares == np.max(shares, axis=-1, keepdims=True), 1.0, 0.0)
    # A rounded number has the derivative 0: only the first summand has one.
    return shares + (largest - np.round(shares * 2.0**53) * 2.0**-53)


@nnplug.hookimpl
def register_activations(register: Any) -> None:
    """Register every activation of this module."""
    for part in [value for value in globals().values() if isinstance(value, Activation)]:
        register(part)
