"""Layers around layers: ways to add what they give to what they are given.

Letters: N rows, D inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from nnplug import hookimpl, layer, parameter, special, uniform
from nnplug.parts import Layer


@layer(aliases=("skip_init",))
def rezero(x: Any, size: Any = parameter(start=0), *, inner: Any) -> Any:
    """ReZero: x + α·inner(x), with α = 0 at first (Bachlechner et al., 2020, arXiv:2003.04887,
    equation 1).

    SkipInit (De & Smith, 2020, arXiv:2002.10444) has the same formula.

    The equation was not checked against the paper.

    Examples
    --------
    >>> rezero(np.ones(2), 0.5, inner=lambda x: 2 * x)
    array([2., 2.])
    """
    return x + size * inner(x)


@layer
def layer_scale(
    x: Any, size: Any = parameter("D", start=1), *, inner: Any, scale: float = 0.1
) -> Any:
    """LayerScale: x + λ·inner(x), a small λ for each input (Touvron et al., 2021, arXiv:2103.17239,
    equation 4).

    Parameters
    ----------
    scale : float
        What every λ starts from; λ is learned as a multiple of it. The paper has
        0.1 for networks of 18 layers, 1e-5 for 24 and 1e-6 for more.

    Examples
    --------
    >>> layer_scale(np.ones(2), np.ones(2), inner=lambda x: 10 * x)
    array([2., 2.])
    """
    return x + scale * size * inner(x)


@layer(ranges={"rate": "[0, 1)"})
def stochastic_depth(
    x: Any, noise: Any = uniform(1), *, inner: Any, training: bool, rate: float = 0.2
) -> Any:
    """Stochastic depth: in a step all of inner is left out, or none (Huang et al., 2016,
    arXiv:1603.09382, equations 2 and 5).

    Outside training inner(x) is multiplied by the probability that it is kept,
    1 - rate. Differs from torchvision, which divides by it in training: the
    weights that are learned are 1 - rate times as large.

    The equation was not checked against the paper.

    Examples
    --------
    >>> kept = stochastic_depth(np.ones(1), np.array([0.9]), inner=lambda x: 2 * x, training=True)
    >>> mean = stochastic_depth(np.ones(1), None, inner=lambda x: 2 * x, training=False)
    >>> kept, mean
    (array([3.]), array([2.6]))
    """
    return x + (np.where(noise >= rate, 1.0, 0.0) if training else 1 - rate) * inner(x)


@layer(ranges={"rate": "[0, 1)"})
def drop_path(
    x: Any, noise: Any = uniform("N", 1), *, inner: Any, training: bool, rate: float = 0.2
) -> Any:
    """Stochastic depth for each row by itself (Huang et al., 2016, arXiv:1603.09382, equation 2;
    Larsson et al., 2016, arXiv:1605.07648, section 2.2).

    What is kept is divided by 1 - rate, as torchvision's StochasticDepth(mode="row").

    The equation was not checked against the paper.

    Examples
    --------
    >>> noise = np.array([[0.1], [0.9]])
    >>> drop_path(np.ones((2, 1)), noise, inner=lambda x: 4 * x, training=True)
    array([[1.],
           [6.]])
    """
    return x + (np.where(noise >= rate, 1 / (1 - rate), 0.0) if training else 1.0) * inner(x)


def _layer_norm(x: Any, gain: Any, shift: Any, epsilon: float) -> Any:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    return gain * (centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + epsilon)) + shift


_GAIN, _SHIFT = parameter("D", start=1), parameter("D", start=0)


@layer(ranges={"epsilon": "(0, inf)"})
def deep_norm(
    x: Any, gain: Any = _GAIN, shift: Any = _SHIFT, *, inner: Any, alpha: float = 1.0,
    epsilon: float = 1e-5,
) -> Any:  # fmt: skip
    """Post-norm residual: norm(α·x + inner(x)) (Wang et al., 2022, arXiv:2203.00555, section 3.1).

    With α = 1, the default, that of the first transformers (Vaswani et al.,
    2017, arXiv:1706.03762, section 3.1); DeepNorm has α = (2L)^(1/4) for an
    encoder of L layers.

    The equation was not checked against the paper.

    Examples
    --------
    >>> deep_norm(np.array([[1.0, 3.0]]), 1.0, 0.0, inner=lambda x: 10 * x).round(3)
    array([[-1.,  1.]])
    """
    return _layer_norm(alpha * x + inner(x), gain, shift, epsilon)


@layer
def highway_around(
    x: Any,
    gate: Any = parameter("D", "D"),
    gate_bias: Any = parameter("D", start=-2),
    *,
    inner: Any,
) -> Any:
    """A highway around layers: inner(x)·T + x·(1 - T), T = σ(x·V + c) (Srivastava, Greff &
    Schmidhuber, 2015, arXiv:1505.00387, equation 3).

    The equation was not checked against the paper.

    Examples
    --------
    >>> highway_around(np.ones((1, 1)), np.zeros((1, 1)), np.zeros(1), inner=lambda x: 3 * x)
    array([[2.]])
    """
    carry = special.sigmoid(-(x @ gate + gate_bias))
    new = inner(x)
    return new + (x - new) * carry


@hookimpl
def register_layers(register: Any) -> None:
    """Register every layer of this module."""
    for part in [value for value in globals().values() if isinstance(value, Layer)]:
        register(part)
